//! Segments: who is in them, as records and days come.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use salient_core::Reason;
use salient_kit::{Role, client::Link};
use salient_proto::profile::v1::{
    Archetype, DeleteSegmentRequest, EvaluateSegmentRequest, GetSegmentRequest, IngestRecordsRequest,
    ListAccountSegmentsRequest, ListConditionNamesRequest, ListMembersRequest, ListSegmentsRequest,
    MembershipChange, PainPoint, Segment, SegmentMembershipChanged, Solution, UpsertSegmentRequest,
    WatchMembershipRequest, evaluation::State, membership_change, order,
    segment_service_client::SegmentServiceClient,
};
use tonic::Code;

use crate::world::{
    Client, World, account, both, order as purchase, request_id, stream, timestamp, until, why,
};

both!(
    a_refusal_names_the_problem,
    members_follow_the_records,
    a_correction_and_a_move_are_seen,
    time_alone_moves_members,
    what_fails_is_told,
    watching_misses_nothing,
    a_deleted_segment_is_left,
    tenants_and_roles,
    lists_in_pages,
);

pub type Segments = SegmentServiceClient<Link>;

pub fn segments(world: &World) -> Segments {
    SegmentServiceClient::new(world.link("acme", Role::Operator))
}

pub fn segment(id: &str, condition: &str) -> Segment {
    Segment {
        name: format!("segments/{id}"),
        display_name: format!("Segment {id}"),
        condition: condition.into(),
        ..Segment::default()
    }
}

pub async fn define(segments: &mut Segments, segment: Segment) -> Segment {
    let request = UpsertSegmentRequest { request_id: request_id(), segment: Some(segment) };
    segments.upsert_segment(request).await.unwrap().into_inner().segment.unwrap()
}

async fn get(segments: &mut Segments, id: &str) -> Segment {
    let request = GetSegmentRequest { name: format!("segments/{id}") };
    segments.get_segment(request).await.unwrap().into_inner().segment.unwrap()
}

/// Waits until everybody was looked at.
pub async fn current(segments: &mut Segments, id: &str) -> Segment {
    until(async || get(segments, id).await.evaluation.unwrap().state() == State::Current).await;
    get(segments, id).await
}

pub async fn members(segments: &mut Segments, id: &str) -> BTreeSet<String> {
    let request =
        ListMembersRequest { parent: format!("segments/{id}"), page_size: 1_000, ..Default::default() };
    let response = segments.list_members(request).await.unwrap().into_inner();
    response.members.into_iter().map(|member| member.account).collect()
}

pub async fn ingest(client: &mut Client, message: IngestRecordsRequest) {
    let message = IngestRecordsRequest { request_id: request_id(), ..message };
    let result = client.ingest_records(stream(vec![message])).await.unwrap().into_inner();
    for result in [result.accounts, result.orders, result.interactions, result.opportunities] {
        assert_eq!(result.unwrap_or_default().errors, []);
    }
}

async fn a_refusal_names_the_problem(world: &World) {
    let mut segments = segments(world);
    for (condition, told) in [
        ("ordrs(90) > 3", "at 1:1: `ordrs` is not known; did you mean `orders`?"),
        (
            "orders(90) > \"3\"",
            "at 1:12: `>` compares int with string; two numbers or two texts are accepted",
        ),
        ("orders(90)", "at 1:1: this is int, but a condition is true or false: bool is accepted"),
    ] {
        let request =
            UpsertSegmentRequest { request_id: request_id(), segment: Some(segment("a", condition)) };
        let status = segments.upsert_segment(request).await.unwrap_err();
        assert_eq!(why::<()>(Err(status.clone())), (Code::InvalidArgument, Reason::FieldInvalid));
        use tonic_types::StatusExt as _;
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(
            (violations[0].field.as_str(), violations[0].description.as_str()),
            ("segment.condition", told)
        );
        let request = EvaluateSegmentRequest { condition: condition.into(), ..Default::default() };
        let tried = segments.evaluate_segment(request).await.unwrap().into_inner();
        let error = &tried.errors[0];
        assert_eq!(format!("at {}:{}: {}", error.line, error.column, error.message), told);
        assert!(!tried.complete);
    }
    let unknown = GetSegmentRequest { name: "segments/a".into() };
    assert_eq!(why(segments.get_segment(unknown).await), (Code::NotFound, Reason::ResourceUnknown));
    let bad_name = UpsertSegmentRequest { request_id: request_id(), segment: Some(segment("A b", "true")) };
    assert_eq!(why(segments.upsert_segment(bad_name).await), (Code::InvalidArgument, Reason::FieldInvalid));
    let names = segments.list_condition_names(ListConditionNamesRequest::default()).await.unwrap();
    let names = names.into_inner().names;
    assert!(names.iter().any(|name| name.signature == "orders([days: int]) -> int"), "{names:?}");
}

