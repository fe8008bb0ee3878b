//! Reading records of one kind.

use std::collections::BTreeMap;

use salient_core::{
    Error, Result, TenantId,
    filter::{self, Comparison, Literal, Op, Term},
    page,
};
use salient_proto::profile::v1::Account;
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
/// is stored with it, wherever the record belongs. An account that must be this one makes a list for
/// each of its records, which goes by an index; elsewhere in a filter it is any of its records.
pub(crate) async fn by_record(
    conn: &mut impl Connection,
    tenant: &TenantId,
    filter: Vec<Term>,
) -> Result<Vec<Vec<Term>>> {
    let mut members = BTreeMap::new();
    for comparison in filter.iter().flat_map(Term::comparisons) {
        if let Some((name, id)) = account(comparison) {
            members.insert(name.to_owned(), identity::members::<Account>(conn, tenant, id).await?);
        }
    }
    let one = |comparison: &Comparison, member: &Uuid| {
        let value = Literal::Name(Kind::Account.name(*member));
        Term::Is(Comparison { value, op: Op::Eq, ..comparison.clone() })
    };
    let of = |comparison: &Comparison| account(comparison).and_then(|(name, _)| members.get(name));
    let place =
        filter.iter().position(|term| matches!(term, Term::Is(is) if is.op == Op::Eq && of(is).is_some()));
    let any = |comparison: Comparison| match of(&comparison) {
        None => Term::Is(comparison),
        Some(members) => {
            let any = Term::Any(members.iter().map(|member| one(&comparison, member)).collect());
            if comparison.op == Op::Ne { Term::Not(Box::new(any)) } else { any }
        }
    };
    let mut rest = filter;
    let first = place.map(|place| rest.remove(place));
    let rest: Vec<Term> = rest.into_iter().map(|term| term.map(&any)).collect();
    let Some(Term::Is(first)) = first else { return Ok(vec![rest]) };
    let with = |member: &Uuid| std::iter::once(one(&first, member)).chain(rest.iter().cloned()).collect();
    Ok(of(&first).into_iter().flatten().map(with).collect())
}

/// The account that a comparison speaks of. A name that is none belongs to nothing.
fn account(comparison: &Comparison) -> Option<(&str, Uuid)> {
    match &comparison.value {
        Literal::Name(name) if comparison.field == "account" => {
            Some((name, Kind::Account.parse("filter", name).unwrap_or(Uuid::nil())))
        }
        _ => None,
    }
}
