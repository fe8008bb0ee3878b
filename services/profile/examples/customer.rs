//! How long everything about a customer takes to read whose history is long, beside `GetAccount` on
//! the same channel in between.
//!
//! ```text
//! TOKEN=… cargo run --release -p salient-profile --example customer http://HOST:PORT
//! ```
//! The service must be empty; the token is of an integration. Prints one JSON object.

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use salient_core::Clock;
use salient_kit::{
    client::{Credentials, Link, channel},
    config::Secret,
};
use salient_proto::{
    common::v1::{BatchResult, Money, SourceKey},
    profile::v1::{
        Account, Contact, Customer, GetAccountRequest, GetCustomerRequest, IngestRecordsRequest, Interaction,
        ListAccountsRequest, Opportunity, Order, OrderLine, customer_service_client::CustomerServiceClient,
        interaction, order, profile_service_client::ProfileServiceClient,
    },
};

/// Of the account that is read.
const INTERACTIONS: i64 = 10_000;
const ORDERS: i64 = 1_000;
/// The others, and what each of them has.
const OTHERS: i64 = 2_000;
const INTERACTIONS_OF_OTHERS: i64 = 20;
const ORDERS_OF_OTHERS: i64 = 2;
/// The history goes back so many days.
const DAYS: i64 = 700;
const WARM_UP: usize = 200;
const CALLS: usize = 2_000;
/// How long what follows from the records may take.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let uri = env::args().nth(1).context("the address of a profile service is missing")?;
    let token = Secret::new(env::var("TOKEN").context("TOKEN is not set")?);
    let link = Link::new(channel(&uri)?, Credentials::token(&token)?);
    let mut records = ProfileServiceClient::new(link.clone());
    let mut customers = CustomerServiceClient::new(link);
    load(&mut records).await?;
    let first = ListAccountsRequest { filter: "source_id = \"0\"".into(), ..Default::default() };
    let account = records.list_accounts(first).await?.into_inner().accounts.pop().context("no account")?;
    let get = GetCustomerRequest { name: account.name.clone(), trend_months: 24, ..Default::default() };
    followed(&mut customers, &get).await?;

    let (mut taken, mut bare) = (Vec::new(), Vec::new());
    for call in 0..WARM_UP + CALLS {
        let started = Instant::now();
        let found = customers.get_customer(get.clone()).await?.into_inner().customer;
        let customer = started.elapsed();
        let started = Instant::now();
        records.get_account(GetAccountRequest { name: account.name.clone(), read_mask: None }).await?;
        if call >= WARM_UP {
            taken.push(customer.as_secs_f64() * 1e3);
            bare.push(started.elapsed().as_secs_f64() * 1e3);
        }
        whole(&found.context("no customer")?)?;
    }
    taken.sort_by(f64::total_cmp);
    bare.sort_by(f64::total_cmp);
    let at = |times: &[f64], share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let found = serde_json::json!({
        "calls": CALLS,
        "p50_ms": at(&taken, 0.5),
        "p99_ms": at(&taken, 0.99),
        "worst_ms": at(&taken, 1.0),
        "account_p50_ms": at(&bare, 0.5),
        "account_p99_ms": at(&bare, 0.99),
    });
    println!("{found}");
    Ok(())
}

/// Every part must have come, or the time says nothing.
fn whole(customer: &Customer) -> anyhow::Result<()> {
    let hierarchy = customer.hierarchy.as_ref().context("no hierarchy")?;
    let parts = [
        ("account", customer.account.is_some()),
        ("provenance", customer.provenance.is_some()),
        ("parent", hierarchy.parent.is_some()),
        ("subsidiaries", hierarchy.subsidiary_count > 10),
        ("contacts", customer.contacts.len() == 20),
        ("open opportunities", customer.open_opportunities.len() == 10),
        ("timeline", customer.timeline.len() == 20),
        ("completeness", customer.completeness.is_some()),
        ("stage", customer.stage.as_ref().is_some_and(|stage| !stage.stage.is_empty())),
        ("trends", customer.trends.is_some()),
    ];
    for (part, is_there) in parts {
        ensure!(is_there, "{part} did not come as it should");
    }
    Ok(())
}

