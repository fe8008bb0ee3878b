//! Everything about a customer in one call.

use salient_core::Reason;
use salient_kit::{Role, client::Link};
use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{
        Account, Consent, Contact, Customer, GetCustomerRequest, GetJourneyRequest, IngestRecordsRequest,
        ListAccountSegmentsRequest, ListAccountsRequest, ListJourneyTransitionsRequest, Opportunity, Order,
        PrivacySettings, UpdatePrivacySettingsRequest,
        consent::{self, Channel, Purpose},
        customer_consents::Person,
        customer_service_client::CustomerServiceClient,
        interaction,
        journey_service_client::JourneyServiceClient,
        opportunity::State,
        order,
        privacy_settings::UnknownConsent,
        timeline_entry::Entry,
    },
};
use tonic::{Code, Status};

use crate::{
    identity::{merge, undo},
    privacy::{self, said},
    segments::{current, define, ingest, segment, segments},
    world::{
        World, account, both, contact, interaction, key, mask, opportunity, order as purchase, request_id,
        timestamp, why,
    },
};

both!(
    every_part_of_a_customer,
    only_what_is_asked_for,
    months_are_zero_where_nothing_was,
    a_merged_name_leads_to_the_profile,
    what_the_contacts_agreed_to,
    what_is_refused,
);

async fn customer(world: &World, request: GetCustomerRequest) -> Result<Customer, Status> {
    let mut client: CustomerServiceClient<Link> =
        CustomerServiceClient::new(world.link("acme", Role::Seller));
    Ok(client.get_customer(request).await?.into_inner().customer.unwrap())
}

async fn of(world: &World, name: &str) -> Customer {
    customer(world, GetCustomerRequest { name: name.into(), ..Default::default() }).await.unwrap()
}

/// The names of some accounts, as they were first stored.
async fn names(world: &World, filter: &str) -> Vec<String> {
    let request = ListAccountsRequest { filter: filter.into(), ..Default::default() };
    let listed = world.client().list_accounts(request).await.unwrap().into_inner();
    listed.accounts.into_iter().map(|account| account.name).collect()
}

async fn company(world: &World) -> Vec<String> {
    let open = |id: &str, days| opportunity(id, "a", world.ago(days));
    let lost = Opportunity {
        state: State::Lost as i32,
        close_time: Some(world.ago(1)),
        ..opportunity("p3", "a", world.ago(9))
    };
    let calls = (0..30).map(|number| interaction(&format!("i{number}"), "a", world.ago(number + 2)));
    let message = IngestRecordsRequest {
        accounts: vec![
            Account { parent_key: key("group"), territory: "north".into(), ..account("a") },
            account("group"),
            Account { parent_key: key("a"), ..account("shop") },
        ],
        contacts: vec![
            contact("ada", "a"),
            Contact { phone: "+44 113 496 0000".into(), ..contact("bob", "a") },
            contact("else", "group"),
        ],
        orders: vec![purchase("o1", "a", world.ago(1)), purchase("o2", "a", world.ago(40))],
        interactions: calls.collect(),
        opportunities: vec![open("p1", 20), open("p2", 3), lost, opportunity("p4", "group", world.ago(2))],
        ..Default::default()
    };
    ingest(&mut world.client(), message).await;
    world.refreshed().await;
    names(world, "").await
}

