//! Streams of batches.

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use prost::Message;
use salient_core::Reason;
use salient_proto::profile::v1::{
    IngestRecordsRequest, ListAccountsRequest, ListContactsRequest, ListOrdersRequest, Order,
};
use tonic::Code;

use crate::world::{
    Client, World, account, both, contact, counts, interaction, opportunity, order, request_id, stream, why,
};

both!(
    a_message_may_hold_everything,
    a_stream_is_simply_sent_again,
    a_bad_message_ends_the_stream_and_the_rest_stands,
    many_errors,
    any_order_of_the_same_records,
);

fn message(id: &str, world: &World) -> IngestRecordsRequest {
    let time = world.ago(2);
    IngestRecordsRequest {
        request_id: request_id(),
        accounts: vec![account(id)],
        contacts: vec![contact(id, id), contact(&format!("{id}x"), "nobody")],
        orders: vec![order(id, id, time)],
        interactions: vec![interaction(id, id, time)],
        opportunities: vec![opportunity(id, id, time)],
    }
}

async fn a_message_may_hold_everything(world: &World) {
    let mut client = world.client();
    let messages = vec![
        message("1", world),
        message("2", world),
        IngestRecordsRequest { request_id: request_id(), ..Default::default() },
    ];
    let response = client.ingest_records(stream(messages.clone())).await.unwrap().into_inner();
    assert_eq!(response.batches, 3);
    assert_eq!(counts(&response.contacts), (2, 0, 0, 2));
    for result in [&response.accounts, &response.orders, &response.interactions, &response.opportunities] {
        assert_eq!(counts(result), (2, 0, 0, 0));
    }
    let errors = response.contacts.unwrap().errors;
    let told: Vec<_> = errors.iter().map(|e| (e.request_id.as_str(), e.index, e.reason.as_str())).collect();
    let ids: Vec<_> = messages.iter().map(|message| message.request_id.as_str()).collect();
    assert_eq!(told, [(ids[0], 1, "ACCOUNT_UNKNOWN"), (ids[1], 1, "ACCOUNT_UNKNOWN")]);
    let empty = client.ingest_records(stream(vec![])).await.unwrap().into_inner();
    assert_eq!(empty.batches, 0);
}

async fn a_stream_is_simply_sent_again(world: &World) {
    let mut client = world.client();
    let messages: Vec<_> = (0..6).map(|n| message(&n.to_string(), world)).collect();
    // the first time it broke in the middle
    client.ingest_records(stream(messages[..3].to_vec())).await.unwrap();
    let events = world.event_counts().await;
    let response = client.ingest_records(stream(messages.clone())).await.unwrap().into_inner();
    // batches taken before answer as they did then
    assert_eq!((response.batches, counts(&response.orders)), (6, (6, 0, 0, 0)));
    let before: usize = events.values().sum();
    let after: usize = world.event_counts().await.values().sum();
    assert_eq!((before, after), (15, 30));

    // other ids, same records: nothing changes
    let renamed =
        messages.iter().cloned().map(|message| IngestRecordsRequest { request_id: request_id(), ..message });
    let response = client.ingest_records(stream(renamed.collect())).await.unwrap().into_inner();
    assert_eq!(counts(&response.orders), (0, 0, 6, 0));
    assert_eq!(world.event_counts().await.values().sum::<usize>(), 30);
}

async fn a_bad_message_ends_the_stream_and_the_rest_stands(world: &World) {
    let mut client = world.client();
    let first = message("1", world);
    let nameless = IngestRecordsRequest { request_id: "x".into(), ..message("2", world) };
    let sent = client.ingest_records(stream(vec![first.clone(), nameless, message("3", world)])).await;
    let status = sent.as_ref().unwrap_err().clone();
    assert_eq!(why(sent), (Code::InvalidArgument, Reason::FieldInvalid));
    assert!(status.message().contains("messages[1].request_id"), "{status:?}");

    let reused = IngestRecordsRequest { request_id: first.request_id.clone(), ..message("4", world) };
    let sent = client.ingest_records(stream(vec![message("5", world), reused, message("6", world)])).await;
    assert_eq!(why(sent), (Code::AlreadyExists, Reason::RequestIdReused));

    let listed = client.list_accounts(ListAccountsRequest::default()).await.unwrap().into_inner().accounts;
    let ids: Vec<_> = listed.iter().map(|one| one.source_key.clone().unwrap().id).collect();
    assert_eq!(ids, ["1", "5"]);
}

