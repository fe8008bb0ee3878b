use std::path::Path;

use super::*;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn read(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx");
    std::fs::read(folder.join(name)).unwrap()
}

/// Ten rows, and what ONNX Runtime says of each by model.
fn rows() -> (Vec<String>, Vec<Vec<f64>>) {
    let text = read("rows.csv");
    let mut table = csv::Reader::from_reader(text.as_slice());
    let names = table.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = table.records().map(|row| row.unwrap().iter().map(|cell| cell.parse().unwrap()).collect());
    (names, rows.collect())
}

fn frame(rows: &[Vec<f64>]) -> Frame {
    let column = |col: usize| Column::Number(rows.iter().map(|row| row[col]).collect());
    Frame::new(NAMES.map(str::to_owned).to_vec(), (0..4).map(column).collect()).unwrap()
}

fn table(rows: &[Vec<f64>]) -> Table {
    let values: Vec<f64> = rows.iter().flat_map(|row| row[..4].to_vec()).collect();
    Table::from_rows(4, &values).unwrap()
}

/// A file with one thing changed.
fn changed(name: &str, change: impl FnOnce(&mut tract_onnx::pb::GraphProto)) -> Vec<u8> {
    use prost::Message as _;
    let mut proto = tract_onnx::pb::ModelProto::decode(read(name).as_slice()).unwrap();
    change(proto.graph.as_mut().unwrap());
    proto.encode_to_vec()
}

#[test]
fn says_what_another_runtime_says() {
    let (names, rows) = rows();
    for (at, name) in names.iter().enumerate().skip(4) {
        let model = Onnx::new(&read(&format!("{name}.onnx")), &frame(&rows)).unwrap();
        for (told, row) in model.predict(&table(&rows)).into_iter().zip(&rows) {
            assert!((told - row[at]).abs() < 1e-5, "{name}: {told} {}", row[at]);
        }
    }
    // probabilities by the name of their class
    let (plain, zipped) = (read("logistic.onnx"), read("zipmap.onnx"));
    let told = |file: &[u8]| Onnx::new(file, &frame(&rows)).unwrap().log_odds(&table(&rows));
    assert_eq!(told(&plain), told(&zipped));
}

#[test]
fn the_same_bits_alone_among_others_and_after_being_stored() {
    let (_, rows) = rows();
    let all = table(&rows);
    for name in ["logistic", "boosted", "network", "lightgbm"] {
        let model = Onnx::new(&read(&format!("{name}.onnx")), &frame(&rows)).unwrap();
        let stored: Onnx = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
        assert_eq!(stored, model);
        let alone: Vec<f64> = (0..10).flat_map(|row| stored.log_odds(&all.select(&[row]))).collect();
        assert_eq!(alone, model.log_odds(&all));
        assert_eq!(stored.contributions(&all), model.contributions(&all));
    }
}

#[test]
fn contributions_sum_and_are_exact_where_nothing_interacts() {
    let (_, rows) = rows();
    let (all, frame) = (table(&rows), frame(&rows));
    for name in ["logistic", "boosted", "network", "lightgbm"] {
        let model = Onnx::new(&read(&format!("{name}.onnx")), &frame).unwrap();
        for (z, split) in model.log_odds(&all).into_iter().zip(model.contributions(&all)) {
            assert!((split.log_odds() - z).abs() < 1e-9, "{name}");
        }
    }
    // of a linear model a feature adds what it adds alone, within what 32 bits tell
    let model = Onnx::new(&read("logistic.onnx"), &frame).unwrap();
    let typical = model.typical.clone();
    for (row, split) in rows.iter().zip(model.contributions(&all)) {
        for col in 0..4 {
            let mut one = typical.clone();
            one[col] = row[col];
            let alone = model.one(&one) - model.one(&typical);
            assert!((split.parts[col] - alone).abs() < 1e-4, "{alone} {split:?}");
        }
    }
    // the brute-force Shapley values of the network, over all sets of features
    let model = Onnx::new(&read("network.onnx"), &frame).unwrap();
    for (row, split) in rows.iter().zip(model.contributions(&all)) {
        let exact = shapley(|set| {
            let value = |at: usize| if set >> at & 1 == 1 { row[at] } else { typical[at] };
            model.one(&(0..4).map(value).collect::<Vec<_>>())
        });
        let scale = exact.iter().map(|part| part.abs()).sum::<f64>();
        let apart = exact.iter().zip(&split.parts).map(|(a, b)| (a - b).abs()).sum::<f64>();
        assert!(apart < 0.25 * scale + 0.05, "{exact:?} {:?}", split.parts);
    }
}

