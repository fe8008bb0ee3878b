//! Whom to speak to at an account, and how: as far as people agreed to it.

use std::collections::HashMap;

use salient_core::{AccountId, ContactId};

use super::draft::{Channel, Contact};

/// What people said about being offered something.
#[derive(Clone, Debug)]
pub struct Consents {
    /// Whether somebody may be contacted of whom nothing is known.
    pub unknown_permitted: bool,
    /// What is known.
    pub known: HashMap<(ContactId, Channel), bool>,
}

impl Default for Consents {
    fn default() -> Self {
        Self { unknown_permitted: true, known: HashMap::new() }
    }
}

impl Consents {
    /// Whether the person may be contacted by the channel.
    #[must_use]
    pub fn permit(&self, contact: ContactId, channel: Channel) -> bool {
        self.known.get(&(contact, channel)).copied().unwrap_or(self.unknown_permitted)
    }
}

/// Whom to speak to, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approach {
    /// The person; none at an account where nobody is known, or nobody may be contacted.
    pub contact: Option<Contact>,
    /// How.
    pub channel: Channel,
}

/// The ways to reach a person, best first: the telephone, unless only an e-mail address is known.
fn channels(contact: &Contact) -> &'static [Channel] {
    match (contact.has_phone, contact.has_email) {
        (true, true) => &[Channel::Call, Channel::Email],
        (false, true) => &[Channel::Email],
        (_, false) => &[Channel::Call],
    }
}

/// Whom a seller may speak to at accounts.
#[derive(Debug, Default)]
pub struct Approaches {
    consents: Consents,
    /// Each account's contacts, the one to speak to first.
    contacts: HashMap<AccountId, Vec<Contact>>,
}

impl Approaches {
    /// Over the known contacts of accounts, each list with the one to speak to first.
    #[must_use]
    pub fn new(consents: Consents, contacts: HashMap<AccountId, Vec<Contact>>) -> Self {
        Self { consents, contacts }
    }

    /// The first contact who may be contacted by one of the ways to reach them. Where nobody may be,
    /// it is the account that is proposed, without a person.
    #[must_use]
    pub fn of(&self, account: AccountId) -> Approach {
        let permitted = |contact: &Contact| {
            let channel = channels(contact).iter().find(|way| self.consents.permit(contact.id, **way))?;
            Some(Approach { contact: Some(contact.clone()), channel: *channel })
        };
        let contacts = self.contacts.get(&account).map_or(&[][..], Vec::as_slice);
        contacts
            .iter()
            .find_map(permitted)
            .unwrap_or(Approach { contact: None, channel: Channel::Call })
    }

    /// Whether an item stands as it is: whom it names may be contacted in that way, or it names nobody
    /// and nobody may be.
    #[must_use]
    pub fn stands(&self, account: AccountId, contact: Option<&Contact>, channel: Channel) -> bool {
        match contact {
            Some(contact) => self.consents.permit(contact.id, channel),
            None => self.of(account).contact.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use salient_core::Clock;

    use super::*;

    fn contact(has_phone: bool, has_email: bool) -> Contact {
        Contact { id: ContactId::new(&Clock::system()), name: "Ada".into(), has_phone, has_email }
    }

    #[test]
    fn nobody_is_approached_against_their_word() {
        let account = AccountId::new(&Clock::system());
        let [first, second] = [contact(true, true), contact(false, true)];
        let both = || HashMap::from([(account, vec![first.clone(), second.clone()])]);
        let of = |unknown_permitted, known: &[(&Contact, Channel, bool)]| {
            let known = known.iter().map(|(who, how, said)| ((who.id, *how), *said)).collect();
            let found = Approaches::new(Consents { unknown_permitted, known }, both()).of(account);
            (found.contact.map(|contact| contact.id), found.channel)
        };
        use Channel::{Call, Email};
        assert_eq!(of(true, &[]), (Some(first.id), Call));
        assert_eq!(of(true, &[(&first, Call, false)]), (Some(first.id), Email));
        let quiet = [(&first, Call, false), (&first, Email, false)];
        assert_eq!(of(true, &quiet), (Some(second.id), Email));
        // the account may be proposed still, but nobody is named
        assert_eq!(of(false, &[]), (None, Call));
        // a grant for a channel by which the person cannot be reached is no way
        assert_eq!(of(false, &[(&second, Call, true)]), (None, Call));
        assert_eq!(of(false, &[(&second, Email, true)]), (Some(second.id), Email));
        assert_eq!(Approaches::default().of(account).contact, None);
    }
}
