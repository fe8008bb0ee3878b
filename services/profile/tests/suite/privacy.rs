//! Export, erasure, retention; and what the tests of consent share with them.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_kit::{Role, client::Link};
use salient_profile::{Profile, privacy::retention};
use salient_proto::{
    common::v1::PersonDataReported,
    profile::v1::{
        Account, Consent, Device, ErasePersonRequest, Erasure, ExportPersonRequest, GetConsentRequest,
        GetErasureRequest, GetPersonExportRequest, Interaction, ListErasuresRequest, ListInteractionsRequest,
        MergeProfilesRequest, Opportunity, PersonExport, PinFieldRequest, PrivacySettings,
        RecordConsentsRequest, RecordConsentsResponse, RetentionRule, UndoMergeRequest,
        UpdatePrivacySettingsRequest, UpsertContactsRequest, UpsertDevicesRequest, UpsertInteractionsRequest,
        UpsertOpportunitiesRequest,
        consent::{Channel, Purpose, State},
        identity_service_client::IdentityServiceClient,
        interaction,
        privacy_service_client::PrivacyServiceClient,
        telemetry_service_client::TelemetryServiceClient,
    },
};
use salient_store::{Db, StoreConfig};
use tonic::Code;

use crate::world::{
    World, account, both, contact, counts, interaction, key, opportunity, request_id, upsert_accounts, why,
};

both!(
    an_export_collects_from_all_and_goes_with_the_person,
    an_export_goes_with_everybody_whom_it_names,
    an_export_tells_what_an_erasure_would_take,
    the_last_of_parts_that_come_together_completes_an_export,
    old_interactions_are_deleted,
    who_may_do_what,
);

pub type Privacy = PrivacyServiceClient<Link>;

pub const SERVICES: [&str; 3] = ["feedback", "recommendation", "scoring"];

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

pub fn identity(world: &World) -> IdentityServiceClient<Link> {
    IdentityServiceClient::new(world.link("acme", Role::Operator))
}

/// Makes one profile of two; gives back the merge's name.
pub async fn merge(world: &World, one: &str, other: &str) -> String {
    let request = MergeProfilesRequest {
        request_id: request_id(),
        one: one.to_owned(),
        other: other.to_owned(),
        reason: "told so".to_owned(),
    };
    identity(world).merge_profiles(request).await.unwrap().into_inner().merge.unwrap().name
}

pub async fn undo(world: &World, merge: &str) {
    let request = UndoMergeRequest { request_id: request_id(), name: merge.to_owned() };
    identity(world).undo_merge(request).await.unwrap();
}

pub async fn erase(client: &mut Privacy, name: &str) -> Erasure {
    let request = ErasePersonRequest { request_id: request_id(), contact: name.to_owned() };
    client.erase_person(request).await.unwrap().into_inner().erasure.unwrap()
}

