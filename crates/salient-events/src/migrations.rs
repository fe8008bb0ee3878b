//! The tables of this crate.

use salient_store::{Migration, Migrations};

static STEPS: &[Migration] = &[
    Migration::new(1, "events", include_str!("../migrations/1_events.sql")),
    Migration::new(2, "erased_ids", include_str!("../migrations/2_erased_ids.sql")),
];

/// What a service that publishes or consumes events needs in its database, to be put before its
/// own migrations.
#[must_use]
pub fn migrations() -> Migrations {
    Migrations::new("events", STEPS)
}
