//! What can be sold, and by whom.

use salient_core::{Reason, TenantId};
use salient_proto::{
    common::v1::BatchResult,
    recommendation::v1::{
        GetProductRequest, GetSellerRequest, ListProductsRequest, ListSellersRequest, Product, Seller,
        UpsertProductsRequest, UpsertSellersRequest,
    },
};
use salient_recommendation::{catalogue, store::catalogue as stored};
use tonic::Code;

use crate::world::{World, both, request_id, why};

both!(products, sellers, a_mask_changes_what_it_names, two_masks_at_once, a_repeated_batch, lists);

fn product(id: &str) -> Product {
    Product {
        name: format!("products/{id}"),
        display_name: format!("The {id}"),
        category: "bags".into(),
        blocked: false,
    }
}

fn seller(id: &str) -> Seller {
    Seller {
        name: format!("sellers/{id}"),
        display_name: format!("Seller {id}"),
        territories: vec!["t".into()],
        capacity: 5,
    }
}

fn batch(products: Vec<Product>, mask: &[&str]) -> UpsertProductsRequest {
    let update_mask = (!mask.is_empty())
        .then(|| prost_types::FieldMask { paths: mask.iter().map(ToString::to_string).collect() });
    UpsertProductsRequest { request_id: request_id(), products, update_mask }
}

async fn upsert(world: &World, request: UpsertProductsRequest) -> BatchResult {
    world.catalogue("acme").upsert_products(request).await.unwrap().into_inner().result.unwrap()
}

async fn read(world: &World, id: &str) -> Product {
    let request = GetProductRequest { name: format!("products/{id}") };
    world.catalogue("acme").get_product(request).await.unwrap().into_inner().product.unwrap()
}

fn counts(result: &BatchResult) -> (i32, i32, i32, usize) {
    (result.created, result.updated, result.unchanged, result.errors.len())
}

async fn products(world: &World) {
    // a bad record is refused by itself
    let nameless = Product { display_name: String::new(), ..product("b") };
    let misnamed = Product { name: "product/c".into(), ..product("c") };
    let result = upsert(world, batch(vec![product("a"), nameless, misnamed, product("d")], &[])).await;
    assert_eq!(counts(&result), (2, 0, 0, 2));
    let errors: Vec<_> = result
        .errors
        .iter()
        .map(|error| (error.index, error.field.as_str(), error.reason.as_str()))
        .collect();
    assert_eq!(errors, [(1, "display_name", "FIELD_INVALID"), (2, "name", "FIELD_INVALID")]);
    assert_eq!(read(world, "d").await, product("d"));
    let missing = GetProductRequest { name: "products/b".into() };
    let refused = why(world.catalogue("acme").get_product(missing).await);
    assert_eq!(refused, (Code::NotFound, Reason::ResourceUnknown));

    // once more, and changed; of one id in a batch the last stands
    let blocked = Product { blocked: true, ..product("d") };
    let result =
        upsert(world, batch(vec![product("a"), blocked.clone(), product("e"), product("e")], &[])).await;
    assert_eq!(counts(&result), (1, 1, 2, 0));
    assert_eq!(read(world, "d").await, blocked);
    let none = world.catalogue("acme").upsert_products(batch(vec![], &[])).await;
    assert_eq!(why(none), (Code::InvalidArgument, Reason::FieldInvalid));
}

async fn sellers(world: &World) {
    let mut client = world.catalogue("acme");
    let upsert = |sellers| UpsertSellersRequest { request_id: request_id(), sellers, update_mask: None };
    let tireless = Seller { capacity: 101, ..seller("b") };
    let usual = Seller { capacity: 0, ..seller("c") };
    let response =
        client.upsert_sellers(upsert(vec![seller("a"), tireless, usual])).await.unwrap().into_inner();
    let result = response.result.unwrap();
    assert_eq!(counts(&result), (2, 0, 0, 1));
    assert_eq!((result.errors[0].index, result.errors[0].field.as_str()), (1, "capacity"));
    let mut get = async |id: &str| {
        let request = GetSellerRequest { name: format!("sellers/{id}") };
        client.get_seller(request).await.map(|response| response.into_inner().seller.unwrap())
    };
    assert_eq!(get("a").await.unwrap(), seller("a"));
    assert_eq!(get("c").await.unwrap().capacity, 10);
    assert_eq!(why(get("b").await), (Code::NotFound, Reason::ResourceUnknown));
}

