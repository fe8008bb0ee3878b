//! Prints how the lists did on Online Retail: `cargo run --release -p salient-learn --example
//! retail`. Data: `SALIENT_DATA` or `shared/data` beside the repository.
//!
//! The last lines weigh probability against amount; `worth` is what was bought as recommended, in
//! the currency of the data, a day's lists.
//!
//! Arguments: as-of days such as `2011-06-01` (default: the five published ones).

use md5::{Digest, Md5};
use salient_learn::{
    DAY_US, History,
    evaluate::{Baseline, baseline, judge, lists, random_popular},
    history::{Line, OrderRow},
    metrics::{auc, calibration_error},
    pairs::{Candidate, PairConfig, PairModel, RankOptions},
    propensity::{AccountTable, PropensityConfig, PropensityModel},
};
use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    path::PathBuf,
    time::Instant,
};

/// Exponents of the amount that are compared.
const GAMMAS: [f64; 6] = [0.0, 0.1, 0.2, 0.3, 0.5, 1.0];
const DAYS: [&str; 5] = ["2011-06-01", "2011-08-01", "2011-09-11", "2011-10-10", "2011-11-09"];

/// Days since 1970-01-01 of a civil date (Hinnant, `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

fn time(text: &str) -> Option<i64> {
    let n: Vec<i64> = text.split(|c: char| !c.is_ascii_digit()).filter_map(|p| p.parse().ok()).collect();
    let at = |i: usize| n.get(i).copied().unwrap_or(0);
    (n.len() >= 3)
        .then(|| days(at(0), at(1), at(2)) * DAY_US + (at(3) * 3600 + at(4) * 60 + at(5)) * 1_000_000)
}

struct Retail {
    history: History,
    seller: Vec<u32>,
}

fn load() -> Result<Retail, Box<dyn Error>> {
    let dir = std::env::var_os("SALIENT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let file = std::fs::File::open(dir.join("online_retail/online_retail.csv.gz"))?;
    let mut reader = csv::Reader::from_reader(flate2::read::GzDecoder::new(file));
    let head = reader.headers()?.clone();
    let col = |name: &str| head.iter().position(|h| h == name).ok_or(format!("no column {name}"));
    let (inv, stock, qty, date, price, cust) = (
        col("InvoiceNo")?,
        col("StockCode")?,
        col("Quantity")?,
        col("InvoiceDate")?,
        col("UnitPrice")?,
        col("CustomerID")?,
    );
    let mut orders: BTreeMap<String, OrderRow> = BTreeMap::new();
    let mut accounts: BTreeMap<u64, u32> = BTreeMap::new();
    let mut products: BTreeMap<String, u32> = BTreeMap::new();
    for row in reader.records() {
        let row = row?;
        let (Ok(quantity), Ok(unit), Ok(customer)) =
            (row[qty].parse::<f64>(), row[price].parse::<f64>(), row[cust].parse::<f64>())
        else {
            continue;
        };
        let code = &row[stock];
        let digits = code.len() >= 5 && code.bytes().take(5).all(|b| b.is_ascii_digit());
        if row[inv].starts_with('C') || quantity <= 0.0 || unit <= 0.0 || !digits {
            continue;
        }
        let next = accounts.len() as u32;
        let account = *accounts.entry(customer as u64).or_insert(next);
        let next = products.len() as u32;
        let product = *products.entry(code.to_owned()).or_insert(next);
        let time = time(&row[date]).ok_or("bad date")?;
        let order =
            orders.entry(row[inv].to_owned()).or_insert(OrderRow { time, account, lines: Vec::new() });
        order.time = order.time.min(time);
        order.lines.push(Line { product, quantity, amount: (quantity * unit * 100.0).round() as i64 });
    }
    let mut seller = vec![0; accounts.len()];
    for (customer, &id) in &accounts {
        let digest = Md5::digest(customer.to_string().as_bytes());
        seller[id as usize] = digest.iter().fold(0_u32, |r, &b| (r * 256 + u32::from(b)) % 36);
    }
    let rows = orders.into_values().enumerate().map(|(k, o)| (k as u64, o)).collect();
    let history = History::try_new(accounts.len() as u32, products.len() as u32, rows, Vec::new())?;
    Ok(Retail { history, seller })
}

fn propensity(retail: &Retail, cutoff: i64, day: &str) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let view = retail.history.as_of(cutoff);
    let model = PropensityModel::train(&view, &PropensityConfig::default())?;
    let frozen = AccountTable::read(&view, 30.0)?;
    let scores = model.score(&frozen);
    let spent = began.elapsed().as_secs_f64();
    let after = retail.history.window(cutoff, cutoff + 30 * DAY_US);
    let bought = after.bought();
    let y: Vec<f64> = scores.iter().map(|s| f64::from(u8::from(bought.any(s.account)))).collect();
    let p: Vec<f64> = scores.iter().map(|s| s.probability).collect();
    let known: std::collections::HashSet<u32> = frozen.accounts.iter().copied().collect();
    let real: f64 = after.orders().filter(|o| known.contains(&o.account)).map(|o| o.amount() as f64).sum();
    let said: f64 = scores.iter().map(|s| s.expected_amount).sum();
    println!(
        "{day}  propensity ({}) AUC {:.4} ECE {:.3} promised {:.3} kept {:.3}  amount expected / real {:.2}  {spent:.1} s",
        model.kind(),
        auc(&y, &p),
        calibration_error(&y, &p, 10),
        mean(&p),
        mean(&y),
        said / real,
    );
    Ok(())
}

fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|v| v.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

fn mean(v: &[f64]) -> f64 {
    v.iter().sum::<f64>() / v.len() as f64
}

fn env<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn main() -> Result<(), Box<dyn Error>> {
    let retail = load()?;
    let seller = |a: u32| retail.seller[a as usize];
    let given: Vec<String> = std::env::args().skip(1).collect();
    let wanted = if given.is_empty() { DAYS.map(String::from).to_vec() } else { given };
    let d = PairConfig::default();
    let config = PairConfig {
        known_candidates: env("KNOWN", d.known_candidates),
        new_candidates: env("NEW", d.new_candidates),
        ease_products: env("EASE", d.ease_products),
        ease_lambda: env("LAMBDA", d.ease_lambda),
        cutoffs: env("CUTOFFS", d.cutoffs),
        cutoff_step: env("STEP", d.cutoff_step),
        tree_share: [env("TS0", d.tree_share[0]), env("TS1", d.tree_share[1])],
        l2: [env("L0", d.l2[0]), env("L1", d.l2[1])],
        trees: env("TREES", d.trees),
        ..d
    };
    let quiet = env("QUIET", 0) == 1;
    let mut trade = vec![[Vec::new(), Vec::new()]; GAMMAS.len()];
    let mut sums: Vec<Vec<f64>> = vec![Vec::new(); 7];
    for day in &wanted {
        let cutoff = time(day).ok_or("bad day")?;
        let view = retail.history.as_of(cutoff);
        let began = Instant::now();
        let model = PairModel::train(&view, &config)?;
        let trained = began.elapsed().as_secs_f64();
        let ranking =
            model.rank(&view, &RankOptions { gamma: env("GAMMA", 0.0), ..RankOptions::default() })?;
        let total = began.elapsed().as_secs_f64();
        let bought = retail.history.window(cutoff, cutoff + 30 * DAY_US).bought();
        let whole = judge(&lists(&ranking, seller, 10, false), &bought, 1);
        let new = judge(&lists(&ranking, seller, 10, true), &bought, 1);
        let big = judge(&baseline(Baseline::BiggestAccounts, &view, seller, 10), &bought, 1);
        let own = judge(&baseline(Baseline::OwnCount, &view, seller, 10), &bought, 1);
        let row = [
            whole.kept,
            whole.promised,
            new.kept,
            new.promised,
            big.kept,
            own.kept,
            random_popular(&view, &bought),
        ];
        row.iter().zip(&mut sums).for_each(|(v, s)| s.push(*v));
        let lines = retail.history.window(cutoff, cutoff + 30 * DAY_US);
        let mut real: HashMap<(u32, u32), f64> = HashMap::new();
        for o in lines.orders() {
            for (&p, &a) in o.products.iter().zip(o.amounts) {
                *real.entry((o.account, p)).or_default() += a as f64 / 100.0;
            }
        }
        for (g, gamma) in GAMMAS.into_iter().enumerate() {
            let weighed: Vec<Candidate> = ranking
                .iter()
                .cloned()
                .map(|c| Candidate { value: c.probability * c.amount.max(1.0).powf(gamma), ..c })
                .collect();
            for (k, only_new) in [false, true].into_iter().enumerate() {
                let chosen = lists(&weighed, seller, 10, only_new);
                let outcome = judge(&chosen, &bought, 1);
                let worth = chosen.iter().filter_map(|c| real.get(&(c.account, c.product))).sum::<f64>();
                trade[g][k].push([outcome.kept, outcome.promised, worth]);
            }
        }
        if !quiet {
            println!(
                "{day}  whole {:.3} [{:.3} {:.3}] promised {:.3}  new {:.3} promised {:.3}  biggest {:.3} own count {:.3} random {:.3}  {} rows, train {trained:.1} s, in all {total:.1} s",
                row[0],
                whole.by_seller.low,
                whole.by_seller.high,
                row[1],
                row[2],
                row[3],
                row[4],
                row[5],
                row[6],
                model.training_rows.iter().sum::<usize>(),
            );
        }
    }
    for day in &wanted {
        propensity(&retail, time(day).ok_or("bad day")?, day)?;
    }
    let m: Vec<f64> = sums.iter().map(|s| mean(s)).collect();
    println!(
        "mean        whole {:.4} promised {:.3}  new {:.4} promised {:.3}  biggest {:.3} own count {:.3} random {:.3}  peak {:.0} MiB",
        m[0],
        m[1],
        m[2],
        m[3],
        m[4],
        m[5],
        m[6],
        peak_mib(),
    );
    for (gamma, [whole, new]) in GAMMAS.iter().zip(&trade) {
        let m = |v: &[[f64; 3]], i: usize| mean(&v.iter().map(|r| r[i]).collect::<Vec<_>>());
        println!(
            "gamma {gamma:.1}  whole {:.4} promised {:.3} worth {:.0}  new {:.4} promised {:.3} worth {:.0}",
            m(whole, 0),
            m(whole, 1),
            m(whole, 2),
            m(new, 0),
            m(new, 1),
            m(new, 2),
        );
    }
    Ok(())
}
