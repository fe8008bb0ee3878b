//! What happened at an account, newest first, and nothing that is not known yet.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_proto::profile::v1::{
    IngestRecordsRequest, ListTimelineRequest, Opportunity, Order, TimelineEntry, opportunity::State,
    order::Kind, timeline_entry::Entry,
};
use tonic::Code;

use crate::world::{
    Client, World, account, both, interaction, opportunity, order, request_id, stream, timestamp, why,
};

both!(
    newest_first,
    in_pages,
    between_times_and_of_kinds,
    nothing_later_than_the_clock,
    of_an_unknown_account
);

async fn ingest(client: &mut Client, message: IngestRecordsRequest) {
    let message = IngestRecordsRequest { request_id: request_id(), ..message };
    let response = client.ingest_records(stream(vec![message])).await.unwrap().into_inner();
    for result in [response.orders, response.interactions, response.opportunities].into_iter().flatten() {
        assert_eq!(result.errors, []);
    }
}

/// Two accounts: the first with something on each of nine days, the second with noise.
async fn history(world: &World, client: &mut Client) -> String {
    let back = Order { kind: Kind::Return as i32, ..order("o2", "a", world.ago(4)) };
    let message = IngestRecordsRequest {
        accounts: vec![account("a"), account("b")],
        orders: vec![
            order("o1", "a", world.ago(7)),
            back,
            order("o3", "b", world.ago(1)),
            order("o4", "a", world.ago(1)),
        ],
        interactions: vec![
            interaction("i1", "a", world.ago(8)),
            interaction("i2", "b", world.ago(2)),
            interaction("i3", "a", world.ago(3)),
            interaction("i4", "a", world.ago(6)),
        ],
        opportunities: vec![opportunity("p1", "a", world.ago(5)), opportunity("p2", "a", world.ago(9))],
        ..Default::default()
    };
    ingest(client, message).await;
    let accounts = client.list_accounts(salient_proto::profile::v1::ListAccountsRequest::default()).await;
    accounts.unwrap().into_inner().accounts[0].name.clone()
}

fn id(entry: &TimelineEntry) -> &str {
    let key = match entry.entry.as_ref().unwrap() {
        Entry::Order(order) => &order.source_key,
        Entry::Interaction(interaction) => &interaction.source_key,
        Entry::Opportunity(opportunity) => &opportunity.source_key,
    };
    &key.as_ref().unwrap().id
}

async fn ids(client: &mut Client, request: ListTimelineRequest) -> Vec<String> {
    let entries = client.list_timeline(request).await.unwrap().into_inner().entries;
    entries.iter().map(|entry| id(entry).to_owned()).collect()
}

async fn newest_first(world: &World) {
    let mut client = world.client();
    let parent = history(world, &mut client).await;
    let request = ListTimelineRequest { parent, ..Default::default() };
    let entries = client.list_timeline(request).await.unwrap().into_inner().entries;
    let found: Vec<_> = entries.iter().map(id).collect();
    assert_eq!(found, ["o4", "i3", "o2", "p1", "i4", "o1", "i1", "p2"]);
    assert_eq!(entries[0].time, Some(world.ago(1)));
}

async fn in_pages(world: &World) {
    let mut client = world.client();
    let parent = history(world, &mut client).await;
    // four at the very same time
    let same = (0..4).map(|n| interaction(&format!("s{n}"), "a", world.ago(4))).collect();
    ingest(&mut client, IngestRecordsRequest { interactions: same, ..Default::default() }).await;
    let all = ids(&mut client, ListTimelineRequest { parent: parent.clone(), ..Default::default() }).await;
    assert_eq!(all.len(), 12);
    for page_size in 1..5 {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let request =
                ListTimelineRequest { parent: parent.clone(), page_size, page_token, ..Default::default() };
            let page = client.list_timeline(request).await.unwrap().into_inner();
            found.extend(page.entries.iter().map(|entry| id(entry).to_owned()));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(found, all);
    }
    let request = ListTimelineRequest { parent: parent.clone(), page_size: 1, ..Default::default() };
    let page_token = client.list_timeline(request.clone()).await.unwrap().into_inner().next_page_token;
    let other = ListTimelineRequest { kinds: vec!["order".into()], page_token, ..request };
    assert_eq!(why(client.list_timeline(other).await), (Code::InvalidArgument, Reason::PageTokenInvalid));
}

