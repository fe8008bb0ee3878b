//! The best time to contact somebody, on the wire.

use chrono::{DateTime, Utc};
use salient_core::ContactId;
use salient_learn::contact_time::{Tally, Window};
use salient_proto::scoring::v1::{self as pb, best_contact_time as wire};

use super::{answers, convert::timestamp};
use crate::{
    insight::contact_time::{Channel, Person, next},
    store::insights::Source,
};

const WEEKDAYS: [&str; 7] =
    ["Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"];

/// A best time on the wire.
pub fn best_contact_time(
    contact: ContactId,
    from: &Source,
    (channel, person): (Channel, &Person),
    windows: &[Window],
    now: DateTime<Utc>,
) -> pb::BestContactTime {
    let clock = person.zone();
    let window = |of: &Window| wire::Window {
        weekday: i32::from(of.weekday) + 1,
        start_hour: i32::from(of.from_hour),
        end_hour: i32::from(of.until_hour),
        probability: of.probability,
        low: of.low,
        high: of.high,
        lift: of.lift,
        contact: Some(attempts(of.evidence.contact)),
        industry: Some(attempts(of.evidence.segment)),
        everybody: Some(attempts(of.evidence.global)),
        next_time: next(of, clock, now).map(timestamp),
        text: words(of, channel, person),
    };
    pb::BestContactTime {
        name: format!("{}/bestContactTime", contact.name()),
        contact: contact.name(),
        source: Some(answers::source(from)),
        channel: match channel {
            Channel::Call => wire::Channel::Call,
            Channel::Email => wire::Channel::Email,
        }
        .into(),
        time_zone: clock.name().to_owned(),
        windows: windows.iter().map(window).collect(),
    }
}

fn attempts(of: Tally) -> wire::Attempts {
    let count = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    wire::Attempts { attempts: count(of.attempts), reached: count(of.reached) }
}

/// "Tuesdays from 9 to 11: 4 of 6 calls reached this contact, 38 of 100 their industry, 190 of 500 everybody".
fn words(of: &Window, channel: Channel, person: &Person) -> String {
    let what = match channel {
        Channel::Call => "calls",
        Channel::Email => "e-mails",
    };
    let share = |tally: Tally| format!("{} of {}", tally.reached, tally.attempts);
    let mut told = Vec::new();
    if of.evidence.contact.attempts > 0 {
        told.push(format!("{} {what} reached this contact", share(of.evidence.contact)));
    }
    if !person.segment.is_empty() && of.evidence.segment.attempts > 0 {
        told.push(format!("{} {what} reached contacts in {}", share(of.evidence.segment), person.segment));
    }
    told.push(format!("{} {what} reached anybody", share(of.evidence.global)));
    let day = WEEKDAYS.get(usize::from(of.weekday)).copied().unwrap_or_default();
    format!("{day} from {} to {}: {}", of.from_hour, of.until_hour, told.join(", "))
}
