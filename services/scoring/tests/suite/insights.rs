//! What an account is worth, how it fares and what it needs.

use std::collections::BTreeSet;

use chrono::{TimeDelta, TimeZone as _, Utc};
use salient_core::{InteractionId, Reason};
use salient_kit::Role;
use salient_learn::DAY_US;
use salient_proto::{
    common::v1::run_status::State,
    profile::v1::{
        Account, AccountsChanged, Interaction, InteractionsRecorded, ProfileRoot, ProfilesResolved,
        interaction::Kind,
    },
    scoring::v1::{
        ForecastNeedRequest, ForecastNeedResponse, GetHealthRequest, GetLifetimeValueRequest,
        GetPenetrationRequest, GetPotentialRequest, GetPriceGuidanceRequest, Health, LifetimeValue,
        Penetration, Potential,
        health::{Component, Grade, Trend},
        health_part::{Change, Facts, Issues},
        lifetime_value::Method,
    },
};
use tonic::{Code, Status};

use crate::{
    history::{History, sale},
    world::{World, both, timestamp, why},
};

both!(
    nothing_before_the_first_run,
    who_may_ask,
    bounds_of_requests,
    what_an_account_is_worth,
    how_an_account_fares,
    support_and_use_are_part_of_health,
    what_an_account_needs,
    what_comes_later_changes_no_insight,
    a_later_run_takes_the_place_of_the_one_before,
    too_little_is_said_and_the_scores_stand,
    accounts_of_which_too_little_is_known,
    a_merged_account_is_its_profile,
);

const ID: &str = "01890000-0000-7000-8000-000000000000";

impl World {
    async fn lifetime(&self, tenant: &str, account: &str, days: i32) -> Result<LifetimeValue, Status> {
        let name = format!("{account}/lifetimeValue");
        let request = GetLifetimeValueRequest { name, horizon_days: days };
        let answer = self.insights_of(tenant, Role::Seller).get_lifetime_value(request).await?;
        Ok(answer.into_inner().lifetime_value.unwrap())
    }

    async fn health(&self, tenant: &str, account: &str) -> Result<Health, Status> {
        let request = GetHealthRequest { name: format!("{account}/health") };
        let answer = self.insights_of(tenant, Role::Seller).get_health(request).await?;
        Ok(answer.into_inner().health.unwrap())
    }

    async fn needs(&self, tenant: &str, account: &str, days: i32) -> Result<ForecastNeedResponse, Status> {
        let request = ForecastNeedRequest { name: format!("{account}/needs"), horizon_days: days };
        Ok(self.insights_of(tenant, Role::Seller).forecast_need(request).await?.into_inner())
    }

    pub async fn potential(&self, tenant: &str, account: &str) -> Result<Potential, Status> {
        let request = GetPotentialRequest { name: format!("{account}/potential") };
        let answer = self.insights_of(tenant, Role::Seller).get_potential(request).await?;
        Ok(answer.into_inner().potential.unwrap())
    }

    pub async fn penetration(&self, tenant: &str, region: &str) -> Result<Penetration, Status> {
        let request = GetPenetrationRequest { region: region.into() };
        let answer = self.insights_of(tenant, Role::Manager).get_penetration(request).await?;
        Ok(answer.into_inner().penetration.unwrap())
    }
}

async fn nothing_before_the_first_run(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    let account = history.accounts[0].name.as_str();
    assert_eq!(why(world.lifetime("acme", account, 0).await), unknown);
    assert_eq!(why(world.health("acme", account).await), unknown);
    assert_eq!(why(world.needs("acme", account, 0).await), unknown);
    assert_eq!(why(world.potential("acme", account).await), unknown);
    assert_eq!(why(world.penetration("acme", "t0").await), unknown);
    world.run("acme").await;
    // nor is anything of an account or a region that nobody knows, or of another tenant
    assert_eq!(why(world.health("acme", &format!("accounts/{ID}")).await), unknown);
    assert_eq!(why(world.penetration("acme", "elsewhere").await), unknown);
    assert_eq!(why(world.lifetime("other", account, 0).await), unknown);
    assert_eq!(why(world.penetration("other", "t0").await), unknown);
}

async fn who_may_ask(world: &World) {
    let region = GetPenetrationRequest { region: "t0".into() };
    let refused = world.insights_of("acme", Role::Seller).get_penetration(region).await;
    assert_eq!(why(refused), (Code::PermissionDenied, Reason::RoleInsufficient));
    let health = GetHealthRequest { name: format!("accounts/{ID}/health") };
    let refused = world.insights_without_token().get_health(health).await;
    assert_eq!(why(refused), (Code::Unauthenticated, Reason::TokenInvalid));
}