async fn members_follow_the_records(world: &World) {
    let (mut client, mut segments) = (world.client(), segments(world));
    let names = world.accounts(&mut client, &["1", "2", "3"]).await;
    let pain = PainPoint {
        title: "misses the minimum order".into(),
        solutions: vec![Solution {
            title: "starter pack".into(),
            products: vec!["products/1".into()],
            ..Default::default()
        }],
        ..Default::default()
    };
    let archetype = Some(Archetype { pain_points: vec![pain] });
    let buyers = Segment { archetype: archetype.clone(), ..segment("buyers", "orders(90) >= 2") };
    let made = define(&mut segments, buyers).await;
    assert_eq!(made.evaluation.unwrap().state(), State::Waiting);
    assert_eq!(current(&mut segments, "buyers").await.evaluation.unwrap().member_count, 0);

    let orders = vec![
        purchase("a", "1", world.ago(10)),
        purchase("b", "1", world.ago(20)),
        purchase("c", "2", world.ago(10)),
        purchase("d", "2", world.ago(100)),
    ];
    ingest(&mut client, IngestRecordsRequest { orders, ..Default::default() }).await;
    let only_first = BTreeSet::from([names[0].clone()]);
    until(async || members(&mut segments, "buyers").await == only_first).await;

    // a condition that changes finds others
    define(&mut segments, segment("buyers", "orders() == 2 && products.size() == 2")).await;
    let first_two = BTreeSet::from_iter(names[..2].iter().cloned());
    until(async || members(&mut segments, "buyers").await == first_two).await;
    define(
        &mut segments,
        Segment { archetype, ..segment("idle", "orders() == 0 && account.display_name.contains(\"3\")") },
    )
    .await;
    current(&mut segments, "idle").await;
    let request = ListAccountSegmentsRequest { parent: names[2].clone(), ..Default::default() };
    let found = segments.list_account_segments(request).await.unwrap().into_inner().segments;
    assert_eq!((found.len(), found[0].segment.as_str()), (1, "segments/idle"));
    assert_eq!(found[0].archetype.as_ref().unwrap().pain_points[0].solutions[0].products, ["products/1"]);
    assert!(found[0].enter_time.is_some());

    // the others heard of it
    let heard: Vec<SegmentMembershipChanged> = world.events().await;
    let heard: Vec<MembershipChange> = heard.into_iter().flat_map(|event| event.changes).collect();
    let entered = |segment: &str| {
        let of = heard.iter().filter(|change| change.segment == format!("segments/{segment}"));
        of.filter(|change| change.kind() == membership_change::Kind::Entered).count()
    };
    assert_eq!((entered("buyers"), entered("idle"), heard.len()), (2, 1, 3));
}

