//! Readings become days, whatever their order and however often they are sent.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_kit::{Role, client::Link};
use salient_proto::profile::v1::{
    Device, IngestTelemetryRequest, IngestTelemetryResponse, ListDevicesRequest, ListTimelineRequest,
    ListUsageRequest, MergeProfilesRequest, Reading, Segment, UndoMergeRequest, UpsertDevicesRequest,
    UpsertSegmentRequest, UsageDay, identity_service_client::IdentityServiceClient,
    segment_service_client::SegmentServiceClient, telemetry_service_client::TelemetryServiceClient,
    timeline_entry::Entry,
};
use tonic::Code;

use crate::world::{World, both, counts, key, request_id, stream, timestamp, until, why};

both!(
    readings_become_days,
    a_batch_counts_once,
    order_makes_no_difference,
    bad_readings_are_told,
    devices_say_whose_it_is,
    usage_follows_merges,
    usage_in_pages,
    usage_on_the_timeline,
    segments_ask_for_usage,
    usage_of_another_tenant,
);

type Client = TelemetryServiceClient<Link>;

fn client(world: &World) -> Client {
    TelemetryServiceClient::new(world.link("acme", Role::Integration))
}

fn reading(world: &World, account: &str, device: &str, metric: &str, hours_ago: i64, value: f64) -> Reading {
    Reading {
        account_key: if account.is_empty() { None } else { key(account) },
        device: device.into(),
        metric: metric.into(),
        unit: "h".into(),
        time: Some(timestamp(world.now() - TimeDelta::hours(hours_ago))),
        value,
        ..Reading::default()
    }
}

fn batch(readings: Vec<Reading>) -> IngestTelemetryRequest {
    IngestTelemetryRequest { request_id: request_id(), readings }
}

async fn send(client: &mut Client, batches: Vec<IngestTelemetryRequest>) -> IngestTelemetryResponse {
    client.ingest_telemetry(stream(batches)).await.unwrap().into_inner()
}

async fn usage(client: &mut Client, request: ListUsageRequest) -> Vec<UsageDay> {
    client.list_usage(request).await.unwrap().into_inner().days
}

fn of(parent: &str) -> ListUsageRequest {
    ListUsageRequest { parent: parent.into(), ..Default::default() }
}

/// Days ago, metric, count and sum. The clock stands at noon.
fn told(world: &World, days: &[UsageDay]) -> Vec<(i64, String, i64, f64)> {
    let ago = |day: &UsageDay| (world.now().timestamp() - day.day.unwrap().seconds) / 86_400;
    days.iter().map(|day| (ago(day), day.metric.clone(), day.count, day.sum)).collect()
}

async fn readings_become_days(world: &World) {
    let names = world.accounts(&mut world.client(), &["a", "b"]).await;
    let mut client = client(world);
    let answer = send(
        &mut client,
        vec![batch(vec![
            reading(world, "a", "m1", "hours", 2, 1.5),
            reading(world, "a", "m2", "hours", 1, 4.0),
            reading(world, "a", "", "hours", 3, 2.0),
            reading(world, "a", "m1", "hours", 30, 8.0),
            reading(world, "b", "m9", "hours", 1, 7.0),
        ])],
    )
    .await;
    assert_eq!((answer.batches, answer.taken, answer.refused), (1, 5, 0));
    let days = usage(&mut client, of(&names[0])).await;
    assert_eq!(told(world, &days), [(0, "hours".into(), 3, 7.5), (1, "hours".into(), 1, 8.0)]);
    let today = &days[0];
    assert_eq!((today.min, today.max, today.last, today.unit.as_str()), (1.5, 4.0, 4.0, "h"));
    assert_eq!(today.first_time, Some(timestamp(world.now() - TimeDelta::hours(3))));
    assert_eq!(today.last_time, Some(timestamp(world.now() - TimeDelta::hours(1))));
    assert_eq!((today.account.as_str(), today.device.as_str()), (names[0].as_str(), ""));
    let of_one = ListUsageRequest { device: "m1".into(), ..of(&names[0]) };
    let days = usage(&mut client, of_one).await;
    assert_eq!(told(world, &days), [(0, "hours".into(), 1, 1.5), (1, "hours".into(), 1, 8.0)]);
    assert_eq!(days[0].device, "m1");
}

