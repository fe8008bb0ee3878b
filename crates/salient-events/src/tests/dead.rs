//! What cannot be applied is put aside, seen, and applied again.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use prost::Message as _;
use rstest::rstest;
use salient_core::{Clock, ContactId, Error, Result, page};
use salient_proto::profile::v1::{Contact, ContactsChanged, PersonErased};

use super::world::{NOTED, Noted, On, Running, SOURCE, Via, World, event, eventually, note, tenant};
use crate::{
    Envelope, HandlerCtx,
    dead_letters::{self, Replay, Replayed},
    erasure::{self, Traces},
};

#[derive(Clone, Default)]
struct Picky {
    calls: Arc<AtomicU32>,
}

async fn picky(state: Picky, ctx: &mut HandlerCtx, message: Noted) -> Result<()> {
    let number = message.number;
    note(ctx, message).await?;
    match number {
        3 => {
            state.calls.fetch_add(1, Ordering::SeqCst);
            Err(Error::field("number", "anything but 3 is accepted"))
        }
        5 => panic!("five again"),
        _ => Ok(()),
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_is_put_aside_and_the_rest_goes_on(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[values(Via::InProcess, Via::Redis)] via: Via,
) {
    let world = World::new(on, via).await;
    let state = Picky::default();
    let consumer = Running::consumer(world.consumer().handle_with(state.clone(), picky));
    let relay = Running::relay(world.relay());
    let mut events: Vec<_> = (0..8).map(|number| event("a0", number)).collect();
    events[6].data = b"\xff\xff\xff".as_slice().into();
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    world.publish(&events).await;
    world.settled(8).await;

    assert_eq!(world.notes().await["a0"], [0, 1, 2, 4, 7]);
    let count = world.count(&world.listener).await;
    assert_eq!((count.applied, count.dead), (5, 3));
    // One call in the batch, and then those that count.
    let calls = state.calls.load(Ordering::SeqCst);
    assert!((5..=6).contains(&calls), "{calls}");

    let first = page::page(2, "", &["q"]).unwrap();
    let (letters, token) = dead_letters::list(&world.listener, &tenant(), &first).await.unwrap();
    assert_eq!(letters.iter().map(|l| l.envelope.id).collect::<Vec<_>>(), [ids[6], ids[5]]);
    assert_eq!(letters[0].attempts, 1);
    assert_eq!(letters[1].attempts, 5);
    assert!(letters[1].error.contains("five again"), "{}", letters[1].error);
    assert_eq!(letters[1].envelope, events[5]);
    let second = page::page(2, &token, &["q"]).unwrap();
    let (letters, token) = dead_letters::list(&world.listener, &tenant(), &second).await.unwrap();
    assert_eq!(token, "");
    assert!(letters[0].error.contains("anything but 3"), "{}", letters[0].error);
    let other = salient_core::TenantId::try_from("other").unwrap();
    assert!(dead_letters::list(&world.listener, &other, &first).await.unwrap().0.is_empty());

    // Repaired, all but the one that cannot be read.
    let replay = Replay::of(&world.consumer().handle(note));
    assert_eq!(replay.run(&other, &[]).await.unwrap(), Replayed::default());
    assert_eq!(replay.run(&tenant(), &[ids[5]]).await.unwrap(), Replayed { applied: 1, failed: 0 });
    let tenant = tenant();
    let (one, two) = tokio::join!(replay.run(&tenant, &[]), replay.run(&tenant, &[]));
    assert_eq!(one.unwrap().applied + two.unwrap().applied, 1);
    assert_eq!(world.notes().await["a0"], [0, 1, 2, 4, 7, 5, 3]);
    let count = world.count(&world.listener).await;
    assert_eq!((count.type_.as_str(), count.applied, count.dead), (NOTED, 7, 1));

    // A dead letter was dealt with: a second delivery does not bring it back.
    world.bus.publish(&events).await.unwrap();
    world.publish(&[event("a0", 9)]).await;
    world.settled(9).await;
    assert_eq!(world.notes().await["a0"], [0, 1, 2, 4, 7, 5, 3, 9]);
    relay.stop().await;
    consumer.stop().await;
}

async fn quoting(_: &mut HandlerCtx, message: ContactsChanged) -> Result<()> {
    let names: Vec<_> = message.contacts.iter().map(|contact| contact.display_name.as_str()).collect();
    Err(Error::field("contacts", format!("nobody knows {}", names.join(", "))))
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_erased_is_not_quoted(#[values(On::Sqlite, On::Postgres)] on: On) {
    let world = World::new(on, Via::InProcess).await;
    let clock = Clock::system();
    let contact = |name: &str| Contact {
        name: ContactId::new(&clock).name(),
        display_name: name.to_owned(),
        ..Contact::default()
    };
    let (ada, bob) = (contact("Ada"), contact("Bob"));
    let erased = PersonErased { contacts: vec![ada.name.clone()], ..PersonErased::default() };
    let mut tx = world.listener.begin().await.unwrap();
    erasure::note_in_tx(&mut tx, &tenant(), &Traces::of(&erased).unwrap(), clock.now()).await.unwrap();
    tx.commit().await.unwrap();

    let consumer = Running::consumer(world.consumer().handle(quoting));
    let relay = Running::relay(world.relay());
    let late = ContactsChanged { contacts: vec![ada, bob.clone()] };
    world.publish(&[Envelope::new(SOURCE, &clock, &tenant(), 0, &late)]).await;
    let first = page::page(2, "", &["q"]).unwrap();
    let letters = async || dead_letters::list(&world.listener, &tenant(), &first).await.unwrap().0;
    eventually("it is put aside", async || !letters().await.is_empty()).await;
    let letter = letters().await.remove(0);
    let kept = ContactsChanged::decode(letter.envelope.data).unwrap();
    assert_eq!((kept.contacts, letter.error.as_str()), (vec![bob], "erased"));
    // whoever is left may be quoted
    let replay = Replay::of(&world.consumer().handle(quoting));
    assert_eq!(replay.run(&tenant(), &[]).await.unwrap(), Replayed { applied: 0, failed: 1 });
    let error = letters().await.remove(0).error;
    assert!(error.contains("nobody knows Bob"), "{error}");
    relay.stop().await;
    consumer.stop().await;
}
