//! What people agree to, and what holds.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_kit::Role;
use salient_proto::profile::v1::{
    Consent, ConsentChanged, GetConsentRequest, GetPrivacySettingsRequest, ListConsentsRequest,
    PrivacySettings, PrivacySettingsChanged, RecordConsentsRequest, RetentionRule,
    UpdatePrivacySettingsRequest, consent::State, interaction, privacy_settings::UnknownConsent,
};
use tonic::Code;

use crate::{
    privacy::{holds, merge, person, privacy, record, said, undo},
    world::{World, both, counts, key, request_id, timestamp, why},
};

both!(
    the_latest_by_its_own_time_holds,
    consent_follows_a_merge_and_returns_on_its_undo,
    a_bad_consent_is_refused_by_itself,
    settings_decide_what_is_not_known
);

async fn the_latest_by_its_own_time_holds(world: &World) {
    let name = person(world, "7").await;
    let mut client = privacy(world, Role::Integration);
    assert_eq!(holds(&mut client, &name, None).await, (State::Unspecified, true));

    let withdrawn = said(&name, State::Withdrawn, world.ago(2));
    assert_eq!(counts(&record(&mut client, vec![withdrawn.clone()]).await.result), (1, 0, 0, 0));
    // an older withdrawal that arrives late is history, and nothing else
    let late = record(&mut client, vec![said(&name, State::Withdrawn, world.ago(4))]).await;
    assert_eq!(counts(&late.result), (1, 0, 0, 0));
    assert_eq!(late.outdated_names, late.names);
    // a grant from before the withdrawal, or of its moment, means nothing any more
    for days in [4, 3, 2] {
        let late = record(&mut client, vec![said(&name, State::Granted, world.ago(days))]).await;
        assert_eq!(counts(&late.result), (0, 0, 0, 1), "{days}");
        let error = late.result.unwrap().errors.remove(0);
        assert_eq!((error.field.as_str(), error.reason.as_str()), ("consent_time", "FIELD_INVALID"));
        assert!(error.message.contains("2011-05-30T12:00:00Z"), "{}", error.message);
    }
    assert_eq!(holds(&mut client, &name, None).await, (State::Withdrawn, false));
    // the same again is nothing new
    let again = record(&mut client, vec![withdrawn]).await;
    assert_eq!((counts(&again.result), again.outdated_names.len()), ((0, 0, 1, 0), 0));
    // one that is later holds, wherever it came from
    record(&mut client, vec![said(&name, State::Granted, world.ago(1))]).await;
    assert_eq!(holds(&mut client, &name, None).await, (State::Granted, true));

    for (days, state) in [
        (5, State::Unspecified),
        (4, State::Withdrawn),
        (3, State::Withdrawn),
        (2, State::Withdrawn),
        (1, State::Granted),
    ] {
        assert_eq!(holds(&mut client, &name, Some(world.ago(days))).await.0, state, "{days} days ago");
    }
    let heard: Vec<ConsentChanged> = world.events().await;
    let told: Vec<_> = heard.iter().flat_map(|event| &event.consents).collect();
    assert_eq!(told.iter().map(|one| one.state()).collect::<Vec<_>>(), [State::Withdrawn, State::Granted]);
    assert!(told.iter().all(|one| one.proof.is_empty() && one.contact == name));

    // all of it is history, latest first, in pages
    let mut request = ListConsentsRequest { parent: name.clone(), page_size: 2, page_token: String::new() };
    let first = client.list_consents(request.clone()).await.unwrap().into_inner();
    request.page_token = first.next_page_token.clone();
    let rest = client.list_consents(request.clone()).await.unwrap().into_inner();
    let all: Vec<_> = first.consents.into_iter().chain(rest.consents).collect();
    assert_eq!((all.len(), rest.next_page_token.as_str()), (3, ""));
    assert!(all.is_sorted_by(|a, b| a.consent_time.unwrap().seconds >= b.consent_time.unwrap().seconds));
    assert!(all.iter().all(|one| one.proof == "form 7" && one.record_time.is_some()));
    request.parent = person(world, "8").await;
    let wandering = client.list_consents(request).await;
    assert_eq!(why(wandering), (Code::InvalidArgument, Reason::PageTokenInvalid));
}

async fn consent_follows_a_merge_and_returns_on_its_undo(world: &World) {
    let (one, other) = (person(world, "7").await, person(world, "8").await);
    let mut client = privacy(world, Role::Operator);
    record(&mut client, vec![said(&one, State::Granted, world.ago(5))]).await;
    record(&mut client, vec![said(&other, State::Withdrawn, world.ago(3))]).await;
    let merge = merge(world, &one, &other).await;
    for name in [&one, &other] {
        assert_eq!(holds(&mut client, name, None).await, (State::Withdrawn, false));
        // as it would have been seen then, by what is known today
        assert_eq!(holds(&mut client, name, Some(world.ago(4))).await, (State::Granted, true));
    }
    let list = ListConsentsRequest { parent: one.clone(), ..ListConsentsRequest::default() };
    let listed = client.list_consents(list).await.unwrap().into_inner().consents;
    assert_eq!(listed.iter().map(|one| &one.contact).collect::<Vec<_>>(), [&other, &one]);
    // what the person took back as the one, nobody grants before as the other
    let late = record(&mut client, vec![said(&one, State::Granted, world.ago(4))]).await;
    assert_eq!(counts(&late.result), (0, 0, 0, 1));
    record(&mut client, vec![said(&one, State::Granted, world.ago(2))]).await;
    assert_eq!(holds(&mut client, &other, None).await, (State::Granted, true));

    undo(world, &merge).await;
    assert_eq!(holds(&mut client, &one, None).await, (State::Granted, true));
    assert_eq!(holds(&mut client, &other, None).await, (State::Withdrawn, false));
    let heard: Vec<ConsentChanged> = world.events().await;
    let told = heard.iter().flat_map(|event| &event.consents);
    let told: Vec<_> = told.map(|consent| (&consent.contact, consent.state())).collect();
    // by record: whoever hears of it looks at it by person
    assert_eq!(told, [(&one, State::Granted), (&other, State::Withdrawn), (&one, State::Granted)]);
}

