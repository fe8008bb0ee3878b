//! When somebody is best reached.

use chrono::{DateTime, Datelike, TimeDelta, TimeZone as _, Timelike, Utc};
use salient_core::{ContactId, InteractionId, Reason};
use salient_kit::Role;
use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{
        Contact, ContactsChanged, Interaction, InteractionsRecorded, PersonErased,
        interaction::{Kind, Reach},
    },
    scoring::v1::{
        BestContactTime, GetBestContactTimeRequest,
        best_contact_time::{Channel, Window},
    },
};
use tonic::{Code, Status};

use crate::{
    history::History,
    world::{World, both, eventually, timestamp, why},
};

both!(
    by_industry_and_by_person,
    on_the_clock_of_the_person,
    what_was_corrected_counts,
    refusals_of_times,
    nobody_is_kept
);

/// Monday of a week in which no clock is changed.
fn monday() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2011, 5, 16, 0, 0, 0).unwrap()
}

pub fn key(id: &str) -> Option<SourceKey> {
    Some(SourceKey { source: "crm".into(), id: id.into() })
}

pub fn contact(world: &World, account: &str, id: &str, time_zone: &str) -> Contact {
    Contact {
        name: ContactId::new(&world.clock).name(),
        source_key: key(id),
        account: account.into(),
        time_zone: time_zone.into(),
        ..Contact::default()
    }
}

pub fn call(world: &World, of: &Contact, at: DateTime<Utc>, reached: bool) -> Interaction {
    Interaction {
        name: InteractionId::new(&world.clock).name(),
        account: of.account.clone(),
        contact_key: of.source_key.clone(),
        kind: Kind::Call.into(),
        occur_time: Some(timestamp(at)),
        quantity: 1.0,
        reach: if reached { Reach::Reached } else { Reach::NotReached }.into(),
        ..Interaction::default()
    }
}

/// Who was called at every hour of a working day of some weeks: in retail somebody answers at 9, in crafts at
/// 16, on their own clocks.
struct Called {
    contacts: Vec<Contact>,
    calls: Vec<Interaction>,
}

impl Called {
    fn new(world: &World, history: &History) -> Self {
        let (mut contacts, mut calls) = (Vec::new(), Vec::new());
        for (number, account) in history.accounts.iter().take(60).enumerate() {
            let (zone, ahead) = [("Europe/Berlin", 2), ("America/New_York", -4)][number / 2 % 2];
            let person = contact(world, &account.name, &format!("p{number}"), zone);
            let best = if account.industry == "retail" { 9 } else { 16 };
            for turn in 0..20_i64 {
                let local = 8 + (turn + number as i64) % 10;
                let day = monday() - TimeDelta::days(7 * (1 + turn % 3)) + TimeDelta::days(turn % 5);
                let at = day + TimeDelta::hours(local - ahead) + TimeDelta::minutes(5);
                // now and then at other hours, too
                let reached = local == best || (turn + number as i64) % 7 == 0;
                calls.push(call(world, &person, at, reached));
            }
            contacts.push(person);
        }
        Self { contacts, calls }
    }

    async fn heard(&self, world: &World, tenant: &str) {
        world.hear(tenant, &ContactsChanged { contacts: self.contacts.clone() }).await;
        for some in self.calls.chunks(400) {
            world.hear(tenant, &InteractionsRecorded { interactions: some.to_vec() }).await;
        }
    }
}

async fn ready(world: &World) -> (History, Called) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let called = Called::new(world, &history);
    called.heard(world, "acme").await;
    (history, called)
}

impl World {
    async fn best_time(
        &self,
        tenant: &str,
        of: GetBestContactTimeRequest,
    ) -> Result<BestContactTime, Status> {
        let answer = self.insights_of(tenant, Role::Seller).get_best_contact_time(of).await?;
        Ok(answer.into_inner().best_contact_time.unwrap())
    }
}

fn of(contact: &Contact) -> GetBestContactTimeRequest {
    GetBestContactTimeRequest { name: format!("{}/bestContactTime", contact.name), ..Default::default() }
}

