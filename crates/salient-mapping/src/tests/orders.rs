//! Lines become orders.

use std::collections::HashSet;

use proptest::prelude::*;
use salient_proto::profile::v1::order::Kind;

use super::*;
use crate::RecordKind;

#[test]
fn lines_of_an_order_need_not_follow_each_other() {
    let folder = Folder::new();
    let import = folder.retail(
        "7,10001,MUG,2,2011-01-03 10:05:00,2.50,17850.0,France\n\
         8,10001,MUG,1,2011-01-03 10:06:00,2.50,12346,Spain\n\
         7,10002,CUP,3,2011-01-03 10:04:00,1.00,17850,France\n\
         7,10001,MUG,4,2011-01-03 10:06:00,2.255,17850.0,France\n",
    );
    let order = import.order("7");
    let lines: Vec<_> =
        order.lines.iter().map(|l| (l.product.as_str(), l.quantity, l.amount_minor_units)).collect();
    // the same product twice is one line: 2 at 2.50 and 4 at 2.255, each rounded by itself
    assert_eq!(lines, [("products/10001", 6, 500 + 902), ("products/10002", 3, 300)]);
    assert_eq!(order.order_time.as_ref().unwrap().seconds, 1_294_049_040, "the earliest of its times");
    let report = import.plan.report();
    assert_eq!((report.purchases.lines, report.purchases.orders, report.merged_lines), (4, 2, 1));
    let batch = &import.batches[0];
    assert_eq!(batch.lines, 4);
    let place = batch.request.orders.iter().position(|o| o.source_key.as_ref().unwrap().id == "7").unwrap();
    assert_eq!(batch.origin.line(RecordKind::Order, place, "lines[1].quantity"), Some(4));
    assert_eq!(batch.origin.line(RecordKind::Order, place, "order_time"), Some(2));
    assert_eq!(batch.origin.line(RecordKind::Account, 1, "display_name"), Some(3));
    assert_eq!(batch.origin.file(), "retail.csv");
}

#[test]
fn cancellations_are_returns_with_positive_quantities() {
    let folder = Folder::new();
    let import = folder.retail(
        "7,10001,MUG,5,2011-01-03 10:00:00,2.50,17850,France\n\
         C8,10001,MUG,-2,2011-01-05 10:00:00,2.50,17850,France\n\
         C9,10002,CUP,-1,2011-01-05 10:00:00,1.00,99,Spain\n\
         C10,10002,CUP,1,2011-01-05 10:00:00,1.00,99,Spain\n\
         11,10002,CUP,-1,2011-01-05 10:00:00,1.00,99,Spain\n\
         12,10002,CUP,0,2011-01-05 10:00:00,1.00,99,Spain\n\
         13,POST,POSTAGE,1,2011-01-05 10:00:00,18.00,99,Spain\n\
         14,10002,CUP,1,2011-01-05 10:00:00,0.00,99,Spain\n\
         15,10002,CUP,1,2011-01-05 10:00:00,-1.00,,Spain\n",
    );
    let order = import.order("C8");
    assert_eq!(order.kind(), Kind::Return);
    assert_eq!((order.lines[0].quantity, order.lines[0].amount_minor_units), (2, 500));
    let report = import.plan.report();
    assert_eq!((report.purchases.orders, report.purchases.accounts, report.purchases.products), (1, 1, 1));
    assert_eq!((report.returns.orders, report.returns.accounts, report.returns.products), (2, 2, 2));
    assert_eq!((report.accounts, report.products), (2, 2));
    assert_eq!(import.skipped("broken quantity"), (3, vec![5, 6, 7]));
    assert_eq!(import.skipped("service code"), (1, vec![8]));
    assert_eq!(import.skipped("free line"), (1, vec![9]));
    assert_eq!(import.skipped("no customer"), (1, vec![10]));
    assert!(report.is_clean());
}

