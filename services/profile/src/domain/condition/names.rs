//! What a condition may speak of.

use salient_condition::{Type, language};

/// What a name of a condition became: what it tells, and what is written out in its brackets.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) fact: Fact,
    /// An origin, or a kind of interaction.
    pub(super) code: Option<i32>,
    pub(super) currency: String,
    /// Whether its answer changes with the day alone.
    pub(super) timed: bool,
}

impl Name {
    pub(super) fn new(fact: Fact, timed: bool) -> Self {
        Self { fact, code: None, currency: String::new(), timed }
    }
}

/// What a name tells of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Name,
    DisplayName,
    Territory,
    Country,
    Industry,
    Source,
    SourceId,
    Attributes,
    AgeDays,
    Contacts,
    Products,
    Stage,
    Orders,
    Returns,
    Revenue,
    Returned,
    ReturnShare,
    OriginShare,
    DaysSinceOrder,
    DaysSinceFirstOrder,
    DaysSinceComeback,
    Bought,
    DaysSinceProduct,
    Interactions,
    DaysSinceInteraction,
    Usage,
    Measured,
    Readings,
    OpenOpportunities,
    OpenAmount,
}

/// What a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    /// A number of days.
    Days,
    /// An ISO 4217 code, written out.
    Currency,
    /// How an order came in, written out.
    Origin,
    /// A kind of interaction, written out.
    Interaction,
    /// A product's id.
    Product,
    /// What a device measures.
    Metric,
}

impl Argument {
    fn describe(self) -> &'static str {
        match self {
            Self::Days => "days: int",
            Self::Currency => "currency: string",
            Self::Origin => "origin: string",
            Self::Interaction => "kind: string",
            Self::Product => "product: string",
            Self::Metric => "metric: string",
        }
    }
}

/// A function over the facts of an account. The days at the end may be left out if `windowed`:
/// it then speaks of all the time.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) arguments: &'static [Argument],
    pub(super) windowed: bool,
    pub(super) result: Type,
    pub(super) fact: Fact,
    what: &'static str,
}

impl Function {
    /// Whether the answer to a call changes with the day alone.
    pub(super) fn is_timed(&self, has_days: bool) -> bool {
        has_days || self.name.starts_with("days_since")
    }

    pub(super) fn signature(&self) -> String {
        let arguments = self.arguments.iter().map(|argument| argument.describe());
        let optional = self.windowed.then_some("[days: int]");
        let arguments: Vec<&str> = arguments.chain(optional).collect();
        format!("{}({}) -> {}", self.name, arguments.join(", "), self.result)
    }
}

const fn function(
    name: &'static str,
    arguments: &'static [Argument],
    windowed: bool,
    result: Type,
    fact: Fact,
    what: &'static str,
) -> Function {
    Function { name, arguments, windowed, result, fact, what }
}