async fn bounds_of_requests(world: &World) {
    let account = format!("accounts/{ID}");
    let names = |status: Status, field: &str| {
        assert!(status.message().contains(field), "{}", status.message());
        assert_eq!(why(Err::<(), _>(status)), (Code::InvalidArgument, Reason::FieldInvalid));
    };
    for days in [-1, 3651] {
        names(world.lifetime("acme", &account, days).await.unwrap_err(), "horizon_days");
        names(world.needs("acme", &account, days).await.unwrap_err(), "horizon_days");
    }
    names(world.health("acme", "accounts/me").await.unwrap_err(), "name");
    names(world.penetration("acme", "").await.unwrap_err(), "region");
    let mut client = world.insights_of("acme", Role::Seller);
    for quantity in [0.0, -1.0, f64::INFINITY] {
        let request =
            GetPriceGuidanceRequest { product: "products/p01".into(), quantity, ..Default::default() };
        names(client.get_price_guidance(request).await.unwrap_err(), "quantity");
    }
}

/// Days on which an account ordered.
fn days(history: &History, account: &str) -> BTreeSet<i64> {
    let own = history.orders.iter().filter(|order| order.account == account);
    own.map(|order| order.order_time.unwrap().seconds * 1_000_000 / DAY_US).collect()
}

