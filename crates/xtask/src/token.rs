//! Signing keys and bearer tokens for a local suite.
//!
//! Small enough to be here: xtask does not link the services' libraries.

use std::io::Read as _;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use salient_core::clock::Clock;
use serde::Serialize;
use serde_json::json;
use sha2::Sha256;

/// A shared secret and its name, as `[[auth.keys]]` has them.
#[derive(Debug, Clone, Serialize)]
pub struct Key {
    /// The `kid` of the tokens.
    pub kid: String,
    /// Always `HS256`.
    pub algorithm: &'static str,
    /// 64 hexadecimal digits.
    pub secret: String,
}

impl Key {
    /// A new key.
    pub fn generate() -> Result<Self> {
        let mut bytes = [0_u8; 32];
        std::fs::File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(&mut bytes))
            .context("read /dev/urandom")?;
        Ok(Self { kid: "local".to_owned(), algorithm: "HS256", secret: hex::encode(bytes) })
    }

    /// A token of `tenant` for `subject` in `role` that is good for `hours`.
    pub fn mint(&self, tenant: &str, subject: &str, role: &str, hours: i64) -> Result<String> {
        // Credentials are of the real time, whatever day the suite replays.
        let now = Clock::system().now().timestamp();
        let header = json!({"alg": self.algorithm, "typ": "JWT", "kid": self.kid});
        let claims = json!({
            "tenant": tenant,
            "sub": subject,
            "role": role,
            "iat": now,
            "exp": now + hours * 3600,
        });
        let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let body = format!("{}.{}", encode(&header), encode(&claims));
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).context("the secret is no key")?;
        mac.update(body.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        Ok(format!("{body}.{signature}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_carries_its_claims_and_the_mac_is_the_standard_one() {
        let key = Key::generate().unwrap();
        let token = key.mint("demo", "s07", "seller", 1).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts.len(), 3);
        let claims = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["sub"], "s07");
        // RFC 4231, test case 2
        let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
        mac.update(b"what do ya want for nothing?");
        assert_eq!(
            hex::encode(mac.finalize().into_bytes()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
