//! Everything that can be wrong with a file: each gets a refusal that names the line and the field,
//! and the rest stands.

use std::io::Write;

use super::*;
use crate::Error;

const GOOD: &str = "1,10001,MUG,2,2011-01-03 10:00:00,2.50,17850.0,France\n";

/// The one refused line among good ones, as printed.
fn refusal(bad: &str) -> String {
    let folder = Folder::new();
    let import = folder.retail(&format!("{GOOD}{bad}\n2,10002,CUP,1,2011-01-04 10:00:00,1.25,12346,Spain\n"));
    let report = import.plan.report();
    assert_eq!(report.refused, 1, "{bad}");
    assert_eq!(report.refused_lines[0].line, 3, "{bad}");
    assert_eq!((report.purchases.lines, import.orders().len()), (2, 2), "the rest stands: {bad}");
    report.refused_lines[0].to_string()
}

#[test]
fn a_line_that_cannot_be_read_is_named_with_its_field() {
    let says = |bad: &str, words: &[&str]| {
        let text = refusal(bad);
        for word in words {
            assert!(text.contains(word), "{word:?} is missing in {text:?}");
        }
    };
    says(
        "9,10001,MUG,two,2011-01-03 10:00:00,2.50,17850,France",
        &["line 3", "Quantity", "\"two\"", "a whole number"],
    );
    says("9,10001,MUG,1.5,2011-01-03 10:00:00,2.50,17850,France", &["Quantity", "1.5"]);
    says(
        "9,10001,MUG,1,2011-01-03 10:00:00,cheap,17850,France",
        &["UnitPrice", "\"cheap\"", "a number like 12.50"],
    );
    says("9,10001,MUG,1,2011-01-03 10:00:00,1e3,17850,France", &["UnitPrice", "1e3"]);
    says(
        "9,10001,MUG,1,2011-01-03 10:00:00,-2.50,17850,France",
        &["UnitPrice", "a negative price", "-2.50", "0 or more"],
    );
    says(
        "9,10001,MUG,1,2011-02-30 10:00:00,2.50,17850,France",
        &["InvoiceDate", "2011-02-30", "a time like 2011-12-09 12:50:00"],
    );
    says("9,10001,MUG,1,03.01.2011,2.50,17850,France", &["InvoiceDate", "03.01.2011"]);
    says("9,10001,MUG,1,2011-03-27 01:30:00,2.50,17850,France", &["InvoiceDate", "clocks go forward"]);
    says(
        "9,10001,MUG,1,2031-01-01 10:00:00,2.50,17850,France",
        &["InvoiceDate", "a date in the future", "not after now (2012-01-01 00:00 UTC)"],
    );
    says(
        "9,10001,MUG,1,2011-01-03 10:00:00,2.50,17850.5,France",
        &["CustomerID", "17850.5", "a whole number like 17850"],
    );
    says("9,10001,MUG,1,2011-01-03 10:00:00,2.50,ABC,France", &["CustomerID", "ABC"]);
    says(",10001,MUG,1,2011-01-03 10:00:00,2.50,17850,France", &["InvoiceNo", "empty"]);
    says("9,10001/A,MUG,1,2011-01-03 10:00:00,2.50,17850,France", &["StockCode", "without a slash"]);
    says(
        "9,10001,MUG,9223372036854775807,2011-01-03 10:00:00,2.50,17850,France",
        &["UnitPrice", "too large"],
    );
    says("9,10001,MUG,1,2011-01-03 10:00:00,2.50,17850", &["7 columns instead of 8"]);
    says(
        "9,10001,MUG,1,2011-01-03 10:00:00,2.50,17850,France,",
        &["9 columns instead of 8", "8 columns as in the header"],
    );
    says("1,10001,MUG,1,2011-01-03 10:00:00,2.50,99999,France", &["InvoiceNo", "another account by line 2"]);
}

#[test]
fn what_is_not_utf_8_is_refused_with_advice() {
    let folder = Folder::new();
    let mut content = format!("{HEADER}{GOOD}").into_bytes();
    content.extend_from_slice(b"2,10002,CAF\xc9 CUP,1,2011-01-04 10:00:00,1.25,12346,Spain\n");
    let import = Import::of(&folder.file("latin.csv", content), None).unwrap();
    assert_eq!(import.refused(), [(3, "Description".to_owned(), "not UTF-8".to_owned())]);
    assert!(import.plan.report().refused_lines[0].accepted.contains("windows-1252"));
}

#[test]
fn a_cut_off_last_line_is_named() {
    let folder = Folder::new();
    let import = folder.retail(&format!("{GOOD}2,10002,CUP,1,2011-01-0"));
    let (line, field, problem) = import.refused().remove(0);
    assert_eq!((line, field.as_str()), (3, "line"));
    assert!(problem.contains("the last line ends in column 5; the file seems to be cut off"), "{problem}");
    assert_eq!(import.orders().len(), 1);
    // cut in its last column: it cannot be known, so it is said
    let import = folder.retail(&format!("{GOOD}2,10002,CUP,1,2011-01-04 10:00:00,1.25,12346,Spa"));
    assert_eq!(import.orders().len(), 2);
    assert!(import.plan.report().notices.last().unwrap().contains("the last line, 3, has no line end"));
    assert!(folder.retail(GOOD).plan.report().notices.iter().all(|notice| !notice.contains("line end")));
}

