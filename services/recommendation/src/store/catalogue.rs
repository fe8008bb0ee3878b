//! Products and sellers.

use std::collections::{HashMap, HashSet};

use salient_core::{ProductId, SellerId, TenantId, filter::Term};
use salient_store::{Connection, Error, FilterColumn, Result, Rows, Tx, sql};

use crate::catalogue::{Product, Seller};

type ProductRow = (String, String, String, bool);
type SellerRow = (String, String, String, i64);

const PRODUCT_COLUMNS: &[FilterColumn] = &[
    FilterColumn::plain("category", "category"),
    FilterColumn::plain("display_name", "display_name"),
    FilterColumn::plain("blocked", "blocked"),
];
const SELLER_COLUMNS: &[FilterColumn] = &[FilterColumn::plain("display_name", "display_name")];

fn product((id, display_name, category, blocked): ProductRow) -> Result<Product> {
    let id = ProductId::try_new(&id)
        .map_err(|error| Error::inconsistent("products", "product", &id, error.to_string()))?;
    Ok(Product { id, display_name, category, blocked })
}

fn seller((id, display_name, territories, capacity): SellerRow) -> Result<Seller> {
    let broken = |column, detail: String| Error::inconsistent("sellers", column, &id, detail);
    Ok(Seller {
        display_name,
        territories: serde_json::from_str(&territories)
            .map_err(|error| broken("territories", error.to_string()))?,
        capacity: u32::try_from(capacity).map_err(|error| broken("capacity", error.to_string()))?,
        id: SellerId::try_new(&id).map_err(|error| broken("seller", error.to_string()))?,
    })
}

/// The named products that exist; nobody else changes them until the transaction ends.
pub async fn products_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    ids: &[&str],
) -> Result<HashMap<String, Product>> {
    let rows: Vec<ProductRow> = sql("select p.product, p.display_name, p.category, p.blocked from products p
         join {rows} on rows.id = p.product where p.tenant = $1 order by p.product {for_update}")
    .bind(tenant)
    .rows(Rows::new().text("id", ids.iter().copied()))
    .fetch_all(tx)
    .await?;
    rows.into_iter()
        .map(|row| product(row).map(|product| (product.id.as_str().to_owned(), product)))
        .collect()
}

/// Writes products, whole.
pub async fn put_products_in_tx(tx: &mut Tx, tenant: &TenantId, products: &[Product]) -> Result<()> {
    sql("insert into products (tenant, product, display_name, category, blocked)
         select $1, id, display_name, category, blocked from {rows} where true
         on conflict (tenant, product) do update set
            display_name = excluded.display_name, category = excluded.category, blocked = excluded.blocked")
    .bind(tenant)
    .rows(
        Rows::new()
            .text("id", products.iter().map(|product| product.id.as_str()))
            .text("display_name", products.iter().map(|product| product.display_name.as_str()))
            .text("category", products.iter().map(|product| product.category.as_str()))
            .bool("blocked", products.iter().map(|product| product.blocked)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// One product.
pub async fn product_by_id(
    conn: &mut impl Connection,
    tenant: &TenantId,
    id: &ProductId,
) -> Result<Option<Product>> {
    let row = sql(
        "select product, display_name, category, blocked from products where tenant = $1 and product = $2",
    )
    .bind(tenant)
    .bind(id.as_str())
    .fetch_optional(conn)
    .await?;
    row.map(product).transpose()
}

/// Products by id, after `after`.
pub async fn list_products(
    conn: &mut impl Connection,
    tenant: &TenantId,
    filter: Vec<Term>,
    after: Option<String>,
    limit: i64,
) -> Result<Vec<Product>> {
    let rows: Vec<ProductRow> = sql("select product, display_name, category, blocked from products
         where tenant = $1 and product > $2 and {filter} order by product limit $3")
    .bind(tenant)
    .bind(after.unwrap_or_default())
    .bind(limit)
    .filter(filter, PRODUCT_COLUMNS)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(product).collect()
}

/// Every product of a tenant.
pub async fn all_products(conn: &mut impl Connection, tenant: &TenantId) -> Result<HashMap<String, Product>> {
    let rows: Vec<ProductRow> =
        sql("select product, display_name, category, blocked from products where tenant = $1")
            .bind(tenant)
            .fetch_all(conn)
            .await?;
    rows.into_iter()
        .map(|row| product(row).map(|product| (product.id.as_str().to_owned(), product)))
        .collect()
}

/// Products that must not be recommended.
pub async fn blocked_products(conn: &mut impl Connection, tenant: &TenantId) -> Result<HashSet<ProductId>> {
    let rows: Vec<ProductRow> =
        sql("select product, display_name, category, blocked from products where tenant = $1 and blocked")
            .bind(tenant)
            .fetch_all(conn)
            .await?;
    rows.into_iter().map(|row| product(row).map(|product| product.id)).collect()
}

/// The named sellers that exist; nobody else changes them until the transaction ends.
pub async fn sellers_in_tx(tx: &mut Tx, tenant: &TenantId, ids: &[&str]) -> Result<HashMap<String, Seller>> {
    let rows: Vec<SellerRow> =
        sql("select s.seller, s.display_name, s.territories, s.capacity from sellers s
         join {rows} on rows.id = s.seller where s.tenant = $1 order by s.seller {for_update}")
        .bind(tenant)
        .rows(Rows::new().text("id", ids.iter().copied()))
        .fetch_all(tx)
        .await?;
    rows.into_iter().map(|row| seller(row).map(|seller| (seller.id.as_str().to_owned(), seller))).collect()
}

/// Writes sellers, whole.
pub async fn put_sellers_in_tx(tx: &mut Tx, tenant: &TenantId, sellers: &[Seller]) -> Result<()> {
    let territories: Vec<String> =
        sellers.iter().map(|seller| serde_json::json!(seller.territories).to_string()).collect();
    sql("insert into sellers (tenant, seller, display_name, territories, capacity)
         select $1, id, display_name, territories, capacity from {rows} where true
         on conflict (tenant, seller) do update set display_name = excluded.display_name,
            territories = excluded.territories, capacity = excluded.capacity")
    .bind(tenant)
    .rows(
        Rows::new()
            .text("id", sellers.iter().map(|seller| seller.id.as_str()))
            .text("display_name", sellers.iter().map(|seller| seller.display_name.as_str()))
            .text("territories", territories.iter().map(String::as_str))
            .int("capacity", sellers.iter().map(|seller| i64::from(seller.capacity))),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// One seller.
pub async fn seller_by_id(
    conn: &mut impl Connection,
    tenant: &TenantId,
    id: &SellerId,
) -> Result<Option<Seller>> {
    let row = sql(
        "select seller, display_name, territories, capacity from sellers where tenant = $1 and seller = $2",
    )
    .bind(tenant)
    .bind(id.as_str())
    .fetch_optional(conn)
    .await?;
    row.map(seller).transpose()
}

/// Sellers by id, after `after`.
pub async fn list_sellers(
    conn: &mut impl Connection,
    tenant: &TenantId,
    filter: Vec<Term>,
    after: Option<String>,
    limit: i64,
) -> Result<Vec<Seller>> {
    let rows: Vec<SellerRow> = sql("select seller, display_name, territories, capacity from sellers
         where tenant = $1 and seller > $2 and {filter} order by seller limit $3")
    .bind(tenant)
    .bind(after.unwrap_or_default())
    .bind(limit)
    .filter(filter, SELLER_COLUMNS)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(seller).collect()
}
