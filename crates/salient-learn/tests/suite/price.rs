//! Price guidance: figures worked out by hand, each guardrail alone and all together, properties.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use salient_learn::{
    DAY_US, Error,
    price::{Agreement, Config, Guardrail, Guidance, Prices, Quote, Request, guide},
};

const NOW: i64 = 1000 * DAY_US;

fn deal(account: u32, unit_price: f64, days_ago: i64) -> Quote {
    let time = NOW - days_ago * DAY_US;
    Quote { account, product: 1, group: 1, quantity: 10.0, unit_price, time, agreed: false }
}

fn request() -> Request {
    Request {
        account: None,
        product: 1,
        group: 1,
        quantity: 10.0,
        cutoff: NOW,
        unit_cost: None,
        list_price: None,
        agreement: None,
    }
}

/// Prices 100, 110, …, 140 on one day: quantiles 110, 120, 130 (running weight 2, 3, 4 of 5).
fn five() -> Vec<Quote> {
    (0..5).map(|k| deal(10 + k, 100.0 + 10.0 * f64::from(k), 30)).collect()
}

fn prices(floor: f64, target: f64, ceiling: f64) -> Prices {
    Prices { floor, target, ceiling }
}

fn names(g: &Guidance) -> Vec<Guardrail> {
    g.applied.iter().map(|a| a.guardrail).collect()
}

fn ask(request: &Request) -> Guidance {
    guide(&five(), &[], request, &Config::default()).unwrap()
}

#[test]
fn quantiles_and_evidence() {
    let g = ask(&request());
    assert_eq!(g.prices, prices(110.0, 120.0, 130.0));
    assert!(g.applied.is_empty() && g.overruled.is_empty() && g.testing_allowed);
    let e = g.evidence.unwrap();
    assert_eq!((e.deals, e.accounts, e.own_group, e.widened), (5, 5, true, false));
    assert_eq!((e.lowest, e.median, e.highest, e.quantity), (100.0, 120.0, 140.0, (5.0, 20.0)));
    assert!((e.effective_deals - 5.0).abs() < 1e-12 && (e.group_weight - 5.0 / 8.0).abs() < 1e-12);
    assert_eq!(e.at_target, None);
    let test = g.test.unwrap();
    assert_eq!(test.control, 120.0);
    assert!((test.variant - 123.6).abs() < 1e-9);
    println!("plain: {g:?}");
}

/// Ages 0, 180, 360, 540 days at a half-life of 180: weights 8, 4, 2, 1 of 15.
/// By price: 90 (weight 2), 100 (8), 120 (1), 150 (4); running 2, 10, 11, 15.
#[test]
fn half_life_by_hand() {
    let deals = [deal(1, 100.0, 1), deal(2, 150.0, 181), deal(3, 90.0, 361), deal(4, 120.0, 541)];
    let config = Config { min_deals: 4, prior_deals: 0.0, ..Config::default() };
    let g = guide(&deals, &[], &request(), &config).unwrap();
    // a quarter of 15 is 3.75 and half 7.5: both at 100; three quarters is 11.25: 150
    assert_eq!(g.prices, prices(100.0, 100.0, 150.0));
    // 15² / (64 + 16 + 4 + 1)
    assert!((g.evidence.unwrap().effective_deals - 225.0 / 85.0).abs() < 1e-9);
    // a long half-life counts them alike: 90, 100, 120 (running 1, 2, 3 of 4)
    let config = Config { half_life_days: 1e30, ..config };
    assert_eq!(guide(&deals, &[], &request(), &config).unwrap().prices, prices(90.0, 100.0, 120.0));
}

#[test]
fn a_group_is_drawn_to_all_groups() {
    let mut deals = five();
    deals.extend((0..15).map(|k| Quote { group: 2, ..deal(50 + k, 200.0, 30) }));
    let g = guide(&deals, &[], &request(), &Config::default()).unwrap();
    // own 110, 120, 130; all 20 deals: 140 reaches 5 of 20, above it 200; weight 5 / (5 + 3)
    let draw = |own: f64, all: f64| all + 0.625 * (own - all);
    let want = prices(draw(110.0, 140.0), draw(120.0, 200.0), draw(130.0, 200.0));
    assert_eq!(g.prices, want);
    assert!(g.evidence.unwrap().own_group);
}

