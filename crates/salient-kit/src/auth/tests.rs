use std::time::Duration;

use salient_core::{Reason, TenantId};

use super::{fixtures::SIGNED, *};
use crate::config::{Algorithm, AuthConfig, KeyConfig};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn acme() -> TenantId {
    TenantId::try_from("acme").unwrap()
}

fn config() -> AuthConfig {
    AuthConfig { keys: vec![KeyConfig::hs256("main", SECRET)], leeway_s: 0, ..AuthConfig::default() }
}

fn claims() -> Claims {
    Claims::lasting(&acme(), "s07", Role::Seller, Duration::from_secs(60))
}

fn refused(config: &AuthConfig, token: &str) -> String {
    let error = Verifier::try_new(config).unwrap().verify(token).unwrap_err();
    assert_eq!(error.reason(), Reason::TokenInvalid);
    error.message().to_owned()
}

#[test]
fn a_token_names_its_caller() {
    let token = Signer::hs256("main", SECRET).mint(&claims()).unwrap();
    let caller = Verifier::try_new(&config()).unwrap().verify(&token).unwrap();
    assert_eq!(caller, Caller { tenant: acme(), subject: "s07".into(), role: Role::Seller });
    assert!(caller.is_seller_other_than("s08") && !caller.is_seller_other_than("s07"));
    assert_eq!(caller.check_seller("s08").unwrap_err().reason(), Reason::RoleInsufficient);
    let manager = Caller { role: Role::Manager, ..caller };
    assert!(!manager.is_seller_other_than("s08") && manager.check_seller("s08").is_ok());
}

#[test]
fn public_key_algorithms_are_accepted() {
    for (algorithm, kid, pem, token) in SIGNED {
        let key = KeyConfig {
            algorithm,
            secret: None,
            public_key_pem: Some(pem.to_owned()),
            ..KeyConfig::hs256(kid, "")
        };
        let config = AuthConfig { keys: vec![key], ..AuthConfig::default() };
        let caller = Verifier::try_new(&config).unwrap().verify(token).unwrap();
        assert_eq!((caller.subject.as_str(), caller.role), ("s07", Role::Seller), "{algorithm:?}");

        let (head, tail) = token.rsplit_once('.').unwrap();
        let damaged = format!("{head}.A{}", &tail[1..]);
        let words = refused(&config, &damaged);
        assert!(words.contains("signature") || words.contains("damaged"), "{words}");
    }
}

#[test]
fn a_bad_token_is_refused_with_the_reason() {
    let signer = Signer::hs256("main", SECRET);
    let mint = |change: &dyn Fn(&mut Claims)| {
        let mut claims = claims();
        change(&mut claims);
        signer.mint(&claims).unwrap()
    };
    let now = jsonwebtoken::get_current_timestamp();
    let config = config();
    let cases: [(String, &str); 8] = [
        (mint(&|claims| claims.exp = now - 10), "expired"),
        (mint(&|claims| claims.role = "king".into()), "seller, manager"),
        (mint(&|claims| claims.role = String::new()), "role"),
        (mint(&|claims| claims.tenant = "Not A Tenant".into()), "tenant"),
        (mint(&|claims| claims.sub = String::new()), "sub"),
        ("not.a.jwt".into(), "not a JWT"),
        (Signer::hs256("other", SECRET).mint(&claims()).unwrap(), "kid"),
        (
            Signer::hs256("main", "another secret of some thirty-two bytes").mint(&claims()).unwrap(),
            "signature",
        ),
    ];
    for (token, expected) in cases {
        let words = refused(&config, &token);
        assert!(words.contains(expected), "{words:?} should say {expected:?}");
    }
}

