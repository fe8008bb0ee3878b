//! How good the models are on the shared data sets, each with the split of the baselines:
//! `cargo run --release -p salient-learn --example score`. Data: `SALIENT_DATA` or `shared/data`
//! beside the repository. The last line is JSON for programs.

mod bank;
mod cdnow;
mod split;
mod wholesale;

use std::{collections::BTreeMap, error::Error, io::Read as _, path::PathBuf};

use salient_learn::report::{Data, Options, Report};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Figures = BTreeMap<String, f64>;

fn main() -> Result<()> {
    let mut figures = Figures::new();
    bank::measure(&mut figures)?;
    wholesale::measure(&mut figures)?;
    cdnow::measure(&mut figures)?;
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// A file of the shared data, unpacked.
fn read(file: &str) -> Result<String> {
    let root = std::env::var_os("SALIENT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let packed = std::fs::read(root.join(file)).map_err(|error| format!("{file}: {error}"))?;
    let mut text = String::new();
    if file.ends_with(".gz") {
        flate2::read::MultiGzDecoder::new(packed.as_slice()).read_to_string(&mut text)?;
    } else {
        text = String::from_utf8(packed)?;
    }
    Ok(text)
}

/// Keeps what a model came to on rows it has not seen.
fn keep(figures: &mut Figures, name: &str, labels: &[f64], probability: &[f64]) -> Result<()> {
    let report = Report::of(&Data { labels, probability, dimensions: &[] }, &Options::default())?.overall;
    let missing = || format!("{:?}", report.absent);
    let (auc, interval) = (report.auc.ok_or_else(missing)?, report.auc_interval.ok_or_else(missing)?);
    let ece = report.ece.ok_or_else(missing)?;
    println!(
        "{name}: AUC {auc:.4} ({:.4} to {:.4}), calibration error {ece:.4}, log loss {:.4}, lift {:.2}",
        interval.low,
        interval.high,
        report.log_loss.ok_or_else(missing)?,
        report.lift_top.ok_or_else(missing)?
    );
    let found = [("auc", auc), ("auc_low", interval.low), ("auc_high", interval.high), ("ece", ece)];
    figures.extend(found.map(|(what, value)| (format!("{name}.{what}"), value)));
    Ok(())
}
