//! What people agreed to, and which of it holds.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use salient_core::from_micros;
use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{
        Consent, ConsentStatus, PrivacySettings,
        consent::{Channel, Purpose, State},
        privacy_settings::UnknownConsent,
    },
};
use uuid::Uuid;

use super::{
    Faults, Kind, Refusal,
    record::{timestamp, timestamp_micros},
};

/// Every purpose.
pub const PURPOSES: [Purpose; 4] = [Purpose::Sales, Purpose::Marketing, Purpose::Service, Purpose::Research];
/// Every channel.
pub const CHANNELS: [Channel; 5] =
    [Channel::Call, Channel::Email, Channel::Message, Channel::Post, Channel::Meeting];

/// Whose consent it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A contact, by id.
    Contact(Uuid),
    /// A person, by key in the system of record.
    Key(SourceKey),
}

/// What a consent is about, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// Whose.
    pub contact: Uuid,
    /// The number of the purpose.
    pub purpose: i32,
    /// The number of the channel.
    pub channel: i32,
}

/// A consent that may be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Whose.
    pub who: Who,
    /// As it came, with the time cut to microseconds.
    pub consent: Consent,
    /// When the person said so, in microseconds.
    pub time: i64,
}

impl Statement {
    /// Looks at a consent by itself. `latest` is the latest time that it may carry.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn try_new(mut consent: Consent, latest: DateTime<Utc>) -> Result<Self, Refusal> {
        let mut faults = Faults::of(&consent, latest);
        faults.past("consent_time", consent.consent_time.as_ref());
        faults.text("proof", &consent.proof);
        faults.text("source", &consent.source);
        faults.key("contact_key", consent.contact_key.as_ref());
        if consent.state() == State::Granted && consent.proof.trim().is_empty() {
            faults.add("proof", "what proves a grant is required: a text, or where it is kept");
        }
        if let Some(refusal) = faults.into_refusal() {
            return Err(refusal);
        }
        let who = match (consent.contact.as_str(), consent.contact_key.take()) {
            ("", None) => {
                return Err(Refusal::field("contact", "one of contact and contact_key is required"));
            }
            ("", Some(key)) => Who::Key(key),
            (name, None) => Who::Contact(
                Kind::Contact
                    .parse("contact", name)
                    .map_err(|_| Refusal::field("contact", "a name like contacts/{uuid} is accepted"))?,
            ),
            (_, Some(_)) => {
                return Err(Refusal::field(
                    "contact_key",
                    "one of contact and contact_key is accepted, not both",
                ));
            }
        };
        let time = consent.consent_time.as_ref().map(timestamp_micros).unwrap_or_default();
        consent.consent_time = Some(timestamp(time));
        Ok(Self { who, consent, time })
    }
}

/// The latest grant and the latest withdrawal that are known about something, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// When it was last granted.
    pub granted: Option<i64>,
    /// When it was last taken back.
    pub withdrawn: Option<i64>,
}

impl Known {
    /// Whether a consent changes what holds: the latest by its own time decides, and of the same moment
    /// the withdrawal. One that is older is history.
    ///
    /// # Errors
    /// A grant that was given at or before the last withdrawal is refused: it arrives too late to mean
    /// anything, and kept it would look like a permission.
    pub fn admits(self, state: State, time: i64) -> Result<bool, Refusal> {
        match self.withdrawn {
            Some(withdrawn) if state == State::Granted && time <= withdrawn => {
                let text = |at| from_micros(at).to_rfc3339_opts(SecondsFormat::AutoSi, true);
                let message = format!(
                    "{} is not after the withdrawal of {}; a grant given after it is accepted",
                    text(time),
                    text(withdrawn)
                );
                Err(Refusal::field("consent_time", message))
            }
            _ => {
                let holding = (self.granted.max(self.withdrawn), self.withdrawn >= self.granted);
                Ok((Some(time), state == State::Withdrawn) > holding)
            }
        }
    }
}

