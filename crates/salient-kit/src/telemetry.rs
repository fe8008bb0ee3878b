//! Logs, traces and metrics of a process.
//!
//! [`init`] is called once a process. Logs go to standard error, for people or as one JSON object
//! a line, with the trace id of the call they belong to. Metrics are always kept and can be read
//! in Prometheus' text form ([`Metrics`], `/metrics` of [`crate::admin`]). Traces and metrics go
//! to an OTLP collector only if one is configured; W3C trace context is read, passed on and
//! logged either way ([`propagation`]).
//!
//! Dropping [`Telemetry`] flushes what is not yet exported, so keep it until the end of `main`,
//! outside the runtime where possible: exporting needs the runtime's workers.

pub mod propagation;

use std::{io::IsTerminal, time::Duration};

use opentelemetry::{global, trace::TracerProvider};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
    trace::{Sampler, SdkTracerProvider},
};
use prometheus::{Encoder, Registry, TextEncoder};
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::Targets,
    layer::SubscriberExt,
    registry::LookupSpan,
    util::{SubscriberInitExt, TryInitError},
};
use uuid::Builder;

use crate::config::{LogFormat, TelemetryConfig};

/// Libraries whose chatter is of no use below these levels; the configured filter overrides it.
const QUIET: &str = "h2=info,hyper=info,hyper_util=info,tonic=info,tower=info,opentelemetry=warn,\
                     opentelemetry_sdk=warn,opentelemetry-otlp=warn,opentelemetry_prometheus=warn";

/// How long the last export may take.
const FLUSH_TIME: Duration = Duration::from_secs(3);

/// Why telemetry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `telemetry.filter` does not parse.
    #[error(
        "telemetry.filter {filter:?} is not a log filter such as `info` or `info,salient_store=debug`: {source}"
    )]
    Filter {
        /// The configured filter.
        filter: String,
        /// What the parser says.
        source: tracing_subscriber::filter::ParseError,
    },
    /// `telemetry.trace_share` is not between 0 and 1.
    #[error("telemetry.trace_share must be between 0 and 1, is {0}")]
    Share(f64),
    /// The OTLP exporter cannot be built.
    #[error("telemetry.otlp_endpoint {endpoint:?} cannot be used: {source}")]
    Export {
        /// The configured endpoint.
        endpoint: String,
        /// What the exporter says.
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// The Prometheus side cannot be built.
    #[error("metrics cannot be kept: {0}")]
    Metrics(#[from] opentelemetry_sdk::error::OTelSdkError),
    /// A subscriber is already installed: `init` was called twice.
    #[error("telemetry was already started: {0}")]
    Twice(#[from] TryInitError),
}

/// The process's metrics, to be read in Prometheus' text form.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// All metrics in the text format 0.0.4.
    ///
    /// # Errors
    /// The metrics cannot be encoded.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut out = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut out)?;
        String::from_utf8(out).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }

    /// A meter provider that keeps its metrics here and nowhere else.
    ///
    /// # Errors
    /// The metrics are already kept by another provider.
    pub fn provider(&self) -> Result<SdkMeterProvider, TelemetryError> {
        let reader = opentelemetry_prometheus::exporter().with_registry(self.registry.clone());
        Ok(SdkMeterProvider::builder().with_reader(reader.scope_info_enabled(false).build()?).build())
    }
}

/// What was started by [`init`]; flushes when dropped.
#[derive(Debug)]
pub struct Telemetry {
    metrics: Metrics,
    meters: SdkMeterProvider,
    tracers: SdkTracerProvider,
    exports: bool,
}

impl Telemetry {
    /// The process's metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if !self.exports {
            return;
        }
        // nobody is left to tell but standard error
        if let Err(error) = self.tracers.shutdown_with_timeout(FLUSH_TIME) {
            eprintln!("the last traces were not exported: {error}");
        }
        if let Err(error) = self.meters.shutdown_with_timeout(FLUSH_TIME) {
            eprintln!("the last metrics were not exported: {error}");
        }
    }
}

/// Starts logs, metrics and traces of the process `salient-<service>`: the global subscriber and
/// the global meter provider. Must run inside a tokio runtime if an OTLP endpoint is configured.
///
/// # Errors
/// The configuration cannot be used, or telemetry was started before.
pub fn init(config: &TelemetryConfig, service: &str) -> Result<Telemetry, TelemetryError> {
    if !(0.0..=1.0).contains(&config.trace_share) {
        return Err(TelemetryError::Share(config.trace_share));
    }
    let filter = EnvFilter::try_new(format!("{QUIET},{}", config.filter))
        .map_err(|source| TelemetryError::Filter { filter: config.filter.clone(), source })?;
    let resource = Resource::builder_empty()
        .with_service_name(format!("salient-{service}"))
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(opentelemetry::KeyValue::new(
            "service.instance.id",
            Builder::from_random_bytes(rand::random()).into_uuid().to_string(),
        ))
        .build();

    let metrics = Metrics::default();
    let meters = meters(config, &metrics, resource.clone())?;
    let tracers = tracers(config, resource)?;
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracers.tracer("salient"))
        .with_location(false)
        .with_threads(false)
        // what a trace shows does not depend on what is logged
        .with_filter(Targets::new().with_target("salient", LevelFilter::INFO));
    tracing_subscriber::registry().with(logs(config.format).with_filter(filter)).with(spans).try_init()?;
    global::set_meter_provider(meters.clone());
    Ok(Telemetry { metrics, meters, tracers, exports: config.otlp_endpoint.is_some() })
}

fn logs<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
    }
}

fn meters(
    config: &TelemetryConfig,
    metrics: &Metrics,
    resource: Resource,
) -> Result<SdkMeterProvider, TelemetryError> {
    let scrape = opentelemetry_prometheus::exporter()
        .with_registry(metrics.registry.clone())
        .scope_info_enabled(false)
        .build()?;
    let mut builder = SdkMeterProvider::builder().with_resource(resource).with_reader(scrape);
    if let Some(endpoint) = &config.otlp_endpoint {
        let exporter = MetricExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .build()
            .map_err(|source| TelemetryError::Export { endpoint: endpoint.clone(), source })?;
        let interval = Duration::from_millis(config.metrics_interval_ms);
        builder = builder.with_reader(PeriodicReader::builder(exporter).with_interval(interval).build());
    }
    Ok(builder.build())
}

fn tracers(config: &TelemetryConfig, resource: Resource) -> Result<SdkTracerProvider, TelemetryError> {
    let builder = SdkTracerProvider::builder().with_resource(resource);
    let Some(endpoint) = &config.otlp_endpoint else {
        // ids are still made and passed on, so that logs of several services can be joined
        let quiet = Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
        return Ok(builder.with_sampler(quiet).build());
    };
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()
        .map_err(|source| TelemetryError::Export { endpoint: endpoint.clone(), source })?;
    let share = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.trace_share)));
    Ok(builder.with_sampler(share).with_batch_exporter(exporter).build())
}

#[cfg(test)]
mod tests;
