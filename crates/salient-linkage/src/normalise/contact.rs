//! E-mail addresses, domains and telephone numbers.

use super::fold;
use phonenumber::{Mode, country};

/// Providers at which anyone may have a mailbox: their domain says nothing about a company.
const FREE_MAIL: &[&str] = &[
    "gmail.com",
    "yahoo.com",
    "yahoo.co.uk",
    "yahoo.fr",
    "yahoo.de",
    "hotmail.com",
    "hotmail.co.uk",
    "hotmail.fr",
    "outlook.com",
    "live.com",
    "msn.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "aol.com",
    "gmx.de",
    "gmx.net",
    "gmx.at",
    "gmx.ch",
    "web.de",
    "t-online.de",
    "freenet.de",
    "orange.fr",
    "wanadoo.fr",
    "free.fr",
    "laposte.net",
    "libero.it",
    "mail.ru",
    "yandex.ru",
    "qq.com",
    "163.com",
    "126.com",
    "naver.com",
    "protonmail.com",
    "proton.me",
    "zoho.com",
    "comcast.net",
    "verizon.net",
    "att.net",
    "btinternet.com",
    "bigpond.com",
    "uol.com.br",
    "terra.com.br",
    "rediffmail.com",
    "seznam.cz",
    "wp.pl",
    "o2.pl",
];

/// An address as it is compared: folded, without a tag after `+`; of Google's mailboxes also without
/// dots, which Google ignores. `None` if it is not an address.
#[must_use]
pub fn email(text: &str) -> Option<String> {
    let folded = fold(text.trim().trim_start_matches("mailto:").trim_matches(['<', '>']));
    let (local, domain) = folded.rsplit_once('@')?;
    let domain = match domain.trim_end_matches('.') {
        "googlemail.com" => "gmail.com",
        other => other,
    };
    let mut local = local.split('+').next().unwrap_or_default().to_owned();
    if domain == "gmail.com" {
        local.retain(|c| c != '.');
    }
    let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@');
    (plain(&local) && plain(domain) && domain.contains('.')).then(|| format!("{local}@{domain}"))
}

/// The registrable domain of a host, URL or e-mail address by the public suffix list:
/// `https://www.shop.example.co.uk/x` is `example.co.uk`. `None` for a bare suffix.
#[must_use]
pub fn domain(text: &str) -> Option<String> {
    let folded = fold(text.trim());
    let host = folded.split_once("://").map_or(folded.as_str(), |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    if host.contains(char::is_whitespace) || !host.contains('.') {
        return None;
    }
    psl::domain_str(host).map(str::to_owned)
}

/// As [`domain`], but nothing for providers at which anyone may have a mailbox.
#[must_use]
pub fn company_domain(text: &str) -> Option<String> {
    domain(text).filter(|domain| !FREE_MAIL.contains(&domain.as_str()))
}

/// A telephone number as E.164 (`+4930123456`), read with the numbering plan of `region` (ISO 3166
/// alpha-2) if it has no country code. What no plan reads is kept as its digits if there are at
/// least six, so that equal numbers stay equal; `None` for less.
#[must_use]
pub fn phone(text: &str, region: Option<&str>) -> Option<String> {
    let region: Option<country::Id> = region.and_then(|code| code.to_ascii_uppercase().parse().ok());
    let number = phonenumber::parse(region, text).ok().filter(phonenumber::is_valid);
    number.map(|number| number.format().mode(Mode::E164).to_string()).or_else(|| {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        (digits.len() >= 6).then_some(digits)
    })
}

/// The digits of a telephone number within its country: without the country code and the zero that
/// is dialled before an area. What no plan reads is its digits without zeros before them; `None` if
/// there are fewer than four.
#[must_use]
pub fn subscriber(text: &str, region: Option<&str>) -> Option<String> {
    let region: Option<country::Id> = region.and_then(|code| code.to_ascii_uppercase().parse().ok());
    // a range that the plan does not know yet is a number all the same, if its country is said
    let is_abroad = text.trim_start().starts_with('+');
    let number = phonenumber::parse(region, text).ok();
    let number = number.filter(|number| is_abroad || phonenumber::is_valid(number));
    let digits = match number {
        Some(number) => number.national().value().to_string(),
        None => {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            digits.trim_start_matches('0').to_owned()
        }
    };
    (digits.len() >= 4).then_some(digits)
}
