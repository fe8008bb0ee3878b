//! What is measured of regions becomes features.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_kit::{Role, client::Link};
use salient_proto::scoring::v1::{
    DeleteSeriesRequest, ListFeaturesRequest, ListSeriesRequest, Measure, UpsertMeasuresRequest,
    list_series_response::Series, series_service_client::SeriesServiceClient,
};
use tonic::{Code, Status};

use crate::{
    company::{Company, wins},
    world::{World, both, request_id, timestamp, why},
};

both!(measures_become_features, series_of_a_tenant, what_cannot_be_measured);

impl World {
    fn series_of(&self, tenant: &str, role: Role) -> SeriesServiceClient<Link> {
        SeriesServiceClient::new(self.link(tenant, role))
    }

    async fn measured(&self, measures: Vec<Measure>) -> Result<i32, Status> {
        let request = UpsertMeasuresRequest { measures, request_id: request_id() };
        let mut client = self.series_of("acme", Role::Integration);
        let answer = client.upsert_measures(request.clone()).await?.into_inner();
        assert_eq!(client.upsert_measures(request).await?.into_inner(), answer);
        Ok(answer.measures)
    }

    async fn all_series(&self, tenant: &str, page_size: i32) -> Vec<Series> {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListSeriesRequest { page_size, page_token };
            let page = self.series_of(tenant, Role::Manager).list_series(request).await.unwrap().into_inner();
            found.extend(page.series);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return found;
            }
        }
    }
}

/// Published so many days before today.
fn measure(world: &World, series: &str, region: &str, back: i64, value: f64) -> Measure {
    let at = world.today() - TimeDelta::days(back);
    Measure {
        series: format!("series/{series}"),
        region: region.into(),
        measure_time: Some(timestamp(at)),
        publish_time: Some(timestamp(at)),
        value,
    }
}

async fn measures_become_features(world: &World) {
    let company = Company::new(&world.clock, world.today(), false);
    world.hear_of("acme", &company).await;
    // prices of two countries, month by month; and a forecast that comes out today
    let mut measures = Vec::new();
    for month in 0..14 {
        measures.push(measure(world, "wheat", "DE", 30 * month, 100.0 + month as f64));
        measures.push(measure(world, "wheat", "FR", 30 * month, 200.0 + (month * 7 % 5) as f64));
        measures.push(measure(world, "rain", "", 30 * month + 1, (month * 3 % 4) as f64));
    }
    assert_eq!(world.measured(measures).await.unwrap(), 42);
    let request = ListFeaturesRequest { page_size: 1000, ..Default::default() };
    let mut client = world.declarations("acme", Role::Operator);
    let named = client.list_features(request).await.unwrap().into_inner().features;
    for name in ["series_wheat", "series_wheat_change_90d", "series_rain"] {
        assert!(named.iter().any(|of| of.name == name && of.kind == "number"), "{name}");
    }
    world.declare(wins()).await.unwrap();
    let run = world.declared_run_today("acme").await;
    let model = world.model(&run.trained_model).await;
    assert!(model.features.contains(&"series_wheat".to_owned()));
    for listed in world.declared_scores("acme").await.iter().step_by(9) {
        let score = world.declared_score(&listed.account, None).await;
        let account = company.accounts.iter().find(|account| account.name == score.account).unwrap();
        let value = |feature: &str| {
            score.contributions.iter().find(|part| part.feature == feature).and_then(|part| part.value)
        };
        // what was published today was not known before today
        let wheat = if account.country == "DE" { 101.0 } else { 202.0 };
        assert_eq!((value("series_wheat"), value("series_rain")), (Some(wheat), Some(0.0)));
        assert_eq!(world.declared_score(&listed.account, run.as_of).await, score, "bit for bit");
    }
    // a version goes on when its series is gone
    let request = DeleteSeriesRequest { name: "series/wheat".into(), request_id: request_id() };
    world.series_of("acme", Role::Operator).delete_series(request).await.unwrap();
    world.clock.advance(TimeDelta::days(1));
    let before = world.declared_scores("acme").await;
    let run = world.declared_run("acme", None).await;
    assert!(!run.model.is_empty() && world.declared_scores("acme").await.len() == before.len());
}

async fn series_of_a_tenant(world: &World) {
    let of = |series, region, back, value| measure(world, series, region, back, value);
    let measures = vec![of("wheat", "FR", 3, 1.0), of("wheat", "", 2, 2.0), of("rain", "DE", 1, 3.0)];
    world.measured(measures).await.unwrap();
    // the same measure again takes the place of the one before
    world.measured(vec![of("rain", "DE", 1, 4.0), of("rain", "DE", 5, 5.0)]).await.unwrap();
    let all = world.all_series("acme", 1).await;
    assert_eq!(all, world.all_series("acme", 0).await);
    let told: Vec<_> = all.iter().map(|of| (of.name.as_str(), of.region.as_str(), of.measures)).collect();
    assert_eq!(told, [("series/rain", "DE", 2), ("series/wheat", "", 1), ("series/wheat", "FR", 1)]);
    let at = |back| Some(timestamp(world.today() - TimeDelta::days(back)));
    assert_eq!((all[0].first_publish_time, all[0].last_publish_time), (at(5), at(1)));
    assert_eq!(world.all_series("other", 0).await, []);
    let delete = || DeleteSeriesRequest { name: "series/wheat".into(), request_id: request_id() };
    let unknown = world.series_of("other", Role::Operator).delete_series(delete()).await;
    assert_eq!(why(unknown), (Code::NotFound, Reason::ResourceUnknown));
    let request = delete();
    for _ in 0..2 {
        world.series_of("acme", Role::Operator).delete_series(request.clone()).await.unwrap();
    }
    assert_eq!(world.all_series("acme", 0).await.len(), 1);
    let again = world.series_of("acme", Role::Operator).delete_series(delete()).await;
    assert_eq!(why(again), (Code::NotFound, Reason::ResourceUnknown));
    let refused = world.series_of("acme", Role::Manager).delete_series(delete()).await;
    assert_eq!(why(refused), (Code::PermissionDenied, Reason::RoleInsufficient));
}

async fn what_cannot_be_measured(world: &World) {
    let good = || measure(world, "wheat", "DE", 1, 1.0);
    for (bad, field) in [
        (Measure { series: "series/Wheat".into(), ..good() }, "measures[1].series"),
        (Measure { region: "x".repeat(200), ..good() }, "measures[1].region"),
        (Measure { measure_time: None, ..good() }, "measures[1].measure_time"),
        (Measure { publish_time: None, ..good() }, "measures[1].publish_time"),
        (Measure { value: f64::INFINITY, ..good() }, "measures[1].value"),
    ] {
        let status = world.measured(vec![good(), bad]).await.unwrap_err();
        assert!(status.message().contains(field), "{}", status.message());
        assert_eq!(why(Err::<(), _>(status)), (Code::InvalidArgument, Reason::FieldInvalid));
    }
    let none = world.measured(vec![]).await;
    assert_eq!(why(none), (Code::InvalidArgument, Reason::FieldInvalid));
    // nothing half-done stays
    assert_eq!(world.all_series("acme", 0).await, []);
}
