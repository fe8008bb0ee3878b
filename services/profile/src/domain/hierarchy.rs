//! Who stands above whom.
//!
//! A record names its parent by key. Of a profile counts what a person fixed; else what any of its
//! records says, also where another one was chosen: what was not chosen may be chosen tomorrow,
//! because a merge is taken back or a source is trusted more, and must find no circle then.

use std::collections::HashMap;

use salient_core::Reason;
use salient_proto::common::v1::SourceKey;
use uuid::Uuid;

use super::Refusal;

/// The field that names the parent.
pub const PARENT: &str = "parent_key";

/// Levels of a group, at most. Circles are looked for level by level, and a chain that is longer
/// cannot be told from one.
pub const LEVELS: usize = 100;

/// A key as one text. A `/` in the source's name is written as `%2F`.
pub fn key_text(key: &SourceKey) -> String {
    format!("{}/{}", key.source.replace('%', "%25").replace('/', "%2F"), key.id)
}

/// Reads [`key_text`]; none if it is not one.
pub fn parse_key(text: &str) -> Option<SourceKey> {
    let (source, id) = text.split_once('/')?;
    Some(SourceKey { source: source.replace("%2F", "/").replace("%25", "%"), id: id.to_owned() })
}

/// What is said of the parent of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// Whether a person fixed it, so that what records say does not count.
    pub fixed: bool,
    /// The record that says it, none for a person; and the key of the parent.
    pub said: Vec<(Option<SourceKey>, SourceKey)>,
}

/// Some profiles, and everything that is said to be above them.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// The profile of each key; a key without one is not stored.
    profiles: HashMap<SourceKey, Uuid>,
    claims: HashMap<Uuid, Claims>,
}

impl Lineage {
    /// Adds the profile of a record.
    pub fn know(&mut self, key: SourceKey, profile: Uuid) {
        self.profiles.insert(key, profile);
    }

    /// Adds what is said of the parent of a profile.
    pub fn say(&mut self, profile: Uuid, claims: Claims) {
        self.claims.insert(profile, claims);
    }

    /// Whether it has been said what is above the profile.
    pub fn holds(&self, profile: Uuid) -> bool {
        self.claims.contains_key(&profile)
    }

    /// Lets the record `key`, whose id is `id`, say that `parent` is above its profile.
    ///
    /// # Errors
    /// The profile would stand above itself; nothing is changed then.
    pub fn link(&mut self, key: &SourceKey, id: Uuid, parent: Option<&SourceKey>) -> Result<(), Refusal> {
        let profile = *self.profiles.entry(key.clone()).or_insert(id);
        if self.claims.entry(profile).or_default().fixed {
            return Ok(());
        }
        if let Some(parent) = parent {
            self.climb(key, parent, profile).map_err(|message| Refusal {
                field: PARENT.to_owned(),
                reason: Reason::HierarchyCycle,
                message,
            })?;
        }
        let said = &mut self.claims.entry(profile).or_default().said;
        said.retain(|(by, _)| by.as_ref() != Some(key));
        said.extend(parent.map(|parent| (Some(key.clone()), parent.clone())));
        Ok(())
    }

    /// Refuses if `upper` is said to be above `lower`; of one profile, if it stands above itself.
    ///
    /// # Errors
    /// The chain from the one to the other, in words.
    pub fn is_not_above(&self, upper: Uuid, lower: Uuid) -> Result<(), String> {
        for (by, parent) in self.claims.get(&lower).into_iter().flat_map(|claims| &claims.said) {
            let own = || self.profiles.iter().find(|(_, profile)| **profile == lower).map(|(key, _)| key);
            // a person speaks of the profile, which any of its keys stands for
            self.climb(by.as_ref().or_else(own).unwrap_or(parent), parent, upper)?;
        }
        Ok(())
    }

    /// Refuses if the way up from `parent`, which is above `below`, leads to `profile`.
    fn climb(&self, below: &SourceKey, parent: &SourceKey, profile: Uuid) -> Result<(), String> {
        let mut from: HashMap<&SourceKey, &SourceKey> = HashMap::from([(parent, below)]);
        let mut level = vec![parent];
        for _ in 0..LEVELS {
            let mut next = Vec::new();
            for key in level {
                // of one that is not stored nothing is said
                let Some(found) = self.profiles.get(key) else { continue };
                if *found == profile {
                    return Err(circle(below, key, &from));
                }
                let Some(claims) = self.claims.get(found) else { return Err(too_deep(below)) };
                for (_, above) in &claims.said {
                    if !from.contains_key(above) {
                        from.insert(above, key);
                        next.push(above);
                    }
                }
            }
            if next.is_empty() {
                return Ok(());
            }
            level = next;
        }
        Err(too_deep(below))
    }
}

