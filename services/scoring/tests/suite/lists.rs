//! Lists of scores and models.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use salient_core::Reason;
use salient_proto::scoring::v1::{ListModelsRequest, ListScoresRequest};
use tonic::Code;

use crate::world::{World, both, why};

both!(pages);

async fn pages(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    for _ in 0..3 {
        world.run("acme").await;
        world.clock.advance(TimeDelta::days(1));
    }
    let mut client = world.operator();
    let mut seen = Vec::new();
    let mut request = ListScoresRequest { page_size: 70, ..Default::default() };
    loop {
        let page = client.list_scores(request.clone()).await.unwrap().into_inner();
        assert!(page.scores.len() <= 70);
        seen.extend(page.scores);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    // each account once, most likely first
    assert_eq!(seen.iter().map(|score| &score.account).collect::<BTreeSet<_>>().len(), history.known());
    assert_eq!(seen, world.scores("acme").await);

    let first = client
        .list_models(ListModelsRequest { page_size: 2, ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    let next = ListModelsRequest { page_size: 2, page_token: first.next_page_token, ..Default::default() };
    let second = client.list_models(next).await.unwrap().into_inner();
    let versions: Vec<_> = first.models.iter().chain(&second.models).map(|model| model.version).collect();
    assert_eq!((versions, second.next_page_token.as_str()), (vec![3, 2, 1], ""));

    // a token of another list
    let refused = (Code::InvalidArgument, Reason::PageTokenInvalid);
    let wandering = ListModelsRequest { page_token: request.page_token, ..Default::default() };
    assert_eq!(why(client.list_models(wandering).await), refused);
    let negative = ListScoresRequest { page_size: -1, ..Default::default() };
    assert_eq!(why(client.list_scores(negative).await), (Code::InvalidArgument, Reason::FieldInvalid));
}
