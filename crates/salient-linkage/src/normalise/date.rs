//! Dates in many notations to `yyyymmdd`.

use super::fold;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Months whose first three letters in other languages differ from the English ones.
const OTHER_MONTHS: [(&str, u32); 10] = [
    ("mai", 5),
    ("okt", 10),
    ("dez", 12),
    ("fev", 2),
    ("avr", 4),
    ("aou", 8),
    ("ene", 1),
    ("abr", 4),
    ("ago", 8),
    ("dic", 12),
];

fn month(word: &str) -> Option<u32> {
    let start = word.get(..3)?;
    let english = MONTHS.iter().position(|m| *m == start).map(|at| at as u32 + 1);
    english.or_else(|| OTHER_MONTHS.iter().find(|(m, _)| *m == start).map(|(_, n)| *n))
}

fn real(year: u32, month: u32, day: u32) -> Option<String> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let fits = (1000..3000).contains(&year) && (1..=12).contains(&month) && (1..=days).contains(&day);
    fits.then(|| format!("{year:04}{month:02}{day:02}"))
}

/// `yyyymmdd` of a date: ISO 8601 (a time after it is ignored), `yyyymmdd`, `dd.mm.yyyy`,
/// `dd/mm/yyyy`, `mm/dd/yyyy` where only that is possible, `12 March 1980`, `Mar 12, 1980`.
///
/// Where both orders of day and month are possible the day comes first: most of the world writes it
/// so, and the comparison knows swapped days and months. Eight digits that are no date (a typing
/// error) are kept, since seven of them may still agree. Years of two digits are not read: without a
/// clock their century is a guess.
#[must_use]
pub fn date(text: &str) -> Option<String> {
    let text = fold(text.trim());
    let text = text.split_once('t').filter(|(day, _)| day.len() == 10).map_or(text.as_str(), |(day, _)| day);
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let number = |word: &str| word.trim_end_matches(char::is_alphabetic).parse::<u32>().ok();
    match words.as_slice() {
        [one] if one.len() == 8 && one.bytes().all(|b| b.is_ascii_digit()) => {
            let part = |from: usize, to: usize| one.get(from..to).and_then(|p| p.parse().ok()).unwrap_or(0);
            real(part(0, 4), part(4, 6), part(6, 8))
                .or_else(|| real(part(4, 8), part(2, 4), part(0, 2)))
                .or_else(|| Some((*one).to_owned()))
        }
        [a, b, c, ..] => {
            if let Some(m) = month(a) {
                return real(number(c)?, m, number(b)?);
            }
            if let Some(m) = month(b) {
                return if year_first(a) {
                    real(number(a)?, m, number(c)?)
                } else {
                    real(number(c)?, m, number(a)?)
                };
            }
            let (x, y, z) = (number(a)?, number(b)?, number(c)?);
            if year_first(a) {
                real(x, y, z).or_else(|| real(x, z, y))
            } else {
                real(z, y, x).or_else(|| real(z, x, y))
            }
        }
        _ => None,
    }
}

fn year_first(word: &str) -> bool {
    word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit())
}
