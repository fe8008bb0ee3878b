//! A small seeded company: accounts with a pace and favourite products.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use salient_learn::{
    DAY_US, History,
    history::{Line, OrderRow},
};

/// Orders of `accounts` accounts over `days` days and `products` products.
pub fn orders(accounts: u32, products: u32, days: i64, seed: u64) -> Vec<(u64, OrderRow)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut out = Vec::new();
    for account in 0..accounts {
        let gap: f64 = rng.random_range(5.0..60.0);
        let favourites: Vec<u32> = (0..4).map(|_| rng.random_range(0..products)).collect();
        let ends = if rng.random_bool(0.3) { rng.random_range(30..days) } else { days };
        let mut at: f64 = rng.random_range(0.0..60.0);
        while at < ends as f64 {
            let mut lines = Vec::new();
            for &product in &favourites {
                if rng.random_bool(0.6) {
                    lines.push(line(product, &mut rng));
                }
            }
            lines.push(line(rng.random_range(0..products), &mut rng));
            out.push((out.len() as u64, OrderRow { time: (at * DAY_US as f64) as i64, account, lines }));
            at += gap * rng.random_range(0.6..1.4);
        }
    }
    out
}

fn line(product: u32, rng: &mut ChaCha8Rng) -> Line {
    Line { product, quantity: f64::from(rng.random_range(1..20)), amount: rng.random_range(100..9000) }
}

pub fn history(accounts: u32, products: u32, rows: Vec<(u64, OrderRow)>) -> History {
    History::try_new(accounts, products, rows, Vec::new()).expect("valid rows")
}

/// 250 accounts, 60 products, 300 days.
pub fn company() -> History {
    history(250, 60, orders(250, 60, 300, 7))
}
