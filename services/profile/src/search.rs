//! Finding profiles by name, domain, e-mail address or telephone number.

use std::collections::{BTreeMap, HashMap};

use salient_core::{Result, TenantId, filter, page};
use salient_proto::profile::v1::{
    Account, Contact, SearchHighlight, SearchProfilesRequest, SearchProfilesResponse, SearchResult,
    search_result,
};
use salient_store::Connection;
use uuid::Uuid;

use crate::{
    domain::search::{Fit, Found as _, Typed, lookups},
    identity,
    profile::Profile,
    store::{
        Stored as _,
        search::{self, Meant, Searched},
    },
};

/// Results of a page if nothing is said, and at most.
const SIZES: (i32, i32) = (20, 100);
/// Profiles that a search compares and finds at most.
const COMPARED: i64 = 300;
/// Records that are asked whether they pass the filter.
const FILTERED: i64 = 5_000;
/// Words that the typed ones may mean, by what they are and by how they begin.
const WORDS: (i64, i64) = (2_000, 1_000);
/// Records that have the words which are looked for: what is rare is asked first, and what is
/// frequent only as far as there is room, because it tells little.
const POSTINGS: i64 = 20_000;
/// A number of records against which rarity is measured.
const MANY: f64 = 10_000_000.0;
/// What a word that is only begun weighs.
const BEGUN: f64 = 0.5;

/// Where a result stands: its score in millionths, smaller is better, its kind and its id.
type Place = (i64, i64, Uuid);

/// A page of what was found, best first.
///
/// # Errors
/// `FILTER_INVALID`, `FIELD_INVALID`, `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn search(
    profile: &Profile,
    tenant: &TenantId,
    request: &SearchProfilesRequest,
) -> Result<SearchProfilesResponse> {
    let terms = filter::parse(&request.filter, Account::FIELDS)?;
    let size = match request.page_size {
        0 => SIZES.0,
        size => size.min(SIZES.1),
    };
    let kinds = request.kinds.join(" ");
    let query = ["search", tenant.as_str(), &request.query, &kinds, &request.filter];
    let page = page::page(size, &request.page_token, &query)?;
    let after: Option<Place> = page.key()?;
    let wanted = |kind: &str| request.kinds.is_empty() || request.kinds.iter().any(|one| one == kind);
    let kind = match (wanted("account"), wanted("contact")) {
        (true, false) => Some(Account::NUMBER),
        (false, true) => Some(Contact::NUMBER),
        _ => None,
    };

    let typed = Typed::read(&request.query);
    let mut conn = profile.db.read().await?;
    let words = weights(&mut conn, tenant, &typed).await?;
    let limit = if terms.is_empty() { COMPARED } else { FILTERED };
    let mut found = search::heaviest(&mut conn, tenant, kind, &words, limit).await?;
    if !terms.is_empty() {
        let of = |kind| found.iter().filter(|one| one.0 == kind).map(|one| one.1).collect::<Vec<Uuid>>();
        let mut passing = search::passing::<Account>(&mut conn, tenant, of(Account::NUMBER), &terms).await?;
        passing.extend(search::passing::<Contact>(&mut conn, tenant, of(Contact::NUMBER), &terms).await?);
        found.retain(|(_, id)| passing.contains(id));
        found.truncate(usize::try_from(COMPARED).unwrap_or_default());
    }
    let mut ranked = fitting::<Account>(&mut conn, tenant, &typed, &found).await?;
    ranked.extend(fitting::<Contact>(&mut conn, tenant, &typed, &found).await?);
    ranked.sort_by_key(|(place, _)| *place);
    ranked.retain(|(place, _)| after.is_none_or(|after| *place > after));
    let (ranked, next_page_token) = page.cut(ranked, |(place, _)| *place);
    let results = shown(&mut conn, tenant, ranked).await?;
    Ok(SearchProfilesResponse { results, next_page_token })
}

