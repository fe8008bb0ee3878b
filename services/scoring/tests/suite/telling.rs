//! What a score tells besides its probability: grade, trend, reasons; and the scores of before.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use salient_core::Reason;
use salient_kit::Role;
use salient_proto::scoring::v1::{
    GetGradeBoundsRequest, GetScoreRequest, GradeBounds, ListScoreHistoryRequest, ListScoreHistoryResponse,
    Score, UpdateGradeBoundsRequest,
    list_score_history_response::Point,
    score::{Grade, Trend},
};
use tonic::Code;

use crate::world::{World, both, request_id, timestamp, why};

both!(grades, bounds_that_cannot_be, reasons, trends, scores_made_again);

async fn bounds(world: &World, [a, b, c]: [f64; 3]) -> Result<GradeBounds, tonic::Status> {
    let request =
        UpdateGradeBoundsRequest { request_id: request_id(), grade_bounds: Some(GradeBounds { a, b, c }) };
    let answer = world.operator().update_grade_bounds(request.clone()).await?.into_inner();
    assert_eq!(world.operator().update_grade_bounds(request).await?.into_inner(), answer);
    Ok(answer.grade_bounds.unwrap())
}

async fn bounds_now(world: &World, tenant: &str) -> GradeBounds {
    let mut seller = world.client_of(tenant, Role::Seller);
    seller.get_grade_bounds(GetGradeBoundsRequest {}).await.unwrap().into_inner().grade_bounds.unwrap()
}

async fn grades(world: &World) {
    world.learn_of("acme", &world.history()).await;
    world.run("acme").await;
    for [a, b, c] in [[0.6, 0.35, 0.15], [0.9, 0.5, 0.01]] {
        let wanted = GradeBounds { a, b, c };
        if bounds_now(world, "acme").await != wanted {
            assert_eq!(bounds(world, [a, b, c]).await.unwrap(), wanted);
        }
        assert_eq!(bounds_now(world, "acme").await, wanted);
        let scores = world.scores("acme").await;
        for score in &scores {
            let grade = match score.probability {
                p if p >= a => Grade::A,
                p if p >= b => Grade::B,
                p if p >= c => Grade::C,
                _ => Grade::D,
            };
            assert_eq!(score.grade(), grade, "{score:?}");
        }
        assert!(scores.iter().map(|score| score.grade).collect::<BTreeSet<_>>().len() > 2);
        assert_eq!(world.score("acme", &scores[0].account).await.grade, scores[0].grade);
    }
    // a tenant's own
    assert_eq!(bounds_now(world, "other").await, GradeBounds { a: 0.6, b: 0.35, c: 0.15 });
}

async fn bounds_that_cannot_be(world: &World) {
    let invalid = (Code::InvalidArgument, Reason::FieldInvalid);
    for (wrong, field) in [
        ([0.5, 0.5, 0.1], "grade_bounds.b"),
        ([0.5, 0.3, 0.4], "grade_bounds.c"),
        ([1.0, 0.3, 0.1], "grade_bounds.a"),
        ([0.5, 0.3, 0.0], "grade_bounds.c"),
        ([f64::NAN, 0.3, 0.1], "grade_bounds.a"),
    ] {
        let refused = bounds(world, wrong).await.unwrap_err();
        assert!(String::from_utf8_lossy(refused.details()).contains(field), "{wrong:?}: {refused:?}");
        assert_eq!(why::<()>(Err(refused)), invalid);
    }
    let none = UpdateGradeBoundsRequest { request_id: request_id(), grade_bounds: None };
    assert_eq!(why(world.operator().update_grade_bounds(none).await), invalid);
    for role in [Role::Seller, Role::Integration, Role::Service] {
        let request = UpdateGradeBoundsRequest {
            request_id: request_id(),
            grade_bounds: Some(GradeBounds { a: 0.5, b: 0.4, c: 0.3 }),
        };
        let refused = world.client_of("acme", role).update_grade_bounds(request).await;
        assert_eq!(why(refused), (Code::PermissionDenied, Reason::RoleInsufficient));
    }
    assert_eq!(bounds_now(world, "acme").await, GradeBounds { a: 0.6, b: 0.35, c: 0.15 });
}

async fn reasons(world: &World) {
    world.learn_of("acme", &world.history()).await;
    let run = world.run("acme").await;
    let base = world.model(&run.model).await.base_rate;
    let overall = format!(", {:.0} % overall", 100.0 * base);
    for listed in world.scores("acme").await {
        assert_eq!(listed.reasons, [], "only where one account is asked for");
        let score = world.score("acme", &listed.account).await;
        let (spoken, against): (Vec<_>, Vec<_>) =
            score.reasons.iter().partition(|reason| reason.log_odds > 0.0);
        assert!(!score.reasons.is_empty() && spoken.len() <= 5 && against.len() <= 5, "{score:?}");
        for side in [spoken, against] {
            assert!(side.is_sorted_by(|a, b| a.log_odds.abs() >= b.log_odds.abs()));
        }
        for reason in &score.reasons {
            let part = score.contributions.iter().find(|part| part.feature == reason.feature).unwrap();
            assert_eq!(part.log_odds, reason.log_odds);
            if let Some(rate) = reason.base_rate {
                assert!(reason.examples >= 20);
                let words =
                    format!("{:.0} % of accounts with {}", 100.0 * rate, reason.feature.replace('_', " "));
                assert!(reason.text.starts_with(&words), "{reason:?}");
                assert!(reason.text.ends_with(&overall), "{reason:?} {base}");
            }
        }
    }
}

