//! Journeys: the stages of accounts, as records and days come.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_kit::{Role, client::Link};
use salient_proto::profile::v1::{
    GetJourneyRequest, GetJourneyRulesRequest, IngestRecordsRequest, Journey, JourneyRules, JourneyStage,
    JourneyStageChanged, ListJourneyTransitionsRequest, UpdateJourneyRulesRequest, WatchJourneysRequest,
    journey_service_client::JourneyServiceClient,
};
use tonic::Code;

use crate::world::{Client, World, both, order, request_id, stream, until, why};

both!(
    an_account_goes_through_the_shipped_stages,
    a_late_record_is_taken_into_account,
    own_stages_replace_the_shipped_ones,
    wrong_stages_are_refused,
    watching_misses_nothing,
    tenants_and_roles,
);

type Journeys = JourneyServiceClient<Link>;

fn journeys(world: &World) -> Journeys {
    JourneyServiceClient::new(world.link("acme", Role::Operator))
}

async fn journey(journeys: &mut Journeys, account: &str) -> Journey {
    let request = GetJourneyRequest { name: format!("{account}/journey") };
    journeys.get_journey(request).await.unwrap().into_inner().journey.unwrap()
}

async fn comes_to(journeys: &mut Journeys, account: &str, stage: &str) {
    until(async || journey(journeys, account).await.stage == stage).await;
}

