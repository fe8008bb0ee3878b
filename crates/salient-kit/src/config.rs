//! Layered configuration: defaults, then a TOML file, then the environment, then flags.
//!
//! A service's configuration is one `struct` that is `Default + Serialize + Deserialize`, with
//! `#[serde(deny_unknown_fields)]` on every level. [`load`] lays over its defaults
//! 1. the file named by `--config` or `SALIENT_CONFIG`,
//! 2. the variables `SALIENT_<SERVICE>__<SECTION>__<KEY>`,
//! 3. the flags `--set section.key=value`,
//!
//! and reports *every* bad key at once: where it was set, what was found, what is accepted, and
//! which known key is nearest. Values of the environment and of flags are text; they become
//! numbers and booleans where the field asks for them. One that begins with `[` or `{` is read
//! as a list or table: `--set 'auth.keys=[{kid="a",algorithm="HS256",secret="…"}]'`.

mod error;
mod layers;
mod secret;
mod settings;

use std::path::{Path, PathBuf};

use figment::{Figment, providers::Serialized, value::Dict};
use serde::{Serialize, de::DeserializeOwned};

pub use error::{ConfigError, Problem};
pub use secret::Secret;
pub use settings::{
    Algorithm, AuthConfig, ClockConfig, KeyConfig, LogFormat, RuntimeConfig, ServerConfig, TelemetryConfig,
};

use layers::{Layer, Origin};

/// The flags that every service has.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct CommonArgs {
    /// Configuration file (TOML).
    #[arg(long, env = "SALIENT_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Sets one configuration key; may be repeated.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub set: Vec<String>,
    /// Prints the configuration in force, secrets hidden, and leaves.
    #[arg(long)]
    pub print_config: bool,
}

/// What every service's configuration contains, for [`crate::process::run`].
pub trait ServiceConfig: Default + Serialize + DeserializeOwned + Send + 'static {
    /// The gRPC and admin servers.
    fn server(&self) -> &ServerConfig;
    /// Logs, traces and metrics.
    fn telemetry(&self) -> &TelemetryConfig;
    /// The async runtime.
    fn runtime(&self) -> &RuntimeConfig;
}

/// Loads the configuration of `service` (`"profile"` reads `SALIENT_PROFILE__…`).
///
/// # Errors
/// Every bad key, with its source and what would be accepted.
pub fn load<T>(service: &str, args: &CommonArgs) -> Result<T, ConfigError>
where
    T: Default + Serialize + DeserializeOwned,
{
    // a variable that is not UTF-8 cannot be one of ours
    let environment = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    load_with(service, args, environment)
}

/// [`load`] with the environment handed in.
///
/// # Errors
/// See [`load`].
pub fn load_with<T>(
    service: &str,
    args: &CommonArgs,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<T, ConfigError>
where
    T: Default + Serialize + DeserializeOwned,
{
    let mut problems = Vec::new();
    let mut layers = Vec::new();
    if let Some(path) = &args.config {
        match Layer::file(path) {
            Ok(layer) => layers.push(layer),
            Err(problem) => problems.push(problem),
        }
    }
    layers.push(Layer::environment(service, environment, &mut problems));
    layers.push(Layer::flags(&args.set, &mut problems));
    let defaults: Dict = secret::revealed(|| {
        let defaults = Figment::from(Serialized::defaults(T::default())).extract();
        defaults.map_err(|error| ConfigError::new(service, vec![Problem::plain(error.to_string())]))
    })?;

    // Deserialising stops at the first error. Dropping the culprit and trying again finds the
    // rest; the defaults stay, so one bad key does not look like a missing one.
    loop {
        let merged = layers.iter().fold(Figment::from(Serialized::defaults(&defaults)), |figment, layer| {
            figment.merge(Serialized::defaults(layer.values()))
        });
        let error = match merged.extract_lossy::<T>() {
            Ok(config) if problems.is_empty() => return Ok(config),
            Ok(_) => break,
            Err(error) => error,
        };
        let path = error::path_of(&error);
        let origin = layers.iter().rev().find_map(|layer| layer.origin_of(&path)).unwrap_or(Origin::Default);
        problems.push(Problem::from_figment(&error, &path, &origin));
        let removed = layers.iter_mut().rev().any(|layer| layer.remove(&path));
        if !removed {
            break;
        }
    }
    Err(ConfigError::new(service, problems))
}

/// The configuration as TOML-like lines, secrets and passwords in URLs hidden.
///
/// # Errors
/// The configuration cannot be serialised.
pub fn render<T: Serialize>(config: &T) -> Result<String, serde_json::Error> {
    let mut out = String::new();
    render_value("", &serde_json::to_value(config)?, &mut out);
    Ok(out)
}

fn render_value(path: &str, value: &serde_json::Value, out: &mut String) {
    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                render_value(&format!("{path}{dot}{key}"), value, out);
            }
        }
        serde_json::Value::String(text) => {
            out.push_str(&format!("{path} = {:?}\n", secret::hide_password(text)));
        }
        serde_json::Value::Null => out.push_str(&format!("# {path} is not set\n")),
        other => out.push_str(&format!("{path} = {other}\n")),
    }
}

/// The name of the variable that sets `path` for `service`.
pub(crate) fn variable_prefix(service: &str) -> String {
    format!("SALIENT_{}__", service.to_uppercase().replace('-', "_"))
}

/// The file's text, or why it cannot be had.
fn read(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|error| {
        Problem::plain(format!("cannot read the configuration file {}: {error}", path.display()))
    })
}

#[cfg(test)]
mod tests;
