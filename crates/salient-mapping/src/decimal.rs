//! Exact decimals: money never passes through a binary fraction.

use std::cmp::Ordering;

/// A decimal number: `mantissa` / 10^`scale`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal {
    mantissa: i64,
    scale: u8,
}

/// How a file writes decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notation {
    /// Between whole and fraction.
    pub(crate) point: u8,
    /// Between groups of three digits, when the file has such.
    pub(crate) group: Option<u8>,
}

impl Default for Notation {
    fn default() -> Self {
        Self { point: b'.', group: None }
    }
}

/// Digits behind the point that are read; more would overflow the arithmetic.
const MOST_SCALE: u8 = 30;

impl Decimal {
    pub(crate) const ZERO: Self = Self { mantissa: 0, scale: 0 };

    /// Reads a decimal such as "12.50" or "-3"; `None` for anything else.
    pub(crate) fn parse(text: &[u8], notation: Notation) -> Option<Self> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (mut mantissa, mut scale, mut seen, mut fraction) = (0_i64, 0_u8, false, false);
        for (position, byte) in digits.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    mantissa = mantissa.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
                    seen = true;
                    if fraction {
                        scale = scale.checked_add(1).filter(|scale| *scale <= MOST_SCALE)?;
                    }
                }
                byte if *byte == notation.point && !fraction => fraction = true,
                byte if Some(*byte) == notation.group && !fraction => {
                    grouped(digits, position, notation.point)?;
                }
                _ => return None,
            }
        }
        seen.then_some(Self { mantissa: if negative { -mantissa } else { mantissa }, scale })
    }

    /// The number when it is whole: "17850.0" is, "17850.5" is not.
    pub(crate) fn whole(self) -> Option<i64> {
        if self.scale == 0 {
            return Some(self.mantissa);
        }
        let unit = 10_i64.checked_pow(u32::from(self.scale))?;
        (self.mantissa % unit == 0).then_some(self.mantissa / unit)
    }

    /// The nearest binary fraction, for what is no money.
    pub(crate) fn approximate(self) -> f64 {
        self.mantissa as f64 / 10_f64.powi(i32::from(self.scale))
    }

    /// 1 - self, for a discount from 0 to 1.
    pub(crate) fn rest_of_one(self) -> Option<Self> {
        let unit = 10_i64.checked_pow(u32::from(self.scale))?;
        let mantissa = unit.checked_sub(self.mantissa)?;
        (0..=unit).contains(&mantissa).then_some(Self { mantissa, scale: self.scale })
    }

    /// `quantity` times this price times a factor, in minor units of a currency with `digits`
    /// digits behind the point, rounded half up once; `None` when it does not fit.
    pub(crate) fn minor_units(self, quantity: i64, factor: Option<Self>, digits: u8) -> Option<i64> {
        let mut amount = i128::from(self.mantissa).checked_mul(i128::from(quantity))?;
        let mut scale = u32::from(self.scale);
        if let Some(factor) = factor {
            amount = amount.checked_mul(i128::from(factor.mantissa))?;
            scale += u32::from(factor.scale);
        }
        let digits = u32::from(digits);
        if scale <= digits {
            amount = amount.checked_mul(10_i128.pow(digits - scale))?;
        } else {
            let unit = 10_i128.checked_pow(scale - digits)?;
            // half up for what is never negative; away from zero otherwise, so that a return
            // mirrors its purchase
            let half = unit / 2 * amount.signum();
            amount = amount.checked_add(half)? / unit;
        }
        i64::try_from(amount).ok()
    }
}

/// Refuses groups that are not of three digits: "1,5" is no thousand.
fn grouped(digits: &[u8], position: usize, point: u8) -> Option<()> {
    let whole = digits.iter().position(|byte| *byte == point).unwrap_or(digits.len());
    (position > 0 && (whole - position).is_multiple_of(4)).then_some(())
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.mantissa.cmp(&other.mantissa);
        }
        let scale = self.scale.max(other.scale);
        let widen = |number: &Self| {
            let unit = 10_i128.checked_pow(u32::from(scale - number.scale))?;
            i128::from(number.mantissa).checked_mul(unit)
        };
        match (widen(self), widen(other)) {
            (Some(a), Some(b)) => a.cmp(&b),
            // only the one with fewer digits is widened: what does not fit is the larger in size
            (None, _) => self.mantissa.cmp(&0),
            (_, None) => 0.cmp(&other.mantissa),
        }
    }
}

