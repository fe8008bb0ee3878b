//! Groups of accounts: who stands above and below whom, and what a group adds up to.

use std::collections::{BTreeSet, HashMap, HashSet};

use salient_core::{Error, Reason, Result, TenantId, page};
use salient_proto::{
    common::v1::{Money, SourceKey},
    profile::v1::{
        Account, GroupFigures, GroupMember, Hierarchy, ListGroupRequest, ListGroupResponse,
        ListSubsidiariesRequest, ListSubsidiariesResponse, RelatedAccount,
    },
};
use salient_store::{Connection, Tx};
use uuid::Uuid;

use crate::{
    domain::{
        Kind, Record,
        batch::{Batch, Known, Write},
        facts::day_of,
        group::{Figures, Node, roll_up},
        hierarchy::{Claims, LEVELS, Lineage, PARENT, key_text, parse_key},
    },
    identity::{self, Unified},
    merging,
    profile::Profile,
    store::{facts, hierarchy as store, identity::roots},
};

/// Subsidiaries that are told with the account itself.
const FIRST: i64 = 10;
/// Accounts of a group that are looked at.
const MOST: usize = 5_000;

/// Everything that is said to be above these keys and profiles.
async fn lineage(
    conn: &mut impl Connection,
    tenant: &TenantId,
    keys: impl IntoIterator<Item = &SourceKey>,
    profiles: impl IntoIterator<Item = Uuid>,
) -> Result<Lineage> {
    let mut lineage = Lineage::default();
    let mut keys: HashSet<SourceKey> = keys.into_iter().cloned().collect();
    let mut level: BTreeSet<Uuid> = profiles.into_iter().collect();
    for _ in 0..=LEVELS {
        let wanted: Vec<SourceKey> = keys.drain().collect();
        for (key, profile) in store::profiles(conn, tenant, &wanted).await? {
            lineage.know(key, profile);
            level.insert(profile);
        }
        level.retain(|profile| !lineage.holds(*profile));
        if level.is_empty() {
            break;
        }
        let profiles: Vec<Uuid> = std::mem::take(&mut level).into_iter().collect();
        let mut said = claims(conn, tenant, &profiles).await?;
        for profile in profiles {
            let (own, claims) = said.remove(&profile).unwrap_or_default();
            own.into_iter().for_each(|key| lineage.know(key, profile));
            keys.extend(claims.said.iter().map(|(_, parent)| parent.clone()));
            lineage.say(profile, claims);
        }
    }
    Ok(lineage)
}

/// What is said of the parents of these profiles, if anything is, with their own keys.
async fn claims(
    conn: &mut impl Connection,
    tenant: &TenantId,
    profiles: &[Uuid],
) -> Result<HashMap<Uuid, (Vec<SourceKey>, Claims)>> {
    let spoken_of = store::spoken_of(conn, tenant, profiles).await?;
    if spoken_of.is_empty() {
        return Ok(HashMap::new());
    }
    let found = identity::profiles::<Account>(conn, tenant, &spoken_of).await?;
    Ok(found.into_iter().map(|(id, profile)| (id, claims_of(profile))).collect())
}

fn claims_of(profile: Unified<Account>) -> (Vec<SourceKey>, Claims) {
    let own = profile.stakes.into_iter().map(|stake| stake.member.key).collect();
    let entry = profile.provenance.into_iter().find(|entry| entry.field == PARENT);
    let Some(entry) = entry else { return (own, Claims::default()) };
    let fixed = entry.chosen.key.is_none();
    let counts =
        std::iter::once(entry.chosen).chain(entry.rivals).filter(|claim| !fixed || claim.key.is_none());
    let said = counts.filter_map(|claim| Some((claim.key, parse_key(&claim.value)?)));
    (own, Claims { fixed, said: said.collect() })
}

/// What must be known to tell whether a batch puts an account above itself.
pub(crate) async fn of_batch<R: Record>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    batch: &Batch<R>,
    known: &HashMap<SourceKey, Known>,
) -> Result<Lineage> {
    let named: Vec<(&SourceKey, &SourceKey)> = batch.parents().collect();
    if named.is_empty() {
        return Ok(Lineage::default());
    }
    let profiles = roots::<Account>(conn, tenant, known.values().map(|record| record.id)).await?;
    let profile = |key: &SourceKey| profiles.get(&known.get(key)?.id).copied();
    let lower: Vec<Uuid> = named.iter().filter_map(|(key, _)| profile(key)).collect();
    let mut lineage = lineage(conn, tenant, named.iter().map(|(_, parent)| *parent), lower).await?;
    for key in known.keys() {
        if let Some(profile) = profile(key) {
            lineage.know(key.clone(), profile);
        }
    }
    Ok(lineage)
}