#[test]
fn back_off_is_told() {
    let at = |deals: &[Quote]| guide(deals, &[], &request(), &Config::default()).unwrap().evidence.unwrap();
    let with = |group: u32, quantity: f64| -> Vec<Quote> {
        five().into_iter().map(|q| Quote { group, quantity, ..q }).collect()
    };
    let told = |deals: &[Quote]| (at(deals).own_group, at(deals).widened);
    assert_eq!(told(&with(1, 10.0)), (true, false));
    assert_eq!(told(&with(1, 20.0)), (true, false)); // on the edge of the band
    assert_eq!(told(&with(1, 45.0)), (true, true));
    assert_eq!(told(&with(2, 10.0)), (false, false));
    assert_eq!(told(&with(2, 2.5)), (false, true));
    assert_eq!(at(&with(2, 2.5)).quantity, (2.0, 50.0));
    let short = guide(&with(2, 51.0), &[], &request(), &Config::default());
    assert!(matches!(short, Err(Error::NotEnoughData { .. })));
    let short = guide(&five()[..4], &[], &request(), &Config::default());
    let want = Error::NotEnoughData { needed: "5 comparable deals".into(), have: "4".into() };
    assert_eq!(short, Err(want));
    let other = Request { product: 2, ..request() };
    assert!(matches!(guide(&five(), &[], &other, &Config::default()), Err(Error::NotEnoughData { .. })));
}

#[test]
fn margin_alone() {
    let g = ask(&Request { unit_cost: Some(109.25), ..request() }); // 109.25 / 0.95 = 115
    assert!((g.prices.floor - 115.0).abs() < 1e-9);
    assert_eq!((g.prices.target, g.prices.ceiling), (120.0, 130.0));
    assert_eq!(names(&g), [Guardrail::MinMargin]);
    assert_eq!((g.applied[0].before, g.applied[0].after), (Some(prices(110.0, 120.0, 130.0)), g.prices));
    assert!((g.applied[0].bound - 115.0).abs() < 1e-9);
    // a guardrail that changes nothing is not listed
    assert!(ask(&Request { unit_cost: Some(50.0), ..request() }).applied.is_empty());
}

#[test]
fn list_alone() {
    let g = ask(&Request { list_price: Some(115.0), ..request() });
    assert_eq!(g.prices, prices(110.0, 115.0, 115.0));
    assert_eq!(names(&g), [Guardrail::ListPrice]);
    let test = g.test.unwrap(); // no room above: below
    assert_eq!(test.control, 115.0);
    assert!((test.variant - 115.0 * 0.97).abs() < 1e-9);
}

#[test]
fn step_alone() {
    let mut deals = five();
    deals.push(Quote { quantity: 1000.0, ..deal(99, 100.0, 5) }); // its own, not comparable
    deals.push(Quote { quantity: 1000.0, ..deal(99, 500.0, 50) }); // older
    let asked = Request { account: Some(99), ..request() };
    let g = guide(&deals, &[], &asked, &Config::default()).unwrap();
    assert_eq!((g.prices.floor, names(&g)), (110.0, vec![Guardrail::MaxStep]));
    assert!((g.prices.ceiling - 110.0).abs() < 1e-9 && g.applied[0].bound == 100.0);
    assert!(g.overruled.is_empty());
    // another account's request is not bound by it
    let g = guide(&deals, &[], &Request { account: Some(98), ..request() }, &Config::default()).unwrap();
    assert!(g.applied.is_empty());
}

#[test]
fn together_the_stronger_rules() {
    let mut deals = five();
    deals.push(Quote { quantity: 1000.0, ..deal(99, 80.0, 5) });
    let asked = Request {
        account: Some(99),
        unit_cost: Some(95.0), // 100 with margin
        list_price: Some(104.0),
        ..request()
    };
    let g = guide(&deals, &[], &asked, &Config::default()).unwrap();
    // the step would hold it to 88, margin lifts it to 100
    assert!((g.prices.floor - 100.0).abs() < 1e-9 && (g.prices.ceiling - 100.0).abs() < 1e-9);
    assert_eq!(names(&g), [Guardrail::MaxStep, Guardrail::MinMargin]);
    assert_eq!(g.applied[1].before, Some(g.applied[0].after));
    assert_eq!(g.overruled, [Guardrail::MaxStep]);
    assert_eq!(g.test, None);
    let dear = Request { unit_cost: Some(104.0), ..asked };
    let none = guide(&deals, &[], &dear, &Config::default());
    assert!(matches!(none, Err(Error::Invalid { what: "list_price", .. })));
}

