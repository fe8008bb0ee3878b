//! Values that both engines hold, and what turns into them.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use salient_core::{
    AccountId, BacktestId, ContactId, ErasureId, InteractionId, ModelId, OpportunityId, OrderId, OutcomeId,
    PersonExportId, PlanRunId, PolicyId, ProductId, ReactionId, RecommendationId, ScoringRunId, SellerId,
    TenantId, to_micros,
};
use uuid::Uuid;

/// A value to bind; `None` is null. Typed even when null, because Postgres asks for a type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `text`
    Text(Option<String>),
    /// `bigint`
    Int(Option<i64>),
    /// `double precision`
    Float(Option<f64>),
    /// `boolean`
    Bool(Option<bool>),
    /// `uuid`
    Uuid(Option<Uuid>),
    /// `{blob}`
    Bytes(Option<Vec<u8>>),
}

/// What is stored as an integer. A time is its microseconds.
pub trait IntoInt {
    /// The integer, or null.
    fn into_int(self) -> Option<i64>;
}

/// What is stored as a UUID.
pub trait IntoUuid {
    /// The UUID, or null.
    fn into_uuid(self) -> Option<Uuid>;
}

/// What is stored as text. A text id is stored bare.
pub trait IntoText<'a> {
    /// The text, or null.
    fn into_text(self) -> Option<Cow<'a, str>>;
}

/// What is stored as bytes.
pub trait IntoBytes<'a> {
    /// The bytes, or null.
    fn into_bytes(self) -> Option<Cow<'a, [u8]>>;
}

macro_rules! ints {
    ($($t:ty),*) => {$(
        impl IntoInt for $t {
            fn into_int(self) -> Option<i64> { Some(i64::from(self)) }
        }
        impl From<$t> for Value {
            fn from(value: $t) -> Self { Self::Int(value.into_int()) }
        }
        impl From<Option<$t>> for Value {
            fn from(value: Option<$t>) -> Self { Self::Int(value.into_int()) }
        }
    )*};
}
ints!(i64, i32, i16, i8, u32, u16, u8);

impl IntoInt for DateTime<Utc> {
    fn into_int(self) -> Option<i64> {
        Some(to_micros(self))
    }
}

impl<T: IntoInt> IntoInt for Option<T> {
    fn into_int(self) -> Option<i64> {
        self.and_then(T::into_int)
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(value: DateTime<Utc>) -> Self {
        Self::Int(value.into_int())
    }
}

impl From<Option<DateTime<Utc>>> for Value {
    fn from(value: Option<DateTime<Utc>>) -> Self {
        Self::Int(value.into_int())
    }
}

impl IntoUuid for Uuid {
    fn into_uuid(self) -> Option<Uuid> {
        Some(self)
    }
}

impl<T: IntoUuid> IntoUuid for Option<T> {
    fn into_uuid(self) -> Option<Uuid> {
        self.and_then(T::into_uuid)
    }
}

impl From<Uuid> for Value {
    fn from(value: Uuid) -> Self {
        Self::Uuid(Some(value))
    }
}

impl From<Option<Uuid>> for Value {
    fn from(value: Option<Uuid>) -> Self {
        Self::Uuid(value)
    }
}

macro_rules! uuids {
    ($($t:ty),*) => {$(
        impl IntoUuid for $t {
            fn into_uuid(self) -> Option<Uuid> { Some(self.uuid()) }
        }
        impl From<$t> for Value {
            fn from(value: $t) -> Self { Self::Uuid(value.into_uuid()) }
        }
        impl From<Option<$t>> for Value {
            fn from(value: Option<$t>) -> Self { Self::Uuid(value.into_uuid()) }
        }
    )*};
}
uuids!(
    AccountId,
    BacktestId,
    ContactId,
    ErasureId,
    InteractionId,
    ModelId,
    OpportunityId,
    OrderId,
    OutcomeId,
    PersonExportId,
    PlanRunId,
    PolicyId,
    ReactionId,
    RecommendationId,
    ScoringRunId
);

macro_rules! texts {
    ($($t:ty: $value:ident => $text:expr),* $(,)?) => {$(
        impl<'a> IntoText<'a> for $t {
            fn into_text(self) -> Option<Cow<'a, str>> { let $value = self; Some($text) }
        }
        impl<'a> From<$t> for Value {
            fn from(value: $t) -> Self { Self::Text(value.into_text().map(Cow::into_owned)) }
        }
        impl<'a> From<Option<$t>> for Value {
            fn from(value: Option<$t>) -> Self { Self::Text(value.into_text().map(Cow::into_owned)) }
        }
    )*};
}
texts! {
    &'a str: value => Cow::Borrowed(value),
    &'a String: value => Cow::Borrowed(value.as_str()),
    Cow<'a, str>: value => value,
    &'a TenantId: value => Cow::Borrowed(value.as_str()),
    &'a ProductId: value => Cow::Borrowed(value.as_str()),
    &'a SellerId: value => Cow::Borrowed(value.as_str()),
}

impl<'a> IntoText<'a> for String {
    fn into_text(self) -> Option<Cow<'a, str>> {
        Some(Cow::Owned(self))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl<'a, T: IntoText<'a>> IntoText<'a> for Option<T> {
    fn into_text(self) -> Option<Cow<'a, str>> {
        self.and_then(T::into_text)
    }
}

impl<'a> IntoBytes<'a> for &'a [u8] {
    fn into_bytes(self) -> Option<Cow<'a, [u8]>> {
        Some(Cow::Borrowed(self))
    }
}

impl<'a> IntoBytes<'a> for &'a Vec<u8> {
    fn into_bytes(self) -> Option<Cow<'a, [u8]>> {
        Some(Cow::Borrowed(self))
    }
}

impl<'a> IntoBytes<'a> for Vec<u8> {
    fn into_bytes(self) -> Option<Cow<'a, [u8]>> {
        Some(Cow::Owned(self))
    }
}

impl<'a, T: IntoBytes<'a>> IntoBytes<'a> for Option<T> {
    fn into_bytes(self) -> Option<Cow<'a, [u8]>> {
        self.and_then(T::into_bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(value: Option<Vec<u8>>) -> Self {
        Self::Bytes(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(Some(value))
    }
}

impl From<Option<f64>> for Value {
    fn from(value: Option<f64>) -> Self {
        Self::Float(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(Some(value))
    }
}

impl From<Option<bool>> for Value {
    fn from(value: Option<bool>) -> Self {
        Self::Bool(value)
    }
}
