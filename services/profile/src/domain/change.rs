//! What changed at an opportunity.

use salient_proto::profile::v1::{Opportunity, OpportunityChange, opportunity};

use super::record::timestamp_micros;

/// What changed from `before`, or since the opening if it is new, and when, in microseconds; none if
/// it is nothing that a timeline shows. `now` is when it was heard.
pub fn change(
    before: Option<&Opportunity>,
    after: &Opportunity,
    now: i64,
) -> Option<(i64, OpportunityChange)> {
    let closed = |of: &Opportunity| of.state != opportunity::State::Open as i32;
    let opened;
    let before = match before {
        Some(before) => before,
        // whoever hears of it when it is closed hears nothing of the way there
        None if closed(after) => {
            let (state, stage) = (opportunity::State::Open as i32, String::new());
            opened = Opportunity { state, stage, ..after.clone() };
            &opened
        }
        None => return None,
    };
    let same = (before.state, &before.stage, &before.amount) == (after.state, &after.stage, &after.amount);
    if same {
        return None;
    }
    let closing = closed(after) && before.state != after.state;
    let time = after.close_time.as_ref().filter(|_| closing).map_or(now, timestamp_micros);
    let change = OpportunityChange {
        opportunity: after.name.clone(),
        account: after.account.clone(),
        display_name: after.display_name.clone(),
        from_state: before.state,
        to_state: after.state,
        from_stage: before.stage.clone(),
        to_stage: after.stage.clone(),
        from_amount: before.amount.clone(),
        to_amount: after.amount.clone(),
    };
    Some((time, change))
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;
    use salient_proto::profile::v1::opportunity::State;

    use super::*;

    fn opportunity(state: State, stage: &str, close: Option<i64>) -> Opportunity {
        Opportunity {
            state: state as i32,
            stage: stage.into(),
            close_time: close.map(|seconds| Timestamp { seconds, nanos: 0 }),
            ..Opportunity::default()
        }
    }

    #[test]
    fn stages_change_when_heard_of_and_closings_when_they_were() {
        let (open, offer) = (opportunity(State::Open, "", None), opportunity(State::Open, "offer", None));
        let won = opportunity(State::Won, "signed", Some(5));
        assert_eq!(change(None, &open, 9), None);
        assert_eq!(change(Some(&open), &open, 9), None);
        let (time, moved) = change(Some(&open), &offer, 9).unwrap();
        assert_eq!((time, moved.from_stage.as_str(), moved.to_stage.as_str()), (9, "", "offer"));
        let (time, closed) = change(Some(&offer), &won, 9_000_000).unwrap();
        assert_eq!((time, closed.from_state(), closed.to_state()), (5_000_000, State::Open, State::Won));
        assert_eq!(change(None, &won, 9_000_000).map(|(time, _)| time), Some(5_000_000));
        let (time, _) = change(Some(&won), &opportunity(State::Won, "paid", Some(5)), 9).unwrap();
        assert_eq!(time, 9);
    }
}
