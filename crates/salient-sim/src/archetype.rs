//! Kinds of buyers. To add one: a variant, its row in [`Archetype::traits`], and its weight in
//! `WEIGHTS`; affinities to products are drawn for every archetype when a company is made.

/// What kind of buyer an account is. Hidden from the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Archetype {
    /// Keeps a stock and refills it like clockwork, once a week.
    SteadyStocker,
    /// Orders little and often, almost every day.
    JustInTime,
    /// Buys when a project needs it; open to offers.
    ProjectBuyer,
    /// Follows the season; orders every two weeks.
    SeasonalTrader,
    /// Likes new products.
    NoveltySeeker,
    /// Compares prices; irregular, easily lost to a competitor.
    PriceHunter,
}

impl Archetype {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::SteadyStocker,
        Self::JustInTime,
        Self::ProjectBuyer,
        Self::SeasonalTrader,
        Self::NoveltySeeker,
        Self::PriceHunter,
    ];
}

/// Share of accounts per archetype, in the order of [`Archetype::ALL`].
pub(crate) const WEIGHTS: [f64; 6] = [30.0, 18.0, 16.0, 14.0, 10.0, 12.0];

/// Industries, visible; they correlate with the archetype but do not give it away.
pub(crate) const INDUSTRIES: [&str; 7] = [
    "Machine building",
    "Construction",
    "Facility services",
    "Logistics",
    "Food production",
    "Automotive repair",
    "Furniture",
];

/// What an archetype is like.
pub(crate) struct Traits {
    /// Shape of the gamma gaps: 1 is without memory, 10 is like clockwork.
    pub(crate) shape: f64,
    /// Business days between ordering days: low and high.
    pub(crate) cadence: (i32, i32),
    /// Factor on how long a purchase lasts.
    pub(crate) lasts: f64,
    /// Products of the bundles that the account has from the start, as a share.
    pub(crate) owned: f64,
    /// Factor on how often new products are considered.
    pub(crate) curiosity: f64,
    /// Probability that a consideration ends in a purchase.
    pub(crate) decides_for: f64,
    /// Probability that a conversation about a product leads to an order of it.
    pub(crate) responsive: f64,
    /// Chance of leaving within a year, without issues and competitors.
    pub(crate) leaves: f64,
    /// Signs of competitors a year.
    pub(crate) signals: f64,
    /// Weights of the industries.
    pub(crate) industries: [f64; 7],
}

impl Archetype {
    pub(crate) fn traits(self) -> Traits {
        match self {
            Self::SteadyStocker => Traits {
                shape: 9.0,
                cadence: (4, 5),
                lasts: 1.0,
                owned: 0.65,
                curiosity: 0.7,
                decides_for: 0.55,
                responsive: 0.10,
                leaves: 0.06,
                signals: 0.4,
                industries: [6.0, 1.0, 2.0, 3.0, 4.0, 1.0, 1.0],
            },
            Self::JustInTime => Traits {
                shape: 5.0,
                cadence: (1, 2),
                lasts: 0.7,
                owned: 0.60,
                curiosity: 0.8,
                decides_for: 0.50,
                responsive: 0.12,
                leaves: 0.08,
                signals: 0.6,
                industries: [3.0, 1.0, 1.0, 2.0, 2.0, 5.0, 1.0],
            },
            Self::ProjectBuyer => Traits {
                shape: 1.3,
                cadence: (2, 4),
                lasts: 1.5,
                owned: 0.45,
                curiosity: 1.3,
                decides_for: 0.45,
                responsive: 0.24,
                leaves: 0.12,
                signals: 0.8,
                industries: [1.0, 8.0, 2.0, 1.0, 0.5, 0.5, 3.0],
            },
            Self::SeasonalTrader => Traits {
                shape: 6.0,
                cadence: (8, 10),
                lasts: 1.2,
                owned: 0.55,
                curiosity: 0.9,
                decides_for: 0.50,
                responsive: 0.15,
                leaves: 0.10,
                signals: 0.6,
                industries: [0.5, 2.0, 1.0, 3.0, 5.0, 1.0, 4.0],
            },
            Self::NoveltySeeker => Traits {
                shape: 2.5,
                cadence: (3, 5),
                lasts: 1.1,
                owned: 0.40,
                curiosity: 2.6,
                decides_for: 0.60,
                responsive: 0.30,
                leaves: 0.09,
                signals: 0.9,
                industries: [3.0, 1.0, 4.0, 1.0, 1.0, 2.0, 2.0],
            },
            Self::PriceHunter => Traits {
                shape: 1.0,
                cadence: (3, 8),
                lasts: 1.4,
                owned: 0.45,
                curiosity: 1.0,
                decides_for: 0.30,
                responsive: 0.08,
                leaves: 0.22,
                signals: 2.2,
                industries: [1.0, 2.0, 3.0, 4.0, 2.0, 2.0, 1.0],
            },
        }
    }
}
