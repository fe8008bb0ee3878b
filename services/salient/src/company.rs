//! The model company as an import: the same batches as from files, so that everything behind them
//! is the same. The truth stays behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use salient_mapping::{
    Batcher, Maker, OrderCounts, Plan, Progress, Report, Sink, product_requests, seller_requests, timestamp,
};
use salient_proto::common::v1::{Money, SourceKey};
use salient_proto::profile::v1 as profile;
use salient_proto::profile::v1::interaction::{Kind, Reach};
use salient_proto::profile::v1::opportunity::State;
use salient_proto::profile::v1::order;
use salient_proto::recommendation::v1 as recommendation;
use salient_sim::{AccountHistory, Company, InteractionKind, OpportunityState, Order, OrderOrigin};

/// Half of the key of every record.
const SOURCE: &str = "model_company";
/// What a reader must know.
const NOTICE: &str = "this company is simulated: its accounts, people and orders never existed, and its true propensities are hidden from the services";

/// Accounts between two updates of the progress.
const PROGRESS: u64 = 64;

/// Plans the import of a model company: the same batches as from files.
pub fn plan(company: Company) -> Plan {
    Plan::made(Box::new(Made(company)))
}

#[derive(Debug)]
struct Made(Company);

impl Maker for Made {
    fn title(&self) -> &str {
        "model company (simulated)"
    }

    fn source(&self) -> &str {
        SOURCE
    }

    fn notices(&self) -> Vec<String> {
        vec![NOTICE.to_owned()]
    }

    fn products(&self) -> Vec<recommendation::UpsertProductsRequest> {
        products(&self.0)
    }

    fn sellers(&self) -> Vec<recommendation::UpsertSellersRequest> {
        sellers(&self.0)
    }

    fn size(&self) -> u64 {
        self.0.config().accounts
    }

    fn batches(&self, progress: &Progress, each: Sink<'_>) -> Report {
        batches(&self.0, progress, each)
    }
}

fn products(company: &Company) -> Vec<recommendation::UpsertProductsRequest> {
    let products = company.catalogue().iter().map(|product| recommendation::Product {
        name: name("products", &product.code),
        display_name: product.name.clone(),
        category: product.category.to_owned(),
        blocked: false,
    });
    product_requests(SOURCE, products.collect())
}

fn sellers(company: &Company) -> Vec<recommendation::UpsertSellersRequest> {
    let sellers: Vec<_> = company
        .sellers()
        .iter()
        .map(|seller| recommendation::Seller {
            name: name("sellers", &seller.id),
            display_name: seller.name.clone(),
            territories: seller.territories.clone(),
            capacity: seller.capacity as i32,
        })
        .collect();
    seller_requests(SOURCE, &sellers)
}

/// Gives the history of every account away in batches. A record's line is its account's number,
/// from 1.
fn batches(company: &Company, progress: &Progress, each: Sink<'_>) -> Report {
    let file: Arc<str> = "model company".into();
    let mut batcher = Batcher::new(SOURCE, each);
    batcher.file(&file);
    let mut report = Report::default();
    let (mut bought, mut returned) =
        (vec![false; company.catalogue().len()], vec![false; company.catalogue().len()]);
    for history in company.accounts() {
        let line = history.account.index + 1;
        count(&mut report.purchases, &history, false, &mut bought);
        count(&mut report.returns, &history, true, &mut returned);
        report.accounts += 1;
        report.contacts += history.contacts.len() as u64;
        report.interactions += history.interactions.len() as u64;
        report.opportunities += history.opportunities.len() as u64;
        give(company, &history, line, &mut batcher);
        if line.is_multiple_of(PROGRESS) || line == company.config().accounts {
            progress.made(line);
        }
        if batcher.is_stopped() {
            break;
        }
    }
    batcher.flush();
    report.stopped = batcher.is_stopped();
    report
}

fn count(counts: &mut OrderCounts, history: &AccountHistory, is_return: bool, seen: &mut [bool]) {
    let before = counts.orders;
    for order in history.orders.iter().filter(|order| order.is_return == is_return) {
        counts.orders += 1;
        counts.lines += order.lines.len() as u64;
        for line in &order.lines {
            counts.products += u64::from(!std::mem::replace(&mut seen[line.product as usize], true));
        }
    }
    counts.accounts += u64::from(counts.orders > before);
}

