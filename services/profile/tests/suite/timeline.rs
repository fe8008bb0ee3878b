//! What happened at an account, newest first, and nothing that is not known yet.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_proto::common::v1::SourceKey;
use salient_proto::profile::v1::{
    Contact, IngestRecordsRequest, Interaction, ListTimelineRequest, Opportunity, OpportunityChange, Order,
    TimelineEntry, UpsertContactsRequest, interaction,
    opportunity::State,
    order::{Kind, Origin},
    timeline_entry::Entry,
};
use tonic::Code;

use crate::world::{
    Client, World, account, both, contact, interaction, key, opportunity, order, request_id, stream,
    timestamp, why,
};

both!(
    newest_first,
    in_pages,
    between_times_and_of_kinds,
    nothing_later_than_the_clock,
    every_kind_has_its_place,
    late_and_repeated_arrivals,
    of_one_person,
    changes_of_opportunities,
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
        Entry::OpportunityChange(_) => return "change",
        Entry::Usage(_) => return "usage",
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
    assert_eq!(ids(&mut client, request.clone()).await, ["change", "o", "p"]);
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

async fn every_kind_has_its_place(world: &World) {
    let mut client = world.client();
    let kinds: Vec<interaction::Kind> =
        (1..).map_while(|number| interaction::Kind::try_from(number).ok()).collect();
    let interactions: Vec<Interaction> = kinds
        .iter()
        .zip(1..)
        .map(|(kind, days)| Interaction {
            kind: *kind as i32,
            ..interaction(kind.as_str_name(), "a", world.ago(days))
        })
        .collect();
    let origins = [Origin::SelfService, Origin::SellerAssisted, Origin::Offline];
    let orders = origins.iter().zip(20..).map(|(origin, days)| Order {
        origin: *origin as i32,
        ..order(origin.as_str_name(), "a", world.ago(days))
    });
    let back = Order { kind: Kind::Return as i32, ..order("back", "a", world.ago(30)) };
    let orders: Vec<Order> = orders.chain([back]).collect();
    let message = IngestRecordsRequest {
        accounts: vec![account("a")],
        orders,
        interactions,
        opportunities: vec![opportunity("p", "a", world.ago(40))],
        ..Default::default()
    };
    ingest(&mut client, message).await;
    let parent = first_account(&mut client).await;
    let all = ids(&mut client, ListTimelineRequest { parent: parent.clone(), ..Default::default() }).await;
    assert_eq!(all.len(), 10 + 4 + 1);
    for kind in kinds {
        let name = kind.as_str_name();
        let of = ListTimelineRequest {
            parent: parent.clone(),
            kinds: vec![name.strip_prefix("KIND_").unwrap().to_lowercase()],
            ..Default::default()
        };
        assert_eq!(ids(&mut client, of).await, [name]);
        let request = salient_proto::profile::v1::ListInteractionsRequest {
            filter: format!("kind = {name}"),
            ..Default::default()
        };
        let listed = client.list_interactions(request).await.unwrap().into_inner().interactions;
        assert_eq!(listed.len(), 1, "{name}");
    }
    let of = ListTimelineRequest { parent, kinds: vec!["order".into()], ..Default::default() };
    let entries = client.list_timeline(of).await.unwrap().into_inner().entries;
    let found: Vec<i32> = entries
        .into_iter()
        .filter_map(|entry| match entry.entry {
            Some(Entry::Order(order)) => Some(order.origin),
            _ => None,
        })
        .collect();
    assert_eq!(found, origins.map(|origin| origin as i32));
}

async fn first_account(client: &mut Client) -> String {
    let accounts = client.list_accounts(salient_proto::profile::v1::ListAccountsRequest::default()).await;
    accounts.unwrap().into_inner().accounts[0].name.clone()
}

async fn late_and_repeated_arrivals(world: &World) {
    let mut client = world.client();
    world.accounts(&mut client, &["a"]).await;
    let parent = first_account(&mut client).await;
    // the newest first, each twice, and one that is corrected
    for days in [1, 5, 3, 9, 3, 1] {
        let interactions = vec![interaction(&format!("i{days}"), "a", world.ago(days))];
        let orders = vec![order(&format!("o{days}"), "a", world.ago(days + 1))];
        ingest(&mut client, IngestRecordsRequest { interactions, orders, ..Default::default() }).await;
    }
    let corrected = vec![interaction("i9", "a", world.ago(2))];
    ingest(&mut client, IngestRecordsRequest { interactions: corrected, ..Default::default() }).await;
    let request = ListTimelineRequest { parent, ..Default::default() };
    let found = ids(&mut client, request).await;
    assert_eq!(found.len(), 8);
    let interactions: Vec<&String> = found.iter().filter(|id| id.starts_with('i')).collect();
    assert_eq!(interactions, ["i1", "i9", "i3", "i5"]);
    let orders: Vec<&String> = found.iter().filter(|id| id.starts_with('o')).collect();
    assert_eq!(orders, ["o1", "o3", "o5", "o9"]);
}

async fn of_one_person(world: &World) {
    let mut client = world.client();
    world.accounts(&mut client, &["a"]).await;
    let contacts: Vec<Contact> = vec![contact("c1", "a"), contact("c2", "a")];
    let request = UpsertContactsRequest { request_id: request_id(), contacts, update_mask: None };
    let names = client.upsert_contacts(request).await.unwrap().into_inner().names;
    let parent = first_account(&mut client).await;
    // somebody of another source has the same id there
    let web = SourceKey { source: "web".into(), id: "c1".into() };
    let others = (0..10).map(|n| Interaction {
        contact_key: Some(web.clone()),
        ..interaction(&format!("w{n}"), "a", world.ago(n % 2 * 2))
    });
    let interactions = (0..30)
        .map(|n| Interaction {
            contact_key: if n % 3 == 0 { key("c1") } else { key("c2") },
            kind: if n % 2 == 0 { interaction::Kind::Email as i32 } else { interaction::Kind::Call as i32 },
            ..interaction(&format!("i{n:02}"), "a", world.ago(n + 1))
        })
        .chain(others)
        .collect();
    let orders = vec![order("o", "a", world.ago(3))];
    ingest(&mut client, IngestRecordsRequest { interactions, orders, ..Default::default() }).await;
    let of = |kinds: &[&str]| ListTimelineRequest {
        parent: parent.clone(),
        contact: names[0].clone(),
        kinds: kinds.iter().map(ToString::to_string).collect(),
        ..Default::default()
    };
    let all: Vec<String> = (0..30).step_by(3).map(|n| format!("i{n:02}")).collect();
    assert_eq!(ids(&mut client, of(&[])).await, all);
    assert_eq!(ids(&mut client, of(&["email"])).await, ["i00", "i06", "i12", "i18", "i24"]);
    assert_eq!(ids(&mut client, of(&["order"])).await, [""; 0]);
    let first = ListTimelineRequest { page_size: 4, ..of(&[]) };
    let page = client.list_timeline(first.clone()).await.unwrap().into_inner();
    assert_eq!(page.entries.iter().map(id).collect::<Vec<_>>(), all[..4]);
    let next = ListTimelineRequest { page_token: page.next_page_token, ..first };
    assert_eq!(ids(&mut client, next).await, all[4..8]);
    let nobody = "contacts/01300000-0000-7000-8000-000000000000".to_owned();
    let nobody = client.list_timeline(ListTimelineRequest { contact: nobody, ..of(&[]) }).await;
    assert_eq!(why(nobody), (Code::NotFound, Reason::ResourceUnknown));
}

async fn changes_of_opportunities(world: &World) {
    let mut client = world.client();
    world.accounts(&mut client, &["a", "b"]).await;
    let parent = first_account(&mut client).await;
    let begin = world.now();
    let at = |stage: &str, state: State, account: &str| Opportunity {
        stage: stage.into(),
        state: state as i32,
        ..opportunity("p", account, timestamp(begin - TimeDelta::days(9)))
    };
    let changes = async |parent: &str| -> Vec<OpportunityChange> {
        let kinds = vec!["opportunity_change".to_owned()];
        let request = ListTimelineRequest { parent: parent.to_owned(), kinds, ..Default::default() };
        let entries = world.client().list_timeline(request).await.unwrap().into_inner().entries;
        let found = entries.into_iter().filter_map(|entry| match entry.entry {
            Some(Entry::OpportunityChange(change)) => Some(change),
            _ => None,
        });
        found.collect()
    };
    let won = Opportunity {
        close_time: Some(timestamp(begin + TimeDelta::hours(30))),
        ..at("signed", State::Won, "a")
    };
    let sent =
        [at("lead", State::Open, "a"), at("offer", State::Open, "a"), at("offer", State::Open, "a"), won];
    for opportunity in sent {
        ingest(&mut client, IngestRecordsRequest { opportunities: vec![opportunity], ..Default::default() })
            .await;
        world.clock.advance(TimeDelta::days(1));
    }
    let found = changes(&parent).await;
    let told: Vec<_> =
        found.iter().map(|of| (of.from_stage.as_str(), of.to_stage.as_str(), of.to_state())).collect();
    assert_eq!(told, [("offer", "signed", State::Won), ("lead", "offer", State::Open)]);
    assert!(found.iter().all(|of| of.account == parent && of.opportunity.starts_with("opportunities/")));
    // it was another customer's all the time
    let moved = Opportunity {
        close_time: Some(timestamp(begin + TimeDelta::hours(30))),
        ..at("signed", State::Won, "b")
    };
    ingest(&mut client, IngestRecordsRequest { opportunities: vec![moved], ..Default::default() }).await;
    assert_eq!(changes(&parent).await, []);
    let accounts = client.list_accounts(salient_proto::profile::v1::ListAccountsRequest::default()).await;
    let other = accounts.unwrap().into_inner().accounts[1].name.clone();
    assert_eq!(changes(&other).await.len(), 2);
}

async fn of_an_unknown_account(world: &World) {
    let mut client = world.client();
    let parent = "accounts/01300000-0000-7000-8000-000000000000".to_owned();
    let request = ListTimelineRequest { parent, ..Default::default() };
    assert_eq!(why(client.list_timeline(request).await), (Code::NotFound, Reason::ResourceUnknown));
}
