use chrono::TimeDelta;
use proptest::prelude::*;
use salient_core::Reason;
use salient_proto::profile::v1::{Account, Contact, Order, OrderLine, order};

use super::*;
use crate::domain::record::timestamp_of;

fn clock() -> Clock {
    Clock::manual("2011-06-01T00:00:00Z".parse().unwrap())
}

fn key(id: &str) -> SourceKey {
    SourceKey { source: "crm".into(), id: id.into() }
}

fn account(id: &str, name: &str) -> Account {
    Account { source_key: Some(key(id)), display_name: name.into(), ..Account::default() }
}

fn contact(id: &str, account: &str) -> Contact {
    Contact {
        source_key: Some(key(id)),
        account_key: Some(key(account)),
        display_name: "Ada".into(),
        ..Contact::default()
    }
}

fn order(id: &str, account: &str, time: DateTime<Utc>) -> Order {
    Order {
        source_key: Some(key(id)),
        account_key: Some(key(account)),
        order_time: Some(timestamp_of(time)),
        currency_code: "GBP".into(),
        lines: vec![OrderLine { product: "products/1".into(), quantity: 2, amount_minor_units: 500 }],
        ..Order::default()
    }
}

/// A store that is only its content.
struct Stored<R> {
    clock: Clock,
    accounts: Accounts,
    rows: HashMap<SourceKey, Write<R>>,
}

impl<R: Record> Stored<R> {
    fn new(accounts: &[&str]) -> Self {
        let clock = clock();
        let by_key: HashMap<_, _> = accounts.iter().map(|id| (key(id), clock.uuid())).collect();
        let ids = by_key.values().copied().collect();
        Self { clock, accounts: Accounts { by_key, ids }, rows: HashMap::new() }
    }

    fn take(&mut self, records: Vec<R>, mask: &UpdateMask) -> (Summary, usize) {
        let mut batch = Batch::prepare(records, self.clock.latest());
        let known: HashMap<_, _> = self
            .rows
            .iter()
            .filter(|(key, _)| batch.keys().contains(key))
            .map(|(key, row)| (key.clone(), Known { id: row.id, hash: row.hash.clone() }))
            .collect();
        let wanted = batch.compare(&known, &self.accounts, mask);
        let current = self
            .rows
            .values()
            .filter(|row| wanted.contains(&row.id))
            .map(|row| {
                let record = R::decode(row.body.as_slice()).unwrap();
                (row.id, Current { record, create_time: row.create_time })
            })
            .collect();
        let (summary, writes) =
            batch.apply(&known, current, &self.accounts, Lineage::default(), mask, &self.clock);
        let count = writes.len();
        for write in writes {
            assert!(self.rows.get(&write.key).is_none_or(|row| row.id == write.id));
            self.rows.insert(write.key.clone(), write);
        }
        (summary, count)
    }

    fn row(&self, id: &str) -> &R {
        &self.rows[&key(id)].record
    }
}

fn counts(summary: &Summary) -> (usize, usize, usize, usize) {
    (summary.created, summary.updated, summary.unchanged, summary.refused.len())
}

fn refusal(summary: &Summary) -> &Refusal {
    assert_eq!(summary.refused.len(), 1, "{summary:?}");
    &summary.refused[0].1
}

#[test]
fn the_same_record_again_changes_nothing() {
    let mut store = Stored::new(&["a"]);
    let now = store.clock.now();
    let (summary, writes) = store.take(vec![order("1", "a", now)], &UpdateMask::Set);
    assert_eq!((counts(&summary), writes), ((1, 0, 0, 0), 1));
    for mask in [UpdateMask::Set, UpdateMask::All] {
        let (summary, writes) = store.take(vec![order("1", "a", now)], &mask);
        assert_eq!((counts(&summary), writes), ((0, 0, 1, 0), 0));
    }
    // named by its id, the account is the same one
    let by_id = Order {
        account: Kind::Account.name(store.accounts.by_key[&key("a")]),
        account_key: None,
        ..order("1", "a", now)
    };
    assert_eq!(counts(&store.take(vec![by_id], &UpdateMask::Set).0), (0, 0, 1, 0));
    assert_eq!(store.row("1").kind, order::Kind::Purchase as i32, "the contract's default");
}

