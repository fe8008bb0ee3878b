//! W3C trace context in and out of the process.
//!
//! A synchronous call continues the caller's trace: [`extract`] and [`inject`] on the headers. An
//! asynchronous hop (an event, a queued run) keeps [`current_traceparent`] beside its data and
//! [`link`]s the span that handles it later: such a span is not part of the request that caused
//! it, which is long over.

use std::collections::HashMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::TraceContextExt,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

struct In<'a>(&'a HeaderMap);

impl Extractor for In<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Out<'a>(&'a mut HeaderMap);

impl Injector for Out<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

/// The trace that `headers` speak of; an empty context if they speak of none.
pub fn extract(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &In(headers))
}

/// Writes the current span into `headers`, replacing what they said.
pub fn inject(headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut Out(headers));
}

/// The current span as a `traceparent`, to be kept beside an event; `None` outside any trace.
pub fn current_traceparent() -> Option<String> {
    let mut fields = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut fields);
    fields.remove("traceparent").filter(|text: &String| !text.is_empty())
}

/// Links `span` to the trace that `traceparent` names; text that is none is ignored.
pub fn link(span: &Span, traceparent: &str) {
    let fields = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &fields);
    span.add_link(context.span().span_context().clone());
}

/// Makes `span` a child of `context` and returns the id of its trace, if there is one.
pub(crate) fn adopt(span: &Span, context: Context) -> Option<String> {
    // without a subscriber there is nothing to adopt, and that is no error
    let _ = span.set_parent(context);
    let context = span.context();
    let span = context.span();
    let ids = span.span_context();
    ids.is_valid().then(|| ids.trace_id().to_string())
}