/// Refuses if one of these profiles, as they are now, stands above itself.
pub(crate) async fn check_in_tx<R: Record>(tx: &mut Tx, tenant: &TenantId, told: &[Write<R>]) -> Result<()> {
    let placed: Vec<Uuid> =
        told.iter().filter(|write| write.record.parent().is_some()).map(|write| write.id).collect();
    if placed.is_empty() {
        return Ok(());
    }
    let lineage = lineage(tx, tenant, [], placed.iter().copied()).await?;
    for profile in placed {
        lineage.is_not_above(profile, profile).map_err(|chain| Error::new(Reason::HierarchyCycle, chain))?;
    }
    Ok(())
}

/// Whether one of two profiles is said to be above the other.
pub(crate) async fn are_related(
    conn: &mut impl Connection,
    tenant: &TenantId,
    one: Uuid,
    other: Uuid,
) -> Result<bool> {
    let lineage = lineage(conn, tenant, [], [one, other]).await?;
    Ok(lineage.is_not_above(one, other).is_err() || lineage.is_not_above(other, one).is_err())
}

/// Names what is above accounts that name a parent.
pub(crate) async fn show<R: Record>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: &mut [R],
) -> Result<()> {
    let id = |account: &R| account.parent().and_then(|_| R::KIND.parse("name", account.name()).ok());
    let ids: Vec<Uuid> = accounts.iter().filter_map(id).collect();
    let above = store::above(conn, tenant, &ids).await?;
    for account in accounts {
        if let Some(parent) = id(account).and_then(|id| above.get(&id)?.profile) {
            account.set_parent(R::KIND.name(parent));
        }
    }
    Ok(())
}

/// Lets a person say what is above a profile: nothing, if `parent` is empty. `None` lets the records
/// say it again.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, `HIERARCHY_CYCLE`, or what the store says.
pub async fn set_in_tx(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    name: &str,
    parent: Option<&str>,
) -> Result<Hierarchy> {
    let before = identity::profile::<Account>(tx, tenant, name).await?;
    let value = match parent {
        None => None,
        Some("") => Some(String::new()),
        Some(parent) => Some(key_text(&key_of(tx, tenant, parent).await?)),
    };
    let fixed = merging::fix_in_tx(tx, profile, tenant, &before, PARENT, value).await;
    fixed.map_err(|error| match error.reason() {
        Reason::HierarchyCycle => {
            let chain = error.message().to_owned();
            error.with_violation("parent", chain)
        }
        _ => error,
    })?;
    of(tx, tenant, before.id).await
}

/// The key of a record, which is what it is named by as a parent.
async fn key_of(tx: &mut Tx, tenant: &TenantId, name: &str) -> Result<SourceKey> {
    let id = Kind::Account.parse("parent", name)?;
    let found = identity::profile::<Account>(tx, tenant, name).await?;
    let stake = found.stakes.into_iter().find(|stake| stake.id == id);
    stake.map(|stake| stake.member.key).ok_or_else(|| Error::not_found(name))
}

/// The profile of an account that a request names.
async fn named(conn: &mut impl Connection, tenant: &TenantId, field: &str, name: &str) -> Result<Uuid> {
    let id = Kind::Account.parse(field, name)?;
    identity::root::<Account>(conn, tenant, id).await?.ok_or_else(|| Error::not_found(name))
}

/// Where an account stands.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, or what the store says.
pub async fn get(profile: &Profile, tenant: &TenantId, name: &str) -> Result<Hierarchy> {
    let mut conn = profile.db.read().await?;
    let root = named(&mut conn, tenant, "name", name).await?;
    of(&mut conn, tenant, root).await
}

fn related(id: Uuid, display_name: String) -> RelatedAccount {
    RelatedAccount { name: Kind::Account.name(id), display_name }
}

/// What is above a profile, the nearest first; and the key of the parent that it waits for.
async fn ancestors(
    conn: &mut impl Connection,
    tenant: &TenantId,
    profile: Uuid,
) -> Result<(Vec<Uuid>, Option<SourceKey>)> {
    let (mut way, mut last) = (Vec::new(), profile);
    while way.len() < LEVELS {
        match store::above_one(conn, tenant, last).await? {
            Some(store::Above { profile: Some(above), .. }) => {
                way.push(above);
                last = above;
            }
            Some(store::Above { key, .. }) if last == profile => return Ok((way, Some(key))),
            _ => break,
        }
    }
    Ok((way, None))
}

/// Where a profile stands.
pub(crate) async fn of(conn: &mut impl Connection, tenant: &TenantId, profile: Uuid) -> Result<Hierarchy> {
    let (above, awaited_parent_key) = ancestors(conn, tenant, profile).await?;
    let mut names = store::names(conn, tenant, &above).await?;
    let ancestors: Vec<RelatedAccount> =
        above.into_iter().map(|id| related(id, names.remove(&id).unwrap_or_default())).collect();
    let below = store::below_one(conn, tenant, profile, Uuid::nil(), FIRST).await?;
    let subsidiary_count = match i64::try_from(below.len()) {
        Ok(count) if count < FIRST => count,
        _ => store::count_below(conn, tenant, profile).await?,
    };
    Ok(Hierarchy {
        name: Kind::Account.name(profile),
        parent: ancestors.first().cloned(),
        ultimate_parent: ancestors.last().cloned(),
        ancestors,
        subsidiary_count,
        subsidiaries: below.into_iter().map(|of| related(of.id, of.display_name)).collect(),
        awaited_parent_key,
    })
}

