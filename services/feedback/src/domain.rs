//! Reactions, what each does, and outcomes. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use salient_core::{
    AccountId, Error, Money, OutcomeId, ProductId, ReactionId, RecommendationId, Result, SellerId,
};

/// Days after the issue in which a recommendation may come true.
pub const WINDOW_DAYS: i64 = 30;

/// Days a snoozed item rests when the seller names no day.
const SNOOZE_DAYS: i64 = 7;

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$value:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$value])* $variant,)* }

        impl $name {
            /// The name as stored and filtered by.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The inverse of `as_str`.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

names! {
    /// What a seller does with a recommendation.
    Action {
        /// Will do it.
        Accept = "accept",
        /// Later.
        Snooze = "snooze",
        /// Not at all.
        Dismiss = "dismiss",
        /// Did it.
        Complete = "complete",
    }
}

names! {
    /// Why a recommendation is dismissed.
    Reason {
        /// The contact is the wrong person.
        WrongPerson = "wrong_person",
        /// Not now.
        BadTiming = "bad_timing",
        /// Already taken care of.
        AlreadyDone = "already_done",
        /// The account does not need it.
        NotRelevant = "not_relevant",
        /// The account has a complaint.
        CustomerIssue = "customer_issue",
        /// We cannot deliver.
        NoStock = "no_stock",
        /// The account does not want to be contacted.
        DoNotContact = "do_not_contact",
        /// Something else, said in the comment.
        Other = "other",
    }
}

names! {
    /// What a reaction keeps off the lists.
    Scope {
        /// Nothing.
        Nothing = "nothing",
        /// The product at the account.
        AccountProduct = "account_product",
        /// The whole account.
        Account = "account",
        /// The product, at every account.
        Product = "product",
    }
}

names! {
    /// What came of a recommendation.
    Kind {
        /// An opportunity was opened.
        OpportunityCreated = "opportunity_created",
        /// An opportunity was won.
        OpportunityWon = "opportunity_won",
        /// An opportunity was lost.
        OpportunityLost = "opportunity_lost",
        /// The product was ordered.
        Order = "order",
    }
}

names! {
    /// How an outcome was joined to its recommendation.
    Join {
        /// By the attribution token.
        Token = "token",
        /// By account, product and window.
        Subject = "subject",
    }
}

/// What a seller says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saying {
    /// Will do it.
    Accept,
    /// Did it.
    Complete,
    /// Later; at a time, or in a week.
    Snooze(Option<DateTime<Utc>>),
    /// Not at all.
    Dismiss(Reason),
}

impl Saying {
    /// Checks that action, reason, comment and time fit together.
    ///
    /// # Errors
    /// The field that does not fit.
    pub fn try_new(
        action: Action,
        reason: Option<Reason>,
        comment: &str,
        snooze_until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        if action != Action::Dismiss && reason.is_some() {
            return Err(Error::field("reason", "a reason is accepted with a dismissal only"));
        }
        if action != Action::Snooze && snooze_until.is_some() {
            return Err(Error::field("snooze_until", "a time is accepted with a snooze only"));
        }
        if snooze_until.is_some_and(|until| until <= now) {
            let text = format!("a time after now, {}, is accepted", now.to_rfc3339());
            return Err(Error::field("snooze_until", text));
        }
        match (action, reason) {
            (Action::Accept, _) => Ok(Self::Accept),
            (Action::Complete, _) => Ok(Self::Complete),
            (Action::Snooze, _) => Ok(Self::Snooze(snooze_until)),
            (Action::Dismiss, None) => Err(Error::field("reason", "a dismissal needs a reason")),
            (Action::Dismiss, Some(Reason::Other)) if comment.trim().is_empty() => {
                Err(Error::field("comment", "the reason \"other\" needs a comment"))
            }
            (Action::Dismiss, Some(reason)) => Ok(Self::Dismiss(reason)),
        }
    }
}

/// What a reaction does: what rests, until when, and the words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// What rests.
    pub scope: Scope,
    /// Until when; `None` for good, or for nothing.
    pub until: Option<DateTime<Utc>>,
    /// The words.
    pub text: String,
}

