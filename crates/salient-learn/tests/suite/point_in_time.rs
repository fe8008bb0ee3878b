//! What happens later changes nothing: features, models and rankings are bit-identical.

use proptest::prelude::*;
use salient_learn::{
    DAY_US, Error,
    history::{Line, OrderRow},
    pairs::{PairConfig, PairModel, RankOptions},
    propensity::{AccountTable, PropensityConfig, PropensityModel},
};

const CUTOFF: i64 = 200 * DAY_US;

fn later(account: u32, product: u32, time: i64) -> (u64, OrderRow) {
    (u64::MAX, OrderRow { time, account, lines: vec![Line { product, quantity: 9.0, amount: 123_456 }] })
}

fn small() -> PairConfig {
    PairConfig { cutoffs: 3, trees: 15, ..PairConfig::default() }
}

#[test]
fn planted_later_rows_change_no_bit() {
    let rows = crate::common::orders(250, 60, 300, 7);
    let past: Vec<_> = rows.iter().filter(|r| r.1.time < CUTOFF).cloned().collect();
    let mut planted = rows;
    // One row exactly at the cutoff for each account: it must not be seen either.
    planted.extend((0..250).map(|a| later(a, a % 60, CUTOFF)));
    let (known, full) = (crate::common::history(250, 60, past), crate::common::history(250, 60, planted));
    let (a, b) = (known.as_of(CUTOFF), full.as_of(CUTOFF));

    let (fa, fb) = (AccountTable::read(&a, 30.0).unwrap(), AccountTable::read(&b, 30.0).unwrap());
    let bits = |t: &AccountTable| t.table.data().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&fa), bits(&fb));
    let config = PropensityConfig::default();
    let (pa, pb) =
        (PropensityModel::train(&a, &config).unwrap(), PropensityModel::train(&b, &config).unwrap());
    assert_eq!(pa, pb);
    assert_eq!(pa.score(&fa), pb.score(&fb));

    let (ma, mb) = (PairModel::train(&a, &small()).unwrap(), PairModel::train(&b, &small()).unwrap());
    assert_eq!(ma, mb);
    let options = RankOptions::default();
    assert_eq!(ma.rank(&a, &options).unwrap(), mb.rank(&b, &options).unwrap());

    // The guard guards: a row before the cutoff does change them.
    let mut earlier = crate::common::orders(250, 60, 300, 7);
    earlier.push(later(3, 5, CUTOFF - 1));
    let seen = crate::common::history(250, 60, earlier);
    let fs = AccountTable::read(&seen.as_of(CUTOFF), 30.0).unwrap();
    assert_ne!(bits(&fa), bits(&fs));
}

#[test]
fn an_outcome_that_is_not_over_is_refused() {
    let h = crate::common::company();
    let view = h.as_of(CUTOFF);
    assert!(view.outcome(CUTOFF - 30 * DAY_US, 30.0).is_ok());
    assert!(matches!(view.outcome(CUTOFF - 30 * DAY_US + 1, 30.0), Err(Error::BeyondCutoff { .. })));
    assert!(matches!(view.earlier(CUTOFF + 1), Err(Error::BeyondCutoff { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_view_equals_the_history_cut_off(cut in 0_i64..300, seed in 0_u64..1000) {
        let rows = crate::common::orders(20, 10, 300, seed);
        let cutoff = cut * DAY_US;
        let past: Vec<_> = rows.iter().filter(|r| r.1.time < cutoff).cloned().collect();
        let (full, known) = (crate::common::history(20, 10, rows), crate::common::history(20, 10, past));
        let (a, b) = (full.as_of(cutoff), known.as_of(i64::MAX / 2));
        prop_assert_eq!(a.len(), b.len());
        let text = |o: salient_learn::history::Order<'_>| format!("{o:?}");
        prop_assert!(a.orders().map(text).eq(b.orders().map(text)));
        for account in 0..20 {
            prop_assert!(a.account_orders(account).map(text).eq(b.account_orders(account).map(text)));
            prop_assert!(a.account_orders(account).all(|o| o.time < cutoff && o.account == account));
        }
    }
}
