//! `salient explain`.

use anyhow::Result;
use salient_proto::recommendation::v1::{
    Evidence, ExplainRecommendationRequest,
    evidence::{Fact, Factor},
};

use super::{find, json, refusal};
use crate::{
    cli,
    session::{Session, path},
};

/// Prints the evidence behind a recommendation.
///
/// # Errors
/// No suite runs, or it refuses.
pub async fn run(options: cli::Explain) -> Result<()> {
    let clients = Session::read(&path(options.target.session))?.connect()?;
    let recommendation = find(&clients, &options.recommendation).await?;
    let request = ExplainRecommendationRequest { name: recommendation.name.clone() };
    let answer = clients.recommendation.clone().explain_recommendation(request).await;
    let explanation = answer.map_err(refusal)?.into_inner();
    if options.json {
        println!("{}", serde_json::to_string_pretty(&json(&explanation)?)?);
        return Ok(());
    }
    println!(
        "{} · {} {} · {:.0} % likely within 30 days",
        recommendation.account_display_name,
        recommendation.action,
        recommendation.product_display_name,
        explanation.probability * 100.0
    );
    for evidence in &explanation.evidence {
        println!("  - {}", evidence.text);
        for line in details(evidence) {
            println!("      {line}");
        }
    }
    if explanation.not_enough_data {
        println!("  The account's own history is too short to say more.");
    }
    println!("  ranked by {}", explanation.policy);
    for model in explanation.models {
        println!("  with {model}");
    }
    Ok(())
}

fn details(evidence: &Evidence) -> Vec<String> {
    match &evidence.fact {
        Some(Fact::SimilarAccounts(similar)) if !similar.examples.is_empty() => {
            vec![format!("for example {}", similar.examples.join(", "))]
        }
        Some(Fact::AccountScore(score)) => score.factors.iter().map(factor).collect(),
        Some(Fact::PairFactors(pair)) => pair.factors.iter().map(factor).collect(),
        _ => Vec::new(),
    }
}

fn factor(factor: &Factor) -> String {
    let value = factor.value.map_or_else(|| "not known".to_owned(), |value| format!("{value:.1}"));
    format!("{:+.2} log-odds  {} = {value}", factor.log_odds, factor.feature.replace('_', " "))
}
