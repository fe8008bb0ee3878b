//! What all kinds of records have in common.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use salient_core::{Mask, from_micros, to_micros};
use salient_proto::{Validate, common::v1::SourceKey};
use uuid::Uuid;

use super::{Faults, Kind, Refusal, UpdateMask};

/// A record of one of the kinds: a resource message of the contract.
///
/// To add a kind: write the message, a [`Kind`], and this trait for it (copy `contact.rs`); then
/// its table and columns in `store/`, its event in `events/publish.rs` and its RPCs in `grpc/`.
pub trait Record: prost::Message + Validate + Default + Clone + PartialEq + 'static {
    /// Which kind.
    const KIND: Kind;
    /// The fields that a read mask may name.
    const READABLE: &'static [&'static str];
    /// The fields that an update mask may name.
    const WRITABLE: &'static [&'static str];
    /// Whether the message shows when it was stored.
    const STAMPED: bool;

    /// The key in the system of record.
    fn key(&self) -> Option<&SourceKey>;
    /// The resource name.
    fn name(&self) -> &str;
    /// Gives the record its resource name.
    fn set_name(&mut self, name: String);
    /// Gives the record its key.
    fn set_key(&mut self, key: SourceKey);
    /// How the record names its account.
    ///
    /// # Errors
    /// Both ways at once, or a name that is none.
    fn account(&self) -> Result<AccountRef, Refusal>;
    /// The account of a stored record; nothing for an account, and before the account is known.
    fn account_id(&self) -> Option<Uuid> {
        match self.account() {
            Ok(AccountRef::Id(id)) => Some(id),
            _ => None,
        }
    }
    /// Names the account, in the one way in which it is stored.
    fn set_account(&mut self, account: String);
    /// The key of the person whom the record names, if it names one.
    fn person(&self) -> Option<&SourceKey> {
        None
    }
    /// The key of the account above, of an account that names one.
    fn parent(&self) -> Option<&SourceKey> {
        None
    }
    /// Names the account above, of an account.
    fn set_parent(&mut self, _parent: String) {}
    /// Sets the times of storage; does nothing where the message does not show them.
    fn stamp(&mut self, create_time: Option<Timestamp>, update_time: Option<Timestamp>);
    /// Cuts times to microseconds; nothing more, because an unset field must stay unset until it
    /// is merged.
    fn cut_times(&mut self);
    /// Fills what the contract gives a default for.
    fn fill_defaults(&mut self) {}
    /// Clears every field that is not in the mask.
    fn retain(&mut self, mask: &Mask);
    /// Takes the fields of `change` that the mask names.
    fn update(&mut self, change: Self, mask: &UpdateMask);
    /// Adds what is wrong beyond the annotations of the contract.
    fn check_more(&self, faults: &mut Faults);

    /// Everything that is wrong with the record by itself.
    fn faults(&self, latest: DateTime<Utc>) -> Faults {
        let mut faults = Faults::of(self, latest);
        faults.key("source_key", self.key());
        self.check_more(&mut faults);
        faults
    }
}

/// How a record names its account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AccountRef {
    /// The record is one.
    Itself,
    /// Not at all.
    Missing,
    /// By its id.
    Id(Uuid),
    /// By its key in the system of record.
    Key(SourceKey),
}

impl AccountRef {
    /// Reads the two fields in which a record may name its account.
    ///
    /// # Errors
    /// Both are set, or the name is none.
    pub fn read(account: &str, account_key: Option<&SourceKey>) -> Result<Self, Refusal> {
        match (account, account_key) {
            ("", None) => Ok(Self::Missing),
            ("", Some(key)) => Ok(Self::Key(key.clone())),
            (name, None) => Kind::Account
                .parse("account", name)
                .map(Self::Id)
                .map_err(|_| Refusal::field("account", "a name like accounts/{uuid} is accepted")),
            (_, Some(_)) => {
                Err(Refusal::field("account_key", "one of account and account_key is accepted, not both"))
            }
        }
    }

    /// What is said of a record that names no account.
    pub fn missing() -> Refusal {
        Refusal::field("account", "one of account and account_key is required")
    }
}

/// Microseconds since 1970, as times are stored. Saturates: whether a time is one at all is
/// checked elsewhere.
pub fn timestamp_micros(time: &Timestamp) -> i64 {
    time.seconds.saturating_mul(1_000_000).saturating_add(i64::from(time.nanos) / 1_000)
}

/// The time of a stored count of microseconds.
pub fn timestamp(micros: i64) -> Timestamp {
    let time = from_micros(micros);
    Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default(),
    }
}

/// The time as a message.
pub fn timestamp_of(time: DateTime<Utc>) -> Timestamp {
    timestamp(to_micros(time))
}

/// Cuts a time to microseconds.
pub(super) fn cut(time: &mut Option<Timestamp>) {
    if let Some(time) = time {
        time.nanos -= time.nanos % 1_000;
    }
}

/// Writes the parts of [`Record`] that go over all fields of a message: `own` fields can be
/// changed, `given` ones come from the server.
macro_rules! fields {
    (own: $($own:ident),+; given: $($given:ident),*;) => {
        const READABLE: &'static [&'static str] =
            &["name", "source_key", $(stringify!($own),)+ $(stringify!($given),)*];
        const WRITABLE: &'static [&'static str] = &[$(stringify!($own)),+];

        fn key(&self) -> Option<&salient_proto::common::v1::SourceKey> {
            self.source_key.as_ref()
        }

        fn name(&self) -> &str {
            &self.name
        }

        fn set_name(&mut self, name: String) {
            self.name = name;
        }

        fn set_key(&mut self, key: salient_proto::common::v1::SourceKey) {
            self.source_key = Some(key);
        }

        fn retain(&mut self, mask: &salient_core::Mask) {
            let kept = std::mem::take(self);
            if mask.contains("name") { self.name = kept.name; }
            if mask.contains("source_key") { self.source_key = kept.source_key; }
            $(if mask.contains(stringify!($own)) { self.$own = kept.$own; })+
            $(if mask.contains(stringify!($given)) { self.$given = kept.$given; })*
        }

        fn update(&mut self, change: Self, mask: &$crate::domain::UpdateMask) {
            $(if mask.takes(stringify!($own), || change.$own != Self::default().$own) {
                self.$own = change.$own;
            })+
        }
    };
}
pub(super) use fields;
