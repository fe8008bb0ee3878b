//! How good lists were, worked out once more.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use salient_proto::{
    common::v1::run_status::State,
    recommendation::v1::{
        Backtest, EvaluatePlansRequest, GetBacktestRequest, ListQuality, StartBacktestRequest,
    },
};

use crate::{
    company::Company,
    world::{World, both, eventually, request_id},
};

both!(an_evaluation_agrees, a_backtest_agrees);

/// A list: account and product of each item.
type List = Vec<(String, String)>;

struct Truth<'c> {
    company: &'c Company,
    day: DateTime<Utc>,
}

impl Truth<'_> {
    /// How many items came true in the days after, and what that was worth.
    fn kept(&self, list: &[(String, String)], days: i64) -> (i64, f64) {
        let mut found = (0, 0.0);
        for (account, product) in list {
            let after = self.company.orders_of(account, self.day, self.day + TimeDelta::days(days));
            let lines: Vec<_> =
                after.iter().flat_map(|order| &order.lines).filter(|line| line.product == *product).collect();
            found.0 += i64::from(!lines.is_empty());
            found.1 += lines.iter().map(|line| line.amount_minor_units as f64).sum::<f64>();
        }
        found
    }

    fn before(&self, account: &str) -> Vec<&salient_proto::profile::v1::Order> {
        self.company.orders_of(account, self.day - TimeDelta::days(400), self.day)
    }

    /// The product that most orders of the account held, the first by code of several; how many
    /// they were; the account's revenue.
    fn favourite(&self, account: &str) -> Option<(String, usize, i64)> {
        let orders = self.before(account);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        orders
            .iter()
            .flat_map(|order| &order.lines)
            .for_each(|line| *counts.entry(&line.product).or_default() += 1);
        let most = *counts.values().max()?;
        let product =
            counts.iter().find(|(_, count)| **count == most).map(|(product, _)| (*product).to_owned())?;
        let revenue = orders.iter().flat_map(|order| &order.lines).map(|line| line.amount_minor_units).sum();
        Some((product, most, revenue))
    }

    /// Per seller the accounts that rank first, each with its favourite product.
    fn simple(&self, sizes: [usize; 2], rank: impl Fn(usize, i64) -> i64) -> List {
        let mut list = List::new();
        for (territories, size) in [(&["t0"][..], sizes[0]), (&["t1", "t2"], sizes[1])] {
            let own = self
                .company
                .accounts
                .iter()
                .filter(|account| territories.contains(&account.territory.as_str()));
            let mut ranked: Vec<_> = own
                .filter_map(|account| {
                    let (product, orders, revenue) = self.favourite(&account.name)?;
                    Some((
                        -rank(orders, revenue),
                        &account.source_key.as_ref().unwrap().id,
                        &account.name,
                        product,
                    ))
                })
                .collect();
            ranked.sort_unstable();
            list.extend(
                ranked.into_iter().take(size).map(|(_, _, account, product)| (account.clone(), product)),
            );
        }
        list
    }

    /// Of all accounts that ever ordered, how many come to buy the product with most buyers.
    fn random(&self, days: i64) -> (i64, i64) {
        let mut buyers: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        let mut known = Vec::new();
        for account in &self.company.accounts {
            let orders = self.before(&account.name);
            if !orders.is_empty() {
                known.push(account.name.clone());
            }
            for line in orders.iter().flat_map(|order| &order.lines) {
                buyers.entry(line.product.clone()).or_default().insert(&account.name);
            }
        }
        let most = buyers.values().map(BTreeSet::len).max().unwrap();
        let top = buyers.iter().find(|(_, accounts)| accounts.len() == most).unwrap().0;
        let list: List = known.iter().map(|account| (account.clone(), top.clone())).collect();
        (self.kept(&list, days).0, known.len() as i64)
    }
}

#[track_caller]
fn agrees(found: &ListQuality, name: &str, (kept, worth): (i64, f64), total: i64) {
    let share = found.kept.as_ref().unwrap();
    assert_eq!((found.list.as_str(), share.count, share.total), (name, kept, total));
    assert!((share.value.unwrap() - kept as f64 / total as f64).abs() < 1e-12);
    assert!(share.low.unwrap() <= share.value.unwrap() && share.value.unwrap() <= share.high.unwrap());
    assert_eq!(found.worth.as_ref().map_or(0.0, |estimate| estimate.minor_units), worth, "{name}");
}

