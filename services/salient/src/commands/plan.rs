//! `salient plan`.

use anyhow::Result;
use salient_proto::{
    feedback::v1::{Exposure, RecordExposuresRequest},
    recommendation::v1::{DailyPlan, GetDailyPlanRequest},
};

use super::{json, refusal};
use crate::{
    cli, render,
    session::{Clients, Session, path},
};

/// Prints a seller's list, and records that it was shown.
///
/// # Errors
/// No suite runs, or it refuses.
pub async fn run(options: cli::Plan) -> Result<()> {
    let clients = Session::read(&path(options.target.session))?.connect()?;
    let day = options.date.map_or_else(|| "today".into(), |date| date.to_string());
    let plan = fetch(&clients, &options.seller, &day).await?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&json(&plan)?)?);
    } else {
        println!("{}", title(&plan));
        println!("{}", render::plan(&plan));
        println!("\n  salient react {}/1 accept    salient explain {}/1", options.seller, options.seller);
    }
    expose(&clients, &plan).await
}

/// A seller's list for a day (`YYYY-MM-DD` or `today`).
///
/// # Errors
/// The suite refuses.
pub async fn fetch(clients: &Clients, seller: &str, day: &str) -> Result<DailyPlan> {
    let name = format!("sellers/{seller}/plans/{day}");
    let answer = clients.recommendation.clone().get_daily_plan(GetDailyPlanRequest { name }).await;
    Ok(answer.map_err(refusal)?.into_inner().plan.unwrap_or_default())
}

/// Heading of a list.
#[must_use]
pub fn title(plan: &DailyPlan) -> String {
    let day = plan.name.rsplit('/').next().unwrap_or_default();
    let (seller, items, book) = (&plan.seller_display_name, plan.recommendations.len(), plan.book_size);
    format!("{seller} · {day} · {items} recommendations from a book of {book} accounts")
}

async fn expose(clients: &Clients, plan: &DailyPlan) -> Result<()> {
    if plan.recommendations.is_empty() {
        return Ok(());
    }
    let exposures = plan
        .recommendations
        .iter()
        .map(|item| Exposure {
            recommendation: item.name.clone(),
            // shown on the list as it was made: one exposure a plan, however often it is printed
            expose_time: plan.plan_time,
            surface: "cli".into(),
            rank: item.rank,
        })
        .collect();
    let request = RecordExposuresRequest { request_id: fresh_id(), exposures };
    clients.feedback.clone().record_exposures(request).await.map_err(refusal)?;
    Ok(())
}

/// A new request id.
#[must_use]
pub fn fresh_id() -> String {
    salient_core::Clock::system().uuid().to_string()
}

/// A request id that is the same for the same text, so that a repeated start finds its run.
#[must_use]
pub fn stable_id(text: &str) -> String {
    use md5::{Digest as _, Md5};
    let digest: [u8; 16] = Md5::digest(text.as_bytes()).into();
    uuid::Builder::from_custom_bytes(digest).into_uuid().to_string()
}
