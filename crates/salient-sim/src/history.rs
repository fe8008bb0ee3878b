//! What can be seen of an account: the records that a real company's systems would hold.

use chrono::{DateTime, NaiveDate, Utc};

use crate::catalogue::ProductIndex;

/// Somebody who sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seller {
    /// Position in [`crate::Company::sellers`].
    pub index: u32,
    /// Id, for example "s07".
    pub id: String,
    /// The person's name.
    pub name: String,
    /// Territories the seller is responsible for.
    pub territories: Vec<String>,
    /// Recommendations a day that the seller can act on.
    pub capacity: u32,
}

/// A company that buys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Number, from 0; names the account to [`crate::Company::truth`].
    pub index: u64,
    /// Id in the company's system, for example "A0000001".
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Territory, for example "t07".
    pub territory: String,
    /// Position of the responsible seller in [`crate::Company::sellers`].
    pub seller: u32,
    /// Country.
    pub country: &'static str,
    /// IANA time zone. Times of day follow its standard time all year.
    pub time_zone: &'static str,
    /// Industry.
    pub industry: &'static str,
    /// People who work there.
    pub employees: u32,
    /// First day as a customer; for customers from before the history, the first day of the history.
    pub joined: NaiveDate,
}

/// A person at an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Position in [`AccountHistory::contacts`].
    pub number: u32,
    /// The person's name.
    pub name: String,
    /// E-mail address in a domain that does not exist.
    pub email: String,
    /// Telephone number in a range reserved for fiction.
    pub phone: String,
    /// Role.
    pub title: &'static str,
}

/// One product on an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// The product.
    pub product: ProductIndex,
    /// Pieces, more than 0.
    pub pieces: i64,
    /// Price of the line in minor units.
    pub amount_minor: i64,
}

/// How an order came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderOrigin {
    /// The customer ordered alone.
    SelfService,
    /// A seller keyed it in after a conversation.
    SellerAssisted,
}

/// A purchase, or a return of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Number within the account, from 0, by time.
    pub number: u32,
    /// When.
    pub time: DateTime<Utc>,
    /// True for goods that came back.
    pub is_return: bool,
    /// How it came in.
    pub origin: OrderOrigin,
    /// The lines, by product; at least one.
    pub lines: Vec<OrderLine>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InteractionKind {
    /// E-mail.
    Email,
    /// Telephone call.
    Call,
    /// Meeting.
    Meeting,
    /// Visit of the web shop.
    Web,
    /// Touch of a marketing campaign.
    Marketing,
    /// Support request.
    Support,
    /// Use of a product, in hours.
    Usage,
    /// Third-party sign of a competitor.
    CompetitorSignal,
}

/// Something between the account and the company, or a signal about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Interaction {
    /// Number within the account, from 0, by time.
    pub number: u32,
    /// When.
    pub time: DateTime<Utc>,
    /// What.
    pub kind: InteractionKind,
    /// The person, as a position in [`AccountHistory::contacts`].
    pub contact: Option<u32>,
    /// The product it was about.
    pub product: Option<ProductIndex>,
    /// How much: hours of usage; 1 for a touch.
    pub quantity: f64,
    /// Whether a call was answered; none for anything else.
    pub reached: Option<bool>,
    /// In a few words.
    pub summary: &'static str,
}

/// Where an opportunity stands at the end of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpportunityState {
    /// The account has not decided.
    Open,
    /// It bought.
    Won,
    /// It did not.
    Lost,
}

/// A possible sale of a product that is new to the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opportunity {
    /// Number within the account, from 0, by the time it was opened.
    pub number: u32,
    /// The product.
    pub product: ProductIndex,
    /// Where it stands.
    pub state: OpportunityState,
    /// Stage of the sales process.
    pub stage: &'static str,
    /// What it is worth in minor units.
    pub amount_minor: i64,
    /// When it was opened.
    pub opened: DateTime<Utc>,
    /// When it was won or lost.
    pub closed: Option<DateTime<Utc>>,
}

/// Everything that can be seen of an account, each list sorted by time.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountHistory {
    /// The account.
    pub account: Account,
    /// Its people; at least one.
    pub contacts: Vec<Contact>,
    /// Orders and returns.
    pub orders: Vec<Order>,
    /// Touches and signals.
    pub interactions: Vec<Interaction>,
    /// Opportunities.
    pub opportunities: Vec<Opportunity>,
}