async fn a_correction_and_a_move_are_seen(world: &World) {
    let (mut client, mut segments) = (world.client(), segments(world));
    let names = world.accounts(&mut client, &["1", "2"]).await;
    define(&mut segments, segment("buyers", "orders() > 0")).await;
    define(&mut segments, segment("returners", "return_share() == 1.0")).await;
    let bought = purchase("a", "1", world.ago(10));
    ingest(&mut client, IngestRecordsRequest { orders: vec![bought.clone()], ..Default::default() }).await;
    let (first, second) = (BTreeSet::from([names[0].clone()]), BTreeSet::from([names[1].clone()]));
    until(async || members(&mut segments, "buyers").await == first).await;
    let mut corrected = bought.clone();
    corrected.kind = order::Kind::Return as i32;
    ingest(&mut client, IngestRecordsRequest { orders: vec![corrected.clone()], ..Default::default() }).await;
    until(async || members(&mut segments, "returners").await == first).await;
    assert_eq!(members(&mut segments, "buyers").await, BTreeSet::new());
    // the order was the other account's: it leaves the one and comes to the other
    corrected.account_key = purchase("a", "2", world.ago(10)).account_key;
    ingest(&mut client, IngestRecordsRequest { orders: vec![corrected], ..Default::default() }).await;
    until(async || members(&mut segments, "returners").await == second).await;
}

async fn time_alone_moves_members(world: &World) {
    let (mut client, mut segments) = (world.client(), segments(world));
    let names = world.accounts(&mut client, &["1", "2"]).await;
    let orders = vec![purchase("a", "1", world.ago(50)), purchase("b", "2", world.ago(10))];
    ingest(&mut client, IngestRecordsRequest { orders, ..Default::default() }).await;
    define(&mut segments, segment("quiet", "days_since_order() > 60")).await;
    define(&mut segments, segment("slow", "stage == \"slowing\"")).await;
    define(&mut segments, segment("ever", "orders() > 0")).await;
    let before = current(&mut segments, "ever").await.evaluation.unwrap().evaluate_time;
    current(&mut segments, "quiet").await;
    assert_eq!(members(&mut segments, "quiet").await, BTreeSet::new());
    world.clock.advance(TimeDelta::days(11));
    let first = BTreeSet::from([names[0].clone()]);
    until(async || members(&mut segments, "quiet").await == first).await;
    until(async || members(&mut segments, "slow").await == first).await;
    world.clock.advance(TimeDelta::days(40));
    until(async || members(&mut segments, "quiet").await.len() == 2).await;
    // what does not depend on time is left alone
    assert_eq!(get(&mut segments, "ever").await.evaluation.unwrap().evaluate_time, before);
    // a clock that is set back knows nothing of what came later
    let orders = vec![purchase("c", "2", timestamp(world.now()))];
    ingest(&mut client, IngestRecordsRequest { orders, ..Default::default() }).await;
    until(async || members(&mut segments, "quiet").await == first).await;
    define(&mut segments, segment("two", "orders() == 2")).await;
    until(async || members(&mut segments, "two").await.len() == 1).await;
    world.clock.advance(TimeDelta::days(-20));
    until(async || members(&mut segments, "two").await.is_empty()).await;
    // and learns it when it comes there again
    world.clock.advance(TimeDelta::days(20));
    until(async || members(&mut segments, "two").await.len() == 1).await;
}

async fn what_fails_is_told(world: &World) {
    let (mut client, mut segments) = (world.client(), segments(world));
    let names = world.accounts(&mut client, &["1", "2"]).await;
    let mut gold = account("1");
    gold.attributes.insert("tier".into(), "gold".into());
    ingest(&mut client, IngestRecordsRequest { accounts: vec![gold], ..Default::default() }).await;
    world.refreshed().await;
    define(&mut segments, segment("gold", "account.attributes.tier == \"gold\"")).await;
    let evaluation = current(&mut segments, "gold").await.evaluation.unwrap();
    assert_eq!((evaluation.member_count, evaluation.failed_count), (1, 1));
    assert_eq!(evaluation.failure, format!("{}: the account has no attribute \"tier\"", names[1]));
    let condition = "has(account.attributes.tier) && account.attributes.tier == \"gold\"".into();
    let request = EvaluateSegmentRequest { condition, ..Default::default() };
    let tried = segments.evaluate_segment(request).await.unwrap().into_inner();
    assert_eq!((tried.matching_count, tried.failed_count, tried.evaluated_count), (1, 0, 2));
    assert_eq!(tried.sample, [names[0].clone()]);
}