fn holds(window: &Window, hour: i32) -> bool {
    (window.start_hour..window.end_hour).contains(&hour)
}

async fn by_industry_and_by_person(world: &World) {
    let (history, called) = ready(world).await;
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    assert_eq!(why(world.best_time("acme", of(&called.contacts[0])).await), unknown, "before the first run");
    let run = world.run("acme").await;
    let industry = |of: &Contact| {
        let account = history.accounts.iter().find(|account| account.name == of.account).unwrap();
        account.industry.clone()
    };
    for person in called.contacts.iter().step_by(5) {
        let best = world.best_time("acme", of(person)).await.unwrap();
        assert_eq!((best.channel(), &best.contact), (Channel::Call, &person.name));
        assert_eq!(best.source.unwrap().as_of, run.as_of);
        assert_eq!(best.windows.len(), 3);
        assert!(best.windows.is_sorted_by(|a, b| a.probability >= b.probability));
        let hour = if industry(person) == "retail" { 9 } else { 16 };
        let first = &best.windows[0];
        assert!(holds(first, hour), "{first:?}");
        assert!(first.lift > 1.2 && first.low < first.probability && first.probability < first.high);
        let [own, group, all] = [first.contact, first.industry, first.everybody].map(Option::unwrap);
        assert!(own.attempts <= group.attempts && group.attempts < all.attempts);
        let told =
            format!("{} of {} calls reached contacts in {}", group.reached, group.attempts, industry(person));
        assert!(first.text.contains(&told), "{first:?}");
    }

    // somebody new is reached like others of the industry, until their own calls say otherwise
    let account = history.accounts.iter().find(|account| account.industry == "retail").unwrap();
    // where no clock is ever changed
    let new = contact(world, &account.name, "new", "Africa/Abidjan");
    world.hear("acme", &ContactsChanged { contacts: vec![new.clone()] }).await;
    let before = world.best_time("acme", of(&new)).await.unwrap();
    assert!(holds(&before.windows[0], 9));
    assert_eq!(before.windows[0].contact.unwrap().attempts, 0);
    let answers_at_five = |turn: i64| {
        let day = monday() - TimeDelta::days(7 * (turn / 5)) + TimeDelta::days(turn % 5);
        [(17, true), (9, false)]
            .map(|(hour, reached)| call(world, &new, day + TimeDelta::hours(hour), reached))
    };
    let calls: Vec<Interaction> = (0..500).flat_map(answers_at_five).collect();
    for some in calls.chunks(400) {
        world.hear("acme", &InteractionsRecorded { interactions: some.to_vec() }).await;
    }
    let after = world.best_time("acme", of(&new)).await.unwrap();
    let first = &after.windows[0];
    assert!(holds(first, 17), "{after:?}");
    assert!(first.contact.unwrap().reached == 100);
    assert!(first.text.contains("100 of 100 calls reached this contact"), "{first:?}");

    // only the hours that are asked for; and nothing where nobody was tried
    let afternoon =
        GetBestContactTimeRequest { weekdays: vec![2, 3], start_hour: 14, end_hour: 18, ..of(&new) };
    let best = world.best_time("acme", afternoon).await.unwrap();
    assert!(
        best.windows
            .iter()
            .all(|of| [2, 3].contains(&of.weekday) && of.start_hour >= 14 && of.end_hour <= 18)
    );
    let night = GetBestContactTimeRequest { start_hour: 1, end_hour: 4, ..of(&new) };
    assert_eq!(world.best_time("acme", night).await.unwrap().windows, []);
    let email = GetBestContactTimeRequest { channel: Channel::Email.into(), ..of(&new) };
    assert_eq!(why(world.best_time("acme", email).await), (Code::FailedPrecondition, Reason::NotEnoughData));
    assert_eq!(why(world.best_time("other", of(&new)).await), unknown);
}

