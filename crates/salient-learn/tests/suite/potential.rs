//! Potential against peers: planted groups, independent recomputation, properties.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use salient_learn::{
    Error,
    potential::{
        Account, AccountPotential, CategoryPotential, Config, Level, MixConfig, Spend, Standing, action_mix,
        potentials,
    },
};

fn account(id: u32, group: (u32, u32), size: Option<f64>, spend: &[(u32, i64)]) -> Account {
    let spend = spend.iter().map(|&(category, amount)| Spend { category, amount }).collect();
    Account { id, segment: None, industry: Some(group.0), region: Some(group.1), size, spend }
}

fn of(all: &[AccountPotential], id: u32) -> &AccountPotential {
    all.iter().find(|a| a.account == id).unwrap()
}

fn category(all: &[AccountPotential], id: u32, category: u32) -> CategoryPotential {
    *of(all, id).categories.iter().find(|c| c.category == category).unwrap()
}

/// Twenty accounts that spend 1000.00 each, and number 20 that spends half of it.
fn half() -> Vec<Account> {
    (0..21).map(|i| account(i, (1, 1), None, &[(7, if i == 20 { 50_000 } else { 100_000 })])).collect()
}

#[test]
fn half_of_what_its_like_buy() {
    let all = potentials(&half(), &Config::default()).unwrap();
    let c = category(&all, 20, 7);
    assert_eq!((c.standing.actual, c.standing.potential, c.standing.gap), (50_000.0, 100_000.0, 50_000.0));
    assert_eq!(c.standing.penetration, Some(0.5));
    let e = c.evidence;
    assert_eq!((e.level, e.peers, e.buyers, e.buying_share), (Level::IndustryRegion, 20, 20, 1.0));
    assert_eq!((e.spend_buyers, e.spend_quantile, e.elasticity), (20, 100_000.0, None));
    assert_eq!(of(&all, 20).standing, c.standing);
    // the others are served in full, so together they lack only that half: 2 050 000 of 2 100 000
    let region = Standing::sum(all.iter().map(|account| account.standing));
    assert!((region.penetration.unwrap() - 2_050_000.0 / 2_100_000.0).abs() < 1e-12);
    println!("planted half: {c:?}");
}

#[test]
fn the_share_that_buys_scales_the_potential() {
    // 4 of 10 peers buy; quantile 0.75 of 100, 200, 300, 400 is 325
    let mut all: Vec<Account> = (0..11).map(|i| account(i, (1, 1), None, &[])).collect();
    for (a, amount) in all.iter_mut().zip([100, 200, 300, 400]) {
        a.spend.push(Spend { category: 1, amount });
    }
    let found = category(&potentials(&all, &Config::default()).unwrap(), 10, 1);
    assert!((found.standing.potential - 0.4 * 325.0).abs() < 1e-9);
    assert_eq!(found.standing.penetration, Some(0.0));
}

#[test]
fn scaled_by_size_where_known() {
    // spend = 100 · size^0.8; number 40 is large and buys half of what its size suggests
    let spend = |size: f64, part: f64| (1e6 * size.powf(0.8) * part).round() as i64;
    let mut all: Vec<Account> = (0..40)
        .map(|i| {
            let size = 10.0 + 5.0 * f64::from(i);
            account(i, (1, 1), Some(size), &[(1, spend(size, 1.0))])
        })
        .collect();
    all.push(account(40, (1, 1), Some(300.0), &[(1, spend(300.0, 0.5))]));
    all.push(account(41, (1, 1), None, &[(1, 1)]));
    let found = potentials(&all, &Config::default()).unwrap();
    let c = category(&found, 40, 1);
    assert!((c.evidence.elasticity.unwrap() - 0.8).abs() < 1e-3);
    assert!((c.standing.penetration.unwrap() - 0.5).abs() < 1e-3);
    // without a size of its own: the plain quantile of all buyers
    let plain = category(&found, 41, 1).evidence;
    assert_eq!((plain.elasticity, plain.spend_buyers), (None, 41));
    // the elasticity is bounded
    let bounded = Config { max_elasticity: 0.5, ..Config::default() };
    let c = category(&potentials(&all, &bounded).unwrap(), 40, 1);
    assert_eq!(c.evidence.elasticity, Some(0.5));
    println!("scaled: {:?}", category(&found, 40, 1));
}

#[test]
fn a_wild_peer_hardly_moves_it() {
    for sized in [false, true] {
        let base: Vec<Account> = (0..41)
            .map(|i| {
                let size = f64::from(20 + (i * 7) % 41);
                let amount = (size * 1000.0) as i64 + i64::from((i * 13) % 17) * 500;
                account(i, (1, 1), sized.then_some(size), &[(1, amount)])
            })
            .collect();
        let before = potentials(&base, &Config::default()).unwrap();
        for wild in 1..41_usize {
            let mut moved = base.clone();
            moved[wild].spend[0].amount *= 1000;
            let after = potentials(&moved, &Config::default()).unwrap();
            let (b, a) = (category(&before, 0, 1).standing, category(&after, 0, 1).standing);
            assert!(
                (a.potential / b.potential - 1.0).abs() < 0.06,
                "{wild}: {} {}",
                b.potential,
                a.potential
            );
        }
    }
}