fn give(company: &Company, history: &AccountHistory, line: u64, batcher: &mut Batcher<'_>) {
    let account = &history.account;
    let id = account.id.as_str();
    let product = |index: u32| name("products", &company.catalogue()[index as usize].code);
    batcher.account(account_record(history), line);
    batcher.line();
    for contact in &history.contacts {
        let record = profile::Contact {
            source_key: key(format!("{id}-p{}", contact.number)),
            account_key: key(id.to_owned()),
            display_name: contact.name.clone(),
            email: contact.email.clone(),
            phone: contact.phone.clone(),
            title: contact.title.to_owned(),
            time_zone: account.time_zone.to_owned(),
            ..Default::default()
        };
        batcher.contact(record, line);
    }
    for order in &history.orders {
        let lines = vec![line; order.lines.len()];
        batcher.order(order_record(company, id, order), lines, order.lines.len() as u64);
    }
    for interaction in &history.interactions {
        let record = profile::Interaction {
            source_key: key(format!("{id}-i{}", interaction.number)),
            account_key: key(id.to_owned()),
            contact_key: interaction.contact.and_then(|number| key(format!("{id}-p{number}"))),
            kind: kind(interaction.kind).into(),
            occur_time: Some(time(interaction.time)),
            product: interaction.product.map(product).unwrap_or_default(),
            quantity: interaction.quantity,
            reach: match interaction.reached {
                None => Reach::Unspecified,
                Some(true) => Reach::Reached,
                Some(false) => Reach::NotReached,
            }
            .into(),
            summary: interaction.summary.to_owned(),
            ..Default::default()
        };
        batcher.interaction(record, line);
    }
    for opportunity in &history.opportunities {
        let item = &company.catalogue()[opportunity.product as usize];
        let record = profile::Opportunity {
            source_key: key(format!("{id}-d{}", opportunity.number)),
            account_key: key(id.to_owned()),
            display_name: format!("{} for {}", item.name, account.name),
            stage: opportunity.stage.to_owned(),
            state: match opportunity.state {
                OpportunityState::Open => State::Open,
                OpportunityState::Won => State::Won,
                OpportunityState::Lost => State::Lost,
            }
            .into(),
            amount: Some(Money {
                currency_code: company.config().currency.clone(),
                minor_units: opportunity.amount_minor,
            }),
            product: product(opportunity.product),
            seller: name("sellers", &company.sellers()[account.seller as usize].id),
            open_time: Some(time(opportunity.opened)),
            close_time: opportunity.closed.map(time),
            ..Default::default()
        };
        batcher.opportunity(record, line);
    }
}

fn account_record(history: &AccountHistory) -> profile::Account {
    let account = &history.account;
    let attributes = [
        ("employees", account.employees.to_string()),
        ("time_zone", account.time_zone.to_owned()),
        ("customer_since", account.joined.to_string()),
    ];
    profile::Account {
        source_key: key(account.id.clone()),
        display_name: account.name.clone(),
        territory: account.territory.clone(),
        country: account.country.to_owned(),
        industry: account.industry.to_owned(),
        attributes: attributes
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text))
            .collect::<BTreeMap<_, _>>(),
        ..Default::default()
    }
}

fn order_record(company: &Company, id: &str, order: &Order) -> profile::Order {
    profile::Order {
        source_key: key(format!("{id}-o{}", order.number)),
        account_key: key(id.to_owned()),
        order_time: Some(time(order.time)),
        kind: if order.is_return { order::Kind::Return } else { order::Kind::Purchase }.into(),
        origin: match order.origin {
            OrderOrigin::SelfService => order::Origin::SelfService,
            OrderOrigin::SellerAssisted => order::Origin::SellerAssisted,
        }
        .into(),
        currency_code: company.config().currency.clone(),
        lines: order
            .lines
            .iter()
            .map(|line| profile::OrderLine {
                product: name("products", &company.catalogue()[line.product as usize].code),
                quantity: line.pieces,
                amount_minor_units: line.amount_minor,
            })
            .collect(),
        ..Default::default()
    }
}

fn kind(kind: InteractionKind) -> Kind {
    match kind {
        InteractionKind::Email => Kind::Email,
        InteractionKind::Call => Kind::Call,
        InteractionKind::Meeting => Kind::Meeting,
        InteractionKind::Web => Kind::Web,
        InteractionKind::Marketing => Kind::Marketing,
        InteractionKind::Support => Kind::Support,
        InteractionKind::Usage => Kind::Usage,
        InteractionKind::CompetitorSignal => Kind::CompetitorSignal,
    }
}

