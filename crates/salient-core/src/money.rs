//! Exact money, and money that is only expected.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// An ISO 4217 code: three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only capital letters get in, so this is always text.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// How many digits the minor unit has: 2 for most, 0 for the yen, 3 for some dinars
    /// (ISO 4217, list one).
    #[must_use]
    pub fn digits(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF"
            | b"UGX" | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            b"CLF" | b"UYW" => 4,
            _ => 2,
        }
    }
}

impl TryFrom<&str> for Currency {
    type Error = Error;

    fn try_from(code: &str) -> Result<Self, Error> {
        match <[u8; 3]>::try_from(code.as_bytes()) {
            Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Ok(Self(letters)),
            _ => Err(Error::field("currency_code", "an ISO 4217 code like GBP is accepted")),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = Error;

    fn try_from(code: String) -> Result<Self, Error> {
        Self::try_from(code.as_str())
    }
}

impl std::str::FromStr for Currency {
    type Err = Error;

    fn from_str(code: &str) -> Result<Self, Error> {
        Self::try_from(code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An exact amount: whole minor units of a currency. Never a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// 1234 with GBP is 12.34 pounds.
    pub minor_units: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// An amount.
    #[must_use]
    pub const fn new(minor_units: i64, currency: Currency) -> Self {
        Self { minor_units, currency }
    }

    /// The sum; `None` when the currencies differ or the sum does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let sum = self.minor_units.checked_add(other.minor_units)?;
        (self.currency == other.currency).then_some(Self::new(sum, self.currency))
    }

    /// The difference; `None` when the currencies differ or it does not fit.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let difference = self.minor_units.checked_sub(other.minor_units)?;
        (self.currency == other.currency).then_some(Self::new(difference, self.currency))
    }

    /// The amount so many times; `None` when it does not fit.
    #[must_use]
    pub fn checked_mul(self, times: i64) -> Option<Self> {
        Some(Self::new(self.minor_units.checked_mul(times)?, self.currency))
    }

    /// The expected amount when this comes with probability `share`, or `share` times.
    #[must_use]
    pub fn expected(self, share: f64) -> Estimate {
        Estimate { minor_units: self.minor_units as f64 * share, currency: self.currency }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.digits();
        let unit = 10_u64.pow(digits);
        let (size, sign) = (self.minor_units.unsigned_abs(), if self.minor_units < 0 { "-" } else { "" });
        let (whole, rest, width) = (size / unit, size % unit, digits as usize);
        if digits == 0 {
            write!(f, "{sign}{whole} {}", self.currency)
        } else {
            write!(f, "{sign}{whole}.{rest:0width$} {}", self.currency)
        }
    }
}

/// An expected, therefore inexact, amount: a mean, never an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Minor units of the currency, with a fraction.
    pub minor_units: f64,
    /// The currency.
    pub currency: Currency,
}

impl Estimate {
    /// An expected amount.
    #[must_use]
    pub const fn new(minor_units: f64, currency: Currency) -> Self {
        Self { minor_units, currency }
    }

    /// The sum; `None` when the currencies differ.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        (self.currency == other.currency)
            .then_some(Self::new(self.minor_units + other.minor_units, self.currency))
    }

    /// The nearest exact amount, to show it; amounts beyond what fits become the largest
    /// that does, and what is not a number becomes 0.
    #[must_use]
    pub fn rounded(self) -> Money {
        Money::new(self.minor_units.round() as i64, self.currency)
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "~{}", self.rounded())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(minor_units: i64, code: &str) -> Money {
        Money::new(minor_units, Currency::try_from(code).unwrap())
    }

    #[test]
    fn prints_with_the_digits_of_the_currency() {
        assert_eq!(money(1234, "GBP").to_string(), "12.34 GBP");
        assert_eq!(money(5, "GBP").to_string(), "0.05 GBP");
        assert_eq!(money(-5, "GBP").to_string(), "-0.05 GBP");
        assert_eq!(money(1234, "JPY").to_string(), "1234 JPY");
        assert_eq!(money(1234, "KWD").to_string(), "1.234 KWD");
        assert_eq!(money(i64::MIN, "GBP").to_string(), "-92233720368547758.08 GBP");
        assert_eq!(money(1000, "GBP").expected(0.1256).to_string(), "~1.26 GBP");
    }

    #[test]
    fn sums_are_checked() {
        assert_eq!(money(1, "GBP").checked_add(money(2, "GBP")), Some(money(3, "GBP")));
        assert_eq!(money(1, "GBP").checked_add(money(2, "EUR")), None);
        assert_eq!(money(i64::MAX, "GBP").checked_add(money(1, "GBP")), None);
        assert_eq!(money(i64::MIN, "GBP").checked_sub(money(1, "GBP")), None);
        assert_eq!(money(i64::MAX, "GBP").checked_mul(2), None);
        assert_eq!(money(-3, "GBP").checked_mul(2), Some(money(-6, "GBP")));
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        for bad in ["", "gbp", "GB", "GBPP", "G1P", "ÄÖ"] {
            assert!(Currency::try_from(bad).is_err(), "{bad}");
        }
        assert_eq!(serde_json::to_string(&money(1, "GBP")).unwrap(), r#"{"minor_units":1,"currency":"GBP"}"#);
    }

    proptest! {
        #[test]
        fn adding_and_taking_away_is_nothing(a: i32, b: i32) {
            let (a, b) = (money(a.into(), "GBP"), money(b.into(), "GBP"));
            prop_assert_eq!(a.checked_add(b).unwrap().checked_sub(b).unwrap(), a);
        }
    }
}
