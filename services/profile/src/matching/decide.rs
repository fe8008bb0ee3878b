//! What a person says of a pair.

use salient_core::{Error, Reason, Result, ReviewId, TenantId, page};
use salient_proto::profile::v1::{Account, Contact, Merge, Review, review::State};
use salient_store::Tx;
use uuid::Uuid;

use crate::{
    merging::{self, Decision},
    profile::Profile,
    store::{
        Stored as _,
        identity::Profiled,
        matches::{self, Pair},
        merges::Edge,
    },
};

/// A page of pairs, the likeliest first, and the token of the next one.
///
/// # Errors
/// `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn list(
    profile: &Profile,
    tenant: &TenantId,
    state: State,
    (size, token): (i32, &str),
) -> Result<(Vec<Review>, String)> {
    let state = if state == State::Unspecified { State::Open } else { state };
    let page = page::page(size, token, &["matches", tenant.as_str(), state.as_str_name()])?;
    let mut conn = profile.db.read().await?;
    let pairs = matches::list(&mut conn, tenant, state, page.key()?, page.limit()).await?;
    let (pairs, next) = page.cut(pairs, |pair| (pair.told.probability, pair.id));
    Ok((pairs.into_iter().map(|pair| pair.told).collect(), next))
}

/// Keeps what a person said of a pair, and merges it if that was asked for.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, or what the store says.
pub async fn decide_in_tx(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    name: &str,
    (same, by): (bool, &str),
) -> Result<(Review, Option<Merge>)> {
    let id = ReviewId::parse_field("name", name)?;
    let found = matches::by_id(tx, tenant, id.uuid()).await?;
    let mut pair = found.ok_or_else(|| Error::not_found(name))?;
    let merge = match same {
        false => None,
        true if pair.kind == Account::TABLE => merge_in_tx::<Account>(tx, profile, tenant, &pair, by).await?,
        true => merge_in_tx::<Contact>(tx, profile, tenant, &pair, by).await?,
    };
    pair.told.state = if same { State::Merged } else { State::Apart }.into();
    matches::put_in_tx(tx, tenant, &pair).await?;
    Ok((pair.told, merge))
}

async fn merge_in_tx<R: Profiled>(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    pair: &Pair,
    by: &str,
) -> Result<Option<Merge>> {
    let decision = Decision { by, reason: "a person was asked" };
    match merging::merge_in_tx::<R>(tx, profile, tenant, (pair.one, pair.other), decision).await {
        Ok(merge) => Ok(Some(merge)),
        Err(error) if error.reason() == Reason::AlreadyOne => Ok(None),
        Err(error) => Err(error),
    }
}

/// Remembers that the two sides of a merge that was taken back are not one customer.
///
/// # Errors
/// What the store says.
pub async fn keep_apart_in_tx(tx: &mut Tx, profile: &Profile, tenant: &TenantId, edge: &Edge) -> Result<()> {
    let id = ReviewId::new(&profile.clock);
    let collection = edge.merge.profile.split('/').next().unwrap_or_default();
    let name = |record: Uuid| format!("{collection}/{record}");
    let (one, other) = (edge.one.min(edge.other), edge.one.max(edge.other));
    let told = Review {
        name: id.name(),
        one: name(one),
        other: name(other),
        state: State::Apart.into(),
        create_time: edge.merge.undo_time,
        ..Review::default()
    };
    let pair = Pair { id: id.uuid(), kind: edge.kind.clone(), one, other, told };
    Ok(matches::put_in_tx(tx, tenant, &pair).await?)
}
