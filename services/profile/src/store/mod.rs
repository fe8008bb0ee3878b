//! The service's own tables: one per kind of record. The texts are the same on both engines; what
//! is done to a batch is one statement.

pub mod as_of;
pub mod changes;
pub mod consents;
pub mod dirty;
pub mod erasures;
pub mod exports;
pub mod facts;
pub mod hierarchy;
pub mod identity;
pub mod matches;
pub mod members;
pub mod merges;
pub mod persons;
pub mod records;
pub mod search;
pub mod segments;
pub mod settings;
pub mod sources;
mod tables;
pub mod timeline;
pub mod transfers;
pub mod usage;

use salient_core::TenantId;
use salient_store::{Connection as _, Engine, Migration, Migrations, Result, Tx, sql};

pub use tables::Stored;

const STEPS: &[Migration] = &[
    Migration::new(1, "records", include_str!("../../migrations/0001_records.sql")),
    Migration::new(2, "keys", include_str!("../../migrations/0002_keys.sql")),
    Migration::new(3, "identity", include_str!("../../migrations/0003_identity.sql")),
    Migration::new(4, "matching", include_str!("../../migrations/0004_matching.sql")),
    Migration::new(6, "segments", include_str!("../../migrations/0006_segments.sql")),
    Migration::new(7, "privacy", include_str!("../../migrations/0007_privacy.sql")),
    Migration::new(8, "hierarchy", include_str!("../../migrations/0008_hierarchy.sql")),
    Migration::new(9, "transfers", include_str!("../../migrations/0009_transfers.sql")),
    Migration::new(10, "signals", include_str!("../../migrations/0010_signals.sql")),
    Migration::new(13, "search", include_str!("../../migrations/0013_search.sql")),
    Migration::new(14, "by_whom", include_str!("../../migrations/0014_by_whom.sql")),
];

/// Everything that the service's database must have been through.
pub fn migrations() -> Migrations {
    Migrations::common().with(salient_events::migrations()).with(Migrations::new("profile", STEPS))
}

/// Waits until no other transaction writes records of the tenant.
///
/// Writes of one tenant take turns: what a batch found under its keys is then still true when it
/// writes, and the events of an account are in the order of its changes. A batch is large and its
/// transaction short, so turns cost little. SQLite has one writer anyway.
///
/// # Errors
/// What the store says.
pub async fn take_turn_in_tx(tx: &mut Tx, tenant: &TenantId) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        sql("select pg_advisory_xact_lock(hashtextextended('profile.records.' || $1, 0))")
            .bind(tenant)
            .execute(tx)
            .await?;
    }
    Ok(())
}
