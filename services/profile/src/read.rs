//! Reading records of one kind.

use salient_core::{
    Error, Result, TenantId,
    filter::{self, Comparison, Literal, Op},
    page,
};
use salient_store::Connection;
use uuid::Uuid;

use crate::{
    domain::Kind,
    identity,
    profile::Profile,
    store::{Stored, records},
};

/// One record, by its resource name.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, or what the store says.
pub async fn get<R: Stored>(profile: &Profile, tenant: &TenantId, name: &str) -> Result<R> {
    let id = R::KIND.parse("name", name)?;
    let mut conn = profile.db.read().await?;
    let mut found: Vec<R> = records::get(&mut conn, tenant, id).await?.into_iter().collect();
    identity::follow(&mut conn, tenant, &mut found).await?;
    found.pop().ok_or_else(|| Error::not_found(name))
}

/// A page of records, oldest first by the time they were first stored, and the token of the next
/// page.
///
/// # Errors
/// `FILTER_INVALID`, `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn list<R: Stored>(
    profile: &Profile,
    tenant: &TenantId,
    page_size: i32,
    page_token: &str,
    text: &str,
) -> Result<(Vec<R>, String)> {
    let filter = filter::parse(text, R::FIELDS)?;
    // the database would refuse a NUL with less to say about where it is
    if text.contains('\0') {
        let what = "text without the character U+0000 is accepted";
        return Err(Error::new(salient_core::Reason::FilterInvalid, what).with_violation("filter", what));
    }
    let page = page::page(page_size, page_token, &[R::KIND.collection(), tenant.as_str(), text])?;
    let after = page.key()?.unwrap_or(Uuid::nil());
    let mut conn = profile.db.read().await?;
    let mut rows = Vec::new();
    for filter in by_record(&mut conn, tenant, filter).await? {
        rows.extend(records::list::<R>(&mut conn, tenant, filter, after, page.limit()).await?);
    }
    rows.sort_by_key(|(id, _)| *id);
    let (rows, next) = page.cut(rows, |(id, _)| *id);
    let mut records: Vec<R> = rows.into_iter().map(|(_, record)| record).collect();
    identity::follow(&mut conn, tenant, &mut records).await?;
    Ok((records, next))
}

/// A filter by account is one for each record of that account's profile: what belongs to a record
/// is stored with it, wherever the record belongs.
pub(crate) async fn by_record(
    conn: &mut impl Connection,
    tenant: &TenantId,
    filter: Vec<Comparison>,
) -> Result<Vec<Vec<Comparison>>> {
    let account = filter.iter().position(|part| part.field == "account" && part.op == Op::Eq);
    let Some(place) = account else { return Ok(vec![filter]) };
    let Literal::Name(name) = &filter[place].value else { return Ok(vec![filter]) };
    // a name that is none belongs to nothing
    let Ok(id) = Kind::Account.parse("filter", name) else { return Ok(Vec::new()) };
    let members = identity::members(conn, tenant, id).await?;
    let with = |member: Uuid| {
        let mut filter = filter.clone();
        filter[place].value = Literal::Name(Kind::Account.name(member));
        filter
    };
    Ok(members.into_iter().map(with).collect())
}
