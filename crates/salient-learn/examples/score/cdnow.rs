//! Customers of a web shop: the published fits, and what they bought in the 39 weeks after.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use chrono::NaiveDate;
use salient_learn::lifetime::{BgNbd, GammaGamma, ParetoNbd, Purchases, Spending};

use crate::{Figures, Result, read};

pub fn measure(figures: &mut Figures) -> Result<()> {
    let (customers, spending) = summary()?;
    let model = BgNbd::fit(&customers)?;
    let dropout = model.dropout.ok_or("the dropout degenerated")?;
    let mut keep = |name: &str, value: f64| {
        println!("lifetime.{name}: {value:.4}");
        figures.insert(format!("lifetime.{name}"), value);
    };
    for (name, value) in [("r", model.r), ("alpha", model.alpha), ("a", dropout.a), ("b", dropout.b)] {
        keep(&format!("bgnbd.{name}"), value);
    }
    keep("bgnbd.loglik", model.log_likelihood);
    let model = ParetoNbd::fit(&customers)?;
    for (name, value) in [("r", model.r), ("alpha", model.alpha), ("s", model.s), ("beta", model.beta)] {
        keep(&format!("paretonbd.{name}"), value);
    }
    keep("paretonbd.loglik", model.log_likelihood);
    let model = GammaGamma::fit(&spending)?;
    for (name, value) in [("p", model.p), ("q", model.q), ("v", model.v)] {
        keep(&format!("gammagamma.{name}"), value);
    }
    let (customers, later, weeks) = halves("cdnow/CDNOW_sample.txt.gz", 2)?;
    let model = BgNbd::fit(&customers)?;
    let mut missed = 0.0;
    for (customer, later) in customers.iter().zip(&later) {
        missed += (model.expected(customer, weeks)? - later).abs();
    }
    keep("holdout.mae", missed / later.len() as f64);
    let (customers, ..) = halves("cdnow/CDNOW_master.txt.gz", 1)?;
    let begin = Instant::now();
    BgNbd::fit(&customers)?;
    keep("fit.seconds", begin.elapsed().as_secs_f64());
    Ok(())
}

fn summary() -> Result<(Vec<Purchases>, Vec<Spending>)> {
    let text = read("cdnow/cdnow_customers_summary_with_transactions.csv")?;
    let (mut customers, mut spending) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let cells = line.split(',').map(str::parse).collect::<std::result::Result<Vec<f64>, _>>()?;
        let repeats = cells[1] as u32;
        customers.push(Purchases { repeats, last: cells[2], age: cells[3] });
        if repeats > 0 {
            spending.push(Spending { purchases: repeats, mean: cells[4] });
        }
    }
    Ok((customers, spending))
}

/// Customers up to 1997-09-30 in weeks, what each bought up to 1998-06-30, and the weeks between.
/// Purchases of one day are one; the date stands in the given column.
fn halves(file: &str, column: usize) -> Result<(Vec<Purchases>, Vec<f64>, f64)> {
    let text = read(file)?;
    let mut days = BTreeMap::<&str, BTreeSet<NaiveDate>>::new();
    // a heading, where there is one, starts with no number
    for line in text.lines().filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit())) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        if let [customer, ..] = cells.as_slice()
            && let Some(date) = cells.get(column)
        {
            days.entry(customer).or_default().insert(NaiveDate::parse_from_str(date, "%Y%m%d")?);
        }
    }
    let date = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).ok_or("no such day");
    let (until, end) = (date(1997, 9, 30)?, date(1998, 6, 30)?);
    let weeks = |from: NaiveDate, to: NaiveDate| (to - from).num_days() as f64 / 7.0;
    let (mut customers, mut later) = (Vec::new(), Vec::new());
    for days in days.values() {
        let known: Vec<NaiveDate> = days.range(..=until).copied().collect();
        let (Some(&first), Some(&last)) = (known.first(), known.last()) else { continue };
        let repeats = u32::try_from(known.len() - 1)?;
        customers.push(Purchases { repeats, last: weeks(first, last), age: weeks(first, until) });
        later.push(days.range(until..=end).filter(|day| **day > until).count() as f64);
    }
    Ok((customers, later, weeks(until, end)))
}
