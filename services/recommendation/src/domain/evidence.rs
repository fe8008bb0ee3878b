//! Facts behind a recommendation, and the words for them.
//!
//! The words only say what the numbers hold; nothing is claimed that was not counted.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One factor of a model: what a feature's value added to the log-odds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// The feature.
    pub feature: String,
    /// Its value; `None` where it is not known.
    pub value: Option<f64>,
    /// What it added to the log-odds.
    pub log_odds: f64,
}

/// The numbers of a fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// The account's own rhythm with a product, or of all its orders.
    Rhythm {
        /// The product; `None` for orders of any kind.
        product: Option<String>,
        /// Orders counted.
        orders: u32,
        /// Mean days between them, for two or more.
        mean_gap_days: Option<f64>,
        /// Days since the last.
        days_since_last: f64,
        /// When the next is due at that rhythm.
        due: Option<DateTime<Utc>>,
        /// Units on the last order.
        last_quantity: i64,
    },
    /// What accounts with similar purchases did.
    SimilarAccounts {
        /// Accounts compared with.
        similar: u32,
        /// Of those, accounts that bought the product.
        bought: u32,
        /// Of those, accounts that did within the last 30 days.
        bought_recently: u32,
        /// Up to three of them, most similar first, by name.
        examples: Vec<String>,
        /// Mean number of products in common.
        overlap: f64,
        /// Up to three products of this account that it is most often bought with.
        bought_with: Vec<String>,
    },
    /// What the account model says.
    AccountScore {
        /// Probability of any order in the next 30 days.
        probability: f64,
        /// The same for the average account.
        base_rate: f64,
        /// The model.
        model: String,
        /// What moved it most, largest first.
        factors: Vec<Factor>,
    },
    /// What moved the probability of this account and product most.
    PairFactors {
        /// Largest first.
        factors: Vec<Factor>,
    },
}

/// A fact and its words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The numbers.
    pub fact: Fact,
    /// The words.
    pub text: String,
}

impl Evidence {
    /// Puts a fact into words.
    #[must_use]
    pub fn new(fact: Fact) -> Self {
        let text = words(&fact);
        Self { fact, text }
    }

    /// The same fact, opened for an account that is going quiet.
    #[must_use]
    pub fn going_quiet(fact: Fact) -> Self {
        let text = match &fact {
            Fact::Rhythm { orders, mean_gap_days: Some(gap), days_since_last, .. } => format!(
                "used to order about every {} ({orders} orders), silent for {}",
                days(*gap),
                days(*days_since_last)
            ),
            other => words(other),
        };
        Self { fact, text }
    }
}

fn words(fact: &Fact) -> String {
    match fact {
        Fact::Rhythm { product, orders, mean_gap_days, days_since_last, .. } => {
            let what = if product.is_some() { "ordered it" } else { "ordered" };
            let often = times(*orders);
            let ago = days(*days_since_last);
            match mean_gap_days {
                Some(gap) => format!("{what} {often}, about every {}; the last was {ago} ago", days(*gap)),
                None => format!("{what} {often}, {ago} ago"),
            }
        }
        Fact::SimilarAccounts { similar, bought, bought_recently, bought_with, .. } => {
            let mut text = format!("{bought} of the {similar} accounts most like this one also bought it");
            if *bought_recently > 0 {
                text.push_str(&format!(", {bought_recently} of them within a month"));
            }
            if let Some(first) = bought_with.first() {
                text.push_str(&format!("; often bought with {first}, which it has"));
            }
            text
        }
        Fact::AccountScore { probability, base_rate, .. } => format!(
            "{} likely to order something in the next 30 days; the average account is {}",
            percent(*probability),
            percent(*base_rate)
        ),
        Fact::PairFactors { factors } => {
            let names: Vec<String> =
                factors.iter().take(3).map(|factor| factor.feature.replace('_', " ")).collect();
            format!("what counted most: {}", names.join(", "))
        }
    }
}

fn times(count: u32) -> String {
    match count {
        1 => "once".into(),
        2 => "twice".into(),
        n => format!("{n} times"),
    }
}

/// "1 day", "34 days"; less than a day is "less than a day".
#[must_use]
pub fn days(count: f64) -> String {
    let whole = count.round();
    if whole < 1.0 {
        "less than a day".into()
    } else if whole == 1.0 {
        "1 day".into()
    } else {
        format!("{whole:.0} days")
    }
}

/// "43 %"; less than one per cent is "under 1 %".
#[must_use]
pub fn percent(share: f64) -> String {
    if share < 0.01 { "under 1 %".into() } else { format!("{:.0} %", share * 100.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rhythm(orders: u32, gap: Option<f64>, since: f64) -> Fact {
        Fact::Rhythm {
            product: Some("products/1".into()),
            orders,
            mean_gap_days: gap,
            days_since_last: since,
            due: None,
            last_quantity: 1,
        }
    }

    #[test]
    fn a_rhythm_reads_like_a_sentence() {
        let text = |fact| Evidence::new(fact).text;
        assert_eq!(
            text(rhythm(7, Some(21.2), 34.4)),
            "ordered it 7 times, about every 21 days; the last was 34 days ago"
        );
        assert_eq!(text(rhythm(1, None, 0.9)), "ordered it once, 1 day ago");
        assert_eq!(
            text(rhythm(2, Some(1.0), 0.2)),
            "ordered it twice, about every 1 day; the last was less than a day ago"
        );
        assert_eq!(
            Evidence::going_quiet(rhythm(9, Some(14.0), 60.0)).text,
            "used to order about every 14 days (9 orders), silent for 60 days"
        );
    }

    #[test]
    fn similar_accounts_are_counted_not_praised() {
        let fact = |bought_recently, bought_with: &[&str]| Fact::SimilarAccounts {
            similar: 31,
            bought: 23,
            bought_recently,
            examples: vec![],
            overlap: 12.0,
            bought_with: bought_with.iter().map(|&name| name.to_owned()).collect(),
        };
        assert_eq!(
            Evidence::new(fact(9, &[])).text,
            "23 of the 31 accounts most like this one also bought it, 9 of them within a month"
        );
        assert_eq!(
            Evidence::new(fact(0, &["RED LUNCH BAG"])).text,
            "23 of the 31 accounts most like this one also bought it; often bought with RED LUNCH BAG, which it has"
        );
    }
}
