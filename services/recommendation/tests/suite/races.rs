//! What happens while something else is on its way: neither undoes the other.

use salient_core::{ContactId, ReactionId, RecommendationId, SellerId, TenantId};
use salient_events::Outbox;
use salient_proto::{
    feedback::v1::{Reaction, ReactionAction, ReactionsRecorded, Suppression, suppression::Scope},
    profile::v1::{
        Consent, ConsentChanged, Contact, ContactsChanged, PersonErased,
        consent::{Channel, Purpose, State as Said},
    },
    recommendation::v1::{Product, UpsertProductsRequest, recommendation::State},
};
use salient_recommendation::{SERVICE, domain, plans, store};
use salient_store::Tx;

use crate::{
    company::{Company, key},
    world::{World, both, request_id, timestamp},
};

both!(
    what_changes_while_a_list_is_chosen_overtakes_it,
    what_a_seller_did_outlives_an_erasure,
    dead_comments_go_with_the_person,
);

fn tenant() -> TenantId {
    TenantId::try_from("acme").unwrap()
}

/// A contact of each account, who has a telephone only.
async fn contacts(world: &World, company: &Company) -> Vec<Contact> {
    let contact = |(number, account): (usize, &salient_proto::profile::v1::Account)| Contact {
        name: ContactId::new(&world.clock).name(),
        source_key: key(format!("c{number}")),
        account: account.name.clone(),
        display_name: format!("Contact {number}"),
        phone: "+44".into(),
        ..Contact::default()
    };
    let contacts: Vec<Contact> = company.accounts.iter().enumerate().map(contact).collect();
    world.hear("acme", "profile", &ContactsChanged { contacts: contacts.clone() }).await;
    contacts
}

/// Chooses today's list of s07, and leaves it to the caller to commit.
async fn choose(world: &World, tx: &mut Tx) {
    let (day, seller) = (world.today().date_naive(), SellerId::try_new("s07").unwrap());
    let pool = store::plans::pool(tx, &tenant(), &seller, day).await.unwrap().unwrap();
    let outbox = Outbox::new(SERVICE, world.clock.clone());
    plans::choose_in_tx(tx, &outbox, &world.clock, &tenant(), day, &pool, 12).await.unwrap();
}

async fn what_changes_while_a_list_is_chosen_overtakes_it(world: &World) {
    let company = world.company("acme").await;
    let contacts = contacts(world, &company).await;
    world.run("acme").await;
    let items = world.plan("s07").await.recommendations;
    assert!(items.iter().all(|item| !item.contact.is_empty()));
    let db = world.db().await;

    // the list was overtaken before, so that there is nothing to mark until it is chosen
    world.reacted(&items[0], ReactionAction::Dismiss, None).await;
    let mut chooser = db.begin().await.unwrap();
    choose(world, &mut chooser).await;
    let withdrawn = |contact: &Contact| Consent {
        contact: contact.name.clone(),
        purpose: Purpose::Sales.into(),
        channel: Channel::Call.into(),
        state: Said::Withdrawn.into(),
        consent_time: Some(timestamp(world.clock.now())),
        ..Consent::default()
    };
    let withdrawal = ConsentChanged { consents: contacts.iter().map(withdrawn).collect() };
    world.commit_beside(&db, chooser, world.hear("acme", "profile", &withdrawal)).await;
    let items = world.plan("s07").await.recommendations;
    assert!(items.len() > 1 && items.iter().all(|item| item.contact.is_empty()));

    world.reacted(&items[0], ReactionAction::Dismiss, None).await;
    let mut chooser = db.begin().await.unwrap();
    choose(world, &mut chooser).await;
    let product = &items[1].product;
    let block = UpsertProductsRequest {
        request_id: request_id(),
        products: vec![Product { name: product.clone(), blocked: true, ..Product::default() }],
        update_mask: Some(prost_types::FieldMask { paths: vec!["blocked".into()] }),
    };
    let mut catalogue = world.catalogue("acme");
    let blocked = async { drop(catalogue.upsert_products(block).await.unwrap()) };
    world.commit_beside(&db, chooser, blocked).await;
    let items = world.plan("s07").await.recommendations;
    assert!(items.iter().all(|item| item.product != *product));
    db.close().await;
}

async fn what_a_seller_did_outlives_an_erasure(world: &World) {
    let company = world.company("acme").await;
    contacts(world, &company).await;
    world.run("acme").await;
    let item = world.plan("s07").await.recommendations.remove(0);
    let db = world.db().await;
    let mut reaction = db.begin().await.unwrap();
    let id = RecommendationId::parse_name(&item.name).unwrap();
    let (state, now) = (domain::State::Dismissed, world.clock.now());
    store::recommendations::set_state_in_tx(&mut reaction, &tenant(), id, state, now).await.unwrap();
    let erased = PersonErased {
        erasure: format!("erasures/{}", request_id()),
        contacts: vec![item.contact.clone()],
        accounts: vec![item.account.clone()],
        records: Vec::new(),
        round: 1,
    };
    world.commit_beside(&db, reaction, world.hear("acme", "profile", &erased)).await;
    let item = world.recommendation(&item.name).await;
    assert_eq!((item.state(), item.contact.as_str()), (State::Dismissed, ""));
    db.close().await;
}

async fn dead_comments_go_with_the_person(world: &World) {
    let company = world.company("acme").await;
    world.run("acme").await;
    // it names nobody, and the comment may speak of the person all the same
    let item = world.plan("s07").await.recommendations.remove(0);
    assert_eq!(item.contact, "");
    let contacts = contacts(world, &company).await;
    let person = contacts.iter().find(|contact| contact.account == item.account).unwrap();
    let reaction = Reaction {
        name: ReactionId::new(&world.clock).name(),
        recommendation: item.name,
        seller: "nobody's name".into(),
        account: item.account.clone(),
        product: item.product,
        action: ReactionAction::Dismiss.into(),
        comment: format!("{} is on leave", person.display_name),
        suppression: Some(Suppression { scope: Scope::Account.into(), until_time: None }),
        ..Reaction::default()
    };
    world.hear("acme", "feedback", &ReactionsRecorded { reactions: vec![reaction] }).await;
    assert_eq!(world.dead("acme").await, 1);
    let erased = PersonErased {
        erasure: format!("erasures/{}", request_id()),
        contacts: vec![person.name.clone()],
        accounts: vec![item.account],
        records: Vec::new(),
        round: 1,
    };
    world.hear("acme", "profile", &erased).await;
    assert_eq!(world.dead("acme").await, 0);
}