#[test]
fn without_a_mask_only_what_is_set_changes() {
    let mut store = Stored::new(&[]);
    let full = Account { territory: "north".into(), country: "UK".into(), ..account("1", "Acme") };
    store.take(vec![full], &UpdateMask::Set);
    // no display name, which a new account must have
    let change = Account { display_name: String::new(), territory: "south".into(), ..account("1", "") };
    assert_eq!(counts(&store.take(vec![change], &UpdateMask::Set).0), (0, 1, 0, 0));
    let row = store.row("1");
    assert_eq!(
        (row.display_name.as_str(), row.territory.as_str(), row.country.as_str()),
        ("Acme", "south", "UK")
    );

    let (summary, _) = store.take(vec![account("1", "Acme")], &UpdateMask::All);
    assert_eq!(counts(&summary), (0, 1, 0, 0));
    assert_eq!(store.row("1").territory, "");
}

#[test]
fn a_mask_changes_what_it_names_and_nothing_else() {
    let mut store = Stored::new(&[]);
    store.take(vec![Account { country: "UK".into(), ..account("1", "Acme") }], &UpdateMask::Set);
    let mask = UpdateMask::parse(&["country".into()], Account::WRITABLE).unwrap();
    let change = Account { display_name: "Other".into(), ..account("1", "") };
    assert_eq!(counts(&store.take(vec![change], &mask).0), (0, 1, 0, 0));
    assert_eq!((store.row("1").display_name.as_str(), store.row("1").country.as_str()), ("Acme", ""));
    // a field that must be there cannot be cleared
    let mask = UpdateMask::parse(&["display_name".into()], Account::WRITABLE).unwrap();
    let (summary, _) = store.take(vec![account("1", "")], &mask);
    assert_eq!(refusal(&summary).field, "display_name");
    assert_eq!(store.row("1").display_name, "Acme");
}

#[test]
fn bad_records_are_refused_and_the_others_stand() {
    let mut store = Stored::new(&["a"]);
    let now = store.clock.now();
    let bad_line = OrderLine { product: "products/1".into(), quantity: 1, amount_minor_units: -1 };
    let records = vec![
        order("1", "a", now),
        Order { source_key: None, ..order("2", "a", now) },
        order("3", "nobody", now),
        order("4", "a", now + TimeDelta::microseconds(1)),
        Order { lines: vec![order("5", "a", now).lines.remove(0), bad_line], ..order("5", "a", now) },
        Order { account_key: None, ..order("6", "a", now) },
        Order { account: Kind::Account.name(store.clock.uuid()), ..order("7", "a", now) },
        Order { account: Kind::Account.name(store.clock.uuid()), account_key: None, ..order("8", "a", now) },
        Order { account: "accounts/x".into(), account_key: None, ..order("9", "a", now) },
        Order { name: Kind::Order.name(store.clock.uuid()), ..order("10", "a", now) },
        Order { source_key: Some(key("\0")), ..order("11", "a", now) },
        order("12", "a", now),
    ];
    let (summary, _) = store.take(records, &UpdateMask::Set);
    assert_eq!(counts(&summary), (2, 0, 0, 10));
    let told: Vec<_> = summary.refused.iter().map(|(at, r)| (*at, r.field.as_str(), r.reason)).collect();
    assert_eq!(
        told,
        [
            (1, "source_key", Reason::FieldInvalid),
            (2, "account_key", Reason::AccountUnknown),
            (3, "order_time", Reason::DateInFuture),
            (4, "lines[1].amount_minor_units", Reason::FieldInvalid),
            (5, "account", Reason::FieldInvalid),
            (6, "account_key", Reason::FieldInvalid),
            (7, "account", Reason::AccountUnknown),
            (8, "account", Reason::FieldInvalid),
            (9, "name", Reason::FieldInvalid),
            (10, "source_key.id", Reason::FieldInvalid),
        ]
    );
    let empty: Vec<_> = (0..12).filter(|at| summary.names[*at].is_empty()).collect();
    assert_eq!(empty, (1..11).collect::<Vec<_>>());
}

#[test]
fn all_that_is_wrong_is_told() {
    let mut store = Stored::new(&["a"]);
    let now = store.clock.now();
    let lines = vec![OrderLine { product: "x".into(), quantity: 0, amount_minor_units: -1 }; 3];
    let (summary, _) = store.take(vec![Order { lines, ..order("1", "a", now) }], &UpdateMask::Set);
    let refusal = refusal(&summary);
    assert_eq!(refusal.field, "lines[0].product");
    assert!(refusal.message.contains("; also lines[0].quantity: must be more than 0, is 0, "), "{refusal:?}");
    assert!(refusal.message.ends_with(" and 3 more"), "{refusal:?}");
}

