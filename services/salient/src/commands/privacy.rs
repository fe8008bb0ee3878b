//! `salient privacy`.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use prost_types::Timestamp;
use salient_proto::profile::v1::{
    ErasePersonRequest, Erasure, ExportPersonRequest, GetErasureRequest, GetPersonExportRequest, PersonExport,
};
use serde_json::{Map, Value};

use super::{plan::fresh_id, refusal};
use crate::{
    cli::{self, PrivacyCommand},
    session::{Clients, Session, path},
};

/// Between two looks at how far the services are.
const GLANCE: Duration = Duration::from_millis(200);
/// How long they are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Prints an export, or erases and prints the certificate.
///
/// # Errors
/// No suite runs, it refuses, or a service does not answer.
pub async fn run(options: cli::Privacy) -> Result<()> {
    let clients = Session::read(&path(options.target.session))?.connect()?;
    match options.command {
        PrivacyCommand::Export { contact } => {
            let export = export(&clients, named(contact)).await?;
            println!("{}", serde_json::to_string_pretty(&readable(&export)?)?);
        }
        PrivacyCommand::Erase { contact } => print(&erase(&clients, named(contact)).await?),
    }
    Ok(())
}

fn named(contact: String) -> String {
    if contact.contains('/') { contact } else { format!("contacts/{contact}") }
}

async fn export(clients: &Clients, contact: String) -> Result<PersonExport> {
    let mut client = clients.privacy.clone();
    let request = ExportPersonRequest { request_id: fresh_id(), contact };
    let begun = client.export_person(request).await.map_err(refusal)?.into_inner();
    let name = begun.export.context("the suite answered without an export")?.name;
    let begin = Instant::now();
    loop {
        let request = GetPersonExportRequest { name: name.clone() };
        let found = client.get_person_export(request).await.map_err(refusal)?.into_inner();
        let found = found.export.context("the suite answered without an export")?;
        if found.complete_time.is_some() {
            return Ok(found);
        }
        if begin.elapsed() > PATIENCE {
            bail!("{name} is not complete: {} did not answer yet", found.missing_services.join(", "));
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// What each service holds, under its name.
fn readable(export: &PersonExport) -> Result<Value> {
    let mut all = Map::new();
    for part in &export.parts {
        all.insert(part.service.clone(), serde_json::from_str(&part.json)?);
    }
    Ok(all.into())
}

async fn erase(clients: &Clients, contact: String) -> Result<Erasure> {
    let mut client = clients.privacy.clone();
    let request = ErasePersonRequest { request_id: fresh_id(), contact };
    let begun = client.erase_person(request).await.map_err(refusal)?.into_inner();
    let name = begun.erasure.context("the suite answered without an erasure")?.name;
    let begin = Instant::now();
    loop {
        let request = GetErasureRequest { name: name.clone() };
        let found = client.get_erasure(request).await.map_err(refusal)?.into_inner();
        let found = found.erasure.context("the suite answered without an erasure")?;
        if found.complete_time.is_some() || begin.elapsed() > PATIENCE {
            return Ok(found);
        }
        tokio::time::sleep(GLANCE).await;
    }
}

fn print(certificate: &Erasure) {
    println!("{}  {}, asked for by {}", certificate.name, certificate.contact, certificate.requester);
    for service in &certificate.confirmations {
        let removed: Vec<String> = service
            .removed
            .iter()
            .map(|(kind, count)| format!("{count} {}", kind.replace('_', " ")))
            .collect();
        let removed = if removed.is_empty() { "nothing held".to_owned() } else { removed.join(", ") };
        println!("  {:16} {:28} {removed}", service.service, time(service.confirm_time.as_ref()));
    }
    println!("  {:16} {}", "complete", time(certificate.complete_time.as_ref()));
}

fn time(time: Option<&Timestamp>) -> String {
    time.and_then(|at| DateTime::<Utc>::from_timestamp(at.seconds, at.nanos.try_into().ok()?))
        .map_or_else(|| "not yet".to_owned(), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}
