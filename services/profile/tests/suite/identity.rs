//! Records that are one customer.

use std::collections::BTreeSet;

use prost_types::Timestamp;
use salient_core::Reason;
use salient_kit::{Role, client::Link};
use salient_proto::profile::v1::{
    Account, GetAccountRequest, GetProvenanceRequest, GetProvenanceResponse, ListAccountsRequest,
    ListMergesRequest, ListOrdersRequest, ListTimelineRequest, Merge, MergeProfilesRequest, Order,
    PinFieldRequest, ProfilesResolved, Source, UndoMergeRequest, UnpinFieldRequest, UpsertContactsRequest,
    UpsertOrdersRequest, UpsertSourcesRequest, identity_service_client::IdentityServiceClient,
};
use tonic::{Code, Status};

use crate::{
    segments::{current, define, members, segment, segments},
    world::{World, account, both, contact, order, request_id, until, upsert_accounts, why},
};

both!(
    a_merge_is_seen_everywhere_and_undone_without_a_trace,
    chains_of_merges_come_apart_one_by_one,
    fields_come_from_the_best_source,
    a_pinned_field_stays,
    a_person_counts_once,
    what_cannot_be_merged,
    tenants_and_roles,
);

fn client(world: &World) -> IdentityServiceClient<Link> {
    IdentityServiceClient::new(world.link("acme", Role::Manager))
}

pub async fn merge(world: &World, one: &str, other: &str) -> Result<Merge, Status> {
    let request = MergeProfilesRequest {
        request_id: request_id(),
        one: one.into(),
        other: other.into(),
        reason: "the same house".into(),
    };
    Ok(client(world).merge_profiles(request).await?.into_inner().merge.unwrap())
}

pub async fn undo(world: &World, merge: &Merge) -> Result<Merge, Status> {
    let request = UndoMergeRequest { request_id: request_id(), name: merge.name.clone() };
    Ok(client(world).undo_merge(request).await?.into_inner().merge.unwrap())
}

pub async fn get(world: &World, name: &str) -> Account {
    let request = GetAccountRequest { name: name.into(), read_mask: None };
    world.client().get_account(request).await.unwrap().into_inner().account.unwrap()
}

async fn provenance(world: &World, name: &str) -> GetProvenanceResponse {
    client(world).get_provenance(GetProvenanceRequest { name: name.into() }).await.unwrap().into_inner()
}

async fn upsert(world: &World, accounts: Vec<Account>) -> Vec<String> {
    let response = upsert_accounts(&mut world.client(), accounts).await;
    assert_eq!(response.result.unwrap().errors, []);
    response.names
}

async fn upsert_orders(world: &World, orders: Vec<Order>) {
    let request = UpsertOrdersRequest { request_id: request_id(), orders, update_mask: None };
    let response = world.client().upsert_orders(request).await.unwrap().into_inner();
    assert_eq!(response.result.unwrap().errors, []);
}

async fn names(world: &World, filter: &str) -> Vec<String> {
    let request = ListAccountsRequest { filter: filter.into(), ..Default::default() };
    let found = world.client().list_accounts(request).await.unwrap().into_inner();
    found.accounts.into_iter().map(|account| account.name).collect()
}

async fn orders(world: &World, name: &str) -> Vec<(String, String)> {
    let request = ListOrdersRequest { filter: format!("account = {name}"), ..Default::default() };
    let found = world.client().list_orders(request).await.unwrap().into_inner();
    found.orders.into_iter().map(|order| (order.source_key.unwrap().id, order.account)).collect()
}

async fn timeline(world: &World, name: &str) -> usize {
    let request = ListTimelineRequest { parent: name.into(), ..Default::default() };
    world.client().list_timeline(request).await.unwrap().into_inner().entries.len()
}

