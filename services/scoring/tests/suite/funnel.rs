//! Where customers get lost: counted again by hand, a planted constraint, and what cannot be told.

use chrono::TimeDelta;
use salient_core::{AccountId, InteractionId, OpportunityId, Reason};
use salient_kit::Role;
use salient_proto::{
    common::v1::Share,
    profile::v1::{
        Account, Interaction, InteractionsRecorded, OpportunitiesChanged, Opportunity, ProfileRoot,
        ProfilesResolved, interaction, opportunity,
    },
    scoring::v1::{
        FunnelBenchmark, GetFunnelBenchmarkRequest, ListFunnelBenchmarksRequest,
        ListFunnelBenchmarksResponse,
        funnel_benchmark::{Grouping, Standing, Step},
    },
};
use tonic::{Code, Status};

use crate::{
    company::Dice,
    history::{History, sale},
    world::{World, both, timestamp, why},
};

both!(
    steps_are_counted_and_the_constraint_is_named,
    groups_are_told_in_pages,
    what_cannot_be_told,
    what_is_asked_wrongly,
);

const HORIZON: i64 = 90;
const LOST: &str = "t1";

/// What happened with an account, in days from today; each at nine in the morning.
#[derive(Default)]
struct Life {
    seen: Option<i64>,
    spoken: Option<i64>,
    sale: Option<(i64, Option<i64>)>,
    orders: Vec<i64>,
}

impl Life {
    /// A lead that is followed up, or not.
    fn lead(dice: &mut Dice) -> Self {
        let seen = -100 - dice.below(500);
        let spoken = seen + dice.below(150);
        let opened = spoken + dice.below(140);
        let (ended, coin) = (opened + dice.below(130), dice.below(8));
        let past = |day: i64| (day < 0).then_some(day);
        let spoken = past(spoken).filter(|_| coin != 1);
        let opened = past(opened).filter(|_| spoken.is_some() && coin != 2);
        let sale = opened.map(|opened| (opened, past(ended).filter(|_| coin != 3)));
        let won = sale.and_then(|(_, won)| won);
        Self { seen: Some(seen), spoken, sale, orders: won.into_iter().collect() }
    }

    /// A customer, who may have left since.
    fn customer(dice: &mut Dice, leaves: f64) -> Self {
        let gap = 15 + dice.below(25);
        let end = if dice.chance(leaves) { -92 } else { 0 };
        Self {
            orders: (0..).map(|n| n * gap - 940).take_while(|day| *day < end).collect(),
            ..Self::default()
        }
    }
}

struct Company {
    accounts: Vec<Account>,
    lives: Vec<Life>,
}

impl Company {
    /// A quarter of the accounts are leads; of the customers in `LOST` most have left, elsewhere few.
    async fn heard(world: &World) -> Self {
        let mut dice = Dice(0x5eed_0007);
        let accounts = world.history().accounts;
        let life = |(number, account): (usize, &Account)| match number % 4 {
            3 => Life::lead(&mut dice),
            _ => Life::customer(&mut dice, if account.territory == LOST { 0.7 } else { 0.05 }),
        };
        let lives: Vec<Life> = accounts.iter().enumerate().map(life).collect();
        let company = Self { accounts, lives };
        company.told(world).await;
        company
    }

    async fn told(&self, world: &World) {
        let at = |day: i64| world.today() + TimeDelta::days(day) + TimeDelta::hours(9);
        // calls to one of the accounts stand at another record of it
        let (own, twin) = (&self.accounts[3].name, AccountId::new(&world.clock).name());
        let mut accounts = self.accounts.clone();
        accounts.push(Account { name: twin.clone(), ..self.accounts[3].clone() });
        let (mut orders, mut interactions, mut opportunities) = (Vec::new(), Vec::new(), Vec::new());
        for (account, life) in self.accounts.iter().zip(&self.lives) {
            for &day in &life.orders {
                let number = orders.len();
                orders.push(sale(&world.clock, &account.name, number, at(day), "p01", 1, 900));
            }
            let kinds = [(life.seen, interaction::Kind::Web), (life.spoken, interaction::Kind::Call)];
            for (day, kind) in kinds.into_iter().filter_map(|(day, kind)| Some((day?, kind))) {
                let elsewhere = kind == interaction::Kind::Call && account.name == *own;
                interactions.push(Interaction {
                    name: InteractionId::new(&world.clock).name(),
                    account: if elsewhere { twin.clone() } else { account.name.clone() },
                    kind: kind.into(),
                    occur_time: Some(timestamp(at(day))),
                    quantity: 1.0,
                    ..Interaction::default()
                });
            }
            if let Some((opened, won)) = life.sale {
                let state = if won.is_some() { opportunity::State::Won } else { opportunity::State::Open };
                opportunities.push(Opportunity {
                    name: OpportunityId::new(&world.clock).name(),
                    account: account.name.clone(),
                    state: state.into(),
                    open_time: Some(timestamp(at(opened))),
                    close_time: won.map(|day| timestamp(at(day))),
                    ..Opportunity::default()
                });
            }
        }
        world.learn_of("acme", &History { accounts, orders }).await;
        world.hear("acme", &InteractionsRecorded { interactions }).await;
        world.hear("acme", &OpportunitiesChanged { opportunities }).await;
        let roots = vec![ProfileRoot { record: twin, profile: own.clone() }];
        world.hear("acme", &ProfilesResolved { roots }).await;
    }