async fn many_errors(world: &World) {
    let mut client = world.client();
    let messages = (0..8).map(|n| IngestRecordsRequest {
        request_id: request_id(),
        contacts: (0..1_000).map(|m| contact(&format!("{n}.{m}"), "nobody")).collect(),
        ..Default::default()
    });
    let messages: Vec<_> = messages.collect();
    let response = client.ingest_records(stream(messages.clone())).await.unwrap().into_inner();
    assert_eq!((response.batches, counts(&response.contacts)), (8, (0, 0, 0, 5_000)));
    // what did not fit is told by asking again
    let response = client.ingest_records(stream(messages[7..].to_vec())).await.unwrap().into_inner();
    assert_eq!(counts(&response.contacts), (0, 0, 0, 1_000));
}

/// What a tenant has, without what the server gave.
async fn contents(client: &mut Client) -> Vec<Vec<u8>> {
    let accounts = client.list_accounts(ListAccountsRequest::default()).await.unwrap().into_inner().accounts;
    let key_of = |name: &str| accounts.iter().find(|a| a.name == name).unwrap().source_key.clone();
    let contacts = client.list_contacts(ListContactsRequest::default()).await.unwrap().into_inner().contacts;
    let orders = client.list_orders(ListOrdersRequest::default()).await.unwrap().into_inner().orders;
    let mut contents = Vec::new();
    for mut contact in contacts {
        contact.account_key = key_of(&contact.account);
        (contact.name, contact.account, contact.create_time, contact.update_time) = Default::default();
        contents.push(contact.encode_to_vec());
    }
    for order in orders {
        let account_key = key_of(&order.account);
        let order = Order { name: String::new(), account: String::new(), account_key, ..order };
        contents.push(order.encode_to_vec());
    }
    for mut account in accounts.clone() {
        (account.name, account.create_time, account.update_time) = Default::default();
        contents.push(account.encode_to_vec());
    }
    contents.sort();
    contents
}

/// Shuffled and cut into messages at will, sent until nothing is refused any more, the same
/// records end in the same state.
async fn any_order_of_the_same_records(world: &World) {
    #[derive(Clone, Debug)]
    enum One {
        Account(String),
        Contact(String),
        Order(String),
    }
    let mut records = Vec::new();
    for n in 0..6 {
        records.push(One::Account(n.to_string()));
        records.extend((0..3).map(|m| One::Contact(format!("{n}.{m}"))));
        records.extend((0..4).map(|m| One::Order(format!("{n}.{m}"))));
    }
    let owner = |id: &str| id.split('.').next().unwrap().to_owned();
    let time = world.ago(2);
    let mut expected = None;
    let mut runner = TestRunner::deterministic();
    let strategy =
        (proptest::strategy::Just(records).prop_shuffle(), proptest::collection::vec(1_usize..12, 60));
    for case in 0..8 {
        let (records, cuts) = strategy.new_tree(&mut runner).unwrap().current();
        let mut client = world.client_of(&format!("case-{case}"), salient_kit::Role::Integration);
        let mut rest = &records[..];
        let mut messages = Vec::new();
        for cut in cuts {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            rest = later;
            let mut message = IngestRecordsRequest::default();
            for one in now {
                match one {
                    One::Account(id) => message.accounts.push(account(id)),
                    One::Contact(id) => message.contacts.push(contact(id, &owner(id))),
                    One::Order(id) => message.orders.push(order(id, &owner(id), time)),
                }
            }
            messages.push(message);
        }
        let mut refused = usize::MAX;
        for _ in 0..2 {
            let again =
                messages.iter().cloned().map(|m| IngestRecordsRequest { request_id: request_id(), ..m });
            let response = client.ingest_records(stream(again.collect())).await.unwrap().into_inner();
            refused = [response.contacts, response.orders].iter().flatten().map(|r| r.errors.len()).sum();
        }
        assert_eq!(refused, 0, "once the accounts are there, nothing is refused");
        let found = contents(&mut client).await;
        assert_eq!(found.len(), records.len());
        assert_eq!(*expected.get_or_insert_with(|| found.clone()), found);
    }
}
