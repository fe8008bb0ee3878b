//! Which known name is meant by one that is not known.

/// How many names are told.
const TOLD: usize = 3;

/// The known names that are nearest to `name` in spelling, the nearest first, three at most.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    let mut near: Vec<_> = known.into_iter().map(|known| (distance(name, known), known)).collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(TOLD).map(|(_, known)| known).collect()
}

/// Whether who wrote `name` may have meant `known`: one letter in three may differ.
pub fn is_slip(name: &str, known: &str) -> bool {
    distance(name, known) * 3 <= name.len().max(3)
}

/// How many letters must be changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
