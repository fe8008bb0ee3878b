//! How good the models of the scoring service are, on data sets with published baselines.

use anyhow::Result;

use serde_json::Value;

use super::{Context, Figure, Group, number, peers};

/// Name, what it is compared with, and the goal; `None` for a figure that has none.
type Wanted = (&'static str, Option<(f64, &'static str)>, Option<f64>, &'static str);

const LIGHTGBM: &str = "LightGBM on the same rows, from the baselines";
const PUBLISHED: &str = "as published";

const FIGURES: [Wanted; 22] = [
    ("score.bank.random.auc", Some((0.6861, LIGHTGBM)), Some(0.686), "AUC"),
    ("score.bank.random.ece", Some((0.010, LIGHTGBM)), Some(0.015), "share"),
    ("score.bank.order.auc", Some((0.6234, LIGHTGBM)), Some(0.63), "AUC"),
    ("score.bank.order.ece", Some((0.070, LIGHTGBM)), Some(0.06), "share"),
    ("score.wholesale90.auc", Some((0.7400, LIGHTGBM)), Some(0.745), "AUC"),
    ("score.wholesale30.auc", Some((0.7450, LIGHTGBM)), Some(0.75), "AUC"),
    ("lifetime.bgnbd.r", Some((0.2426, PUBLISHED)), None, ""),
    ("lifetime.bgnbd.alpha", Some((4.4135, PUBLISHED)), None, ""),
    ("lifetime.bgnbd.a", Some((0.7929, PUBLISHED)), None, ""),
    ("lifetime.bgnbd.b", Some((2.4257, PUBLISHED)), None, ""),
    ("lifetime.bgnbd.loglik", Some((-9582.43, PUBLISHED)), Some(-9582.43), "nats"),
    ("lifetime.paretonbd.r", Some((0.5533, PUBLISHED)), None, ""),
    ("lifetime.paretonbd.alpha", Some((10.578, PUBLISHED)), None, ""),
    ("lifetime.paretonbd.s", Some((0.6062, PUBLISHED)), None, ""),
    ("lifetime.paretonbd.beta", Some((11.668, PUBLISHED)), None, ""),
    ("lifetime.paretonbd.loglik", Some((-9594.97, PUBLISHED)), Some(-9594.97), "nats"),
    ("lifetime.gammagamma.p", Some((6.249, PUBLISHED)), None, ""),
    ("lifetime.gammagamma.q", Some((3.745, PUBLISHED)), None, ""),
    ("lifetime.gammagamma.v", Some((15.448, PUBLISHED)), None, ""),
    ("lifetime.holdout.mae", None, Some(0.79), "purchases"),
    ("lifetime.fit.seconds", None, Some(0.5), "s"),
    ("score.wholesale90.ece", Some((0.087, LIGHTGBM)), None, "share"),
];

const TRAIN: &str = "train.seconds";
const PREDICT: &str = "predict.us_per_row";
const MILLION_SECONDS: &str = "score.million.seconds";
const MILLION_PEAK: &str = "score.million.peak_mib";

/// Very many accounts, in the example that scores as the service does.
pub const MILLION: Group =
    Group { names: || [MILLION_SECONDS, MILLION_PEAK].map(str::to_owned).to_vec(), measure: million };

fn million(context: &Context, wanted: &[String]) -> Result<Vec<Figure>> {
    let few = context.example("salient-learn", "million", &["10000"])?;
    let found = context.example("salient-learn", "million", &["1000000"])?;
    let mut seconds = Figure::of_runs(MILLION_SECONDS, "s", vec![number(&found, "seconds")?])?.goal(60.0);
    seconds.beside = Some(number(&few, "us_per_account")? / number(&found, "us_per_account")?);
    seconds.beside_what = Some("time per account among 10,000 over that among 1,000,000");
    let mut peak = Figure::of_runs(MILLION_PEAK, "MiB", vec![number(&found, "peak_mib")?])?;
    peak.beside = Some(number(&found, "history_mib")?);
    peak.beside_what = Some("of which the history of orders took");
    Ok([seconds, peak].into_iter().filter(|figure| wanted.contains(&figure.figure)).collect())
}

/// Training and prediction, beside LightGBM in the same run where peers are wanted.
fn speed(context: &Context, found: &Value, wanted: &[String]) -> Result<Vec<Figure>> {
    let wanted: Vec<&str> =
        [TRAIN, PREDICT].into_iter().filter(|name| wanted.iter().any(|w| w == name)).collect();
    let peer = if context.peers && !wanted.is_empty() { Some(peers::lightgbm_speed(context)?) } else { None };
    let figure = |name: &str| -> Result<Figure> {
        let mut figure =
            Figure::of_runs(name, if name == TRAIN { "s" } else { "µs" }, vec![number(found, name)?])?;
        figure.beside = peer.map(|(fit, predict)| if name == TRAIN { fit } else { predict });
        figure.beside_what = peer.map(|_| "LightGBM, two threads, the same rows, the same run");
        figure.goal = figure.beside;
        Ok(figure)
    };
    wanted.into_iter().map(figure).collect()
}

pub const GROUP: Group = Group { names, measure };

fn names() -> Vec<String> {
    FIGURES.iter().map(|(name, ..)| *name).chain([TRAIN, PREDICT]).map(str::to_owned).collect()
}

fn measure(context: &Context, wanted: &[String]) -> Result<Vec<Figure>> {
    context.data("bank_marketing")?;
    let found = context.example("salient-learn", "score", &[])?;
    let mut figures = Vec::new();
    for (name, beside, goal, unit) in
        FIGURES.into_iter().filter(|(name, ..)| wanted.iter().any(|w| w == name))
    {
        let key = name.strip_prefix("score.").unwrap_or(name);
        let mut figure = Figure::of_runs(name, unit, vec![number(&found, key)?])?;
        if let Some(of) = key.strip_suffix(".auc") {
            figure.low = Some(number(&found, &format!("{of}.auc_low"))?);
            figure.high = Some(number(&found, &format!("{of}.auc_high"))?);
        }
        figure.goal = goal;
        figure.beside = beside.map(|(value, _)| value);
        figure.beside_what = beside.map(|(_, what)| what);
        figures.push(figure);
    }
    figures.extend(speed(context, &found, wanted)?);
    Ok(figures)
}