fn key(id: String) -> Option<SourceKey> {
    Some(SourceKey { source: SOURCE.to_owned(), id })
}

fn name(collection: &str, id: &str) -> String {
    format!("{collection}/{id}")
}

fn time(time: DateTime<Utc>) -> prost_types::Timestamp {
    timestamp(time.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::ops::ControlFlow;

    use salient_mapping::{Batch, RecordKind};
    use salient_proto::Validate as _;
    use salient_sim::Config;

    use super::*;

    /// An import that ran through.
    struct Import {
        plan: Plan,
        batches: Vec<Batch>,
    }

    fn import(accounts: u64) -> Import {
        let mut plan = plan(Company::try_new(Config { accounts, ..Config::default() }).unwrap());
        let mut batches = Vec::new();
        plan.batches(|batch| {
            // what goes out keeps the contract
            batch.request.validate().unwrap();
            batch.request.accounts.iter().for_each(|record| record.validate().unwrap());
            batch.request.contacts.iter().for_each(|record| record.validate().unwrap());
            batch.request.orders.iter().for_each(|record| record.validate().unwrap());
            batch.request.interactions.iter().for_each(|record| record.validate().unwrap());
            batch.request.opportunities.iter().for_each(|record| record.validate().unwrap());
            batches.push(batch);
            ControlFlow::Continue(())
        })
        .unwrap();
        for request in plan.products() {
            request.validate().unwrap();
            request.products.iter().for_each(|record| record.validate().unwrap());
        }
        for request in plan.sellers() {
            request.validate().unwrap();
            request.sellers.iter().for_each(|record| record.validate().unwrap());
        }
        Import { plan, batches }
    }

    impl Import {
        fn orders(&self) -> Vec<&profile::Order> {
            self.batches.iter().flat_map(|batch| &batch.request.orders).collect()
        }

        fn accounts(&self) -> usize {
            self.batches.iter().map(|batch| batch.request.accounts.len()).sum()
        }
    }

    #[test]
    fn the_model_company_is_imported_like_files() {
        let import = import(200);
        let report = import.plan.report();
        println!("{report}");
        assert!(report.is_clean());
        assert_eq!((report.accounts, report.products, report.sellers), (200, 160, 12));
        assert_eq!(import.accounts(), 200);
        assert_eq!(import.orders().len() as u64, report.purchases.orders + report.returns.orders);
        assert!(
            report.returns.orders > 0
                && report.contacts > 200
                && report.interactions > 5_000
                && report.opportunities > 50
        );
        let mut known = HashSet::new();
        for batch in &import.batches {
            let request = &batch.request;
            assert!(request.orders.len() <= 500 && request.interactions.len() <= 1_000);
            known.extend(request.accounts.iter().map(|account| account.source_key.clone().unwrap().id));
            assert!(request.orders.iter().all(|o| known.contains(&o.account_key.as_ref().unwrap().id)));
            assert!(request.interactions.iter().all(|i| known.contains(&i.account_key.as_ref().unwrap().id)));
            assert!(
                request.opportunities.iter().all(|o| known.contains(&o.account_key.as_ref().unwrap().id))
            );
        }
        let first = &import.batches[0];
        assert_eq!(first.origin.line(RecordKind::Account, 1, ""), Some(2));
        assert_eq!(first.origin.file(), "model company");
        // keys are unique, so that nothing overwrites another record
        let keys: HashSet<_> = import.orders().iter().map(|o| o.source_key.clone().unwrap().id).collect();
        assert_eq!(keys.len(), import.orders().len());
        assert!((import.plan.progress().share() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn it_says_that_it_is_simulated_and_hides_the_truth() {
        let import = import(30);
        assert!(import.plan.title().contains("simulated"));
        assert!(import.plan.report().notices[0].contains("simulated"));
        let sent = format!("{:?}", import.batches);
        for hidden in ["SteadyStocker", "PriceHunter", "NoveltySeeker", "archetype", "churn"] {
            assert!(!sent.contains(hidden), "{hidden} was sent");
        }
    }

    #[test]
    fn a_second_run_sends_the_same() {
        let (first, second) = (import(60), import(60));
        assert!(first.batches.iter().zip(&second.batches).all(|(a, b)| a.request == b.request));
        assert_eq!(first.batches.len(), second.batches.len());
        assert_eq!(first.plan.products()[0], second.plan.products()[0]);
    }
}