    /// Who entered each step in the year up to a day, and who passed it.
    fn counted(&self, until: i64, of: impl Fn(&Account) -> bool) -> [(i64, i64); 5] {
        let mut counts = [(0, 0); 5];
        let mut count = |step: usize, entered: bool, passed: bool| {
            counts[step].0 += i64::from(entered);
            counts[step].1 += i64::from(entered && passed);
        };
        let year = until - 365..until;
        for (_, life) in self.accounts.iter().zip(&self.lives).filter(|(account, _)| of(account)) {
            let soon = |from: i64, day: Option<i64>| day.is_some_and(|day| day - from < HORIZON);
            let opened = life.sale.map(|(opened, _)| opened);
            if let Some(seen) = life.seen {
                count(0, year.contains(&seen), soon(seen, life.spoken));
            }
            if let Some(spoken) = life.spoken {
                count(1, year.contains(&spoken), soon(spoken, opened));
            }
            if let Some((opened, won)) = life.sale {
                count(2, year.contains(&opened), soon(opened, won));
            }
            if let Some(&first) = life.orders.first() {
                count(3, year.contains(&first), soon(first, life.orders.get(1).copied()));
            }
            let before = life.orders.iter().filter(|day| **day < until).count();
            let active = before > 1 && life.orders[before - 1] >= until - HORIZON;
            count(4, active, soon(until, life.orders.get(before).copied()));
        }
        counts
    }
}

impl World {
    async fn benchmark(&self, grouping: Grouping, group: &str) -> Result<FunnelBenchmark, Status> {
        let request = GetFunnelBenchmarkRequest { grouping: grouping.into(), group: group.into() };
        let answer = self.insights_of("acme", Role::Manager).get_funnel_benchmark(request).await?;
        Ok(answer.into_inner().funnel_benchmark.unwrap())
    }

    async fn benchmarks(&self, page_size: i32, token: &str) -> Result<ListFunnelBenchmarksResponse, Status> {
        let grouping = Grouping::Territory.into();
        let request = ListFunnelBenchmarksRequest { page_size, page_token: token.into(), grouping };
        Ok(self.insights_of("acme", Role::Manager).list_funnel_benchmarks(request).await?.into_inner())
    }
}

fn shares(of: &FunnelBenchmark, side: impl Fn(usize) -> Option<Share>) -> Vec<(i64, i64)> {
    (0..of.steps.len()).filter_map(side).map(|share| (share.total, share.count)).collect()
}

async fn steps_are_counted_and_the_constraint_is_named(world: &World) {
    let company = Company::heard(world).await;
    let run = world.run("acme").await;
    for territory in ["t0", "t1", "t2", "t3", "t4"] {
        let found = world.benchmark(Grouping::Territory, territory).await.unwrap();
        assert_eq!((found.horizon_days, found.group.as_str()), (90, territory));
        assert_eq!(found.source.as_ref().unwrap().as_of, run.as_of);
        let end = found.end_time.as_ref().unwrap().seconds;
        assert_eq!(run.as_of.as_ref().unwrap().seconds - end, HORIZON * 86_400);
        assert_eq!(end - found.start_time.as_ref().unwrap().seconds, 365 * 86_400);
        let own = company.counted(-HORIZON, |account| account.territory == territory);
        let others = company.counted(-HORIZON, |account| account.territory != territory);
        assert_eq!(shares(&found, |step| found.steps[step].own), own, "{territory}");
        assert_eq!(shares(&found, |step| found.steps[step].reference), others, "{territory}");
        for step in &found.steps {
            let known = step.standing() != Standing::NotEnoughData;
            assert_eq!(known, step.own.unwrap().total >= 20 && step.reference.unwrap().total >= 20);
            let Some(difference) = step.difference else { continue };
            let share = |of: Option<Share>| of.unwrap().value.unwrap();
            assert!((difference - share(step.own) + share(step.reference)).abs() < 1e-12);
            assert!(step.low.unwrap() < difference && difference < step.high.unwrap());
            assert_eq!(step.standing() == Standing::Below, step.high.unwrap() < 0.0);
        }
        if territory == LOST {
            let stay = found.steps.last().unwrap();
            assert_eq!((stay.step(), stay.standing()), (Step::Stay, Standing::Below));
            let missing = -stay.difference.unwrap() * stay.own.unwrap().total as f64;
            assert!((stay.missing - missing).abs() < 1e-9);
            assert_eq!(
                (found.constraint(), found.model_template.as_str()),
                (Step::Stay, "modelTemplates/churn")
            );
            let (of, passed) = own[4];
            let began = format!("{:.0} % of {of} customers ordered again", 100.0 * passed as f64 / of as f64);
            println!("{}", found.problem);
            assert!(found.problem.starts_with(&began), "{}", found.problem);
            let ends = format!("{missing:.0} more customers who order again.");
            assert!(found.problem.contains("; elsewhere, ") && found.problem.ends_with(&ends));
        } else {
            assert_ne!(found.constraint(), Step::Stay);
        }
    }
    // all of them, a year before
    let whole = world.benchmark(Grouping::Unspecified, "").await.unwrap();
    assert_eq!(shares(&whole, |step| whole.steps[step].own), company.counted(-HORIZON, |_| true));
    let earlier = company.counted(-HORIZON - 365, |_| true);
    assert_eq!(shares(&whole, |step| whole.steps[step].reference), earlier);
    assert_eq!(whole.constraint(), Step::Stay);
    assert!(whole.problem.contains("; the year before, "), "{}", whole.problem);
}