async fn a_batch_counts_once(world: &World) {
    let names = world.accounts(&mut world.client(), &["a"]).await;
    let mut client = client(world);
    let sent =
        batch(vec![reading(world, "a", "m1", "hours", 2, 1.5), reading(world, "x", "", "hours", 2, 1.0)]);
    let first = send(&mut client, vec![sent.clone()]).await;
    let again = send(&mut client, vec![sent.clone(), sent.clone()]).await;
    assert_eq!((again.batches, again.taken, again.refused), (2, 2 * first.taken, 2));
    assert_eq!(again.errors[0], first.errors[0]);
    let other = IngestTelemetryRequest { readings: sent.readings[..1].to_vec(), ..sent };
    let reused = client.ingest_telemetry(stream(vec![other])).await;
    assert_eq!(why(reused), (Code::AlreadyExists, Reason::RequestIdReused));
    let days = usage(&mut client, of(&names[0])).await;
    assert_eq!(told(world, &days), [(0, "hours".into(), 1, 1.5)]);
}

async fn order_makes_no_difference(world: &World) {
    let names = world.accounts(&mut world.client(), &["a", "b"]).await;
    let mut client = client(world);
    let readings = |account: &str| -> Vec<Reading> {
        (0..60)
            .map(|n| {
                reading(world, account, ["", "m1", "m2"][n % 3], "hours", (n * 7 % 90) as i64, 0.1 * n as f64)
            })
            .collect()
    };
    send(&mut client, vec![batch(readings("a"))]).await;
    let mut late = readings("b");
    late.reverse();
    late.rotate_left(23);
    send(&mut client, late.chunks(7).map(|part| batch(part.to_vec())).collect()).await;
    for device in ["", "m1"] {
        let days = async |client: &mut Client, parent: &str| {
            let days = usage(client, ListUsageRequest { device: device.into(), ..of(parent) }).await;
            let days = days.into_iter().map(|day| UsageDay { account: String::new(), ..day });
            days.collect::<Vec<_>>()
        };
        let one = days(&mut client, &names[0]).await;
        assert!(one.len() > 3);
        assert_eq!(one, days(&mut client, &names[1]).await);
    }
}

async fn bad_readings_are_told(world: &World) {
    let names = world.accounts(&mut world.client(), &["a"]).await;
    let mut client = client(world);
    let sent = batch(vec![
        reading(world, "nobody", "", "hours", 1, 1.0),
        reading(world, "", "unheard.of", "hours", 1, 1.0),
        reading(world, "a", "", "Hours", 1, 1.0),
        reading(world, "a", "", "hours", -9, 1.0),
        reading(world, "a", "", "hours", 1, f64::INFINITY),
        reading(world, "a", "", "hours", 1, 1.0),
    ]);
    let id = sent.request_id.clone();
    let answer = send(&mut client, vec![sent]).await;
    assert_eq!((answer.taken, answer.refused), (1, 5));
    let told: Vec<_> = answer.errors.iter().map(|e| (e.index, e.field.as_str(), e.reason.as_str())).collect();
    let expected = [
        (0, "account_key", "ACCOUNT_UNKNOWN"),
        (1, "device", "ACCOUNT_UNKNOWN"),
        (2, "metric", "FIELD_INVALID"),
        (3, "time", "DATE_IN_FUTURE"),
        (4, "value", "FIELD_INVALID"),
    ];
    assert_eq!(told, expected);
    assert!(answer.errors.iter().all(|error| error.request_id == id));
    assert_eq!(usage(&mut client, of(&names[0])).await.len(), 1);
    let empty = client.ingest_telemetry(stream(vec![batch(vec![])])).await;
    assert_eq!(why(empty), (Code::InvalidArgument, Reason::FieldInvalid));
    let unknown = client.list_usage(of("accounts/01300000-0000-7000-8000-000000000000")).await;
    assert_eq!(why(unknown), (Code::NotFound, Reason::ResourceUnknown));
}

fn device(id: &str, account: &str) -> Device {
    Device {
        device: id.into(),
        account_key: key(account),
        display_name: id.to_uppercase(),
        ..Device::default()
    }
}

