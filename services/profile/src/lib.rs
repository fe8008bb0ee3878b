//! The profile service: one place for everything known about customers.
//!
//! It takes accounts, contacts, orders, interactions and opportunities in, gives them out, and
//! tells the other services what changed.
//!
//! # Rooms
//! | room | what |
//! |---|---|
//! | [`domain`] | what a record may be, and what a batch does to the records that exist; pure |
//! | [`upsert`], [`ingest`] | writing; each owns its transaction |
//! | [`identity`], [`merging`] | which records are one customer; merging them, and taking it back |
//! | [`hierarchy`] | groups of accounts: parents and subsidiaries |
//! | [`matching`] | finding them: on arrival, all anew, by asking a person |
//! | [`read`], [`timeline`], [`customer`] | reading: records, what happened, everything about a customer in one call |
//! | [`segments`], [`journeys`], [`watch`] | segments of accounts and stages of their journey: defining, reading, watching |
//! | [`telemetry`] | readings of machines and products in, days of usage out |
//! | [`search`], [`indexing`] | finding profiles; the worker that keeps the index |
//! | [`transfers`], [`export`] | whole files of records, in and out |
//! | [`evaluation`] | the worker that finds who is in which segment and stage |
//! | [`store`] | SQL |
//! | [`events`] | changed records as events |
//! | [`grpc`] | the handlers, and the messages of the contract |
//! | [`app`], [`config`], [`profile`] | composition |
//! | [`privacy`] | consent, export, erasure, retention; each file owns its transactions |
//! | [`housekeeping`] | forgetting what was kept for a while only |
//!
//! # The way of a record
//! ```text
//! request ─► accept (rules of the whole request)
//!         ─► Batch::prepare (rules of each record; no database)       while the last one commits
//!         ─► transaction: turn of the tenant ─► request_id seen before? its first answer
//!            ─► accounts that the records name ─► what is stored under their keys
//!            ─► Batch::compare ─► stored records that may change ─► Batch::apply
//!            ─► keys, records, events (outbox), answer ─► commit
//! relay   ─► bus
//! ```
//! A batch costs the same few statements whether it has one record or a thousand.
//!
//! # What to rely on
//! - A write is idempotent twice over. A `request_id` that was seen before gets its first answer;
//!   with another body it is refused. A record that equals the stored one changes nothing and
//!   publishes nothing; this is found by a hash of its content, without reading it.
//! - A record that breaks a rule is refused by itself, with position, field, reason and what would
//!   be accepted; the others stand. A partial update is judged by what it would make of the stored
//!   record, not by the fields that it leaves out.
//! - Without an update mask the fields that are set in a record are changed; `*` changes all.
//!   Ingestion has no mask. A map is one field.
//! - A record names its account by name or by key, and always shows the name. Within a message of
//!   an ingestion stream accounts come first.
//! - A record that is stored is a record that others heard of: state, events and answer share one
//!   commit. The events of an account are in the order of its changes.
//! - Of what a person agreed to, the latest by its own time holds, at the same time the withdrawal; what
//!   arrives late is history and changes nothing. A grant from the future is refused, and one given at or
//!   before the last withdrawal. Consents stay with the record for which they were given, and are looked
//!   at by profile, so that they follow a merge and return on its undo.
//! - A person who was erased is refused by every key of theirs (`PERSON_ERASED`), with interactions that
//!   name it, until a grant is recorded that was given after the erasure. Of a key a salted hash is kept.
//! - An erasure is complete when every service of `privacy.services` has confirmed it and everything
//!   that was published before has left outboxes and streams. Entries of a timeline stay, without the
//!   person and without their text. No log line speaks of a person.
//! - A record names the account above it by key, and it may come later: links are found when they are
//!   read, between profiles as they are merged then. No account comes to stand above itself: the
//!   record, the merge or the person's word that would close the circle is refused, with the chain.
//!   What a record says counts also where another record was chosen, unless a person said it.
//! - Lists are in the order of first storage, which is the order of ids. A timeline is newest
//!   first and shows nothing later than the service's clock; an opportunity that closes later is
//!   shown open.
//! - Who is in a segment and in which stage follows the records within about a second, and the
//!   calendar by whole days, UTC; see [`evaluation`].
//! - A profile is found by what its records say now; a new value is found within about a second.
//! - Readings are counted once for each `request_id` that brings them, and make the same days in any
//!   order.
//! - The answer to a stream names at most 5,000 refused records of each kind; the answers to its
//!   batches, which sending a batch again gives once more, name all.
//!
//! # How to add a field to a record
//! Add it to the message in `proto/salient/profile/v1/resources.proto` with its rules, and to the
//! list of fields in `domain/<kind>.rs`. It is stored, published and answered then. To filter by
//! it, add a column in `migrations/`, and the column and the field in `store/tables.rs`.
//!
//! # How to add a kind of record
//! Begin at [`domain::Record`], whose documentation names the places.
//!
//! # Configuration
//! [`Config`] shows every key with its default; `salient-profile --print-config` prints what is in
//! force. A file for production:
//! ```toml
//! [server]
//! listen = "0.0.0.0:7401"
//! admin = "0.0.0.0:7411"
//! [store]
//! url = "postgres://salient:…@postgres/profile"
//! [bus]
//! url = "redis://redis:6379"
//! groups = ["scoring", "recommendation", "feedback"]
//! [privacy]
//! services = ["feedback", "recommendation", "scoring"]
//! [[auth.keys]]
//! kid = "a"
//! algorithm = "EdDSA"
//! public_key_file = "/etc/salient/token.pem"
//! ```

pub mod app;
pub mod config;
pub mod customer;
pub mod domain;
pub mod evaluation;
pub mod events;
pub mod export;
pub mod grpc;
pub mod hierarchy;
pub mod housekeeping;
pub mod identity;
pub mod indexing;
pub mod ingest;
pub mod journeys;
pub mod matching;
pub mod merging;
mod pace;
pub mod privacy;
pub mod profile;
pub mod read;
pub mod search;
pub mod segments;
pub mod store;
pub mod telemetry;
pub mod timeline;
pub mod transfers;
pub mod upsert;
pub mod watch;

pub use app::{App, build};
pub use config::Config;
pub use profile::Profile;
pub use salient_events::Parts;