/// The words that may be meant, and what each says: the rarer the more.
async fn weights(conn: &mut impl Connection, tenant: &TenantId, typed: &Typed) -> Result<BTreeMap<i64, f64>> {
    let lookups = lookups(&typed.lookup());
    let (mut whole, mut begun) = (Vec::new(), Vec::new());
    for (place, lookup) in (0..).zip(&lookups) {
        whole.extend(lookup.whole.iter().map(|variant| (place, *variant)));
        begun.extend(lookup.beginning.iter().map(|variant| (place, *variant)));
    }
    let whole = search::meant(conn, tenant, &whole, WORDS.0).await?;
    let begun = search::meant(conn, tenant, &begun, WORDS.1).await?;
    let rarity = |meant: &Meant| (MANY / (meant.records.max(1) as f64)).ln().max(1.0);
    let begun = begun.iter().map(|meant| (meant, BEGUN * rarity(meant)));
    let mut all: Vec<(&Meant, f64)> = whole.iter().map(|meant| (meant, rarity(meant))).chain(begun).collect();
    // typed words whose meanings are rare all told come first
    let mut frequent: HashMap<i64, i64> = HashMap::new();
    for (meant, _) in &all {
        *frequent.entry(meant.place).or_default() += meant.records;
    }
    all.sort_by_key(|(meant, _)| (frequent.get(&meant.place).copied(), meant.records, meant.word));
    let (mut weights, mut postings) = (BTreeMap::new(), 0);
    for (meant, weight) in all {
        if let Some(known) = weights.get_mut(&meant.word) {
            *known = weight.max(*known);
            continue;
        }
        if postings > 0 && postings + meant.records > POSTINGS {
            continue;
        }
        postings += meant.records;
        weights.insert(meant.word, weight);
    }
    Ok(weights)
}

/// Profiles of a kind that fit, with what fits of any of their records.
async fn fitting<R: Searched>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    typed: &Typed,
    found: &[(i64, Uuid)],
) -> Result<Vec<(Place, Vec<Fit>)>> {
    let ids: Vec<Uuid> = found.iter().filter(|(kind, _)| *kind == R::NUMBER).map(|(_, id)| *id).collect();
    let mut profiles: BTreeMap<Uuid, Vec<Fit>> = BTreeMap::new();
    for candidate in search::records::<R>(conn, tenant, &ids).await? {
        let fits = typed.fits(&candidate.record);
        if !fits.is_empty() {
            profiles.entry(candidate.profile).or_default().extend(fits);
        }
    }
    let placed = profiles.into_iter().map(|(id, mut fits)| {
        fits.sort_by(|one, other| other.score.total_cmp(&one.score));
        fits.dedup_by(|one, other| (one.field, &one.value) == (other.field, &other.value));
        let best = fits.first().map_or(0.0, |fit| fit.score);
        ((-(best * 1e6).round() as i64, R::NUMBER, id), fits)
    });
    Ok(placed.collect())
}

/// Results as they are told.
async fn shown(
    conn: &mut impl Connection,
    tenant: &TenantId,
    ranked: Vec<(Place, Vec<Fit>)>,
) -> Result<Vec<SearchResult>> {
    let of = |kind| ranked.iter().filter(|(place, _)| place.1 == kind).map(|(place, _)| place.2).collect();
    let (accounts, contacts): (Vec<Uuid>, Vec<Uuid>) = (of(Account::NUMBER), of(Contact::NUMBER));
    let mut accounts = profiles::<Account>(conn, tenant, &accounts).await?;
    let mut contacts = profiles::<Contact>(conn, tenant, &contacts).await?;
    let result = |((score, _, id), fits): (Place, Vec<Fit>)| {
        let account = accounts.remove(&id).map(search_result::Profile::Account);
        let profile = account.or_else(|| contacts.remove(&id).map(search_result::Profile::Contact))?;
        let highlights = fits.into_iter().map(|fit| SearchHighlight {
            field: fit.field.to_owned(),
            value: fit.value,
            words: fit.words,
            score: fit.score,
        });
        let score = -score as f64 / 1e6;
        Some(SearchResult { profile: Some(profile), score, highlights: highlights.collect() })
    };
    Ok(ranked.into_iter().filter_map(result).collect())
}

/// Profiles with the accounts that they belong to, or stand below.
async fn profiles<R: Searched>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, R>> {
    let (ids, mut records): (Vec<Uuid>, Vec<R>) =
        search::profiles::<R>(conn, tenant, ids).await?.into_iter().unzip();
    identity::follow(conn, tenant, &mut records).await?;
    Ok(ids.into_iter().zip(records).collect())
}
