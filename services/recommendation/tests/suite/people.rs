//! Whom a list names, as far as they agreed to it.

use salient_core::ContactId;
use salient_proto::{
    profile::v1::{
        Consent, ConsentChanged, Contact, ContactsChanged, PrivacySettings, PrivacySettingsChanged,
        ProfileRoot, ProfilesResolved,
        consent::{Channel as Way, Purpose, State},
        privacy_settings::UnknownConsent,
    },
    recommendation::v1::Channel,
};

use crate::{
    company::key,
    world::{World, both},
};

both!(what_one_record_says_holds_for_the_person);

async fn say(world: &World, contact: &Contact, channel: Way, state: State) {
    let consent = Consent {
        contact: contact.name.clone(),
        purpose: Purpose::Sales.into(),
        channel: channel.into(),
        state: state.into(),
        ..Consent::default()
    };
    world.hear("acme", "profile", &ConsentChanged { consents: vec![consent] }).await;
}

async fn resolve(world: &World, contact: &Contact, profile: &Contact) {
    let root = ProfileRoot { record: contact.name.clone(), profile: profile.name.clone() };
    world.hear("acme", "profile", &ProfilesResolved { roots: vec![root] }).await;
}

/// Whom s07's list names at an account, and how to reach them.
async fn named(world: &World, account: &str) -> (String, Channel) {
    let items = world.plan("s07").await.recommendations;
    let item = items.into_iter().find(|item| item.account == account).unwrap();
    (item.contact.clone(), item.channel())
}

async fn what_one_record_says_holds_for_the_person(world: &World) {
    let company = world.company("acme").await;
    let settings =
        PrivacySettings { unknown_consent: UnknownConsent::Forbidden.into(), ..PrivacySettings::default() };
    world.hear("acme", "profile", &PrivacySettingsChanged { settings: Some(settings) }).await;
    world.run("acme").await;
    let listed = world.plan("s07").await.recommendations.remove(0).account;
    let contact = |id: &str, account: &str| Contact {
        name: ContactId::new(&world.clock).name(),
        source_key: key(id.into()),
        account: account.into(),
        display_name: "Ada".into(),
        phone: "+44".into(),
        email: "ada@example.org".into(),
        ..Contact::default()
    };
    // one person, at an account on the list and at one of a territory that is nobody's
    let (one, other) = (contact("1", &listed), contact("2", &company.accounts[3].name));
    let contacts = vec![one.clone(), other.clone()];
    world.hear("acme", "profile", &ContactsChanged { contacts }).await;
    for way in [Way::Call, Way::Email] {
        say(world, &other, way, State::Granted).await;
    }
    resolve(world, &other, &one).await;
    assert_eq!(named(world, &listed).await, (one.name.clone(), Channel::Call));

    say(world, &other, Way::Call, State::Withdrawn).await;
    assert_eq!(named(world, &listed).await, (one.name.clone(), Channel::Email));
    // by itself the record on the list agreed to nothing
    resolve(world, &other, &other).await;
    assert_eq!(named(world, &listed).await, (String::new(), Channel::Call));
}