async fn what_an_account_is_worth(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let run = world.run("acme").await;
    let (mut regular, mut stopped) = (vec![], vec![]);
    for (number, account) in history.accounts.iter().take(60).enumerate() {
        let days = days(&history, &account.name);
        let value = world.lifetime("acme", &account.name, 0).await.unwrap();
        assert_eq!(value.name, format!("{}/lifetimeValue", account.name));
        assert_eq!((&value.account, value.horizon_days), (&account.name, 365));
        let source = value.source.as_ref().unwrap();
        assert_eq!((source.as_of, source.model.as_str()), (run.as_of, run.model.as_str()));
        assert_eq!(value.repeat_purchases as usize, days.len() - 1);
        let today = world.today().timestamp_micros() / DAY_US;
        assert!((value.age_days - (today - days.first().unwrap()) as f64).abs() < 1e-6);
        assert!((value.silent_days - (today - days.last().unwrap()) as f64).abs() < 1e-6);
        assert!((0.0..=1.0).contains(&value.alive_probability));
        assert_ne!(value.method(), Method::Unspecified);
        assert!(value.report.contains("was kept"), "{}", value.report);
        if let (Some(one), Some(all)) = (&value.purchase_value, &value.expected_value) {
            assert_eq!((all.currency_code.as_str(), one.currency_code.as_str()), ("GBP", "GBP"));
            assert!((all.minor_units - one.minor_units * value.expected_purchases).abs() < 1e-6);
        } else {
            assert!(value.report.contains("could not be learned"), "{}", value.report);
        }
        // another horizon of the same account, from what was kept
        let half = world.lifetime("acme", &account.name, 180).await.unwrap();
        assert!(half.expected_purchases < value.expected_purchases);
        assert_eq!(half.alive_probability, value.alive_probability);
        match number % 3 {
            0 => regular.push(value.alive_probability),
            1 => stopped.push(value.alive_probability),
            _ => {}
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert!(mean(&regular) > mean(&stopped) + 0.3, "{} {}", mean(&regular), mean(&stopped));
}

async fn how_an_account_fares(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    world.run("acme").await;
    let (mut regular, mut stopped) = (vec![], vec![]);
    for (number, account) in history.accounts.iter().take(60).enumerate().filter(|(n, _)| n % 3 < 2) {
        let health = world.health("acme", &account.name).await.unwrap();
        let points: f64 = health.parts.iter().map(|part| part.points).sum();
        assert!((points - health.score).abs() < 1e-9);
        assert!((health.parts.iter().map(|part| part.weight).sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(health.parts.iter().all(|part| part.facts.is_some()));
        // what is not heard of here is said to be missing, and does not count
        assert_eq!(health.missing, [Component::Support as i32, Component::Usage as i32]);
        let grade = match health.score {
            score if score >= 65.0 => Grade::A,
            score if score >= 50.0 => Grade::B,
            score if score >= 35.0 => Grade::C,
            _ => Grade::D,
        };
        assert_eq!(health.grade(), grade);
        assert_ne!(health.trend(), Trend::Unspecified);
        if number % 3 == 0 { regular.push(health) } else { stopped.push(health) }
    }
    let mean = |of: &[Health]| of.iter().map(|health| health.score).sum::<f64>() / of.len() as f64;
    assert!(mean(&regular) > mean(&stopped) + 20.0, "{} {}", mean(&regular), mean(&stopped));
    let declining = stopped.iter().filter(|health| health.trend() == Trend::Declining).count();
    assert!(declining > stopped.len() / 2, "{declining} of {}", stopped.len());
}

async fn support_and_use_are_part_of_health(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let (busy, calm) = (&history.accounts[0].name, &history.accounts[3].name);
    let said = |kind: Kind, back: i64, quantity: f64| Interaction {
        name: InteractionId::new(&world.clock).name(),
        account: busy.clone(),
        kind: kind.into(),
        occur_time: Some(timestamp(world.today() - TimeDelta::days(back) + TimeDelta::hours(9))),
        quantity,
        ..Interaction::default()
    };
    // two requests count, one is too long ago; of the use of 200 days the last ninety are half as much
    let mut interactions = [20, 80, 100].map(|back| said(Kind::Support, back, 1.0)).to_vec();
    interactions.extend((1..=200).map(|back| said(Kind::Usage, back, if back <= 90 { 2.0 } else { 4.0 })));
    // what comes at the run's moment or later is not known to it
    interactions.extend([said(Kind::Support, 0, 1.0), said(Kind::Usage, 0, 999.0)]);
    world.hear("acme", &InteractionsRecorded { interactions }).await;
    world.run("acme").await;
    let part = |health: &Health, of: Component| {
        health.parts.iter().find(|part| part.component() == of).map(|part| (part.value, part.facts.unwrap()))
    };
    let health = world.health("acme", busy).await.unwrap();
    assert!(health.missing.is_empty());
    let issues = Facts::Issues(Issues { count: 2, open: 0, burden: 2.0, window_days: 90.0 });
    assert_eq!(part(&health, Component::Support), Some((0.5, issues)));
    let used = Facts::Change(Change { recent: 180.0, earlier: 360.0, window_days: 90.0 });
    assert_eq!(part(&health, Component::Usage), Some((180.5 / 541.0, used)));
    // requests are recorded, and the other account has none; its use is not measured
    let health = world.health("acme", calm).await.unwrap();
    assert_eq!(part(&health, Component::Support).unwrap().0, 1.0);
    assert_eq!(health.missing, [i32::from(Component::Usage)]);
}

async fn what_an_account_needs(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let run = world.run("acme").await;
    let start = run.as_of.unwrap();
    for account in history.accounts.iter().take(30) {
        let own = history.orders.iter().filter(|order| order.account == account.name);
        let bought: BTreeSet<&str> =
            own.flat_map(|order| order.lines.iter().map(|line| line.product.as_str())).collect();
        let answer = world.needs("acme", &account.name, 0).await.unwrap();
        assert_eq!((&answer.account, answer.horizon_days), (&account.name, 30));
        assert_eq!(answer.source.as_ref().unwrap().as_of, run.as_of);
        assert_eq!(answer.needs.len(), bought.len().min(20));
        assert!(answer.needs.is_sorted_by(|a, b| a.probability >= b.probability));
        let later = world.needs("acme", &account.name, 90).await.unwrap();
        for need in &answer.needs {
            assert!(bought.contains(need.product.as_str()));
            let at = |time: Option<prost_types::Timestamp>| time.unwrap().seconds;
            let (low, high) = (at(need.low_time), at(need.high_time));
            assert!(start.seconds <= low && low <= at(need.expected_time) && at(need.expected_time) <= high);
            assert!(at(need.last_time) < start.seconds);
            assert!(need.probability <= need.alive_probability && need.mean_quantity > 0.0);
            // a longer horizon makes it likelier, and moves no date
            let same = later.needs.iter().find(|other| other.product == need.product).unwrap();
            assert!(same.probability >= need.probability);
            assert_eq!((same.expected_time, same.high_time), (need.expected_time, need.high_time));
        }
    }
}

async fn what_comes_later_changes_no_insight(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    world.learn_of("other", &history).await;
    world.ordered("other", &history.planted(&world.clock, world.today())).await;
    world.run("acme").await;
    world.run("other").await;
    for account in history.accounts.iter().take(20) {
        let name = account.name.as_str();
        let ours = world.lifetime("acme", name, 0).await.unwrap();
        let theirs = world.lifetime("other", name, 0).await.unwrap();
        // bit for bit
        assert_eq!(LifetimeValue { source: None, ..ours }, LifetimeValue { source: None, ..theirs });
        let ours = world.health("acme", name).await.ok().map(|of| (of.parts, of.change));
        assert_eq!(ours, world.health("other", name).await.ok().map(|of| (of.parts, of.change)));
        let (ours, theirs) = (world.needs("acme", name, 0).await, world.needs("other", name, 0).await);
        assert_eq!(ours.unwrap().needs, theirs.unwrap().needs);
        let (ours, theirs) = (world.potential("acme", name).await, world.potential("other", name).await);
        assert_eq!(ours.unwrap().standing, theirs.unwrap().standing);
    }
}

async fn a_later_run_takes_the_place_of_the_one_before(world: &World) {
    let mut history = world.history();
    world.learn_of("acme", &history).await;
    let first = world.run("acme").await;
    let name = history.accounts[1].name.clone();
    let before = world.lifetime("acme", &name, 0).await.unwrap();
    assert_eq!(before.source.as_ref().unwrap().model, first.model);
    // run again as of the same moment, it says the same
    world.run("acme").await;
    assert_eq!(world.lifetime("acme", &name, 0).await.unwrap(), before);

    world.clock.advance(TimeDelta::days(10));
    world.ordered("acme", &history.planted(&world.clock, world.today() - TimeDelta::days(1))).await;
    for account in history.accounts.iter_mut().filter(|account| account.territory == "t0") {
        account.territory = "north".into();
    }
    world.hear("acme", &AccountsChanged { accounts: history.accounts.clone() }).await;
    let second = world.run("acme").await;
    let after = world.lifetime("acme", &name, 0).await.unwrap();
    assert_eq!(after.source.unwrap().model, second.trained_model);
    assert_eq!(after.repeat_purchases, before.repeat_purchases + 1);
    assert!(after.alive_probability > before.alive_probability);
    // the region is the one of today
    assert_eq!(world.penetration("acme", "north").await.unwrap().accounts, 48);
    let gone = why(world.penetration("acme", "t0").await);
    assert_eq!(gone, (Code::NotFound, Reason::ResourceUnknown));
}

async fn too_little_is_said_and_the_scores_stand(world: &World) {
    // everybody buys twice at one price and never the same: enough for scores, not for needs
    let mut history = world.history();
    history.orders.clear();
    for (number, account) in history.accounts.iter().enumerate() {
        let first = world.today() - TimeDelta::days(200 - number as i64 % 150);
        let second = first + TimeDelta::days(10 + number as i64 % 45);
        for (part, time) in [first, second].into_iter().enumerate() {
            let (number, code) = (2 * number + part, format!("only{number}-{part}"));
            history.orders.push(sale(&world.clock, &account.name, number, time, &code, 1, 700));
        }
    }
    world.learn_of("acme", &history).await;
    let run = world.run("acme").await;
    assert_eq!(run.status.unwrap().state(), State::Succeeded);
    assert_eq!(world.scores("acme").await.len(), history.known());
    let lacking = (Code::FailedPrecondition, Reason::NotEnoughData);
    let account = history.accounts[3].name.as_str();
    let status = world.needs("acme", account, 0).await.unwrap_err();
    // it says what would be enough
    assert!(status.message().contains("need 30 gaps"), "{}", status.message());
    assert_eq!(why(Err::<(), _>(status)), lacking);
    // nobody has a rate of their own: the report of the fit, and no number
    let status = world.lifetime("acme", account, 0).await.unwrap_err();
    assert!(status.message().contains("neither model can be fitted"), "{}", status.message());
    assert_eq!(why(Err::<(), _>(status)), lacking);
}

async fn accounts_of_which_too_little_is_known(world: &World) {
    let mut history = world.history();
    let silent = Account { name: format!("accounts/{ID}"), ..history.accounts[0].clone() };
    history.accounts.push(silent.clone());
    world.learn_of("acme", &history).await;
    world.run("acme").await;
    let lacking = (Code::FailedPrecondition, Reason::NotEnoughData);
    let status = world.lifetime("acme", &silent.name, 0).await.unwrap_err();
    assert!(status.message().contains("need an order of the account"), "{}", status.message());
    assert_eq!(why(Err::<(), _>(status)), lacking);
    assert_eq!(why(world.health("acme", &silent.name).await), lacking);
    // who bought nothing needs nothing again
    assert_eq!(world.needs("acme", &silent.name, 0).await.unwrap().needs, []);
}

async fn a_merged_account_is_its_profile(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let (root, merged) = (&history.accounts[0].name, &history.accounts[3].name);
    let roots = vec![ProfileRoot { record: merged.clone(), profile: root.clone() }];
    world.hear("acme", &ProfilesResolved { roots }).await;
    world.run("acme").await;
    let days: BTreeSet<i64> = &days(&history, root) | &days(&history, merged);
    let value = world.lifetime("acme", merged, 0).await.unwrap();
    assert_eq!((&value.account, value.repeat_purchases as usize), (root, days.len() - 1));
    assert_eq!(world.lifetime("acme", root, 0).await.unwrap(), value);
    assert_eq!(world.health("acme", merged).await.unwrap().account, *root);
    assert_eq!(world.needs("acme", merged, 0).await.unwrap().account, *root);
    assert_eq!(world.potential("acme", merged).await.unwrap().account, *root);
    let last = Utc.timestamp_micros(days.last().unwrap() * DAY_US).unwrap();
    let silent = (world.today() - last).num_days() as f64;
    assert!((value.silent_days - silent).abs() < 1e-6);
    assert_eq!(value.source.unwrap().as_of, Some(timestamp(world.today())));
}
