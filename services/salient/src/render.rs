//! A plan as a table that a person likes to read.

use chrono::{DateTime, Utc};
use comfy_table::{
    Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets,
};
use prost_types::Timestamp;
use salient_core::{Currency, Estimate};
use salient_proto::{
    common::v1 as common,
    recommendation::v1::{Channel, DailyPlan, ListQuality, Recommendation},
};

/// Width of a table where the terminal does not tell.
const WIDTH: u16 = 132;

/// A seller's list.
#[must_use]
pub fn plan(plan: &DailyPlan) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(
            ["#", "account", "action", "product", "when and how", "worth", "likely", "why"]
                .map(|title| Cell::new(title).add_attribute(Attribute::Bold)),
        );
    if !table.is_tty() {
        table.set_width(WIDTH);
    }
    for item in &plan.recommendations {
        table.add_row([
            Cell::new(item.rank).set_alignment(CellAlignment::Right),
            Cell::new(who(item)),
            Cell::new(&item.action),
            Cell::new(&item.product_display_name),
            Cell::new(when_and_how(item)),
            Cell::new(money(item.amount.as_ref())).set_alignment(CellAlignment::Right),
            Cell::new(format!("{:.0} %", item.probability * 100.0)).set_alignment(CellAlignment::Right),
            Cell::new(&item.why),
        ]);
    }
    for (column, width) in [(1, 16), (3, 26), (4, 15)] {
        if let Some(column) = table.column_mut(column) {
            column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(width)));
        }
    }
    let mut text = table.to_string();
    for notice in &plan.notices {
        text.push_str(&format!("\n  note: {notice}"));
    }
    text
}

fn who(item: &Recommendation) -> String {
    if item.contact_display_name.is_empty() {
        item.account_display_name.clone()
    } else {
        format!("{}\n{}", item.account_display_name, item.contact_display_name)
    }
}

fn when_and_how(item: &Recommendation) -> String {
    let channel = match item.channel() {
        Channel::Call => "call",
        Channel::Email => "e-mail",
        Channel::Visit => "visit",
        Channel::Unspecified => "",
    };
    match (time(item.window_start_time.as_ref()), time(item.window_end_time.as_ref())) {
        (Some(from), Some(to)) => {
            format!("{} {}–{}\n{channel}", from.format("%a"), from.format("%H:%M"), to.format("%H:%M"))
        }
        _ => channel.to_owned(),
    }
}

/// A time of the wire.
#[must_use]
pub fn time(at: Option<&Timestamp>) -> Option<DateTime<Utc>> {
    let at = at?;
    DateTime::from_timestamp(at.seconds, u32::try_from(at.nanos).ok()?)
}

/// An expected amount, in whole major units.
#[must_use]
pub fn money(amount: Option<&common::Estimate>) -> String {
    let Some(amount) = amount else { return String::new() };
    match Currency::try_from(amount.currency_code.as_str()) {
        Ok(currency) => {
            let major = Estimate { minor_units: amount.minor_units, currency }.minor_units
                / 10_f64.powi(i32::try_from(currency.digits()).unwrap_or(2));
            format!("{major:.0} {currency}")
        }
        Err(_) => String::new(),
    }
}

/// How good lists were, a line each.
#[must_use]
pub fn quality(lists: &[ListQuality]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(
        ["list", "came true", "95 % interval", "promised", "worth of what came true", "of"]
            .map(|title| Cell::new(title).add_attribute(Attribute::Bold)),
    );
    for list in lists {
        let kept = list.kept.unwrap_or_default();
        table.add_row([
            Cell::new(&list.list),
            Cell::new(share(kept.value)).set_alignment(CellAlignment::Right),
            Cell::new(match (kept.low, kept.high) {
                (Some(low), Some(high)) => format!("{:.1} – {:.1} %", low * 100.0, high * 100.0),
                _ => String::new(),
            }),
            Cell::new(share(list.promised)).set_alignment(CellAlignment::Right),
            Cell::new(money(list.worth.as_ref())).set_alignment(CellAlignment::Right),
            Cell::new(kept.total).set_alignment(CellAlignment::Right),
        ]);
    }
    table.to_string()
}

fn share(value: Option<f64>) -> String {
    value.map(|value| format!("{:.1} %", value * 100.0)).unwrap_or_default()
}
