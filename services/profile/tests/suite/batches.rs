//! Bad records, requests that come twice, and batches that do nothing.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_proto::profile::v1::{
    ListAccountsRequest, Order, UpsertAccountsRequest, UpsertOrdersRequest, UpsertOrdersResponse,
};
use tonic::Code;

use crate::world::{
    Client, World, account, both, counts, order, request_id, timestamp, upsert_accounts, why,
};

both!(
    bad_records_are_told,
    a_request_that_comes_again,
    the_same_request_at_the_same_time,
    whole_requests_are_checked,
    a_key_twice_in_a_batch,
);

async fn upsert(client: &mut Client, orders: Vec<Order>) -> UpsertOrdersResponse {
    let request = UpsertOrdersRequest { request_id: request_id(), orders, update_mask: None };
    client.upsert_orders(request).await.unwrap().into_inner()
}

async fn bad_records_are_told(world: &World) {
    let mut client = world.client();
    world.accounts(&mut client, &["a"]).await;
    let time = world.ago(1);
    let mut negative = order("2", "a", time);
    negative.lines[1].amount_minor_units = -1;
    let both_ways = Order { account: format!("accounts/{}", request_id()), ..order("5", "a", time) };
    let records = vec![
        order("1", "a", time),
        negative,
        order("3", "nobody", time),
        order("4", "a", timestamp(world.now() + TimeDelta::seconds(1))),
        both_ways,
        Order { account_key: None, ..order("6", "a", time) },
        Order { source_key: None, ..order("7", "a", time) },
        order("8", "a", timestamp(world.now())),
    ];
    let request_id = request_id();
    let request = UpsertOrdersRequest { request_id: request_id.clone(), orders: records, update_mask: None };
    let response = client.upsert_orders(request).await.unwrap().into_inner();
    assert_eq!(counts(&response.result), (2, 0, 0, 6));
    let errors = response.result.unwrap().errors;
    assert!(errors.iter().all(|error| error.request_id == request_id));
    let told: Vec<_> = errors.iter().map(|e| (e.index, e.field.as_str(), e.reason.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, "lines[1].amount_minor_units", "FIELD_INVALID"),
            (2, "account_key", "ACCOUNT_UNKNOWN"),
            (3, "order_time", "DATE_IN_FUTURE"),
            (4, "account_key", "FIELD_INVALID"),
            (5, "account", "FIELD_INVALID"),
            (6, "source_key", "FIELD_INVALID"),
        ]
    );
    assert!(errors[0].message.contains("at least 0"), "{:?}", errors[0]);
    assert!(errors[1].message.contains("nobody"), "{:?}", errors[1]);
    assert!(errors[2].message.contains("up to 2011-06-01T12:00:00Z is accepted"), "{:?}", errors[2]);
    let named: Vec<_> = response.names.iter().map(|name| !name.is_empty()).collect();
    assert_eq!(named, [true, false, false, false, false, false, false, true]);
}

async fn a_request_that_comes_again(world: &World) {
    let mut client = world.client();
    let request = UpsertAccountsRequest {
        request_id: request_id(),
        accounts: vec![account("1"), account("")],
        update_mask: None,
    };
    let first = client.upsert_accounts(request.clone()).await.unwrap().into_inner();
    assert_eq!(counts(&first.result), (1, 0, 0, 1));
    world.clock.advance(TimeDelta::hours(1));
    let again = client.upsert_accounts(request.clone()).await.unwrap().into_inner();
    assert_eq!(again, first, "the first answer, not a new one");

    let other = UpsertAccountsRequest { accounts: vec![account("2")], ..request.clone() };
    assert_eq!(why(client.upsert_accounts(other).await), (Code::AlreadyExists, Reason::RequestIdReused));
    let listed = client.list_accounts(ListAccountsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.accounts.len(), 1, "the refused request did nothing");

    // an id belongs to a tenant and a method
    let mut other = world.client_of("other", salient_kit::Role::Integration);
    let elsewhere = UpsertAccountsRequest { accounts: vec![account("2")], ..request.clone() };
    assert_eq!(counts(&other.upsert_accounts(elsewhere).await.unwrap().into_inner().result), (1, 0, 0, 0));
    let orders = vec![order("1", "1", world.ago(1))];
    let request = UpsertOrdersRequest { request_id: request.request_id, orders, update_mask: None };
    assert_eq!(counts(&client.upsert_orders(request).await.unwrap().into_inner().result), (1, 0, 0, 0));
}

async fn the_same_request_at_the_same_time(world: &World) {
    let accounts: Vec<_> = (0..50).map(|n| account(&n.to_string())).collect();
    let request =
        UpsertAccountsRequest { request_id: request_id(), accounts: accounts.clone(), update_mask: None };
    let same = (0..4).map(|_| {
        let (mut client, request) = (world.client(), request.clone());
        tokio::spawn(async move { client.upsert_accounts(request).await.unwrap().into_inner() })
    });
    let mut answers = Vec::new();
    for call in same.collect::<Vec<_>>() {
        answers.push(call.await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(counts(&answers[0].result), (50, 0, 0, 0));

    // other requests with the same keys, from the other end
    let calls = (0..4).map(|n| {
        let mut client = world.client();
        let mut accounts: Vec<_> = (25..75).map(|n| account(&n.to_string())).collect();
        if n % 2 == 0 {
            accounts.reverse();
        }
        tokio::spawn(async move { upsert_accounts(&mut client, accounts).await })
    });
    let (mut created, mut unchanged) = (0, 0);
    for call in calls.collect::<Vec<_>>() {
        let result = call.await.unwrap().result.unwrap();
        created += result.created;
        unchanged += result.unchanged;
    }
    assert_eq!((created, unchanged), (25, 175));
}

async fn whole_requests_are_checked(world: &World) {
    let mut client = world.client();
    let one = vec![account("1")];
    let requests = [
        UpsertAccountsRequest { request_id: "7".into(), accounts: one.clone(), update_mask: None },
        UpsertAccountsRequest { request_id: request_id(), accounts: vec![], update_mask: None },
        UpsertAccountsRequest {
            request_id: request_id(),
            accounts: vec![account("1"); 1_001],
            update_mask: None,
        },
    ];
    for request in requests {
        assert_eq!(why(client.upsert_accounts(request).await), (Code::InvalidArgument, Reason::FieldInvalid));
    }
    let mut huge = account("1");
    huge.attributes.insert("a".into(), "x".repeat(9 << 20));
    let request = UpsertAccountsRequest { request_id: request_id(), accounts: vec![huge], update_mask: None };
    assert_eq!(why(client.upsert_accounts(request).await), (Code::ResourceExhausted, Reason::BodyTooLarge));
    let listed = client.list_accounts(ListAccountsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.accounts, []);
}

async fn a_key_twice_in_a_batch(world: &World) {
    let mut client = world.client();
    world.accounts(&mut client, &["a"]).await;
    let time = world.ago(1);
    let later = Order { currency_code: "EUR".into(), ..order("1", "a", time) };
    let response = upsert(&mut client, vec![order("1", "a", time), later.clone()]).await;
    assert_eq!(counts(&response.result), (1, 1, 0, 0));
    assert_eq!(response.names[0], response.names[1]);
    assert_eq!(counts(&upsert(&mut client, vec![later]).await.result), (0, 0, 1, 0));
}
