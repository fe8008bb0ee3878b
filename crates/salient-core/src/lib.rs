//! The words that every crate and service of Salient shares: the clock, ids and resource
//! names, the tenant, the closed set of errors, money, and the small languages of list
//! calls (page tokens, filters, field masks).
//!
//! Nothing here does I/O, and nothing here knows SQL, gRPC or a service: the crate is
//! database-agnostic because it never speaks to a database. What it fixes for the two
//! engines is only *how a value looks when it is stored*: a time is a count of microseconds
//! ([`clock::to_micros`]), an id is its bare UUID ([`AccountId::uuid`]), money is an integer
//! of minor units. `salient-store` takes it from there.
//!
//! # How to add an id
//! Add a line to the `id!` list in `ids.rs` with the collection of its resource name. If
//! the user chooses the id (like a stock code), add it to the `text_id!` list instead.
//!
//! # How to add an error reason
//! Add it to `ErrorReason` in `proto/salient/common/v1/errors.proto` first, then the same
//! name to the list in `error.rs`; a test in `salient-kit` compares the two.
//!
//! # How to list something in pages
//! ```
//! use salient_core::{filter, page};
//! # fn rows(_after: Option<(i64, u32)>, _limit: i64) -> Vec<(i64, u32)> { vec![(1, 1), (2, 2)] }
//! # fn main() -> salient_core::Result<()> {
//! const FIELDS: &[filter::Field] = &[filter::Field::text("territory")];
//! let (page_size, page_token, text) = (1, "", "territory = \"north\"");
//!
//! let wanted = filter::parse(text, FIELDS)?;
//! // Everything that decides which rows come belongs to the query; the token does not.
//! let page = page::page(page_size, page_token, &["accounts", "tenant-a", text])?;
//! let found = rows(page.key()?, page.limit()); // one row more than asked for
//! let (found, next_page_token) = page.cut(found, |row| *row);
//! assert_eq!((found.len(), next_page_token.is_empty()), (1, false));
//! # let _ = wanted;
//! # Ok(())
//! # }
//! ```

pub mod clock;
pub mod error;
pub mod filter;
pub mod ids;
pub mod mask;
pub mod money;
pub mod page;
pub mod tenant;

pub use clock::{Clock, ToMicros, from_micros, micros, to_micros};
pub use error::{Code, Error, Reason, Result, Severity, Violation};
pub use ids::{
    AccountId, BacktestId, ContactId, ErasureId, InteractionId, MergeId, ModelBacktestId, ModelId,
    OpportunityId, OrderId, OutcomeId, PersonExportId, PlanRunId, PolicyId, ProductId, ReactionId,
    RecommendationId, ResolutionRunId, ReviewId, ScoringRunId, SellerId, TransferId,
};
pub use mask::Mask;
pub use money::{Currency, Estimate, Money};
pub use page::Page;
pub use tenant::TenantId;