async fn a_merge_is_seen_everywhere_and_undone_without_a_trace(world: &World) {
    let accounts = upsert(world, vec![account("a1"), account("a2"), account("a3")]).await;
    let [one, two, three] = [0, 1, 2].map(|place| accounts[place].clone());
    upsert_orders(
        world,
        vec![
            order("o1", "a1", world.ago(9)),
            order("o2", "a2", world.ago(8)),
            order("o3", "a2", world.ago(7)),
        ],
    )
    .await;
    let before = (get(world, &one).await, get(world, &two).await);

    let merge = merge(world, &two, &one).await.unwrap();
    // the oldest gives the name, whoever was named first
    assert_eq!((merge.profile.as_str(), merge.merged.as_str()), (one.as_str(), two.as_str()));
    assert_eq!((merge.records.as_slice(), merge.decided_by.as_str()), (&[two.clone()][..], "tester"));
    assert_eq!(get(world, &two).await.name, one);
    assert_eq!(names(world, "").await, [one.clone(), three.clone()]);
    let all = ["o1", "o2", "o3"].map(|id| (id.to_owned(), one.clone()));
    for name in [&one, &two] {
        assert_eq!(orders(world, name).await, all);
        assert_eq!(timeline(world, name).await, 3);
    }
    let told: ProfilesResolved = world.events().await.pop().unwrap();
    let moved: Vec<_> = told.roots.iter().map(|root| (&root.record, &root.profile)).collect();
    assert_eq!(moved, [(&two, &one)]);
    // new records still find their way by their own key
    upsert_orders(world, vec![order("o4", "a2", world.ago(1))]).await;
    assert_eq!(orders(world, &one).await.len(), 4);

    let undone = undo(world, &merge).await.unwrap();
    assert_eq!((undone.undone_by.as_str(), undone.undo_time.is_some()), ("tester", true));
    assert_eq!((get(world, &one).await, get(world, &two).await), before);
    assert_eq!(names(world, "").await, accounts);
    assert_eq!(orders(world, &one).await, [("o1".to_owned(), one.clone())]);
    assert_eq!(orders(world, &two).await.len(), 3);
    let told: ProfilesResolved = world.events().await.pop().unwrap();
    assert_eq!((&told.roots[0].record, &told.roots[0].profile), (&two, &two));
    assert_eq!(why(undo(world, &merge).await), (Code::FailedPrecondition, Reason::MergeUndone));
}

async fn chains_of_merges_come_apart_one_by_one(world: &World) {
    let names_of = upsert(world, ["a", "b", "c", "d"].map(account).to_vec()).await;
    let [a, b, c, d] = [0, 1, 2, 3].map(|place| names_of[place].clone());
    let cd = merge(world, &c, &d).await.unwrap();
    let bc = merge(world, &b, &d).await.unwrap();
    let ab = merge(world, &c, &a).await.unwrap();
    assert_eq!(names(world, "").await, names_of[..1]);
    // the middle one goes: two pairs are left
    undo(world, &bc).await.unwrap();
    let left = names(world, "").await;
    assert_eq!(left.len(), 2);
    undo(world, &ab).await.unwrap();
    undo(world, &cd).await.unwrap();
    assert_eq!(names(world, "").await, names_of);
    let listed = client(world)
        .list_merges(ListMergesRequest { profile: d.clone(), ..Default::default() })
        .await
        .unwrap()
        .into_inner()
        .merges;
    assert!(listed.iter().all(|merge| merge.undo_time.is_some()) && !listed.is_empty());
}

async fn fields_come_from_the_best_source(world: &World) {
    let request = UpsertSourcesRequest {
        request_id: request_id(),
        sources: vec![
            Source { source: "erp".into(), trust: 90, ..Source::default() },
            Source { source: "shop".into(), trust: 20, ..Source::default() },
        ],
    };
    let mut operator = IdentityServiceClient::new(world.link("acme", Role::Operator));
    operator.upsert_sources(request).await.unwrap();
    let record = |source: &str, name: &str, city: &str, at: i64| Account {
        source_key: Some(salient_proto::common::v1::SourceKey { source: source.into(), id: "1".into() }),
        display_name: name.into(),
        city: city.into(),
        territory: source.into(),
        source_update_time: Some(Timestamp { seconds: at, nanos: 0 }),
        ..Account::default()
    };
    let records = vec![
        record("shop", "Umbrella", "Leeds", 9),
        record("crm", "Acme Ltd", "York", 5),
        record("erp", "Zenith", "", 1),
    ];
    let names_of = upsert(world, records).await;
    merge(world, &names_of[0], &names_of[1]).await.unwrap();
    merge(world, &names_of[0], &names_of[2]).await.unwrap();
    let profile = get(world, &names_of[2]).await;
    assert_eq!((profile.name.as_str(), profile.display_name.as_str()), (names_of[0].as_str(), "Zenith"));
    // what the best source does not say, the next one does
    assert_eq!((profile.city.as_str(), profile.territory.as_str()), ("York", "erp"));
    // lists are filtered by what is shown
    assert_eq!(names(world, "territory = erp").await, [names_of[0].clone()]);
    assert_eq!(names(world, "territory = shop").await, Vec::<String>::new());
    let told = provenance(world, &names_of[1]).await;
    assert_eq!((told.name.as_str(), told.records.len()), (names_of[0].as_str(), 3));
    let city = told.fields.iter().find(|field| field.field == "city").unwrap();
    assert_eq!(
        (city.because.as_str(), city.rivals[0].value.as_str()),
        ("from a more trusted source", "Leeds")
    );
    // a change of one record is a change of the profile
    upsert(world, vec![record("erp", "Zenith Works", "", 2)]).await;
    assert_eq!(get(world, &names_of[0]).await.display_name, "Zenith Works");
}

