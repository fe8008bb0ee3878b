//! What is kept of lines that were refused.

/// Signs of a shape, at most.
const LONGEST: usize = 60;

/// The shape of a value: what is wrong with it can be seen, and it says nothing of a person.
/// Letters become `a` and `A`, digits `9`; other signs stay.
pub fn shape(value: &str) -> String {
    let sign = |sign: char| match sign {
        sign if sign.is_numeric() => '9',
        sign if sign.is_uppercase() => 'A',
        sign if sign.is_alphabetic() => 'a',
        sign => sign,
    };
    let mut shape: String = value.chars().take(LONGEST).map(sign).collect();
    if value.chars().nth(LONGEST).is_some() {
        shape.push('…');
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_shows_what_is_wrong_and_nobody() {
        assert_eq!(shape("2011-13-01"), "9999-99-99");
        assert_eq!(shape("Zoë.Smith@example.org"), "Aaa.Aaaaa@aaaaaaa.aaa");
        assert_eq!(shape(""), "");
        assert_eq!(shape(&"x".repeat(80)).chars().count(), 61);
    }
}
