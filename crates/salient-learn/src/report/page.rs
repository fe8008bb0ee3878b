//! A report as one HTML page that needs nothing else: no script, no font, no picture from
//! elsewhere. Each plot has its numbers in a table below it.

use super::{
    Report, Slice,
    plot::{Axis, Plot},
    thin,
};
use crate::words::{count, percent, rows};
use std::fmt::Write as _;

const STYLE: &str = include_str!("page.css");
/// Rows of the table of a curve, at most.
const TABLE: usize = 11;
/// The lift of fewer rows than this share is mostly chance, and would flatten the rest of the plot.
const LIFT_FROM: f64 = 0.01;

/// The page of a report.
#[must_use]
pub fn page(report: &Report) -> String {
    let title = escape(&report.title);
    let mut s = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{title}</title><style>\n{STYLE}</style></head>\n<body>\
         <header><h1>{title}</h1>{}</header><main>\n",
        verdict(report)
    );
    s += &gates(report);
    s += &summary(report);
    let _ = writeln!(s, "<section><h2>All rows</h2>{}</section>", body(&report.overall, 0));
    let mut dimension = None;
    for (i, slice) in report.slices.iter().enumerate() {
        if slice.dimension.as_deref() != dimension {
            let end = if dimension.is_some() { "</section>\n" } else { "" };
            dimension = slice.dimension.as_deref();
            let _ =
                write!(s, "{end}<section class=\"small\"><h2>By {}</h2>", escape(dimension.unwrap_or("")));
        }
        let _ = writeln!(s, "<article><h3>{}</h3>{}</article>", escape(&slice.name), body(slice, i + 1));
    }
    if dimension.is_some() {
        s += "</section>\n";
    }
    s += NOTES;
    s
}

const NOTES: &str = "<section><h2>How to read this</h2>\
    <p class=\"soft\">AUC: the chance that a row that came true scores above one that did not; 50% is \
    chance. Its 95% interval is DeLong's (1988). Average precision: the mean precision at each row that \
    came true; chance gives the base rate. Brier score and log loss (nats): smaller is better. \
    Calibration error: the mean distance between promised and kept over groups of equal size; the bars \
    are 95% Wilson intervals of the kept. Lift: how many times the base rate the best rows come true. \
    Intervals take rows as independent. Curves are thinned; measures are of all rows.</p></section>\n\
    </main></body></html>\n";

/// Text as text: what a slice is called must not become markup.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn verdict(report: &Report) -> String {
    let missed = report.gates.iter().filter(|g| !g.passed).count();
    let gates = match (report.gates.len(), missed) {
        (0, _) => "<p class=\"soft\">No gates were asked for.</p>".into(),
        (n, 0) => format!("<p class=\"good\">✓ All {n} gates passed</p>"),
        (n, missed) => format!("<p class=\"bad\">✗ {missed} of {n} gates not passed</p>"),
    };
    format!(
        "{gates}<p class=\"soft\">{}, {} came true.</p>",
        rows(report.overall.rows),
        count(report.overall.successes)
    )
}

fn gates(report: &Report) -> String {
    if report.gates.is_empty() {
        return String::new();
    }
    let line = |g: &super::Gated| {
        let state = if g.passed { ("good", "✓ passed") } else { ("bad", "✗ not passed") };
        vec![escape(&g.words), format!("<span class=\"{}\">{}</span>", state.0, state.1)]
    };
    let lines: Vec<Vec<String>> = report.gates.iter().map(line).collect();
    format!(
        "<section><h2>Gates</h2>{}</section>\n",
        table("Gates and what was measured", &["gate", "result"], &lines)
    )
}

