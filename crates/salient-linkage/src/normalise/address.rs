//! Postal addresses, piece by piece.

use super::{squash, words};

/// Abbreviations of street words and what they stand for.
const STREET_WORDS: &[(&str, &str)] = &[
    ("st", "street"),
    ("str", "strasse"),
    ("rd", "road"),
    ("ave", "avenue"),
    ("av", "avenue"),
    ("blvd", "boulevard"),
    ("bd", "boulevard"),
    ("dr", "drive"),
    ("ln", "lane"),
    ("ct", "court"),
    ("crt", "court"),
    ("pl", "place"),
    ("sq", "square"),
    ("cres", "crescent"),
    ("cr", "crescent"),
    ("cct", "circuit"),
    ("hwy", "highway"),
    ("pkwy", "parkway"),
    ("pde", "parade"),
    ("tce", "terrace"),
    ("ter", "terrace"),
    ("cl", "close"),
    ("gr", "grove"),
    ("apt", "apartment"),
    ("ste", "suite"),
    ("fl", "floor"),
    ("bldg", "building"),
    ("n", "north"),
    ("s", "south"),
    ("e", "east"),
    ("w", "west"),
    ("pza", "plaza"),
    ("ul", "ulica"),
    ("c", "calle"),
    ("avda", "avenida"),
    ("mt", "mount"),
];

/// Names of countries, in their own language and in English, and their ISO 3166 alpha-2 code.
const COUNTRIES: &[(&str, &[&str])] = &[
    ("at", &["austria", "osterreich", "aut"]),
    ("au", &["australia", "aus"]),
    ("be", &["belgium", "belgique", "belgie", "bel"]),
    ("br", &["brazil", "brasil", "bra"]),
    ("ca", &["canada", "can"]),
    ("ch", &["switzerland", "schweiz", "suisse", "svizzera", "che"]),
    ("cn", &["china", "peoples republic of china", "chn"]),
    ("cz", &["czech republic", "czechia", "cesko", "cze"]),
    ("de", &["germany", "deutschland", "federal republic of germany", "deu", "ger"]),
    ("dk", &["denmark", "danmark", "dnk"]),
    ("es", &["spain", "espana", "esp"]),
    ("fi", &["finland", "suomi", "fin"]),
    ("fr", &["france", "fra"]),
    (
        "gb",
        &["united kingdom", "uk", "great britain", "england", "scotland", "wales", "northern ireland", "gbr"],
    ),
    ("gr", &["greece", "hellas", "grc"]),
    ("hu", &["hungary", "magyarorszag", "hun"]),
    ("ie", &["ireland", "eire", "irl"]),
    ("in", &["india", "ind"]),
    ("it", &["italy", "italia", "ita"]),
    ("jp", &["japan", "jpn"]),
    ("kr", &["south korea", "korea", "republic of korea", "kor"]),
    ("lu", &["luxembourg", "luxemburg", "lux"]),
    ("mx", &["mexico", "mex"]),
    ("nl", &["netherlands", "the netherlands", "nederland", "holland", "nld"]),
    ("no", &["norway", "norge", "nor"]),
    ("nz", &["new zealand", "nzl"]),
    ("pl", &["poland", "polska", "pol"]),
    ("pt", &["portugal", "prt"]),
    ("ro", &["romania", "rou"]),
    ("ru", &["russia", "russian federation", "rossiya", "rus"]),
    ("se", &["sweden", "sverige", "swe"]),
    ("sg", &["singapore", "sgp"]),
    ("sk", &["slovakia", "slovensko", "svk"]),
    ("tr", &["turkey", "turkiye", "tur"]),
    ("ua", &["ukraine", "ukraina", "ukr"]),
    ("us", &["united states", "united states of america", "usa", "u s a", "u s"]),
    ("za", &["south africa", "zaf"]),
];

fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

/// House number and street of an address line, both folded, abbreviations written out:
/// `"12b Main St."` and `"Hauptstr. 12"` are (`12b`, `main street`) and (`12`, `hauptstrasse`).
#[must_use]
pub fn street(text: &str) -> (Option<String>, Option<String>) {
    let mut words = words(text);
    let number = if words.first().is_some_and(|w| is_number(w)) {
        Some(words.remove(0))
    } else {
        let last = words.iter().rposition(|w| is_number(w)).filter(|&at| at > 0);
        last.map(|at| words.split_off(at).concat())
    };
    for (at, word) in words.iter_mut().enumerate() {
        // "St James" at the start is a saint, at the end a street.
        if at > 0
            && let Some((_, long)) = STREET_WORDS.iter().find(|(short, _)| short == word)
        {
            *word = (*long).to_owned();
        } else if word.len() > 4 && word.ends_with("str") {
            word.push_str("asse");
        }
    }
    (number, Some(words.join(" ")).filter(|street| !street.is_empty()))
}

/// Letters and digits of a postal code, folded; of an American nine-digit code the first five.
#[must_use]
pub fn postal_code(text: &str) -> Option<String> {
    let code = squash(text).replace(' ', "");
    let zip_plus_four = code.len() == 9 && text.contains('-') && code.bytes().all(|b| b.is_ascii_digit());
    let code = if zip_plus_four { code[..5].to_owned() } else { code };
    Some(code).filter(|code| !code.is_empty())
}

/// ISO 3166 alpha-2 code in small letters of a country's name or code; an unknown name is folded.
#[must_use]
pub fn country(text: &str) -> Option<String> {
    let name = squash(text);
    let known = COUNTRIES.iter().find(|(_, names)| names.contains(&name.as_str()));
    Some(known.map_or(name, |(code, _)| (*code).to_owned())).filter(|name| !name.is_empty())
}
