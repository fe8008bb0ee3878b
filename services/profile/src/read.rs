//! Reading records of one kind.

use salient_core::{Error, Result, TenantId, filter, page};
use uuid::Uuid;

use crate::{
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
    records::get(&mut conn, tenant, id).await?.ok_or_else(|| Error::not_found(name))
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
    let rows = records::list::<R>(&mut conn, tenant, filter, after, page.limit()).await?;
    let (rows, next) = page.cut(rows, |(id, _)| *id);
    Ok((rows.into_iter().map(|(_, record)| record).collect(), next))
}
