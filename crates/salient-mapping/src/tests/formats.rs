//! The same data in every format gives the same records.

use std::io::Write;

use super::sheet::{Sheet, Value};
use super::*;

const LINES: &str = "1,10001,\"MUG, red\",2,2011-01-03 10:00:00,2.55,17850.0,France\n\
                     1,10002,CUP,12,2011-01-03 10:00:00,0.29,17850.0,France\n\
                     2,10001,\"MUG, red\",1,2011-07-04 18:30:00,1234.56,12346.0,Åland\n";

fn requests(path: &Path) -> Vec<Batch> {
    let import = Import::of(path, None).unwrap();
    assert!(import.plan.report().is_clean());
    assert_eq!(import.plan.report().rows, 3);
    import.batches
}

#[test]
fn csv_in_all_its_dialects_is_the_same() {
    let folder = Folder::new();
    let csv = format!("{HEADER}{LINES}");
    let expected = requests(&folder.file("a.csv", &csv));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(csv.as_bytes()).unwrap();
    let other = |separator: &str| {
        // only the quoted comma stays one
        csv.replace(',', separator).replace(&format!("MUG{separator} red"), "MUG, red")
    };
    let dialects: [(&str, Vec<u8>); 7] = [
        ("b.csv", csv.replace('\n', "\r\n").into_bytes()),
        ("c.csv", [b"\xef\xbb\xbf", csv.as_bytes()].concat()),
        ("d.csv", other(";").into_bytes()),
        ("e.tsv", other("\t").into_bytes()),
        ("f.txt", other("|").into_bytes()),
        ("named_anyhow.dat", gzip.finish().unwrap()),
        ("g.csv", csv.replace("\n1,", "\n\n1,").into_bytes()),
    ];
    for (name, content) in dialects {
        let found = requests(&folder.file(name, content));
        assert_eq!(found.len(), expected.len(), "{name}");
        assert!(found.iter().zip(&expected).all(|(a, b)| a.request == b.request), "{name}");
    }
}

#[test]
fn a_spreadsheet_is_the_same_with_its_own_dates_and_numbers() {
    let folder = Folder::new();
    let expected = requests(&folder.file("a.csv", format!("{HEADER}{LINES}")));
    let mut sheet = Sheet::default();
    sheet.row(HEADER.trim_end().split(',').map(|name| Value::Text(name.to_owned())));
    let text = |text: &str| Value::Text(text.to_owned());
    for (invoice, code, name, quantity, serial, price, customer, country) in [
        (1.0, "10001", "MUG, red", 2.0, 40_546.416_666_666_664, 2.55, 17_850.0, "France"),
        (1.0, "10002", "CUP", 12.0, 40_546.416_666_666_664, 0.29, 17_850.0, "France"),
        (2.0, "10001", "MUG, red", 1.0, 40_728.770_833_333_336, 1_234.56, 12_346.0, "Åland"),
    ] {
        sheet.row([
            Value::Number(invoice),
            text(code),
            text(name),
            Value::Number(quantity),
            Value::Date(serial),
            Value::Number(price),
            Value::Number(customer),
            text(country),
        ]);
    }
    let found = requests(&folder.file("a.xlsx", sheet.book("Online Retail")));
    assert!(found.iter().zip(&expected).all(|(a, b)| a.request == b.request), "{found:#?}");
    // dates without a date format are plain numbers, and still dates
    let found = requests(&folder.file("b.xlsx", sheet.book_without_formats("Anything")));
    assert!(found.iter().zip(&expected).all(|(a, b)| a.request == b.request));
}

#[test]
fn gaps_in_a_spreadsheet_are_empty_cells_and_its_lines_are_its_rows() {
    let folder = Folder::new();
    let mut sheet = Sheet::default();
    sheet.row(HEADER.trim_end().split(',').map(|name| Value::Text(name.to_owned())));
    sheet.row([Value::Empty, Value::Empty]);
    let text = |text: &str| Value::Text(text.to_owned());
    let row = |quantity: Value, customer: Value| {
        [
            text("1"),
            text("10001"),
            Value::Empty,
            quantity,
            Value::Date(40_546.5),
            Value::Number(2.5),
            customer,
            Value::Empty,
        ]
    };
    sheet.row(row(Value::Number(1.0), Value::Empty));
    sheet.row(row(Value::Number(1.0), Value::Number(5.0)));
    sheet.row(row(Value::Error, Value::Number(5.0)));
    let import = Import::of(&folder.file("gaps.xlsx", sheet.book("Online Retail")), None).unwrap();
    assert_eq!(import.skipped("no customer"), (1, vec![3]));
    assert_eq!(import.refused(), [(5, "Quantity".to_owned(), "not a whole number".to_owned())]);
    assert_eq!(import.orders().len(), 1);
    assert_eq!(import.products(), [("products/10001".to_owned(), "10001".to_owned())]);
}

#[test]
fn a_cut_spreadsheet_is_refused_and_of_a_damaged_one_the_rest_stands() {
    let folder = Folder::new();
    let mut sheet = Sheet::default();
    sheet.row(HEADER.trim_end().split(',').map(|name| Value::Text(name.to_owned())));
    let book = sheet.book("Sheet1");
    let text = Import::of(&folder.file("cut.xlsx", &book[..book.len() / 2]), None).err().unwrap().to_string();
    assert!(text.contains("cut.xlsx: the spreadsheet cannot be read"), "{text}");
    let text = |text: &str| Value::Text(text.to_owned());
    for invoice in ["1", "2", "3"] {
        let price = Value::Number(2.5);
        let day = Value::Date(40_546.5);
        sheet.row([
            text(invoice),
            text("10001"),
            text("MUG"),
            text("1"),
            day,
            price,
            text("5"),
            text("France"),
        ]);
    }
    // the last row may have been whole, but that cannot be known
    let damaged = sheet.damaged_book("Online Retail");
    let import = Import::of(&folder.file("damaged.xlsx", damaged), None).unwrap();
    let report = import.plan.report();
    assert_eq!((report.damage.len(), report.damage[0].after_line, report.purchases.orders), (1, 3, 2));
}

#[test]
fn windows_1252_is_read_when_the_mapping_says_so() {
    let folder = Folder::new();
    let mapping = "name = \"x\"\nsource = \"x\"\n[[table]]\nencoding = \"windows-1252\"\n[table.fields]\nid = \"Id\"\nname = \"Name\"\n\
                   [table.account]\nkey = \"{id}\"\ndisplay_name = \"{name}\"\n";
    let import = folder.mapped(b"Id;Name\n1;Caf\xe9 \x80\n", mapping).unwrap();
    assert_eq!(import.accounts()[0].display_name, "Café €");
}
