//! What the headers of a request say, apart from its message.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use salient_core::Reason;

use super::problem::Problem;

/// How long a caller waits: seconds (`2.5`), or a number with `ms`, `s` or `m`.
pub const REQUEST_TIMEOUT: &str = "request-timeout";

/// The media types of newline-delimited JSON; the first is the one we send.
pub const NDJSON: [&str; 4] =
    ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"];

/// Every RPC wants a token. The service checks it; here it must only be there.
///
/// # Errors
/// There is none.
pub fn require_token(headers: &HeaderMap) -> Result<(), Problem> {
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let scheme_and_token = sent.and_then(|value| value.split_once(' '));
    match scheme_and_token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => Ok(()),
        _ => Err(Problem::refuse(Reason::TokenInvalid, "send `Authorization: Bearer` with a token")),
    }
}

/// The time that a call may take: what the caller asks for, at most `max`, or `default`.
///
/// # Errors
/// The header does not parse.
pub fn budget(headers: &HeaderMap, default: Duration, max: Duration) -> Result<Duration, Problem> {
    let Some(value) = headers.get(REQUEST_TIMEOUT) else { return Ok(default.min(max)) };
    let parsed = value.to_str().ok().and_then(parse_duration);
    let refuse = || {
        Problem::of_status(
            StatusCode::BAD_REQUEST,
            "the header Request-Timeout must be a time more than 0: seconds such as `2.5`, or `250ms`, `10s`, `2m`",
        )
    };
    parsed.map(|asked| asked.min(max)).ok_or_else(refuse)
}

fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, unit) = match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let seconds_per_unit = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    let seconds = number.trim().parse::<f64>().ok()? * seconds_per_unit;
    Duration::try_from_secs_f64(seconds).ok().filter(|asked| !asked.is_zero())
}

/// Refuses a body that is not JSON, or not lines of JSON where a stream is wanted. A body without
/// a type is taken for what is wanted.
///
/// # Errors
/// The body is something else.
pub fn check_media(headers: &HeaderMap, stream: bool) -> Result<(), Problem> {
    let refuse = |detail: String| Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && encoding != "identity"
    {
        return Err(refuse("send the body without Content-Encoding".to_owned()));
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let media =
        value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let fits = if stream {
        NDJSON.contains(&media.as_str())
    } else {
        media == "application/json" || media == "text/json" || media.ends_with("+json")
    };
    if fits {
        return Ok(());
    }
    let wanted = if stream { "application/x-ndjson, one JSON message a line" } else { "application/json" };
    Err(refuse(format!("the body is `{media}`; send {wanted}")))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn a_token_must_be_there() {
        assert!(require_token(&headers("authorization", "bearer abc")).is_ok());
        for bad in ["Bearer", "Bearer  ", "Basic abc", ""] {
            assert_eq!(require_token(&headers("authorization", bad)).unwrap_err().status, 401, "{bad}");
        }
        assert!(require_token(&HeaderMap::new()).is_err());
    }

    #[test]
    fn a_budget_is_read_in_several_spellings() {
        let of =
            |text| budget(&headers(REQUEST_TIMEOUT, text), Duration::from_secs(9), Duration::from_secs(60));
        assert_eq!(of("2.5").unwrap(), Duration::from_millis(2500));
        assert_eq!(of("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(of("2m").unwrap(), Duration::from_secs(60), "capped");
        for bad in ["0", "-1", "soon", "5h", "NaN", ""] {
            assert_eq!(of(bad).unwrap_err().status, 400, "{bad}");
        }
        let default = budget(&HeaderMap::new(), Duration::from_secs(9), Duration::from_secs(60));
        assert_eq!(default.unwrap(), Duration::from_secs(9));
    }

    #[test]
    fn the_body_must_be_what_is_wanted() {
        assert!(check_media(&headers("content-type", "application/json; charset=utf-8"), false).is_ok());
        assert!(check_media(&headers("content-type", "application/x-ndjson"), true).is_ok());
        assert!(check_media(&HeaderMap::new(), true).is_ok());
        assert_eq!(check_media(&headers("content-type", "application/json"), true).unwrap_err().status, 415);
        assert_eq!(check_media(&headers("content-type", "text/csv"), false).unwrap_err().status, 415);
        assert_eq!(check_media(&headers("content-encoding", "gzip"), false).unwrap_err().status, 415);
    }
}
