//! Matching what happened to what was recommended.
//!
//! By the attribution token first, by account, product and window second. Only what is known at
//! the service's clock counts: on a replayed history later rows exist, but have not happened yet.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use salient_core::{Money, OutcomeId, Result, TenantId};
use salient_events::shard_of;
use salient_proto::feedback::v1 as pb;

use crate::{
    domain::{Join, Kind, Outcome},
    grpc::convert,
    react::Feedback,
    store::{self, matches::Candidate},
};

/// Days after the window, and after an outcome was taken back, in which late news is still matched.
const LATE_DAYS: i64 = 7;

impl Feedback {
    /// Matches outcomes of all tenants, those that were not matched before, and publishes them;
    /// says how many. What came of an account that is not the recommendation's any more, because a
    /// merge was undone, is taken back first, so that the recommendation may come true otherwise.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn match_outcomes(&self) -> Result<usize> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        store::matches::take_turn_in_tx(&mut tx).await?;
        let mut events = Vec::new();
        for ((tenant, shard), outcomes) in by_shard(store::retract_outcomes_in_tx(&mut tx, now).await?) {
            events.push(self.outbox.event(&tenant, shard, &pb::OutcomesRetracted { outcomes }));
        }
        let mut candidates = store::matches::orders_in_tx(&mut tx, now).await?;
        candidates.extend(store::matches::opportunities_in_tx(&mut tx, now).await?);
        let mut fresh = Vec::new();
        for candidate in candidates {
            let tenant = candidate.tenant.clone();
            let outcome = self.outcome(candidate);
            if store::put_outcome_in_tx(&mut tx, &tenant, &outcome).await? {
                fresh.push((tenant, outcome));
            }
        }
        store::matches::finalise_in_tx(&mut tx, now - TimeDelta::days(LATE_DAYS)).await?;
        let count = fresh.len();
        for ((tenant, shard), outcomes) in by_shard(fresh) {
            events.push(self.outbox.event(&tenant, shard, &pb::OutcomesMatched { outcomes }));
        }
        self.outbox.publish_in_tx(&mut tx, &events).await?;
        tx.commit().await?;
        Ok(count)
    }

    fn outcome(&self, candidate: Candidate) -> Outcome {
        Outcome {
            id: OutcomeId::new(&self.clock),
            recommendation: candidate.recommendation,
            seller: candidate.seller,
            account: candidate.account,
            happened_at: candidate.happened_at,
            kind: candidate.kind,
            join: candidate.join,
            subject: candidate.subject,
            amount: candidate.amount,
            outcome_time: candidate.time,
        }
    }
}

fn by_shard(outcomes: Vec<(TenantId, Outcome)>) -> BTreeMap<(TenantId, u16), Vec<pb::Outcome>> {
    let mut shards: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (tenant, outcome) in outcomes {
        let shard = shard_of(outcome.account.uuid().as_bytes());
        shards.entry((tenant, shard)).or_default().push(convert::outcome(outcome));
    }
    shards
}

/// The worth of one product's lines on an order.
#[must_use]
pub fn worth(
    lines: &[salient_proto::profile::v1::OrderLine],
    product: &str,
    currency: salient_core::Currency,
) -> Option<Money> {
    let name = format!("products/{product}");
    let mut found = lines.iter().filter(|line| line.product == name).peekable();
    found.peek()?;
    Some(Money::new(found.map(|line| line.amount_minor_units).sum(), currency))
}

/// How a candidate with this token and subject is joined to a recommendation, if at all.
#[must_use]
pub fn join(token_fits: bool, subject_fits: bool) -> Option<Join> {
    match (token_fits, subject_fits) {
        (true, _) => Some(Join::Token),
        (false, true) => Some(Join::Subject),
        (false, false) => None,
    }
}

/// The outcome of an opportunity's state, by its number in the contract, beside its creation.
#[must_use]
pub fn closing(state: i64) -> Option<Kind> {
    match state {
        2 => Some(Kind::OpportunityWon),
        3 => Some(Kind::OpportunityLost),
        _ => None,
    }
}
