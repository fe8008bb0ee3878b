//! The conversion funnel.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_proto::{
    common::v1::Share,
    feedback::v1::{
        DismissReason, Exposure, GetConversionFunnelRequest, ReactionAction, RecordExposuresRequest,
        RecordReactionRequest,
    },
};
use tonic::Code;

use crate::world::{World, both, react, reacting, request_id, why};

both!(the_funnel_counts, an_empty_funnel);

/// Wilson's interval, written down once more.
fn wilson(count: i64, total: i64) -> (f64, f64) {
    let (n, p, z) = (total as f64, count as f64 / total as f64, 1.959_963_984_540_054);
    let centre = p + z * z / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    ((centre - spread) / scale, (centre + spread) / scale)
}

#[track_caller]
fn is_share(share: Option<Share>, count: i64, total: i64) {
    let share = share.unwrap();
    assert_eq!((share.count, share.total), (count, total));
    let (low, high) = wilson(count, total);
    let near = |found: Option<f64>, wanted: f64| (found.unwrap() - wanted).abs() < 1e-9;
    assert!(near(share.value, count as f64 / total as f64), "{share:?}");
    assert!(
        near(share.low, low.max(0.0)) && near(share.high, high.min(1.0)),
        "{share:?} is not {low} to {high}"
    );
}

async fn the_funnel_counts(world: &World) {
    let mut items = Vec::new();
    for product in ["a", "b", "c", "d", "e"] {
        items.push(world.issue("s07", product).await);
    }
    let mut seller = world.seller("s07");
    let exposures = items[..4]
        .iter()
        .map(|item| Exposure {
            recommendation: item.name.clone(),
            expose_time: Some(world.days(0)),
            surface: "cli".into(),
            rank: 1,
        })
        .collect();
    seller.record_exposures(RecordExposuresRequest { request_id: request_id(), exposures }).await.unwrap();
    // accepted and then done counts once, and what was not accepted may come true all the same
    react(&mut seller, &items[0], ReactionAction::Accept).await;
    react(&mut seller, &items[0], ReactionAction::Complete).await;
    react(&mut seller, &items[1], ReactionAction::Accept).await;
    let reason = DismissReason::NotRelevant.into();
    let dismissal = RecordReactionRequest { reason, ..reacting(&items[2], ReactionAction::Dismiss) };
    seller.record_reaction(dismissal).await.unwrap();
    let orders = [
        world.order(&items[2], &["c"], 1),
        world.order(&items[0], &["a"], 1),
        world.order(&items[0], &["a"], 1),
    ];
    world.ordered("acme", &orders.each_ref()).await;
    world.clock.advance(TimeDelta::days(2));
    let later = world.issue("s08", "a").await;

    let mut manager = world.manager();
    let mut funnel = async |request: GetConversionFunnelRequest| {
        manager.get_conversion_funnel(request).await.map(tonic::Response::into_inner)
    };
    let all = funnel(GetConversionFunnelRequest::default()).await.unwrap();
    assert_eq!((all.issued, all.closed_windows), (6, 0));
    is_share(all.exposed, 4, 6);
    is_share(all.accepted, 2, 6);
    is_share(all.dismissed, 1, 6);
    is_share(all.opportunity, 0, 6);
    is_share(all.won, 2, 6);

    // by seller, and by the day of issue: the start counts, the end does not
    let own = GetConversionFunnelRequest { seller: "sellers/s07".into(), ..Default::default() };
    is_share(funnel(own).await.unwrap().won, 2, 5);
    let from = GetConversionFunnelRequest { start_time: later.issue_time, ..Default::default() };
    assert_eq!(funnel(from).await.unwrap().issued, 1);
    let until = GetConversionFunnelRequest { end_time: later.issue_time, ..Default::default() };
    assert_eq!(funnel(until).await.unwrap().issued, 5);
    let wrong = GetConversionFunnelRequest { seller: "s07".into(), ..Default::default() };
    assert_eq!(why(funnel(wrong).await), (Code::InvalidArgument, Reason::FieldInvalid));

    world.clock.advance(TimeDelta::days(28));
    assert_eq!(funnel(GetConversionFunnelRequest::default()).await.unwrap().closed_windows, 5);
}

async fn an_empty_funnel(world: &World) {
    let funnel = world.funnel("acme").await;
    assert_eq!((funnel.issued, funnel.closed_windows), (0, 0));
    for share in [funnel.exposed, funnel.accepted, funnel.dismissed, funnel.opportunity, funnel.won] {
        assert_eq!(share, Some(Share::default()));
    }
}
