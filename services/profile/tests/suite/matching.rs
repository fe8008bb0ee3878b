//! Records that are found to be one customer.

use std::time::{Duration, Instant};

use salient_core::Reason;
use salient_kit::{Role, client::Link};
use salient_proto::{
    common::v1::{SourceKey, run_status},
    profile::v1::{
        Account, Contact, DecideReviewRequest, GetResolutionRunRequest, ListAccountsRequest,
        ListContactsRequest, ListMergesRequest, ListReviewsRequest, Merge, ProfileKind, ResolutionRun,
        Review, Source, StartResolutionRunRequest, UndoMergeRequest, UpsertContactsRequest,
        UpsertSourcesRequest, identity_service_client::IdentityServiceClient, review::State,
    },
};
use tonic::Code;

use crate::world::{World, both, request_id, upsert_accounts, why};

both!(
    one_customer_of_two_sources_is_merged_on_arrival,
    a_source_without_duplicates_keeps_its_records_apart,
    a_person_is_asked_about_what_is_likely,
    what_was_undone_is_not_merged_again,
    no_profile_swallows_a_market,
    all_records_are_compared_anew,
);

fn client(world: &World, role: Role) -> IdentityServiceClient<Link> {
    IdentityServiceClient::new(world.link("acme", role))
}

fn company(source: &str, id: &str, name: &str, phone: &str, city: &str) -> Account {
    Account {
        source_key: Some(SourceKey { source: source.into(), id: id.into() }),
        display_name: name.into(),
        phone: phone.into(),
        city: city.into(),
        country: "United Kingdom".into(),
        ..Account::default()
    }
}

async fn upsert(world: &World, accounts: Vec<Account>) -> Vec<String> {
    let response = upsert_accounts(&mut world.client(), accounts).await;
    assert_eq!(response.result.unwrap().errors, []);
    response.names
}

/// Waits for what comes of the queue; what never comes is found at the end of a minute.
async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "it did not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn accounts(world: &World) -> Vec<String> {
    let found =
        world.client().list_accounts(ListAccountsRequest { page_size: 1_000, ..Default::default() }).await;
    found.unwrap().into_inner().accounts.into_iter().map(|account| account.name).collect()
}

async fn merges(world: &World) -> Vec<Merge> {
    let found = client(world, Role::Manager).list_merges(ListMergesRequest::default()).await;
    found.unwrap().into_inner().merges
}

async fn reviews(world: &World, state: State) -> Vec<Review> {
    let request = ListReviewsRequest { state: state.into(), ..Default::default() };
    client(world, Role::Manager).list_reviews(request).await.unwrap().into_inner().reviews
}

/// A record that is certainly another's, last in the queue: when it has been merged, everything
/// before it has been compared.
async fn compared(world: &World, number: u32) {
    let phone = format!("+44 20 7946 {number:04}");
    let name = format!("Beacon {number} Marker Works");
    let names = upsert(
        world,
        vec![
            company("crm", &format!("beacon{number}"), &name, &phone, "Hull"),
            company("beacons", &format!("{number}"), &name, &phone, "Hull"),
        ],
    )
    .await;
    let merged = eventually(async || {
        merges(world).await.into_iter().find(|merge| merge.merged == names[1] && merge.undo_time.is_none())
    });
    merged.await;
}

async fn one_customer_of_two_sources_is_merged_on_arrival(world: &World) {
    let first =
        upsert(world, vec![company("crm", "1", "Northwind Tools Ltd", "+44 20 7946 0018", "Leeds")]).await;
    let second =
        upsert(world, vec![company("shop", "77", "NORTHWIND TOOLS LIMITED", "020 7946 0018", "Leeds")]).await;
    let merge = eventually(async || merges(world).await.pop()).await;
    assert_eq!((merge.profile.as_str(), merge.merged.as_str()), (first[0].as_str(), second[0].as_str()));
    assert_eq!(merge.decided_by, "matching");
    assert!(merge.reason.contains("% likely: ") && merge.reason.contains("phone"), "{}", merge.reason);
    assert_eq!(accounts(world).await, first);

    // persons too
    let contact = |source: &str, account: &str, name: &str, email: &str| Contact {
        source_key: Some(SourceKey { source: source.into(), id: email.into() }),
        account: account.into(),
        display_name: name.into(),
        email: email.into(),
        ..Contact::default()
    };
    let contacts = vec![
        contact("crm", &first[0], "Dr. Anna Müller", "anna.mueller@northwind.example"),
        contact("shop", &second[0], "Mueller, Anna", "Anna.Mueller@northwind.example"),
    ];
    let request = UpsertContactsRequest { request_id: request_id(), contacts, update_mask: None };
    world.client().upsert_contacts(request).await.unwrap();
    eventually(async || {
        let found = world.client().list_contacts(ListContactsRequest::default()).await.unwrap().into_inner();
        (found.contacts.len() == 1).then_some(())
    })
    .await;
}

async fn a_source_without_duplicates_keeps_its_records_apart(world: &World) {
    let twins = |source: &str| {
        ["1", "2"].map(|id| company(source, id, "Twin Towers Trading", "+44 20 7946 0100", "York")).to_vec()
    };
    let names = upsert(world, twins("crm")).await;
    compared(world, 1).await;
    assert!(merges(world).await.iter().all(|merge| !names.contains(&merge.profile)));
    // a source that is known to have them may
    let sources =
        vec![Source { source: "cards".into(), trust: 50, has_duplicates: true, ..Source::default() }];
    let request = UpsertSourcesRequest { request_id: request_id(), sources };
    client(world, Role::Operator).upsert_sources(request).await.unwrap();
    let cards = ["8", "9"].map(|id| company("cards", id, "Harbour Lights Inn", "+44 20 7946 0200", "Hull"));
    let cards = upsert(world, cards.to_vec()).await;
    eventually(async || merges(world).await.into_iter().find(|merge| merge.merged == cards[1])).await;
}