#[test]
fn back_off_is_told() {
    let mut all = Vec::new();
    all.extend((0..9).map(|i| account(i, (1, 1), None, &[(1, 100)])));
    all.extend((10..13).map(|i| account(i, (1, 2), None, &[(1, 100)])));
    all.extend((20..22).map(|i| account(i, (2, 1), None, &[(1, 100)])));
    let found = potentials(&all, &Config::default()).unwrap();
    let level = |id| category(&found, id, 1).evidence;
    assert_eq!((level(0).level, level(0).peers), (Level::IndustryRegion, 8));
    assert_eq!((level(10).level, level(10).peers), (Level::Industry, 11));
    assert_eq!((level(20).level, level(20).peers), (Level::All, 13));
    // with segments, the closest group is the segment in it
    for a in all.iter_mut().take(9) {
        a.segment = Some(3);
    }
    let found = potentials(&all, &Config::default()).unwrap();
    assert_eq!(category(&found, 0, 1).evidence.level, Level::SegmentIndustryRegion);
    // an unknown industry compares with all
    all[0].industry = None;
    let found = potentials(&all, &Config::default()).unwrap();
    assert_eq!(category(&found, 0, 1).evidence.level, Level::All);
}

#[test]
fn few_buyers_take_the_quantile_from_the_wider_group_but_keep_their_share() {
    // one of the peers in region 1 buys, five in region 2 do
    let mut all: Vec<Account> = (0..11).map(|i| account(i, (1, 1), None, &[])).collect();
    all[1].spend.push(Spend { category: 1, amount: 10 });
    all.extend((20..25).map(|i| account(i, (1, 2), None, &[(1, 1000)])));
    let e = category(&potentials(&all, &Config::default()).unwrap(), 0, 1).evidence;
    assert_eq!((e.level, e.peers, e.buyers), (Level::IndustryRegion, 10, 1));
    assert_eq!((e.spend_level, e.spend_buyers, e.spend_quantile), (Level::Industry, 6, 1000.0));
    assert!((e.buying_share - 0.1).abs() < 1e-12);
    // a category that nobody else buys is not judged
    all[5].spend.push(Spend { category: 9, amount: 77 });
    let found = potentials(&all, &Config::default()).unwrap();
    assert_eq!(of(&found, 0).unjudged, [9]);
    assert_eq!(of(&found, 5).standing.actual, 0.0);
}

#[test]
fn too_few_and_nonsense_are_errors() {
    let few = &half()[..8];
    assert!(matches!(potentials(few, &Config::default()), Err(Error::NotEnoughData { .. })));
    assert!(matches!(potentials(&[], &Config::default()), Err(Error::NotEnoughData { .. })));
    let mut twice = half();
    twice[1].id = 0;
    assert!(matches!(potentials(&twice, &Config::default()), Err(Error::Invalid { .. })));
    let mut sized = half();
    sized[1].size = Some(0.0);
    assert!(matches!(potentials(&sized, &Config::default()), Err(Error::Invalid { .. })));
    let config = Config { quantile: f64::NAN, ..Config::default() };
    assert!(matches!(potentials(&half(), &config), Err(Error::Invalid { .. })));
}

#[test]
fn much_of_one_category_does_not_hide_the_lack_of_another() {
    let mut all: Vec<Account> = (0..12).map(|i| account(i, (1, 1), None, &[(1, 100), (2, 100)])).collect();
    all[0] = account(0, (1, 1), None, &[(1, 500)]);
    let s = of(&potentials(&all, &Config::default()).unwrap(), 0).standing;
    assert_eq!((s.actual, s.potential, s.gap, s.penetration), (500.0, 200.0, 100.0, Some(0.5)));
}

#[test]
fn config_from_part_of_it() {
    let config: Config = serde_json::from_str(r#"{"quantile": 0.9}"#).unwrap();
    assert_eq!((config.quantile, config.min_peers), (0.9, 8));
    let found = potentials(&half(), &config).unwrap();
    let text = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Vec<AccountPotential>>(&text).unwrap(), found);
}

prop_compose! {
    fn accounts()(
        rows in prop::collection::vec(
            (0_u32..3, 0_u32..3, prop::option::of(1.0_f64..500.0),
             prop::collection::vec((0_u32..4, -50_i64..100_000), 0..4)), 9..60),
    ) -> Vec<Account> {
        rows.into_iter().enumerate()
            .map(|(i, (industry, region, size, spend))| {
                account(i as u32 * 5, (industry, region), size, &spend)
            })
            .collect()
    }
}