async fn two_masks_at_once(world: &World) {
    upsert(world, batch(vec![product("a")], &[])).await;
    let (db, tenant) = (world.db().await, TenantId::try_from("acme").unwrap());
    let mut blocking = db.begin().await.unwrap();
    let known = stored::products_in_tx(&mut blocking, &tenant, &["a"]).await.unwrap();
    let blocked = catalogue::Product { blocked: true, ..known["a"].clone() };
    stored::put_products_in_tx(&mut blocking, &tenant, &[blocked]).await.unwrap();
    let renamed = Product { display_name: "Other".into(), ..product("a") };
    let renaming = async { drop(upsert(world, batch(vec![renamed.clone()], &["display_name"])).await) };
    world.commit_beside(&db, blocking, renaming).await;
    assert_eq!(read(world, "a").await, Product { blocked: true, ..renamed });
    db.close().await;
}

async fn a_mask_changes_what_it_names(world: &World) {
    upsert(world, batch(vec![product("a"), product("b")], &[])).await;
    // the fields that are not named need not be there
    let bare = |id: &str| Product { name: format!("products/{id}"), blocked: true, ..Product::default() };
    let result = upsert(world, batch(vec![bare("a"), bare("new")], &["blocked"])).await;
    assert_eq!(counts(&result), (0, 1, 0, 1));
    assert_eq!((result.errors[0].index, result.errors[0].field.as_str()), (1, "display_name"));
    assert_eq!(read(world, "a").await, Product { blocked: true, ..product("a") });
    let renamed = Product { display_name: "Other".into(), category: "other".into(), ..product("b") };
    assert_eq!(counts(&upsert(world, batch(vec![renamed], &["category"])).await), (0, 1, 0, 0));
    assert_eq!(read(world, "b").await, Product { category: "other".into(), ..product("b") });
    let unknown = world.catalogue("acme").upsert_products(batch(vec![product("a")], &["price"])).await;
    assert_eq!(why(unknown), (Code::InvalidArgument, Reason::FieldMaskInvalid));
}

async fn a_repeated_batch(world: &World) {
    let mut client = world.catalogue("acme");
    let request = batch(vec![product("a")], &[]);
    let first = client.upsert_products(request.clone()).await.unwrap().into_inner();
    assert_eq!(client.upsert_products(request.clone()).await.unwrap().into_inner(), first);
    let other = UpsertProductsRequest { products: vec![product("b")], ..request };
    assert_eq!(why(client.upsert_products(other).await), (Code::AlreadyExists, Reason::RequestIdReused));
}

async fn lists(world: &World) {
    let mut records: Vec<Product> = ["a", "b", "c", "d", "e"].map(product).to_vec();
    records[1].category = "cups".into();
    records[3].blocked = true;
    upsert(world, batch(records.clone(), &[])).await;
    let mut client = world.catalogue("acme");
    let mut seen = Vec::new();
    let mut request = ListProductsRequest { page_size: 2, ..Default::default() };
    loop {
        let page = client.list_products(request.clone()).await.unwrap().into_inner();
        seen.extend(page.products);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen, records);
    let wandering = ListProductsRequest { filter: "category = bags".into(), ..request };
    assert_eq!(why(client.list_products(wandering).await), (Code::InvalidArgument, Reason::PageTokenInvalid));
    for (filter, ids) in [
        ("category = cups", vec!["b"]),
        ("blocked = true", vec!["d"]),
        ("display_name : \"The c\"", vec!["c"]),
        ("category = bags AND blocked = false", vec!["a", "c", "e"]),
    ] {
        let request = ListProductsRequest { filter: filter.into(), ..Default::default() };
        let found = client.list_products(request).await.unwrap().into_inner().products;
        let names: Vec<_> =
            found.iter().map(|product| product.name.trim_start_matches("products/")).collect();
        assert_eq!(names, ids, "{filter}");
    }
    let wrong = ListProductsRequest { filter: "price > 1".into(), ..Default::default() };
    assert_eq!(why(client.list_products(wrong).await), (Code::InvalidArgument, Reason::FilterInvalid));
    let sellers = vec![seller("a"), seller("b")];
    let request = UpsertSellersRequest { request_id: request_id(), sellers, update_mask: None };
    client.upsert_sellers(request).await.unwrap();
    let request = ListSellersRequest { filter: "display_name = \"Seller b\"".into(), ..Default::default() };
    assert_eq!(client.list_sellers(request).await.unwrap().into_inner().sellers, [seller("b")]);
}