/// A page of the accounts directly below an account.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn list(
    profile: &Profile,
    tenant: &TenantId,
    request: &ListSubsidiariesRequest,
) -> Result<ListSubsidiariesResponse> {
    let query = ["subsidiaries", tenant.as_str(), request.parent.as_str()];
    let page = page::page(request.page_size, &request.page_token, &query)?;
    let after = page.key()?.unwrap_or(Uuid::nil());
    let mut conn = profile.db.read().await?;
    let root = named(&mut conn, tenant, "parent", &request.parent).await?;
    let below = store::below_one(&mut conn, tenant, root, after, page.limit()).await?;
    let (below, next_page_token) = page.cut(below, |of| of.id);
    let subsidiaries = below.into_iter().map(|of| related(of.id, of.display_name)).collect();
    Ok(ListSubsidiariesResponse { subsidiaries, next_page_token })
}

/// The tree below a profile, each node after what is above it; and whether there is more.
async fn tree(conn: &mut impl Connection, tenant: &TenantId, top: Uuid) -> Result<(Vec<Node>, bool)> {
    let node = |id, display_name, parent, depth| Node {
        id,
        display_name,
        parent,
        depth,
        own: Figures::default(),
        rolled_up: Figures::default(),
    };
    let name = store::names(conn, tenant, &[top]).await?.remove(&top).unwrap_or_default();
    let mut places = HashMap::from([(top, 0)]);
    let mut nodes = vec![node(top, name, None, 0)];
    let mut level = vec![top];
    for depth in 1..=LEVELS {
        // one more than there is room for, to know whether there is more
        let room = i64::try_from(MOST + 1 - nodes.len()).unwrap_or_default();
        let below = store::below(conn, tenant, &level, Uuid::nil(), room).await?;
        level.clear();
        for of in below {
            if nodes.len() == MOST {
                return Ok((nodes, true));
            }
            let parent = places.get(&of.parent).copied();
            if parent.is_some() && !places.contains_key(&of.id) {
                places.insert(of.id, nodes.len());
                level.push(of.id);
                nodes.push(node(of.id, of.display_name, parent, depth));
            }
        }
        if level.is_empty() {
            break;
        }
    }
    Ok((nodes, false))
}

/// A page of the tree of a group.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn group(
    profile: &Profile,
    tenant: &TenantId,
    request: &ListGroupRequest,
) -> Result<ListGroupResponse> {
    let part = if request.only_below { "below" } else { "whole" };
    let query = ["group", tenant.as_str(), request.parent.as_str(), part];
    let page = page::page(request.page_size, &request.page_token, &query)?;
    let begin: usize = page.key()?.unwrap_or_default();
    let mut conn = profile.db.read().await?;
    let root = named(&mut conn, tenant, "parent", &request.parent).await?;
    let top = match request.only_below {
        true => root,
        false => ancestors(&mut conn, tenant, root).await?.0.last().copied().unwrap_or(root),
    };
    let (mut nodes, cut) = tree(&mut conn, tenant, top).await?;
    let ids: Vec<Uuid> = nodes.iter().map(|node| node.id).collect();
    let stood = facts::of(&mut conn, tenant, &ids).await?;
    let today = day_of(profile.clock.now_micros());
    for node in &mut nodes {
        node.own = stood.get(&node.id).map(|of| Figures::of(&of.facts, today)).unwrap_or_default();
    }
    let order = roll_up(&mut nodes);
    let rows = order.into_iter().enumerate().skip(begin).take(page.size + 1).collect();
    let (rows, next_page_token) = page.cut(rows, |(position, _)| position + 1);
    let members = rows.into_iter().map(|(_, place)| member(&nodes, place)).collect();
    let total_size = i64::try_from(nodes.len()).unwrap_or(i64::MAX);
    Ok(ListGroupResponse { members, next_page_token, total_size, cut })
}

fn member(nodes: &[Node], place: usize) -> GroupMember {
    let node = &nodes[place];
    GroupMember {
        name: Kind::Account.name(node.id),
        display_name: node.display_name.clone(),
        parent: node.parent.map(|parent| Kind::Account.name(nodes[parent].id)).unwrap_or_default(),
        depth: i32::try_from(node.depth).unwrap_or(i32::MAX),
        own: Some(figures(&node.own)),
        rolled_up: Some(figures(&node.rolled_up)),
    }
}

fn figures(of: &Figures) -> GroupFigures {
    let amounts = |sums: &std::collections::BTreeMap<String, i64>| {
        sums.iter()
            .map(|(currency, sum)| Money { currency_code: currency.clone(), minor_units: *sum })
            .collect()
    };
    GroupFigures {
        revenue: amounts(&of.revenue),
        open_opportunities: of.open_count,
        open_amounts: amounts(&of.open_amounts),
    }
}