#[test]
fn a_key_twice_in_a_batch_is_one_record() {
    let mut store = Stored::new(&["a", "b"]);
    let twice = vec![contact("1", "a"), Contact { email: "ada@example.org".into(), ..contact("1", "b") }];
    let (summary, writes) = store.take(twice, &UpdateMask::Set);
    assert_eq!((counts(&summary), writes), ((1, 1, 0, 0), 1));
    assert_eq!(summary.names[0], summary.names[1]);
    assert_eq!(store.row("1").account, Kind::Account.name(store.accounts.by_key[&key("b")]));
    assert_eq!(store.row("1").account_key, None);
    // back and forth is no change
    let back = vec![contact("1", "a"), contact("1", "b")];
    let (summary, _) = store.take(back, &UpdateMask::Set);
    assert_eq!(counts(&summary), (0, 2, 0, 0));
}

#[test]
fn a_record_keeps_its_account_unless_it_names_another() {
    let mut store = Stored::new(&["a", "b"]);
    store.take(vec![contact("1", "a")], &UpdateMask::Set);
    let before = store.row("1").account.clone();
    let no_account = Contact { account_key: None, title: "Buyer".into(), ..contact("1", "a") };
    assert_eq!(counts(&store.take(vec![no_account.clone()], &UpdateMask::Set).0), (0, 1, 0, 0));
    assert_eq!(store.row("1").account, before);
    let (summary, _) = store.take(vec![no_account], &UpdateMask::All);
    assert_eq!(refusal(&summary).field, "account");
    let mask = UpdateMask::parse(&["account_key".into()], Contact::WRITABLE).unwrap();
    store.take(vec![contact("1", "b")], &mask);
    assert_eq!((store.row("1").account == before, store.row("1").title.as_str()), (false, "Buyer"));
}

#[test]
fn text_that_no_store_holds_is_refused() {
    let mut store = Stored::new(&[]);
    let (summary, _) = store.take(vec![account("1", "A\0B")], &UpdateMask::Set);
    assert_eq!(refusal(&summary).field, "display_name");
}

#[test]
fn a_total_beyond_what_can_be_held_is_refused() {
    let mut store = Stored::new(&["a"]);
    let now = store.clock.now();
    let line = OrderLine { product: "products/1".into(), quantity: 1, amount_minor_units: i64::MAX };
    let (summary, _) =
        store.take(vec![Order { lines: vec![line; 2], ..order("1", "a", now) }], &UpdateMask::Set);
    assert_eq!(refusal(&summary).field, "lines");
}

proptest! {
    /// However records are cut into batches and in whatever order they come: the same records.
    #[test]
    fn order_and_batches_do_not_matter(
        order_of in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
        cuts in proptest::collection::vec(1_usize..5, 12),
    ) {
        let contents = |order_of: &[usize], cuts: &[usize]| {
            let mut store = Stored::new(&["0", "1", "2"]);
            let now = store.clock.now();
            let mut rest = order_of;
            for cut in cuts {
                let (now_taken, later) = rest.split_at((*cut).min(rest.len()));
                rest = later;
                let records = now_taken.iter().map(|n| {
                    order(&n.to_string(), &(n % 3).to_string(), now - TimeDelta::days(*n as i64))
                });
                store.take(records.collect(), &UpdateMask::Set);
            }
            let account = |id: &str| {
                let found = store.accounts.by_key.iter().find(|(_, uuid)| Kind::Account.name(**uuid) == id);
                found.map(|(key, _)| key.clone())
            };
            let mut contents: Vec<_> = store.rows.values().map(|row| {
                let mut record = row.record.clone();
                record.account_key = account(&record.account);
                (record.name, record.account) = Default::default();
                (row.key.id.clone(), record)
            }).collect();
            contents.sort_by(|a, b| a.0.cmp(&b.0));
            contents
        };
        let straight: Vec<usize> = (0..12).collect();
        prop_assert_eq!(contents(&order_of, &cuts), contents(&straight, &[12]));
    }
}