pub(super) const FUNCTIONS: &[Function] = &[
    function("orders", &[], true, Type::Int, Fact::Orders, "Purchases in the last days, today included."),
    function("returns", &[], true, Type::Int, Fact::Returns, "Returns in the last days."),
    function(
        "revenue",
        &[Argument::Currency],
        true,
        Type::Int,
        Fact::Revenue,
        "What purchases of the last days add up to, in minor units of the currency; returns are not taken off.",
    ),
    function(
        "returned",
        &[Argument::Currency],
        true,
        Type::Int,
        Fact::Returned,
        "What returns of the last days add up to, in minor units of the currency.",
    ),
    function(
        "return_share",
        &[],
        true,
        Type::Double,
        Fact::ReturnShare,
        "The share of returns among the orders of the last days, 0 to 1; 0 without orders.",
    ),
    function(
        "origin_share",
        &[Argument::Origin],
        true,
        Type::Double,
        Fact::OriginShare,
        "The share of the purchases of the last days that came in like this, 0 to 1: self_service, seller_assisted, offline, unknown.",
    ),
    function(
        "days_since_order",
        &[],
        false,
        Type::Int,
        Fact::DaysSinceOrder,
        "Days since the last purchase; 1000000 without one.",
    ),
    function(
        "days_since_first_order",
        &[],
        false,
        Type::Int,
        Fact::DaysSinceFirstOrder,
        "Days since the first purchase; 1000000 without one.",
    ),
    function(
        "days_since_comeback",
        &[Argument::Days],
        false,
        Type::Int,
        Fact::DaysSinceComeback,
        "Days since the last purchase that came after a pause of so many days; 1000000 without one.",
    ),
    function(
        "bought",
        &[Argument::Product],
        true,
        Type::Bool,
        Fact::Bought,
        "Whether the product was bought in the last days; its id is written without `products/`.",
    ),
    function(
        "days_since_product",
        &[Argument::Product],
        false,
        Type::Int,
        Fact::DaysSinceProduct,
        "Days since the product was last bought; 1000000 if it never was.",
    ),
    function(
        "interactions",
        &[Argument::Interaction],
        true,
        Type::Int,
        Fact::Interactions,
        "Interactions of the kind in the last days: a kind in lower case such as \"call\", or \"any\".",
    ),
    function(
        "days_since_interaction",
        &[Argument::Interaction],
        false,
        Type::Int,
        Fact::DaysSinceInteraction,
        "Days since the last interaction of the kind; 1000000 without one.",
    ),
    function(
        "usage",
        &[],
        true,
        Type::Double,
        Fact::Usage,
        "The quantities of the usage of the last days, added up.",
    ),
    function(
        "measured",
        &[Argument::Metric],
        true,
        Type::Double,
        Fact::Measured,
        "What was measured of the metric in the last days, added up, for example \"operating_hours\"; at most the last 400 days with readings.",
    ),
    function(
        "readings",
        &[Argument::Metric],
        true,
        Type::Int,
        Fact::Readings,
        "Readings of the metric in the last days; at most the last 400 days with readings.",
    ),
    function("open_opportunities", &[], false, Type::Int, Fact::OpenOpportunities, "Open opportunities."),
    function(
        "open_amount",
        &[Argument::Currency],
        false,
        Type::Int,
        Fact::OpenAmount,
        "What open opportunities are worth, in minor units of the currency.",
    ),
];

/// The fields of `account`.
pub(super) const FIELDS: &[(&str, Type, Fact, &str)] = &[
    ("name", Type::Text, Fact::Name, "The resource name."),
    ("display_name", Type::Text, Fact::DisplayName, "What people call the account."),
    ("territory", Type::Text, Fact::Territory, "The sales territory."),
    ("country", Type::Text, Fact::Country, "The country, as the source writes it."),
    ("industry", Type::Text, Fact::Industry, "The industry, as the source writes it."),
    ("source", Type::Text, Fact::Source, "The system that the account came from."),
    ("source_id", Type::Text, Fact::SourceId, "The account's id there."),
    (
        "attributes",
        Type::Map,
        Fact::Attributes,
        "Anything else the source knows, by name; asking for a name that is not there fails, `has(account.attributes.x)` tells whether it is.",
    ),
    ("age_days", Type::Int, Fact::AgeDays, "Days since the account was first stored."),
    ("contacts", Type::Int, Fact::Contacts, "The number of its contacts."),
];

/// Variables that stand by themselves.
pub(super) const VARIABLES: &[(&str, Type, Fact, &str)] = &[
    (
        "products",
        Type::Texts,
        Fact::Products,
        "The ids of the products that were bought, without `products/`.",
    ),
    (
        "stage",
        Type::Text,
        Fact::Stage,
        "The id of the stage of the account's journey; empty if it is in none.",
    ),
];

/// Everything a condition may use: how it is written, and what it is.
pub fn documentation() -> Vec<(String, String)> {
    let fields = FIELDS.iter().map(|(name, kind, _, what)| (format!("account.{name}: {kind}"), *what));
    let variables = VARIABLES.iter().map(|(name, kind, _, what)| (format!("{name}: {kind}"), *what));
    let functions = FUNCTIONS.iter().map(|function| (function.signature(), function.what));
    let ours = fields.chain(variables).chain(functions);
    let ours = ours.map(|(signature, what)| (signature, what.to_owned()));
    ours.chain(language("attribute")).collect()
}