async fn steps(journeys: &mut Journeys, account: &str) -> Vec<(String, String)> {
    let parent = format!("{account}/journey");
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListJourneyTransitionsRequest { parent: parent.clone(), page_size: 2, page_token };
        let page = journeys.list_journey_transitions(request).await.unwrap().into_inner();
        found.extend(page.transitions.into_iter().map(|step| (step.from_stage, step.to_stage)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

async fn buy(client: &mut Client, id: &str, account: &str, time: prost_types::Timestamp) {
    let orders = vec![order(id, account, time)];
    let message = IngestRecordsRequest { request_id: request_id(), orders, ..Default::default() };
    client.ingest_records(stream(vec![message])).await.unwrap();
}

async fn an_account_goes_through_the_shipped_stages(world: &World) {
    let (mut client, mut journeys) = (world.client(), journeys(world));
    let rules =
        journeys.get_journey_rules(GetJourneyRulesRequest {}).await.unwrap().into_inner().rules.unwrap();
    let ids: Vec<_> = rules.stages.iter().map(|stage| stage.id.as_str()).collect();
    assert_eq!(ids, ["lead", "first_order", "active", "slowing", "lapsed", "won_back"]);
    assert!(rules.shipped);

    let name = world.accounts(&mut client, &["1"]).await.remove(0);
    comes_to(&mut journeys, &name, "lead").await;
    world.clock.advance(TimeDelta::days(3));
    buy(&mut client, "a", "1", world.ago(0)).await;
    comes_to(&mut journeys, &name, "first_order").await;
    world.clock.advance(TimeDelta::days(10));
    buy(&mut client, "b", "1", world.ago(0)).await;
    comes_to(&mut journeys, &name, "active").await;
    world.clock.advance(TimeDelta::days(61));
    comes_to(&mut journeys, &name, "slowing").await;
    world.clock.advance(TimeDelta::days(120));
    comes_to(&mut journeys, &name, "lapsed").await;
    world.clock.advance(TimeDelta::days(5));
    buy(&mut client, "c", "1", world.ago(0)).await;
    comes_to(&mut journeys, &name, "won_back").await;

    let expected = [
        ("lapsed", "won_back"),
        ("slowing", "lapsed"),
        ("active", "slowing"),
        ("first_order", "active"),
        ("lead", "first_order"),
        ("", "lead"),
    ];
    let expected = expected.map(|(from, to)| (from.to_owned(), to.to_owned()));
    assert_eq!(steps(&mut journeys, &name).await, expected);
    world.clock.advance(TimeDelta::days(1));
    let journey = journey(&mut journeys, &name).await;
    let days = |time: &Option<prost_types::Duration>| time.unwrap().seconds / 86_400;
    let times: Vec<_> =
        journey.times.iter().map(|time| (time.stage.as_str(), days(&time.duration))).collect();
    let expected =
        [("lead", 3), ("first_order", 10), ("active", 61), ("slowing", 120), ("lapsed", 5), ("won_back", 1)];
    assert_eq!(times, expected);
    let heard: Vec<JourneyStageChanged> = world.events().await;
    assert_eq!(heard.iter().map(|event| event.transitions.len()).sum::<usize>(), 6);
}

async fn a_late_record_is_taken_into_account(world: &World) {
    let (mut client, mut journeys) = (world.client(), journeys(world));
    let name = world.accounts(&mut client, &["1"]).await.remove(0);
    buy(&mut client, "b", "1", world.ago(5)).await;
    comes_to(&mut journeys, &name, "first_order").await;
    // an older order comes after it: the newer one was a comeback
    buy(&mut client, "a", "1", world.ago(300)).await;
    comes_to(&mut journeys, &name, "won_back").await;
}

fn stage(id: &str, condition: &str) -> JourneyStage {
    JourneyStage { id: id.into(), display_name: id.into(), condition: condition.into() }
}

async fn update(journeys: &mut Journeys, stages: Vec<JourneyStage>) -> Result<JourneyRules, tonic::Status> {
    let rules = Some(JourneyRules { stages, ..Default::default() });
    let request = UpdateJourneyRulesRequest { request_id: request_id(), rules };
    Ok(journeys.update_journey_rules(request).await?.into_inner().rules.unwrap())
}

async fn own_stages_replace_the_shipped_ones(world: &World) {
    let (mut client, mut journeys) = (world.client(), journeys(world));
    let names = world.accounts(&mut client, &["1", "2"]).await;
    buy(&mut client, "a", "1", world.ago(1)).await;
    comes_to(&mut journeys, &names[0], "first_order").await;
    let own = vec![stage("customer", "orders() > 0"), stage("big", "revenue(\"GBP\") > 100000")];
    let rules = update(&mut journeys, own).await.unwrap();
    assert!(!rules.shipped && rules.update_time.is_some());
    comes_to(&mut journeys, &names[0], "customer").await;
    comes_to(&mut journeys, &names[1], "").await;
    // none means the shipped ones again
    assert!(update(&mut journeys, vec![]).await.unwrap().shipped);
    comes_to(&mut journeys, &names[0], "first_order").await;
    comes_to(&mut journeys, &names[1], "lead").await;
    let entered: Vec<_> =
        journey(&mut journeys, &names[1]).await.times.iter().map(|time| time.entered_count).collect();
    assert_eq!(entered, [2]);
}

async fn wrong_stages_are_refused(world: &World) {
    let mut journeys = journeys(world);
    let invalid = (Code::InvalidArgument, Reason::FieldInvalid);
    for stages in [
        vec![stage("a", "stage == \"b\"")],
        vec![stage("a", "orders()")],
        vec![stage("a", "true"), stage("a", "true")],
        vec![stage("A b", "true")],
        vec![stage("a", "true"); 33],
    ] {
        assert_eq!(why(update(&mut journeys, stages).await), invalid);
    }
    let rules =
        journeys.get_journey_rules(GetJourneyRulesRequest {}).await.unwrap().into_inner().rules.unwrap();
    assert!(rules.shipped);
}

async fn watching_misses_nothing(world: &World) {
    let (mut client, mut journeys) = (world.client(), journeys(world));
    let mut watched = journeys.watch_journeys(WatchJourneysRequest::default()).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.transitions, []);
    let name = world.accounts(&mut client, &["1"]).await.remove(0);
    let seen = watched.message().await.unwrap().unwrap();
    assert_eq!(
        (seen.transitions[0].account.as_str(), seen.transitions[0].to_stage.as_str()),
        (name.as_str(), "lead")
    );
    drop(watched);
    buy(&mut client, "a", "1", world.ago(1)).await;
    comes_to(&mut journeys, &name, "first_order").await;
    let request = WatchJourneysRequest { cursor: seen.cursor };
    let mut watched = journeys.watch_journeys(request).await.unwrap().into_inner();
    let resumed = watched.message().await.unwrap().unwrap();
    let told: Vec<_> = resumed.transitions.iter().map(|step| step.to_stage.as_str()).collect();
    assert_eq!(told, ["first_order"]);
    let mut theirs = JourneyServiceClient::new(world.link("other", Role::Operator));
    let stolen = WatchJourneysRequest { cursor: first.cursor };
    assert_eq!(why(theirs.watch_journeys(stolen).await), (Code::InvalidArgument, Reason::PageTokenInvalid));
}

async fn tenants_and_roles(world: &World) {
    let (mut client, mut ours) = (world.client(), journeys(world));
    let name = world.accounts(&mut client, &["1"]).await.remove(0);
    comes_to(&mut ours, &name, "lead").await;
    let get = GetJourneyRequest { name: format!("{name}/journey") };
    let list = ListJourneyTransitionsRequest { parent: format!("{name}/journey"), ..Default::default() };
    let mut theirs = JourneyServiceClient::new(world.link("other", Role::Operator));
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    assert_eq!(why(theirs.get_journey(get.clone()).await), unknown);
    assert_eq!(why(theirs.list_journey_transitions(list.clone()).await), unknown);
    update(&mut theirs, vec![stage("x", "true")]).await.unwrap();
    let rules = ours.get_journey_rules(GetJourneyRulesRequest {}).await.unwrap().into_inner().rules.unwrap();
    assert!(rules.shipped);

    let mut seller = JourneyServiceClient::new(world.link("acme", Role::Seller));
    seller.get_journey(get).await.unwrap();
    seller.list_journey_transitions(list).await.unwrap();
    seller.get_journey_rules(GetJourneyRulesRequest {}).await.unwrap();
    let refused = (Code::PermissionDenied, Reason::RoleInsufficient);
    assert_eq!(why(update(&mut seller, vec![]).await), refused);
    assert_eq!(why(seller.watch_journeys(WatchJourneysRequest::default()).await), refused);
}
