//! The contract as a page to read and to try: our own HTML and script, nothing from elsewhere.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::IntoResponse,
    routing::get,
};
use bytes::Bytes;

/// The page may load and call its own origin only, and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page at `/` and `/docs`, its parts, and the OpenAPI document.
pub fn router<S: Clone + Send + Sync + 'static>(document: Vec<u8>) -> Router<S> {
    let document = Bytes::from(document);
    Router::new()
        .route("/", get(html))
        .route("/docs", get(html))
        .route("/docs/page.css", get(async || part("text/css; charset=utf-8", include_str!("page.css"))))
        .route("/docs/page.js", get(async || part("text/javascript; charset=utf-8", include_str!("page.js"))))
        .route("/docs/form.js", get(async || part("text/javascript; charset=utf-8", include_str!("form.js"))))
        .route(
            "/openapi.json",
            get(async move || {
                ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], document)
            }),
        )
}

async fn html() -> impl IntoResponse {
    let mut response = part("text/html; charset=utf-8", include_str!("page.html")).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn part(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text)
}
