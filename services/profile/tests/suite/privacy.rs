//! Export, erasure, retention; and what the tests of consent share with them.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_kit::{Role, client::Link};
use salient_profile::{Profile, privacy::retention};
use salient_proto::{
    common::v1::{PersonDataReported, PersonErasureConfirmed, SourceKey},
    profile::v1::{
        Consent, Contact, ErasePersonRequest, Erasure, ExportPersonRequest, GetConsentRequest,
        GetContactRequest, GetErasureRequest, GetPersonExportRequest, Interaction, InteractionsRecorded,
        ListErasuresRequest, ListInteractionsRequest, PersonErased, PersonExport, PrivacySettings,
        RecordConsentsRequest, RecordConsentsResponse, RetentionRule, UpdatePrivacySettingsRequest,
        UpsertContactsRequest, UpsertInteractionsRequest,
        consent::{Channel, Purpose, State},
        interaction,
        privacy_service_client::PrivacyServiceClient,
    },
};
use salient_store::{Db, StoreConfig};
use tonic::Code;

use crate::world::{World, both, contact, counts, interaction, key, request_id, why};

both!(
    an_erasure_is_complete_when_all_have_confirmed,
    the_erased_are_taken_up_again_with_a_new_consent,
    an_export_collects_from_all_and_goes_with_the_person,
    old_interactions_are_deleted,
    who_may_do_what,
);

pub type Privacy = PrivacyServiceClient<Link>;

const SERVICES: [&str; 3] = ["feedback", "recommendation", "scoring"];

pub fn privacy(world: &World, role: Role) -> Privacy {
    PrivacyServiceClient::new(world.link("acme", role))
}

/// A contact of an account; gives back the contact's name.
pub async fn person(world: &World, id: &str) -> String {
    let mut client = world.client();
    world.accounts(&mut client, &["a"]).await;
    let request = UpsertContactsRequest {
        request_id: request_id(),
        contacts: vec![contact(id, "a")],
        update_mask: None,
    };
    client.upsert_contacts(request).await.unwrap().into_inner().names.remove(0)
}

pub fn said(contact: &str, state: State, time: prost_types::Timestamp) -> Consent {
    Consent {
        contact: contact.to_owned(),
        purpose: Purpose::Sales.into(),
        channel: Channel::Call.into(),
        state: state.into(),
        consent_time: Some(time),
        proof: "form 7".into(),
        source: "web".into(),
        ..Consent::default()
    }
}

pub async fn record(client: &mut Privacy, consents: Vec<Consent>) -> RecordConsentsResponse {
    let request = RecordConsentsRequest { request_id: request_id(), consents };
    client.record_consents(request).await.unwrap().into_inner()
}

/// What holds for calls about sales, and whether contact may be made.
pub async fn holds(client: &mut Privacy, contact: &str, at: Option<prost_types::Timestamp>) -> (State, bool) {
    let request = GetConsentRequest {
        contact: contact.to_owned(),
        purpose: Purpose::Sales.into(),
        channel: Channel::Call.into(),
        as_of_time: at,
    };
    let statuses = client.get_consent(request).await.unwrap().into_inner().statuses;
    assert_eq!(statuses.len(), 1);
    (statuses[0].state(), statuses[0].permitted)
}

async fn erase(client: &mut Privacy, name: &str) -> Erasure {
    let request = ErasePersonRequest { request_id: request_id(), contact: name.to_owned() };
    client.erase_person(request).await.unwrap().into_inner().erasure.unwrap()
}

async fn certificate(client: &mut Privacy, name: &str) -> Erasure {
    client
        .get_erasure(GetErasureRequest { name: name.to_owned() })
        .await
        .unwrap()
        .into_inner()
        .erasure
        .unwrap()
}

async fn confirm(world: &World, erasure: &str, service: &str, round: i32, shards: std::ops::Range<u16>) {
    for shard in shards {
        let message = PersonErasureConfirmed {
            erasure: erasure.to_owned(),
            service: service.to_owned(),
            shard: shard.into(),
            shard_count: 8,
            removed: [("things".to_owned(), 3)].into(),
            round,
        };
        world.say("scoring", shard, &message).await;
    }
}

