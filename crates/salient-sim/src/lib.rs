//! The model company: a business-to-business supplier that never existed, with a history that can
//! be seen and a truth that cannot.
//!
//! A [`Company`] is made from a [`Config`]; equal configurations make equal companies on every
//! platform. It gives its [`Company::catalogue`], its [`Company::sellers`] and, one by one, its
//! [`Company::accounts`] with all that a real company's systems would know of them: orders,
//! returns, calls, visits, marketing, usage, complaints, signs of competitors, opportunities. A
//! million accounts stream through as easily as a thousand: each is drawn from substreams of its
//! own and then forgotten.
//!
//! Behind the records stands a [`Truth`]: the exact probability, on any day, that an account buys
//! a product within a horizon, and whether the account has silently left. [`react`] has sellers
//! who accept or dismiss recommendations and customers who respond to contacts, both following the
//! truth, so that learning can be measured. [`sources`] shows the same customers as three systems
//! know them, for identity resolution.
//!
//! ```
//! use salient_sim::{Company, Config};
//!
//! let company = Company::try_new(Config { accounts: 3, ..Config::default() })?;
//! for history in company.accounts() {
//!     let last = company.config().end_time();
//!     for line in history.orders.iter().flat_map(|order| &order.lines) {
//!         let again = company.truth(history.account.index, line.product, last, 30);
//!         assert!((0.0..=1.0).contains(&again));
//!     }
//! }
//! # Ok::<(), salient_sim::ConfigError>(())
//! ```
//!
//! # How to add …
//! - a kind of buyer: [`Archetype`];
//! - a kind of signal: a variant of [`InteractionKind`], drawn in `records.rs` from a substream of
//!   its own (a new `Domain` or part, so that nothing else changes);
//! - a cause of purchases: `life.rs` draws it and `truth.rs` accounts for it; the test
//!   `what_happens_agrees_with_the_truth` holds the two together.

mod archetype;
mod catalogue;
mod company;
mod days;
mod history;
mod latent;
mod life;
mod profile;
mod random;
pub mod react;
mod records;
pub mod sources;
mod truth;
mod words;

pub use archetype::Archetype;
pub use catalogue::{Product, ProductIndex};
pub use company::{Accounts, Company, Config, ConfigError};
pub use history::{
    Account, AccountHistory, Contact, Interaction, InteractionKind, Opportunity, OpportunityState, Order,
    OrderLine, OrderOrigin, Seller,
};
pub use truth::{Approach, LONGEST_HORIZON, Standing, Truth};
