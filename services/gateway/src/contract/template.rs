//! Path templates of `google.api.http`, compiled for matching.

use std::ops::Range;

use http_path_template::{Grammar, PathTemplate, Segment};
use percent_encoding::percent_decode_str;

/// Why a template cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("path template `{template}`: {why}")]
pub struct TemplateError {
    template: String,
    why: String,
}

/// One segment of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Exactly this text.
    Literal(String),
    /// The name of an upstream, for RPCs that every service offers.
    Upstream,
    /// Any one segment that is not empty.
    Single,
    /// Any rest of the path that is not empty.
    Rest,
}

/// A request field that takes a part of the path.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    /// Dotted path of the field.
    pub field: String,
    /// The parts it takes, joined by `/`.
    pub parts: Range<usize>,
}

/// A compiled template. Templates sort with the more specific first.
#[derive(Clone, Debug)]
pub struct Template {
    pub(crate) parts: Vec<Part>,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) verb: Option<String>,
}

/// What a path gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Captures {
    /// Dotted field path and value.
    pub fields: Vec<(String, String)>,
    /// The upstream that the path names.
    pub upstream: Option<String>,
}

impl Template {
    /// Compiles a template such as `/v1/{name=accounts/*}:explain`.
    ///
    /// # Errors
    /// The text is not a template.
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        let refuse = |why: String| TemplateError { template: text.to_owned(), why };
        let parsed =
            PathTemplate::parse(text, Grammar::default()).map_err(|error| refuse(error.to_string()))?;
        let mut template =
            Template { parts: Vec::new(), bindings: Vec::new(), verb: parsed.verb().map(str::to_owned) };
        for segment in parsed.segments() {
            match segment {
                Segment::Variable(variable) => {
                    let start = template.parts.len();
                    for inner in variable.segments() {
                        template.push(inner).map_err(&refuse)?;
                    }
                    let parts = start..template.parts.len();
                    template.bindings.push(Binding { field: variable.field_path().to_owned(), parts });
                }
                other => template.push(*other).map_err(&refuse)?,
            }
        }
        Ok(template)
    }

    fn push(&mut self, segment: Segment<'_>) -> Result<(), String> {
        self.parts.push(match segment {
            Segment::Literal(text) => Part::Literal(text.to_owned()),
            Segment::Single => Part::Single,
            Segment::Rest => Part::Rest,
            other => return Err(format!("{other:?} is not supported")),
        });
        Ok(())
    }

    /// The same template with the upstream's name behind the version: `/v1/{service}/events:status`.
    pub fn with_upstream(mut self) -> Self {
        let at = 1.min(self.parts.len());
        self.parts.insert(at, Part::Upstream);
        for binding in &mut self.bindings {
            if binding.parts.start >= at {
                binding.parts = binding.parts.start + 1..binding.parts.end + 1;
            }
        }
        self
    }

    /// Two templates of one shape match the same paths.
    pub fn same_shape(&self, other: &Self) -> bool {
        self.parts == other.parts && self.verb == other.verb
    }

    /// Sort key: a verb before none, a literal before a wildcard.
    pub(crate) fn specificity(&self) -> (bool, &[Part]) {
        (self.verb.is_none(), &self.parts)
    }

    /// What the path gives to the request's fields; `None` when it does not match. `upstreams`
    /// are the names that may stand for [`Part::Upstream`].
    pub fn captures(&self, path: &str, upstreams: &[String]) -> Option<Captures> {
        let mut rest = path.strip_prefix('/')?;
        if let Some(verb) = &self.verb {
            rest = rest.strip_suffix(verb.as_str())?.strip_suffix(':')?;
        }
        let segments: Vec<&str> = rest.split('/').collect();
        let open_ended = self.parts.last() == Some(&Part::Rest);
        let fits =
            if open_ended { segments.len() >= self.parts.len() } else { segments.len() == self.parts.len() };
        if !fits || segments.iter().any(|segment| segment.is_empty()) {
            return None;
        }
        let mut captures = Captures::default();
        for (part, segment) in self.parts.iter().zip(&segments) {
            match part {
                Part::Literal(text) if text != segment => return None,
                Part::Upstream if !upstreams.iter().any(|name| name == segment) => return None,
                Part::Upstream => captures.upstream = Some((*segment).to_owned()),
                Part::Literal(_) | Part::Single | Part::Rest => {}
            }
        }
        for binding in &self.bindings {
            let end = if binding.parts.end == self.parts.len() { segments.len() } else { binding.parts.end };
            let raw = &segments[binding.parts.start..end];
            let value = match raw {
                [one] => decode(one, false)?,
                several => several.iter().map(|one| decode(one, true)).collect::<Option<Vec<_>>>()?.join("/"),
            };
            captures.fields.push((binding.field.clone(), value));
        }
        Some(captures)
    }
}