async fn an_evaluation_agrees(world: &World) {
    let company = world.company("acme").await;
    world.run("acme").await;
    let truth = Truth { company: &company, day: world.today() };
    let items = world.recommendations("").await;
    let plan: List = items.iter().map(|item| (item.account.clone(), item.product.clone())).collect();
    let mut shares = BTreeSet::new();
    for days in [30, 7] {
        let horizon_days = if days == 30 { 0 } else { days as i32 };
        let request = EvaluatePlansRequest { date: "2011-06-01".into(), horizon_days };
        let found = world.operator().evaluate_plans(request).await.unwrap().into_inner();
        assert_eq!((found.date.as_str(), found.incomplete, found.lists.len()), ("2011-06-01", false, 3));
        agrees(&found.lists[0], "plan", truth.kept(&plan, days), 22);
        let promised = items.iter().map(|item| item.probability).sum::<f64>() / 22.0;
        assert!((found.lists[0].promised.unwrap() - promised).abs() < 1e-12);
        let biggest = truth.simple([12, 10], |_, revenue| revenue);
        agrees(&found.lists[1], "biggest accounts, favourite product", truth.kept(&biggest, days), 22);
        let (kept, known) = truth.random(days);
        agrees(&found.lists[2], "random account, most popular product", (kept, 0.0), known);
        assert_eq!((found.lists[1].promised, found.lists[2].promised), (None, None));
        shares.insert(found.lists[0].kept.as_ref().unwrap().count);
    }
    // planning sees a rhythm where there is one
    assert!(shares.last().unwrap() > &8, "{shares:?}");
    let request = EvaluatePlansRequest { date: "2011-06-01".into(), horizon_days: 60 };
    assert!(world.operator().evaluate_plans(request).await.unwrap().into_inner().incomplete);
}

async fn backtest(world: &World, dates: &[&str], per_seller: i32) -> Backtest {
    let dates = dates.iter().map(ToString::to_string).collect();
    let request = StartBacktestRequest { request_id: request_id(), dates, per_seller };
    let mut client = world.operator();
    let started = client.start_backtest(request).await.unwrap().into_inner().backtest.unwrap();
    eventually(async || {
        let request = GetBacktestRequest { name: started.name.clone() };
        let found = client.clone().get_backtest(request).await.unwrap().into_inner().backtest.unwrap();
        let status = found.status.as_ref().unwrap();
        assert_ne!(status.state(), State::Failed, "{status:?}");
        (status.state() == State::Succeeded).then_some(found)
    })
    .await
}

async fn a_backtest_agrees(world: &World) {
    let company = world.company("acme").await;
    let dates = ["2011-05-01", "2011-06-01"];
    for (per_seller, sizes) in [(0, [12, 10]), (5, [5, 5])] {
        let found = backtest(world, &dates, per_seller).await;
        let total = (sizes[0] + sizes[1]) as i64;
        let mut sums = [(0, 0.0); 2];
        for (day, date) in found.days.iter().zip(dates) {
            assert_eq!(day.date, date);
            let names: Vec<_> = day.lists.iter().map(|list| list.list.as_str()).collect();
            assert_eq!(names[..2], ["plan", "plan, products new to the account"]);
            let truth = Truth { company: &company, day: format!("{date}T00:00:00Z").parse().unwrap() };
            let biggest = truth.kept(&truth.simple(sizes, |_, revenue| revenue), 30);
            agrees(&day.lists[2], "biggest accounts, favourite product", biggest, total);
            let own = truth.kept(&truth.simple(sizes, |orders, _| orders as i64), 30);
            agrees(&day.lists[3], "most often bought by the account", own, total);
            let (kept, known) = truth.random(30);
            agrees(&day.lists[4], "random account, most popular product", (kept, 0.0), known);
            for (sum, (kept, worth)) in sums.iter_mut().zip([biggest, own]) {
                *sum = (sum.0 + kept, sum.1 + worth);
            }
        }
        agrees(&found.mean[2], "biggest accounts, favourite product", sums[0], 2 * total);
        agrees(&found.mean[3], "most often bought by the account", sums[1], 2 * total);
    }
    // nothing was issued; a plan made as of the same day is the list that was measured
    assert_eq!(world.recommendations("").await, []);
    let whole = backtest(world, &["2011-06-01"], 0).await.days.remove(0).lists.remove(0);
    world.run("acme").await;
    let request = EvaluatePlansRequest { date: "2011-06-01".into(), horizon_days: 0 };
    let mut issued = world.operator().evaluate_plans(request).await.unwrap().into_inner().lists.remove(0);
    // the same items in another order: the mean may differ in its last bit
    assert!((whole.promised.unwrap() - issued.promised.unwrap()).abs() < 1e-12);
    issued.promised = whole.promised;
    assert_eq!(whole, issued);
}