/// The way from `below` up to `end`, in words.
fn circle(below: &SourceKey, end: &SourceKey, from: &HashMap<&SourceKey, &SourceKey>) -> String {
    let mut way = vec![end];
    while let Some(key) = way.last().and_then(|key| from.get(key)) {
        way.push(key);
        // a circle of one is a step from a key to itself
        if *key == below || way.len() > LEVELS + 1 {
            break;
        }
    }
    let way: Vec<String> = way.into_iter().rev().map(key_text).collect();
    let same = match end == below {
        true => String::new(),
        false => format!(", which is one customer with {}", key_text(below)),
    };
    format!(
        "the account would stand above itself: {}{same}; a parent that is not below the account is accepted",
        way.join(" under ")
    )
}

fn too_deep(below: &SourceKey) -> String {
    format!("{} would be more than {LEVELS} levels deep; fewer are accepted", key_text(below))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(id: impl ToString) -> SourceKey {
        SourceKey { source: "crm".into(), id: id.to_string() }
    }

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn link(lineage: &mut Lineage, child: u128, parent: Option<u128>) -> Result<(), String> {
        lineage.link(&key(child), id(child), parent.map(key).as_ref()).map_err(|refusal| refusal.message)
    }

    #[test]
    fn keys_read_back() {
        for source in ["crm", "a/b", "50%", "%2F"] {
            let key = SourceKey { source: source.into(), id: "x/1".into() };
            assert_eq!(parse_key(&key_text(&key)), Some(key));
        }
        assert_eq!(parse_key(""), None);
    }

    #[test]
    fn the_closing_link_is_refused_and_names_the_chain() {
        let mut lineage = Lineage::default();
        link(&mut lineage, 3, Some(2)).unwrap();
        link(&mut lineage, 2, Some(1)).unwrap();
        let told = link(&mut lineage, 1, Some(3)).unwrap_err();
        assert!(told.contains("crm/1 under crm/3 under crm/2 under crm/1;"), "{told}");
        let told = link(&mut lineage, 4, Some(4)).unwrap_err();
        assert!(told.contains("itself: crm/4 under crm/4;"), "{told}");
        // what was refused changed nothing, and what is taken back is gone
        link(&mut lineage, 1, None).unwrap();
        link(&mut lineage, 2, None).unwrap();
        link(&mut lineage, 1, Some(3)).unwrap();
    }

    #[test]
    fn a_merged_profile_stands_above_itself_by_any_of_its_records() {
        let mut lineage = Lineage::default();
        link(&mut lineage, 2, Some(1)).unwrap();
        // 9 is one customer with 1
        lineage.know(key(1), id(1));
        lineage.know(key(9), id(1));
        let told = link(&mut lineage, 9, Some(2)).unwrap_err();
        assert!(told.contains("crm/9 under crm/2 under crm/1, which is one customer with crm/9"), "{told}");
        assert!(lineage.is_not_above(id(1), id(2)).is_err());
        assert!(lineage.is_not_above(id(2), id(1)).is_ok());
    }

    #[test]
    fn what_a_person_fixed_is_all_that_counts() {
        let mut lineage = Lineage::default();
        lineage.know(key(1), id(1));
        lineage.say(id(1), Claims { fixed: true, said: Vec::new() });
        link(&mut lineage, 2, Some(1)).unwrap();
        link(&mut lineage, 1, Some(2)).unwrap();
        lineage.say(id(1), Claims { fixed: true, said: vec![(None, key(2))] });
        let told = lineage.is_not_above(id(1), id(1)).unwrap_err();
        assert!(told.contains("crm/1 under crm/2 under crm/1;"), "{told}");
    }

    #[test]
    fn a_chain_has_an_end() {
        let mut lineage = Lineage::default();
        let levels = LEVELS as u128;
        for number in 1..levels {
            link(&mut lineage, number, Some(number - 1)).unwrap();
        }
        let too_deep = (levels..levels + 2).map(|number| link(&mut lineage, number, Some(number - 1)));
        assert!(too_deep.last().unwrap().unwrap_err().contains("levels deep"));
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_has_no_circle(links in prop::collection::vec((0_u128..7, 0_u128..7), 1..30)) {
            let mut lineage = Lineage::default();
            for (child, parent) in links {
                let _ = link(&mut lineage, child, Some(parent));
            }
            for number in 0..7 {
                prop_assert!(lineage.is_not_above(id(number), id(number)).is_ok());
            }
        }

        #[test]
        fn a_forest_is_taken_in_any_order(parents in prop::collection::vec(0_usize..100, 2..12), turn in 0_usize..12) {
            // each stands below one with a smaller number, if below any
            let mut links: Vec<_> = parents.iter().enumerate().skip(1).map(|(n, p)| (n as u128, (p % n) as u128)).collect();
            let places = links.len();
            links.rotate_left(turn % places);
            let mut lineage = Lineage::default();
            for (child, parent) in links {
                prop_assert_eq!(link(&mut lineage, child, Some(parent)), Ok(()));
            }
        }
    }
}
