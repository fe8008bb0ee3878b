//! `salient events`.

use anyhow::{Result, bail};
use salient_kit::client::Link;
use salient_proto::common::v1::{
    GetEventStatusRequest, ListDeadLettersRequest, ReplayDeadLettersRequest,
    events_service_client::EventsServiceClient,
};

use super::refusal;
use crate::{
    cli::{self, EventsCommand},
    session::{Clients, Session, path},
};

/// Shows counts and dead letters, and applies dead letters again.
///
/// # Errors
/// No suite runs, or it refuses.
pub async fn run(options: cli::Events) -> Result<()> {
    let clients = Session::read(&path(options.target.session))?.connect()?;
    match options.command {
        EventsCommand::Status => status(&clients).await,
        EventsCommand::Dead { service } => dead(of(&clients, &service)?).await,
        EventsCommand::Replay { service, event_ids } => {
            let request = ReplayDeadLettersRequest { event_ids };
            let answer = of(&clients, &service)?.replay_dead_letters(request).await.map_err(refusal)?;
            let answer = answer.into_inner();
            println!("{} applied, {} failed again", answer.applied, answer.failed);
            Ok(())
        }
    }
}

fn of(clients: &Clients, service: &str) -> Result<EventsServiceClient<Link>> {
    match clients.events.iter().find(|(name, _)| *name == service) {
        Some((_, client)) => Ok(client.clone()),
        None => bail!("{service:?} has no events: profile, scoring, recommendation and feedback have"),
    }
}

async fn status(clients: &Clients) -> Result<()> {
    println!(
        "{:16} {:52} {:>9} {:>9} {:>9} {:>6}",
        "service", "event", "committed", "published", "applied", "dead"
    );
    for (name, client) in &clients.events {
        let answer = client.clone().get_event_status(GetEventStatusRequest {}).await.map_err(refusal)?;
        for entry in answer.into_inner().types {
            println!(
                "{name:16} {:52} {:>9} {:>9} {:>9} {:>6}",
                entry.r#type, entry.committed, entry.published, entry.applied, entry.dead
            );
        }
    }
    Ok(())
}

async fn dead(mut client: EventsServiceClient<Link>) -> Result<()> {
    let mut page_token = String::new();
    loop {
        let request = ListDeadLettersRequest { page_size: 0, page_token };
        let page = client.list_dead_letters(request).await.map_err(refusal)?.into_inner();
        for letter in page.dead_letters {
            println!("{}  {}  {} tries: {}", letter.event_id, letter.r#type, letter.attempts, letter.error);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(());
        }
    }
}