#[test]
fn agreements_win() {
    let agreement = Agreement { unit_price: 90.0, from: 0, until: Some(NOW + 1) };
    let asked =
        Request { agreement: Some(agreement), unit_cost: Some(95.0), list_price: Some(85.0), ..request() };
    let g = guide(&five(), &[], &asked, &Config::default()).unwrap();
    assert_eq!(g.prices, prices(90.0, 90.0, 90.0));
    assert!(!g.testing_allowed && g.test.is_none());
    assert_eq!(names(&g), [Guardrail::Agreement]);
    assert_eq!(g.applied[0].before, Some(prices(110.0, 120.0, 130.0)));
    assert_eq!(g.overruled, [Guardrail::ListPrice, Guardrail::MinMargin]);
    // without any deal
    let g = guide(&[], &[], &asked, &Config::default()).unwrap();
    assert!(g.evidence.is_none() && g.applied[0].before.is_none() && g.prices.target == 90.0);
    // before it begins and once it has ended, it is as if there were none
    for (from, until) in [(NOW + 1, None), (0, Some(NOW))] {
        let agreement = Some(Agreement { unit_price: 90.0, from, until });
        assert_eq!(ask(&Request { agreement, ..request() }), ask(&request()));
    }
}

#[test]
fn agreed_prices_count_only_if_told() {
    let mut deals = five();
    deals.extend((0..20).map(|k| Quote { agreed: true, ..deal(60 + k, 50.0, 1) }));
    assert_eq!(guide(&deals, &[], &request(), &Config::default()).unwrap(), ask(&request()));
    let config = Config { agreed_prices: true, ..Config::default() };
    assert_eq!(guide(&deals, &[], &request(), &config).unwrap().prices.target, 50.0);
}

#[test]
fn acceptance_at_the_target_where_rejections_are_known() {
    let rejected = [deal(1, 150.0, 3), deal(2, 121.0, 3), deal(3, 119.0, 3), deal(4, 500.0, -3)];
    let g = guide(&five(), &rejected, &request(), &Config::default()).unwrap();
    let at = g.evidence.unwrap().at_target.unwrap();
    // accepted at 120, 130, 140; rejected at 121, 150, the later one not known yet
    assert_eq!((at.accepted, at.rejected, at.share), (3, 2, 0.6));
}

#[test]
fn the_future_never_counts() {
    let mut deals = five();
    deals.extend((0..50).map(|k| deal(10 + k % 5, 9999.0, -i64::from(k)))); // from the cutoff on
    for account in [None, Some(10), Some(77)] {
        let asked = Request { account, ..request() };
        assert_eq!(guide(&deals, &deals[5..], &asked, &Config::default()).unwrap(), ask(&asked));
    }
}