/// What each reaction does. Each reason acts differently; this table is the one place that says
/// how, and the contract repeats it in words.
#[must_use]
pub fn effect(saying: &Saying, account: &str, product: &str, now: DateTime<Utc>) -> Effect {
    let rest = |scope, days: i64, what: &str, why: &str| {
        let until = now + TimeDelta::days(days);
        let text = format!("{what} rests until {}: {why}", until.format("%Y-%m-%d"));
        Effect { scope, until: Some(until), text }
    };
    let here = format!("{product} at {account}");
    match saying {
        Saying::Accept => Effect {
            scope: Scope::Nothing,
            until: None,
            text: "accepted; it stays on the list of the day".into(),
        },
        Saying::Complete => Effect { scope: Scope::Nothing, until: None, text: "done".into() },
        Saying::Snooze(until) => {
            let until = until.unwrap_or(now + TimeDelta::days(SNOOZE_DAYS));
            let text = format!("{here} comes back on {}", until.format("%Y-%m-%d"));
            Effect { scope: Scope::AccountProduct, until: Some(until), text }
        }
        Saying::Dismiss(reason) => match reason {
            Reason::WrongPerson => rest(Scope::AccountProduct, 30, &here, "wrong person"),
            Reason::BadTiming => rest(Scope::AccountProduct, 14, &here, "bad timing"),
            Reason::AlreadyDone => rest(Scope::AccountProduct, 30, &here, "already done"),
            Reason::NotRelevant => rest(Scope::AccountProduct, 180, &here, "not relevant"),
            Reason::CustomerIssue => rest(Scope::Account, 14, account, "it has an open issue"),
            Reason::NoStock => rest(Scope::Product, 14, &format!("{product} everywhere"), "no stock"),
            Reason::DoNotContact => Effect {
                scope: Scope::Account,
                until: None,
                text: format!("{account} is not recommended again: it does not want to be contacted"),
            },
            Reason::Other => rest(Scope::AccountProduct, 30, &here, "other reason"),
        },
    }
}

/// What this service knows of a recommendation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: RecommendationId,
    /// Whom it is for.
    pub seller: SellerId,
    /// Whom it is about.
    pub account: AccountId,
    /// The account's name.
    pub account_name: String,
    /// What it is about.
    pub product: ProductId,
    /// The product's name.
    pub product_name: String,
    /// The token that was issued with it.
    pub attribution_token: String,
    /// When it was issued.
    pub issue_time: DateTime<Utc>,
    /// Until when it may come true.
    pub window_end: DateTime<Utc>,
    /// Whether nobody can react to it any more.
    pub closed: bool,
}

/// A seller's reaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// Its id.
    pub id: ReactionId,
    /// The recommendation.
    pub recommendation: RecommendationId,
    /// Whom that was for.
    pub seller: SellerId,
    /// Whom it was about.
    pub account: AccountId,
    /// What it was about.
    pub product: ProductId,
    /// What the seller did.
    pub action: Action,
    /// Why, for a dismissal.
    pub reason: Option<Reason>,
    /// In the seller's words.
    pub comment: String,
    /// When.
    pub react_time: DateTime<Utc>,
    /// What it does.
    pub effect: Effect,
}

/// What came of a recommendation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its id.
    pub id: OutcomeId,
    /// The recommendation.
    pub recommendation: RecommendationId,
    /// Whom that was for.
    pub seller: SellerId,
    /// Whom it was about.
    pub account: AccountId,
    /// The account that the order or opportunity names: this one, or one that is merged with it.
    pub happened_at: AccountId,
    /// What happened.
    pub kind: Kind,
    /// How it was joined.
    pub join: Join,
    /// `orders/{order}` or `opportunities/{opportunity}`.
    pub subject: String,
    /// What it is worth.
    pub amount: Option<Money>,
    /// When it happened.
    pub outcome_time: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2011-11-09T08:00:00Z".parse().unwrap()
    }

    #[test]
    fn each_reason_has_its_own_effect() {
        let table = [
            (Reason::WrongPerson, Scope::AccountProduct, Some("2011-12-09")),
            (Reason::BadTiming, Scope::AccountProduct, Some("2011-11-23")),
            (Reason::AlreadyDone, Scope::AccountProduct, Some("2011-12-09")),
            (Reason::NotRelevant, Scope::AccountProduct, Some("2012-05-07")),
            (Reason::CustomerIssue, Scope::Account, Some("2011-11-23")),
            (Reason::NoStock, Scope::Product, Some("2011-11-23")),
            (Reason::DoNotContact, Scope::Account, None),
            (Reason::Other, Scope::AccountProduct, Some("2011-12-09")),
        ];
        for (reason, scope, until) in table {
            let effect = effect(&Saying::Dismiss(reason), "Corner Shop", "LUNCH BAG", now());
            assert_eq!(effect.scope, scope, "{reason:?}");
            assert_eq!(
                effect.until.map(|at| at.format("%Y-%m-%d").to_string()).as_deref(),
                until,
                "{reason:?}"
            );
            assert!(until.is_none_or(|day| effect.text.contains(day)), "{}", effect.text);
        }
    }

    #[test]
    fn what_does_not_fit_together_is_refused_by_its_field() {
        let later = now() + TimeDelta::days(1);
        let field = |action, reason, comment, until| {
            let error = Saying::try_new(action, reason, comment, until, now()).unwrap_err();
            error.violations()[0].field.clone()
        };
        assert_eq!(field(Action::Dismiss, None, "", None), "reason");
        assert_eq!(field(Action::Accept, Some(Reason::Other), "", None), "reason");
        assert_eq!(field(Action::Dismiss, Some(Reason::Other), " ", None), "comment");
        assert_eq!(field(Action::Accept, None, "", Some(later)), "snooze_until");
        assert_eq!(field(Action::Snooze, None, "", Some(now())), "snooze_until");
        let fits = Saying::try_new(Action::Snooze, None, "", Some(later), now()).unwrap();
        assert_eq!(fits, Saying::Snooze(Some(later)));
    }
}