async fn on_the_clock_of_the_person(world: &World) {
    let (history, called) = ready(world).await;
    world.run("acme").await;
    for (zone, ahead) in [("Europe/Berlin", 2), ("America/New_York", -4), ("", 0), ("Nowhere/Atlantis", 0)] {
        let person = contact(world, &history.accounts[0].name, &format!("in {zone}"), zone);
        world.hear("acme", &ContactsChanged { contacts: vec![person.clone()] }).await;
        let best = world.best_time("acme", of(&person)).await.unwrap();
        assert_eq!(best.time_zone, if ahead == 0 { "UTC" } else { zone });
        for window in &best.windows {
            let next = window.next_time.unwrap();
            let at = Utc.timestamp_opt(next.seconds, 0).unwrap();
            assert!(at >= world.clock.now() - TimeDelta::seconds(1));
            assert!(at < world.clock.now() + TimeDelta::days(8));
            // the days of the test lie in summer
            let local = at + TimeDelta::hours(ahead);
            assert_eq!(local.weekday().number_from_monday() as i32, window.weekday, "{window:?} {at}");
            assert!(holds(window, local.hour() as i32), "{window:?} {at}");
        }
    }
    assert!(!called.calls.is_empty());
}

async fn what_was_corrected_counts(world: &World) {
    let (_, called) = ready(world).await;
    world.run("acme").await;
    let person = &called.contacts[0];
    let tried = async || {
        let everywhere = GetBestContactTimeRequest {
            weekdays: vec![1, 2, 3, 4, 5, 6, 7],
            start_hour: 0,
            end_hour: 24,
            ..of(person)
        };
        let windows = world.best_time("acme", everywhere).await.unwrap().windows;
        let first = windows[0].contact.unwrap();
        (first.attempts, first.reached)
    };
    let (attempts, reached) = tried().await;
    assert!(attempts > 0 && reached > 0);
    // the same calls are told again as not known, and one as a meeting
    let mut again: Vec<Interaction> =
        called.calls.iter().filter(|call| call.contact_key == person.source_key).cloned().collect();
    again.iter_mut().for_each(|call| call.set_reach(Reach::Unspecified));
    again[0].set_kind(Kind::Meeting);
    world.hear("acme", &InteractionsRecorded { interactions: again }).await;
    assert_eq!(tried().await, (0, 0));
}

async fn refusals_of_times(world: &World) {
    let name = "contacts/01890000-0000-7000-8000-000000000000/bestContactTime";
    let of = || GetBestContactTimeRequest { name: name.into(), ..Default::default() };
    let refused = async |request: GetBestContactTimeRequest, field: &str| {
        let status = world.best_time("acme", request).await.unwrap_err();
        assert!(status.message().contains(field), "{}", status.message());
        assert_eq!(why(Err::<(), _>(status)), (Code::InvalidArgument, Reason::FieldInvalid));
    };
    refused(GetBestContactTimeRequest { name: "contacts/me/bestContactTime".into(), ..of() }, "name").await;
    refused(GetBestContactTimeRequest { weekdays: vec![0], ..of() }, "weekdays[0]").await;
    refused(GetBestContactTimeRequest { start_hour: 24, ..of() }, "start_hour").await;
    refused(GetBestContactTimeRequest { start_hour: 12, end_hour: 12, ..of() }, "end_hour").await;
    refused(GetBestContactTimeRequest { channel: 7, ..of() }, "channel").await;
    assert_eq!(why(world.best_time("acme", of()).await), (Code::NotFound, Reason::ResourceUnknown));
}

async fn nobody_is_kept(world: &World) {
    let (_, called) = ready(world).await;
    world.run("acme").await;
    let person = &called.contacts[0];
    world.best_time("acme", of(person)).await.unwrap();
    let erased = PersonErased { contacts: vec![person.name.clone()], ..PersonErased::default() };
    world.hear("acme", &erased).await;
    let gone = eventually(async || {
        let found = world.best_time("acme", of(person)).await;
        found.is_err().then(|| why(found))
    });
    assert_eq!(gone.await, (Code::NotFound, Reason::ResourceUnknown));
    // nor taken up again by what comes late
    world.hear("acme", &ContactsChanged { contacts: vec![person.clone()] }).await;
    let found = world.best_time("acme", of(person)).await;
    assert_eq!(why(found), (Code::NotFound, Reason::ResourceUnknown));
    world.best_time("acme", of(&called.contacts[1])).await.unwrap();
}
