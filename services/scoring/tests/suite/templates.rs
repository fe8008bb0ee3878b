//! What is ready to be declared: by the tenant's own rhythm, refused with what is lacking, declared as it is.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_kit::Role;
use salient_proto::{
    common::v1::run_status::State,
    profile::v1::OpportunitiesChanged,
    scoring::v1::{
        GetScoreRequest, ListModelTemplatesRequest, ListModelTemplatesResponse, ListScoresRequest,
        ModelTemplate, Score, model_declaration::Subject,
    },
};
use tonic::{Code, Status};

use crate::{
    company::{Company, Dice},
    history::{History, sale},
    subjects::mean,
    world::{World, both, why},
};

both!(templates_are_told, a_template_is_declared_as_it_is);

const IDS: [&str; 5] = ["churn", "switch", "leads", "wins", "second-order"];

impl World {
    async fn templates(
        &self,
        role: Role,
        page_size: i32,
        token: &str,
    ) -> Result<ListModelTemplatesResponse, Status> {
        let request = ListModelTemplatesRequest { page_size, page_token: token.into() };
        Ok(self.declarations("acme", role).list_model_templates(request).await?.into_inner())
    }

    async fn scores_of(&self, of: &str) -> Vec<Score> {
        let request =
            ListScoresRequest { page_size: 1000, model_declaration: of.into(), ..Default::default() };
        self.operator().list_scores(request).await.unwrap().into_inner().scores
    }
}

fn of(templates: &[ModelTemplate]) -> Vec<&str> {
    templates.iter().map(|template| template.name.strip_prefix("modelTemplates/").unwrap()).collect()
}

/// Customers who began over the years; those in crafts leave after some months, and order half as often before.
fn customers(world: &World) -> History {
    let mut dice = Dice(0x5eed_0011);
    let mut history = History { orders: Vec::new(), ..world.history() };
    for account in &history.accounts {
        let (begin, gap) = (-900 + dice.below(800), 10 + dice.below(20));
        let end = if account.industry == "crafts" { begin + 150 + dice.below(200) } else { 0 };
        let mut at = begin;
        while at < end.min(0) {
            let time = world.today() + TimeDelta::days(at) + TimeDelta::hours(9);
            let number = history.orders.len();
            history.orders.push(sale(&world.clock, &account.name, number, time, "p01", 1, 900));
            at += if end < 0 && at > end - 60 { 2 * gap } else { gap };
        }
    }
    history
}