/// Waits until the trends hold every record.
async fn followed(
    customers: &mut CustomerServiceClient<Link>,
    get: &GetCustomerRequest,
) -> anyhow::Result<()> {
    let begin = Instant::now();
    loop {
        let found = customers.get_customer(get.clone()).await?.into_inner().customer;
        let trends = found.and_then(|customer| customer.trends).context("no trends")?;
        let interactions: i64 = trends.interactions.iter().flat_map(|of| &of.counts).sum();
        let orders: i64 =
            trends.orders.iter().flat_map(|of| of.order_counts.iter().chain(&of.return_counts)).sum();
        if (interactions, orders) == (INTERACTIONS, ORDERS) {
            return Ok(());
        }
        ensure!(begin.elapsed() < PATIENCE, "{interactions} interactions and {orders} orders were followed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn key(id: impl ToString) -> Option<SourceKey> {
    Some(SourceKey { source: "crm".into(), id: id.to_string() })
}

/// The time of the `part`th of `of` records that are spread over the days of the history.
fn ago(part: i64, of: i64) -> Option<prost_types::Timestamp> {
    let seconds = Clock::system().now().timestamp() - 60 - part * DAYS * 86_400 / of;
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

async fn load(client: &mut ProfileServiceClient<Link>) -> anyhow::Result<()> {
    let mut accounts = vec![Account { parent_key: key("top"), ..account("0".into()) }, account("top".into())];
    accounts.extend((1..=OTHERS).map(|number| Account {
        parent_key: key("0").filter(|_| number <= 20),
        ..account(number.to_string())
    }));
    let (mut orders, mut interactions) = (Vec::new(), Vec::new());
    for number in 0..=OTHERS {
        let (many, some) = match number {
            0 => (INTERACTIONS, ORDERS),
            _ => (INTERACTIONS_OF_OTHERS, ORDERS_OF_OTHERS),
        };
        interactions.extend((0..many).map(|part| interaction(number, part, many)));
        orders.extend((0..some).map(|part| order(number, part, some)));
    }
    let contacts = (0..20).map(|number| Contact {
        source_key: key(number),
        account_key: key("0"),
        display_name: format!("Person {number}"),
        email: format!("person{number}@example.org"),
        ..Contact::default()
    });
    let opportunities = (0..10).map(|number| Opportunity {
        source_key: key(number),
        account_key: key("0"),
        display_name: format!("Opportunity {number}"),
        amount: Some(Money { currency_code: "GBP".into(), minor_units: 100_000 }),
        open_time: ago(number, 100),
        ..Opportunity::default()
    });
    let mut messages: Vec<IngestRecordsRequest> = Vec::new();
    let mut first = message();
    (first.contacts, first.opportunities) = (contacts.collect(), opportunities.collect());
    for part in accounts.chunks(1_000) {
        messages.push(IngestRecordsRequest { accounts: part.to_vec(), ..message() });
    }
    messages.push(first);
    for part in interactions.chunks(1_000) {
        messages.push(IngestRecordsRequest { interactions: part.to_vec(), ..message() });
    }
    for part in orders.chunks(1_000) {
        messages.push(IngestRecordsRequest { orders: part.to_vec(), ..message() });
    }
    let taken = client.ingest_records(tokio_stream::iter(messages)).await?.into_inner();
    for result in [taken.accounts, taken.contacts, taken.orders, taken.interactions, taken.opportunities] {
        let BatchResult { errors, .. } = result.context("a kind of records was not taken")?;
        ensure!(errors.is_empty(), "{:?}", errors.first());
    }
    Ok(())
}

fn message() -> IngestRecordsRequest {
    IngestRecordsRequest { request_id: Clock::system().uuid().to_string(), ..Default::default() }
}

fn account(id: String) -> Account {
    Account {
        source_key: key(&id),
        display_name: format!("Customer {id}"),
        territory: "north".into(),
        country: "United Kingdom".into(),
        ..Account::default()
    }
}

fn interaction(account: i64, part: i64, of: i64) -> Interaction {
    Interaction {
        source_key: key(format!("{account}-{part}")),
        account_key: key(account),
        kind: i32::try_from(part % 8).unwrap_or_default() + interaction::Kind::Email as i32,
        occur_time: ago(part, of),
        quantity: 1.0,
        summary: format!("The {part}th of its kind, with some words of what it was about"),
        ..Interaction::default()
    }
}

fn order(account: i64, part: i64, of: i64) -> Order {
    let line = |number: i64| OrderLine {
        product: format!("products/{}", (part * 7 + number * 13) % 3_000),
        quantity: number + 1,
        amount_minor_units: 250 * (number + 1),
    };
    let kind = if part % 10 == 9 { order::Kind::Return } else { order::Kind::Purchase };
    Order {
        source_key: key(format!("{account}-{part}")),
        account_key: key(account),
        order_time: ago(part, of),
        kind: kind as i32,
        currency_code: if part % 3 == 0 { "EUR" } else { "GBP" }.into(),
        lines: (0..10).map(line).collect(),
        ..Order::default()
    }
}
