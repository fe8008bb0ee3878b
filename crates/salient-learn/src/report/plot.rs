//! One plot as inline SVG: axes with ticks and labels, a title and a description for who cannot
//! see it. Colours come from the page's style by class.

use std::fmt::Write as _;

/// Size of the drawing, and the box of the data in it (left, top, right, bottom).
const SIZE: (f64, f64) = (320.0, 250.0);
const BOX: (f64, f64, f64, f64) = (50.0, 10.0, 302.0, 206.0);

/// An axis.
pub(super) struct Axis {
    /// What it shows.
    pub label: &'static str,
    /// Largest value; the smallest is 0.
    pub high: f64,
    /// Whether values are shares, shown as percentages.
    pub percent: bool,
}

impl Axis {
    /// Shares from 0 to 1.
    pub fn share(label: &'static str) -> Self {
        Self { label, high: 1.0, percent: true }
    }

    /// From 0 to the tick at or above `high`.
    pub fn up_to(label: &'static str, high: f64, percent: bool) -> Self {
        let high = if high > 0.0 { high } else { 1.0 };
        let step = step(high);
        Self { label, high: (high / step - 1e-9).ceil() * step, percent }
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        let step = step(self.high);
        let (unit, end) = if self.percent { (100.0, "%") } else { (1.0, "") };
        // As many decimals as the step needs, no more: 2.5% but 20%.
        let decimals = (0..6).find(|&d| {
            let scaled = step * unit * 10_f64.powi(d);
            (scaled - scaled.round()).abs() < 1e-6
        });
        let decimals = decimals.unwrap_or(6) as usize;
        let last = (self.high / step + 1e-9).floor() as u32;
        let text = |v: f64| format!("{:.decimals$}{end}", v * unit);
        (0..=last).map(|i| f64::from(i) * step).map(|v| (v, text(v))).collect()
    }
}

/// A round step (1, 2, 2.5 or 5 times a power of ten) that makes three to five of `high`.
fn step(high: f64) -> f64 {
    let power = 10_f64.powf((high / 5.0).log10().floor());
    let fits = |m: &f64| high / (m * power) <= 5.0 + 1e-9;
    power * [1.0, 2.0, 2.5, 5.0].into_iter().find(fits).unwrap_or(10.0)
}

/// A plot being drawn.
pub(super) struct Plot {
    x: Axis,
    y: Axis,
    marks: String,
}

impl Plot {
    pub fn new(x: Axis, y: Axis) -> Self {
        Self { x, y, marks: String::new() }
    }

    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let along = |v: f64, high: f64, from: f64, to: f64| from + (v / high).clamp(0.0, 1.0) * (to - from);
        (along(x, self.x.high, BOX.0, BOX.2), along(y, self.y.high, BOX.3, BOX.1))
    }

    /// A line through points.
    pub fn line(mut self, class: &str, points: &[(f64, f64)]) -> Self {
        let text = |&p: &(f64, f64)| {
            let (x, y) = self.at(p);
            format!("{x:.1},{y:.1}")
        };
        let path: Vec<String> = points.iter().map(text).collect();
        if !path.is_empty() {
            let _ = write!(self.marks, r#"<polyline class="{class}" points="{}"/>"#, path.join(" "));
        }
        self
    }

    /// A line that goes up or down before it goes right: each point's y holds back to the x of the
    /// point before.
    pub fn stairs(self, class: &str, points: &[(f64, f64)]) -> Self {
        let mut stairs = Vec::with_capacity(2 * points.len());
        for &(x, y) in points {
            if let Some(&(before, _)) = stairs.last() {
                stairs.push((before, y));
            }
            stairs.push((x, y));
        }
        self.line(class, &stairs)
    }

    /// A dot with a bar from `low` to `high`.
    pub fn bar(mut self, x: f64, y: f64, low: f64, high: f64) -> Self {
        let ((x, y), (_, low), (_, high)) = (self.at((x, y)), self.at((x, low)), self.at((x, high)));
        let _ = write!(
            self.marks,
            r#"<path class="bar" d="M{x:.1} {low:.1}V{high:.1}M{:.1} {low:.1}h6m-6 {:.1}h6"/>"#,
            x - 3.0,
            high - low,
        );
        let _ = write!(self.marks, r#"<circle class="dot" cx="{x:.1}" cy="{y:.1}" r="3"/>"#);
        self
    }

    /// The SVG; `id` is unique in the page, `title` and `description` are escaped already.
    pub fn svg(self, id: &str, title: &str, description: &str) -> String {
        let mut s =
            format!(r#"<svg viewBox="0 0 {} {}" role="img" aria-labelledby="{id}t {id}d">"#, SIZE.0, SIZE.1);
        let _ = write!(s, r#"<title id="{id}t">{title}</title><desc id="{id}d">{description}</desc>"#);
        let (left, top, right, bottom) = BOX;
        for (v, text) in self.x.ticks() {
            let (x, _) = self.at((v, 0.0));
            let _ = write!(s, r#"<path class="grid" d="M{x:.1} {top}V{bottom}"/>"#);
            s += &label(&format!(r#"x="{x:.1}" y="{}""#, bottom + 15.0), "middle", &text);
        }
        for (v, text) in self.y.ticks() {
            let (_, y) = self.at((0.0, v));
            let _ = write!(s, r#"<path class="grid" d="M{left} {y:.1}H{right}"/>"#);
            s += &label(&format!(r#"x="{}" y="{:.1}""#, left - 5.0, y + 4.0), "end", &text);
        }
        let (middle, centre) = (f64::midpoint(left, right), f64::midpoint(top, bottom));
        let _ = write!(s, r#"<path class="axis" d="M{left} {top}V{bottom}H{right}"/>{}"#, self.marks);
        s += &label(&format!(r#"x="{middle}" y="{}""#, SIZE.1 - 8.0), "middle", self.x.label);
        s += &label(&format!(r#"transform="translate(12 {centre}) rotate(-90)""#), "middle", self.y.label);
        s + "</svg>"
    }
}

fn label(place: &str, anchor: &str, text: &str) -> String {
    format!(r#"<text {place} text-anchor="{anchor}">{text}</text>"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_end() {
        let text = |a: Axis| a.ticks().into_iter().map(|t| t.1).collect::<Vec<_>>().join(" ");
        assert_eq!(text(Axis::share("x")), "0% 20% 40% 60% 80% 100%");
        assert_eq!(text(Axis::up_to("x", 0.09, true)), "0% 2% 4% 6% 8% 10%");
        assert_eq!(text(Axis::up_to("x", 0.11, true)), "0.0% 2.5% 5.0% 7.5% 10.0% 12.5%");
        assert_eq!(text(Axis::up_to("x", 3.2, false)), "0 1 2 3 4");
        assert_eq!(text(Axis::up_to("x", 0.0, false)), "0.0 0.2 0.4 0.6 0.8 1.0");
        for high in [1e-6, 0.013, 0.7, 1.0, 7.3, 99.0, 1e6] {
            let a = Axis::up_to("x", high, false);
            let ticks = a.ticks();
            assert!(a.high >= high * (1.0 - 1e-9) && (3..=6).contains(&ticks.len()), "{high}: {ticks:?}");
            assert!((ticks.last().unwrap().0 / a.high - 1.0).abs() < 1e-9);
        }
    }
}
