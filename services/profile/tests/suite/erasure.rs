//! Erasing a person, and what remains: the certificate, and a key that is known again.

use chrono::TimeDelta;
use salient_core::{ContactId, Reason, TenantId};
use salient_kit::{Caller, Role};
use salient_profile::{
    Profile,
    matching::arrival::Matcher,
    store::{erasures, matches},
    upsert::Request,
};
use salient_proto::{
    common::v1::{PersonErasureConfirmed, SourceKey},
    profile::v1::{
        Account, AccountsChanged, Consent, Contact, ErasePersonRequest, Erasure, GetAccountRequest,
        GetContactRequest, GetErasureRequest, GetTransferRequest, Interaction, InteractionsRecorded,
        ListErasuresRequest, ListInteractionsRequest, PersonErased, PinFieldRequest, Source,
        UndoMergeRequest, UpsertContactsRequest, UpsertInteractionsRequest, UpsertSourcesRequest,
        consent::State,
    },
};
use salient_store::{Db, StoreConfig};
use tokio_util::sync::CancellationToken;
use tonic::Code;
use uuid::Uuid;

use crate::{
    privacy::{
        Privacy, SERVICES, erase, holds, identity, interactions, merge, person, privacy, record, said, undo,
    },
    transfers,
    world::{
        World, account, both, contact, counts, interaction, key, request_id, until as wait_until,
        upsert_accounts, why,
    },
};

both!(
    an_erasure_is_complete_when_all_have_confirmed,
    an_erasure_forgets_broken_uploads_and_waits_for_whole_files,
    every_record_of_a_person_is_erased,
    what_was_said_of_an_account_is_said_without_the_person,
    who_compares_records_forgets_the_erased,
    the_erased_are_taken_up_again_with_a_new_consent,
);

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
    assert_eq!(
        (&heard[0].erasure, &heard[0].contacts, heard[0].records.len()),
        (&begun.name, &vec![name.clone()], 2)
    );
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

async fn an_erasure_forgets_broken_uploads_and_waits_for_whole_files(world: &World) {
    let name = person(world, "7").await;
    let mut files = transfers::client(world);
    let lines = b"Id,Company,Person,Mail,Seen\n1,Acme,Contact 7,7@example.org,2011-02-03\n";
    let mut broken = async || {
        let mut pieces = transfers::pieces(&transfers::header(transfers::PEOPLE), lines, lines.len());
        pieces[1].last = false;
        transfers::send(&mut files, pieces).await.name
    };
    // of one the end came, and nobody has read it yet
    let whole = broken().await;
    let db = Db::connect(&StoreConfig::new(world.store_url())).await.unwrap();
    let run = async |text: &'static str| {
        let mut tx = db.begin().await.unwrap();
        salient_store::sql(text).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    run("update transfers set complete = true").await;
    let broken = broken().await;

    let mut client = privacy(world, Role::Operator);
    let begun = erase(&mut client, &name).await;
    let own = begun.confirmations.iter().find(|one| one.service == "profile").unwrap();
    assert_eq!(own.removed.get("transfers"), Some(&1));
    let get = |name: &str| GetTransferRequest { name: name.to_owned() };
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    assert_eq!(why(transfers::client(world).get_transfer(get(&broken)).await), unknown);
    transfers::client(world).get_transfer(get(&whole)).await.unwrap();
    let chunks: Vec<(Vec<u8>,)> = salient_store::sql("select data from transfer_chunks")
        .fetch_all(&mut db.read().await.unwrap())
        .await
        .unwrap();
    assert_eq!(chunks.len(), 1);

    for service in SERVICES {
        confirm(world, &begun.name, service, 1, 0..8).await;
    }
    until(&mut client, &begun.name, |erasure| erasure.confirm_time.is_some()).await;
    for service in SERVICES {
        confirm(world, &begun.name, service, 2, 0..8).await;
    }
    let due = erasures::due(&mut db.read().await.unwrap(), erasures::SEALED).await.unwrap();
    assert!(due.is_empty());
    assert_eq!(certificate(&mut client, &begun.name).await.complete_time, None);
    // it was read
    run("delete from transfer_chunks").await;
    let complete = until(&mut client, &begun.name, |erasure| erasure.complete_time.is_some()).await;
    assert_eq!(complete.name, begun.name);
    db.close().await;
}

