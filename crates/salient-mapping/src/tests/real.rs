//! The real files, where they are: `SALIENT_DATA`, or `shared/data` beside the repository. A test
//! says so when they are absent, and passes.

use super::*;

fn data(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SALIENT_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = folder.join(name);
    if !path.exists() {
        eprintln!("SKIPPED: {} is absent; set SALIENT_DATA to the folder with the data sets", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn online_retail_has_the_published_counts() {
    let Some(path) = data("online_retail/online_retail.csv.gz") else { return };
    let import = Import::of(&path, None).unwrap();
    let report = import.plan.report();
    println!("{report}");
    assert!(report.is_clean());
    assert_eq!(report.rows, 541_909);
    let purchases = report.purchases;
    assert_eq!(purchases.lines, 396_337);
    assert_eq!(purchases.accounts, 4_334);
    assert_eq!(purchases.products, 3_659);
    assert_eq!(purchases.orders, 18_402);
    let returns = report.returns;
    assert_eq!(
        (returns.lines, returns.orders, returns.accounts, returns.products),
        (8_539, 3_383, 1_534, 1_915)
    );
    assert_eq!(import.skipped("no customer"), (135_080, vec![624, 1445, 1446, 1447, 1448]));
    assert_eq!(import.skipped("service code").0, 1_920);
    assert_eq!(import.skipped("free line").0, 33);
    assert_eq!(import.skipped("broken quantity").0, 0);
    // every line is somewhere
    let skipped: u64 = report.skipped.iter().map(|skipped| skipped.lines).sum();
    assert_eq!(purchases.lines + returns.lines + skipped, report.rows);
    assert_eq!(import.batches.iter().map(|batch| batch.lines).sum::<u64>(), purchases.lines + returns.lines);
}

#[test]
fn online_retail_becomes_the_records_it_should() {
    let Some(path) = data("online_retail/online_retail.csv.gz") else { return };
    let import = Import::of(&path, None).unwrap();
    let first = import.order("536365");
    assert_eq!(first.account_key.as_ref().unwrap().id, "17850");
    assert_eq!(first.order_time.as_ref().unwrap().seconds, 1_291_191_960, "2010-12-01 08:26 in London");
    assert_eq!(first.currency_code, "GBP");
    assert_eq!(first.lines[0].product, "products/85123A");
    assert_eq!((first.lines[0].quantity, first.lines[0].amount_minor_units), (6, 1_530));
    let account =
        import.accounts().into_iter().find(|account| account.source_key.as_ref().unwrap().id == "17850");
    let account = account.unwrap();
    // int(md5("17850")) mod 36, as the baselines have it
    assert_eq!((account.display_name.as_str(), account.territory.as_str()), ("Customer 17850", "t16"));
    let names = import.products();
    let name = |code: &str| names.iter().find(|(name, _)| name == code).unwrap().1.clone();
    assert_eq!(name("products/85123A"), "WHITE HANGING HEART T-LIGHT HOLDER");
    assert_eq!(import.plan.sellers()[0].sellers.len(), 36);
    assert_eq!(import.plan.sellers()[0].sellers[7].territories, ["t07"]);
    let amount: i64 = import
        .orders()
        .iter()
        .filter(|o| o.kind == 1)
        .flat_map(|o| &o.lines)
        .map(|l| l.amount_minor_units)
        .sum();
    // the same sum in exact decimals, each line rounded once
    assert_eq!(amount, 876_106_665);
    // the second run sends the same
    let again = Import::of(&path, None).unwrap();
    assert!(import.batches.iter().zip(&again.batches).all(|(a, b)| a.request == b.request));
}

#[test]
fn northwind_is_joined_from_its_files() {
    let Some(path) = data("northwind") else { return };
    let import = Import::of(&path, None).unwrap();
    let report = import.plan.report();
    println!("{report}");
    // the publisher's files have addresses with commas and without quotes: 24 customers and 176
    // orders cannot be told apart into their columns, and nothing is guessed
    let refused = |file: &str, problem: &str| {
        let lines =
            report.refused_lines.iter().filter(|line| &*line.file == file && line.problem.contains(problem));
        lines.count()
    };
    assert_eq!(refused("customers.csv", "12 columns instead of 11"), 24);
    assert_eq!(refused("orders.csv", "15 columns instead of 14"), 176);
    assert_eq!(refused("order-details.csv", "not found in orders.csv") as u64, report.refused - 24 - 176);
    assert_eq!((report.accounts, report.contacts, report.products), (67, 67, 77));
    assert_eq!(report.purchases.orders, 830 - 176);
    assert_eq!(report.purchases.lines + report.refused - 24 - 176, 2_155);
    let order = import.order("10254");
    assert_eq!(order.account_key.as_ref().unwrap().id, "CHOPS");
    // 21 at 19.20 less 15 %
    assert_eq!((order.lines[1].quantity, order.lines[1].amount_minor_units), (21, 34_272));
    assert!(import.products().contains(&("products/1".to_owned(), "Chai".to_owned())));
    let products = import.plan.products().iter().flat_map(|request| &request.products);
    assert!(products.clone().any(|product| product.category == "Beverages"));
    assert_eq!(products.filter(|product| product.blocked).count(), 8);
}
