//! Numbers in words, the same in alarms and reports.

/// A share as a percentage with `digits` decimals: `12.5%`.
pub(crate) fn percent(share: f64, digits: usize) -> String {
    format!("{:.digits$}%", share * 100.0)
}

/// A count with thousands set apart: `12,345`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 row`, `1,200 rows`.
pub(crate) fn rows(n: u64) -> String {
    format!("{} row{}", count(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let all = [0, 7, 999, 1000, 12_345, 123_456, 1_234_567].map(count);
        assert_eq!(all, ["0", "7", "999", "1,000", "12,345", "123,456", "1,234,567"]);
        assert_eq!(rows(1), "1 row");
        assert_eq!(percent(0.1254, 1), "12.5%");
    }
}
