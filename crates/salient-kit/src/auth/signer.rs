//! Making tokens.

use std::{fmt, sync::Arc};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use salient_core::Error;

use super::Claims;

/// Signs tokens with one key.
#[derive(Clone)]
pub struct Signer(Arc<Inner>);

struct Inner {
    header: Header,
    key: EncodingKey,
}

impl Signer {
    /// A signer with a shared secret.
    pub fn hs256(kid: impl Into<String>, secret: &str) -> Self {
        let header = Header { kid: Some(kid.into()), ..Header::new(Algorithm::HS256) };
        Self(Arc::new(Inner { header, key: EncodingKey::from_secret(secret.as_bytes()) }))
    }

    /// The token that says `claims`.
    ///
    /// # Errors
    /// `INTERNAL` if the key cannot sign.
    pub fn mint(&self, claims: &Claims) -> Result<String, Error> {
        jsonwebtoken::encode(&self.0.header, claims, &self.0.key).map_err(Error::internal)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("kid", &self.0.header.kid).finish_non_exhaustive()
    }
}
