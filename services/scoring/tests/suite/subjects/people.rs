//! Models about people.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use salient_core::Reason;
use salient_proto::{
    common::v1::run_status::State as RunState,
    profile::v1::{
        AccountsChanged, Contact, ContactsChanged, Interaction, InteractionsRecorded, PersonErased,
        ProfileRoot, ProfilesResolved,
    },
    scoring::v1::{
        ListScoreHistoryRequest, ModelDeclaration, Score, model::State, model_declaration::Subject,
    },
};
use tonic::Code;

use super::{DAYS, are_given_again, mean};
use crate::{
    company::{Dice, NAME, wins},
    contact_times::{call, contact},
    world::{World, both, why},
};

both!(
    people_are_asked_about,
    records_of_one_person_are_one_subject,
    a_person_is_erased_with_what_was_said,
    what_a_model_is_about_stays,
);

/// Two people at each of some accounts, one of whom often picks up.
struct People {
    contacts: Vec<Contact>,
    calls: Vec<Interaction>,
}

impl People {
    fn is_keen(place: usize) -> bool {
        place.is_multiple_of(2)
    }

    async fn heard(world: &World) -> Self {
        let history = world.history();
        let mut dice = Dice(0x5eed_0c0c);
        let (mut contacts, mut calls) = (Vec::new(), Vec::new());
        for place in 0..200 {
            let account = &history.accounts[place / 2];
            let title = ["Buyer", "Head of purchasing", "Owner"][place % 3];
            let person = Contact {
                title: title.into(),
                email: "somebody@example.com".into(),
                ..contact(world, &account.name, &format!("p{place}"), "Europe/Berlin")
            };
            for back in 1..=DAYS {
                if dice.chance(0.15) {
                    let at = world.today() - TimeDelta::days(back) + TimeDelta::hours(9);
                    let reached = dice.chance(if Self::is_keen(place) { 0.3 } else { 0.05 });
                    calls.push(call(world, &person, at, reached));
                }
            }
            contacts.push(person);
        }
        world.hear("acme", &AccountsChanged { accounts: history.accounts.clone() }).await;
        world.ordered("acme", &history.orders).await;
        world.hear("acme", &ContactsChanged { contacts: contacts.clone() }).await;
        for some in calls.chunks(500) {
            world.hear("acme", &InteractionsRecorded { interactions: some.to_vec() }).await;
        }
        Self { contacts, calls }
    }
}

fn answers() -> ModelDeclaration {
    ModelDeclaration {
        subject: Subject::Contact.into(),
        display_name: "Picks up".into(),
        population: "calls_365d > 0.0".into(),
        target: "reached_calls_30d > 1.0".into(),
        outcome: "picked up twice".into(),
        ..wins()
    }
}

async fn people_are_asked_about(world: &World) {
    let people = People::heard(world).await;
    let names = world.names_of(Subject::Contact).await;
    for name in [
        "calls_90d",
        "reached_calls_90d",
        "attr_title",
        "attr_has_phone",
        "account_calls_90d",
        "account_orders_amount_90d",
        "attr_account_industry",
    ] {
        assert!(names.contains(name), "{name}");
    }
    assert!(!names.contains("orders_90d") && !names.contains("attr_industry"));
    assert!(world.names_of(Subject::Account).await.contains("reached_calls_90d"));

    assert_eq!(world.declare(answers()).await.unwrap().subject(), Subject::Contact);
    let run = world.declared_run_today("acme").await;
    let model = world.model(&run.model).await;
    assert!(model.state() == State::Live && model.report.unwrap().auc > Some(0.65));
    let scores = world.declared_scores("acme").await;
    let known: BTreeMap<&str, &Contact> =
        people.contacts.iter().map(|contact| (contact.name.as_str(), contact)).collect();
    assert_eq!(scores.len(), known.len());
    assert!(scores.iter().all(|score| score.account == known[score.subject.as_str()].account));
    let keen: BTreeSet<&str> = (0..known.len())
        .filter(|&place| People::is_keen(place))
        .map(|place| people.contacts[place].name.as_str())
        .collect();
    let (often, seldom): (Vec<&Score>, Vec<&Score>) =
        scores.iter().partition(|score| keen.contains(score.subject.as_str()));
    assert!(mean(often.into_iter()) > 3.0 * mean(seldom.into_iter()));
    are_given_again(world, &scores, run.as_of).await;

    // what is told of one, in words and over time
    let first = world.said_of(&scores[0].subject, NAME).await.unwrap();
    let told = first.reasons.iter().find(|reason| reason.base_rate.is_some()).unwrap();
    assert!(told.text.contains(" of contacts with ") && told.text.contains("picked up twice within 30 days"));
    let calls = first.contributions.iter().find(|part| part.feature == "calls_365d").unwrap();
    let key = &known[first.subject.as_str()].source_key;
    let own = people.calls.iter().filter(|call| call.contact_key == *key).count();
    assert_eq!(calls.value, Some(own as f64));
    let account = first.contributions.iter().find(|part| part.feature == "account_calls_365d").unwrap();
    let all = people.calls.iter().filter(|call| call.account == first.account).count();
    assert!(account.value == Some(all as f64) && all > own);
    let request = ListScoreHistoryRequest {
        parent: first.subject.clone(),
        model_declaration: NAME.into(),
        ..Default::default()
    };
    let points = world.operator().list_score_history(request).await.unwrap().into_inner().points;
    assert_eq!(points.iter().map(|point| point.probability).collect::<Vec<_>>(), [first.probability]);
    let heard =
        world.heard(|heard| (heard.declared.len() >= scores.len()).then(|| heard.declared.clone())).await;
    assert!(heard.iter().all(|score| known.contains_key(score.subject.as_str())));

    // whom it is not about
    for (name, of) in [(first.account.as_str(), NAME), (first.subject.as_str(), "")] {
        let refused = world.said_of(name, of).await;
        assert_eq!(why(refused), (Code::InvalidArgument, Reason::FieldInvalid), "{name} of {of}");
    }
}

