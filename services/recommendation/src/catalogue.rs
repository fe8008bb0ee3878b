//! What can be sold, and by whom.

use std::collections::HashMap;

use salient_core::{Clock, Mask, ProductId, Reason, Result, SellerId, TenantId};
use salient_proto::{
    common::v1::{BatchResult, RecordError},
    recommendation::v1 as pb,
};
use salient_store::{Db, Tx, idempotency};

use crate::{plans, store};

/// Recommendations a day for a seller who has not said otherwise.
pub const DEFAULT_CAPACITY: i32 = 10;

/// Something that can be sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// The caller's own code.
    pub id: ProductId,
    /// What people call it.
    pub display_name: String,
    /// Category.
    pub category: String,
    /// Must not be recommended.
    pub blocked: bool,
}

/// Somebody who contacts accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seller {
    /// The caller's own id.
    pub id: SellerId,
    /// The person's name.
    pub display_name: String,
    /// Whose accounts are the seller's book.
    pub territories: Vec<String>,
    /// Recommendations a day.
    pub capacity: u32,
}

/// Creates or updates products; bad records are reported, the others stand.
///
/// # Errors
/// The field mask names an unknown field, or the request id was used with another body.
pub async fn upsert_products(
    db: &Db,
    clock: &Clock,
    tenant: &TenantId,
    request: pb::UpsertProductsRequest,
) -> Result<pb::UpsertProductsResponse> {
    let mask = mask(request.update_mask.as_ref(), &["display_name", "category", "blocked"])?;
    let mut tx = db.begin().await?;
    const METHOD: &str = "UpsertProducts";
    if let Some(answer) = replayed(&mut tx, tenant, METHOD, &request.request_id, &request).await? {
        return Ok(answer);
    }
    let ids: Vec<&str> = request.products.iter().map(|product| id(&product.name)).collect();
    let known = store::catalogue::products_in_tx(&mut tx, tenant, &ids).await?;
    let counts =
        |product: &pb::Product, field: &str| mask.contains(field) || !known.contains_key(id(&product.name));
    let (good, mut result) = split::<_, Product>(&request.request_id, &request.products, counts);
    let changed = merge(
        &good,
        &known,
        &mut result,
        |product| product.id.as_str(),
        |old, new| Product {
            id: new.id.clone(),
            display_name: if mask.contains("display_name") {
                new.display_name.clone()
            } else {
                old.display_name.clone()
            },
            category: if mask.contains("category") { new.category.clone() } else { old.category.clone() },
            blocked: if mask.contains("blocked") { new.blocked } else { old.blocked },
        },
    );
    store::catalogue::put_products_in_tx(&mut tx, tenant, &changed).await?;
    if !known.is_empty() && changed.iter().any(|product| product.blocked) {
        plans::mark_all_stale_in_tx(&mut tx, tenant, clock.now()).await?;
    }
    let answer = pb::UpsertProductsResponse { result: Some(result) };
    idempotency::store_in_tx(&mut tx, tenant, METHOD, &request.request_id, &answer, clock.now()).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Creates or updates sellers; bad records are reported, the others stand.
///
/// # Errors
/// The field mask names an unknown field, or the request id was used with another body.
pub async fn upsert_sellers(
    db: &Db,
    clock: &Clock,
    tenant: &TenantId,
    request: pb::UpsertSellersRequest,
) -> Result<pb::UpsertSellersResponse> {
    let mask = mask(request.update_mask.as_ref(), &["display_name", "territories", "capacity"])?;
    let mut tx = db.begin().await?;
    const METHOD: &str = "UpsertSellers";
    if let Some(answer) = replayed(&mut tx, tenant, METHOD, &request.request_id, &request).await? {
        return Ok(answer);
    }
    let ids: Vec<&str> = request.sellers.iter().map(|seller| id(&seller.name)).collect();
    let known = store::catalogue::sellers_in_tx(&mut tx, tenant, &ids).await?;
    let counts =
        |seller: &pb::Seller, field: &str| mask.contains(field) || !known.contains_key(id(&seller.name));
    let (good, mut result) = split::<_, Seller>(&request.request_id, &request.sellers, counts);
    let changed = merge(
        &good,
        &known,
        &mut result,
        |seller| seller.id.as_str(),
        |old, new| Seller {
            id: new.id.clone(),
            display_name: if mask.contains("display_name") {
                new.display_name.clone()
            } else {
                old.display_name.clone()
            },
            territories: if mask.contains("territories") {
                new.territories.clone()
            } else {
                old.territories.clone()
            },
            capacity: if mask.contains("capacity") { new.capacity } else { old.capacity },
        },
    );
    store::catalogue::put_sellers_in_tx(&mut tx, tenant, &changed).await?;
    let answer = pb::UpsertSellersResponse { result: Some(result) };
    idempotency::store_in_tx(&mut tx, tenant, METHOD, &request.request_id, &answer, clock.now()).await?;
    tx.commit().await?;
    Ok(answer)
}

fn mask(mask: Option<&prost_types::FieldMask>, known: &[&str]) -> Result<Mask> {
    Mask::parse("update_mask", mask.map_or(&[], |mask| mask.paths.as_slice()), known)
}

/// The stored answer of the same request, if it was made before.
async fn replayed<A: prost::Message + Default>(
    tx: &mut Tx,
    tenant: &TenantId,
    method: &str,
    request_id: &str,
    request: &impl prost::Message,
) -> Result<Option<A>> {
    let stored = idempotency::check_in_tx(tx, tenant, method, request_id, request).await?;
    stored.map(|bytes| A::decode(bytes.as_slice()).map_err(salient_core::Error::internal)).transpose()
}

/// The last part of a resource name.
fn id(name: &str) -> &str {
    name.split_once('/').map_or(name, |(_, id)| id)
}

/// The records that keep the rules; the others as errors. A rule holds for the name, and for the
/// fields that count in the record: under a mask not all of them do.
fn split<W, D>(request_id: &str, records: &[W], counts: impl Fn(&W, &str) -> bool) -> (Vec<D>, BatchResult)
where
    W: Clone + salient_proto::Validate,
    D: TryFrom<W, Error = salient_core::Error>,
{
    let mut result = BatchResult::default();
    let mut good = Vec::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        let mut refuse = |field: String, message: String| {
            result.errors.push(RecordError {
                request_id: request_id.to_owned(),
                index: i32::try_from(index).unwrap_or(i32::MAX),
                field,
                reason: Reason::FieldInvalid.as_str().to_owned(),
                message,
            });
        };
        let mut broken = record.validate().err().unwrap_or_default();
        broken.retain(|violation| {
            let field = violation.field.split(['.', '[']).next().unwrap_or_default();
            field == "name" || counts(record, field)
        });
        if !broken.is_empty() {
            broken.into_iter().for_each(|violation| refuse(violation.field, violation.description));
            continue;
        }
        match D::try_from(record.clone()) {
            Ok(domain) => good.push(domain),
            Err(error) => {
                for violation in error.violations() {
                    refuse(violation.field.clone(), violation.description.clone());
                }
            }
        }
    }
    (good, result)
}

/// What is to be written, each id once, and the counts.
fn merge<'d, D: Clone + PartialEq>(
    good: &'d [D],
    known: &HashMap<String, D>,
    result: &mut BatchResult,
    id: impl Fn(&'d D) -> &'d str,
    combine: impl Fn(&D, &D) -> D,
) -> Vec<D> {
    let mut changed: HashMap<&str, (usize, D)> = HashMap::new();
    for (place, new) in good.iter().enumerate() {
        let before = changed.get(id(new)).map(|(_, value)| value).or_else(|| known.get(id(new)));
        match before {
            None => {
                result.created += 1;
                changed.insert(id(new), (place, new.clone()));
            }
            Some(old) => {
                let combined = combine(old, new);
                if combined == *old {
                    result.unchanged += 1;
                } else {
                    result.updated += 1;
                    changed.insert(id(new), (place, combined));
                }
            }
        }
    }
    let mut rows: Vec<(usize, D)> = changed.into_values().collect();
    rows.sort_by_key(|(place, _)| *place);
    rows.into_iter().map(|(_, value)| value).collect()
}
