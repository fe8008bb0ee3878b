//! What every verb works with.

use salient_core::Clock;
use salient_store::Db;

/// What the verbs work with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The service's own database.
    pub db: Db,
    /// What time it is.
    pub clock: Clock,
}
