//! The random split of the baselines, so that figures are of the same rows: `train_test_split` of
//! scikit-learn with `stratify`, on numpy's legacy generator.

use rand_mt::Mt;

/// Rows to train on and to test on, each in the order that scikit-learn gives them.
pub fn stratified(labels: &[f64], test_share: f64, seed: u32) -> (Vec<usize>, Vec<usize>) {
    let rows_of = |label: f64| (0..labels.len()).filter(|&row| labels[row] == label).collect::<Vec<_>>();
    let classes = [rows_of(0.0), rows_of(1.0)];
    let test_rows = (labels.len() as f64 * test_share).ceil() as usize;
    let counts = classes.each_ref().map(Vec::len);
    let train_counts = shares(counts, labels.len() - test_rows);
    let test_counts = shares([0, 1].map(|class| counts[class] - train_counts[class]), test_rows);
    let mut random = Mt::new(seed);
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (class, rows) in classes.iter().enumerate() {
        let mixed = permuted(rows, &mut random);
        train.extend_from_slice(&mixed[..train_counts[class]]);
        test.extend_from_slice(&mixed[train_counts[class]..train_counts[class] + test_counts[class]]);
    }
    (permuted(&train, &mut random), permuted(&test, &mut random))
}

/// `draws` spread over two classes by their sizes; the larger remainder is rounded up.
fn shares(counts: [usize; 2], draws: usize) -> [usize; 2] {
    let exact = counts.map(|count| count as f64 * draws as f64 / (counts[0] + counts[1]) as f64);
    let mut whole = exact.map(|share| share.floor() as usize);
    if whole[0] + whole[1] < draws {
        whole[usize::from(exact[1].fract() > exact[0].fract())] += 1;
    }
    whole
}

/// `RandomState.permutation`: from the end, each place is swapped with a draw below it; draws are
/// cut to as many bits as needed and repeated while they are too large.
fn permuted(rows: &[usize], random: &mut Mt) -> Vec<usize> {
    let mut mixed = rows.to_vec();
    for place in (1..rows.len()).rev() {
        let mask = u32::MAX >> u32::try_from(place).map_or(0, u32::leading_zeros);
        let other = loop {
            let draw = (random.next_u32() & mask) as usize;
            if draw <= place {
                break draw;
            }
        };
        mixed.swap(place, other);
    }
    mixed
}
