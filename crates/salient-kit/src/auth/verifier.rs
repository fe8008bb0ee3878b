//! Checking tokens.

use std::{fmt, path::Path, sync::Arc};

use jsonwebtoken::{DecodingKey, Validation, errors::ErrorKind};
use salient_core::{Error, Reason, TenantId};

use super::{Caller, Claims};
use crate::config::{Algorithm, AuthConfig, ConfigError, KeyConfig, Problem};

/// A shorter secret can be guessed from one token.
const SECRET_BYTES: usize = 32;

/// Checks tokens against the configured keys.
#[derive(Clone)]
pub struct Verifier(Arc<Vec<Key>>);

struct Key {
    kid: String,
    key: DecodingKey,
    rules: Validation,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<_> = self.0.iter().map(|key| &key.kid).collect();
        f.debug_struct("Verifier").field("kids", &kids).finish()
    }
}

impl Verifier {
    /// A verifier of the configured keys.
    ///
    /// # Errors
    /// Every key that cannot be used; no key at all.
    pub fn try_new(config: &AuthConfig) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let mut keys: Vec<Key> = Vec::new();
        if config.keys.is_empty() {
            problems.push(Problem::of(
                "auth.keys",
                "is empty, so no caller could be let in; expected at least one key, for example \
                 {kid=\"main\", algorithm=\"HS256\", secret_file=\"/run/secrets/jwt\"}",
            ));
        }
        for (index, entry) in config.keys.iter().enumerate() {
            let at = format!("auth.keys.{index}");
            if keys.iter().any(|key| key.kid == entry.kid) {
                problems.push(Problem::of(format!("{at}.kid"), format!("{:?} is there twice", entry.kid)));
            }
            match decoding_key(entry, &at) {
                Ok(key) => {
                    keys.push(Key { kid: entry.kid.clone(), key, rules: rules(config, entry.algorithm) })
                }
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(Self(Arc::new(keys)))
        } else {
            Err(ConfigError::new("the token check", problems))
        }
    }

    /// Who the bearer of `token` is.
    ///
    /// # Errors
    /// `TOKEN_INVALID`, saying what is wrong with the token.
    pub fn verify(&self, token: &str) -> Result<Caller, Error> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid("it is not a JWT"))?;
        let key = match (&header.kid, self.0.as_slice()) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid == *kid),
            (None, [only]) => Some(only),
            (None, _) => return Err(invalid("its header has no kid, and there are several keys")),
        };
        let key = key.ok_or_else(|| invalid("its kid names no key that is known here"))?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.key, &key.rules)
            .map_err(|error| invalid(words(error.kind())))?
            .claims;
        if claims.sub.is_empty() {
            return Err(invalid("its sub is empty"));
        }
        Ok(Caller {
            tenant: TenantId::try_from(claims.tenant.as_str())
                .map_err(|_| invalid("its tenant must be 1 to 63 characters of a-z, 0-9 and -"))?,
            subject: claims.sub,
            role: claims.role.parse().map_err(|error: Error| invalid(error.message()))?,
        })
    }
}

fn invalid(why: &str) -> Error {
    Error::new(Reason::TokenInvalid, format!("the bearer token is not accepted: {why}"))
}

fn words(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::InvalidAlgorithm => "its algorithm is not that of the key",
        ErrorKind::InvalidIssuer => "its iss is another",
        ErrorKind::InvalidAudience => "its aud is another",
        ErrorKind::MissingRequiredClaim(_) => {
            "a required claim is missing (exp, and iss or aud if configured)"
        }
        ErrorKind::Json(_) => "its claims must be tenant, sub, role (text) and exp (seconds)",
        _ => "it is damaged",
    }
}

fn rules(config: &AuthConfig, algorithm: Algorithm) -> Validation {
    let mut rules = Validation::new(match algorithm {
        Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
    });
    rules.leeway = config.leeway_s;
    rules.validate_nbf = true;
    // without an audience of ours, one that a token names says nothing
    rules.validate_aud = config.audience.is_some();
    let mut required = vec!["exp", "sub"];
    if let Some(issuer) = &config.issuer {
        rules.set_issuer(&[issuer]);
        required.push("iss");
    }
    if let Some(audience) = &config.audience {
        rules.set_audience(&[audience]);
        required.push("aud");
    }
    rules.set_required_spec_claims(&required);
    rules
}

fn decoding_key(entry: &KeyConfig, at: &str) -> Result<DecodingKey, Problem> {
    if entry.algorithm == Algorithm::Hs256 {
        let secret = match (&entry.secret, &entry.secret_file) {
            (Some(secret), None) => secret.expose().to_owned(),
            (None, Some(path)) => text(path, &format!("{at}.secret_file"))?.trim().to_owned(),
            _ => return Err(Problem::of(at, "HS256 needs either secret or secret_file")),
        };
        if secret.len() < SECRET_BYTES {
            let found = secret.len();
            let message = format!("an HS256 secret must have at least {SECRET_BYTES} bytes, has {found}");
            return Err(Problem::of(at, message));
        }
        return Ok(DecodingKey::from_secret(secret.as_bytes()));
    }
    let pem = match (&entry.public_key_pem, &entry.public_key_file) {
        (Some(pem), None) => pem.clone(),
        (None, Some(path)) => text(path, &format!("{at}.public_key_file"))?,
        _ => return Err(Problem::of(at, "this algorithm needs either public_key_pem or public_key_file")),
    };
    let key = match entry.algorithm {
        Algorithm::Rs256 => DecodingKey::from_rsa_pem(pem.as_bytes()),
        Algorithm::Es256 => DecodingKey::from_ec_pem(pem.as_bytes()),
        Algorithm::EdDsa | Algorithm::Hs256 => DecodingKey::from_ed_pem(pem.as_bytes()),
    };
    key.map_err(|error| Problem::of(at, format!("the public key is not a PEM of this algorithm: {error}")))
}

fn text(path: &Path, key: &str) -> Result<String, Problem> {
    std::fs::read_to_string(path)
        .map_err(|error| Problem::of(key, format!("cannot read {}: {error}", path.display())))
}
