//! What the demo says at its end.

use anyhow::Result;
use salient_proto::recommendation::v1::{DailyPlan, EvaluatePlansResponse};
use serde_json::json;

use crate::{
    commands::{json as on_wire, plan::title},
    render,
    session::Session,
};

/// For people.
pub fn people(plan: &DailyPlan, quality: &EvaluatePlansResponse, notices: &[String]) {
    println!();
    for notice in notices {
        println!("  {notice}");
    }
    println!("\n{}", title(plan));
    println!("{}", render::plan(plan));
    println!(
        "\nHow good the lists of {} were: what all sellers' recommendations came to in the 30 days after",
        quality.date
    );
    println!("{}", render::quality(&quality.lists));
    if quality.incomplete {
        println!("  the data ends before those 30 days do, so the shares are too low");
    }
}

/// For programs.
///
/// # Errors
/// A message is not in the contracts.
pub fn json(plan: &DailyPlan, quality: &EvaluatePlansResponse, notices: &[String]) -> Result<String> {
    let value = json!({ "notices": notices, "plan": on_wire(plan)?, "quality": on_wire(quality)? });
    Ok(serde_json::to_string_pretty(&value)?)
}

/// Where everything is, and what to try next.
pub fn addresses(session: &Session, plan: &DailyPlan) {
    println!("\nServing until Ctrl-C:");
    for (name, address) in &session.services {
        match name.as_str() {
            "gateway" => {
                println!("  {name:16} {address}/  (REST, and a page to try it)  {address}/openapi.json")
            }
            _ => println!("  {name:16} {address}  (gRPC, with reflection)"),
        }
    }
    let seller = plan.seller.trim_start_matches("sellers/");
    println!("\nFrom another terminal:");
    println!("  salient plan {seller}");
    println!("  salient explain {seller}/1");
    println!("  salient react {seller}/1 dismiss --reason not-relevant");
}
