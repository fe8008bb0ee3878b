//! SQL. Private row types that convert, fallibly, into what the domain speaks of.

pub mod catalogue;
pub mod history;
pub mod people;
pub mod plans;
pub mod policies;
pub mod projection;
pub mod recommendations;
pub mod suppressions;

use salient_store::{Migration, Migrations};

const STEPS: &[Migration] = &[
    Migration::new(1, "start", include_str!("../../migrations/0001_start.sql")),
    Migration::new(2, "plan_items", include_str!("../../migrations/0002_plan_items.sql")),
    Migration::new(3, "privacy", include_str!("../../migrations/0003_privacy.sql")),
];

/// What this service's database needs: the crates' tables, then its own.
#[must_use]
pub fn migrations() -> Migrations {
    Migrations::common()
        .with(salient_events::migrations())
        .with(salient_ledger::migrations())
        .with(Migrations::new("recommendation", STEPS))
}