async fn devices_say_whose_it_is(world: &World) {
    let names = world.accounts(&mut world.client(), &["a", "b"]).await;
    let mut client = client(world);
    let put = |devices: Vec<Device>| UpsertDevicesRequest { request_id: request_id(), devices };
    let wrong = Device { product: "nonsense".into(), ..device("m3", "a") };
    let sent = put(vec![device("m1", "a"), device("m2", "b"), wrong, device("m4", "nobody")]);
    let first = client.upsert_devices(sent.clone()).await.unwrap().into_inner();
    assert_eq!(counts(&first.result), (2, 0, 0, 2));
    assert_eq!(client.upsert_devices(sent).await.unwrap().into_inner(), first);
    let again = client.upsert_devices(put(vec![device("m1", "a")])).await.unwrap().into_inner();
    assert_eq!(counts(&again.result), (0, 0, 1, 0));

    send(&mut client, vec![batch(vec![reading(world, "", "m1", "hours", 1, 2.0)])]).await;
    // it moves; what it measured before stays where it was counted
    let moved = client.upsert_devices(put(vec![device("m1", "b")])).await.unwrap().into_inner();
    assert_eq!(counts(&moved.result), (0, 1, 0, 0));
    send(&mut client, vec![batch(vec![reading(world, "", "m1", "hours", 1, 3.0)])]).await;
    assert_eq!(usage(&mut client, of(&names[0])).await[0].sum, 2.0);
    assert_eq!(usage(&mut client, of(&names[1])).await[0].sum, 3.0);

    let all = ListDevicesRequest { page_size: 1, ..Default::default() };
    let page = client.list_devices(all.clone()).await.unwrap().into_inner();
    assert_eq!((page.devices[0].device.as_str(), &page.devices[0].account), ("m1", &names[1]));
    let next = ListDevicesRequest { page_token: page.next_page_token, ..all };
    let page = client.list_devices(next).await.unwrap().into_inner();
    assert_eq!((page.devices[0].device.as_str(), page.next_page_token.as_str()), ("m2", ""));
    let at = ListDevicesRequest { account: names[0].clone(), ..Default::default() };
    assert_eq!(client.list_devices(at).await.unwrap().into_inner().devices, []);
    let at = ListDevicesRequest { account: names[1].clone(), page_size: 1, ..Default::default() };
    let page = client.list_devices(at.clone()).await.unwrap().into_inner();
    let next = ListDevicesRequest { page_token: page.next_page_token, ..at };
    let next = client.list_devices(next).await.unwrap().into_inner();
    let ids = [page.devices[0].device.as_str(), next.devices[0].device.as_str()];
    assert_eq!((ids, next.next_page_token.as_str()), (["m1", "m2"], ""));
}

async fn usage_follows_merges(world: &World) {
    let names = world.accounts(&mut world.client(), &["a", "b"]).await;
    let mut client = client(world);
    send(
        &mut client,
        vec![batch(vec![
            reading(world, "a", "m1", "hours", 1, 2.0),
            reading(world, "b", "m2", "hours", 2, 3.0),
            reading(world, "b", "m2", "hours", 26, 5.0),
        ])],
    )
    .await;
    let apart = (usage(&mut client, of(&names[0])).await, usage(&mut client, of(&names[1])).await);
    let mut identity = IdentityServiceClient::new(world.link("acme", Role::Operator));
    let merge = MergeProfilesRequest {
        request_id: request_id(),
        one: names[0].clone(),
        other: names[1].clone(),
        reason: "one customer".into(),
    };
    let merge = identity.merge_profiles(merge).await.unwrap().into_inner().merge.unwrap();
    for name in &names {
        let days = usage(&mut client, of(name)).await;
        assert_eq!(told(world, &days), [(0, "hours".into(), 2, 5.0), (1, "hours".into(), 1, 5.0)]);
        assert_eq!((days[0].last, &days[0].account), (2.0, &names[0]));
        let one_a_day = entries(world, name, &["usage"]).await;
        assert_eq!(one_a_day.len(), 2);
    }
    let undo = UndoMergeRequest { request_id: request_id(), name: merge.name };
    identity.undo_merge(undo).await.unwrap();
    assert_eq!(apart, (usage(&mut client, of(&names[0])).await, usage(&mut client, of(&names[1])).await));
}

async fn usage_in_pages(world: &World) {
    let names = world.accounts(&mut world.client(), &["a"]).await;
    let mut client = client(world);
    let metrics = ["hours", "kwh", "errors"];
    let readings = (0..30).map(|n| reading(world, "a", "", metrics[n % 3], 12 * n as i64, 1.0)).collect();
    send(&mut client, vec![batch(readings)]).await;
    let all = usage(&mut client, of(&names[0])).await;
    assert!(all.is_sorted_by_key(|day| std::cmp::Reverse(day.day.unwrap().seconds)));
    for page_size in [1, 4, 7] {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListUsageRequest { page_size, page_token, ..of(&names[0]) };
            let page = client.list_usage(request).await.unwrap().into_inner();
            found.extend(page.days);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(found, all);
    }
    let of_some = ListUsageRequest {
        metrics: vec!["kwh".into(), "errors".into()],
        start_time: Some(world.ago(5)),
        end_time: Some(world.ago(2)),
        ..of(&names[0])
    };
    let some = usage(&mut client, of_some).await;
    assert!(!some.is_empty() && some.len() < all.len());
    for day in &some {
        assert!(day.metric != "hours", "{day:?}");
        let begins = day.day.unwrap().seconds;
        assert!(begins >= world.ago(5).seconds && begins < world.ago(2).seconds);
    }
}