/// Small enough for random accounts to reach the closer groups and the scaling.
fn loose() -> Config {
    Config { min_peers: 4, min_sized: 4, ..Config::default() }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// Quantile 0.75 as in a textbook: type 7.
fn textbook_quantile(mut v: Vec<f64>, q: f64) -> f64 {
    v.sort_by(f64::total_cmp);
    let h = q * (v.len() as f64 - 1.0);
    let (low, high) = (v[h.floor() as usize], v[h.ceil() as usize]);
    low + (h - h.floor()) * (high - low)
}

proptest! {
    #[test]
    fn amounts_in_another_unit(all in accounts(), c in 2_i64..1000) {
        let mut scaled = all.clone();
        for s in scaled.iter_mut().flat_map(|a| &mut a.spend) {
            s.amount *= c;
        }
        let judge = |all: &[Account]| potentials(all, &loose()).unwrap();
        let (a, b) = (judge(&all), judge(&scaled));
        for (a, b) in a.iter().zip(&b) {
            prop_assert!(near(a.standing.potential * c as f64, b.standing.potential));
            prop_assert!(near(a.standing.gap * c as f64, b.standing.gap));
            let share = |s: Standing| s.penetration.unwrap_or(-1.0);
            prop_assert!(near(share(a.standing), share(b.standing)));
        }
    }

    #[test]
    fn spending_more_never_widens_the_gap(
        all in accounts(), who in 0_usize..60, cat in 0_u32..4, more in 1_i64..200_000,
    ) {
        let who = who % all.len();
        let mut richer = all.clone();
        richer[who].spend.push(Spend { category: cat, amount: more });
        let at = |all: &[Account]| of(&potentials(all, &loose()).unwrap(), all[who].id).clone();
        let (before, after) = (at(&all), at(&richer));
        prop_assert!(after.standing.gap <= before.standing.gap);
        for c in &before.categories {
            let now = after.categories.iter().find(|d| d.category == c.category).unwrap();
            prop_assert!(now.standing.gap <= c.standing.gap);
            prop_assert_eq!(now.standing.potential, c.standing.potential);
        }
    }

    #[test]
    fn order_of_accounts_does_not_matter(all in accounts(), turn in 0_usize..60) {
        let mut turned = all.clone();
        turned.rotate_left(turn % all.len());
        for a in &mut turned {
            a.spend.reverse();
        }
        prop_assert_eq!(potentials(&all, &loose()), potentials(&turned, &loose()));
    }

    #[test]
    fn without_sizes_as_recomputed(mut all in accounts()) {
        for a in &mut all {
            a.size = None;
        }
        let config = loose();
        let spent = |a: &Account, c: u32| {
            a.spend.iter().filter(|s| s.category == c).map(|s| s.amount).sum::<i64>()
        };
        for judged in &potentials(&all, &config).unwrap() {
            let me = all.iter().find(|a| a.id == judged.account).unwrap();
            let same = |level: Level, a: &Account| match level {
                Level::SegmentIndustryRegion => false,
                Level::IndustryRegion => a.industry == me.industry && a.region == me.region,
                Level::Industry => a.industry == me.industry,
                Level::All => true,
            };
            let peers = |level: Level| -> Vec<&Account> {
                all.iter().filter(|a| a.id != me.id && same(level, a)).collect()
            };
            for c in &judged.categories {
                let bought = |level: Level| -> Vec<f64> {
                    let spent = peers(level).into_iter().map(|a| spent(a, c.category));
                    spent.filter(|&x| x > 0).map(|x| x as f64).collect()
                };
                let level = Level::ALL.into_iter().find(|&l| peers(l).len() >= config.min_peers).unwrap();
                let wide = Level::ALL.into_iter()
                    .find(|&l| l >= level && bought(l).len() >= config.min_buyers).unwrap();
                let share = bought(level).len() as f64 / peers(level).len() as f64;
                let want = share * textbook_quantile(bought(wide), config.quantile);
                prop_assert_eq!((c.evidence.level, c.evidence.spend_level), (level, wide));
                prop_assert!(near(c.standing.potential, want), "{} {}", c.standing.potential, want);
                let actual = spent(me, c.category).max(0) as f64;
                prop_assert!(near(c.standing.gap, (want - actual).max(0.0)));
                prop_assert!(c.standing.penetration.is_none_or(|p| (0.0..=1.0).contains(&p)));
            }
        }
    }

    #[test]
    fn the_mix_follows_penetration(p in -1.0_f64..2.0, more in 0.0_f64..1.0) {
        let config = MixConfig::default();
        let (a, b) = (action_mix(p, &config), action_mix(p + more, &config));
        prop_assert!((a.acquire + a.grow + a.retain - 1.0).abs() < 1e-12);
        prop_assert!([a.acquire, a.grow, a.retain].iter().all(|&s| s >= config.least - 1e-12));
        prop_assert!(b.acquire <= a.acquire + 1e-12 && b.retain >= a.retain - 1e-12);
    }
}
