use std::io::Write;

use serde::Deserialize;

use super::*;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    server: ServerConfig,
    auth: AuthConfig,
    store: Store,
    clock: ClockConfig,
    runtime: RuntimeConfig,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Store {
    url: String,
    password: Secret,
    migrate: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: ServerConfig::on_port(7401),
            auth: AuthConfig::default(),
            store: Store { url: "sqlite:profile.db".into(), password: Secret::new("pa$$"), migrate: false },
            clock: ClockConfig::default(),
            runtime: RuntimeConfig::default(),
        }
    }
}

fn file(text: &str) -> (tempfile::NamedTempFile, CommonArgs) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let args = CommonArgs { config: Some(file.path().into()), ..CommonArgs::default() };
    (file, args)
}

fn load(args: &CommonArgs, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let environment = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    load_with("profile", args, environment)
}

#[test]
fn each_layer_covers_the_one_before() {
    let (_file, mut args) = file(
        "[server]\nmax_in_flight = 10\nmax_message_bytes = 11\ndefault_timeout_ms = 12\n[clock]\nat = \"2011-09-11T00:00:00Z\"",
    );
    args.set = vec!["server.default_timeout_ms=32".into()];
    let config = load(
        &args,
        &[
            ("SALIENT_PROFILE__SERVER__MAX_MESSAGE_BYTES", "21"),
            ("SALIENT_PROFILE__SERVER__DEFAULT_TIMEOUT_MS", "22"),
            ("SALIENT_PROFILE__STORE__MIGRATE", "true"),
            ("SALIENT_PROFILE__STORE__PASSWORD", "0012"),
            ("SALIENT_PROFILE__STORE__URL", ""),
            ("SALIENT_SCORING__SERVER__MAX_IN_FLIGHT", "not ours"),
        ],
    )
    .unwrap();
    let server = &config.server;
    assert_eq!(server.listen.port(), 7401, "the service's own default");
    assert_eq!((server.max_in_flight, server.max_message_bytes, server.default_timeout_ms), (10, 21, 32));
    assert!(config.store.migrate);
    assert_eq!(config.store.password.expose(), "0012", "digits stay text");
    assert_eq!(config.store.url, "sqlite:profile.db", "an empty variable sets nothing");
    assert_eq!(config.clock.at.unwrap().to_rfc3339(), "2011-09-11T00:00:00+00:00");
}

#[test]
fn a_default_secret_survives_and_stays_hidden() {
    let config = load(&CommonArgs::default(), &[]).unwrap();
    assert_eq!(config.store.password.expose(), "pa$$");
    assert!(!format!("{config:?}").contains("pa$$"));
    let with_url =
        Config { store: Store { url: "postgres://me:pw1@db:5432/x".into(), ..config.store }, ..config };
    let text = render(&with_url).unwrap();
    assert!(text.contains("store.url = \"postgres://me:[hidden]@db:5432/x\""), "{text}");
    assert!(text.contains("# server.admin is not set"), "{text}");
    assert!(!text.contains("pa$$") && !text.contains("pw1"), "{text}");
}

#[test]
fn lists_come_as_text_too() {
    let keys = r#"[{kid = "a", algorithm = "HS256", secret = "0123"}, {kid = "b", algorithm = "EdDSA"}]"#;
    let config = load(&CommonArgs::default(), &[("SALIENT_PROFILE__AUTH__KEYS", keys)]).unwrap();
    assert_eq!(config.auth.keys.len(), 2);
    assert_eq!(config.auth.keys[0].secret.as_ref().unwrap().expose(), "0123");
    assert_eq!(config.auth.keys[1].algorithm, Algorithm::EdDsa);
    let args = CommonArgs {
        set: vec![r#"auth.keys=[{kid="z",algorithm="RS256"}]"#.into()],
        ..CommonArgs::default()
    };
    assert_eq!(load(&args, &[]).unwrap().auth.keys[0].kid, "z");
}

#[test]
fn every_bad_key_is_named_with_its_source() {
    let (path, mut args) = file("[server]\nlisten = \"nowhere\"\n[sever]\nx = 1\n");
    args.set = vec!["server.max_in_flight=many".into(), "nonsense".into(), "server..x=1".into()];
    let error = load(
        &args,
        &[
            ("SALIENT_PROFILE__SERVER__MAX_INFLIGHT", "1"),
            ("SALIENT_PROFILE__RUNTIME__WORKER_THREADS", "-1"),
            ("SALIENT_PROFILE__AUTH__KEYS", r#"[{kid = "a", algorithm = "HS265"}]"#),
        ],
    )
    .unwrap_err();
    let text = error.to_string();
    let file = path.path().display().to_string();
    for expected in [
        "--set nonsense: expected SECTION.KEY=VALUE",
        "a part of the key is empty",
        &format!("server.listen (from file {file}): "),
        &format!(
            "sever (from file {file}): unknown key, did you mean server? (known at the top: server, auth"
        ),
        "server.max_in_flight (from flag --set server.max_in_flight): found string \"many\", expected usize",
        "server.max_inflight (from environment variable SALIENT_PROFILE__SERVER__MAX_INFLIGHT): unknown key, \
         did you mean server.max_in_flight? (known in server: listen, ",
        "runtime.worker_threads (from environment variable SALIENT_PROFILE__RUNTIME__WORKER_THREADS): found ",
        "\"HS265\" is not one of HS256, RS256, ES256, EdDSA, did you mean \"HS256\"?",
    ] {
        assert!(text.contains(expected), "{expected}\n--- is not in ---\n{text}");
    }
    assert_eq!(error.problems().len(), 8, "{text}");
}

#[test]
fn a_file_that_is_not_there_or_not_toml_is_an_error() {
    let missing = CommonArgs { config: Some("/does/not/exist.toml".into()), ..CommonArgs::default() };
    assert!(load(&missing, &[]).unwrap_err().to_string().contains("/does/not/exist.toml"));
    let (_file, args) = file("[server\n");
    assert!(load(&args, &[]).unwrap_err().to_string().contains("is not valid TOML"));
}

#[test]
fn a_far_word_is_not_suggested() {
    let args = CommonArgs { set: vec!["server.zzzz=1".into()], ..CommonArgs::default() };
    let text = load(&args, &[]).unwrap_err().to_string();
    assert!(text.contains("unknown key (known in server: listen"), "{text}");
}
