//! What happened at an account, by month.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _};
use salient_proto::profile::v1::order;

use super::facts::Facts;

const DAY_SECONDS: i64 = 86_400;

/// Orders of one currency: a value for each month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orders {
    /// Purchases.
    pub counts: Vec<i64>,
    /// What they add up to, in minor units.
    pub revenue: Vec<i64>,
    /// Returns.
    pub returns: Vec<i64>,
    /// What they add up to, in minor units.
    pub returned: Vec<i64>,
}

/// Series of months, the last of which is today's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trends {
    /// The months, as `2011-06`.
    pub months: Vec<String>,
    /// By currency.
    pub orders: BTreeMap<String, Orders>,
    /// By the contract's kind: a value for each month.
    pub interactions: BTreeMap<i32, Vec<i64>>,
}

/// Months since the year 0.
fn month_of(day: i32) -> Option<i32> {
    let date = DateTime::from_timestamp(i64::from(day) * DAY_SECONDS, 0)?;
    let month = i32::try_from(date.month0()).ok()?;
    date.year().checked_mul(12)?.checked_add(month)
}

/// The `months` up to `today`, both counted as in [`super::facts`].
#[must_use]
pub fn trends(facts: &Facts, today: i32, months: usize) -> Trends {
    let last = month_of(today).unwrap_or_default();
    let first = last + 1 - i32::try_from(months).unwrap_or_default();
    let place = |day| {
        let place = usize::try_from(month_of(day)? - first).ok()?;
        (place < months).then_some(place)
    };
    let mut orders: BTreeMap<String, Orders> = BTreeMap::new();
    for of in &facts.orders {
        let Some(place) = place(of.day) else { continue };
        let zeros = || vec![0; months];
        let series = orders.entry(of.currency.clone()).or_insert_with(|| Orders {
            counts: zeros(),
            revenue: zeros(),
            returns: zeros(),
            returned: zeros(),
        });
        let (counts, amounts) = match of.kind == order::Kind::Return as i32 {
            true => (&mut series.returns, &mut series.returned),
            false => (&mut series.counts, &mut series.revenue),
        };
        counts[place] += of.count;
        amounts[place] = amounts[place].saturating_add(of.amount);
    }
    let mut interactions: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for of in &facts.interactions {
        let Some(place) = place(of.day) else { continue };
        interactions.entry(of.kind).or_insert_with(|| vec![0; months])[place] += of.count;
    }
    let name = |month: i32| format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1);
    Trends { months: (first..=last).map(name).collect(), orders, interactions }
}

#[cfg(test)]
mod tests {
    use super::super::facts::{InteractionDay, OrderDay, day_of};
    use super::*;

    fn day(text: &str) -> i32 {
        let time: DateTime<chrono::Utc> = format!("{text}T00:00:00Z").parse().unwrap();
        day_of(salient_core::to_micros(time))
    }

    fn order(text: &str, kind: order::Kind, currency: &str, amount: i64) -> OrderDay {
        OrderDay {
            day: day(text),
            kind: kind as i32,
            currency: currency.into(),
            count: 1,
            amount,
            ..OrderDay::default()
        }
    }

    #[test]
    fn months_end_where_the_calendar_says() {
        use order::Kind::{Purchase, Return};
        let facts = Facts {
            orders: vec![
                order("2010-12-31", Purchase, "GBP", 1),
                order("2011-01-01", Purchase, "GBP", 10),
                order("2011-01-31", Purchase, "GBP", 100),
                order("2011-02-28", Return, "GBP", 7),
                order("2011-03-01", Purchase, "EUR", 1_000),
            ],
            interactions: vec![
                InteractionDay { day: day("2010-12-31"), kind: 2, count: 5, thousandths: 0 },
                InteractionDay { day: day("2011-03-31"), kind: 2, count: 3, thousandths: 0 },
                InteractionDay { day: day("2011-03-02"), kind: 2, count: 1, thousandths: 0 },
            ],
            ..Facts::default()
        };
        let found = trends(&facts, day("2011-03-31"), 3);
        assert_eq!(found.months, ["2011-01", "2011-02", "2011-03"]);
        let pounds = &found.orders["GBP"];
        assert_eq!((&pounds.counts, &pounds.revenue), (&vec![2, 0, 0], &vec![110, 0, 0]));
        assert_eq!((&pounds.returns, &pounds.returned), (&vec![0, 1, 0], &vec![0, 7, 0]));
        assert_eq!(found.orders["EUR"].revenue, [0, 0, 1_000]);
        assert_eq!(found.interactions, BTreeMap::from([(2, vec![0, 0, 4])]));
    }

    #[test]
    fn nothing_is_a_series_of_months_all_the_same() {
        let found = trends(&Facts::default(), day("2012-02-29"), 24);
        assert_eq!((found.months.len(), found.months[0].as_str()), (24, "2010-03"));
        assert!(found.orders.is_empty() && found.interactions.is_empty());
    }
}