async fn told_of(world: &World, account: &str, page_size: i32, page_token: &str) -> ListScoreHistoryResponse {
    let request = ListScoreHistoryRequest {
        parent: account.into(),
        page_size,
        page_token: page_token.into(),
        model_declaration: String::new(),
    };
    world.client_of("acme", Role::Seller).list_score_history(request).await.unwrap().into_inner()
}

async fn trends(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let first = world.run("acme").await;
    let before = world.scores("acme").await;
    assert!(
        before.iter().all(|score| score.trend() == Trend::Unknown && score.earlier_probability.is_none())
    );
    // ten days are too few to tell
    world.clock.advance(TimeDelta::days(10));
    world.run_as_it_is("acme").await;
    assert!(world.scores("acme").await.iter().all(|score| score.trend() == Trend::Unknown));
    // in thirty some order, and all others become less likely
    let planted = history.planted(&world.clock, world.today() + TimeDelta::days(19));
    world.ordered("acme", &planted[..40]).await;
    world.clock.advance(TimeDelta::days(20));
    let last = world.run_as_it_is("acme").await;
    let scores = world.scores("acme").await;
    let odds = |p: f64| p / (1.0 - p);
    for score in &scores {
        let points = told_of(world, &score.account, 0, "").await.points;
        let newest = Point { as_of: last.as_of, model: last.model.clone(), probability: score.probability };
        assert_eq!((points.len(), &points[0]), (3, &newest));
        assert_eq!((points[2].as_of, &points[2].model), (first.as_of, &first.model));
        // of those that are 14 to 60 days old the latest
        let earlier = points[1].probability;
        assert_eq!(score.earlier_probability, Some(earlier));
        let ratio = odds(score.probability) / odds(earlier);
        let trend = match ratio {
            r if r >= 1.5 => Trend::Improving,
            r if r <= 1.0 / 1.5 => Trend::Declining,
            _ => Trend::Steady,
        };
        assert_eq!(score.trend(), trend, "{ratio}");
    }
    let told: BTreeSet<Trend> = scores.iter().map(Score::trend).collect();
    assert!(told.contains(&Trend::Declining) && told.len() > 1, "{told:?}");
    // in pages
    let page = told_of(world, &scores[0].account, 2, "").await;
    let rest = told_of(world, &scores[0].account, 2, &page.next_page_token).await;
    assert_eq!((page.points.len(), rest.points.len(), rest.next_page_token.as_str()), (2, 1, ""));
    assert_eq!(rest.points[0].as_of, first.as_of);
    let refused = ListScoreHistoryRequest {
        parent: scores[1].account.clone(),
        page_size: 2,
        page_token: page.next_page_token,
        model_declaration: String::new(),
    };
    let refused = world.operator().list_score_history(refused).await;
    assert_eq!(why(refused), (Code::InvalidArgument, Reason::PageTokenInvalid));
    // after 400 days it is forgotten
    world.clock.advance(TimeDelta::days(381));
    world.run_as_it_is("acme").await;
    let points = told_of(world, &scores[0].account, 0, "").await.points;
    assert_eq!(points.iter().map(|point| point.as_of).collect::<Vec<_>>().last(), Some(&last.as_of));
}

async fn scores_made_again(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let mut published = Vec::new();
    for days in [1, 1, 1] {
        let run = world.run("acme").await;
        let mut scores = Vec::new();
        for account in &history.accounts {
            scores.push(world.score("acme", &account.name).await);
        }
        published.push((run, scores));
        world.clock.advance(TimeDelta::days(days));
    }
    assert_eq!(published.iter().map(|(run, _)| &run.model).collect::<BTreeSet<_>>().len(), 3);
    for (run, scores) in published {
        for score in scores {
            let request = GetScoreRequest {
                name: score.name.clone(),
                as_of: run.as_of,
                model_declaration: String::new(),
            };
            let again = world.operator().get_score(request).await.unwrap().into_inner().score.unwrap();
            // bit for bit; the trend is that of the day on which it was published
            let told = Score { trend: again.trend, earlier_probability: None, ..score };
            assert_eq!(again, told);
        }
    }
    let name = format!("{}/score", history.accounts[0].name);
    let early = Some(timestamp(world.today() - TimeDelta::days(100)));
    let refused = world
        .operator()
        .get_score(GetScoreRequest { name, as_of: early, model_declaration: String::new() })
        .await;
    assert_eq!(why(refused), (Code::NotFound, Reason::ResourceUnknown));
}
