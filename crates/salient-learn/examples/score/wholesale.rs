//! Wholesale orders: does an account order again within a horizon? Asked of what the scoring service would know of
//! these accounts: orders, products that are new to them and returns, with amounts and quantities, and their country.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};
use salient_learn::{
    DAY_US,
    features::{AttributeSet, Declaration, Event, Exogenous, Kind, Plan, Schema, Subject, Value},
    frame::Frame,
    tabular::{Asked, Config, Predictor},
};

use crate::{Figures, Result, keep, read};

/// Training cutoffs, at most, and the time between them.
const CUTOFFS: i64 = 5;
const STEP: i64 = 15 * DAY_US;

/// An order, a product that is ordered for the first time, or a return.
#[derive(Clone, Copy)]
struct Invoice {
    time: i64,
    amount: f64,
    quantity: f64,
}

/// An account's country, its orders and returns by invoice number, and the first order of each product.
#[derive(Default)]
struct Account {
    country: String,
    orders: BTreeMap<String, Invoice>,
    new_products: BTreeMap<String, Invoice>,
    returns: BTreeMap<String, Invoice>,
}

pub fn measure(figures: &mut Figures) -> Result<()> {
    let accounts = load()?;
    let times = accounts.values().flat_map(|of| of.orders.values().map(|order| order.time));
    let first = times.min().ok_or("no orders")?;
    for (name, horizon, train, test) in [
        ("wholesale90", 90, day(2011, 6, 13)?, day(2011, 9, 11)?),
        ("wholesale30", 30, day(2011, 10, 10)?, day(2011, 11, 9)?),
    ] {
        let mut schema = Schema::default();
        let (order, new, back) = (schema.kind("order")?, schema.kind("new_product")?, schema.kind("return")?);
        let country = schema.attribute("country", Kind::Text)?;
        let subjects = accounts.values().map(|of| {
            let event = |kind: u16| {
                move |&Invoice { time, amount, quantity }: &Invoice| Event {
                    time,
                    kind,
                    person: None,
                    amount,
                    quantity,
                }
            };
            let kinds = [(order, &of.orders), (new, &of.new_products), (back, &of.returns)];
            let events: Vec<Event> =
                kinds.into_iter().flat_map(|(kind, all)| all.values().map(event(kind))).collect();
            let known = events.iter().map(|event| event.time).min().unwrap_or_default();
            let told = AttributeSet { known, attribute: country, value: Value::Text(of.country.clone()) };
            Subject::new(None, events, vec![told])
        });
        let subjects = subjects.collect::<std::result::Result<Vec<_>, _>>()?;
        let plan = Plan::new(&Declaration::default(), &schema)?;
        let none = Exogenous::new([])?;
        let examples = |cutoff: i64| -> Result<_> {
            let (frame, keys) = plan.build((0_u32..).zip(&subjects), &[cutoff], &none)?;
            let all: Vec<&Account> = accounts.values().collect();
            let of = |subject: u32| &all[subject as usize].orders;
            // only who has ordered can order again
            let asked = |subject: u32| of(subject).values().any(|order| order.time < cutoff);
            let rows: Vec<usize> = (0..keys.len()).filter(|&row| asked(keys[row].subject)).collect();
            let until = cutoff + horizon * DAY_US;
            let label = |row: &usize| {
                let mut orders = of(keys[*row].subject).values();
                f64::from(u8::from(orders.any(|order| (cutoff..until).contains(&order.time))))
            };
            Ok((frame.select(&rows)?, rows.iter().map(label).collect::<Vec<_>>()))
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

/// Lines with a customer that are not free, by customer.
fn load() -> Result<BTreeMap<String, Account>> {
    let text = read("online_retail/online_retail.csv.gz")?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader.headers()?.clone();
    let column = |name: &str| head.iter().position(|found| found == name).ok_or(format!("no column {name}"));
    let [invoice, product, quantity, date, price, customer, country] =
        ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
            .map(column);
    let (invoice, product, quantity, date) = (invoice?, product?, quantity?, date?);
    let (price, customer, country) = (price?, customer?, country?);
    let mut accounts = BTreeMap::<String, Account>::new();
    for row in reader.records() {
        let row = row?;
        let back = row[invoice].starts_with('C');
        let sign = if back { -1.0 } else { 1.0 };
        let many = sign * row[quantity].parse::<f64>()?;
        let amount = many * row[price].parse::<f64>()?;
        if row[customer].is_empty() || amount <= 0.0 {
            continue;
        }
        let time =
            NaiveDateTime::parse_from_str(&row[date], "%Y-%m-%d %H:%M:%S")?.and_utc().timestamp_micros();
        let account = accounts.entry(row[customer].to_owned()).or_default();
        account.country = row[country].to_owned();
        if !back {
            // lines come in the order of time
            let new = Invoice { time, amount, quantity: many };
            account.new_products.entry(row[product].to_owned()).or_insert(new);
        }
        let into = if back { &mut account.returns } else { &mut account.orders };
        let of = into.entry(row[invoice].to_owned()).or_insert(Invoice { time, amount: 0.0, quantity: 0.0 });
        of.amount += amount;
        of.quantity += many;
    }
    Ok(accounts)
}
