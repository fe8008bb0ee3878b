//! Titles of products and the model codes in them.

use super::{fold, squash};

/// Units after a number: `1250w` and `70-300mm` are measures, not models.
const UNITS: &[&str] = &[
    "mb",
    "gb",
    "tb",
    "mm",
    "cm",
    "m",
    "ft",
    "feet",
    "foot",
    "in",
    "inch",
    "inches",
    "yd",
    "ghz",
    "mhz",
    "khz",
    "hz",
    "w",
    "watt",
    "watts",
    "v",
    "volt",
    "a",
    "mah",
    "amp",
    "mp",
    "megapixel",
    "mpix",
    "x",
    "oz",
    "lb",
    "lbs",
    "kg",
    "g",
    "mg",
    "ml",
    "l",
    "dpi",
    "ppm",
    "rpm",
    "btu",
    "btus",
    "qt",
    "quart",
    "cup",
    "cups",
    "cu",
    "cuft",
    "pack",
    "pk",
    "ct",
    "count",
    "pc",
    "pcs",
    "piece",
    "port",
    "ports",
    "outlet",
    "outlets",
    "way",
    "bit",
    "channel",
    "ch",
    "line",
    "disc",
    "cd",
    "dvd",
    "sheet",
    "sheets",
    "page",
    "pages",
    "speed",
    "hour",
    "hours",
    "hr",
    "min",
    "minute",
    "year",
    "day",
    "p",
    "i",
    "k",
    "d",
    "st",
    "nd",
    "rd",
    "th",
    "db",
    "dbi",
    "mbps",
    "gbps",
    "kbps",
    "tray",
    "key",
    "cell",
    "user",
    "series",
    "ms",
    "slot",
    "bay",
    "button",
    "blade",
    "point",
    "deg",
    "degree",
    "fps",
    "gen",
    "to",
    "g",
    "n",
];

/// Names of techniques that look like models.
const TECHNIQUES: &[&str] = &[
    "mp3",
    "mp4",
    "mpeg4",
    "mpeg2",
    "usb2",
    "usb3",
    "ps2",
    "ps3",
    "ps4",
    "xbox360",
    "h264",
    "wpa2",
    "ddr2",
    "ddr3",
    "ddr4",
    "core2",
    "cat5",
    "cat5e",
    "cat6",
    "rj45",
    "rs232",
    "80211",
    "80211g",
    "80211n",
    "80211b",
    "80211bg",
    "80211abg",
    "ieee80211",
    "bluetooth2",
    "windows7",
    "100basetx",
    "10100",
    "101001000",
    "1080p",
    "720p",
    "4k",
];

/// Whether letters after a number are a unit (`1250w`), or it is a size (`1920x1080`).
fn is_measure(code: &str) -> bool {
    let unit = code.trim_start_matches(|c: char| c.is_ascii_digit());
    let size = |(a, b): (&str, &str)| a.parse::<u64>().is_ok() && b.parse::<u64>().is_ok();
    UNITS.contains(&unit) || code.split_once('x').is_some_and(size)
}

/// The model codes in a text: words of letters and digits mixed, or of five digits and more, joined
/// over hyphens and strokes, folded. `"Panasonic KX-TG6700B 5.8 GHz"` has `kxtg6700b`. Measures and
/// names of techniques are left out. In the order of the text, each once.
#[must_use]
pub fn model_codes(text: &str) -> Vec<String> {
    let folded = fold(text);
    let mut out: Vec<String> = Vec::new();
    for chunk in folded.split(|c: char| c.is_whitespace() || ",;()[]\"".contains(c)) {
        let chunk = chunk.trim_matches(|c: char| !c.is_alphanumeric());
        let code: String = chunk.chars().filter(|c| c.is_alphanumeric()).collect();
        let digits = code.bytes().filter(u8::is_ascii_digit).count();
        let letters = code.len() - digits;
        let shape = if letters == 0 {
            digits >= 5 && !chunk.contains(['/', '.'])
        } else {
            digits > 0 && code.len() >= 3
        };
        // Long compounds of words ("10/100mbps-switch") are descriptions.
        let words = chunk.split(|c: char| !c.is_alphanumeric());
        let wordy = words.filter(|w| w.len() > 4 && w.bytes().all(|b| b.is_ascii_alphabetic())).count() > 0;
        let out_of_place =
            wordy || is_measure(&code) || TECHNIQUES.contains(&code.as_str()) || code.len() > 24;
        if shape && !out_of_place && !out.contains(&code) {
            out.push(code);
        }
    }
    // By a convention of shops the title ends in " - CODE", which need not have a digit.
    if let Some((_, code)) = text.trim().rsplit_once(" - ")
        && code.len() >= 4
        && code.bytes().all(|b| b.is_ascii_uppercase() || b == b'-')
    {
        out.push(fold(code).replace('-', ""));
    }
    out
}

/// A title as its folded words, model codes joined: `"DeLonghi DC-50B, Black"` is
/// `delonghi dc50b black`.
#[must_use]
pub fn title(text: &str) -> Option<String> {
    let mut out: Vec<String> = Vec::new();
    for chunk in text.split(|c: char| c.is_whitespace() || ",;()[]\"".contains(c)) {
        match model_codes(chunk).into_iter().next() {
            Some(code) => out.push(code),
            None => out.push(squash(chunk)),
        }
    }
    out.retain(|word| !word.is_empty());
    Some(out.join(" ")).filter(|title| !title.is_empty())
}

/// A price as minor units of its currency, currency signs and thousands separators dropped:
/// `"$1,299.00"` and `"1.299,00 €"` are 129900. `None` if there is no number.
#[must_use]
pub fn price(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',')).collect();
    let text = text.trim_matches(['.', ',']);
    // A separator followed by one or two digits at the end is the decimal point.
    let (whole, cents) = match text.rsplit_once(['.', ',']) {
        Some((whole, cents)) if cents.len() <= 2 => (whole, cents),
        _ => (text, ""),
    };
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    let minor = format!("{whole}{cents:0<2}");
    minor.parse::<u64>().ok().filter(|minor| *minor > 0).map(|minor| minor.to_string())
}