#[test]
fn a_token_cannot_choose_its_algorithm() {
    // the public key of another algorithm, used as the secret of HS256, is the classic attack
    let (algorithm, kid, pem, _) = SIGNED[0];
    let key =
        KeyConfig { algorithm, secret: None, public_key_pem: Some(pem.into()), ..KeyConfig::hs256(kid, "") };
    let config = AuthConfig { keys: vec![key], ..AuthConfig::default() };
    let forged = Signer::hs256(kid, pem).mint(&claims()).unwrap();
    assert!(refused(&config, &forged).contains("algorithm"));
}

#[test]
fn issuer_and_audience_count_when_configured() {
    let signer = Signer::hs256("main", SECRET);
    let strict = AuthConfig { issuer: Some("idp".into()), audience: Some("salient".into()), ..config() };
    let token = |iss: Option<&str>, aud: Option<&str>| {
        signer.mint(&claims().between(iss.map(Into::into), aud.map(Into::into))).unwrap()
    };
    assert!(Verifier::try_new(&strict).unwrap().verify(&token(Some("idp"), Some("salient"))).is_ok());
    assert!(refused(&strict, &token(None, Some("salient"))).contains("missing"));
    assert!(refused(&strict, &token(Some("other"), Some("salient"))).contains("iss"));
    assert!(refused(&strict, &token(Some("idp"), Some("other"))).contains("aud"));
    // without a configured audience, one in the token does not matter
    assert!(Verifier::try_new(&config()).unwrap().verify(&token(None, Some("other"))).is_ok());
}

#[test]
fn keys_can_be_rotated() {
    let mut config = config();
    config.keys.push(KeyConfig::hs256("next", "fedcba9876543210fedcba9876543210"));
    let verifier = Verifier::try_new(&config).unwrap();
    for (kid, secret) in [("main", SECRET), ("next", "fedcba9876543210fedcba9876543210")] {
        assert!(verifier.verify(&Signer::hs256(kid, secret).mint(&claims()).unwrap()).is_ok());
    }
}

#[test]
fn unusable_keys_are_all_reported() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "0123456789abcdef0123456789abcdef\n").unwrap();
    let from_file =
        KeyConfig { secret: None, secret_file: Some(file.path().into()), ..KeyConfig::hs256("f", "") };
    let config = AuthConfig {
        keys: vec![
            KeyConfig::hs256("a", "short"),
            KeyConfig { algorithm: Algorithm::Es256, ..KeyConfig::hs256("b", SECRET) },
            KeyConfig {
                algorithm: Algorithm::EdDsa,
                secret: None,
                public_key_pem: Some("rubbish".into()),
                ..KeyConfig::hs256("c", "")
            },
            KeyConfig {
                secret: None,
                secret_file: Some("/does/not/exist".into()),
                ..KeyConfig::hs256("d", "")
            },
            from_file.clone(),
        ],
        ..AuthConfig::default()
    };
    let error = Verifier::try_new(&config).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.problems().len(), 4, "{text}");
    for expected in ["at least 32 bytes, has 5", "public_key_pem", "PEM", "/does/not/exist"] {
        assert!(text.contains(expected), "{text}");
    }
    assert!(!text.contains("short"), "a secret is never shown: {text}");

    let none = Verifier::try_new(&AuthConfig::default()).unwrap_err().to_string();
    assert!(none.contains("auth.keys: is empty"), "{none}");

    // the line end of a secret file is not part of the secret
    let config = AuthConfig { keys: vec![from_file], ..AuthConfig::default() };
    let token = Signer::hs256("f", SECRET).mint(&claims()).unwrap();
    assert!(Verifier::try_new(&config).unwrap().verify(&token).is_ok());
}

#[test]
fn roles_are_those_of_the_contract() {
    use salient_proto::common::v1::Role as Proto;
    for role in Role::ALL {
        assert_eq!(role.to_proto().as_str_name(), format!("ROLE_{}", role.as_str().to_uppercase()));
        assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
    }
    let values = salient_proto::pool().get_enum_by_name("salient.common.v1.Role").unwrap();
    assert_eq!(values.values().count() - 1, Role::ALL.len());
    assert_eq!(Proto::Unspecified as i32, 0);
}