/// What holds of each purpose and channel that is asked for, given the consents that decide.
pub fn statuses(
    deciding: Vec<Consent>,
    purpose: Purpose,
    channel: Channel,
    settings: &PrivacySettings,
) -> Vec<ConsentStatus> {
    let mut found: HashMap<(i32, i32), Consent> =
        deciding.into_iter().map(|consent| ((consent.purpose, consent.channel), consent)).collect();
    let wanted = |asked: i32, one: i32| asked == 0 || asked == one;
    let mut statuses = Vec::new();
    for of in PURPOSES.map(|purpose| purpose as i32) {
        for on in CHANNELS.map(|channel| channel as i32) {
            if !wanted(purpose as i32, of) || !wanted(channel as i32, on) {
                continue;
            }
            statuses.push(match found.remove(&(of, on)) {
                Some(consent) => status(consent),
                None => ConsentStatus {
                    purpose: of,
                    channel: on,
                    permitted: permits_unknown(settings),
                    ..ConsentStatus::default()
                },
            });
        }
    }
    statuses
}

/// What holds by the consent that decides.
pub fn status(consent: Consent) -> ConsentStatus {
    ConsentStatus {
        purpose: consent.purpose,
        channel: consent.channel,
        state: consent.state,
        permitted: consent.state() == State::Granted,
        consent: Some(consent),
    }
}

/// Whether contact may be made where nothing is known.
pub fn permits_unknown(settings: &PrivacySettings) -> bool {
    settings.unknown_consent() != UnknownConsent::Forbidden
}

/// What others are told of a consent: what holds, and nothing that proves it.
pub fn told(consent: &Consent) -> Consent {
    Consent { proof: String::new(), source: String::new(), ..consent.clone() }
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;

    fn consent(state: State, proof: &str) -> Consent {
        Consent {
            contact: format!("contacts/{}", Uuid::from_u128(1)),
            purpose: Purpose::Sales.into(),
            channel: Channel::Call.into(),
            state: state.into(),
            consent_time: Some(Timestamp { seconds: 10, nanos: 1_500 }),
            proof: proof.into(),
            source: "web".into(),
            ..Consent::default()
        }
    }

    fn field(consent: Consent) -> String {
        Statement::try_new(consent, DateTime::from_timestamp(20, 0).unwrap()).unwrap_err().field
    }

    #[test]
    fn a_grant_needs_proof_and_a_past() {
        assert_eq!(field(consent(State::Granted, " ")), "proof");
        assert_eq!(field(Consent { state: 0, ..consent(State::Granted, "x") }), "state");
        let later = Some(Timestamp { seconds: 21, nanos: 0 });
        assert_eq!(field(Consent { consent_time: later, ..consent(State::Granted, "x") }), "consent_time");
        assert_eq!(field(Consent { contact: String::new(), ..consent(State::Granted, "x") }), "contact");
        let fine =
            Statement::try_new(consent(State::Withdrawn, ""), DateTime::from_timestamp(20, 0).unwrap());
        assert_eq!(fine.unwrap().time, 10_000_001);
    }

    #[test]
    fn the_later_holds_and_no_grant_comes_after_its_withdrawal() {
        let known = |granted, withdrawn| Known { granted, withdrawn };
        let nothing = known(None, None);
        assert_eq!(nothing.admits(State::Granted, 1), Ok(true));
        assert_eq!(nothing.admits(State::Withdrawn, 1), Ok(true));
        // older than what holds: history
        assert_eq!(known(Some(5), None).admits(State::Granted, 4), Ok(false));
        assert_eq!(known(Some(5), None).admits(State::Withdrawn, 4), Ok(false));
        assert_eq!(known(Some(9), Some(5)).admits(State::Granted, 7), Ok(false));
        // of the same moment the withdrawal
        assert_eq!(known(Some(5), None).admits(State::Withdrawn, 5), Ok(true));
        for (late, withdrawn) in [(5, 5), (4, 5)] {
            let refused = known(None, Some(withdrawn)).admits(State::Granted, late).unwrap_err();
            assert_eq!(refused.field, "consent_time");
        }
        assert!(known(Some(9), Some(5)).admits(State::Granted, 4).is_err());
        assert_eq!(known(Some(4), Some(5)).admits(State::Granted, 6), Ok(true));
    }

    #[test]
    fn what_is_not_known_follows_the_settings() {
        let ask = |unknown: UnknownConsent| {
            let settings = PrivacySettings { unknown_consent: unknown.into(), ..Default::default() };
            let known = vec![consent(State::Withdrawn, "")];
            statuses(known, Purpose::Sales, Channel::Unspecified, &settings)
                .iter()
                .map(|status| status.permitted)
                .collect::<Vec<_>>()
        };
        assert_eq!(ask(UnknownConsent::Unspecified), [false, true, true, true, true]);
        assert_eq!(ask(UnknownConsent::Forbidden), [false; 5]);
    }
}
