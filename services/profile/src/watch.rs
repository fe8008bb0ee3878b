//! Watching who enters and leaves segments, and who goes from stage to stage.
//!
//! A stream reads what was kept after its cursor, again and again. It holds no connection and no
//! state of its own between two looks, so a thousand of them cost little, and any replica serves
//! one.

use std::time::Duration;

use chrono::TimeDelta;
use futures::{Stream, TryStreamExt as _, stream};
use salient_core::{Error, Page, Reason, Result, TenantId, page, to_micros};
use salient_proto::profile::v1::{WatchJourneysResponse, WatchMembershipResponse};
use salient_store::Signal;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::membership::{Change, Transition, segment_id},
    profile::Profile,
    store::members::{self, Kept, SIGNAL},
};

/// How often to look for what other replicas committed.
const POLL: Duration = Duration::from_millis(300);
/// Changes of a message, at most.
const CHANGES: i64 = 1_000;

/// What a stream needs.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Where changes are kept.
    pub profile: Profile,
    /// How long changes of membership are kept.
    pub keep: TimeDelta,
    /// Ends the streams.
    pub shutdown: CancellationToken,
}

/// Where a stream stands: the number of the last change that was told, and when it was told, in
/// microseconds.
type Cursor = (i64, i64);

/// What a stream reads.
trait Source: Send + Sync + 'static {
    type What: Send;

    /// What was kept after the number `after`.
    fn read(
        &self,
        profile: &Profile,
        tenant: &TenantId,
        after: i64,
    ) -> impl Future<Output = Result<Vec<Kept<Self::What>>>> + Send;
}

/// Changes of one segment, or of all if its id is empty.
struct Members {
    segment: String,
}

/// Steps of all accounts.
struct Steps;

impl Source for Members {
    type What = Change;

    async fn read(&self, profile: &Profile, tenant: &TenantId, after: i64) -> Result<Vec<Kept<Change>>> {
        let mut conn = profile.db.read().await?;
        Ok(members::changes_after(&mut conn, tenant, &self.segment, after, CHANGES).await?)
    }
}

impl Source for Steps {
    type What = Transition;

    async fn read(&self, profile: &Profile, tenant: &TenantId, after: i64) -> Result<Vec<Kept<Transition>>> {
        let mut conn = profile.db.read().await?;
        Ok(members::steps_after(&mut conn, tenant, after, CHANGES).await?)
    }
}

impl Watch {
    /// Changes of the segment, or of all if `segment` is empty.
    ///
    /// # Errors
    /// `PAGE_TOKEN_INVALID` if the cursor is of another stream or too old, or what the store says.
    pub async fn membership(
        &self,
        tenant: &TenantId,
        segment: &str,
        cursor: &str,
    ) -> Result<impl Stream<Item = Result<WatchMembershipResponse>> + Send + use<>> {
        let page = page::page(0, cursor, &["watch membership", tenant.as_str(), segment])?;
        let after: Option<Cursor> = page.key()?;
        let oldest = to_micros(self.profile.clock.now() - self.keep);
        if after.is_some_and(|(_, time)| time < oldest) {
            let what = format!(
                "the cursor is older than the {} days for which changes are kept; list the members and watch from now on",
                self.keep.num_days()
            );
            return Err(Error::new(Reason::PageTokenInvalid, what));
        }
        let source = Members { segment: segment_id(segment).to_owned() };
        let reading = self.reading(tenant, source, page, after, |(changes, _)| changes).await?;
        Ok(reading.stream().map_ok(|(kept, cursor)| {
            let changes = kept.iter().map(|kept| kept.what.message(kept.time)).collect();
            WatchMembershipResponse { changes, cursor }
        }))
    }

    /// Steps of all accounts.
    ///
    /// # Errors
    /// `PAGE_TOKEN_INVALID` if the cursor is of another stream, or what the store says.
    pub async fn journeys(
        &self,
        tenant: &TenantId,
        cursor: &str,
    ) -> Result<impl Stream<Item = Result<WatchJourneysResponse>> + Send + use<>> {
        let page = page::page(0, cursor, &["watch journeys", tenant.as_str()])?;
        let after = page.key()?;
        let reading = self.reading(tenant, Steps, page, after, |(_, steps)| steps).await?;
        Ok(reading.stream().map_ok(|(kept, cursor)| {
            let transitions = kept.iter().map(|kept| kept.what.message(kept.time)).collect();
            WatchJourneysResponse { transitions, cursor }
        }))
    }

    async fn reading<S: Source>(
        &self,
        tenant: &TenantId,
        source: S,
        page: Page,
        after: Option<Cursor>,
        last: impl FnOnce((i64, i64)) -> i64,
    ) -> Result<Reading<S>> {
        // listening begins before the first look, so that nothing is committed in between
        let signal = self.profile.db.signal(SIGNAL);
        let told = match after {
            Some((told, _)) => told,
            None => last(members::last(&mut self.profile.db.read().await?, tenant).await?),
        };
        Ok(Reading {
            watch: self.clone(),
            tenant: tenant.clone(),
            source,
            page,
            signal,
            told,
            is_first: true,
        })
    }
}

struct Reading<S> {
    watch: Watch,
    tenant: TenantId,
    source: S,
    page: Page,
    signal: Signal,
    told: i64,
    is_first: bool,
}

/// Some of what was kept, and the cursor after it.
type Told<S> = (Vec<Kept<<S as Source>::What>>, String);

impl<S: Source> Reading<S> {
    /// Everything that comes until the service ends.
    fn stream(self) -> impl Stream<Item = Result<Told<S>>> + Send {
        stream::try_unfold(self, |mut reading| async move {
            Ok(reading.next().await?.map(|told| (told, reading)))
        })
    }

    /// What comes next; none when the service ends. The first answer comes at once, so that the
    /// caller has a cursor.
    async fn next(&mut self) -> Result<Option<Told<S>>> {
        while !self.watch.shutdown.is_cancelled() {
            let kept = self.source.read(&self.watch.profile, &self.tenant, self.told).await?;
            if std::mem::take(&mut self.is_first) || !kept.is_empty() {
                self.told = kept.last().map_or(self.told, |last| last.seq);
                let cursor: Cursor = (self.told, self.watch.profile.clock.now_micros());
                return Ok(Some((kept, self.page.next_token(&cursor))));
            }
            tokio::select! {
                () = self.watch.shutdown.cancelled() => {}
                () = self.signal.wait(POLL) => {}
            }
        }
        Ok(None)
    }
}