async fn between_times_and_of_kinds(world: &World) {
    let mut client = world.client();
    let parent = history(world, &mut client).await;
    let between = ListTimelineRequest {
        parent: parent.clone(),
        start_time: Some(world.ago(6)),
        end_time: Some(world.ago(3)),
        ..Default::default()
    };
    assert_eq!(ids(&mut client, between).await, ["o2", "p1", "i4"]);
    let of = |kinds: &[&str]| ListTimelineRequest {
        parent: parent.clone(),
        kinds: kinds.iter().map(ToString::to_string).collect(),
        ..Default::default()
    };
    assert_eq!(ids(&mut client, of(&["order"])).await, ["o4", "o1"]);
    assert_eq!(ids(&mut client, of(&["return", "opportunity"])).await, ["o2", "p1", "p2"]);
    assert_eq!(ids(&mut client, of(&["call"])).await, ["i3", "i4", "i1"]);
    assert_eq!(ids(&mut client, of(&["meeting"])).await, [""; 0]);
    assert_eq!(why(client.list_timeline(of(&["fax"])).await), (Code::InvalidArgument, Reason::FieldInvalid));
}

async fn nothing_later_than_the_clock(world: &World) {
    let mut client = world.client();
    let (day, closed) = (TimeDelta::days(1), world.now() - TimeDelta::days(2));
    let won = Opportunity {
        state: State::Won as i32,
        stage: "signed".into(),
        close_time: Some(timestamp(closed)),
        ..opportunity("p", "a", timestamp(closed - day))
    };
    let message = IngestRecordsRequest {
        accounts: vec![account("a")],
        orders: vec![order("o", "a", timestamp(closed))],
        interactions: vec![interaction("i", "a", timestamp(closed + day))],
        opportunities: vec![won.clone()],
        ..Default::default()
    };
    ingest(&mut client, message).await;
    let accounts = client.list_accounts(salient_proto::profile::v1::ListAccountsRequest::default()).await;
    let parent = accounts.unwrap().into_inner().accounts[0].name.clone();
    let request = ListTimelineRequest { parent, ..Default::default() };

    world.clock.set(closed);
    assert_eq!(ids(&mut client, request.clone()).await, ["o", "p"]);
    world.clock.set(closed - TimeDelta::microseconds(1));
    let entries = client.list_timeline(request.clone()).await.unwrap().into_inner().entries;
    let [TimelineEntry { entry: Some(Entry::Opportunity(opportunity)), .. }] = &entries[..] else {
        panic!("{entries:?}");
    };
    assert_eq!((opportunity.state(), opportunity.stage.as_str()), (State::Open, ""));
    assert_eq!(opportunity.close_time, None);
    world.clock.set(closed - day - TimeDelta::microseconds(1));
    assert_eq!(ids(&mut client, request.clone()).await, [""; 0]);
    // asking for more does not help
    let end_time = Some(timestamp(closed + day + day));
    assert_eq!(ids(&mut client, ListTimelineRequest { end_time, ..request }).await, [""; 0]);
}

async fn of_an_unknown_account(world: &World) {
    let mut client = world.client();
    let parent = "accounts/01300000-0000-7000-8000-000000000000".to_owned();
    let request = ListTimelineRequest { parent, ..Default::default() };
    assert_eq!(why(client.list_timeline(request).await), (Code::NotFound, Reason::ResourceUnknown));
}