#[test]
fn an_order_in_both_directions_becomes_two_records() {
    let folder = Folder::new();
    let own = include_str!("../../mappings/online_retail.toml");
    let (rules, rest) = own.split_once("[[table.skip]]\nwhen = 'quantity").unwrap();
    let records = &rest[rest.find("[table.account]").unwrap()..];
    let mapping = format!("{rules}{records}").replace("'invoice starts with \"C\"'", "'quantity < 0'");
    let lines = "7,10001,MUG,5,2011-01-03 10:00:00,2.50,17850,France\n7,10002,CUP,-2,2011-01-03 10:00:00,1.00,17850,France\n";
    let import = folder.mapped(format!("{HEADER}{lines}"), &mapping).unwrap();
    assert_eq!(import.order("7").kind(), Kind::Purchase);
    assert_eq!(import.order("7/return").kind(), Kind::Return);
}

#[test]
fn an_order_with_too_many_products_is_refused_by_itself() {
    let folder = Folder::new();
    let mut lines = String::from("1,10001,MUG,1,2011-01-03 10:00:00,1.00,17850,France\n");
    for number in 0..5_001 {
        lines.push_str(&format!("2,1{number:05},MUG,1,2011-01-03 10:00:00,1.00,17850,France\n"));
    }
    let import = folder.retail(&lines);
    assert_eq!(import.orders().len(), 1);
    assert_eq!(import.refused(), [(3, "order".to_owned(), "the order has 5001 products".to_owned())]);
}

#[test]
fn batches_are_small_and_accounts_come_first() {
    let folder = Folder::new();
    let mut lines = String::new();
    for number in 0..2_300 {
        lines.push_str(&format!("{number},10001,MUG,1,2011-01-03 10:00:00,1.00,{},France\n", number % 1_700));
    }
    let import = folder.retail(&lines);
    let mut known = HashSet::new();
    for (number, batch) in import.batches.iter().enumerate() {
        assert_eq!(batch.number, number as u64);
        assert!(batch.request.accounts.len() <= 1_000 && batch.request.orders.len() <= 500);
        known.extend(batch.request.accounts.iter().map(|account| account.source_key.clone().unwrap().id));
        assert!(
            batch.request.orders.iter().all(|order| known.contains(&order.account_key.as_ref().unwrap().id))
        );
    }
    assert_eq!((known.len(), import.orders().len()), (1_700, 2_300));
    let ids: HashSet<_> = import.batches.iter().map(|batch| &batch.request.request_id).collect();
    assert_eq!(ids.len(), import.batches.len());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    /// Whatever the lines and their order: nothing is lost, nothing doubled, nothing invented.
    #[test]
    fn every_good_line_is_in_exactly_one_order(
        lines in prop::collection::vec((0_u32..12, 0_u32..6, 1_i64..50, 0_i64..10_000), 1..120),
    ) {
        let folder = Folder::new();
        let mut text = String::new();
        for (order, product, quantity, price) in &lines {
            // an order belongs to one account
            text.push_str(&format!(
                "{order},1000{product},P{product},{quantity},2011-01-03 10:00:00,{}.{:02},{},France\n",
                price / 100 + 1, price % 100, order % 5,
            ));
        }
        let import = folder.retail(&text);
        prop_assert!(import.plan.report().is_clean());
        let orders = import.orders();
        let quantity: i64 = orders.iter().flat_map(|o| &o.lines).map(|l| l.quantity).sum();
        prop_assert_eq!(quantity, lines.iter().map(|l| l.2).sum::<i64>());
        let amount: i64 = orders.iter().flat_map(|o| &o.lines).map(|l| l.amount_minor_units).sum();
        prop_assert_eq!(amount, lines.iter().map(|l| l.2 * (l.3 + 100)).sum::<i64>());
        let expected: HashSet<_> = lines.iter().map(|l| (l.0, l.1)).collect();
        prop_assert_eq!(orders.iter().map(|o| o.lines.len()).sum::<usize>(), expected.len());
        prop_assert_eq!(orders.len(), lines.iter().map(|l| l.0).collect::<HashSet<_>>().len());
    }
}