async fn every_record_of_a_person_is_erased(world: &World) {
    let (one, other, third) = (person(world, "7").await, person(world, "8").await, person(world, "9").await);
    merge(world, &one, &other).await;
    let apart = merge(world, &one, &third).await;
    undo(world, &apart).await;
    let mut client = privacy(world, Role::Operator);
    record(&mut client, vec![said(&other, State::Granted, world.ago(1))]).await;
    let naming = Interaction {
        contact_key: key("8"),
        summary: "wants an offer".to_owned(),
        ..interaction("1", "a", world.ago(3))
    };
    let request =
        UpsertInteractionsRequest { request_id: request_id(), interactions: vec![naming], update_mask: None };
    world.client().upsert_interactions(request).await.unwrap();

    // asked for by the name of a record that went into another one
    let begun = erase(&mut client, &other).await;
    assert_eq!(begun.contact, one);
    let own = begun.confirmations.iter().find(|one| one.service == "profile").unwrap();
    let expected = [
        ("answers", 3),
        ("consents", 1),
        ("contacts", 2),
        ("interactions", 1),
        ("merges", 2),
        ("profiles", 1),
        ("reviews", 1),
    ];
    assert_eq!(own.removed, expected.map(|(kind, count)| (kind.to_owned(), count)).into());
    let heard: Vec<PersonErased> = world.events().await;
    assert_eq!(heard[0].contacts, [one.clone(), other.clone()]);
    assert_eq!(erase(&mut client, &one).await.name, begun.name);
    for name in [&one, &other] {
        let get = GetContactRequest { name: name.clone(), read_mask: None };
        assert_eq!(why(world.client().get_contact(get).await), (Code::NotFound, Reason::ResourceUnknown));
    }
    let get = GetContactRequest { name: third, read_mask: None };
    world.client().get_contact(get).await.unwrap();
    // a merge of the erased cannot be undone, because it is not there
    let request = UndoMergeRequest { request_id: request_id(), name: apart };
    let answer = identity(world).undo_merge(request).await;
    assert_eq!(why(answer), (Code::NotFound, Reason::ResourceUnknown));
    // both keys are known
    let contacts = vec![contact("7", "a"), contact("8", "a"), contact("9", "a")];
    let request = UpsertContactsRequest { request_id: request_id(), contacts, update_mask: None };
    let answer = world.client().upsert_contacts(request).await.unwrap().into_inner();
    assert_eq!(counts(&answer.result), (0, 0, 1, 2));
}

