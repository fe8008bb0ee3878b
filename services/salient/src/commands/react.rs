//! `salient react`.

use anyhow::{Context as _, Result};
use chrono::NaiveTime;
use prost_types::Timestamp;
use salient_proto::feedback::v1::{DismissReason, ReactionAction, RecordReactionRequest};

use super::{find, plan::fresh_id, refusal};
use crate::{
    cli,
    session::{Session, path},
};

/// Records the reaction and prints its effect.
///
/// # Errors
/// No suite runs, or it refuses.
pub async fn run(options: cli::React) -> Result<()> {
    let clients = Session::read(&path(options.target.session.clone()))?.connect()?;
    let recommendation = find(&clients, &options.recommendation).await?;
    let action = match options.action {
        cli::Action::Accept => ReactionAction::Accept,
        cli::Action::Snooze => ReactionAction::Snooze,
        cli::Action::Dismiss => ReactionAction::Dismiss,
        cli::Action::Complete => ReactionAction::Complete,
    };
    let reason = options.reason.map_or(DismissReason::Unspecified, |reason| match reason {
        cli::Reason::WrongPerson => DismissReason::WrongPerson,
        cli::Reason::BadTiming => DismissReason::BadTiming,
        cli::Reason::AlreadyDone => DismissReason::AlreadyDone,
        cli::Reason::NotRelevant => DismissReason::NotRelevant,
        cli::Reason::CustomerIssue => DismissReason::CustomerIssue,
        cli::Reason::NoStock => DismissReason::NoStock,
        cli::Reason::DoNotContact => DismissReason::DoNotContact,
        cli::Reason::Other => DismissReason::Other,
    });
    let snooze_until = options.until.map(|day| {
        let at = day.and_time(NaiveTime::MIN).and_utc();
        Timestamp { seconds: at.timestamp(), nanos: 0 }
    });
    let request = RecordReactionRequest {
        request_id: fresh_id(),
        recommendation: recommendation.name.clone(),
        attribution_token: recommendation.attribution_token,
        action: action.into(),
        reason: reason.into(),
        comment: options.comment,
        snooze_until,
    };
    let answer = clients.feedback.clone().record_reaction(request).await.map_err(refusal)?;
    let reaction = answer.into_inner().reaction.context("the suite answered without a reaction")?;
    println!(
        "{} · {} {}: {}",
        recommendation.account_display_name,
        recommendation.action,
        recommendation.product_display_name,
        reaction.effect
    );
    Ok(())
}
