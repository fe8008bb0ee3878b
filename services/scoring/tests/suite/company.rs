//! A company whose accounts are called and buy, and the calls of a tenant that declares a model of it.

use chrono::{DateTime, TimeDelta, Utc};
use salient_core::{Clock, InteractionId, OpportunityId};
use salient_kit::{Role, client::Link};
use salient_proto::{
    common::v1::run_status::State as RunState,
    profile::v1::{
        Account, AccountsChanged, Interaction, InteractionsRecorded, OpportunitiesChanged, Opportunity,
        interaction, opportunity,
    },
    scoring::v1::{
        GetScoreRequest, ListModelsRequest, ListScoresRequest, Model, ModelDeclaration, Score, ScoringRun,
        StartScoringRunRequest, UpsertModelDeclarationRequest,
        declaration_service_client::DeclarationServiceClient, model_declaration,
    },
};
use tonic::Status;

use crate::world::{World, request_id, timestamp};

pub const NAME: &str = "modelDeclarations/wins";
const DAYS: i64 = 400;

/// Accounts that are called, and buy: who is called often wins soon, more so in retail.
pub struct Company {
    pub accounts: Vec<Account>,
    pub interactions: Vec<Interaction>,
    pub opportunities: Vec<Opportunity>,
}

/// Numbers that come out the same each time.
pub struct Dice(pub u64);

impl Dice {
    pub fn chance(&mut self, share: f64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64 / (1_u64 << 53) as f64) < share
    }

    /// A number from 0 to below `limit`, which is up to 1,024.
    pub fn below(&mut self, limit: i64) -> i64 {
        (0..10).fold(0, |number, _| 2 * number + i64::from(self.chance(0.5))) * limit / 1024
    }
}

impl Company {
    pub fn new(clock: &Clock, today: DateTime<Utc>, noise: bool) -> Self {
        let mut dice = Dice(0x5eed_0042);
        let accounts = crate::history::History::new(clock, today).accounts;
        let (mut interactions, mut opportunities) = (Vec::new(), Vec::new());
        for account in &accounts {
            let keen = dice.chance(0.5);
            let (calls, wins) = match (noise, keen) {
                (true, _) => (0.1, 0.015),
                (false, true) => (0.25, if account.industry == "retail" { 0.05 } else { 0.02 }),
                (false, false) => (0.03, 0.002),
            };
            for back in 0..DAYS {
                let at = today - TimeDelta::days(DAYS - back) + TimeDelta::hours(9);
                if dice.chance(calls) {
                    interactions.push(Interaction {
                        name: InteractionId::new(clock).name(),
                        account: account.name.clone(),
                        kind: interaction::Kind::Call.into(),
                        occur_time: Some(timestamp(at)),
                        quantity: 1.0,
                        ..Interaction::default()
                    });
                }
                if dice.chance(wins) {
                    opportunities.push(Opportunity {
                        name: OpportunityId::new(clock).name(),
                        account: account.name.clone(),
                        state: opportunity::State::Won.into(),
                        // an opening announces what comes of it, and noise is not announced
                        open_time: Some(timestamp(if noise { at } else { at - TimeDelta::days(1) })),
                        close_time: Some(timestamp(at)),
                        ..Opportunity::default()
                    });
                }
            }
        }
        Self { accounts, interactions, opportunities }
    }
}

impl World {
    pub async fn hear_of(&self, tenant: &str, company: &Company) {
        self.hear(tenant, &AccountsChanged { accounts: company.accounts.clone() }).await;
        for some in company.interactions.chunks(500) {
            self.hear(tenant, &InteractionsRecorded { interactions: some.to_vec() }).await;
        }
        for some in company.opportunities.chunks(500) {
            self.hear(tenant, &OpportunitiesChanged { opportunities: some.to_vec() }).await;
        }
    }

    pub fn declarations(&self, tenant: &str, role: Role) -> DeclarationServiceClient<Link> {
        DeclarationServiceClient::new(self.link(tenant, role))
    }

    pub async fn declare(&self, of: ModelDeclaration) -> Result<ModelDeclaration, Status> {
        let request = UpsertModelDeclarationRequest { request_id: request_id(), model_declaration: Some(of) };
        let mut client = self.declarations("acme", Role::Operator);
        let answer = client.upsert_model_declaration(request.clone()).await?.into_inner();
        assert_eq!(client.upsert_model_declaration(request).await?.into_inner(), answer);
        Ok(answer.model_declaration.unwrap())
    }

    pub async fn declared_run(&self, tenant: &str, as_of: Option<DateTime<Utc>>) -> ScoringRun {
        self.run_of(tenant, NAME, as_of).await
    }

    pub async fn run_of(&self, tenant: &str, of: &str, as_of: Option<DateTime<Utc>>) -> ScoringRun {
        let request = StartScoringRunRequest {
            request_id: request_id(),
            as_of: as_of.map(timestamp),
            keep_model: false,
            model_declaration: of.into(),
        };
        let mut client = self.client_of(tenant, Role::Operator);
        let run = client.start_scoring_run(request).await.unwrap().into_inner().scoring_run.unwrap();
        self.finished(tenant, &run.name).await
    }

    /// It must succeed.
    pub async fn declared_run_today(&self, tenant: &str) -> ScoringRun {
        let run = self.declared_run(tenant, Some(self.today())).await;
        assert_eq!(run.status.as_ref().unwrap().state(), RunState::Succeeded, "{run:?}");
        assert_eq!(run.model_declaration, NAME);
        run
    }

    pub async fn declared_scores(&self, tenant: &str) -> Vec<Score> {
        let request =
            ListScoresRequest { page_size: 1000, model_declaration: NAME.into(), ..Default::default() };
        self.client_of(tenant, Role::Operator).list_scores(request).await.unwrap().into_inner().scores
    }

    pub async fn declared_score(&self, account: &str, as_of: Option<prost_types::Timestamp>) -> Score {
        let name = format!("{account}/score");
        let request = GetScoreRequest { name, as_of, model_declaration: NAME.into() };
        self.operator().get_score(request).await.unwrap().into_inner().score.unwrap()
    }

    pub async fn declared_models(&self) -> Vec<Model> {
        let request = ListModelsRequest { model_declaration: NAME.into(), ..Default::default() };
        self.operator().list_models(request).await.unwrap().into_inner().models
    }
}

pub fn wins() -> ModelDeclaration {
    ModelDeclaration {
        name: NAME.into(),
        display_name: "Wins within 30 days".into(),
        subject: model_declaration::Subject::Account.into(),
        population: "calls_365d > 0.0".into(),
        target: "won_opportunities_30d > 0.0".into(),
        horizon_days: 30,
        windows: vec![30, 90, 365],
        outcome: "signed".into(),
        ..ModelDeclaration::default()
    }
}
