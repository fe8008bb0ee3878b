//! What may be known of a person, left in every place that keeps something.

use prost::{Message as _, Name as _};
use salient_core::Clock;
use salient_kit::{
    client::{Credentials, Link, channel},
    config::Secret,
};
use salient_proto::{
    common::v1::{SourceKey, run_status::State as RunState},
    feedback::v1::{DismissReason, ReactionAction, RecordReactionRequest},
    profile::v1::{
        Account, Contact, ContactsChanged, DecideReviewRequest, Device, ExportPersonRequest, FileFormat,
        GetAccountRequest, ImportHeader, ImportRequest, Interaction, Opportunity, PinFieldRequest, Review,
        UpsertAccountsRequest, UpsertDevicesRequest, UpsertInteractionsRequest, UpsertOpportunitiesRequest,
        consent::{Channel, State},
        interaction,
        review::{self, FieldEvidence},
        telemetry_service_client::TelemetryServiceClient,
    },
    recommendation::v1::{Channel as Way, Recommendation},
    scoring::v1::{
        GetScoringRunRequest, ModelDeclaration, StartScoringRunRequest, UpsertModelDeclarationRequest,
        declaration_service_client::DeclarationServiceClient, model_declaration::Subject,
    },
};
use salient_store::{Db, sql};
use uuid::Uuid;

use crate::{
    consent, record,
    world::{World, fresh_id},
};

/// A second record of the person, from another source, that looks like nobody else's.
pub async fn another_record(world: &World, person: &Contact) -> Contact {
    let record = Contact {
        source_key: Some(SourceKey { source: "desk".into(), id: "4711".into() }),
        account: person.account.clone(),
        display_name: "Quentin Featherstone-Marker".into(),
        email: "q.featherstone@desk-marker.example".into(),
        phone: "+44 161 555 7733".into(),
        ..Contact::default()
    };
    let answer = world.upsert(vec![record.clone()]).await;
    assert_eq!(answer.result.unwrap().errors, []);
    Contact { name: answer.names[0].clone(), ..record }
}