fn summary(report: &Report) -> String {
    let head = [
        "slice",
        "rows",
        "promised",
        "came true",
        "AUC",
        "AUC 95%",
        "average precision",
        "Brier",
        "log loss",
        "calibration error",
        "by chance alone",
        "lift at 10%",
    ];
    let share = |v: Option<f64>| v.map_or("–".into(), |v| percent(v, 1));
    let number = |v: Option<f64>| v.map_or("–".into(), |v| format!("{v:.3}"));
    let line = |s: &Slice| {
        vec![
            escape(&s.title()),
            count(s.rows),
            share(s.promised),
            share(s.base_rate),
            number(s.auc),
            s.auc_interval.map_or("–".into(), |i| format!("{:.3} to {:.3}", i.low, i.high)),
            number(s.average_precision),
            s.brier.map_or("–".into(), |v| format!("{v:.4}")),
            s.log_loss.map_or("–".into(), |v| format!("{v:.4}")),
            share(s.ece),
            share(s.ece_chance),
            s.lift_top.map_or("–".into(), |v| format!("{v:.2}")),
        ]
    };
    let lines: Vec<Vec<String>> = std::iter::once(&report.overall).chain(&report.slices).map(line).collect();
    let left = match report.left_out {
        0 => String::new(),
        n => format!("<p class=\"soft\">{} smaller slices are not shown.</p>", count(n)),
    };
    format!("<section><h2>Measures</h2>{}{left}</section>\n", table("Measures by slice", &head, &lines))
}

/// Plots of a slice, and why a measure is missing; `nth` makes ids unique.
fn body(slice: &Slice, nth: usize) -> String {
    let mut s = String::new();
    if slice.dimension.is_some() {
        let number = |v: Option<f64>| v.map_or("–".into(), |v| format!("{v:.3}"));
        let kept = slice.base_rate.map_or("–".into(), |v| percent(v, 1));
        let (n, auc) = (rows(slice.rows), number(slice.auc));
        let _ = write!(s, "<p class=\"soft\">{n}, {kept} came true, AUC {auc}</p>");
    }
    let plots = [roc(slice, nth), precision_recall(slice, nth), calibration(slice, nth), lift(slice, nth)];
    let _ = write!(s, "<div class=\"plots\">{}</div>", plots.concat());
    if !slice.absent.is_empty() {
        let reasons: Vec<String> = slice.absent.iter().map(|(m, why)| format!("{m} {why}")).collect();
        let _ = write!(s, "<p class=\"soft\">Not known: {}.</p>", escape(&reasons.join("; ")));
    }
    s
}

fn figure(heading: &str, svg: &str, table: &str) -> String {
    format!("<figure><h4>{heading}</h4>{svg}<details><summary>Numbers</summary>{table}</details></figure>")
}

fn empty(heading: &str) -> String {
    format!("<figure><h4>{heading}</h4><p class=\"soft\">Nothing to draw: see below.</p></figure>")
}

fn points(caption: &str, head: [&str; 2], curve: &[(f64, f64)], y: fn(f64) -> String) -> String {
    let lines: Vec<Vec<String>> = thin(curve, TABLE).iter().map(|p| vec![percent(p.0, 1), y(p.1)]).collect();
    table(caption, &head, &lines)
}

fn roc(slice: &Slice, nth: usize) -> String {
    const NAME: &str = "ROC";
    if slice.roc.is_empty() {
        return empty(NAME);
    }
    let (name, auc) = (escape(&slice.title()), slice.auc.unwrap_or(f64::NAN));
    let plot = Plot::new(Axis::share("false positive rate"), Axis::share("true positive rate"))
        .line("chance", &[(0.0, 0.0), (1.0, 1.0)])
        .line("curve", &slice.roc);
    let words = format!("The area under the curve is {auc:.3}; the dashed diagonal is chance.");
    let svg = plot.svg(&format!("r{nth}"), &format!("ROC curve of {name}"), &words);
    let head = ["false positive rate", "true positive rate"];
    figure(NAME, &svg, &points("Points of the ROC curve", head, &slice.roc, |y| percent(y, 1)))
}

