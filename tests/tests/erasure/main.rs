//! A person is erased: nothing of them is left in any table of any service, in a stream, in an outbox,
//! in a dead letter or in an answer that is kept. On both engines and both buses.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod leave;
mod search;
mod world;

use prost::Message as _;
use salient_proto::{
    profile::v1::{
        Consent, Contact, ContactsChanged, ErasePersonRequest, RecordConsentsRequest, RecordConsentsResponse,
        UpdatePrivacySettingsRequest,
        consent::{Channel, Purpose, State},
    },
    recommendation::v1::Channel as Way,
};
use salient_store::{Db, sql};

use crate::{
    search::Needles,
    world::{Engine, Wire, World, fresh_id},
};

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_and_in_process() {
    nothing_is_left(Engine::Sqlite, Wire::InProcess).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_and_redis() {
    nothing_is_left(Engine::Sqlite, Wire::Redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_and_in_process() {
    nothing_is_left(Engine::Postgres, Wire::InProcess).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_and_redis() {
    nothing_is_left(Engine::Postgres, Wire::Redis).await;
}

async fn nothing_is_left(engine: Engine, wire: Wire) {
    let world = World::start(engine, wire).await;
    world.import().await;
    // everybody gets a name, an address and a number that stand nowhere else
    let mut contacts = world.contacts().await;
    for (number, contact) in contacts.iter_mut().enumerate() {
        contact.display_name = format!("Xenia Quillfeather {number:04}");
        contact.email = format!("xenia.quill.{number:04}@marker.example");
        contact.phone = format!("+44 7700 55{number:04}");
        contact.title = format!("Assistant of {}", contact.display_name);
        (contact.create_time, contact.update_time) = (None, None);
    }
    assert_eq!(world.upsert(contacts.clone()).await.result.unwrap().errors, []);
    world.settle().await;
    world.plan().await;

    let item = world.items().await.into_iter().find(|item| !item.contact.is_empty()).unwrap();
    let person = contacts.iter().find(|contact| contact.name == item.contact).unwrap().clone();
    let other = leave::another_record(&world, &person).await;
    let needles = Needles::new(&[
        &person.display_name,
        &person.email,
        &person.phone,
        &person.phone.replace(' ', ""),
        &other.display_name,
        &other.email,
        &other.phone,
    ]);
    leave::traces(&world, &item, &person, &other).await;
    let before = world.traces(&needles).await;
    for place in [
        "profile.contacts.body",
        "profile.interactions.body",
        "profile.opportunities.body",
        "profile.opportunity_changes.body",
        "profile.devices.display_name",
        "profile.transfer_chunks.data",
        "profile.accounts.body",
        "profile.account_facts.body",
        "profile.unified.body",
        "profile.pins.value",
        "profile.matches.body",
        "profile.merges.body",
        "profile.idempotency.response",
        "profile.consents.proof",
        "profile.person_export_parts.json",
        "scoring.attributes.value",
        "scoring.scores.features",
        "scoring.score_history.features",
        "recommendation.contacts.display_name",
        "recommendation.pools.drafts",
        "recommendation.recommendations.frozen",
        "recommendation.dead_letters.data",
        "feedback.reactions.comment",
        "feedback.idempotency.response",
    ] {
        assert!(before.iter().any(|found| found.starts_with(place)), "{place} has no trace: {before:?}");
    }
    // a version outlives an erasure, so that no name may ever get into one
    assert!(!before.iter().any(|found| found.starts_with("scoring.models.")), "{before:?}");

    let erase = ErasePersonRequest { request_id: fresh_id(), contact: person.name.clone() };
    let begun = world.clients.privacy.clone().erase_person(erase.clone()).await.unwrap().into_inner();
    let certificate = world.certificate(&begun.erasure.unwrap().name).await;
    assert_eq!(world.traces(&needles).await, Vec::<String>::new());

    // the certificate says who did what, and whom it was about by an id only
    let services: Vec<&str> =
        certificate.confirmations.iter().map(|confirmation| confirmation.service.as_str()).collect();
    assert_eq!(services, ["feedback", "profile", "recommendation", "scoring"]);
    assert!(certificate.confirmations.iter().all(|confirmation| confirmation.confirm_time.is_some()));
    let removed = |place: usize, kind: &str| certificate.confirmations[place].removed.get(kind).copied();
    assert_eq!(removed(0, "comments"), Some(1));
    assert_eq!((removed(1, "contacts"), removed(1, "consents")), (Some(2), Some(1)));
    assert_eq!((removed(1, "merges"), removed(1, "reviews")), (Some(1), Some(2)));
    assert_eq!((removed(1, "opportunity_changes"), removed(1, "devices")), (Some(1), Some(1)));
    assert_eq!(removed(1, "transfers"), Some(1));
    assert_eq!((removed(2, "contacts"), removed(2, "dead_letters")), (Some(2), Some(1)));
    assert!(removed(2, "recommendations") >= Some(1));
    assert_eq!(removed(3, "contacts"), Some(2), "{certificate:?}");
    // asked again, by the same request or another, by this record or the other, nothing happens twice
    let repeated = world.clients.privacy.clone().erase_person(erase).await.unwrap().into_inner();
    assert_eq!(repeated.erasure.unwrap().name, certificate.name);
    let again = ErasePersonRequest { request_id: fresh_id(), contact: other.name.clone() };
    let again = world.clients.privacy.clone().erase_person(again).await.unwrap().into_inner();
    assert_eq!(again.erasure.unwrap(), certificate);

    others_stay(&world, &person).await;
    for record in [&other, &person] {
        is_refused(&world, record, &needles).await;
    }
    comes_back_with_a_consent(&world, &person).await;
    world.end().await;
}

fn consent(world: &World, person: &Contact, channel: Channel, state: State, proof: &str) -> Consent {
    Consent {
        contact: person.name.clone(),
        purpose: Purpose::Sales.into(),
        channel: channel.into(),
        state: state.into(),
        consent_time: world.ago(1),
        proof: proof.to_owned(),
        source: "test".into(),
        ..Consent::default()
    }
}

async fn record(world: &World, consents: Vec<Consent>) -> RecordConsentsResponse {
    let request = RecordConsentsRequest { request_id: fresh_id(), consents };
    world.clients.privacy.clone().record_consents(request).await.unwrap().into_inner()
}

/// What is of others, or of the account, is still there.
async fn others_stay(world: &World, person: &Contact) {
    let contacts = world.contacts().await;
    assert!(!contacts.iter().any(|contact| contact.name == person.name));
    assert!(contacts.len() > 10);
    assert!(world.items().await.iter().all(|item| item.contact != person.name));
    // of the person's calls nobody is left whom they tried to reach
    let db = Db::connect(&world.stores["scoring"]).await.unwrap();
    let tried = "select count(*), count(c.contact) from account_events e
        left join contacts c on c.person = e.person where e.person is not null";
    let tried: (i64, i64) = sql(tried).fetch_one(&mut db.read().await.unwrap()).await.unwrap();
    db.close().await;
    assert!(tried.0 > 0 && tried.0 == tried.1, "{tried:?}");
    let db = Db::connect(&world.stores["recommendation"]).await.unwrap();
    let letters: Vec<(Vec<u8>,)> =
        sql("select data from dead_letters").fetch_all(&mut db.read().await.unwrap()).await.unwrap();
    db.close().await;
    assert_eq!(ContactsChanged::decode(letters[0].0.as_slice()).unwrap().contacts.len(), 1);
}

/// No record of the person is taken up again from its source.
async fn is_refused(world: &World, record: &Contact, needles: &Needles) {
    let refused = world.upsert(vec![Contact { name: String::new(), ..record.clone() }]).await.result.unwrap();
    assert_eq!((refused.created, refused.errors.len()), (0, 1));
    assert_eq!(refused.errors[0].reason, "PERSON_ERASED");
    world.settle().await;
    assert_eq!(world.traces(needles).await, Vec::<String>::new());
}

/// Until there is a new consent.
async fn comes_back_with_a_consent(world: &World, person: &Contact) {
    let by_key = |hours| Consent {
        contact: String::new(),
        contact_key: person.source_key.clone(),
        consent_time: world.ago(hours),
        ..consent(world, person, Channel::Email, State::Granted, "form 7")
    };
    // given before the erasure, it revives nobody
    let old = record(world, vec![by_key(5)]).await.result.unwrap();
    assert_eq!(old.errors[0].reason, "PERSON_ERASED");
    assert!(world.suite.clock.set(world.now() + chrono::TimeDelta::hours(3)));
    let new = record(world, vec![by_key(1)]).await;
    assert_eq!(new.result.unwrap().created, 1);
    let taken = world.upsert(vec![Contact { name: String::new(), ..person.clone() }]).await;
    assert_eq!(taken.result.unwrap().created, 1);
    assert_ne!(taken.names[0], person.name);
    assert!(new.names[0].starts_with(&taken.names[0]), "{:?} is not of {:?}", new.names, taken.names);
    world.settle().await;
}

/// Without a known consent nobody is named when the tenant says so, though the accounts are proposed
/// still; a grant brings a person back.
#[tokio::test(flavor = "multi_thread")]
async fn lists_respect_what_people_agreed_to() {
    let world = World::start(Engine::Sqlite, Wire::InProcess).await;
    world.import().await;
    world.plan().await;
    let items = world.items().await;
    let item = items.iter().find(|item| !item.contact.is_empty()).unwrap().clone();
    let settings = salient_proto::profile::v1::PrivacySettings {
        unknown_consent: salient_proto::profile::v1::privacy_settings::UnknownConsent::Forbidden.into(),
        ..Default::default()
    };
    let request = UpdatePrivacySettingsRequest { request_id: fresh_id(), settings: Some(settings) };
    world.clients.privacy.clone().update_privacy_settings(request).await.unwrap();
    world.settle().await;
    let nameless = world.items().await;
    assert!(nameless.iter().all(|item| item.contact.is_empty()));
    assert_eq!(nameless.len(), items.len());

    let contacts = world.contacts().await;
    let person = contacts.iter().find(|contact| contact.name == item.contact).unwrap();
    let way = if person.email.is_empty() { Channel::Call } else { Channel::Email };
    record(&world, vec![consent(&world, person, way, State::Granted, "signed form")]).await;
    world.settle().await;
    let back: Vec<_> = world.items().await.into_iter().filter(|item| !item.contact.is_empty()).collect();
    assert!(!back.is_empty() && back.iter().all(|other| other.contact == person.name), "{back:?}");
    let expected = if way == Channel::Email { Way::Email } else { Way::Call };
    assert!(back.iter().all(|other| other.channel() == expected));
    world.end().await;
}

/// What a person said as the one record holds for the other while the two are one, and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn consent_follows_a_merge_and_returns_on_its_undo() {
    let world = World::start(Engine::Sqlite, Wire::InProcess).await;
    world.import().await;
    world.plan().await;
    // at an account where nobody else is known
    let contacts = world.contacts().await;
    let alone = |account: &String| contacts.iter().filter(|contact| contact.account == *account).count() == 1;
    let items = world.items().await;
    let item = items.iter().find(|item| !item.contact.is_empty() && alone(&item.account)).unwrap();
    let person = contacts.iter().find(|contact| contact.name == item.contact).unwrap().clone();
    let other = leave::another_record(&world, &person).await;
    let quiet = [Channel::Call, Channel::Email]
        .map(|channel| consent(&world, &other, channel, State::Withdrawn, "said so"));
    record(&world, quiet.to_vec()).await;
    world.settle().await;
    let named = async || {
        let items = world.items().await;
        items.into_iter().any(|item| item.contact == person.name)
    };
    assert!(named().await);
    let merge = world.merge(&person.name, &other.name, "the same person").await;
    world.settle().await;
    assert!(!named().await);
    world.undo(&merge.name).await;
    world.settle().await;
    assert!(named().await);
    world.end().await;
}

/// A suite that ends in the middle of an erasure goes on with it when it starts again.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_goes_on_after_a_restart() {
    for (engine, wire) in [(Engine::Sqlite, Wire::InProcess), (Engine::Postgres, Wire::Redis)] {
        let mut world = World::start(engine, wire).await;
        world.import().await;
        let person = world.contacts().await.remove(0);
        let needles = Needles::new(&[&person.email]);
        let erase = ErasePersonRequest { request_id: fresh_id(), contact: person.name };
        let begun = world.clients.privacy.clone().erase_person(erase).await.unwrap().into_inner();
        world.restart().await;
        world.certificate(&begun.erasure.unwrap().name).await;
        assert_eq!(world.traces(&needles).await, Vec::<String>::new());
        world.end().await;
    }
}