async fn what_was_said_of_an_account_is_said_without_the_person(world: &World) {
    let name = person(world, "7").await;
    let mut client = world.client();
    let account = |id: &str, attribute: &str| Account {
        attributes: [("buyer".to_owned(), attribute.to_owned()), ("size".to_owned(), "40".to_owned())].into(),
        ..account(id)
    };
    let accounts = vec![account("a", "Contact 7, 7@example.org"), account("b", "Contact 77")];
    let names = upsert_accounts(&mut client, accounts).await.names;
    merge(world, &names[0], &names[1]).await;
    let pin = PinFieldRequest {
        request_id: request_id(),
        name: names[0].clone(),
        field: "attributes.assistant".into(),
        value: "ask (Contact 7)".into(),
    };
    identity(world).pin_field(pin.clone()).await.unwrap();
    let get = GetAccountRequest { name: names[1].clone(), read_mask: None };
    let before = client.get_account(get.clone()).await.unwrap().into_inner().account.unwrap();
    assert_eq!(before.attributes.len(), 3);

    let certificate = erase(&mut privacy(world, Role::Operator), &name).await;
    let own = certificate.confirmations.iter().find(|one| one.service == "profile").unwrap();
    let removed = |kind: &str| own.removed.get(kind).copied();
    assert_eq!((removed("accounts"), removed("pins"), removed("answers")), (Some(1), Some(1), Some(1)));
    let after = client.get_account(get).await.unwrap().into_inner().account.unwrap();
    let left: Vec<_> = after.attributes.into_iter().collect();
    assert_eq!(left, [("buyer".into(), "Contact 77".to_owned()), ("size".into(), "40".to_owned())]);
    let told: Vec<AccountsChanged> = world.events().await;
    let last = told.iter().flat_map(|event| &event.accounts).next_back().unwrap();
    assert_eq!((&last.name, last.attributes.len()), (&names[0], 2));
    // the same request again does nothing, and tells nothing
    let again = identity(world).pin_field(pin).await.unwrap().into_inner();
    assert_eq!(again.field, None);
}

async fn who_compares_records_forgets_the_erased(world: &World) {
    let (one, other) = (person(world, "7").await, person(world, "8").await);
    let source = Source { source: "crm".into(), trust: 50, has_duplicates: true, ..Source::default() };
    let request = UpsertSourcesRequest { request_id: request_id(), sources: vec![source] };
    identity(world).upsert_sources(request).await.unwrap();
    let db = Db::connect(&StoreConfig::new(world.store_url())).await.unwrap();
    let waiting = async || {
        let (count,): (i64,) = salient_store::sql("select count(*) from unresolved")
            .fetch_one(&mut db.read().await.unwrap())
            .await
            .unwrap();
        count > 0
    };
    wait_until(async || !waiting().await).await;
    // the service's own worker is at rest, and another one holds the records
    world.stop().await;
    let profile = Profile { db: db.clone(), clock: world.clock.clone() };
    let id = |name: &str| ContactId::parse_name(name).unwrap().uuid();
    let tenant = TenantId::try_from("acme").unwrap();
    let enqueue = async |record: Uuid| {
        let mut tx = db.begin().await.unwrap();
        matches::enqueue_in_tx::<Contact>(&mut tx, &tenant, std::iter::once(record)).await.unwrap();
        tx.commit().await.unwrap();
    };
    enqueue(id(&other)).await;
    let mut matcher = Matcher::default();
    let shutdown = CancellationToken::new();
    matcher.catch_up(&profile, &shutdown).await.unwrap();
    assert!(matcher.holds(id(&one)) && matcher.holds(id(&other)));

    let privacy = salient_profile::privacy::Privacy::new(profile.clone(), SERVICES.map(str::to_owned));
    let message = ErasePersonRequest { request_id: request_id(), contact: one.clone() };
    let request = Request::new(&tenant, "ErasePerson", &message.request_id, &message);
    let caller = Caller { tenant: tenant.clone(), subject: "tester".into(), role: Role::Operator };
    enqueue(id(&one)).await;
    salient_profile::privacy::erase::erase(&privacy, &caller, request, &one).await.unwrap();
    assert!(!waiting().await, "the erased still wait to be compared");
    matcher.catch_up(&profile, &shutdown).await.unwrap();
    assert!(!matcher.holds(id(&one)) && matcher.holds(id(&other)));
    db.close().await;
}

async fn the_erased_are_taken_up_again_with_a_new_consent(world: &World) {
    let name = person(world, "7").await;
    let mut client = privacy(world, Role::Operator);
    erase(&mut client, &name).await;
    let upsert = |contacts| UpsertContactsRequest { request_id: request_id(), contacts, update_mask: None };
    let other_source = Contact {
        source_key: Some(SourceKey { source: "shop".into(), id: "7".into() }),
        display_name: "Somebody Else".into(),
        email: "else@elsewhere.example".into(),
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