/// Everything that may speak of a person, wherever a caller can write it.
pub async fn traces(world: &World, item: &Recommendation, person: &Contact, other: &Contact) {
    let text = format!("{} wants an offer, {} or {}", person.display_name, person.email, person.phone);
    let key = |id: &str| Some(SourceKey { source: "trace".into(), id: id.into() });
    let interaction = |id: &str, contact_key: Option<SourceKey>| Interaction {
        source_key: key(id),
        account: person.account.clone(),
        contact_key,
        kind: interaction::Kind::Call.into(),
        occur_time: world.ago(30),
        quantity: 1.0,
        reach: interaction::Reach::Reached.into(),
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
    for stage in ["lead", "offer"] {
        let opportunities = vec![Opportunity { stage: stage.into(), ..opportunity.clone() }];
        let request = UpsertOpportunitiesRequest { request_id: fresh_id(), opportunities, update_mask: None };
        world.clients.profile.clone().upsert_opportunities(request).await.unwrap();
    }
    device(world, person).await;
    broken_upload(world, person).await;

    let request = GetAccountRequest { name: person.account.clone(), read_mask: None };
    let account =
        world.clients.profile.clone().get_account(request).await.unwrap().into_inner().account.unwrap();
    let attributes = [("main contact".to_owned(), person.email.clone())].into();
    let account = Account { attributes, create_time: None, update_time: None, ..account };
    let request =
        UpsertAccountsRequest { request_id: fresh_id(), accounts: vec![account], update_mask: None };
    world.clients.profile.clone().upsert_accounts(request).await.unwrap();

    merged_and_pinned(world, person, other).await;
    learned(world).await;

    // the list is chosen again, so that what was written first is not all there is
    let withdrawn = consent(world, person, Channel::Call, State::Withdrawn, &text);
    assert_eq!(record(world, vec![withdrawn]).await.result.unwrap().created, 1);
    world.settle().await;
    let items = world.items().await;
    let moved = items.iter().find(|other| other.name == item.name).unwrap();
    assert_eq!((&moved.contact, moved.channel()), (&item.contact, Way::Email));
    compared(world, person).await;

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
    assert_eq!(part("profile")["profile"]["displayName"], person.display_name.as_str());
    assert_eq!(part("profile")["contacts"][0]["email"], person.email.as_str());
    assert_eq!(part("profile")["contacts"][1]["email"], other.email.as_str());
    let named = part("profile")["interactions"].as_array().unwrap().clone();
    assert!(named.iter().any(|interaction| interaction["summary"] == text.as_str()));
    assert_eq!(part("profile")["consents"][0]["proof"], text.as_str());
    let items = part("recommendation")["recommendations"].as_array().unwrap().clone();
    assert!(items.iter().any(|other| other["name"] == item.name.as_str()));
    assert_eq!(part("feedback")["reactions"][0]["comment"], text.as_str());
    let tried = part("scoring")["contacts"].as_array().unwrap().clone();
    let tried = tried.iter().find(|record| record["name"] == person.name.as_str()).unwrap();
    assert!(tried["attempts"].as_array().unwrap().iter().any(|tried| tried["reached"] == true));
    assert_eq!(tried["scores"][0]["modelDeclaration"], "modelDeclarations/buyers");
    let said = tried["attributes"].as_array().unwrap();
    assert!(said.iter().any(|said| said["name"] == "title" && said["value"] == person.title.as_str()));
    dead_letter(world, person).await;
}

/// A model of a tenant's own, that learns from what people and their accounts say of themselves.
async fn learned(world: &World) {
    world.settle().await;
    let declared = ModelDeclaration {
        name: "modelDeclarations/buyers".into(),
        display_name: "Somebody whose account orders within 30 days".into(),
        subject: Subject::Contact.into(),
        target: "account_orders_30d > 0.0".into(),
        horizon_days: 30,
        windows: vec![90],
        use_features: vec!["account_orders_*".into(), "*_account_order".into(), "attr_*".into()],
        ..ModelDeclaration::default()
    };
    let request =
        UpsertModelDeclarationRequest { request_id: fresh_id(), model_declaration: Some(declared.clone()) };
    let session = &world.suite.session;
    let credentials = Credentials::token(&Secret::new(session.token.clone())).unwrap();
    let link = Link::new(channel(&session.services["scoring"]).unwrap(), credentials);
    DeclarationServiceClient::new(link).upsert_model_declaration(request).await.unwrap();
    let request = StartScoringRunRequest {
        request_id: fresh_id(),
        model_declaration: declared.name,
        ..StartScoringRunRequest::default()
    };
    let client = || world.clients.scoring.clone();
    let started = client().start_scoring_run(request).await.unwrap().into_inner().scoring_run.unwrap();
    let run = crate::world::eventually(async || {
        let request = GetScoringRunRequest { name: started.name.clone() };
        let run = client().get_scoring_run(request).await.unwrap().into_inner().scoring_run.unwrap();
        let state = run.status.as_ref().unwrap().state();
        matches!(state, RunState::Succeeded | RunState::Failed).then_some(run)
    });
    let run = run.await;
    assert_eq!(run.status.as_ref().unwrap().state(), RunState::Succeeded, "{run:?}");
    assert!(run.model == run.trained_model && run.scored_accounts > 0, "{run:?}");
    world.settle().await;
}

/// A device that is called after the person.
async fn device(world: &World, person: &Contact) {
    let session = &world.suite.session;
    let credentials = Credentials::token(&Secret::new(session.token.clone())).unwrap();
    let link = Link::new(channel(&session.services["profile"]).unwrap(), credentials);
    let device = Device {
        device: "tablet-1".into(),
        account: person.account.clone(),
        display_name: format!("tablet of {}", person.display_name),
        ..Device::default()
    };
    let request = UpsertDevicesRequest { request_id: fresh_id(), devices: vec![device] };
    let answer = TelemetryServiceClient::new(link).upsert_devices(request).await.unwrap().into_inner();
    assert_eq!(answer.result.unwrap().created, 1);
}

const PEOPLE: &str = r#"
name = "people"
source = "list"
[[table]]
[table.fields]
id = "Id"
person = "Person"
[table.account]
key = "{id}"
display_name = "{person}"
"#;

/// A file that names the person, and of which the end never came.
async fn broken_upload(world: &World, person: &Contact) {
    let header = ImportHeader {
        request_id: fresh_id(),
        file: "people.csv".into(),
        format: FileFormat::Csv.into(),
        mapping: PEOPLE.into(),
        dry_run: false,
    };
    let data = format!("Id,Person,Mail\n1,{},{}\n", person.display_name, person.email).into_bytes();
    let piece = ImportRequest { header: Some(header), data, ..ImportRequest::default() };
    let sent = world.clients.transfer.clone().import(tokio_stream::iter([piece])).await.unwrap();
    assert!(!sent.into_inner().transfer.unwrap().complete);
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

/// One profile of both records, pinned, at an account where a person is pinned.
async fn merged_and_pinned(world: &World, person: &Contact, other: &Contact) {
    world.merge(&person.name, &other.name, &format!("{} told me so", person.display_name)).await;
    let pin = async |name: &str, field: &str, value: &str| {
        let request = PinFieldRequest {
            request_id: fresh_id(),
            name: name.to_owned(),
            field: field.to_owned(),
            value: value.to_owned(),
        };
        world.clients.identity.clone().pin_field(request).await.unwrap();
    };
    pin(&person.name, "display_name", &person.display_name).await;
    pin(&person.account, "attributes.assistant", &format!("ask {}", other.phone)).await;
}

/// Pairs about which a person is asked, and one that was decided: of contacts, and of accounts that
/// have the person's address.
async fn compared(world: &World, person: &Contact) {
    let people = world.contacts().await;
    let neighbour = people.iter().find(|contact| contact.account != person.account).unwrap();
    let accounts = [&person.account, &neighbour.account];
    let asked = [
        ("contacts", [&person.name, &neighbour.name], person.display_name.to_lowercase()),
        ("accounts", accounts, person.email.clone()),
    ];
    let db = Db::connect(&world.stores["profile"]).await.unwrap();
    for (kind, names, value) in asked {
        let [one, other] = names.map(|name| Uuid::try_parse(name.split_once('/').unwrap().1).unwrap());
        let review = Clock::system().uuid();
        let evidence = FieldEvidence { field: "email".into(), one: value, ..FieldEvidence::default() };
        let told = Review {
            name: format!("reviews/{review}"),
            one: names[0].clone(),
            other: names[1].clone(),
            state: review::State::Open.into(),
            probability: 0.5,
            evidence: vec![evidence],
            ..Review::default()
        };
        let mut tx = db.begin().await.unwrap();
        sql("insert into matches (tenant, match, kind, one, other, state, probability, body)
             values ($1, $2, $3, $4, $5, 1, 0.5, $6)")
        .bind(salient::suite::TENANT)
        .bind(review)
        .bind(kind)
        .bind(one.min(other))
        .bind(one.max(other))
        .bind(told.encode_to_vec())
        .execute(&mut tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
        let decide = DecideReviewRequest { request_id: fresh_id(), name: told.name, same: false };
        world.clients.identity.clone().decide_review(decide).await.unwrap();
    }
    db.close().await;
}
