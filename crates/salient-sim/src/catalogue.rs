//! The catalogue, the bundles that sell together, and demand over the year.

use crate::archetype::Archetype;
use crate::days::{Day, NEVER, is_business};
use crate::random::{Domain, Stream};
use crate::words::{CATEGORIES, VARIANTS};

/// Position of a product in [`crate::Company::catalogue`].
pub type ProductIndex = u32;

/// Something the company sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Position in the catalogue.
    pub index: ProductIndex,
    /// Code, for example "P0042"; unique.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// Category.
    pub category: &'static str,
    /// List price of one piece in minor units.
    pub price_minor: i64,
    pub(crate) category_index: usize,
}

/// What is the same for every account.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) products: Vec<Product>,
    /// Factor per product on how long a purchase lasts.
    pub(crate) lasts: Vec<f64>,
    /// Products that sell together.
    pub(crate) bundles: Vec<Vec<ProductIndex>>,
    /// Weight of each bundle for each archetype.
    pub(crate) affinity: Vec<Vec<f64>>,
    first: Day,
    /// Per category, demand summed up before each day from `first`.
    demand: Vec<Vec<f64>>,
}

/// Products of a bundle.
const BUNDLE: usize = 9;

impl Market {
    /// Makes the market for days `first..last`.
    pub(crate) fn new(seed: u64, products: u32, first: Day, last: Day) -> Self {
        let mut stream = Stream::new(seed, Domain::Company, 0, 0);
        let mut lasts = Vec::with_capacity(products as usize);
        let products: Vec<Product> = (0..products)
            .map(|index| {
                lasts.push(stream.lognormal(1.0, 0.3));
                product(index, &mut stream)
            })
            .collect();
        let count = (products.len() * 24 / 160).max(4);
        let bundles = (0..count).map(|number| bundle(number, &products, &mut stream)).collect();
        let affinity = Archetype::ALL
            .iter()
            // a shape well below 1 gives each archetype a few favourites
            .map(|_| (0..count).map(|_| 0.02 + stream.gamma_mean_one(0.35)).collect())
            .collect();
        let demand = CATEGORIES.iter().map(|c| demand(c.swing, c.peak, first, last)).collect();
        Self { products, lasts, bundles, affinity, first, demand }
    }

    /// Demand of a category between the starts of two days, in average days.
    pub(crate) fn demand_between(&self, category: usize, from: Day, to: Day) -> f64 {
        self.demand_before(category, to) - self.demand_before(category, from)
    }

    fn demand_before(&self, category: usize, day: Day) -> f64 {
        let table = &self.demand[category];
        let position = (day - self.first).clamp(0, table.len() as i32 - 1);
        table[position as usize]
    }

    /// The first day after `from` at whose start `amount` of demand has passed; `NEVER` beyond
    /// the days of the market.
    pub(crate) fn day_when(&self, category: usize, from: Day, amount: f64) -> Day {
        let table = &self.demand[category];
        let start = (from - self.first).clamp(0, table.len() as i32 - 1) as usize;
        let goal = table[start] + amount;
        // demand runs at about 1 a day, so the answer is near `amount` days ahead
        let (mut low, mut high) = (0, table.len() - start);
        let near = amount.min(1e6) as usize;
        for bound in [near / 2, near.saturating_sub(3), near + near / 2 + 4, near * 3] {
            match table.get(start + bound) {
                Some(passed) if *passed < goal => low = low.max(bound),
                Some(_) => high = high.min(bound + 1),
                None => {}
            }
        }
        let ahead = low + table[start + low..start + high].partition_point(|passed| *passed < goal);
        if start + ahead >= table.len() { NEVER } else { from + (ahead as i32).max(1) }
    }
}

fn product(index: ProductIndex, stream: &mut Stream) -> Product {
    let category_index = index as usize % CATEGORIES.len();
    let category = &CATEGORIES[category_index];
    let within = index as usize / CATEGORIES.len();
    let noun = category.nouns[within % category.nouns.len()];
    let series = within / category.nouns.len();
    let variant = VARIANTS[series % VARIANTS.len()];
    let name = match series / VARIANTS.len() {
        0 => format!("{noun}, {variant}"),
        again => format!("{noun}, {variant}, series {}", again + 1),
    };
    Product {
        index,
        code: format!("P{:04}", index + 1),
        name,
        category: category.name,
        price_minor: (stream.lognormal(category.price, 0.6) as i64).max(50),
        category_index,
    }
}

/// Mostly of one category, with something from others.
fn bundle(number: usize, products: &[Product], stream: &mut Stream) -> Vec<ProductIndex> {
    let home = number % CATEGORIES.len();
    let weights: Vec<f64> =
        products.iter().map(|product| if product.category_index == home { 12.0 } else { 1.0 }).collect();
    let mut chosen: Vec<ProductIndex> = Vec::with_capacity(BUNDLE);
    // a bounded number of draws: a tiny catalogue has fewer products than a bundle
    for _ in 0..BUNDLE * 4 {
        let product = stream.weighted(&weights) as ProductIndex;
        if !chosen.contains(&product) && chosen.len() < BUNDLE {
            chosen.push(product);
        }
    }
    chosen
}

/// Summed demand before each day: a yearly wave, weaker at weekends, growing 4 % a year.
fn demand(swing: f64, peak: f64, first: Day, last: Day) -> Vec<f64> {
    let mut sum = 0.0;
    let mut table = Vec::with_capacity((last - first) as usize + 1);
    for day in first..=last {
        table.push(sum);
        let year = f64::from(day) / 365.25;
        let wave = libm::cos(2.0 * std::f64::consts::PI * (year - (peak + 0.5) / 12.0));
        let week = if is_business(day) { 1.24 } else { 0.4 };
        let growth = 1.0 + 0.04 * f64::from(day - first) / 365.25;
        sum += (1.0 + swing * wave) * week * growth;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_unique() {
        let market = Market::new(1, 700, 20_000, 20_100);
        let mut codes: Vec<_> = market.products.iter().map(|p| &p.code).collect();
        let mut names: Vec<_> = market.products.iter().map(|p| &p.name).collect();
        codes.sort_unstable();
        codes.dedup();
        names.sort_unstable();
        names.dedup();
        assert_eq!((codes.len(), names.len()), (700, 700));
        assert!(market.products.iter().all(|p| p.price_minor > 0));
    }

    #[test]
    fn demand_and_its_inverse_agree() {
        let market = Market::new(1, 160, 20_000, 21_000);
        for (category, amount) in [(0, 0.0001), (3, 5.0), (5, 40.0), (6, 400.0), (1, 0.99), (6, 2.5)] {
            let day = market.day_when(category, 20_100, amount);
            assert!(market.demand_between(category, 20_100, day) >= amount);
            assert!(day == 20_101 || market.demand_between(category, 20_100, day - 1) < amount);
        }
        assert_eq!(market.day_when(0, 20_100, 5_000.0), NEVER);
        let year = market.demand_between(2, 20_000, 20_365);
        assert!((year / 365.0 - 1.0).abs() < 0.05, "{year}");
    }
}