async fn watching_misses_nothing(world: &World) {
    let (mut client, mut segments) = (world.client(), segments(world));
    let names = world.accounts(&mut client, &["1", "2"]).await;
    define(&mut segments, segment("buyers", "orders() > 0")).await;
    define(&mut segments, segment("all", "true")).await;
    current(&mut segments, "all").await;
    let watch =
        |cursor: &str| WatchMembershipRequest { segment: "segments/buyers".into(), cursor: cursor.into() };
    let mut changes = segments.watch_membership(watch("")).await.unwrap().into_inner();
    let first = changes.message().await.unwrap().unwrap();
    assert_eq!(first.changes, []);
    let buy = |id: &str, of: &str| IngestRecordsRequest {
        orders: vec![purchase(id, of, world.ago(1))],
        ..Default::default()
    };
    ingest(&mut client, buy("a", "1")).await;
    let seen = changes.message().await.unwrap().unwrap();
    let told = |changes: &[MembershipChange]| {
        changes.iter().map(|change| (change.account.clone(), change.kind())).collect::<Vec<_>>()
    };
    use membership_change::Kind::{Entered, Left};
    assert_eq!(told(&seen.changes), [(names[0].clone(), Entered)]);
    drop(changes);

    // while nobody watches
    ingest(&mut client, buy("b", "2")).await;
    let mut back = purchase("a", "1", world.ago(1));
    back.kind = order::Kind::Return as i32;
    ingest(&mut client, IngestRecordsRequest { orders: vec![back], ..Default::default() }).await;
    until(async || members(&mut segments, "buyers").await == BTreeSet::from([names[1].clone()])).await;
    for (cursor, missed) in [(&first.cursor, 3), (&seen.cursor, 2)] {
        let mut changes = segments.watch_membership(watch(cursor)).await.unwrap().into_inner();
        let resumed = changes.message().await.unwrap().unwrap();
        assert_eq!(resumed.changes.len(), missed, "{resumed:?}");
        let mut last = told(&resumed.changes[missed - 2..]);
        last.sort();
        let mut expected = vec![(names[0].clone(), Left), (names[1].clone(), Entered)];
        expected.sort();
        assert_eq!(last, expected);
    }
    let other = WatchMembershipRequest { segment: String::new(), cursor: first.cursor.clone() };
    assert_eq!(
        why(segments.watch_membership(other).await),
        (Code::InvalidArgument, Reason::PageTokenInvalid)
    );
    world.clock.advance(TimeDelta::days(91));
    let old = segments.watch_membership(watch(&first.cursor)).await;
    assert_eq!(why(old), (Code::InvalidArgument, Reason::PageTokenInvalid));
}

async fn a_deleted_segment_is_left(world: &World) {
    let (mut client, mut segments) = (world.client(), segments(world));
    world.accounts(&mut client, &["1", "2"]).await;
    define(&mut segments, segment("all", "true")).await;
    until(async || members(&mut segments, "all").await.len() == 2).await;
    let delete = DeleteSegmentRequest { request_id: request_id(), name: "segments/all".into() };
    segments.delete_segment(delete.clone()).await.unwrap();
    segments.delete_segment(delete).await.unwrap();
    let get = GetSegmentRequest { name: "segments/all".into() };
    assert_eq!(why(segments.get_segment(get).await), (Code::NotFound, Reason::ResourceUnknown));
    let again = DeleteSegmentRequest { request_id: request_id(), name: "segments/all".into() };
    assert_eq!(why(segments.delete_segment(again).await), (Code::NotFound, Reason::ResourceUnknown));
    until(async || {
        let heard: Vec<SegmentMembershipChanged> = world.events().await;
        let left = heard.iter().flat_map(|event| &event.changes);
        left.filter(|change| change.kind() == membership_change::Kind::Left).count() == 2
    })
    .await;
    // the name is free again
    define(&mut segments, segment("all", "orders() == 0")).await;
    until(async || members(&mut segments, "all").await.len() == 2).await;
}

