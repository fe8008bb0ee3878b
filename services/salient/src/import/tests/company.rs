//! The model company as an import.

use std::collections::HashSet;

use salient_sim::{Company, Config};

use super::*;
use crate::import::RecordKind;

fn import(accounts: u64) -> Import {
    let company = Company::try_new(Config { accounts, ..Config::default() }).unwrap();
    Import::run(super::super::company(company)).unwrap()
}

#[test]
fn the_model_company_is_imported_like_files() {
    let import = import(200);
    let report = import.plan.report();
    println!("{report}");
    assert!(report.is_clean());
    assert_eq!((report.accounts, report.products, report.sellers), (200, 160, 12));
    assert_eq!(import.accounts().len(), 200);
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
        assert!(request.opportunities.iter().all(|o| known.contains(&o.account_key.as_ref().unwrap().id)));
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
