//! No log line speaks of a person.

use std::{
    io::Write,
    sync::{Mutex, Once},
};

use salient_kit::Role;
use salient_proto::profile::v1::{
    Consent, Contact, ErasePersonRequest, IngestRecordsRequest, Interaction, ListContactsRequest,
    RecordConsentsRequest,
    consent::{Channel, Purpose, State},
    privacy_service_client::PrivacyServiceClient,
};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::world::{World, account, both, contact, interaction, key, request_id, stream};

both!(an_import_is_not_told);

/// Every line that this process logs from the first test here on, whatever its tests do beside.
static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = "debug,sqlx=trace,salient_profile=trace,salient_store=trace,salient_events=trace";
        let lines = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_ansi(false);
        lines.with_writer(Capture).init();
    });
}

#[derive(Clone, Copy)]
struct Capture;

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Capture {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

async fn an_import_is_not_told(world: &World) {
    capture();
    let secret = ["Wilhelmina Quobble", "quobble@hidden.example", "+4930555123987", "quobble-key"];
    let person = |id: &str| Contact {
        source_key: key(id),
        display_name: secret[0].into(),
        email: secret[1].into(),
        phone: secret[2].into(),
        ..contact("1", "a")
    };
    let naming = Interaction {
        contact_key: key(secret[3]),
        summary: format!("call {} at {}", secret[0], secret[2]),
        ..interaction("1", "a", world.ago(1))
    };
    let message = IngestRecordsRequest {
        request_id: request_id(),
        accounts: vec![account("a")],
        contacts: vec![
            person(secret[3]),
            // refused: no such account, too long, not storable
            Contact { account_key: key("nowhere"), ..person("2") },
            Contact { title: secret[0].repeat(20), ..person("3") },
            Contact { display_name: format!("{}\0", secret[0]), ..person("4") },
        ],
        interactions: vec![naming, Interaction { kind: 0, ..interaction("2", "a", world.ago(1)) }],
        ..IngestRecordsRequest::default()
    };
    let mut client = world.client();
    let answer = client.ingest_records(stream(vec![message.clone(), message])).await.unwrap().into_inner();
    // the second time it is the first answer
    assert_eq!(answer.contacts.unwrap().created, 2);
    let found = |text: String| ListContactsRequest { filter: text, ..ListContactsRequest::default() };
    let page = client.list_contacts(found(format!("email = \"{}\"", secret[1]))).await.unwrap().into_inner();
    client.list_contacts(found(format!("email ~ \"{}\"", secret[1]))).await.unwrap_err();

    let name = page.contacts[0].name.clone();
    let consent = Consent {
        contact: name.clone(),
        purpose: Purpose::Sales.into(),
        channel: Channel::Call.into(),
        state: State::Granted.into(),
        consent_time: Some(world.ago(1)),
        proof: format!("signed by {}", secret[0]),
        source: "web".into(),
        ..Consent::default()
    };
    let mut privacy = PrivacyServiceClient::new(world.link("acme", Role::Operator));
    let request = RecordConsentsRequest { request_id: request_id(), consents: vec![consent] };
    privacy.record_consents(request).await.unwrap();
    privacy.erase_person(ErasePersonRequest { request_id: request_id(), contact: name }).await.unwrap();

    let lines = String::from_utf8_lossy(&LINES.lock().unwrap()).into_owned();
    assert!(lines.contains("person erased from this service"), "nothing was captured");
    for text in secret {
        let told: Vec<_> = lines.lines().filter(|line| line.contains(text)).collect();
        assert_eq!(told, Vec::<&str>::new(), "{text}");
    }
}