async fn every_part_of_a_customer(world: &World) {
    let mut definitions = segments(world);
    define(&mut definitions, segment("buyers", "orders() > 1")).await;
    let names = company(world).await;
    current(&mut definitions, "buyers").await;
    let [a, group, shop] = [&names[0], &names[1], &names[2]];
    let found = of(world, a).await;
    let profile = found.account.unwrap();
    assert_eq!((&found.name, &profile.name, &profile.parent), (a, a, group));
    let provenance = found.provenance.unwrap();
    assert_eq!(provenance.records[0].source_key, key("a"));
    let origins: Vec<_> = provenance.fields.iter().map(|of| of.field.as_str()).collect();
    assert_eq!(origins, ["display_name", "territory", "parent_key"]);
    let hierarchy = found.hierarchy.unwrap();
    assert_eq!(hierarchy.parent.as_ref().map(|of| &of.name), Some(group));
    assert_eq!(hierarchy.ultimate_parent, hierarchy.parent);
    assert_eq!((hierarchy.subsidiary_count, &hierarchy.subsidiaries[0].name), (1, shop));
    let people: Vec<_> = found.contacts.iter().map(|of| (of.display_name.as_str(), &of.account)).collect();
    assert_eq!(people, [("Contact ada", a), ("Contact bob", a)]);
    let open: Vec<_> = found.open_opportunities.iter().map(|of| of.display_name.as_str()).collect();
    assert_eq!(open, ["Opportunity p2", "Opportunity p1"]);
    assert_eq!(found.timeline.len(), 20);
    // the opportunity was lost when the order came
    let newest: Vec<_> = found.timeline[..2].iter().map(|entry| entry.entry.as_ref().unwrap()).collect();
    assert!(newest.iter().any(|of| matches!(of, Entry::Order(order) if order.source_key == key("o1"))));
    assert!(newest.iter().any(|of| matches!(of, Entry::OpportunityChange(_))));
    assert!(found.timeline.is_sorted_by_key(|entry| -entry.time.unwrap().seconds));
    let completeness = found.completeness.unwrap();
    assert!(
        completeness.account_score < completeness.score && completeness.score < completeness.contact_score
    );
    assert!(completeness.questions.is_sorted_by(|one, other| one.gain >= other.gain));
    let asked: Vec<_> = completeness.questions.iter().map(|of| (&of.subject, of.field.as_str())).collect();
    assert_eq!(asked[..2], [(a, "attributes.tax_id"), (a, "phone")]);
    let segments: Vec<_> = found.segments.iter().map(|of| of.segment.as_str()).collect();
    assert_eq!(segments, ["segments/buyers"]);
    let stage = found.stage.unwrap();
    assert_eq!((stage.stage.as_str(), stage.enter_time.is_some()), ("active", true));
    let trends = found.trends.unwrap();
    assert_eq!((trends.months.len(), trends.months.last().unwrap().as_str()), (12, "2011-06"));
    assert_eq!(trends.orders[0].order_counts, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0]);
    let consents = found.consents.unwrap();
    assert!(consents.people.is_empty() && consents.unknown_permitted);

    // one without anything has every part too
    let bare = of(world, shop).await;
    assert_eq!((bare.contacts, bare.open_opportunities, bare.timeline), (vec![], vec![], vec![]));
    assert_eq!(bare.completeness.unwrap().questions[0].field, "contact");
    let trends = bare.trends.unwrap();
    assert_eq!((trends.months.len(), trends.orders, trends.interactions), (12, vec![], vec![]));
}

async fn only_what_is_asked_for(world: &World) {
    let names = company(world).await;
    let some = GetCustomerRequest {
        name: names[0].clone(),
        read_mask: mask(&["timeline", "completeness"]),
        timeline_size: 3,
        ..Default::default()
    };
    let found = customer(world, some).await.unwrap();
    let timeline = found.timeline.clone();
    assert_eq!(timeline.len(), 3);
    let rest = Customer { timeline: vec![], completeness: None, ..found.clone() };
    assert!(found.completeness.is_some());
    assert_eq!(rest, Customer::default());
}

