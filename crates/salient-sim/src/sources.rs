//! The same customers as several systems know them: a CRM, a web shop and a support desk, each with
//! its own keys, its own way of writing, its own gaps and its own mistakes. Which records mean one
//! account is known.

use crate::company::Company;
use crate::history::AccountHistory;
use crate::random::{Domain, Stream};

/// An account as one system knows it. Empty fields are not known there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The system: `crm`, `shop` or `desk`.
    pub source: &'static str,
    /// Its key there.
    pub id: String,
    /// The truth: the account's number.
    pub account: u64,
    /// Name.
    pub name: String,
    /// Domain of its web site.
    pub domain: String,
    /// Telephone number, as it was typed.
    pub phone: String,
    /// Street and house number.
    pub street: String,
    /// Town.
    pub city: String,
    /// Postal code.
    pub postal_code: String,
    /// Country.
    pub country: String,
}

/// How a system keeps its records.
struct Habit {
    source: &'static str,
    /// Share of accounts it knows.
    knows: f64,
    /// Share of fields, beside the name, that it has.
    fills: f64,
    /// Share of names and streets with a typing error.
    errs: f64,
    /// Whether it writes names in capitals.
    shouts: bool,
    /// Share of names without the legal form.
    drops_form: f64,
}

const HABITS: [Habit; 3] = [
    Habit { source: "crm", knows: 1.0, fills: 0.95, errs: 0.02, shouts: false, drops_form: 0.1 },
    Habit { source: "shop", knows: 0.7, fills: 0.85, errs: 0.08, shouts: true, drops_form: 0.5 },
    Habit { source: "desk", knows: 0.5, fills: 0.75, errs: 0.12, shouts: false, drops_form: 0.7 },
];

const STREETS: [&str; 12] = [
    "Mill Lane",
    "Station Road",
    "Harbour Street",
    "Church Street",
    "Victoria Road",
    "Park Avenue",
    "Foundry Street",
    "Canal Side",
    "Market Place",
    "Bridge Street",
    "Quarry Road",
    "Orchard Close",
];
const CITIES: [&str; 10] =
    ["Leeds", "York", "Hull", "Bath", "Derby", "Luton", "Exeter", "Durham", "Ripon", "Truro"];

/// What an account really is, before anybody writes it down.
struct Truth {
    stem: String,
    form: String,
    domain: String,
    phone: u32,
    house: u32,
    street: &'static str,
    city: &'static str,
    postal_code: String,
    country: &'static str,
}

/// Every account of a company as each system knows it, by account.
pub fn sightings(company: &Company) -> impl Iterator<Item = Sighting> + '_ {
    let seed = company.config().seed;
    company.accounts().flat_map(move |history| {
        let truth = truth(seed, &history);
        let number = history.account.index;
        let seen = HABITS.iter().enumerate().filter_map(move |(place, habit)| {
            let mut stream = Stream::new(seed, Domain::Sighting, number, place as u64 + 1);
            stream.chance(habit.knows).then(|| sighting(habit, &mut stream, number, &truth))
        });
        seen.collect::<Vec<_>>()
    })
}

fn truth(seed: u64, history: &AccountHistory) -> Truth {
    let mut stream = Stream::new(seed, Domain::Sighting, history.account.index, 0);
    let (stem, form) = history.account.name.rsplit_once(' ').unwrap_or((&history.account.name, ""));
    let host: String = stem.chars().filter(char::is_ascii_alphanumeric).collect();
    let street = *stream.pick(&STREETS);
    let city = *stream.pick(&CITIES);
    Truth {
        domain: format!("{}{}.example", host.to_ascii_lowercase(), history.account.index + 1),
        stem: stem.to_owned(),
        form: form.to_owned(),
        // a block that regulators keep for films and books, one number for each account
        phone: 7_946_000 + (history.account.index % 1_000_000) as u32,
        house: 1 + stream.below(180),
        street,
        city,
        postal_code: format!(
            "{}{} {}AB",
            &city[..2].to_ascii_uppercase(),
            1 + stream.below(30),
            stream.below(10)
        ),
        country: history.account.country,
    }
}

fn sighting(habit: &Habit, stream: &mut Stream, number: u64, truth: &Truth) -> Sighting {
    let mut name = truth.stem.clone();
    if !stream.chance(habit.drops_form) {
        name = format!("{name} {}", truth.form);
    }
    if stream.chance(habit.errs) {
        name = mistyped(stream, &name);
    }
    if habit.shouts {
        name = name.to_uppercase();
    }
    let mut street = format!("{} {}", truth.house, truth.street);
    if stream.chance(habit.errs) {
        street = mistyped(stream, &street);
    }
    let phone = match stream.below(3) {
        0 => format!("+44 20 {:08}", truth.phone),
        1 => format!("0044 20 {:04} {:04}", truth.phone / 10_000, truth.phone % 10_000),
        _ => format!("+44 (0)20-{:08}", truth.phone),
    };
    let mut field = |value: String| if stream.chance(habit.fills) { value } else { String::new() };
    Sighting {
        source: habit.source,
        id: format!("{}-{:06}", habit.source, (number * 7_919 + 17) % 1_000_003),
        account: number,
        name,
        domain: field(truth.domain.clone()),
        phone: field(phone),
        street: field(street),
        city: field(truth.city.to_owned()),
        postal_code: field(truth.postal_code.clone()),
        country: truth.country.to_owned(),
    }
}

/// The text with two neighbouring letters exchanged, or one left out.
fn mistyped(stream: &mut Stream, text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    if letters.len() < 4 {
        return text.to_owned();
    }
    let place = 1 + stream.below(letters.len() as u32 - 2) as usize;
    if stream.chance(0.5) {
        letters.swap(place, place + 1);
    } else {
        letters.remove(place);
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::*;
    use crate::company::Config;

    #[test]
    fn each_system_writes_in_its_own_way_and_the_truth_is_known() {
        let config = Config { accounts: 400, ..Config::default() };
        let company = Company::try_new(config).unwrap();
        let seen: Vec<Sighting> = sightings(&company).collect();
        assert_eq!(seen, sightings(&company).collect::<Vec<_>>());
        let mut by_source: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        for sighting in &seen {
            // keys are unique within a system
            assert!(by_source.entry(sighting.source).or_default().insert(&sighting.id));
        }
        assert_eq!(by_source["crm"].len(), 400);
        assert!((240..320).contains(&by_source["shop"].len()), "{}", by_source["shop"].len());
        assert!((160..240).contains(&by_source["desk"].len()), "{}", by_source["desk"].len());
        let crm: HashMap<u64, &Sighting> =
            seen.iter().filter(|one| one.source == "crm").map(|one| (one.account, one)).collect();
        let others = seen.iter().filter(|one| one.source != "crm");
        let equal = others.clone().filter(|one| one.name == crm[&one.account].name).count();
        assert!(equal * 2 < others.count(), "{equal}");
    }
}
