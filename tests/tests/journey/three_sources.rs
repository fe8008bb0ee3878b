//! A CRM, a web shop and a support desk pour their records in; one customer is one profile.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use salient_proto::{
    common::v1::{SourceKey, run_status},
    profile::v1::{
        Account, GetProvenanceRequest, GetResolutionRunRequest, ListAccountsRequest, ProfileKind,
        StartResolutionRunRequest, UpsertAccountsRequest,
    },
};
use salient_sim::{Company, Config, sources::sightings};

use crate::world::{Engine, Wire, World, fresh_id};

const PATIENCE: Duration = Duration::from_secs(120);
/// What the profiles must reach of the truth, pair by pair.
const F1: f64 = 0.98;

#[tokio::test(flavor = "multi_thread")]
async fn three_sources_become_one_picture() {
    let world = World::start(Engine::Sqlite, Wire::InProcess).await;
    let company = Company::try_new(Config { seed: 7, accounts: 500, ..Config::default() }).unwrap();
    let mut truth: HashMap<String, u64> = HashMap::new();
    let mut records = Vec::new();
    for seen in sightings(&company) {
        truth.insert(format!("{}/{}", seen.source, seen.id), seen.account);
        records.push(Account {
            source_key: Some(SourceKey { source: seen.source.into(), id: seen.id }),
            display_name: seen.name,
            domain: seen.domain,
            phone: seen.phone,
            street: seen.street,
            city: seen.city,
            postal_code: seen.postal_code,
            country: seen.country,
            ..Account::default()
        });
    }
    for batch in records.chunks(500) {
        let request =
            UpsertAccountsRequest { request_id: fresh_id(), accounts: batch.to_vec(), update_mask: None };
        let answer = world.clients.profile.clone().upsert_accounts(request).await.unwrap().into_inner();
        assert_eq!(answer.result.unwrap().errors, []);
    }
    resolve(&world).await;

    // which records each profile has
    let mut profiles: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for name in world.accounts().await {
        let request = GetProvenanceRequest { name: name.clone() };
        let found = world.identity().get_provenance(request).await.unwrap().into_inner();
        let members = found.records.iter().map(|record| {
            let key = record.source_key.as_ref().unwrap();
            truth[&format!("{}/{}", key.source, key.id)]
        });
        profiles.insert(name, members.collect());
    }
    world.end().await;
    assert_eq!(profiles.values().map(Vec::len).sum::<usize>(), truth.len());
    let (precision, recall) = quality(profiles.values(), &truth);
    let f1 = 2.0 * precision * recall / (precision + recall);
    println!("precision {precision:.4} recall {recall:.4} F1 {f1:.4}, {} profiles", profiles.len());
    assert!(f1 >= F1, "F1 {f1:.4}: precision {precision:.4}, recall {recall:.4}");
}

/// Precision and recall of the pairs of records that share a profile.
fn quality<'p>(profiles: impl Iterator<Item = &'p Vec<u64>>, truth: &HashMap<String, u64>) -> (f64, f64) {
    let pairs = |count: usize| (count * count.saturating_sub(1) / 2) as f64;
    let (mut found, mut right) = (0.0, 0.0);
    for members in profiles {
        found += pairs(members.len());
        let mut counts: HashMap<u64, usize> = HashMap::new();
        members.iter().for_each(|account| *counts.entry(*account).or_default() += 1);
        right += counts.values().map(|count| pairs(*count)).sum::<f64>();
    }
    let mut sizes: HashMap<u64, usize> = HashMap::new();
    truth.values().for_each(|account| *sizes.entry(*account).or_default() += 1);
    let wanted: f64 = sizes.values().map(|count| pairs(*count)).sum();
    (right / found, right / wanted)
}

/// Compares everything anew until nothing more comes of it: arrival is compared beside it.
async fn resolve(world: &World) {
    let begin = Instant::now();
    let mut before = 0;
    loop {
        let request = StartResolutionRunRequest { request_id: fresh_id(), kind: ProfileKind::Account.into() };
        let started = world.identity().start_resolution_run(request).await.unwrap().into_inner();
        let name = started.resolution_run.unwrap().name;
        loop {
            let request = GetResolutionRunRequest { name: name.clone() };
            let found = world.identity().get_resolution_run(request).await.unwrap().into_inner();
            let status = found.resolution_run.unwrap().status.unwrap();
            assert_ne!(status.state(), run_status::State::Failed, "{status:?}");
            if status.state() == run_status::State::Succeeded {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let request = ListAccountsRequest { page_size: 1_000, ..Default::default() };
        let left = world.clients.profile.clone().list_accounts(request).await.unwrap().into_inner();
        if left.accounts.len() == before || begin.elapsed() > PATIENCE {
            return;
        }
        before = left.accounts.len();
    }
}
