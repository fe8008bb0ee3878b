//! Where a running suite is and how to call it: written by whoever starts one, read by every
//! other command.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use salient_kit::{
    client::{Credentials, Link, channel},
    config::Secret,
};
use salient_proto::{
    common::v1::events_service_client::EventsServiceClient,
    feedback::v1::feedback_service_client::FeedbackServiceClient,
    profile::v1::{
        identity_service_client::IdentityServiceClient, privacy_service_client::PrivacyServiceClient,
        profile_service_client::ProfileServiceClient, transfer_service_client::TransferServiceClient,
    },
    recommendation::v1::{
        catalogue_service_client::CatalogueServiceClient,
        recommendation_service_client::RecommendationServiceClient,
    },
    scoring::v1::scoring_service_client::ScoringServiceClient,
};
use serde::{Deserialize, Serialize};

/// The file that commands read when they are not told another.
pub const DEFAULT: &str = ".salient/session.json";

/// Largest message that a command takes or sends, in bytes; more than the services' own limit,
/// so that the refusal comes from them.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// A running suite.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// gRPC address of each service, `http://host:port`, by name; the gateway's is plain HTTP.
    pub services: BTreeMap<String, String>,
    /// A bearer token with the role of an operator.
    pub token: String,
    /// When the suite's clock was started there instead of now.
    #[serde(default)]
    pub as_of: Option<DateTime<Utc>>,
}

impl Session {
    /// Reads a session file.
    ///
    /// # Errors
    /// There is none, or it is damaged; the text says how to get one.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| {
            format!("no suite is known at {}: start one with `salient demo` or `salient up`", path.display())
        })?;
        serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    /// Writes the session file, readable by its owner only: it holds a token.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let fresh = path.with_extension("new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&fresh).with_context(|| format!("cannot write {}", fresh.display()))?;
        file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        Ok(())
    }

    /// Connects to every service; connections are made when first used.
    ///
    /// # Errors
    /// An address is missing or malformed.
    pub fn connect(&self) -> Result<Clients> {
        let credentials = Credentials::token(&Secret::new(self.token.clone()))?;
        let link = |service: &str| -> Result<Link> {
            let Some(address) = self.services.get(service) else {
                bail!("the session names no {service} service");
            };
            Ok(Link::new(channel(address)?, credentials.clone()))
        };
        let (profile, scoring, recommendation, feedback) =
            (link("profile")?, link("scoring")?, link("recommendation")?, link("feedback")?);
        let events = [
            ("profile", &profile),
            ("scoring", &scoring),
            ("recommendation", &recommendation),
            ("feedback", &feedback),
        ]
        .map(|(name, link)| (name, EventsServiceClient::new(link.clone())))
        .to_vec();
        Ok(Clients {
            identity: IdentityServiceClient::new(profile.clone()),
            privacy: PrivacyServiceClient::new(profile.clone()).max_decoding_message_size(MAX_MESSAGE),
            transfer: TransferServiceClient::new(profile.clone()),
            profile: ProfileServiceClient::new(profile)
                .max_encoding_message_size(MAX_MESSAGE)
                .max_decoding_message_size(MAX_MESSAGE),
            scoring: ScoringServiceClient::new(scoring).max_decoding_message_size(MAX_MESSAGE),
            catalogue: CatalogueServiceClient::new(recommendation.clone())
                .max_decoding_message_size(MAX_MESSAGE),
            recommendation: RecommendationServiceClient::new(recommendation)
                .max_decoding_message_size(MAX_MESSAGE),
            feedback: FeedbackServiceClient::new(feedback).max_decoding_message_size(MAX_MESSAGE),
            events,
        })
    }
}

/// The session file to use: the one given, or the default.
#[must_use]
pub fn path(given: Option<PathBuf>) -> PathBuf {
    given.unwrap_or_else(|| DEFAULT.into())
}

/// Typed clients of every service. Clones share the connections.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Customer data.
    pub profile: ProfileServiceClient<Link>,
    /// Merges, sources and reviews.
    pub identity: IdentityServiceClient<Link>,
    /// Consent, export and erasure.
    pub privacy: PrivacyServiceClient<Link>,
    /// Whole files of customer data.
    pub transfer: TransferServiceClient<Link>,
    /// Models and scores.
    pub scoring: ScoringServiceClient<Link>,
    /// Products and sellers.
    pub catalogue: CatalogueServiceClient<Link>,
    /// Plans.
    pub recommendation: RecommendationServiceClient<Link>,
    /// Reactions.
    pub feedback: FeedbackServiceClient<Link>,
    /// Events of each service.
    pub events: Vec<(&'static str, EventsServiceClient<Link>)>,
}