/// Interactions: one names the person, one speaks of them, one does neither.
pub async fn interactions(world: &World) {
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

/// Begins an export; gives back its name.
async fn begin_export(client: &mut Privacy, contact: &str) -> String {
    let request = ExportPersonRequest { request_id: request_id(), contact: contact.to_owned() };
    client.export_person(request).await.unwrap().into_inner().export.unwrap().name
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

async fn an_export_goes_with_everybody_whom_it_names(world: &World) {
    let (one, other, third) = (person(world, "7").await, person(world, "8").await, person(world, "9").await);
    let mut client = privacy(world, Role::Operator);
    // they were one person for a while
    let together = merge(world, &one, &third).await;
    let of_both = begin_export(&mut client, &one).await;
    undo(world, &together).await;
    // a text names two
    let attributes = [("buyers".to_owned(), "\"Contact 7\" and Contact 8".to_owned())].into();
    upsert_accounts(&mut world.client(), vec![Account { attributes, ..account("a") }]).await;
    let of_one = begin_export(&mut client, &one).await;
    let of_third = begin_export(&mut client, &third).await;

    erase(&mut client, &other).await;
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    assert_eq!(why(export(&mut client, &of_one).await), unknown);
    for stays in [&of_both, &of_third] {
        export(&mut client, stays).await.unwrap();
    }
    erase(&mut client, &third).await;
    for gone in [&of_both, &of_third] {
        assert_eq!(why(export(&mut client, gone).await), unknown);
    }
}

async fn an_export_tells_what_an_erasure_would_take(world: &World) {
    let name = person(world, "7").await;
    let mut writer = world.client();
    let attributes = [("buyer", "Contact 7"), ("size", "40")].map(|(key, value)| (key.into(), value.into()));
    let accounts = vec![Account { attributes: attributes.into(), ..account("a") }, account("b")];
    let names = upsert_accounts(&mut writer, accounts).await.names;
    let request = MergeProfilesRequest {
        request_id: request_id(),
        one: names[0].clone(),
        other: names[1].clone(),
        reason: "7@example.org says so".to_owned(),
    };
    identity(world).merge_profiles(request).await.unwrap();
    let pin = PinFieldRequest {
        request_id: request_id(),
        name: names[0].clone(),
        field: "attributes.assistant".into(),
        value: "ask Contact 7".into(),
    };
    identity(world).pin_field(pin).await.unwrap();
    interactions(world).await;
    for stage in ["lead", "offer"] {
        let named = Opportunity {
            display_name: "Contact 7's kitchen".into(),
            stage: stage.into(),
            ..opportunity("1", "a", world.ago(2))
        };
        let opportunities = vec![named, opportunity("2", "a", world.ago(2))];
        let request =
            UpsertOpportunitiesRequest { request_id: request_id(), opportunities, update_mask: None };
        writer.upsert_opportunities(request).await.unwrap();
    }
    let device = |device: &str, display_name: &str| Device {
        device: device.into(),
        account_key: key("a"),
        display_name: display_name.into(),
        ..Device::default()
    };
    let devices = vec![device("m1", "Contact 7's tablet"), device("m2", "oven")];
    let request = UpsertDevicesRequest { request_id: request_id(), devices };
    let mut telemetry = TelemetryServiceClient::new(world.link("acme", Role::Integration));
    telemetry.upsert_devices(request).await.unwrap();

    let mut client = privacy(world, Role::Operator);
    let begun = begin_export(&mut client, &name).await;
    let own = export(&mut client, &begun).await.unwrap().parts.remove(0);
    let told: serde_json::Value = serde_json::from_str(&own.json).unwrap();
    assert_eq!(told["accounts"][0]["attributes"], serde_json::json!({ "buyer": "Contact 7" }));
    let removed = erase(&mut client, &name).await.confirmations;
    let removed = &removed.iter().find(|one| one.service == "profile").unwrap().removed;
    for (kind, field) in [
        ("accounts", "accounts"),
        ("contacts", "contacts"),
        ("devices", "devices"),
        ("interactions", "interactions"),
        ("merges", "merges"),
        ("opportunities", "opportunities"),
        ("opportunity_changes", "opportunityChanges"),
        ("pins", "pins"),
    ] {
        let count = told[field].as_array().unwrap().len() as i64;
        assert!(count > 0, "{field}: {told}");
        assert_eq!(removed.get(kind), Some(&count), "{kind}: {told}");
    }
}

async fn the_last_of_parts_that_come_together_completes_an_export(world: &World) {
    let contact = person(world, "7").await;
    let mut client = privacy(world, Role::Operator);
    for _ in 0..20 {
        let request = ExportPersonRequest { request_id: request_id(), contact: contact.clone() };
        let begun = client.export_person(request).await.unwrap().into_inner().export.unwrap();
        let messages = SERVICES.map(|service| PersonDataReported {
            person_export: begun.name.clone(),
            service: service.into(),
            json: "{}".into(),
        });
        tokio::join!(
            world.say(SERVICES[0], 0, &messages[0]),
            world.say(SERVICES[1], 1, &messages[1]),
            world.say(SERVICES[2], 2, &messages[2]),
        );
        let whole = export(&mut client, &begun.name).await.unwrap();
        assert!(whole.complete_time.is_some() && whole.missing_services.is_empty());
    }
}

async fn old_interactions_are_deleted(world: &World) {
    let mut client = world.client();
    world.accounts(&mut client, &["a"]).await;
    let of = |id: String, kind: interaction::Kind, days| Interaction {
        kind: kind.into(),
        ..interaction(&id, "a", world.ago(days))
    };
    let mut interactions: Vec<_> =
        (0..1_200).map(|n| of(format!("w{n}"), interaction::Kind::Web, 31)).collect();
    interactions.insert(300, of("young".into(), interaction::Kind::Web, 29));
    interactions.insert(900, of("call".into(), interaction::Kind::Call, 400));
    for interactions in interactions.chunks(1_000) {
        let interactions = interactions.to_vec();
        let request = UpsertInteractionsRequest { request_id: request_id(), interactions, update_mask: None };
        client.upsert_interactions(request).await.unwrap();
    }
    let rule = RetentionRule { kind: interaction::Kind::Web.into(), days: 30 };
    let settings = PrivacySettings { retention_rules: vec![rule], ..PrivacySettings::default() };
    let request = UpdatePrivacySettingsRequest { request_id: request_id(), settings: Some(settings) };
    privacy(world, Role::Operator).update_privacy_settings(request).await.unwrap();

    let db = Db::connect(&StoreConfig::new(world.store_url())).await.unwrap();
    let profile = Profile { db: db.clone(), clock: world.clock.clone() };
    assert_eq!(retention::sweep(&profile).await.unwrap(), 1_200);
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
