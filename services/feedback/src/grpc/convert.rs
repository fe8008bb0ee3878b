//! Between the contract and the domain. Protobuf types stop here.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use salient_core::{Error, Result, micros};
use salient_proto::{common::v1 as common, feedback::v1 as pb};

use crate::domain::{Action, Join, Kind, Outcome, Reaction, Reason, Scope};

/// A time on the wire.
#[must_use]
pub fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: at.timestamp(),
        nanos: i32::try_from(at.timestamp_subsec_nanos()).unwrap_or_default(),
    }
}

/// A time off the wire, cut to microseconds.
#[must_use]
pub fn time(at: &Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.seconds, u32::try_from(at.nanos).ok()?).map(micros)
}

/// An action off the wire.
///
/// # Errors
/// None is named; the contract's rules refuse that first.
pub fn action(from: pb::ReactionAction) -> Result<Action> {
    match from {
        pb::ReactionAction::Unspecified => {
            Err(Error::field("action", "must be set to one of the named values"))
        }
        pb::ReactionAction::Accept => Ok(Action::Accept),
        pb::ReactionAction::Snooze => Ok(Action::Snooze),
        pb::ReactionAction::Dismiss => Ok(Action::Dismiss),
        pb::ReactionAction::Complete => Ok(Action::Complete),
    }
}

/// A reason off the wire.
#[must_use]
pub fn reason(from: pb::DismissReason) -> Option<Reason> {
    match from {
        pb::DismissReason::Unspecified => None,
        pb::DismissReason::WrongPerson => Some(Reason::WrongPerson),
        pb::DismissReason::BadTiming => Some(Reason::BadTiming),
        pb::DismissReason::AlreadyDone => Some(Reason::AlreadyDone),
        pb::DismissReason::NotRelevant => Some(Reason::NotRelevant),
        pb::DismissReason::CustomerIssue => Some(Reason::CustomerIssue),
        pb::DismissReason::NoStock => Some(Reason::NoStock),
        pb::DismissReason::DoNotContact => Some(Reason::DoNotContact),
        pb::DismissReason::Other => Some(Reason::Other),
    }
}

fn reason_on_wire(from: Option<Reason>) -> pb::DismissReason {
    match from {
        None => pb::DismissReason::Unspecified,
        Some(Reason::WrongPerson) => pb::DismissReason::WrongPerson,
        Some(Reason::BadTiming) => pb::DismissReason::BadTiming,
        Some(Reason::AlreadyDone) => pb::DismissReason::AlreadyDone,
        Some(Reason::NotRelevant) => pb::DismissReason::NotRelevant,
        Some(Reason::CustomerIssue) => pb::DismissReason::CustomerIssue,
        Some(Reason::NoStock) => pb::DismissReason::NoStock,
        Some(Reason::DoNotContact) => pb::DismissReason::DoNotContact,
        Some(Reason::Other) => pb::DismissReason::Other,
    }
}

/// A reaction on the wire.
#[must_use]
pub fn reaction(from: Reaction) -> pb::Reaction {
    use pb::suppression::Scope as Wire;
    let scope = match from.effect.scope {
        Scope::Nothing => Wire::Unspecified,
        Scope::AccountProduct => Wire::AccountProduct,
        Scope::Account => Wire::Account,
        Scope::Product => Wire::Product,
    };
    let action = match from.action {
        Action::Accept => pb::ReactionAction::Accept,
        Action::Snooze => pb::ReactionAction::Snooze,
        Action::Dismiss => pb::ReactionAction::Dismiss,
        Action::Complete => pb::ReactionAction::Complete,
    };
    pb::Reaction {
        name: from.id.name(),
        recommendation: from.recommendation.name(),
        seller: from.seller.name(),
        account: from.account.name(),
        product: from.product.name(),
        action: action.into(),
        reason: reason_on_wire(from.reason).into(),
        comment: from.comment,
        react_time: Some(timestamp(from.react_time)),
        suppression: (from.effect.scope != Scope::Nothing)
            .then(|| pb::Suppression { scope: scope.into(), until_time: from.effect.until.map(timestamp) }),
        effect: from.effect.text,
    }
}

/// An outcome on the wire.
#[must_use]
pub fn outcome(from: Outcome) -> pb::Outcome {
    use pb::outcome::{Join as WireJoin, Kind as WireKind};
    let kind = match from.kind {
        Kind::OpportunityCreated => WireKind::OpportunityCreated,
        Kind::OpportunityWon => WireKind::OpportunityWon,
        Kind::OpportunityLost => WireKind::OpportunityLost,
        Kind::Order => WireKind::Order,
    };
    let join = match from.join {
        Join::Token => WireJoin::Token,
        Join::Subject => WireJoin::Subject,
    };
    pb::Outcome {
        name: from.id.name(),
        recommendation: from.recommendation.name(),
        seller: from.seller.name(),
        account: from.account.name(),
        kind: kind.into(),
        join: join.into(),
        subject: from.subject,
        amount: from.amount.map(|amount| common::Money {
            currency_code: amount.currency.to_string(),
            minor_units: amount.minor_units,
        }),
        outcome_time: Some(timestamp(from.outcome_time)),
    }
}