/// Digits behind the point of a currency (ISO 4217, where they are not 2).
pub(crate) fn currency_digits(code: &str) -> u8 {
    match code {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(text: &str) -> Option<Decimal> {
        Decimal::parse(text.as_bytes(), Notation::default())
    }

    #[test]
    fn reads_what_people_write_and_nothing_else() {
        let minor = |text| plain(text).and_then(|price| price.minor_units(1, None, 2));
        assert_eq!(minor("2.55"), Some(255));
        assert_eq!(minor("0.001"), Some(0));
        assert_eq!(minor("0.005"), Some(1));
        assert_eq!(minor("-11062.06"), Some(-1_106_206));
        assert_eq!(minor(".5"), Some(50));
        assert_eq!(minor("0.30000000000000004"), Some(30));
        for bad in ["", "-", ".", "1e5", "1,5", "1.2.3", " 1", "£1", "NaN", "99999999999999999999", "--1"] {
            assert_eq!(plain(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn reads_other_notations_only_when_told() {
        let german = Notation { point: b',', group: Some(b'.') };
        let read =
            |text: &str| Decimal::parse(text.as_bytes(), german).and_then(|d| d.minor_units(1, None, 2));
        assert_eq!(read("1.234.567,89"), Some(123_456_789));
        assert_eq!(read("12,5"), Some(1_250));
        assert_eq!(read("12.5"), None);
        assert_eq!(read("1.2345,0"), None);
        assert_eq!(read(".123"), None);
    }

    #[test]
    fn rounds_a_line_once_and_half_up() {
        let price = plain("1.255").unwrap();
        assert_eq!(price.minor_units(1, None, 2), Some(126));
        assert_eq!(price.minor_units(10, None, 2), Some(1_255));
        assert_eq!(plain("0.125").unwrap().minor_units(3, None, 0), Some(0));
        assert_eq!(plain("10").unwrap().minor_units(3, plain("0.15").unwrap().rest_of_one(), 2), Some(2_550));
        assert_eq!(plain("9223372036854775807").unwrap().minor_units(2, None, 2), None);
        assert_eq!(plain("1.5").unwrap().rest_of_one(), None);
    }

    proptest! {
        #[test]
        fn parsing_is_exact(whole in 0_i64..1_000_000_000, fraction in 0_u32..1_000_000, negative in any::<bool>()) {
            let text = format!("{}{whole}.{fraction:06}", if negative { "-" } else { "" });
            let value = plain(&text).unwrap();
            let micros = value.minor_units(1, None, 6).unwrap();
            let expected = whole * 1_000_000 + i64::from(fraction);
            prop_assert_eq!(micros, if negative { -expected } else { expected });
        }

        #[test]
        fn the_shortest_text_of_a_price_gives_the_price(cents in 0_i64..100_000_000) {
            // what a spreadsheet stores as a binary fraction comes back as the cents that were typed
            let stored = cents as f64 / 100.0;
            prop_assert_eq!(plain(&format!("{stored}")).unwrap().minor_units(1, None, 2), Some(cents));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,24}") {
            if let Some(value) = plain(&text) {
                prop_assert!(text.bytes().all(|b| b.is_ascii_digit() || b"+-.".contains(&b)), "{:?}", value);
            }
        }

        #[test]
        fn rounding_is_at_most_half_a_unit(mantissa in 0_i64..1_000_000_000, scale in 0_usize..6, quantity in 1_i64..10_000) {
            let text = format!("{mantissa:07}");
            let (whole, fraction) = text.split_at(text.len() - scale);
            let price = plain(&format!("{whole}.{fraction}")).unwrap();
            let amount = i128::from(price.minor_units(quantity, None, 2).unwrap());
            let exact = i128::from(mantissa) * i128::from(quantity) * 100;
            let unit = 10_i128.pow(scale as u32);
            prop_assert!((amount * unit - exact).abs() * 2 <= unit);
        }

        #[test]
        fn numbers_far_apart_compare_too(a in 1_i64.., scale in 19_usize..30) {
            let tiny = plain(&format!("0.{}1", "0".repeat(scale))).unwrap();
            let large = plain(&a.to_string()).unwrap();
            prop_assert!(Decimal::ZERO < tiny);
            prop_assert!(tiny < large);
        }

        #[test]
        fn order_is_that_of_the_numbers(a in -100_000_i64..100_000, b in -100_000_i64..100_000) {
            let (x, y) = (plain(&format!("{}", a as f64 / 1_000.0)).unwrap(), plain(&format!("{}", b as f64 / 1_000.0)).unwrap());
            prop_assert_eq!(x.partial_cmp(&y), Some(a.cmp(&b)));
        }
    }
}
