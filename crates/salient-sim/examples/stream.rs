//! Streams a model company and says how fast: `cargo run --release -p salient-sim --example stream -- 100000`.

use salient_sim::{Company, Config};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let accounts = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let company = Company::try_new(Config::sized(accounts))?;
    let clock = std::time::Instant::now();
    let (mut orders, mut returns, mut lines, mut interactions, mut opportunities) = (0, 0, 0, 0, 0);
    for history in company.accounts() {
        orders += history.orders.len();
        returns += history.orders.iter().filter(|order| order.is_return).count();
        lines += history.orders.iter().map(|order| order.lines.len()).sum::<usize>();
        interactions += history.interactions.len();
        opportunities += history.opportunities.len();
    }
    let seconds = clock.elapsed().as_secs_f64();
    let peak = std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| status.lines().find(|line| line.starts_with("VmHWM")).map(str::to_owned))
        .unwrap_or_default();
    println!("{accounts} accounts in {seconds:.2} s: {:.0} a second, {peak}", accounts as f64 / seconds);
    println!(
        "{orders} orders ({returns} returns), {lines} lines, {interactions} interactions, {opportunities} opportunities"
    );
    Ok(())
}
