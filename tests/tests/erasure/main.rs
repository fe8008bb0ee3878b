//! A person is erased: nothing of them is left in any table of any service, in a stream, in an outbox,
//! in a dead letter or in an answer that is kept. On both engines and both buses.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod search;
mod world;

use prost::{Message as _, Name as _};
use salient_core::Clock;
use salient_proto::{
    common::v1::SourceKey,
    feedback::v1::{DismissReason, ReactionAction, RecordReactionRequest},
    profile::v1::{
        Account, Consent, Contact, ContactsChanged, ErasePersonRequest, ExportPersonRequest, Interaction,
        Opportunity, RecordConsentsRequest, RecordConsentsResponse, UpdatePrivacySettingsRequest,
        UpsertAccountsRequest, UpsertInteractionsRequest, UpsertOpportunitiesRequest,
        consent::{Channel, Purpose, State},
        interaction,
    },
    recommendation::v1::{Channel as Way, Recommendation},
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
        (contact.create_time, contact.update_time) = (None, None);
    }
    assert_eq!(world.upsert(contacts.clone()).await.result.unwrap().errors, []);
    world.settle().await;
    world.plan().await;

    let item = world.items().await.into_iter().find(|item| !item.contact.is_empty()).unwrap();
    let person = contacts.iter().find(|contact| contact.name == item.contact).unwrap().clone();
    let needles = Needles::new(&[&person.display_name, &person.email, &person.phone]);
    leave_traces(&world, &item, &person).await;
    let before = world.traces(&needles).await;
    for place in [
        "profile.contacts.body",
        "profile.interactions.body",
        "profile.opportunities.body",
        "profile.accounts.body",
        "profile.consents.proof",
        "profile.person_export_parts.json",
        "recommendation.contacts.display_name",
        "recommendation.pools.drafts",
        "recommendation.recommendations.frozen",
        "recommendation.dead_letters.data",
        "feedback.reactions.comment",
        "feedback.idempotency.response",
    ] {
        assert!(before.iter().any(|found| found.starts_with(place)), "{place} has no trace: {before:?}");
    }

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
    assert_eq!((removed(1, "contacts"), removed(1, "consents")), (Some(1), Some(1)));
    assert_eq!((removed(2, "contacts"), removed(2, "dead_letters")), (Some(1), Some(1)));
    assert!(removed(2, "recommendations") >= Some(1));
    // asked again, by the same request or another, nothing happens twice
    let again = ErasePersonRequest { request_id: fresh_id(), ..erase };
    let again = world.clients.privacy.clone().erase_person(again).await.unwrap().into_inner();
    assert_eq!(again.erasure.unwrap(), certificate);

    others_stay(&world, &person).await;
    stays_away(&world, &person, &needles).await;
    world.end().await;
}

