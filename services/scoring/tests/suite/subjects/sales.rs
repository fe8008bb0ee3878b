//! Models about possible sales.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use salient_core::{OpportunityId, Reason};
use salient_proto::{
    common::v1::Money,
    profile::v1::{
        AccountsChanged, OpportunitiesChanged, Opportunity, ProfileRoot, ProfilesResolved, opportunity,
    },
    scoring::v1::{ModelDeclaration, Score, model_declaration::Subject},
};
use tonic::Code;

use super::{DAYS, are_given_again, mean};
use crate::{
    company::{Dice, NAME, wins},
    history::History,
    world::{World, both, timestamp, why},
};

both!(possible_sales_are_asked_about);

/// Possible sales of a company, as a system tells them that knows how they ended.
struct Pipeline {
    history: History,
    opportunities: Vec<Opportunity>,
}

impl Pipeline {
    async fn heard(world: &World) -> Self {
        let history = world.history();
        let mut dice = Dice(0x5eed_0b0b);
        let mut opportunities = Vec::new();
        for account in &history.accounts {
            for back in 1..=DAYS {
                if !dice.chance(0.01) {
                    continue;
                }
                let opened = world.today() - TimeDelta::days(back) + TimeDelta::hours(9);
                let keen = dice.chance(0.5);
                let mut life = 5;
                while life < 60 && !dice.chance(0.04) {
                    life += 1;
                }
                let closed = opened + TimeDelta::days(life);
                let is_closed = closed < world.today();
                let is_won = dice.chance(if keen { 0.8 } else { 0.1 });
                let (state, stage, worth) = match (is_closed, is_won) {
                    (false, _) => (opportunity::State::Open, "Offer made", 100_000),
                    (true, true) => (opportunity::State::Won, "Closed won", 90_000),
                    (true, false) => (opportunity::State::Lost, "Closed lost", 0),
                };
                opportunities.push(Opportunity {
                    name: OpportunityId::new(&world.clock).name(),
                    account: account.name.clone(),
                    stage: stage.into(),
                    state: state.into(),
                    amount: Some(Money { currency_code: "GBP".into(), minor_units: worth }),
                    seller: if keen { "sellers/ann" } else { "sellers/bob" }.into(),
                    open_time: Some(timestamp(opened)),
                    close_time: is_closed.then(|| timestamp(closed)),
                    update_time: Some(timestamp(world.today() - TimeDelta::hours(1))),
                    ..Opportunity::default()
                });
            }
        }
        world.hear("acme", &AccountsChanged { accounts: history.accounts.clone() }).await;
        for some in opportunities.chunks(500) {
            world.hear("acme", &OpportunitiesChanged { opportunities: some.to_vec() }).await;
        }
        Self { history, opportunities }
    }

    /// Those that were open at a moment.
    fn open_at(&self, at: DateTime<Utc>) -> BTreeSet<&str> {
        let before =
            |time: &Option<prost_types::Timestamp>| time.is_some_and(|time| time.seconds < at.timestamp());
        let open = self.opportunities.iter().filter(|of| before(&of.open_time) && !before(&of.close_time));
        open.map(|of| of.name.as_str()).collect()
    }
}

async fn possible_sales_are_asked_about(world: &World) {
    let pipeline = Pipeline::heard(world).await;
    let declared = ModelDeclaration {
        subject: Subject::Opportunity.into(),
        display_name: "Will be won".into(),
        population: "attr_state == \"open\"".into(),
        target: "attr_state == \"won\"".into(),
        outcome: "were won".into(),
        // nothing else tells of these sales, so that it looks like a leak
        allow_features: vec!["attr_seller".into()],
        ..wins()
    };
    world.declare(declared).await.unwrap();
    let run = world.declared_run_today("acme").await;
    assert_eq!((&run.model, run.doubts.as_slice()), (&run.trained_model, [].as_slice()));
    let model = world.model(&run.model).await;
    // what was filled at the end was not known before it
    assert!(model.report.unwrap().auc < Some(0.9));
    assert!(model.excluded.iter().any(|out| out.feature == "attr_stage"), "{:?}", model.excluded);
    let examples: usize =
        (1..=5).map(|back| pipeline.open_at(world.today() - TimeDelta::days(30 * back)).len()).sum();
    assert_eq!(model.train_examples as usize, examples);

    let scores = world.declared_scores("acme").await;
    let asked: BTreeSet<&str> = scores.iter().map(|score| score.subject.as_str()).collect();
    assert_eq!(asked, pipeline.open_at(world.today()));
    let sellers: BTreeMap<&str, &str> =
        pipeline.opportunities.iter().map(|of| (of.name.as_str(), of.seller.as_str())).collect();
    let (ann, bob): (Vec<&Score>, Vec<&Score>) =
        scores.iter().partition(|score| sellers[score.subject.as_str()] == "sellers/ann");
    assert!(mean(ann.into_iter()) > 2.0 * mean(bob.into_iter()));
    are_given_again(world, &scores, run.as_of).await;
    let first = world.said_of(&scores[0].subject, NAME).await.unwrap();
    assert!(first.reasons.iter().any(|reason| reason.text.contains(" of opportunities with ")), "{first:?}");

    // one of them goes on, another one ends
    let now = world.today() + TimeDelta::days(1);
    world.clock.advance(TimeDelta::days(1));
    let named = |name: &str| pipeline.opportunities.iter().find(|of| of.name == name).unwrap().clone();
    let goes_on = Opportunity {
        stage: "Contract sent".into(),
        update_time: Some(timestamp(now - TimeDelta::hours(3))),
        ..named(&scores[0].subject)
    };
    let ends = Opportunity {
        state: opportunity::State::Won.into(),
        close_time: Some(timestamp(now - TimeDelta::hours(2))),
        update_time: Some(timestamp(now - TimeDelta::hours(2))),
        ..named(&scores[1].subject)
    };
    world.hear("acme", &OpportunitiesChanged { opportunities: vec![goes_on, ends] }).await;
    assert!(world.names_of(Subject::Opportunity).await.contains("stage_changes_30d"));
    world.declared_run_today("acme").await;
    assert!(world.said_of(&scores[0].subject, NAME).await.is_ok());
    let ended = world.said_of(&scores[1].subject, NAME).await;
    assert_eq!(why(ended), (Code::NotFound, Reason::ResourceUnknown));
    // and what a merged account has is its profile's
    let [one, other] = [&pipeline.history.accounts[0], &pipeline.history.accounts[1]];
    let roots = vec![ProfileRoot { record: other.name.clone(), profile: one.name.clone() }];
    world.hear("acme", &ProfilesResolved { roots }).await;
    world.declared_run_today("acme").await;
    let scores = world.declared_scores("acme").await;
    assert!(scores.iter().all(|score| score.account != other.name));
    assert!(scores.iter().any(|score| score.account == one.name));
}