#[test]
fn nonsense_is_an_error() {
    let bad = |r: Request, c: Config| matches!(guide(&five(), &[], &r, &c), Err(Error::Invalid { .. }));
    assert!(bad(Request { quantity: 0.0, ..request() }, Config::default()));
    assert!(bad(Request { unit_cost: Some(f64::NAN), ..request() }, Config::default()));
    assert!(bad(Request { list_price: Some(0.0), ..request() }, Config::default()));
    assert!(bad(request(), Config { floor: 0.6, ..Config::default() }));
    assert!(bad(request(), Config { half_life_days: 0.0, ..Config::default() }));
    assert!(bad(request(), Config { min_margin: 1.0, ..Config::default() }));
    assert!(bad(request(), Config { band: 9.0, ..Config::default() }));
    let nan = [deal(1, f64::NAN, 2)];
    assert!(matches!(guide(&nan, &[], &request(), &Config::default()), Err(Error::Invalid { .. })));
    let config: Config = serde_json::from_str(r#"{"max_step": 0.2}"#).unwrap();
    assert_eq!((config.max_step, config.min_deals), (0.2, 5));
    // gifts and returns are no prices
    let mut deals = five();
    deals.push(deal(7, 0.0, 1));
    deals.push(Quote { quantity: -10.0, ..deal(7, 100.0, 1) });
    assert_eq!(guide(&deals, &[], &request(), &Config::default()).unwrap(), ask(&request()));
}

prop_compose! {
    fn quote()(
        account in 0_u32..6, product in 0_u32..2, group in 0_u32..3, quantity in 0.5_f64..80.0,
        unit_price in 1.0_f64..300.0, days in -20_i64..900, agreed in prop::bool::weighted(0.1),
    ) -> Quote {
        Quote { account, product, group, quantity, unit_price, time: NOW - days * DAY_US, agreed }
    }
}

prop_compose! {
    fn asked()(
        account in prop::option::of(0_u32..6), quantity in 0.5_f64..80.0,
        unit_cost in prop::option::of(0.0_f64..150.0), list_price in prop::option::of(50.0_f64..300.0),
        agreement in prop::option::weighted(0.2, (1.0_f64..300.0, -9_i64..9)),
    ) -> Request {
        let agreement = agreement.map(|(unit_price, d)| Agreement {
            unit_price, from: 0, until: Some(NOW + d * DAY_US),
        });
        Request { account, quantity, unit_cost, list_price, agreement, ..request() }
    }
}

proptest! {
    #[test]
    fn guardrails_hold(
        deals in prop::collection::vec(quote(), 0..120),
        rejected in prop::collection::vec(quote(), 0..30),
        asked in asked(),
    ) {
        let config = Config::default();
        let Ok(g) = guide(&deals, &rejected, &asked, &config) else { return Ok(()) };
        let p = g.prices;
        prop_assert!(p.floor <= p.target && p.target <= p.ceiling);
        if let Some(a) = asked.agreement.filter(|a| a.in_force(NOW)) {
            prop_assert!(p.floor == a.unit_price && p.ceiling == a.unit_price);
            prop_assert!(!g.testing_allowed && g.test.is_none());
            return Ok(());
        }
        prop_assert!(asked.unit_cost.is_none_or(|c| p.floor >= c / 0.95));
        prop_assert!(asked.list_price.is_none_or(|l| p.ceiling <= l));
        let own = deals.iter().filter(|q| Some(q.account) == asked.account && q.product == 1 && q.time < NOW);
        let last = own.min_by_key(|q| NOW - q.time); // several at one instant: either may be it
        let tied = last.is_some_and(|l| deals.iter().filter(|q| {
            q.account == l.account && q.product == 1 && q.time == l.time
        }).count() > 1);
        if let Some(last) = last.filter(|_| !tied) {
            let within = p.floor >= last.unit_price * 0.9 - 1e-9 && p.ceiling <= last.unit_price * 1.1 + 1e-9;
            prop_assert_eq!(within, !g.overruled.contains(&Guardrail::MaxStep));
            // the step gives way only where cost or list leave it no room
            if !within {
                let low = asked.unit_cost.map_or(0.0, |c| c / 0.95);
                let high = asked.list_price.unwrap_or(f64::INFINITY);
                prop_assert!(low > last.unit_price * 1.1 || high < last.unit_price * 0.9);
            }
        }
        for (a, b) in g.applied.iter().zip(g.applied.iter().skip(1)) {
            prop_assert_eq!(b.before, Some(a.after));
        }
        prop_assert!(g.applied.iter().all(|a| a.before != Some(a.after)));
        prop_assert!(g.applied.last().is_none_or(|a| a.after == p));
        if let Some(t) = g.test {
            prop_assert!(t.control == p.target && t.variant != t.control);
            prop_assert!(p.floor <= t.variant && t.variant <= p.ceiling);
        }
    }

    #[test]
    fn neither_order_nor_future_matter(
        deals in prop::collection::vec(quote(), 0..120),
        rejected in prop::collection::vec(quote(), 0..30),
        asked in asked(), turn in 0_usize..120,
    ) {
        let config = Config::default();
        let want = guide(&deals, &rejected, &asked, &config);
        let mut turned = deals.clone();
        turned.rotate_left(turn % deals.len().max(1));
        prop_assert_eq!(&guide(&turned, &rejected, &asked, &config), &want);
        turned.reverse();
        turned.retain(|q| q.time < NOW);
        let rejected: Vec<Quote> = rejected.into_iter().filter(|q| q.time < NOW).collect();
        prop_assert_eq!(&guide(&turned, &rejected, &asked, &config), &want);
    }
}