/// Shapley's formula over all sets of four.
fn shapley(of: impl Fn(usize) -> f64) -> Vec<f64> {
    let weight = [0.25, 1.0 / 12.0, 1.0 / 12.0, 0.25];
    let part = |at: usize| {
        let sets = (0..16_usize).filter(|set| set >> at & 1 == 0);
        sets.map(|set| weight[set.count_ones() as usize] * (of(set | 1 << at) - of(set))).sum()
    };
    (0..4).map(part).collect()
}

#[test]
fn what_is_missing_counts_as_the_median() {
    let (_, mut rows) = rows();
    let model = Onnx::new(&read("boosted.onnx"), &frame(&rows)).unwrap();
    let mut filled = rows.clone();
    filled[0][1] = model.typical[1];
    rows[0][1] = f64::NAN;
    assert_eq!(model.log_odds(&table(&rows)), model.log_odds(&table(&filled)));
    assert_eq!(model.contributions(&table(&rows))[0].parts[1], 0.0);
}

#[test]
fn what_cannot_be_run() {
    let why = |file: &[u8], features: usize| Onnx::check(file, features).unwrap_err().to_string();
    assert!(why(&[], 4).contains("0 bytes; 1 to 2097152 are accepted"));
    assert!(why(&vec![0; MOST + 1], 4).contains("2097153 bytes"));
    assert!(why(b"no model at all", 4).contains("no file of that format"));
    assert!(why(&read("logistic.onnx"), 3).contains("its input has 4 features, 3 are named"));
    let unknown = changed("logistic.onnx", |graph| graph.node[1].op_type = "Clairvoyance".into());
    assert!(why(&unknown, 4).contains("these operators are not known: Clairvoyance"));
    let two = changed("logistic.onnx", |graph| {
        let other = tract_onnx::pb::ValueInfoProto { name: "other".into(), ..graph.input[0].clone() };
        graph.input.push(other);
    });
    assert!(why(&two, 4).contains("it has 2 inputs"));
    let label = changed("logistic.onnx", |graph| graph.output.truncate(1));
    assert!(why(&label, 4).contains("no result of floats is among label"));
    // twice the probability is none
    let raw = changed("logistic.onnx", |graph| {
        let attributes = &mut graph.node[1].attribute;
        attributes.iter_mut().filter(|of| of.name == "post_transform").for_each(|of| of.s = b"NONE".to_vec());
        let far = attributes.iter_mut().find(|of| of.name == "intercepts").unwrap();
        far.floats = vec![-5.0, 5.0];
    });
    assert!(why(&raw, 4).contains("a probability, 0 to 1, is accepted"), "{}", why(&raw, 4));
    let away = changed("network.onnx", |graph| {
        let away = tract_onnx::pb::tensor_proto::DataLocation::External;
        graph.initializer[0].data_location = Some(away.into());
    });
    assert!(why(&away, 4).contains("its weights lie in another file"));
    let cut = read("boosted.onnx");
    for end in (0..cut.len()).step_by(97) {
        // no half file is taken, and none ends the process
        drop(Onnx::check(&cut[..end], 4));
    }
    let text = Column::Category { codes: vec![0], levels: vec!["retail".into()] };
    let number = || Column::Number(vec![1.0]);
    let texts =
        Frame::new(NAMES.map(str::to_owned).to_vec(), vec![number(), number(), number(), text]).unwrap();
    assert!(Onnx::new(&cut, &texts).unwrap_err().to_string().contains("d holds texts"));
}