async fn groups_are_told_in_pages(world: &World) {
    Company::heard(world).await;
    world.run("acme").await;
    let all = world.benchmarks(0, "").await.unwrap();
    assert_eq!((all.funnel_benchmarks.len(), all.next_page_token.as_str()), (5, ""));
    assert_eq!(all.funnel_benchmarks[0].group, LOST);
    for listed in &all.funnel_benchmarks {
        assert_eq!(*listed, world.benchmark(Grouping::Territory, &listed.group).await.unwrap());
    }
    let first = world.benchmarks(2, "").await.unwrap();
    let second = world.benchmarks(2, &first.next_page_token).await.unwrap();
    let third = world.benchmarks(2, &second.next_page_token).await.unwrap();
    assert_eq!(third.next_page_token, "");
    let pages = [&first, &second, &third].map(|page| page.funnel_benchmarks.clone()).concat();
    assert_eq!(pages, all.funnel_benchmarks);
    // another run may tell them in another order
    world.clock.advance(TimeDelta::days(1));
    world.run("acme").await;
    let stale = why(world.benchmarks(2, &first.next_page_token).await);
    assert_eq!(stale, (Code::InvalidArgument, Reason::PageTokenInvalid));
}

async fn what_cannot_be_told(world: &World) {
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    assert_eq!(why(world.benchmark(Grouping::Unspecified, "").await), unknown);
    assert_eq!(why(world.benchmarks(0, "").await), unknown);
    // 210 days, of which the last 90 are not over and the first 90 may be no beginning
    let mut history = world.history();
    for account in history.accounts.iter_mut().take(5) {
        account.country = "LI".into();
    }
    world.learn_of("acme", &history).await;
    world.run("acme").await;
    assert_eq!(why(world.benchmark(Grouping::Territory, "t9").await), unknown);
    let lacking = |status: Status, words: &str| {
        assert!(status.message().contains(words), "{}", status.message());
        assert_eq!(why(Err::<(), _>(status)), (Code::FailedPrecondition, Reason::NotEnoughData));
    };
    lacking(world.benchmark(Grouping::Unspecified, "").await.unwrap_err(), "need records of 910 days");
    lacking(world.benchmark(Grouping::Country, "LI").await.unwrap_err(), "need 20 who entered one step");
    // of one step enough is known, of others not
    let known = world.benchmark(Grouping::Country, "DE").await.unwrap();
    assert_eq!(known.steps[0].standing(), Standing::NotEnoughData);
    assert_eq!((known.steps[0].difference, known.steps[0].own.unwrap().value), (None, None));
    assert_ne!(known.steps[4].standing(), Standing::NotEnoughData);
    // records that begin too late for anything
    history.orders.retain(|order| {
        order.order_time.unwrap().seconds > (world.today() - TimeDelta::days(150)).timestamp()
    });
    world.learn_of("other", &history).await;
    world.run("other").await;
    let mut other = world.insights_of("other", Role::Manager);
    let request = GetFunnelBenchmarkRequest { grouping: Grouping::Territory.into(), group: "t0".into() };
    lacking(other.get_funnel_benchmark(request).await.unwrap_err(), "need records of more than 180 days");
}

async fn what_is_asked_wrongly(world: &World) {
    let names = |status: Status, field: &str| {
        assert!(status.message().contains(field), "{}", status.message());
        assert_eq!(why(Err::<(), _>(status)), (Code::InvalidArgument, Reason::FieldInvalid));
    };
    names(world.benchmark(Grouping::Territory, "").await.unwrap_err(), "group");
    names(world.benchmark(Grouping::Unspecified, "t0").await.unwrap_err(), "grouping");
    let mut manager = world.insights_of("acme", Role::Manager);
    let nothing = ListFunnelBenchmarksRequest::default();
    names(manager.list_funnel_benchmarks(nothing).await.unwrap_err(), "grouping");
    let request = GetFunnelBenchmarkRequest::default();
    let refused = world.insights_of("acme", Role::Seller).get_funnel_benchmark(request.clone()).await;
    assert_eq!(why(refused), (Code::PermissionDenied, Reason::RoleInsufficient));
    let refused = world.insights_without_token().get_funnel_benchmark(request).await;
    assert_eq!(why(refused), (Code::Unauthenticated, Reason::TokenInvalid));
}