/// The certificate, once it is as it should be.
async fn until(client: &mut Privacy, name: &str, ready: impl Fn(&Erasure) -> bool) -> Erasure {
    for _ in 0..1_000 {
        let found = certificate(client, name).await;
        if ready(&found) {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{name} does not go on");
}

/// Interactions: one names the person, one speaks of them, one does neither.
async fn interactions(world: &World) {
    let speaking = |id: &str, named: bool, summary: &str| Interaction {
        contact_key: named.then(|| key("7")).flatten(),
        summary: summary.to_owned(),
        ..interaction(id, "a", world.ago(3))
    };
    let interactions = vec![
        speaking("named", true, "asked for a price"),
        speaking("spoken of", false, "write to 7@EXAMPLE.org"),
        speaking("neither", false, "likes tea"),
    ];
    let request = UpsertInteractionsRequest { request_id: request_id(), interactions, update_mask: None };
    let answer = world.client().upsert_interactions(request).await.unwrap().into_inner();
    assert_eq!(counts(&answer.result), (3, 0, 0, 0));
}

async fn an_erasure_is_complete_when_all_have_confirmed(world: &World) {
    let name = person(world, "7").await;
    interactions(world).await;
    let mut client = privacy(world, Role::Manager);
    record(&mut client, vec![said(&name, State::Granted, world.ago(1))]).await;
    let begun = erase(&mut client, &name).await;
    assert_eq!((begun.contact.as_str(), begun.requester.as_str()), (name.as_str(), "tester"));
    assert_eq!(begun.complete_time, None);
    let done: Vec<_> = begun
        .confirmations
        .iter()
        .filter(|confirmation| confirmation.confirm_time.is_some())
        .map(|confirmation| (confirmation.service.as_str(), confirmation.removed.clone()))
        .collect();
    let removed = [("consents", 1), ("contacts", 1), ("interactions", 2)];
    assert_eq!(done, [("profile", removed.map(|(kind, count)| (kind.to_owned(), count)).into())]);

    // gone, and the others hear of it by ids
    let get = GetContactRequest { name: name.clone(), read_mask: None };
    assert_eq!(why(world.client().get_contact(get).await), (Code::NotFound, Reason::ResourceUnknown));
    let heard: Vec<PersonErased> = world.events().await;
    assert_eq!(heard.len(), 1);
    assert_eq!((&heard[0].erasure, &heard[0].contact, heard[0].records.len()), (&begun.name, &name, 2));
    let stays =
        world.client().list_interactions(ListInteractionsRequest::default()).await.unwrap().into_inner();
    let texts: Vec<_> =
        stays.interactions.iter().map(|one| (one.summary.as_str(), &one.contact_key)).collect();
    assert_eq!(texts, [("", &None), ("", &None), ("likes tea", &None)]);
    let told: Vec<InteractionsRecorded> = world.events().await;
    assert_eq!(told.last().unwrap().interactions, stays.interactions[..2]);

    // not confirmed before the last shard of the last service; one that nobody asked does not count
    confirm(world, &begun.name, "feedback", 1, 0..8).await;
    confirm(world, &begun.name, "recommendation", 1, 0..8).await;
    confirm(world, &begun.name, "scoring", 1, 0..7).await;
    confirm(world, &begun.name, "other", 1, 0..8).await;
    let waiting = certificate(&mut client, &begun.name).await;
    assert_eq!(waiting.confirmations.iter().filter(|one| one.confirm_time.is_none()).count(), 1);
    confirm(world, &begun.name, "scoring", 1, 7..8).await;
    let confirmed = until(&mut client, &begun.name, |erasure| erasure.confirm_time.is_some()).await;
    assert_eq!(confirmed.complete_time, None);
    // then all are told once more, and nothing is complete before the last has confirmed that
    let rounds: Vec<i32> = world.events::<PersonErased>().await.iter().map(|event| event.round).collect();
    assert_eq!(rounds, [1, 2]);
    for service in SERVICES {
        assert_eq!(certificate(&mut client, &begun.name).await.complete_time, None);
        confirm(world, &begun.name, service, 2, 0..8).await;
    }
    let complete = until(&mut client, &begun.name, |erasure| erasure.complete_time.is_some()).await;
    let things = complete.confirmations.iter().filter_map(|one| one.removed.get("things").copied());
    assert_eq!(things.collect::<Vec<_>>(), [6, 6, 6]);

    let unknown = ErasePersonRequest {
        request_id: request_id(),
        contact: "contacts/01890000-0000-7000-8000-000000000000".into(),
    };
    assert_eq!(why(client.erase_person(unknown).await), (Code::NotFound, Reason::ResourceUnknown));
    assert_eq!(erase(&mut client, &name).await, complete);
    let other = person(world, "8").await;
    let second = erase(&mut client, &other).await;
    let listed = client.list_erasures(ListErasuresRequest::default()).await.unwrap().into_inner().erasures;
    assert_eq!(listed, [second, complete]);
}

async fn the_erased_are_taken_up_again_with_a_new_consent(world: &World) {
    let name = person(world, "7").await;
    let mut client = privacy(world, Role::Operator);
    erase(&mut client, &name).await;
    let upsert = |contacts| UpsertContactsRequest { request_id: request_id(), contacts, update_mask: None };
    let other_source = Contact {
        source_key: Some(SourceKey { source: "shop".into(), id: "7".into() }),
        ..contact("7", "a")
    };
    let batch = vec![contact("7", "a"), contact("8", "a"), other_source];
    let answer = world.client().upsert_contacts(upsert(batch)).await.unwrap().into_inner();
    assert_eq!(counts(&answer.result), (2, 0, 0, 1));
    let error = answer.result.unwrap().errors.remove(0);
    assert_eq!(
        (error.index, error.field.as_str(), error.reason.as_str()),
        (0, "source_key", "PERSON_ERASED")
    );
    // nor does an interaction bring the person back
    let naming = Interaction { contact_key: key("7"), ..interaction("1", "a", world.ago(1)) };
    let request = UpsertInteractionsRequest {
        request_id: request_id(),
        interactions: vec![naming.clone()],
        update_mask: None,
    };
    let answer = world.client().upsert_interactions(request).await.unwrap().into_inner();
    assert_eq!(answer.result.unwrap().errors[0].field, "contact_key");

    let by_key =
        |state, time| Consent { contact: String::new(), contact_key: key("7"), ..said("", state, time) };
    let before = record(&mut client, vec![by_key(State::Granted, world.ago(1))]).await;
    assert_eq!(before.result.unwrap().errors[0].reason, "PERSON_ERASED");
    assert!(world.clock.advance(TimeDelta::days(2)));
    let withdrawn = record(&mut client, vec![by_key(State::Withdrawn, world.ago(1))]).await;
    assert_eq!(withdrawn.result.unwrap().errors[0].reason, "PERSON_ERASED");
    let given = record(&mut client, vec![by_key(State::Granted, world.ago(1))]).await;
    assert_eq!(counts(&given.result), (1, 0, 0, 0));
    let (back, _) = given.names[0].split_once("/consents/").unwrap();
    assert_ne!(back, name);
    assert_eq!(holds(&mut client, back, None).await, (State::Granted, true));
    let answer = world.client().upsert_contacts(upsert(vec![contact("7", "a")])).await.unwrap().into_inner();
    assert_eq!((counts(&answer.result), answer.names), ((1, 0, 0, 0), vec![back.to_owned()]));
    let request =
        UpsertInteractionsRequest { request_id: request_id(), interactions: vec![naming], update_mask: None };
    let answer = world.client().upsert_interactions(request).await.unwrap().into_inner();
    assert_eq!(counts(&answer.result), (1, 0, 0, 0));
    // and can be erased again
    let again = erase(&mut client, back).await;
    assert_eq!(again.contact, back);
    let answer = world.client().upsert_contacts(upsert(vec![contact("7", "a")])).await.unwrap().into_inner();
    assert_eq!(counts(&answer.result), (0, 0, 0, 1));
}

async fn export(client: &mut Privacy, name: &str) -> Result<PersonExport, tonic::Status> {
    let answer = client.get_person_export(GetPersonExportRequest { name: name.to_owned() }).await?;
    Ok(answer.into_inner().export.unwrap())
}

async fn an_export_collects_from_all_and_goes_with_the_person(world: &World) {
    let name = person(world, "7").await;
    interactions(world).await;
    let mut client = privacy(world, Role::Operator);
    record(&mut client, vec![said(&name, State::Granted, world.ago(1))]).await;
    let request = ExportPersonRequest { request_id: request_id(), contact: name.clone() };
    let begun = client.export_person(request.clone()).await.unwrap().into_inner().export.unwrap();
    assert_eq!(client.export_person(request).await.unwrap().into_inner().export.unwrap(), begun);
    assert_eq!(begun.missing_services, SERVICES);
    for service in SERVICES {
        assert_eq!(export(&mut client, &begun.name).await.unwrap().complete_time, None);
        let json = format!("{{\"of\":\"{service}\"}}");
        let message = PersonDataReported { person_export: begun.name.clone(), service: service.into(), json };
        world.say(service, 0, &message).await;
    }
    let whole = export(&mut client, &begun.name).await.unwrap();
    assert!(whole.complete_time.is_some() && whole.missing_services.is_empty());
    let own = whole.parts.iter().find(|part| part.service == "profile").unwrap();
    for text in ["7@example.org", "Contact 7", "asked for a price", "form 7"] {
        assert!(own.json.contains(text), "{text}: {}", own.json);
    }
    assert!(!own.json.contains("likes tea"), "{}", own.json);

    // another one outlives its time, the first goes with the person
    let request = ExportPersonRequest { request_id: request_id(), contact: name.clone() };
    let second = client.export_person(request).await.unwrap().into_inner().export.unwrap();
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    assert!(world.clock.advance(TimeDelta::days(7)));
    assert_eq!(why(export(&mut client, &second.name).await), unknown);
    let request = ExportPersonRequest { request_id: request_id(), contact: name.clone() };
    let third = client.export_person(request).await.unwrap().into_inner().export.unwrap();
    let removed = erase(&mut client, &name).await.confirmations;
    assert_eq!(removed.iter().find_map(|one| one.removed.get("exports")), Some(&3));
    assert_eq!(why(export(&mut client, &third.name).await), unknown);
    // an answer that comes after that is nowhere kept
    let message = PersonDataReported {
        person_export: third.name.clone(),
        service: "scoring".into(),
        json: "{}".into(),
    };
    world.say("scoring", 0, &message).await;
    assert_eq!(why(export(&mut client, &third.name).await), unknown);
}

async fn old_interactions_are_deleted(world: &World) {
    let mut client = world.client();
    world.accounts(&mut client, &["a"]).await;
    let of = |id: String, kind: interaction::Kind, days| Interaction {
        kind: kind.into(),
        ..interaction(&id, "a", world.ago(days))
    };
    let mut interactions: Vec<_> =
        (0..600).map(|n| of(format!("w{n}"), interaction::Kind::Web, 31)).collect();
    interactions.push(of("young".into(), interaction::Kind::Web, 29));
    interactions.push(of("call".into(), interaction::Kind::Call, 400));
    let request = UpsertInteractionsRequest { request_id: request_id(), interactions, update_mask: None };
    client.upsert_interactions(request).await.unwrap();
    let rule = RetentionRule { kind: interaction::Kind::Web.into(), days: 30 };
    let settings = PrivacySettings { retention_rules: vec![rule], ..PrivacySettings::default() };
    let request = UpdatePrivacySettingsRequest { request_id: request_id(), settings: Some(settings) };
    privacy(world, Role::Operator).update_privacy_settings(request).await.unwrap();

    let db = Db::connect(&StoreConfig::new(world.store_url())).await.unwrap();
    let profile = Profile { db: db.clone(), clock: world.clock.clone() };
    assert_eq!(retention::sweep(&profile).await.unwrap(), 600);
    assert_eq!(retention::sweep(&profile).await.unwrap(), 0);
    db.close().await;
    let left = client.list_interactions(ListInteractionsRequest::default()).await.unwrap().into_inner();
    let left: Vec<_> = left.interactions.into_iter().map(|one| one.source_key.unwrap().id).collect();
    assert_eq!(left, ["young", "call"]);
}

async fn who_may_do_what(world: &World) {
    let name = person(world, "7").await;
    let refused = (Code::PermissionDenied, Reason::RoleInsufficient);
    let erase = || ErasePersonRequest { request_id: request_id(), contact: name.clone() };
    let export = || ExportPersonRequest { request_id: request_id(), contact: name.clone() };
    for role in [Role::Seller, Role::Integration, Role::Service] {
        let mut client = privacy(world, role);
        assert_eq!(why(client.erase_person(erase()).await), refused);
        assert_eq!(why(client.export_person(export()).await), refused);
        assert_eq!(why(client.list_erasures(ListErasuresRequest::default()).await), refused);
        let settings = Some(PrivacySettings::default());
        let update = UpdatePrivacySettingsRequest { request_id: request_id(), settings };
        assert_eq!(why(client.update_privacy_settings(update).await), refused);
        holds(&mut client, &name, None).await;
    }
    let consents = vec![said(&name, State::Granted, world.ago(1))];
    let request = RecordConsentsRequest { request_id: request_id(), consents };
    assert_eq!(why(privacy(world, Role::Service).record_consents(request.clone()).await), refused);

    // another tenant sees and changes nothing
    let mut theirs = PrivacyServiceClient::new(world.link("other", Role::Operator));
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    assert_eq!(why(theirs.erase_person(erase()).await), unknown);
    assert_eq!(why(theirs.export_person(export()).await), unknown);
    let get = GetConsentRequest { contact: name.clone(), ..GetConsentRequest::default() };
    assert_eq!(why(theirs.get_consent(get).await), unknown);
    let answer = theirs.record_consents(request).await.unwrap().into_inner();
    assert_eq!(counts(&answer.result), (0, 0, 0, 1));
    let mut ours = privacy(world, Role::Operator);
    let erased = ours.erase_person(erase()).await.unwrap().into_inner().erasure.unwrap();
    assert_eq!(why(theirs.get_erasure(GetErasureRequest { name: erased.name }).await), unknown);
    // nor is the key of the erased refused there
    let mut writer = world.client_of("other", Role::Integration);
    world.accounts(&mut writer, &["a"]).await;
    let request = UpsertContactsRequest {
        request_id: request_id(),
        contacts: vec![contact("7", "a")],
        update_mask: None,
    };
    let answer = writer.upsert_contacts(request).await.unwrap().into_inner();
    assert_eq!(counts(&answer.result), (1, 0, 0, 0));
}