/// Everything that may speak of a person, wherever a caller can write it.
async fn leave_traces(world: &World, item: &Recommendation, person: &Contact) {
    let text = format!("{} wants an offer, {} or {}", person.display_name, person.email, person.phone);
    let key = |id: &str| Some(SourceKey { source: "trace".into(), id: id.into() });
    let interaction = |id: &str, contact_key: Option<SourceKey>| Interaction {
        source_key: key(id),
        account: person.account.clone(),
        contact_key,
        kind: interaction::Kind::Call.into(),
        occur_time: world.ago(30),
        quantity: 1.0,
        summary: text.clone(),
        ..Interaction::default()
    };
    let interactions = vec![interaction("i1", person.source_key.clone()), interaction("i2", None)];
    let request = UpsertInteractionsRequest { request_id: fresh_id(), interactions, update_mask: None };
    let answer = world.clients.profile.clone().upsert_interactions(request).await.unwrap().into_inner();
    assert_eq!(answer.result.unwrap().created, 2);

    let opportunity = Opportunity {
        source_key: key("o"),
        account: person.account.clone(),
        display_name: format!("offer for {}", person.display_name),
        open_time: world.ago(20),
        ..Opportunity::default()
    };
    let request = UpsertOpportunitiesRequest {
        request_id: fresh_id(),
        opportunities: vec![opportunity],
        update_mask: None,
    };
    world.clients.profile.clone().upsert_opportunities(request).await.unwrap();

    let request =
        salient_proto::profile::v1::GetAccountRequest { name: person.account.clone(), read_mask: None };
    let account =
        world.clients.profile.clone().get_account(request).await.unwrap().into_inner().account.unwrap();
    let attributes = [("main contact".to_owned(), person.email.clone())].into();
    let account = Account { attributes, create_time: None, update_time: None, ..account };
    let request =
        UpsertAccountsRequest { request_id: fresh_id(), accounts: vec![account], update_mask: None };
    world.clients.profile.clone().upsert_accounts(request).await.unwrap();

    // the list is chosen again, so that what was written first is not all there is
    let withdrawn = consent(world, person, Channel::Call, State::Withdrawn, &text);
    assert_eq!(record(world, vec![withdrawn]).await.result.unwrap().created, 1);
    world.settle().await;
    let items = world.items().await;
    let moved = items.iter().find(|other| other.name == item.name).unwrap();
    assert_eq!((&moved.contact, moved.channel()), (&item.contact, Way::Email));

    let reaction = RecordReactionRequest {
        request_id: fresh_id(),
        recommendation: item.name.clone(),
        attribution_token: item.attribution_token.clone(),
        action: ReactionAction::Dismiss.into(),
        reason: DismissReason::BadTiming.into(),
        comment: text.clone(),
        ..RecordReactionRequest::default()
    };
    world.clients.feedback.clone().record_reaction(reaction).await.unwrap();
    world.settle().await;

    let request = ExportPersonRequest { request_id: fresh_id(), contact: person.name.clone() };
    let begun = world.clients.privacy.clone().export_person(request).await.unwrap().into_inner();
    let export = world.export(&begun.export.unwrap().name).await;
    let part = |service: &str| {
        let part = export.parts.iter().find(|part| part.service == service).unwrap();
        serde_json::from_str::<serde_json::Value>(&part.json).unwrap()
    };
    assert_eq!(part("profile")["contacts"][0]["email"], person.email.as_str());
    let named = part("profile")["interactions"].as_array().unwrap().clone();
    assert!(named.iter().any(|interaction| interaction["summary"] == text.as_str()));
    assert_eq!(part("profile")["consents"][0]["proof"], text.as_str());
    let items = part("recommendation")["recommendations"].as_array().unwrap().clone();
    assert!(items.iter().any(|other| other["name"] == item.name.as_str()));
    assert_eq!(part("feedback")["reactions"][0]["comment"], text.as_str());
    assert_eq!(part("scoring"), serde_json::json!({}));
    dead_letter(world, person).await;
}

/// A dead letter that speaks of the person and of another.
async fn dead_letter(world: &World, person: &Contact) {
    let other = Contact { name: format!("contacts/{}", Clock::system().uuid()), ..Contact::default() };
    let data = ContactsChanged { contacts: vec![person.clone(), other] }.encode_to_vec();
    let db = Db::connect(&world.stores["recommendation"]).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    sql("insert into dead_letters (tenant, consumer, id, type, source, shard, subject, time, data, error, attempts, fail_time)
         values ($1, 'recommendation', $2, $3, 'profile', 0, '', 0, $4, $5, 5, 0)")
    .bind(salient::suite::TENANT)
    .bind(Clock::system().uuid())
    .bind(format!("{}Old", ContactsChanged::full_name()))
    .bind(data)
    .bind(format!("did not like {}", person.email))
    .execute(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    db.close().await;
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
    let db = Db::connect(&world.stores["recommendation"]).await.unwrap();
    let letters: Vec<(Vec<u8>,)> =
        sql("select data from dead_letters").fetch_all(&mut db.read().await.unwrap()).await.unwrap();
    db.close().await;
    assert_eq!(ContactsChanged::decode(letters[0].0.as_slice()).unwrap().contacts.len(), 1);
}

/// The same person is not taken up again from the same source, until there is a new consent.
async fn stays_away(world: &World, person: &Contact, needles: &Needles) {
    let fresh = || Contact { name: String::new(), ..person.clone() };
    let refused = world.upsert(vec![fresh()]).await.result.unwrap();
    assert_eq!((refused.created, refused.errors.len()), (0, 1));
    assert_eq!(refused.errors[0].reason, "PERSON_ERASED");
    world.settle().await;
    assert_eq!(world.traces(needles).await, Vec::<String>::new());

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
    let taken = world.upsert(vec![fresh()]).await;
    assert_eq!(taken.result.unwrap().created, 1);
    assert_ne!(taken.names[0], person.name);
    assert!(new.names[0].starts_with(&taken.names[0]), "{:?} is not of {:?}", new.names, taken.names);
    world.settle().await;
}

/// Without a known consent nobody is proposed when the tenant says so; a grant brings them back.
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
    assert!(world.items().await.iter().all(|item| item.contact.is_empty()));

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
