//! Patterns on names: `*` stands for any run of characters, `?` for one.

/// Whether the whole of `name` is as `pattern` says.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // The last star and where it stopped eating: only this one has ever to be tried again.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == '?' || name.get(n) == Some(&c) => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, eaten)) = star else { return false };
                star = Some((at, eaten + 1));
                p = at + 1;
                n = eaten + 1;
            }
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;
    use proptest::prelude::*;

    #[test]
    fn stars_and_marks() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "orders_30d"),
            ("orders_*", "orders_30d"),
            ("*_30d", "orders_30d"),
            ("o*_*d", "orders_people_30d"),
            ("orders_??d", "orders_30d"),
            ("größe_?", "größe_ä"),
            ("*ab*ab", "aababab"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "a"),
            ("orders", "orders_30d"),
            ("orders_?d", "orders_30d"),
            ("*_30d", "orders_30d_"),
            ("?", ""),
            ("*ab*ab", "aab"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    /// By the definition: a star eats nothing, or one character and stays.
    fn plain(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((&'*', rest)), None) => plain(rest, name),
            (Some((&'*', rest)), Some((_, later))) => plain(rest, name) || plain(pattern, later),
            (Some((p, rest)), Some((n, later))) => (*p == '?' || p == n) && plain(rest, later),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn as_defined(pattern in "[ab*?]{0,8}", name in "[ab]{0,8}") {
            let (p, n): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
            prop_assert_eq!(matches(&pattern, &name), plain(&p, &n));
        }
    }
}
