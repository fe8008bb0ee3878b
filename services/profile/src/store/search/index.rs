//! Bringing the index up to date.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use salient_core::TenantId;
use salient_store::{Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::search::variants;

/// What a record is found by from now on.
#[derive(Clone, Debug)]
pub struct Indexed {
    /// The kind of record.
    pub kind: i64,
    /// The record.
    pub id: Uuid,
    /// Its words, with their numbers; none if it is gone.
    pub words: Vec<(i64, String)>,
}

fn packed(numbers: impl IntoIterator<Item = i64>) -> Vec<u8> {
    numbers.into_iter().flat_map(i64::to_be_bytes).collect()
}

fn unpacked(bytes: &[u8]) -> BTreeSet<i64> {
    let numbers = bytes.chunks_exact(8).filter_map(|chunk| chunk.try_into().ok());
    numbers.map(i64::from_be_bytes).collect()
}

/// Brings the index up to date with records. The tenant's turn must have been taken.
///
/// # Errors
/// What the store says.
pub async fn index_in_tx(tx: &mut Tx, tenant: &TenantId, records: &[Indexed]) -> Result<()> {
    let keys = || {
        Rows::new()
            .int("kind", records.iter().map(|record| record.kind))
            .uuid("id", records.iter().map(|record| record.id))
    };
    let known: Vec<(i64, Uuid, Vec<u8>)> =
        sql("select s.kind, s.id, s.words from {rows} cross join search_records s
             where s.tenant = $1 and s.kind = rows.kind and s.id = rows.id")
        .bind(tenant)
        .rows(keys())
        .fetch_all(tx)
        .await?;
    let known: HashMap<(i64, Uuid), BTreeSet<i64>> =
        known.into_iter().map(|(kind, id, words)| ((kind, id), unpacked(&words))).collect();
    let (mut added, mut gone) = (BTreeSet::new(), BTreeSet::new());
    let (mut more, mut texts) = (BTreeMap::<i64, i64>::new(), HashMap::new());
    let none = BTreeSet::new();
    let mut changed = Vec::new();
    for record in records {
        let place = (record.kind, record.id);
        let before = known.get(&place).unwrap_or(&none);
        let after: BTreeSet<i64> = record.words.iter().map(|(word, _)| *word).collect();
        if *before == after {
            continue;
        }
        for word in after.difference(before) {
            *more.entry(*word).or_default() += 1;
            added.insert((*word, record.kind, record.id));
        }
        for word in before.difference(&after) {
            *more.entry(*word).or_default() -= 1;
            gone.insert((*word, record.kind, record.id));
        }
        texts.extend(record.words.iter().map(|(word, text)| (*word, text.as_str())));
        changed.push((record, after));
    }
    put_records_in_tx(tx, tenant, &changed).await?;
    put_words_in_tx(tx, tenant, &more, &texts).await?;
    let postings = |of: &BTreeSet<(i64, i64, Uuid)>| {
        Rows::new()
            .int("word", of.iter().map(|(word, ..)| *word))
            .int("kind", of.iter().map(|(_, kind, _)| *kind))
            .uuid("id", of.iter().map(|(.., id)| *id))
    };
    sql("insert into search_postings (tenant, word, kind, id) select $1, word, kind, id from {rows} where true
         on conflict (tenant, word, kind, id) do nothing")
    .bind(tenant)
    .rows(postings(&added))
    .execute(tx)
    .await?;
    sql("delete from search_postings where tenant = $1 and (word, kind, id) in (select word, kind, id from {rows})")
        .bind(tenant)
        .rows(postings(&gone))
        .execute(tx)
        .await?;
    Ok(())
}

async fn put_records_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    changed: &[(&Indexed, BTreeSet<i64>)],
) -> Result<()> {
    let (gone, standing): (Vec<_>, Vec<_>) = changed.iter().partition(|(_, words)| words.is_empty());
    let keys = |of: &[&(&Indexed, BTreeSet<i64>)]| {
        Rows::new()
            .int("kind", of.iter().map(|(record, _)| record.kind).collect::<Vec<_>>())
            .uuid("id", of.iter().map(|(record, _)| record.id).collect::<Vec<_>>())
    };
    sql("insert into search_records (tenant, kind, id, words) select $1, kind, id, words from {rows} where true
         on conflict (tenant, kind, id) do update set words = excluded.words")
    .bind(tenant)
    .rows(keys(&standing).bytes("words", standing.iter().map(|(_, words)| packed(words.iter().copied()))))
    .execute(tx)
    .await?;
    sql("delete from search_records where tenant = $1 and (kind, id) in (select kind, id from {rows})")
        .bind(tenant)
        .rows(keys(&gone))
        .execute(tx)
        .await?;
    Ok(())
}

/// Counts the records of words. A new word gets its variants; one that no record has loses them.
async fn put_words_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    more: &BTreeMap<i64, i64>,
    texts: &HashMap<i64, &str>,
) -> Result<()> {
    let known: Vec<(i64,)> = sql("select w.word from {rows} cross join search_words w
         where w.tenant = $1 and w.word = rows.word")
    .bind(tenant)
    .rows(Rows::new().int("word", more.keys().copied()))
    .fetch_all(tx)
    .await?;
    let known: HashSet<i64> = known.into_iter().map(|(word,)| word).collect();
    let new: BTreeMap<i64, BTreeSet<i64>> = more
        .keys()
        .filter(|word| !known.contains(word))
        .filter_map(|word| Some((*word, variants(texts.get(word)?))))
        .collect();
    let found_by: BTreeSet<(i64, i64)> =
        new.iter().flat_map(|(word, variants)| variants.iter().map(|variant| (*variant, *word))).collect();
    put_variants_in_tx(tx, tenant, &found_by).await?;
    let none = BTreeSet::new();
    let packs = more.keys().map(|word| packed(new.get(word).unwrap_or(&none).iter().copied()));
    sql("insert into search_words (tenant, word, records, variants)
         select $1, word, records, variants from {rows} where true
         on conflict (tenant, word) do update set records = search_words.records + excluded.records")
    .bind(tenant)
    .rows(
        Rows::new()
            .int("word", more.keys().copied())
            .int("records", more.values().copied())
            .bytes("variants", packs),
    )
    .execute(tx)
    .await?;
    let fewer: Vec<i64> = more.iter().filter(|(_, more)| **more < 0).map(|(word, _)| *word).collect();
    let unused: Vec<(i64, Vec<u8>)> = sql(
        "delete from search_words where tenant = $1 and records <= 0 and word in (select word from {rows})
             returning word, variants",
    )
    .bind(tenant)
    .rows(Rows::new().int("word", fewer))
    .fetch_all(tx)
    .await?;
    let unused = unused.into_iter().flat_map(|(word, variants)| {
        let variants: Vec<i64> = unpacked(&variants).into_iter().collect();
        variants.into_iter().map(move |variant| (variant, word))
    });
    let unused: BTreeSet<(i64, i64)> = unused.collect();
    sql("delete from search_variants where tenant = $1 and (variant, word) in (select variant, word from {rows})")
        .bind(tenant)
        .rows(pairs(&unused))
        .execute(tx)
        .await?;
    Ok(())
}

async fn put_variants_in_tx(tx: &mut Tx, tenant: &TenantId, of: &BTreeSet<(i64, i64)>) -> Result<()> {
    sql("insert into search_variants (tenant, variant, word) select $1, variant, word from {rows} where true
         on conflict (tenant, variant, word) do nothing")
    .bind(tenant)
    .rows(pairs(of))
    .execute(tx)
    .await?;
    Ok(())
}

fn pairs(of: &BTreeSet<(i64, i64)>) -> Rows<'static> {
    Rows::new()
        .int("variant", of.iter().map(|(variant, _)| *variant))
        .int("word", of.iter().map(|(_, word)| *word))
}
