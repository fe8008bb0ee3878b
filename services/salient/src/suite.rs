//! The five services in one process: each with a store of its own and its own loopback port.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result};
use salient_core::{Clock, TenantId};
use salient_events::{Bus, BusConfig, Parts};
use salient_kit::{
    Claims, Lifecycle, Role, Signer,
    config::{AuthConfig, KeyConfig, ServerConfig},
};
use salient_store::StoreConfig;
use tokio::net::TcpListener;

use crate::session::Session;

/// The tenant of the all-in-one.
pub const TENANT: &str = "demo";

/// How long the token of the command line lasts.
const TOKEN_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Planning and backtests are asked for by a person who waits; their calls only start runs, but
/// an evaluation reads the whole history.
const CALL_TIMEOUT_MS: u64 = 120_000;

/// The usual ports; a taken one is replaced by any free one.
const PORTS: [(&str, u16); 5] =
    [("gateway", 7400), ("profile", 7401), ("scoring", 7402), ("recommendation", 7403), ("feedback", 7404)];

/// A suite that runs in this process.
#[derive(Debug)]
pub struct Suite {
    /// Where everything is, with a token for the command line.
    pub session: Session,
    /// The suite's clock.
    pub clock: Clock,
    /// Tasks and shutdown.
    pub life: Lifecycle,
}

/// Where the services keep their state, and how their events travel.
#[derive(Debug)]
pub struct Backing {
    /// The store of each service but the gateway, which has none, by name.
    pub stores: BTreeMap<&'static str, StoreConfig>,
    /// The bus between them.
    pub bus: Bus,
}

/// The services that keep state.
pub const KEEPERS: [&str; 4] = ["profile", "scoring", "recommendation", "feedback"];

/// Who reads the events of a service: the bus keeps them for these from the first one on.
fn readers(service: &str) -> &'static [&'static str] {
    match service {
        "profile" => &["scoring", "recommendation", "feedback"],
        "scoring" => &["profile", "recommendation"],
        "recommendation" => &["profile", "feedback"],
        "feedback" => &["profile", "recommendation"],
        _ => &[],
    }
}

impl Backing {
    /// An SQLite file for each in `dir`, and the in-process bus.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn directory(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let store =
            |name| (name, StoreConfig::new(format!("sqlite:{}", dir.join(format!("{name}.db")).display())));
        Ok(Self { stores: KEEPERS.map(store).into(), bus: Bus::in_process() })
    }
}

/// Starts the suite; it serves until the lifecycle's shutdown.
///
/// # Errors
/// A store is missing or cannot be opened, or no port is free.
pub async fn start(backing: &Backing, clock: Clock) -> Result<Suite> {
    let secret = hex::encode(rand::random::<[u8; 32]>());
    let auth = AuthConfig { keys: vec![KeyConfig::hs256("all-in-one", &secret)], ..AuthConfig::default() };
    let tenant = TenantId::try_from(TENANT)?;
    let claims = Claims::lasting(&tenant, "operator", Role::Operator, TOKEN_LIFE);
    let token = Signer::hs256("all-in-one", &secret).mint(&claims)?;

    let life = Lifecycle::new(Duration::from_secs(10), Duration::from_secs(2));
    let parts = Parts { clock: clock.clone(), bus: backing.bus.clone(), lifecycle: life.clone() };
    let server = ServerConfig { default_timeout_ms: CALL_TIMEOUT_MS, ..ServerConfig::default() };
    let store =
        |name: &str| backing.stores.get(name).cloned().with_context(|| format!("{name} has no store"));

    let mut listeners = BTreeMap::new();
    let mut services = BTreeMap::new();
    for (name, port) in PORTS {
        let (listener, address) = bind(port).await?;
        services.insert(name.to_owned(), format!("http://{address}"));
        listeners.insert(name, listener);
    }
    let mut listener = |name: &str| listeners.remove(name).with_context(|| format!("{name} has no port"));

    // all are built before any serves: a group gets what is published from then on
    macro_rules! built {
        ($service:ident, $name:literal) => {{
            let config = $service::Config {
                server: server.clone(),
                auth: auth.clone(),
                store: store($name)?,
                bus: BusConfig {
                    groups: readers($name).iter().map(ToString::to_string).collect(),
                    ..BusConfig::default()
                },
                ..$service::Config::default()
            };
            $service::build(&config, parts.clone()).await.context($name)?
        }};
    }
    let profile = built!(salient_profile, "profile");
    let scoring = built!(salient_scoring, "scoring");
    let recommendation = built!(salient_recommendation, "recommendation");
    let feedback = built!(salient_feedback, "feedback");
    let upstreams = services.iter().filter(|(name, _)| *name != "gateway");
    let gateway = salient_gateway::Config {
        server: server.clone(),
        upstreams: upstreams.map(|(name, address)| (name.clone(), address.clone())).collect(),
        ..salient_gateway::Config::default()
    };
    let gateway =
        salient_gateway::build(&gateway, salient_gateway::Parts { lifecycle: life.clone() }).await?;

    life.spawn("profile", profile.serve(listener("profile")?));
    life.spawn("scoring", scoring.serve(listener("scoring")?));
    life.spawn("recommendation", recommendation.serve(listener("recommendation")?));
    life.spawn("feedback", feedback.serve(listener("feedback")?));
    life.spawn("gateway", gateway.serve(listener("gateway")?));
    Ok(Suite { session: Session { services, token, as_of: None }, clock, life })
}

async fn bind(port: u16) -> Result<(TcpListener, SocketAddr)> {
    let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = match TcpListener::bind(address(port)).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind(address(0)).await.context("no loopback port is free")?,
    };
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}