#[test]
fn a_quote_that_is_never_closed_is_named() {
    let folder = Folder::new();
    let lines = format!("{GOOD}2,10002,\"CUP,1,2011-01-04 10:00:00,1.25,12346,Spain\n{GOOD}{GOOD}");
    let import = folder.retail(&lines);
    let (line, _, problem) = import.refused().remove(0);
    assert_eq!(line, 3);
    assert!(problem.contains("never closed"), "{problem}");
    assert_eq!(import.plan.report().purchases.lines, 1);
    // a stray quote in the middle of a text is no such thing
    let import = folder.retail("1,10001,5\" MUG,2,2011-01-03 10:00:00,2.50,17850,France\n");
    assert!(import.plan.report().is_clean());
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

#[test]
fn a_half_written_gzip_is_named_and_what_was_read_stands() {
    let folder = Folder::new();
    let mut text = HEADER.to_owned();
    for number in 0..20_000 {
        text.push_str(&format!(
            "{number},1{:04},MUG {number},2,2011-01-03 10:00:00,2.50,{},France\n",
            number % 977,
            number % 531
        ));
    }
    let whole = gzip(&text);
    let import = Import::of(&folder.file("whole.csv.gz", &whole), None).unwrap();
    assert!(import.plan.report().is_clean());
    let import = Import::of(&folder.file("half.csv.gz", &whole[..whole.len() / 2]), None).unwrap();
    let report = import.plan.report();
    assert!(!report.is_clean());
    let damage = &report.damage[0];
    assert_eq!(damage.after_line, report.rows + 1);
    assert!(damage.to_string().contains("half.csv.gz is damaged after line"), "{damage}");
    assert!(damage.problem.contains("cut off"));
    assert!(report.rows > 1_000 && report.purchases.orders == report.rows);
    assert_eq!(import.orders().len() as u64, report.purchases.orders);
    // a byte that changed on the way is found by the checksum
    let mut bent = whole.clone();
    let place = bent.len() - 6;
    bent[place] ^= 1;
    let import = Import::of(&folder.file("bent.csv.gz", bent), None).unwrap();
    assert_eq!(import.plan.report().damage.len(), 1);
}

#[test]
fn a_missing_or_doubled_column_is_named_with_the_header_found() {
    let folder = Folder::new();
    let mapping = folder.file("mapping.toml", include_str!("../../mappings/online_retail.toml"));
    let refused = |header: &str| {
        let path = folder.file("columns.csv", format!("{header}\n{GOOD}"));
        Import::of(&path, Some(&mapping)).err().unwrap().to_string()
    };
    let text = refused("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,Price,CustomerID,Country");
    assert!(text.contains("column \"UnitPrice\" is missing"), "{text}");
    assert!(
        text.contains("the header found is: InvoiceNo, StockCode, Description, Quantity, InvoiceDate, Price"),
        "{text}"
    );
    let text =
        refused("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country,Country");
    assert!(text.contains("column \"Country\" is there twice"), "{text}");
}

#[test]
fn a_file_that_cannot_be_used_is_refused_before_anything_is_sent() {
    let folder = Folder::new();
    let refused = |name: &str, content: &[u8]| Import::of(&folder.file(name, content), None).err().unwrap();
    assert!(matches!(refused("empty.csv", b""), Error::Empty { .. }));
    assert!(refused("utf16.csv", b"\xff\xfea\0,\0b\0").to_string().contains("save it as UTF-8"));
    assert!(refused("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").to_string().contains(".xlsx"));
    assert!(refused("not.xlsx", b"PK\x03\x04 and then nothing").to_string().contains("spreadsheet"));
    assert!(refused("cut.csv.gz", &gzip("a,b\n")[..9]).to_string().contains("cut off"));
    let text = refused("other.csv", b"name,colour\nx,red\n").to_string();
    assert!(
        text.contains("none of Salient's own")
            || text.contains("fits none of Salient's own (online_retail, northwind)"),
        "{text}"
    );
    assert!(text.contains("columns found: name, colour"), "{text}");
    let absent = Import::of(&folder.path().join("absent.csv"), None).err().unwrap();
    assert!(matches!(absent, Error::Io { .. }) && absent.to_string().contains("absent.csv"));
}

#[test]
fn a_receiver_can_end_the_import() {
    let folder = Folder::new();
    let path = folder.file("retail.csv", format!("{HEADER}{GOOD}"));
    let mut plan = open(&path, None, now()).unwrap();
    let mut count = 0;
    plan.batches(|_| {
        count += 1;
        ControlFlow::Break(())
    })
    .unwrap();
    assert_eq!(count, 1);
    assert!(plan.report().stopped && !plan.report().is_clean());
}