fn precision_recall(slice: &Slice, nth: usize) -> String {
    const NAME: &str = "Precision and recall";
    if slice.precision_recall.is_empty() {
        return empty(NAME);
    }
    let base = slice.base_rate.unwrap_or_default();
    let plot = Plot::new(Axis::share("recall"), Axis::share("precision"))
        .line("chance", &[(0.0, base), (1.0, base)])
        .stairs("curve", &slice.precision_recall);
    let words = format!(
        "The average precision is {:.3}; the dashed line is the base rate, {}.",
        slice.average_precision.unwrap_or(f64::NAN),
        percent(base, 1)
    );
    let title = format!("Precision-recall curve of {}", escape(&slice.title()));
    let svg = plot.svg(&format!("p{nth}"), &title, &words);
    let table =
        points("Points of the curve", ["recall", "precision"], &slice.precision_recall, |y| percent(y, 1));
    figure(NAME, &svg, &table)
}

fn calibration(slice: &Slice, nth: usize) -> String {
    const NAME: &str = "Promised and kept";
    if slice.calibration.is_empty() {
        return empty(NAME);
    }
    let high = slice.calibration.iter().map(|b| b.high.max(b.promised)).fold(0.0, f64::max);
    let axis = |label| Axis::up_to(label, high.min(1.0), true);
    let mut plot = Plot::new(axis("promised"), axis("kept")).line("chance", &[(0.0, 0.0), (high, high)]);
    for b in &slice.calibration {
        plot = plot.bar(b.promised, b.kept, b.low, b.high);
    }
    let words = format!(
        "Groups of rows by promised probability, with 95% intervals of the share kept; on the dashed \
         diagonal a promise is kept. The calibration error is {}.",
        percent(slice.ece.unwrap_or(f64::NAN), 1)
    );
    let svg = plot.svg(&format!("c{nth}"), &format!("Calibration of {}", escape(&slice.title())), &words);
    let line = |b: &super::Bin| {
        let interval = format!("{} to {}", percent(b.low, 1), percent(b.high, 1));
        vec![percent(b.promised, 1), percent(b.kept, 1), interval, count(b.rows)]
    };
    let lines: Vec<Vec<String>> = slice.calibration.iter().map(line).collect();
    figure(NAME, &svg, &table("Groups", &["promised", "kept", "95% interval", "rows"], &lines))
}

fn lift(slice: &Slice, nth: usize) -> String {
    const NAME: &str = "Lift";
    if slice.lift_curve.is_empty() {
        return empty(NAME);
    }
    // The first point only says where the second comes from; it is drawn if that one is.
    let whole = slice.lift_curve.get(1).is_none_or(|p| p.0 >= LIFT_FROM);
    let drawn: Vec<(f64, f64)> =
        slice.lift_curve.iter().copied().filter(|p| whole || p.0 >= LIFT_FROM).collect();
    let high = drawn.iter().map(|p| p.1).fold(1.0, f64::max);
    let plot = Plot::new(Axis::share("share of rows, best first"), Axis::up_to("lift", high, false))
        .line("chance", &[(0.0, 1.0), (1.0, 1.0)])
        .line("curve", &drawn);
    let words = format!(
        "The best 10% of rows come true {:.2} times as often as all; the dashed line is chance.{}",
        slice.lift_top.unwrap_or(f64::NAN),
        if whole { "" } else { " Drawn from the best 1% on." }
    );
    let svg = plot.svg(&format!("l{nth}"), &format!("Lift of {}", escape(&slice.title())), &words);
    let table = points("Points of the lift curve", ["share of rows", "lift"], &drawn, |y| format!("{y:.2}"));
    figure(NAME, &svg, &table)
}

/// A table that scrolls by itself on a narrow screen; cells are escaped already.
fn table(caption: &str, head: &[&str], lines: &[Vec<String>]) -> String {
    let mut s = format!(
        "<div class=\"wide\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\">\
         <table><caption>{caption}</caption><thead><tr>"
    );
    for h in head {
        let _ = write!(s, "<th scope=\"col\">{h}</th>");
    }
    s += "</tr></thead><tbody>";
    for line in lines {
        s += "<tr>";
        for (i, cell) in line.iter().enumerate() {
            // What a line is about heads it, and may wrap.
            let _ = match i {
                0 => write!(s, "<th scope=\"row\">{cell}</th>"),
                _ => write!(s, "<td>{cell}</td>"),
            };
        }
        s += "</tr>";
    }
    s + "</tbody></table></div>"
}
