//! The file by which `salient` finds a running suite.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::services::{Service, write_private};
use crate::token::Key;

const TENANT: &str = "demo";
const SUBJECT: &str = "local";
/// The longest that one leaves a local suite running.
const TOKEN_HOURS: i64 = 24 * 7;

/// What a client needs to talk to the suite. The reader ignores keys that it
/// does not know, so keys may be added.
#[derive(Debug, Serialize)]
pub struct Session {
    tenant: &'static str,
    /// The operator's bearer token.
    token: String,
    /// Bearer tokens by role.
    tokens: BTreeMap<&'static str, String>,
    /// With which tokens for single sellers are made.
    key: Key,
    /// gRPC addresses by service; the gateway's speaks HTTP.
    services: BTreeMap<&'static str, String>,
    /// Where the services' clocks were started, if not now.
    as_of: Option<String>,
    /// Health and metrics, by service.
    admin: BTreeMap<&'static str, String>,
    /// What started each service, for one who starts it again.
    commands: BTreeMap<&'static str, Vec<String>>,
    postgres: String,
    redis: String,
}

impl Session {
    /// The session of these services.
    pub fn new(
        services: &[Service],
        key: &Key,
        as_of: Option<String>,
        postgres: &str,
        redis: &str,
    ) -> Result<Self> {
        let mut tokens = BTreeMap::new();
        for role in ["manager", "operator", "integration", "service"] {
            tokens.insert(role, key.mint(TENANT, SUBJECT, role, TOKEN_HOURS)?);
        }
        let by_name = |value: fn(&Service) -> String| -> BTreeMap<_, _> {
            services.iter().map(|service| (service.name, value(service))).collect()
        };
        let commands = services.iter().map(|service| {
            let line = service.command();
            let line = line.iter().map(|word| word.to_string_lossy().into_owned());
            (service.name, line.collect())
        });
        Ok(Self {
            tenant: TENANT,
            token: tokens["operator"].clone(),
            tokens,
            key: key.clone(),
            services: by_name(|service| format!("http://{}", service.listen)),
            as_of,
            admin: by_name(|service| format!("http://{}", service.admin)),
            commands: commands.collect(),
            postgres: postgres.to_owned(),
            redis: redis.to_owned(),
        })
    }

    /// Writes it where only this user can read it.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_private(path, &serde_json::to_string_pretty(self)?)
    }
}