async fn entries(world: &World, parent: &str, kinds: &[&str]) -> Vec<UsageDay> {
    let kinds = kinds.iter().map(ToString::to_string).collect();
    let request = ListTimelineRequest { parent: parent.into(), kinds, ..Default::default() };
    let entries = world.client().list_timeline(request).await.unwrap().into_inner().entries;
    let usage = entries.into_iter().filter_map(|entry| match entry.entry {
        Some(Entry::Usage(day)) => Some(day),
        _ => None,
    });
    usage.collect()
}

async fn usage_on_the_timeline(world: &World) {
    let names = world.accounts(&mut world.client(), &["a"]).await;
    let mut client = client(world);
    let readings =
        (0..1_000).map(|n| reading(world, "a", &format!("m{}", n % 7), "hours", n % 60, 1.0)).collect();
    send(&mut client, vec![batch(readings)]).await;
    // sixty hours before noon touch three days
    let days = entries(world, &names[0], &[]).await;
    assert_eq!(days.len(), 3);
    assert_eq!(days.iter().map(|day| day.count).sum::<i64>(), 1_000);
    assert_eq!(entries(world, &names[0], &["usage"]).await, days);
    assert_eq!(entries(world, &names[0], &["call"]).await, []);
    // nothing is shown before it was measured
    world.clock.set(world.now() - TimeDelta::days(1));
    assert_eq!(entries(world, &names[0], &["usage"]).await, days[2..]);
}

async fn segments_ask_for_usage(world: &World) {
    let names = world.accounts(&mut world.client(), &["a", "b"]).await;
    let mut segments = SegmentServiceClient::new(world.link("acme", Role::Operator));
    let condition =
        "measured(\"hours\", 7) > 5.0 && readings(\"hours\", 7) == 2 && interactions(\"usage\", 7) == 2";
    let segment = Segment {
        name: "segments/busy".into(),
        display_name: "Busy".into(),
        condition: condition.into(),
        ..Default::default()
    };
    let request = UpsertSegmentRequest { request_id: request_id(), segment: Some(segment) };
    segments.upsert_segment(request).await.unwrap();
    let mut client = client(world);
    let busy = [reading(world, "a", "m1", "hours", 1, 3.0), reading(world, "a", "m1", "hours", 30, 4.0)];
    let idle = [reading(world, "b", "m2", "hours", 1, 4.0), reading(world, "b", "m2", "hours", 24 * 8, 4.0)];
    send(&mut client, vec![batch(busy.into_iter().chain(idle).collect())]).await;
    until(async || {
        let request = salient_proto::profile::v1::ListMembersRequest {
            parent: "segments/busy".into(),
            ..Default::default()
        };
        let members = segments.list_members(request).await.unwrap().into_inner().members;
        members.iter().map(|member| member.account.as_str()).eq([names[0].as_str()])
    })
    .await;
}

async fn usage_of_another_tenant(world: &World) {
    let names = world.accounts(&mut world.client(), &["a"]).await;
    send(&mut client(world), vec![batch(vec![reading(world, "a", "m1", "hours", 1, 2.0)])]).await;
    let mut other = TelemetryServiceClient::new(world.link("other", Role::Integration));
    let seen = other.list_usage(of(&names[0])).await;
    assert_eq!(why(seen), (Code::NotFound, Reason::ResourceUnknown));
    let sent = send(&mut other, vec![batch(vec![reading(world, "a", "m1", "hours", 1, 2.0)])]).await;
    assert_eq!((sent.taken, sent.refused), (0, 1));
    let mut seller = TelemetryServiceClient::new(world.link("acme", Role::Seller));
    assert_eq!(seller.list_usage(of(&names[0])).await.unwrap().into_inner().days.len(), 1);
    let refused = seller.ingest_telemetry(stream(vec![batch(vec![])])).await;
    assert_eq!(why(refused), (Code::PermissionDenied, Reason::RoleInsufficient));
}