/// Percent-decodes a segment. In a value of several segments an encoded slash stays encoded, so
/// that it cannot pass for a separator (`google/api/http.proto`). `None` for bytes that are no
/// UTF-8.
fn decode(segment: &str, keep_slash: bool) -> Option<String> {
    if keep_slash && segment.to_ascii_lowercase().contains("%2f") {
        let pieces: Option<Vec<String>> =
            segment.replace("%2f", "%2F").split("%2F").map(|piece| decode(piece, false)).collect();
        return Some(pieces?.join("%2F"));
    }
    Some(percent_decode_str(segment).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(template: &str, path: &str) -> Option<Vec<(String, String)>> {
        Template::compile(template).unwrap().captures(path, &[]).map(|captures| captures.fields)
    }

    fn one(field: &str, value: &str) -> Option<Vec<(String, String)>> {
        Some(vec![(field.into(), value.into())])
    }

    #[test]
    fn a_variable_takes_its_literals_with_it() {
        assert_eq!(captured("/v1/{name=accounts/*}", "/v1/accounts/a1"), one("name", "accounts/a1"));
        assert_eq!(
            captured("/v1/{name=sellers/*/plans/*}", "/v1/sellers/s07/plans/today"),
            one("name", "sellers/s07/plans/today")
        );
        assert_eq!(captured("/v1/{name=accounts/*}", "/v1/contacts/a1"), None);
        assert_eq!(captured("/v1/{name=accounts/*}", "/v1/accounts/a1/score"), None);
        assert_eq!(captured("/v1/{name=accounts/*}", "/v1/accounts/"), None);
    }

    #[test]
    fn a_verb_is_cut_off_the_last_segment_only() {
        let template = "/v1/{name=recommendations/*}:explain";
        assert_eq!(captured(template, "/v1/recommendations/r1:explain"), one("name", "recommendations/r1"));
        assert_eq!(captured(template, "/v1/recommendations/r1"), None);
        assert_eq!(captured(template, "/v1/recommendations/:explain"), None);
        assert_eq!(captured("/v1/{name=products/*}", "/v1/products/a:b"), one("name", "products/a:b"));
        assert_eq!(captured("/v1/events:status", "/v1/events:status"), Some(vec![]));
    }

    #[test]
    fn segments_are_decoded_but_a_slash_cannot_be_smuggled_in() {
        assert_eq!(captured("/v1/{name=products/*}", "/v1/products/a%20b"), one("name", "products/a b"));
        assert_eq!(captured("/v1/{name=products/*}", "/v1/products/a%2fb"), one("name", "products/a%2Fb"));
        assert_eq!(captured("/v1/days/{date}", "/v1/days/a%2Fb"), one("date", "a/b"));
        assert_eq!(captured("/v1/{name=products/*}", "/v1/products/%ff"), None);
    }

    #[test]
    fn a_rest_takes_what_is_left() {
        assert_eq!(captured("/v1/{name=files/**}", "/v1/files/a/b/c"), one("name", "files/a/b/c"));
        assert_eq!(captured("/v1/{name=files/**}", "/v1/files"), None);
    }

    #[test]
    fn a_shared_rpc_is_told_apart_by_the_upstream_in_its_path() {
        let template = Template::compile("/v1/{name=deadLetters/*}:replay").unwrap().with_upstream();
        let upstreams = ["profile".to_owned()];
        let captures = template.captures("/v1/profile/deadLetters/d1:replay", &upstreams).unwrap();
        assert_eq!(captures.upstream.as_deref(), Some("profile"));
        assert_eq!(captures.fields, [("name".to_owned(), "deadLetters/d1".to_owned())]);
        assert_eq!(template.captures("/v1/nobody/deadLetters/d1:replay", &upstreams), None);
    }
}