async fn months_are_zero_where_nothing_was(world: &World) {
    let at = |text: &str| timestamp(text.parse().unwrap());
    let euros = Order { currency_code: "EUR".into(), ..purchase("o3", "a", at("2011-03-01T00:00:00Z")) };
    let back =
        Order { kind: order::Kind::Return as i32, ..purchase("o4", "a", at("2011-05-31T23:59:59.999Z")) };
    let mut mail = interaction("m", "a", at("2011-04-30T23:59:59Z"));
    mail.kind = interaction::Kind::Email as i32;
    let message = IngestRecordsRequest {
        accounts: vec![account("a")],
        orders: vec![
            purchase("o1", "a", at("2011-02-28T23:00:00Z")),
            purchase("o2", "a", at("2011-06-01T00:00:00Z")),
            euros,
            back,
        ],
        interactions: vec![mail, interaction("i", "a", at("2011-05-01T00:00:00Z"))],
        ..Default::default()
    };
    ingest(&mut world.client(), message).await;
    world.refreshed().await;
    let request = GetCustomerRequest {
        name: names(world, "").await.remove(0),
        read_mask: mask(&["trends"]),
        trend_months: 4,
        ..Default::default()
    };
    let trends = customer(world, request).await.unwrap().trends.unwrap();
    assert_eq!(trends.months, ["2011-03", "2011-04", "2011-05", "2011-06"]);
    let [euros, pounds] = &trends.orders[..] else { panic!("{:?}", trends.orders) };
    let one = 255 * 14;
    assert_eq!((euros.currency_code.as_str(), &euros.revenue_minor_units), ("EUR", &vec![one, 0, 0, 0]));
    assert_eq!((&pounds.order_counts, &pounds.revenue_minor_units), (&vec![0, 0, 0, 1], &vec![0, 0, 0, one]));
    assert_eq!(
        (&pounds.return_counts, &pounds.returned_minor_units),
        (&vec![0, 0, 1, 0], &vec![0, 0, one, 0])
    );
    let kinds: Vec<_> = trends.interactions.iter().map(|of| (of.kind(), of.counts.clone())).collect();
    assert_eq!(
        kinds,
        [(interaction::Kind::Email, vec![0, 1, 0, 0]), (interaction::Kind::Call, vec![0, 0, 1, 0])]
    );
}

async fn a_merged_name_leads_to_the_profile(world: &World) {
    let mut definitions = segments(world);
    define(&mut definitions, segment("buyers", "orders() > 1")).await;
    current(&mut definitions, "buyers").await;
    let name = company(world).await.remove(0);
    let message = IngestRecordsRequest {
        accounts: vec![Account {
            source_key: Some(SourceKey { source: "shop".into(), id: "1".into() }),
            display_name: "Zenith".into(),
            city: "Leeds".into(),
            ..Account::default()
        }],
        ..Default::default()
    };
    ingest(&mut world.client(), message).await;
    let twin = names(world, "source = shop").await.remove(0);
    let merged = merge(world, &name, &twin).await.unwrap();
    world.refreshed().await;

    assert_eq!(of(world, &twin).await, of(world, &name).await);
    let found = of(world, &twin).await;
    assert_eq!((&found.name, found.provenance.unwrap().records.len()), (&name, 2));
    assert_eq!(found.account.unwrap().city, "Leeds");
    let mut journeys = JourneyServiceClient::new(world.link("acme", Role::Seller));
    let journey = GetJourneyRequest { name: format!("{twin}/journey") };
    let journey = journeys.get_journey(journey).await.unwrap().into_inner().journey.unwrap();
    assert_eq!((journey.name, journey.stage.as_str()), (format!("{name}/journey"), "active"));
    let steps = ListJourneyTransitionsRequest { parent: format!("{twin}/journey"), ..Default::default() };
    let steps = journeys.list_journey_transitions(steps).await.unwrap().into_inner().transitions;
    assert!(steps.iter().all(|step| step.account == name) && !steps.is_empty());
    let of_account = ListAccountSegmentsRequest { parent: twin.clone(), ..Default::default() };
    let listed = definitions.list_account_segments(of_account.clone()).await.unwrap().into_inner().segments;
    assert_eq!(listed.len(), 1);

    undo(world, &merged).await.unwrap();
    world.refreshed().await;
    assert_eq!(of(world, &twin).await.name, twin);
    let listed = definitions.list_account_segments(of_account).await.unwrap().into_inner().segments;
    assert_eq!(listed, []);
}

