//! Several files: joins, and records of one file that another refers to.

use super::*;

const MAPPING: &str = r#"
name = "shop"
source = "shop"
[sellers]
per_territory = true
capacity = 5
[[table]]
file = "people.csv"
[table.fields]
id = "id"
name = "name"
place = "place"
[table.account]
key = "{id}"
display_name = "{name}"
territory = "{place}"
[[table]]
file = "lines.csv"
[[table.join]]
file = "heads.csv"
on = "order"
key = "nr"
as = "head"
[table.fields]
order = "order"
who = "head.who"
day = { column = "head.day", type = "time" }
item = "item"
count = { column = "count", type = "integer" }
price = { column = "price", type = "decimal" }
[table.order]
key = "{order}"
account = "{who}"
time = "{day}"
currency = "EUR"
product = "{item}"
quantity = "{count}"
unit_price = "{price}"
"#;

fn shop(heads: &str) -> (Folder, Result<Import>) {
    let folder = Folder::new();
    folder.file("people.csv", "id,name,place\n1,Ann,t1\n2,Bo,t2\n1,Ann again,t1\n");
    folder.file("heads.csv", heads);
    folder.file("lines.csv", "order,item,count,price\n10,a,2,1.5\n11,a,1,1.5\n10,b,1,2\n12,b,1,2\n");
    let mapping = folder.file("shop.toml", MAPPING);
    let import = Import::of(folder.path(), Some(&mapping));
    (folder, import)
}

#[test]
fn lines_are_joined_with_their_heads() {
    let (_folder, import) = shop("nr,who,day\n10,1,2011-01-01\n11,2,2011-02-01\n");
    let import = import.unwrap();
    assert_eq!(import.order("10").lines.len(), 2);
    assert_eq!(import.order("11").account_key.as_ref().unwrap().id, "2");
    let refused = &import.plan.report().refused_lines;
    assert_eq!((refused.len(), &*refused[0].file, refused[0].line), (1, "lines.csv", 5));
    assert!(refused[0].to_string().contains("not found in heads.csv; found \"12\""), "{}", refused[0]);
    assert_eq!(import.skipped("account repeated"), (1, vec![4]));
    assert_eq!(import.accounts()[0].display_name, "Ann");
    // records of a batch come from one file
    let files: Vec<_> = import.batches.iter().map(|batch| batch.origin.file().to_owned()).collect();
    assert_eq!(files, ["people.csv", "lines.csv"]);
    let sellers = &import.plan.sellers()[0].sellers;
    assert_eq!((sellers.len(), sellers[0].name.as_str(), sellers[0].capacity), (2, "sellers/s1", 5));
}

#[test]
fn bad_lines_of_a_joined_file_are_refused_by_themselves() {
    let (_folder, import) = shop("nr,who,day\n10,1,2011-01-01\n11,2\n10,2,2011-02-01\n12,2,2011-02-01\n");
    let import = import.unwrap();
    let refused: Vec<_> =
        import.plan.report().refused_lines.iter().map(|r| (r.file.to_string(), r.line)).collect();
    // order 11 has no head any more
    let expected = [("heads.csv", 3), ("heads.csv", 4), ("lines.csv", 3)];
    assert_eq!(refused, expected.map(|(file, line)| (file.to_owned(), line)));
    assert_eq!(import.order("10").account_key.as_ref().unwrap().id, "1");
    assert_eq!(import.orders().len(), 2);
}

#[test]
fn a_joined_file_must_have_its_columns() {
    let (_folder, import) = shop("number,who,day\n10,1,2011-01-01\n");
    assert!(import.err().unwrap().to_string().contains("column \"nr\" is missing"));
    let (_folder, import) = shop("nr,who\n10,1\n");
    assert!(import.err().unwrap().to_string().contains("column \"head.day\" is missing"));
}

#[test]
fn a_later_line_of_a_contact_is_told() {
    let mapping = "name = \"m\"\nsource = \"s\"\n[[table]]\n[table.fields]\nfirm = \"firm\"\nid = \"id\"\nname = \"name\"\n\
                   [table.account]\nkey = \"{firm}\"\ndisplay_name = \"Firm {firm}\"\n\
                   [table.contact]\nkey = \"{id}\"\ndisplay_name = \"{name}\"";
    // the fourth line has a known contact and a new account, the fifth the other way round
    let lines = "firm,id,name\na,1,Ann\na,1,Anna\nb,1,Ann\na,2,Bo\nb,2,Bob\n";
    let import = Folder::new().mapped(lines, mapping).unwrap();
    assert_eq!(import.skipped("contact repeated"), (2, vec![3, 6]));
    let contacts = import.batches.iter().flat_map(|batch| &batch.request.contacts);
    let names: Vec<_> = contacts.map(|contact| contact.display_name.as_str()).collect();
    assert_eq!((names, import.accounts().len()), (vec!["Ann", "Bo"], 2));
}