async fn a_pinned_field_stays(world: &World) {
    let name = upsert(world, vec![account("a1")]).await.remove(0);
    let before = get(world, &name).await;
    let pin = |field: &str, value: &str| PinFieldRequest {
        request_id: request_id(),
        name: name.clone(),
        field: field.into(),
        value: value.into(),
    };
    let pinned = client(world).pin_field(pin("industry", "steel")).await.unwrap().into_inner().field.unwrap();
    assert_eq!(
        (pinned.because.as_str(), pinned.chosen.unwrap().value.as_str()),
        ("pinned by a person", "steel")
    );
    upsert(world, vec![Account { industry: "paper".into(), ..account("a1") }]).await;
    assert_eq!(get(world, &name).await.industry, "steel");
    assert_eq!(names(world, "industry = steel").await, vec![name.clone()]);
    let refused = client(world).pin_field(pin("colour", "red")).await;
    assert_eq!(why(refused), (Code::InvalidArgument, Reason::FieldInvalid));
    let unpin = UnpinFieldRequest { request_id: request_id(), name: name.clone(), field: "industry".into() };
    client(world).unpin_field(unpin).await.unwrap();
    let after = get(world, &name).await;
    assert_eq!((after.industry.as_str(), &after.display_name), ("paper", &before.display_name));
}

async fn a_person_counts_once(world: &World) {
    let (mut client, mut segments) = (world.client(), segments(world));
    let account = world.accounts(&mut client, &["1"]).await.remove(0);
    let request = UpsertContactsRequest {
        request_id: request_id(),
        contacts: vec![contact("ada", "1"), contact("byron", "1")],
        update_mask: None,
    };
    let people = client.upsert_contacts(request).await.unwrap().into_inner().names;
    define(&mut segments, segment("lonely", "account.contacts == 1")).await;
    assert_eq!(current(&mut segments, "lonely").await.evaluation.unwrap().member_count, 0);
    let merged = merge(world, &people[0], &people[1]).await.unwrap();
    let only = BTreeSet::from([account]);
    until(async || members(&mut segments, "lonely").await == only).await;
    undo(world, &merged).await.unwrap();
    until(async || members(&mut segments, "lonely").await.is_empty()).await;
}

async fn what_cannot_be_merged(world: &World) {
    let names_of = upsert(world, vec![account("a1"), account("a2")]).await;
    let (one, two) = (&names_of[0], &names_of[1]);
    assert_eq!(why(merge(world, one, one).await), (Code::FailedPrecondition, Reason::AlreadyOne));
    let first = merge(world, one, two).await.unwrap();
    assert_eq!(why(merge(world, two, one).await), (Code::FailedPrecondition, Reason::AlreadyOne));
    let nobody = "accounts/00000000-0000-7000-8000-000000000000";
    assert_eq!(why(merge(world, one, nobody).await), (Code::NotFound, Reason::ResourceUnknown));
    let contact = nobody.replace("accounts", "contacts");
    assert_eq!(why(merge(world, one, &contact).await), (Code::InvalidArgument, Reason::FieldInvalid));
    let none = Merge { name: first.name.replace(&first.name[7..15], "00000000"), ..first };
    assert_eq!(why(undo(world, &none).await), (Code::NotFound, Reason::ResourceUnknown));
}

async fn tenants_and_roles(world: &World) {
    let names_of = upsert(world, vec![account("a1"), account("a2")]).await;
    let request = || MergeProfilesRequest {
        request_id: request_id(),
        one: names_of[0].clone(),
        other: names_of[1].clone(),
        reason: String::new(),
    };
    let mut seller = IdentityServiceClient::new(world.link("acme", Role::Seller));
    assert_eq!(
        why(seller.merge_profiles(request()).await),
        (Code::PermissionDenied, Reason::RoleInsufficient)
    );
    let mut other = IdentityServiceClient::new(world.link("other", Role::Manager));
    assert_eq!(why(other.merge_profiles(request()).await), (Code::NotFound, Reason::ResourceUnknown));
    // the same request again is the same merge
    let mut ann = client(world);
    let again = request();
    let first = ann.merge_profiles(again.clone()).await.unwrap().into_inner();
    assert_eq!(ann.merge_profiles(again).await.unwrap().into_inner(), first);
}
