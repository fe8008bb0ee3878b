//! Wholesale orders: does an account order again within a horizon?

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};
use salient_learn::{
    DAY_US,
    features::{Declaration, Event, Exogenous, Plan, Schema, Subject},
    frame::Frame,
    tabular::{Asked, Config, Predictor},
};

use crate::{Figures, Result, keep, read};

/// Training cutoffs, at most, and the time between them.
const CUTOFFS: i64 = 5;
const STEP: i64 = 15 * DAY_US;

/// Orders of an account by invoice: time and amount.
type Orders = BTreeMap<String, (i64, f64)>;

pub fn measure(figures: &mut Figures) -> Result<()> {
    let accounts = load()?;
    let times = accounts.values().flat_map(|orders| orders.values().map(|(time, _)| *time));
    let first = times.min().ok_or("no orders")?;
    for (name, horizon, train, test) in [
        ("wholesale90", 90, day(2011, 6, 13)?, day(2011, 9, 11)?),
        ("wholesale30", 30, day(2011, 10, 10)?, day(2011, 11, 9)?),
    ] {
        let mut schema = Schema::default();
        let order = schema.kind("order")?;
        let subjects = accounts.values().map(|orders| {
            let event = |&(time, amount): &(i64, f64)| Event {
                time,
                kind: order,
                person: None,
                amount,
                quantity: f64::NAN,
            };
            Subject::new(None, orders.values().map(event).collect(), Vec::new())
        });
        let subjects = subjects.collect::<std::result::Result<Vec<_>, _>>()?;
        let plan = Plan::new(&Declaration::default(), &schema)?;
        let none = Exogenous::new([])?;
        let examples = |cutoff: i64| -> Result<_> {
            let (frame, keys) = plan.build((0_u32..).zip(&subjects), &[cutoff], &none)?;
            let all: Vec<&Orders> = accounts.values().collect();
            let until = cutoff + horizon * DAY_US;
            let label = |subject: u32| {
                let again = all[subject as usize].values().any(|(time, _)| (cutoff..until).contains(time));
                f64::from(u8::from(again))
            };
            Ok((frame, keys.iter().map(|key| label(key.subject)).collect::<Vec<_>>()))
        };
        // also what was known at earlier cutoffs, back to where features have a month to speak of
        let cutoffs =
            (0..CUTOFFS).map(|back| train - back * STEP).filter(|cutoff| *cutoff >= first + STEP * 2);
        let mut lessons =
            cutoffs.map(|cutoff| Ok((cutoff, examples(cutoff)?))).collect::<Result<Vec<_>>>()?;
        lessons.reverse();
        let frame = Frame::stack(&lessons.iter().map(|(_, (frame, _))| frame).collect::<Vec<_>>())?;
        let labels: Vec<f64> = lessons.iter().flat_map(|(_, (_, labels))| labels.clone()).collect();
        let times: Vec<Asked> = lessons
            .iter()
            .flat_map(|(at, (_, labels))| {
                std::iter::repeat_n(Asked { at: *at, known: at + horizon * DAY_US }, labels.len())
            })
            .collect();
        let model = Predictor::train_at(&frame, &labels, &times, &Config::default())?;
        println!("{name}: {} accounts, {:?}", labels.len(), model.chosen);
        let (frame, labels) = examples(test)?;
        keep(figures, name, &labels, &model.probabilities(&frame)?)?;
    }
    Ok(())
}

fn day(year: i32, month: u32, day: u32) -> Result<i64> {
    let date = NaiveDate::from_ymd_opt(year, month, day).ok_or("no such day")?;
    Ok(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
}

/// Lines with a customer that are neither cancelled nor free, by customer.
fn load() -> Result<BTreeMap<String, Orders>> {
    let text = read("online_retail/online_retail.csv.gz")?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader.headers()?.clone();
    let column = |name: &str| head.iter().position(|found| found == name).ok_or(format!("no column {name}"));
    let [invoice, quantity, date, price, customer] =
        ["InvoiceNo", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"].map(column);
    let (invoice, quantity, date, price, customer) = (invoice?, quantity?, date?, price?, customer?);
    let mut accounts = BTreeMap::<String, Orders>::new();
    for row in reader.records() {
        let row = row?;
        let amount = row[quantity].parse::<f64>()? * row[price].parse::<f64>()?;
        if row[customer].is_empty() || row[invoice].starts_with('C') || amount <= 0.0 {
            continue;
        }
        let time =
            NaiveDateTime::parse_from_str(&row[date], "%Y-%m-%d %H:%M:%S")?.and_utc().timestamp_micros();
        let orders = accounts.entry(row[customer].to_owned()).or_default();
        orders.entry(row[invoice].to_owned()).or_insert((time, 0.0)).1 += amount;
    }
    Ok(accounts)
}
