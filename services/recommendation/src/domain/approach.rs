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
    /// Contacts that are one person with another one, who stands for them.
    merged: HashMap<ContactId, ContactId>,
}

impl Approaches {
    /// Over the known contacts of accounts, each list with the one to speak to first, and those that are
    /// one person with another one.
    #[must_use]
    pub fn new(
        consents: Consents,
        contacts: HashMap<AccountId, Vec<Contact>>,
        merged: HashMap<ContactId, ContactId>,
    ) -> Self {
        Self { consents, contacts, merged }
    }

    fn at(&self, account: AccountId) -> &[Contact] {
        self.contacts.get(&account).map_or(&[][..], Vec::as_slice)
    }

    /// The first contact who may be contacted by one of the ways to reach them. Where nobody may be,
    /// it is the account that is proposed, without a person.
    #[must_use]
    pub fn of(&self, account: AccountId) -> Approach {
        let permitted = |contact: &Contact| {
            let channel = channels(contact).iter().find(|way| self.consents.permit(contact.id, **way))?;
            Some(Approach { contact: Some(contact.clone()), channel: *channel })
        };
        let nobody = Approach { contact: None, channel: Channel::Call };
        self.at(account).iter().find_map(permitted).unwrap_or(nobody)
    }

    /// Whether an item stands as it is: whom it names is of the account and may be contacted in that
    /// way, or it names nobody and nobody may be.
    #[must_use]
    pub fn stands(&self, account: AccountId, contact: Option<&Contact>, channel: Channel) -> bool {
        match contact {
            Some(named) => {
                let person = self.merged.get(&named.id).copied().unwrap_or(named.id);
                self.at(account).iter().any(|contact| contact.id == person)
                    && self.consents.permit(named.id, channel)
            }
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
            let consents = Consents { unknown_permitted, known };
            let found = Approaches::new(consents, both(), HashMap::new()).of(account);
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

    #[test]
    fn an_item_stands_while_the_person_is_of_the_account_and_may_be_contacted() {
        let account = AccountId::new(&Clock::system());
        let [one, other, alias] = [contact(true, true), contact(true, true), contact(true, true)];
        let known = HashMap::from([((one.id, Channel::Call), false)]);
        let approaches = Approaches::new(
            Consents { unknown_permitted: true, known },
            HashMap::from([(account, vec![one.clone()])]),
            HashMap::from([(alias.id, one.id)]),
        );
        assert!(approaches.stands(account, Some(&one), Channel::Email));
        assert!(!approaches.stands(account, Some(&one), Channel::Call));
        assert!(!approaches.stands(account, Some(&other), Channel::Email));
        assert!(approaches.stands(account, Some(&alias), Channel::Email));
        assert!(!approaches.stands(account, None, Channel::Call));
        assert!(approaches.stands(AccountId::new(&Clock::system()), None, Channel::Call));
    }
}
