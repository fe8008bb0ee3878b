//! Names, addresses and people.

use crate::company::Config;
use crate::days::date_of;
use crate::history::{Account, Contact, Seller};
use crate::latent::Latent;
use crate::random::{Domain, Stream};
use crate::words::{
    COMPANY_FIRST, COMPANY_SECOND, FIRST_NAMES, INDUSTRY_SUFFIX, LAST_NAMES, LEGAL_FORMS, PLACES, TITLES,
};

pub(crate) fn seller(config: &Config, index: u32) -> Seller {
    let mut stream = Stream::new(config.seed, Domain::Seller, u64::from(index), 0);
    Seller {
        index,
        id: format!("s{:02}", index + 1),
        name: format!("{} {}", stream.pick(&FIRST_NAMES), stream.pick(&LAST_NAMES)),
        territories: vec![territory(index * 2), territory(index * 2 + 1)],
        capacity: 10,
    }
}

fn territory(number: u32) -> String {
    format!("t{:02}", number + 1)
}

pub(crate) fn account(config: &Config, latent: &Latent, index: u64) -> (Account, Vec<Contact>) {
    let mut stream = Stream::new(config.seed, Domain::Profile, index, 0);
    let (country, time_zone, _) = PLACES[latent.place];
    let stem = format!("{}{}", stream.pick(&COMPANY_FIRST), stream.pick(&COMPANY_SECOND));
    let suffix = stream.pick(&INDUSTRY_SUFFIX);
    let form = LEGAL_FORMS[latent.place];
    let account = Account {
        index,
        id: format!("A{:07}", index + 1),
        name: format!("{stem} {suffix} {form}"),
        territory: territory(latent.territory),
        seller: latent.territory / 2,
        country,
        time_zone,
        industry: latent.industry,
        employees: latent.employees,
        joined: date_of(latent.joined),
    };
    let host = stem.to_ascii_lowercase();
    let contacts = (0..latent.people)
        .map(|number| {
            let (first, last) = (stream.pick(&FIRST_NAMES), stream.pick(&LAST_NAMES));
            let line = stream.below(1_000);
            Contact {
                number,
                name: format!("{first} {last}"),
                // `.example` never resolves, and the account's number keeps addresses apart
                email: format!("{first}.{last}{number}@{host}{}.example", index + 1).to_ascii_lowercase(),
                // a block that regulators keep for films and books
                phone: format!("+442079460{line:03}"),
                title: TITLES[stream.below(TITLES.len() as u32) as usize],
            }
        })
        .collect();
    (account, contacts)
}