async fn a_bad_consent_is_refused_by_itself(world: &World) {
    let name = person(world, "7").await;
    let mut client = privacy(world, Role::Operator);
    let good = said(&name, State::Granted, world.ago(1));
    let by_key = |key| Consent { contact: String::new(), contact_key: key, ..good.clone() };
    let later = timestamp(world.now() + TimeDelta::days(1));
    let bad = [
        (said(&name, State::Granted, later), "consent_time", "DATE_IN_FUTURE"),
        (Consent { proof: " ".into(), ..good.clone() }, "proof", "FIELD_INVALID"),
        (Consent { purpose: 0, ..good.clone() }, "purpose", "FIELD_INVALID"),
        (Consent { channel: 99, ..good.clone() }, "channel", "FIELD_INVALID"),
        (Consent { state: 0, ..good.clone() }, "state", "FIELD_INVALID"),
        (Consent { source: String::new(), ..good.clone() }, "source", "FIELD_INVALID"),
        (Consent { consent_time: None, ..good.clone() }, "consent_time", "FIELD_INVALID"),
        (Consent { contact: "contacts/x".into(), ..good.clone() }, "contact", "FIELD_INVALID"),
        (by_key(None), "contact", "FIELD_INVALID"),
        (Consent { contact_key: key("7"), ..good.clone() }, "contact_key", "FIELD_INVALID"),
        (by_key(key("nobody")), "contact_key", "FIELD_INVALID"),
        (
            said("contacts/01890000-0000-7000-8000-000000000000", State::Granted, world.ago(1)),
            "contact",
            "FIELD_INVALID",
        ),
        (Consent { proof: "\0".into(), ..good.clone() }, "proof", "FIELD_INVALID"),
    ];
    let mut batch: Vec<Consent> = bad.iter().map(|(consent, ..)| consent.clone()).collect();
    batch.push(by_key(key("7")));
    let answer = record(&mut client, batch).await;
    assert_eq!(counts(&answer.result), (1, 0, 0, bad.len()));
    for (error, (_, field, reason)) in answer.result.unwrap().errors.iter().zip(bad) {
        assert_eq!((error.field.as_str(), error.reason.as_str()), (field, reason), "{error:?}");
    }
    assert_eq!(holds(&mut client, &name, None).await, (State::Granted, true));

    let request = RecordConsentsRequest { request_id: request_id(), consents: vec![good] };
    let first = client.record_consents(request.clone()).await.unwrap().into_inner();
    assert_eq!(client.record_consents(request.clone()).await.unwrap().into_inner(), first);
    let other =
        RecordConsentsRequest { consents: vec![said(&name, State::Withdrawn, world.ago(1))], ..request };
    assert_eq!(why(client.record_consents(other).await), (Code::AlreadyExists, Reason::RequestIdReused));
    let nobody = GetConsentRequest {
        contact: "contacts/01890000-0000-7000-8000-000000000000".into(),
        ..GetConsentRequest::default()
    };
    assert_eq!(why(client.get_consent(nobody).await), (Code::NotFound, Reason::ResourceUnknown));
}

async fn settings_decide_what_is_not_known(world: &World) {
    let name = person(world, "7").await;
    let mut client = privacy(world, Role::Manager);
    let settings =
        client.get_privacy_settings(GetPrivacySettingsRequest {}).await.unwrap().into_inner().settings;
    assert_eq!(settings.unwrap().update_time, None);

    let rule = RetentionRule { kind: interaction::Kind::Web.into(), days: 30 };
    let update = |rules: Vec<RetentionRule>| UpdatePrivacySettingsRequest {
        request_id: request_id(),
        settings: Some(PrivacySettings {
            unknown_consent: UnknownConsent::Forbidden.into(),
            retention_rules: rules,
            ..PrivacySettings::default()
        }),
    };
    let invalid = (Code::InvalidArgument, Reason::FieldInvalid);
    assert_eq!(why(client.update_privacy_settings(update(vec![rule, rule])).await), invalid);
    let never = RetentionRule { days: 0, ..rule };
    assert_eq!(why(client.update_privacy_settings(update(vec![never])).await), invalid);
    let set = client.update_privacy_settings(update(vec![rule])).await.unwrap().into_inner().settings;
    let got = client.get_privacy_settings(GetPrivacySettingsRequest {}).await.unwrap().into_inner().settings;
    assert_eq!(got, set);
    assert_eq!(holds(&mut client, &name, None).await, (State::Unspecified, false));
    let heard: Vec<PrivacySettingsChanged> = world.events().await;
    assert_eq!(heard.into_iter().map(|event| event.settings).collect::<Vec<_>>(), [set]);
    // every purpose and channel
    let all = GetConsentRequest { contact: name, ..GetConsentRequest::default() };
    assert_eq!(client.get_consent(all).await.unwrap().into_inner().statuses.len(), 20);
}