async fn templates_are_told(world: &World) {
    let refused = why(world.templates(Role::Seller, 0, "").await);
    assert_eq!(refused, (Code::PermissionDenied, Reason::RoleInsufficient));
    // before anything is known, everything lacks something; only of leads there is something to say ever
    let empty = world.templates(Role::Manager, 0, "").await.unwrap();
    assert_eq!((of(&empty.model_templates), empty.next_page_token.as_str()), (IDS.to_vec(), ""));
    for template in &empty.model_templates {
        assert_eq!(template.lacking.is_empty(), template.name.ends_with("/leads"), "{template:?}");
    }

    let history = customers(world);
    world.learn_of("acme", &history).await;
    let first = world.templates(Role::Operator, 2, "").await.unwrap();
    let second = world.templates(Role::Operator, 2, &first.next_page_token).await.unwrap();
    let third = world.templates(Role::Operator, 2, &second.next_page_token).await.unwrap();
    let templates = [first, second, third].map(|page| page.model_templates).concat();
    assert_eq!(of(&templates), IDS);
    for template in &templates {
        let declared = template.model_declaration.clone().unwrap();
        assert_eq!(declared.horizon_days, 90);
        assert_eq!(template.lacking.is_empty(), !template.name.ends_with("/wins"), "{template:?}");
        // what lacks something is refused for that, everything else is taken as it is
        match world.declare(declared).await {
            Ok(taken) => assert!(template.lacking.is_empty(), "{taken:?}"),
            Err(status) => assert_eq!(
                (why(Err::<(), _>(status)), template.lacking.is_empty()),
                ((Code::InvalidArgument, Reason::FieldInvalid), false)
            ),
        }
    }
    let mut won = Company::new(&world.clock, world.today(), false).opportunities;
    won.iter_mut().for_each(|of| of.account.clone_from(&history.accounts[0].name));
    world.hear("acme", &OpportunitiesChanged { opportunities: won }).await;
    let told = world.templates(Role::Operator, 0, "").await.unwrap().model_templates;
    assert!(told[3].lacking.is_empty(), "{:?}", told[3]);
    assert_eq!(told[3].model_declaration.as_ref().unwrap().subject(), Subject::Opportunity);

    // who orders every hundred days is not silent after ninety; of 800 days a quarter is looked ahead
    let mut slow = world.history();
    slow.orders.clear();
    for (number, account) in slow.accounts.iter().enumerate() {
        for back in 1..9 {
            let time = world.today() - TimeDelta::days(100 * back);
            slow.orders.push(sale(&world.clock, &account.name, 9 * number + back as usize, time, "p", 1, 9));
        }
    }
    world.learn_of("other", &slow).await;
    let mut other = world.declarations("other", Role::Operator);
    let told = other.list_model_templates(ListModelTemplatesRequest::default()).await.unwrap().into_inner();
    for declared in told.model_templates.into_iter().filter_map(|template| template.model_declaration) {
        assert_eq!((declared.horizon_days, declared.windows), (180, vec![30, 180, 720]));
    }
}

async fn a_template_is_declared_as_it_is(world: &World) {
    let history = customers(world);
    world.learn_of("acme", &history).await;
    let templates = world.templates(Role::Operator, 0, "").await.unwrap().model_templates;
    let churn = templates[0].model_declaration.clone().unwrap();
    world.declare(churn.clone()).await.unwrap();
    let run = world.run_of("acme", &churn.name, Some(world.today())).await;
    assert_eq!(run.status.as_ref().unwrap().state(), State::Succeeded, "{run:?}");
    // it passed its gates
    assert!(!run.model.is_empty() && run.model == run.trained_model, "{run:?}");
    let scores = world.scores_of(&churn.name).await;
    assert_eq!(scores.len() as i64, run.scored_accounts);

    let industry = |score: &&Score| {
        let account = history.accounts.iter().find(|account| account.name == score.account).unwrap();
        account.industry == "crafts"
    };
    let (leaving, staying): (Vec<&Score>, Vec<&Score>) = scores.iter().partition(|score| industry(score));
    assert!(leaving.len() > 10 && staying.len() > 50, "{} {}", leaving.len(), staying.len());
    let (likely, unlikely) = (mean(leaving.into_iter()), mean(staying.into_iter()));
    assert!(likely > unlikely + 0.1, "{likely} {unlikely}");
    // only who is a customer still: three orders within 360 days, and not silent for 90 already
    for score in &scores {
        let own = history.orders.iter().filter(|order| order.account == score.account);
        let days: Vec<i64> = own
            .map(|order| (world.today().timestamp() - order.order_time.unwrap().seconds) / 86_400)
            .collect();
        assert!(days.iter().filter(|day| **day < 360).count() > 2, "{days:?}");
        assert!(*days.iter().min().unwrap() < 100, "{days:?}");
    }
    // reasons in words, and the same score again from its version and its frozen features
    let listed = &scores[0];
    let request = |as_of| GetScoreRequest {
        name: format!("{}/score", listed.subject),
        as_of,
        model_declaration: churn.name.clone(),
    };
    let mut client = world.operator();
    let newest = client.get_score(request(None)).await.unwrap().into_inner().score.unwrap();
    assert!(newest.reasons.iter().any(|reason| reason.text.contains("left")), "{newest:?}");
    assert_eq!(client.get_score(request(run.as_of)).await.unwrap().into_inner().score.unwrap(), newest);
}
