//! Answering from the facts of an account.

use salient_condition::{Failure, Given, Value};
use salient_proto::profile::v1::order;

use super::names::{Fact, Name};
use crate::domain::facts::{Facts, Window};

/// What a condition is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'f> {
    /// The account's resource name.
    pub name: &'f str,
    /// What is known of it.
    pub facts: &'f Facts,
    /// Today, counted from 1970-01-01.
    pub today: i32,
    /// The stage of its journey.
    pub stage: &'f str,
}

impl salient_condition::Subject<Name> for Subject<'_> {
    fn value<'v>(&'v self, name: &'v Name, given: Given<'_>) -> Result<Value<'v>, Failure> {
        let Self { facts, today, .. } = *self;
        let (purchase, back) = (order::Kind::Purchase, order::Kind::Return);
        let window = Window { today, days: given.days };
        let text = |text: &'v str| Value::from(text);
        Ok(match name.fact {
            Fact::Name => text(self.name),
            Fact::DisplayName => text(&facts.display_name),
            Fact::Territory => text(&facts.territory),
            Fact::Country => text(&facts.country),
            Fact::Industry => text(&facts.industry),
            Fact::Source => text(&facts.source),
            Fact::SourceId => text(&facts.source_id),
            // looked into by `entry` and `keys`
            Fact::Attributes => Value::List(Vec::new()),
            Fact::AgeDays => Value::Int(i64::from(today) - i64::from(facts.create_day)),
            Fact::Contacts => Value::Int(facts.contacts.into()),
            Fact::Products => {
                Value::List(facts.products.iter().map(|bought| text(&bought.product)).collect())
            }
            Fact::Stage => text(self.stage),
            Fact::Orders => Value::Int(facts.order_count(purchase, window)),
            Fact::Returns => Value::Int(facts.order_count(back, window)),
            Fact::Revenue => Value::Int(facts.amount(purchase, &name.currency, window)),
            Fact::Returned => Value::Int(facts.amount(back, &name.currency, window)),
            Fact::ReturnShare => Value::Double(facts.return_share(window)),
            Fact::OriginShare => Value::Double(facts.origin_share(name.code.unwrap_or_default(), window)),
            Fact::DaysSinceOrder => Value::Int(facts.days_since_order(today)),
            Fact::DaysSinceFirstOrder => Value::Int(facts.days_since_first_order(today)),
            Fact::DaysSinceComeback => {
                Value::Int(facts.days_since_comeback(given.days.unwrap_or_default(), today))
            }
            Fact::Bought => Value::Bool(facts.bought(given.text, window)),
            Fact::DaysSinceProduct => Value::Int(facts.days_since_product(given.text, today)),
            Fact::Interactions => Value::Int(facts.interaction_count(name.code, window)),
            Fact::DaysSinceInteraction => Value::Int(facts.days_since_interaction(name.code, today)),
            Fact::Usage => Value::Double(facts.usage(window)),
            Fact::Measured => Value::Double(facts.measured(given.text, window)),
            Fact::Readings => Value::Int(facts.readings(given.text, window)),
            Fact::OpenOpportunities => Value::Int(facts.open_count()),
            Fact::OpenAmount => Value::Int(facts.open_amount(&name.currency)),
        })
    }

    fn effort(&self, _name: &Name) -> usize {
        (self.facts.orders.len() + self.facts.interactions.len() + self.facts.metrics.len()) / 64
    }

    fn entry(&self, key: &str) -> Option<&str> {
        self.facts.attributes.get(key).map(String::as_str)
    }

    fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.facts.attributes.keys().map(String::as_str)
    }
}