async fn what_the_contacts_agreed_to(world: &World) {
    let name = company(world).await.remove(0);
    let [ada, bob] = <[Contact; 2]>::try_from(of(world, &name).await.contacts).unwrap();
    let consents = async || of(world, &name).await.consents.unwrap().people;
    let mut privacy = privacy::privacy(world, Role::Operator);
    let by_mail =
        Consent { channel: Channel::Email.into(), ..said(&bob.name, consent::State::Granted, world.ago(9)) };
    let calls = |of: &Contact, state, days| said(&of.name, state, world.ago(days));
    let granted = calls(&ada, consent::State::Granted, 5);
    let older = calls(&ada, consent::State::Granted, 8);
    privacy::record(&mut privacy, vec![older, granted, by_mail]).await;
    let told = consents().await;
    let shown = |of: &Person| -> (String, Vec<_>) {
        let each = of.statuses.iter().map(|of| (of.purpose(), of.channel(), of.state(), of.permitted));
        (of.contact.clone(), each.collect())
    };
    let (sales, yes) = (Purpose::Sales, consent::State::Granted);
    assert_eq!(
        told.iter().map(shown).collect::<Vec<_>>(),
        [
            (ada.name.clone(), vec![(sales, Channel::Call, yes, true)]),
            (bob.name.clone(), vec![(sales, Channel::Email, yes, true)]),
        ]
    );
    assert_eq!(told[0].statuses[0].consent.as_ref().unwrap().consent_time, Some(world.ago(5)));

    // one person: what any of the records said, the latest decides
    let no = calls(&bob, consent::State::Withdrawn, 2);
    privacy::record(&mut privacy, vec![no]).await;
    let merged = privacy::merge(world, &ada.name, &bob.name).await;
    let one = consents().await.iter().map(shown).collect::<Vec<_>>();
    let both =
        vec![(sales, Channel::Call, consent::State::Withdrawn, false), (sales, Channel::Email, yes, true)];
    assert_eq!(one, [(ada.name.clone(), both.clone())]);
    privacy::undo(world, &merged).await;
    let again = consents().await;
    assert_eq!(again[0], told[0]);
    assert_eq!(shown(&again[1]).1, both);

    let settings =
        PrivacySettings { unknown_consent: UnknownConsent::Forbidden.into(), ..PrivacySettings::default() };
    let request = UpdatePrivacySettingsRequest { request_id: request_id(), settings: Some(settings) };
    privacy.update_privacy_settings(request).await.unwrap();
    assert!(!of(world, &name).await.consents.unwrap().unknown_permitted);
}

async fn what_is_refused(world: &World) {
    let name = company(world).await.remove(0);
    let invalid = (Code::InvalidArgument, Reason::FieldInvalid);
    let wrong = |change: fn(&mut GetCustomerRequest)| {
        let mut request = GetCustomerRequest { name: name.clone(), ..Default::default() };
        change(&mut request);
        request
    };
    assert_eq!(why(customer(world, wrong(|of| of.trend_months = 25)).await), invalid);
    assert_eq!(why(customer(world, wrong(|of| of.timeline_size = 101)).await), invalid);
    assert_eq!(why(customer(world, wrong(|of| of.name = "accounts/1".into())).await), invalid);
    let masked = customer(world, wrong(|of| of.read_mask = mask(&["orders"]))).await;
    assert_eq!(why(masked), (Code::InvalidArgument, Reason::FieldMaskInvalid));
    let mut theirs = CustomerServiceClient::new(world.link("other", Role::Seller));
    let request = GetCustomerRequest { name, ..Default::default() };
    assert_eq!(why(theirs.get_customer(request).await), (Code::NotFound, Reason::ResourceUnknown));
}