async fn tenants_and_roles(world: &World) {
    let (mut client, mut ours) = (world.client(), segments(world));
    let names = world.accounts(&mut client, &["1"]).await;
    define(&mut ours, segment("all", "true")).await;
    until(async || members(&mut ours, "all").await.len() == 1).await;
    let mut theirs = SegmentServiceClient::new(world.link("other", Role::Operator));
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    let get = GetSegmentRequest { name: "segments/all".into() };
    assert_eq!(why(theirs.get_segment(get.clone()).await), unknown);
    let list = ListMembersRequest { parent: "segments/all".into(), ..Default::default() };
    assert_eq!(why(theirs.list_members(list.clone()).await), unknown);
    let of = ListAccountSegmentsRequest { parent: names[0].clone(), ..Default::default() };
    assert_eq!(why(theirs.list_account_segments(of.clone()).await), unknown);
    assert_eq!(theirs.list_segments(ListSegmentsRequest::default()).await.unwrap().into_inner().segments, []);
    define(&mut theirs, segment("all", "true")).await;
    current(&mut theirs, "all").await;
    assert_eq!(members(&mut theirs, "all").await, BTreeSet::new());
    let condition = EvaluateSegmentRequest { condition: "true".into(), ..Default::default() };
    assert_eq!(theirs.evaluate_segment(condition.clone()).await.unwrap().into_inner().evaluated_count, 0);

    // sellers read, and no more
    let mut seller = SegmentServiceClient::new(world.link("acme", Role::Seller));
    seller.get_segment(get).await.unwrap();
    seller.list_members(list).await.unwrap();
    seller.list_account_segments(of).await.unwrap();
    let refused = (Code::PermissionDenied, Reason::RoleInsufficient);
    let upsert = UpsertSegmentRequest { request_id: request_id(), segment: Some(segment("b", "true")) };
    assert_eq!(why(seller.upsert_segment(upsert).await), refused);
    let delete = DeleteSegmentRequest { request_id: request_id(), name: "segments/all".into() };
    assert_eq!(why(seller.delete_segment(delete).await), refused);
    assert_eq!(why(seller.evaluate_segment(condition).await), refused);
    assert_eq!(why(seller.watch_membership(WatchMembershipRequest::default()).await), refused);
}

async fn lists_in_pages(world: &World) {
    let (mut client, mut segments) = (world.client(), segments(world));
    let ids: Vec<String> = (0..7).map(|n| n.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let names = world.accounts(&mut client, &ids).await;
    for id in ["c", "a-b", "ab"] {
        define(&mut segments, segment(id, "true")).await;
    }
    until(async || members(&mut segments, "ab").await.len() == 7).await;
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListMembersRequest { parent: "segments/ab".into(), page_size: 3, page_token };
        let page = segments.list_members(request).await.unwrap().into_inner();
        assert_eq!(page.total_size, 7);
        found.extend(page.members.into_iter().map(|member| member.account));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, names);
    let (mut found, mut page_token) = (BTreeSet::new(), String::new());
    loop {
        let request = ListSegmentsRequest { page_size: 1, page_token, ..Default::default() };
        let page = segments.list_segments(request).await.unwrap().into_inner();
        found.extend(page.segments.into_iter().map(|segment| segment.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found.len(), 3);
    let archetypes = ListSegmentsRequest { archetypes_only: true, ..Default::default() };
    assert_eq!(segments.list_segments(archetypes).await.unwrap().into_inner().segments, []);
}
