//! What was shown.

use salient_core::Reason;
use salient_proto::{
    common::v1::BatchResult,
    feedback::v1::{Exposure, RecordExposuresRequest},
};
use tonic::Code;

use crate::world::{World, both, request_id, why};

both!(shown_once_counts_once, a_bad_record_is_refused_by_itself);

fn shown(world: &World, name: &str) -> Exposure {
    Exposure {
        recommendation: name.to_owned(),
        expose_time: Some(world.days(0)),
        surface: "cli".into(),
        rank: 1,
    }
}

async fn record(world: &World, exposures: Vec<Exposure>) -> BatchResult {
    let request = RecordExposuresRequest { request_id: request_id(), exposures };
    world.seller("s07").record_exposures(request).await.unwrap().into_inner().result.unwrap()
}

async fn shown_once_counts_once(world: &World) {
    let (item, unseen) = (world.issue("s07", "bag").await, world.issue("s07", "cup").await);
    let exposure = shown(world, &item.name);
    // twice in a batch, in a later batch, and by a repeated call
    let request = RecordExposuresRequest {
        request_id: request_id(),
        exposures: vec![exposure.clone(), exposure.clone()],
    };
    let mut client = world.seller("s07");
    let first = client.record_exposures(request.clone()).await.unwrap().into_inner();
    let result = first.result.clone().unwrap();
    assert_eq!((result.created, result.unchanged, result.errors.len()), (1, 1, 0));
    assert_eq!(client.record_exposures(request.clone()).await.unwrap().into_inner(), first);
    let again = record(world, vec![exposure.clone()]).await;
    assert_eq!((again.created, again.unchanged), (0, 1));
    // elsewhere it is another exposure, of the same recommendation
    let elsewhere = Exposure { surface: "crm".into(), ..exposure };
    assert_eq!(record(world, vec![elsewhere.clone()]).await.created, 1);
    let other = RecordExposuresRequest { exposures: vec![elsewhere], ..request };
    assert_eq!(why(client.record_exposures(other).await), (Code::AlreadyExists, Reason::RequestIdReused));

    let exposed = world.funnel("acme").await.exposed.unwrap();
    assert_eq!((exposed.count, exposed.total), (1, 2));
    record(world, vec![shown(world, &unseen.name)]).await;
    assert_eq!(world.funnel("acme").await.exposed.unwrap().count, 2);
}

async fn a_bad_record_is_refused_by_itself(world: &World) {
    let item = world.issue("s07", "bag").await;
    let unknown = world.recommendation("s07", "bag");
    let future = Exposure { expose_time: Some(world.days(1)), ..shown(world, &item.name) };
    let exposures = vec![shown(world, &unknown.name), shown(world, &item.name), future];
    let result = record(world, exposures).await;
    assert_eq!(result.created, 1);
    let errors: Vec<_> = result
        .errors
        .iter()
        .map(|error| (error.index, error.field.as_str(), error.reason.as_str()))
        .collect();
    assert_eq!(errors, [(0, "recommendation", "RESOURCE_UNKNOWN"), (2, "expose_time", "DATE_IN_FUTURE")]);
    let none = RecordExposuresRequest { request_id: request_id(), exposures: vec![] };
    assert_eq!(
        why(world.seller("s07").record_exposures(none).await),
        (Code::InvalidArgument, Reason::FieldInvalid)
    );
}
