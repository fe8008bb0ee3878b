//! What an account's timeline shows.

use std::collections::BTreeSet;

use prost_types::Timestamp;
use salient_core::{Error, Result};
use salient_proto::profile::v1::{Opportunity, interaction, opportunity, order};

use super::record::timestamp_micros;

/// Which entries are asked for. The numbers are those of the contract's enums.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Kinds of orders.
    pub orders: BTreeSet<i32>,
    /// Kinds of interactions.
    pub interactions: BTreeSet<i32>,
    /// Openings of opportunities.
    pub opportunities: bool,
    /// Changes of opportunities.
    pub changes: bool,
    /// Days of telemetry.
    pub usage: bool,
}

impl Kinds {
    /// Reads the kinds of a request; none means all.
    ///
    /// # Errors
    /// `FIELD_INVALID` with what is accepted.
    pub fn parse(kinds: &[String]) -> Result<Self> {
        let all = kinds.is_empty();
        let mut parsed = Self { opportunities: all, changes: all, usage: all, ..Self::default() };
        if kinds.is_empty() {
            parsed.orders.extend([order::Kind::Purchase as i32, order::Kind::Return as i32]);
            parsed.interactions.extend(interaction_kinds().map(|(_, number)| number));
        }
        for (index, kind) in kinds.iter().enumerate() {
            match kind.as_str() {
                "order" => drop(parsed.orders.insert(order::Kind::Purchase as i32)),
                "return" => drop(parsed.orders.insert(order::Kind::Return as i32)),
                "opportunity" => parsed.opportunities = true,
                "opportunity_change" => parsed.changes = true,
                other => {
                    let Some((_, number)) = interaction_kinds().find(|(name, _)| name == other) else {
                        let names: Vec<_> = interaction_kinds().map(|(name, _)| name).collect();
                        return Err(Error::field(
                            format!("kinds[{index}]"),
                            format!(
                                "order, return, opportunity, opportunity_change, {} are accepted",
                                names.join(", ")
                            ),
                        ));
                    };
                    parsed.interactions.insert(number);
                    parsed.usage |= number == interaction::Kind::Usage as i32;
                }
            }
        }
        Ok(parsed)
    }
}

/// The kinds of interactions, as a timeline calls them.
fn interaction_kinds() -> impl Iterator<Item = (String, i32)> {
    (1..).map_while(|number| interaction::Kind::try_from(number).ok()).map(|kind| {
        let name = kind.as_str_name();
        (name.strip_prefix("KIND_").unwrap_or(name).to_lowercase(), kind as i32)
    })
}

/// The opportunity as it was known at `now` (microseconds). One that is closed later was open,
/// and nobody knew in which stage it would end.
pub fn as_known_at(mut opportunity: Opportunity, now: i64) -> Opportunity {
    let later = |time: &Timestamp| timestamp_micros(time) > now;
    if opportunity.close_time.as_ref().is_some_and(later) {
        opportunity.state = opportunity::State::Open as i32;
        opportunity.close_time = None;
        opportunity.stage.clear();
    }
    opportunity
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kinds: &[&str]) -> Result<Kinds> {
        Kinds::parse(&kinds.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn no_kind_means_all() {
        let all = parse(&[]).unwrap();
        assert_eq!((all.orders.len(), all.interactions.len()), (2, 10));
        assert!(all.opportunities && all.changes && all.usage);
    }

    #[test]
    fn kinds_are_named_in_lower_case() {
        let some = parse(&["return", "competitor_signal"]).unwrap();
        assert_eq!(some.orders, BTreeSet::from([2]));
        assert_eq!(some.interactions, BTreeSet::from([8]));
        assert!(!some.opportunities && !some.changes && !some.usage);
        assert!(parse(&["usage"]).unwrap().usage && parse(&["opportunity_change"]).unwrap().changes);
        let error = parse(&["call", "Call"]).unwrap_err();
        assert_eq!(error.violations()[0].field, "kinds[1]");
        assert!(error.message().contains("competitor_signal"), "{error}");
    }

    #[test]
    fn what_closed_later_was_open() {
        let won = Opportunity {
            state: opportunity::State::Won as i32,
            stage: "signed".into(),
            close_time: Some(Timestamp { seconds: 10, nanos: 0 }),
            ..Opportunity::default()
        };
        assert_eq!(as_known_at(won.clone(), 10_000_000), won);
        let before = as_known_at(won, 9_999_999);
        assert_eq!(before.state, opportunity::State::Open as i32);
        assert_eq!((before.close_time, before.stage.as_str()), (None, ""));
    }
}