/// The same shop, or a chain: a name and a number that many have say little.
fn corner_shops(count: usize) -> Vec<Account> {
    let shop =
        |number| company(&format!("register{number}"), "1", "Corner Shop", "+44 20 7946 0400", "Leeds");
    (0..count).map(shop).collect()
}

async fn a_person_is_asked_about_what_is_likely(world: &World) {
    let names = upsert(world, corner_shops(60)).await;
    let asked = eventually(async || reviews(world, State::Unspecified).await.into_iter().next()).await;
    assert!(names.contains(&asked.one) && names.contains(&asked.other));
    // the reasons add up
    let sum = asked.prior + asked.evidence.iter().map(|part| part.weight).sum::<f64>();
    assert!((sum - asked.weight).abs() < 1e-9, "{asked:?}");
    assert!((0.2..0.95).contains(&asked.probability) || !asked.warning.is_empty(), "{}", asked.probability);
    compared(world, 5).await;
    let before = accounts(world).await.len();
    let decide = |same| DecideReviewRequest { request_id: request_id(), name: asked.name.clone(), same };
    let decided = client(world, Role::Manager).decide_review(decide(true)).await.unwrap().into_inner();
    assert_eq!(decided.merge.as_ref().unwrap().decided_by, "tester");
    assert_eq!(accounts(world).await.len(), before - 1);
    assert_eq!(reviews(world, State::Merged).await.len(), 1);
    // what was said to be one and is not after all is found by the name under which it is listed
    let undo = UndoMergeRequest { request_id: request_id(), name: decided.merge.unwrap().name };
    client(world, Role::Manager).undo_merge(undo).await.unwrap();
    let apart = reviews(world, State::Apart).await;
    assert_eq!(apart.len(), 1);
    let again = DecideReviewRequest { request_id: request_id(), name: apart[0].name.clone(), same: true };
    assert!(client(world, Role::Manager).decide_review(again).await.unwrap().into_inner().merge.is_some());
    let refused = client(world, Role::Seller).decide_review(decide(false)).await;
    assert_eq!(why(refused), (Code::PermissionDenied, Reason::RoleInsufficient));
}

async fn what_was_undone_is_not_merged_again(world: &World) {
    let pair = || {
        vec![
            company("crm", "1", "Kestrel Foods", "+44 20 7946 0300", "Bath"),
            company("shop", "2", "Kestrel Foods", "+44 20 7946 0300", "Bath"),
        ]
    };
    let names = upsert(world, pair()).await;
    let merge = eventually(async || merges(world).await.pop()).await;
    let request = UndoMergeRequest { request_id: request_id(), name: merge.name };
    client(world, Role::Manager).undo_merge(request).await.unwrap();
    assert_eq!(reviews(world, State::Apart).await.len(), 1);
    // they change, and are compared again
    let changed = pair().into_iter().map(|account| Account { industry: "food".into(), ..account }).collect();
    upsert(world, changed).await;
    compared(world, 2).await;
    assert!(accounts(world).await.starts_with(&names));
}

async fn no_profile_swallows_a_market(world: &World) {
    let names = upsert(world, corner_shops(60)).await;
    compared(world, 3).await;
    resolve(world).await;
    let merged = merges(world).await.into_iter().filter(|merge| names.contains(&merge.profile)).count();
    assert!(merged < 10, "{merged}");
    assert!(!reviews(world, State::Open).await.is_empty());
}

async fn resolve(world: &World) -> ResolutionRun {
    let request = StartResolutionRunRequest { request_id: request_id(), kind: ProfileKind::Account.into() };
    let mut operator = client(world, Role::Operator);
    let started = operator.start_resolution_run(request).await.unwrap().into_inner().resolution_run.unwrap();
    eventually(async || {
        let request = GetResolutionRunRequest { name: started.name.clone() };
        let found = operator.get_resolution_run(request).await.unwrap().into_inner().resolution_run.unwrap();
        let state = found.status.as_ref().unwrap().state();
        assert_ne!(state, run_status::State::Failed, "{found:?}");
        (state == run_status::State::Succeeded).then_some(found)
    })
    .await
}

async fn all_records_are_compared_anew(world: &World) {
    let mut records = Vec::new();
    for number in 0..150 {
        let name = format!(
            "{} {} Works",
            ["Amber", "Birch", "Cedar", "Delta", "Ember"][number % 5],
            number * 7 + 11
        );
        let phone = format!("+44 20 7946 {:04}", number + 1_000);
        records.push(company("crm", &format!("c{number}"), &name, &phone, "Hull"));
        if number % 3 == 0 {
            records.push(company("shop", &format!("s{number}"), &name.to_uppercase(), &phone, "Hull"));
        }
    }
    upsert(world, records).await;
    compared(world, 4).await;
    let before = accounts(world).await;
    let run = resolve(world).await;
    assert_eq!(run.records, 150 + 50 + 2);
    assert!(run.pairs > 0);
    // arrival found what a comparison of everything finds
    assert_eq!((accounts(world).await, run.merges), (before.clone(), 0));
    assert_eq!(before.len(), 151);
}
