//! What to do in a region, by how far it is penetrated.

use serde::{Deserialize, Serialize};

/// Bounds of the mix of actions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MixConfig {
    /// At this penetration and below, acquiring has its largest share. 0..1. Default 0.2.
    pub low: f64,
    /// At this penetration and above, retaining has its largest share. Above `low`, at most 1.
    /// Default 0.8.
    pub high: f64,
    /// Smallest share of each action, 0..=1/3: nothing is ever dropped. Default 0.1.
    pub least: f64,
}

impl Default for MixConfig {
    fn default() -> Self {
        Self { low: 0.2, high: 0.8, least: 0.1 }
    }
}

/// Shares of the effort; each within 0..1, together 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ActionMix {
    /// Winning accounts that do not buy.
    pub acquire: f64,
    /// Selling more to those that do.
    pub grow: f64,
    /// Keeping what there is.
    pub retain: f64,
}

/// The mix that follows from a penetration (held within 0..=1; what is not a number counts as 0).
///
/// With `t` the position between `low` and `high`: (1−t)² to acquire, 2t(1−t) to grow and t² to
/// retain, the chances that of two wallets drawn none, one or both are ours; then each is lifted
/// to at least `least`. Acquiring never grows with penetration, retaining never shrinks.
#[must_use]
pub fn action_mix(penetration: f64, config: &MixConfig) -> ActionMix {
    let span = (config.high - config.low).max(f64::MIN_POSITIVE);
    let penetration = if penetration.is_nan() { 0.0 } else { penetration };
    let t = ((penetration - config.low) / span).clamp(0.0, 1.0);
    let least = config.least.clamp(0.0, 1.0 / 3.0);
    let share = |s: f64| least + (1.0 - 3.0 * least) * s;
    ActionMix {
        acquire: share((1.0 - t) * (1.0 - t)),
        grow: share(2.0 * t * (1.0 - t)),
        retain: share(t * t),
    }
}
