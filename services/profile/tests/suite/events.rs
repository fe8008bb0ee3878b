//! What the others hear: every change once, whole, and nothing else.

use std::collections::BTreeMap;

use salient_core::AccountId;
use salient_events::shard_of;
use salient_kit::Role;
use salient_proto::{
    common::v1::{GetEventStatusRequest, events_service_client::EventsServiceClient},
    profile::v1::{
        Account, AccountsChanged, ContactsChanged, GetAccountRequest, IngestRecordsRequest,
        InteractionsRecorded, OpportunitiesChanged, OrdersRecorded,
    },
};

use crate::world::{
    World, account, both, contact, counts, decode, interaction, opportunity, order, request_id, stream,
    upsert_accounts,
};

both!(every_change_is_heard_whole, what_does_not_change_is_not_heard, a_restart_publishes_what_was_left);

async fn every_change_is_heard_whole(world: &World) {
    let mut client = world.client();
    let ids: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let time = world.ago(2);
    let mut message = IngestRecordsRequest { request_id: request_id(), ..Default::default() };
    for id in &ids {
        message.accounts.push(account(id));
        message.contacts.push(contact(id, id));
        message.orders.push(order(id, id, time));
        message.interactions.push(interaction(id, id, time));
        message.opportunities.push(opportunity(id, id, time));
    }
    client.ingest_records(stream(vec![message])).await.unwrap();

    let accounts: Vec<AccountsChanged> = world.events().await;
    // one event a shard, not one a record
    assert!(accounts.len() <= 8, "{}", accounts.len());
    for event in &accounts {
        let shards = event
            .accounts
            .iter()
            .map(|account| shard_of(AccountId::parse_name(&account.name).unwrap().uuid().as_bytes()));
        assert_eq!(shards.collect::<std::collections::BTreeSet<_>>().len(), 1);
    }
    let mut heard: Vec<_> = accounts.into_iter().flat_map(|event| event.accounts).collect();
    heard.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(heard.len(), ids.len());
    for account in &heard {
        let request = GetAccountRequest { name: account.name.clone(), read_mask: None };
        assert_eq!(client.get_account(request).await.unwrap().into_inner().account.as_ref(), Some(account));
    }
    let name_of: BTreeMap<_, _> =
        heard.iter().map(|account| (account.source_key.clone().unwrap().id, account.name.clone())).collect();
    let orders: Vec<OrdersRecorded> = world.events().await;
    let orders: Vec<_> = orders.into_iter().flat_map(|event| event.orders).collect();
    assert_eq!(orders.len(), ids.len());
    for order in orders {
        assert_eq!(order.account, name_of[&order.source_key.unwrap().id]);
        assert_eq!(order.lines.len(), 2);
        assert!(order.name.starts_with("orders/") && order.account_key.is_none());
    }
    let contacts: Vec<ContactsChanged> = world.events().await;
    assert!(contacts.iter().flat_map(|event| &event.contacts).all(|contact| contact.create_time.is_some()));
    assert_eq!(contacts.iter().map(|event| event.contacts.len()).sum::<usize>(), ids.len());
    let interactions: Vec<InteractionsRecorded> = world.events().await;
    assert_eq!(interactions.iter().map(|event| event.interactions.len()).sum::<usize>(), ids.len());
    let opportunities: Vec<OpportunitiesChanged> = world.events().await;
    assert_eq!(opportunities.iter().map(|event| event.opportunities.len()).sum::<usize>(), ids.len());

    let mut operator = EventsServiceClient::new(world.link("acme", Role::Operator));
    let status = operator.get_event_status(GetEventStatusRequest {}).await.unwrap().into_inner();
    let types: Vec<_> = status.types.iter().map(|kind| kind.r#type.as_str()).collect();
    // what it tells of records, and what it hears of erasures and exports
    assert_eq!(types.len(), 7);
    assert!(types.contains(&"salient.profile.v1.OrdersRecorded"));
}

async fn what_does_not_change_is_not_heard(world: &World) {
    let mut client = world.client();
    let two = vec![account("1"), account("2")];
    upsert_accounts(&mut client, two.clone()).await;
    let first = world.event_counts().await;
    upsert_accounts(&mut client, two.clone()).await;
    let refused =
        upsert_accounts(&mut client, vec![Account { display_name: "\0".into(), ..account("3") }]).await;
    assert_eq!(counts(&refused.result), (0, 0, 0, 1));
    assert_eq!(world.event_counts().await, first);

    world.clock.advance(chrono::TimeDelta::hours(1));
    let changed = Account { territory: "south".into(), ..account("2") };
    let response = upsert_accounts(&mut client, vec![account("1"), changed]).await;
    assert_eq!(counts(&response.result), (0, 1, 1, 0));
    let last = world.events::<AccountsChanged>().await.pop().unwrap();
    let [account] = &last.accounts[..] else { panic!("{last:?}") };
    assert_eq!((account.territory.as_str(), account.display_name.as_str()), ("south", "Account 2"));
    assert_ne!(account.update_time, account.create_time);
}

async fn a_restart_publishes_what_was_left(world: &World) {
    let mut client = world.client();
    upsert_accounts(&mut client, vec![account("1")]).await;
    world.events::<AccountsChanged>().await;
    let ending = world.stop().await;
    assert_eq!((ending.failures, ending.left_running), (vec![], 0));

    // committed without a relay at work, as if the process had died right after
    let config = salient_store::StoreConfig::new(world.store_url());
    let db = salient_store::Db::connect(&config).await.unwrap();
    let profile = salient_profile::Profile { db: db.clone(), clock: world.clock.clone() };
    let latest = world.clock.latest();
    let message =
        IngestRecordsRequest { request_id: request_id(), accounts: vec![account("2")], ..Default::default() };
    let prepared = salient_profile::ingest::Prepared::new(&"acme".parse().unwrap(), message, latest);
    let answer = |_| salient_proto::profile::v1::IngestRecordsResponse::default();
    salient_profile::ingest::ingest(&profile, prepared, answer).await.unwrap();
    db.close().await;

    let (life, heard) = world.again().await;
    let mut accounts = Vec::new();
    for _ in 0..1_000 {
        accounts = decode::<AccountsChanged>(&heard).into_iter().flat_map(|event| event.accounts).collect();
        if !accounts.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let names: Vec<_> = accounts.iter().map(|account| account.display_name.as_str()).collect();
    assert_eq!(names, ["Account 2"]);
    let ending = life.finish(std::future::pending()).await;
    assert_eq!((ending.failures, ending.left_running), (vec![], 0));
}
