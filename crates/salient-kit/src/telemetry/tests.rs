use opentelemetry::metrics::MeterProvider;

use super::*;

#[test]
fn metrics_can_be_read_in_text_form() {
    let kept = Metrics::default();
    let provider = kept.provider().unwrap();
    provider.meter("test").u64_counter("salient.things").build().add(3, &[]);
    assert!(kept.text().unwrap().lines().any(|line| line == "salient_things_total 3"));
}

#[test]
fn bad_settings_are_refused_by_name() {
    let bad = |change: fn(&mut TelemetryConfig)| {
        let mut config = TelemetryConfig::default();
        change(&mut config);
        init(&config, "test").unwrap_err().to_string()
    };
    assert!(bad(|config| config.trace_share = 1.5).starts_with("telemetry.trace_share"));
    assert!(bad(|config| config.filter = "info,a=loud".into()).starts_with("telemetry.filter"));
    let words = bad(|config| config.otlp_endpoint = Some("not a uri".into()));
    assert!(words.starts_with("telemetry.otlp_endpoint"), "{words}");
}