async fn records_of_one_person_are_one_subject(world: &World) {
    let people = People::heard(world).await;
    world.declare(answers()).await.unwrap();
    let [one, other] = [&people.contacts[0], &people.contacts[1]];
    let resolved = |record: &Contact, profile: &Contact| ProfilesResolved {
        roots: vec![ProfileRoot { record: record.name.clone(), profile: profile.name.clone() }],
    };
    world.hear("acme", &resolved(other, one)).await;
    world.declared_run_today("acme").await;
    let scores = world.declared_scores("acme").await;
    assert_eq!(scores.len(), people.contacts.len() - 1);
    let score = world.said_of(&other.name, NAME).await.unwrap();
    assert_eq!(score.subject, one.name);
    let calls = score.contributions.iter().find(|part| part.feature == "calls_365d").unwrap();
    let both = people.calls.iter().filter(|call| call.account == one.account).count();
    assert_eq!(calls.value, Some(both as f64));

    // taken back
    world.hear("acme", &resolved(other, other)).await;
    world.declared_run_today("acme").await;
    assert_eq!(world.declared_scores("acme").await.len(), people.contacts.len());
    assert_eq!(world.said_of(&other.name, NAME).await.unwrap().subject, other.name);
}

async fn a_person_is_erased_with_what_was_said(world: &World) {
    let people = People::heard(world).await;
    world.declare(answers()).await.unwrap();
    world.declared_run_today("acme").await;
    let person = &people.contacts[0];
    let kept = [
        "select count(*) from contacts where contact = $1",
        "select count(*) from attributes where subject = $1",
        "select count(*) from scores where subject = $1",
        "select count(*) from score_history where subject = $1",
    ];
    for text in kept {
        assert!(world.count(text, &person.name).await > 0, "{text}");
    }
    let at_account = "select count(*) from account_events where account = $1";
    let before = world.count(at_account, &person.account).await;
    let erased = PersonErased { contacts: vec![person.name.clone()], ..PersonErased::default() };
    world.hear("acme", &erased).await;
    // nor is the person taken up again by what comes late
    world.hear("acme", &ContactsChanged { contacts: vec![person.clone()] }).await;
    world.declared_run_today("acme").await;
    for text in kept {
        assert_eq!(world.count(text, &person.name).await, 0, "{text}");
    }
    let gone = world.said_of(&person.name, NAME).await;
    assert_eq!(why(gone), (Code::NotFound, Reason::ResourceUnknown));
    assert_eq!(world.declared_scores("acme").await.len(), people.contacts.len() - 1);
    // what happened stays the account's, with nobody
    assert_eq!(world.count(at_account, &person.account).await, before);
    let with_others = "select count(*) from account_events where account = $1 and person is not null";
    assert!(world.count(with_others, &person.account).await < before);

    // what a record of an account said, its profile had said: with it go the scores of all who belong there
    let (named, root) = (&people.contacts[10], &people.contacts[12].account);
    let roots = vec![ProfileRoot { record: named.account.clone(), profile: root.clone() }];
    world.hear("acme", &ProfilesResolved { roots }).await;
    world.declared_run_today("acme").await;
    let said = [
        "select count(*) from scores where account = $1",
        "select count(*) from score_history where account = $1",
    ];
    for text in said {
        assert!(world.count(text, root).await >= 4, "{text}");
    }
    let (contacts, records) = (vec![named.name.clone()], vec![named.account.clone()]);
    world.hear("acme", &PersonErased { contacts, records, ..PersonErased::default() }).await;
    for text in said {
        assert_eq!(world.count(text, root).await, 0, "{text}");
    }
}

async fn what_a_model_is_about_stays(world: &World) {
    People::heard(world).await;
    world.declare(answers()).await.unwrap();
    let of_accounts = ModelDeclaration { subject: Subject::Account.into(), ..answers() };
    let refused = world.declare(of_accounts).await;
    let status = refused.clone().unwrap_err();
    assert_eq!(why(refused), (Code::InvalidArgument, Reason::FieldInvalid));
    assert!(status.message().contains("subject"), "{status:?}");
    // a name that this kind of subject does not have
    let misnamed = ModelDeclaration { population: "orders_90d > 0.0".into(), ..answers() };
    let refused = world.declare(misnamed).await;
    assert!(format!("{:?}", refused.as_ref().unwrap_err()).contains("orders_90d"));
    assert_eq!(why(refused), (Code::InvalidArgument, Reason::FieldInvalid));
    // nobody is there to be asked about
    let request = ModelDeclaration { subject: Subject::Opportunity.into(), ..answers() };
    let other = ModelDeclaration { name: "modelDeclarations/other".into(), ..request };
    assert_eq!(why(world.declare(other).await), (Code::InvalidArgument, Reason::FieldInvalid));
    let run = world.declared_run("acme", Some(world.today() - TimeDelta::days(DAYS + 1))).await;
    assert_eq!(run.status.unwrap().state(), RunState::Failed, "nothing was known then");
    assert_eq!(world.declared_scores("acme").await, []);
}
