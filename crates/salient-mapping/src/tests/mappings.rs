//! Mapping files: what they can say, and what is said when they are wrong.

use salient_proto::profile::v1::opportunity::State;
use salient_proto::profile::v1::order::Origin;
use salient_proto::profile::v1::{
    self as profile,
    interaction::{Kind, Reach},
};

use super::*;
use crate::Error;

/// A mapping with one table.
fn mapping(table: &str) -> String {
    format!("name = \"crm\"\nsource = \"crm\"\n[[table]]\n{table}")
}

#[test]
fn a_crm_export_gives_every_kind_of_record() {
    let folder = Folder::new();
    let mapping = mapping(
        r#"
null = ["-"]
[table.fields]
id = { column = "Nr", transform = ["trim"] }
company = "Company"
region = { column = "Region", transform = ["lower"] }
person = "Person"
mail = "Mail"
deal = "Deal"
state = { column = "State", values = { "Sold" = "won", "Gone" = "lost", "Talking" = "open" } }
worth = { column = "Worth", type = "decimal", decimal_point = ",", thousands = "." }
opened = { column = "Opened", type = "time", formats = ["%d.%m.%Y"], time_zone = "Europe/Berlin" }
closed = { column = "Closed", type = "time", formats = ["%d.%m.%Y"], time_zone = "Europe/Berlin" }
touch = { column = "Touch", values = { "Phone" = "call", "Fair" = "meeting" } }
minutes = { column = "Minutes", type = "decimal" }
owner = { column = "Owner", transform = ["lower"] }
reach = { column = "Owner", values = { "ANN" = "reached", "BO" = "not_reached", "CY" = "reached" } }
house = { constant = "house" }
[[table.skip]]
when = 'id is empty or (region in ["test", "demo"] and not company starts with "Real")'
as = "test record"
[table.account]
key = "{id}"
display_name = "{company}"
territory = "{region}"
attributes = { kind = "{house}", owner = "{owner}" }
[table.contact]
key = "{id}-{mail}"
display_name = "{person}"
email = "{mail}"
[table.opportunity]
key = "{deal}"
display_name = "{deal} for {company}"
state = "{state}"
amount = "{worth}"
currency = "EUR"
seller = "{owner}"
open_time = "{opened}"
close_time = "{closed}"
[table.interaction]
key = "{deal}-touch"
contact = "{id}-{mail}"
kind = "{touch}"
reach = "{reach}"
time = "{opened}"
quantity = "{minutes}"
[table.seller]
key = "{owner}"
display_name = "{owner}"
territory = "{region}"
"#,
    );
    let content = "Nr;Company;Region;Person;Mail;Deal;State;Worth;Opened;Closed;Touch;Minutes;Owner\n\
        7 ;Forge;NORTH;Ann;a@x.example;D1;Sold;1.234.567,80;01.07.2011;05.07.2011;Phone;12.5;ANN\n\
        7 ;Forge;NORTH;Ann;a@x.example;D2;Talking;-;02.07.2011;-;Fair;-;ANN\n\
        8;Mill;SOUTH;Bo;b@x.example;D3;Gone;10,00;03.07.2011;04.07.2011;Phone;3;BO\n\
        ;Nobody;SOUTH;-;-;D4;Gone;10,00;03.07.2011;04.07.2011;Phone;3;BO\n\
        9;Trial;Test;-;-;D5;Gone;10,00;03.07.2011;04.07.2011;Phone;3;BO\n\
        10;Real Test;Test;Cy;c@x.example;D6;Maybe;10,00;03.07.2011;04.07.2011;Phone;3;CY\n\
        11;Late;SOUTH;Di;d@x.example;D7;Sold;12.5;03.07.2011;04.07.2011;Fax;3;BO\n";
    let import = folder.mapped(content, &mapping).unwrap();
    let report = import.plan.report();
    assert_eq!(
        (report.accounts, report.contacts, report.opportunities, report.interactions, report.sellers),
        (2, 2, 3, 3, 2)
    );
    assert_eq!(import.skipped("test record"), (2, vec![5, 6]));
    let refused: Vec<_> = import.refused().into_iter().map(|(line, field, _)| (line, field)).collect();
    assert_eq!(refused, [(7, "State".to_owned()), (8, "Touch".to_owned())]);
    let request = &import.batches[0].request;
    assert_eq!(request.accounts[0].territory, "north");
    assert_eq!(request.accounts[0].attributes["owner"], "ann");
    assert_eq!(request.contacts[0].account_key.as_ref().unwrap().id, "7");
    let (won, open) = (&request.opportunities[0], &request.opportunities[1]);
    assert_eq!((won.state(), won.amount.as_ref().unwrap().minor_units), (State::Won, 123_456_780));
    assert_eq!(won.open_time.as_ref().unwrap().seconds, 1_309_471_200, "midnight in Berlin");
    assert_eq!((open.state(), open.amount.is_none(), open.close_time.is_none()), (State::Open, true, true));
    assert_eq!(won.seller, "sellers/ann");
    assert_eq!((request.interactions[0].kind(), request.interactions[0].quantity), (Kind::Call, 12.5));
    assert_eq!((request.interactions[1].kind(), request.interactions[1].quantity), (Kind::Meeting, 1.0));
    let reached: Vec<Reach> = request.interactions.iter().map(profile::Interaction::reach).collect();
    assert_eq!(reached, [Reach::Reached, Reach::Reached, Reach::NotReached]);
    assert_eq!(import.plan.sellers()[0].sellers[0].territories, ["north"]);
}

#[test]
fn amounts_currencies_and_origins_come_from_columns_too() {
    let folder = Folder::new();
    let mapping = mapping(
        r#"
[table.fields]
order = "Order"
who = "Who"
day = { column = "Day", type = "time" }
item = "Item"
count = { column = "Count", type = "integer" }
total = { column = "Total", type = "decimal" }
money = "Money"
how = "How"
[table.order]
key = "{order}"
account = "{who}"
time = "{day}"
currency = "{money}"
origin = "{how}"
return_when = 'count < 0'
product = "{item}"
quantity = "{count}"
amount = "{total}"
"#,
    );
    let content = "Order,Who,Day,Item,Count,Total,Money,How\n\
        1,a,2011-01-01,x,2,1500,JPY,self_service\n2,a,2011-01-01,x,2,1.5,KWD,offline\n\
        3,a,2011-01-01,x,-2,-9.99,EUR,\n4,a,2011-01-01,x,2,9.99,Euro,\n5,a,2011-01-01,x,2,-9.99,EUR,\n\
        6,a,2011-01-01,x,2,9.99,EUR,drone\n";
    let import = folder.mapped(content, &mapping).unwrap();
    let amounts: Vec<_> =
        import.orders().iter().map(|o| (o.lines[0].amount_minor_units, o.origin())).collect();
    assert_eq!(amounts, [(1_500, Origin::SelfService), (1_500, Origin::Offline), (999, Origin::Unspecified)]);
    let refused: Vec<_> = import.refused().into_iter().map(|(line, field, _)| (line, field)).collect();
    assert_eq!(refused, [(5, "Money".into()), (6, "Total".into()), (7, "How".into())]);
    // the accounts are somebody else's: only their keys are sent
    assert!(import.accounts().is_empty());
}

#[test]
fn a_wrong_mapping_says_where_and_what_would_do() {
    let folder = Folder::new();
    let says = |text: String, words: &[&str]| {
        let error = folder.mapped("Id,Name\n1,x\n", &text).err().unwrap();
        assert!(matches!(error, Error::Mapping { .. }), "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "{word:?} is missing in {error}");
        }
    };
    let fields = "[table.fields]\nid = \"Id\"\nname = \"Name\"\nday = { column = \"Name\", type = \"time\" }\n\
                  size = { column = \"Name\", type = \"integer\" }\n";
    let account = "[table.account]\nkey = \"{id}\"\ndisplay_name = \"{name}\"\n";
    let skip =
        |when: &str| mapping(&format!("{fields}[[table.skip]]\nwhen = '{when}'\nas = \"x\"\n{account}"));
    says("name = 1".to_owned(), &["line 1", "string"]);
    says(mapping(&format!("colour = 1\n{fields}")), &["line 4", "colour"]);
    says(mapping("[table.fields]\nid = { colum = \"Id\" }\n"), &["line 5", "colum", "column"]);
    says(
        mapping("[table.fields]\nid = { column = \"Id\", type = \"number\" }\n"),
        &["line 5", "number", "integer"],
    );
    says(
        mapping("[table.fields]\nid = { column = \"Id\", transform = [\"shout\"] }\n"),
        &["fields.id", "shout", "\"upper\""],
    );
    says(mapping("[table.fields]\nid = {}\n"), &["fields.id", "column"]);
    says(
        mapping("[table.fields]\nid = { column = \"Id\", type = \"time\", time_zone = \"Mars\" }\n"),
        &["Mars", "Europe/London"],
    );
    says(
        mapping(&format!("{fields}[table.account]\nkey = \"{{nr}}\"\ndisplay_name = \"x\"\n")),
        &["account.key", "{nr}", "fields are: day, id, name, size"],
    );
    says(
        mapping(&format!("{fields}[table.account]\nkey = \"{{id\"\ndisplay_name = \"x\"\n")),
        &["account.key", "`}` is missing"],
    );
    says(skip("nr is empty"), &["skip 1", "`nr` is no field"]);
    says(skip("id is nothing"), &["`empty`"]);
    says(skip("id = 5"), &["`id` is a text", "quotes"]);
    says(skip("size = \"5\""), &["`size` is a number"]);
    says(skip("day < 2011"), &["`day` is a time"]);
    says(skip("id ~ \"[\""), &["no regular expression"]);
    says(skip("(id is empty"), &["`)` is missing"]);
    says(skip("id is empty id"), &["too much"]);
    says(skip("id starts \"C\""), &["`with`"]);
    says(skip("id in \"C\""), &["a list like"]);
    says(skip("id is empty and"), &["too early"]);
    says(skip("id = \"x"), &["not closed"]);
    says(skip("id ? 5"), &["means nothing"]);
    let order = "[table.order]\nkey = \"{id}\"\ntime = \"{day}\"\ncurrency = \"EUR\"\nproduct = \"{id}\"\n";
    says(
        mapping(&format!("{fields}{order}quantity = \"{{size}}\"\nunit_price = \"{{size}}\"\n")),
        &["order.account", "is needed"],
    );
    says(
        mapping(&format!("{fields}{account}{order}quantity = \"{{name}}\"\nunit_price = \"{{size}}\"\n")),
        &["order.quantity", "type = \"integer\""],
    );
    says(
        mapping(&format!("{fields}{account}{order}quantity = \"{{size}}\"\n")),
        &["one of `unit_price`, `amount` and `amount_minor_units`"],
    );
    says("name = \"x\"\nsource = \"\"\n[[table]]\n[table.fields]\n".to_owned(), &["source", "1 to 64"]);
    says(
        format!("name = \"x\"\nsource = \"x\"\n[[table]]\n{fields}[[table]]\n{fields}"),
        &["several tables", "file"],
    );
}

#[test]
fn conditions_mean_what_they_say() {
    let folder = Folder::new();
    let kept = |when: &str| {
        let text = mapping(&format!(
            "[table.fields]\nid = \"Id\"\nname = \"Name\"\nn = {{ column = \"N\", type = \"decimal\" }}\n\
             [[table.skip]]\nwhen = '''{when}'''\nas = \"x\"\n[table.account]\nkey = \"{{id}}\"\ndisplay_name = \"{{id}}\"\n"
        ));
        let import = folder.mapped("Id,Name,N\n1,Ann,1.50\n2,Bob,-2\n3,,10\n", &text).unwrap();
        assert!(import.plan.report().refused == 0);
        import.accounts().iter().map(|account| account.display_name.clone()).collect::<Vec<_>>().join("")
    };
    assert_eq!(kept("name is empty"), "12");
    assert_eq!(kept("name is not empty"), "3");
    assert_eq!(kept("name = \"Ann\""), "23");
    assert_eq!(kept("name != \"Ann\""), "1");
    assert_eq!(kept("name < \"B\""), "2");
    assert_eq!(kept("n = 1.5"), "23");
    assert_eq!(kept("n >= 1.5"), "2");
    assert_eq!(kept("n < 0"), "13");
    assert_eq!(kept("n > 9.99"), "12");
    assert_eq!(kept("n <= -2"), "13");
    assert_eq!(kept("n != 10"), "3");
    assert_eq!(kept("name in [\"Ann\", \"Bob\"]"), "3");
    assert_eq!(kept("name starts with \"B\""), "13");
    assert_eq!(kept("name ~ \"^[AB]\""), "3");
    assert_eq!(kept("name !~ \"n+$\""), "1");
    assert_eq!(kept("not name is empty and n < 0 or id = \"3\""), "1");
    assert_eq!(kept("not (name is empty or n < 0)"), "23");
}

#[test]
fn a_mapping_of_several_files_needs_their_folder() {
    let folder = Folder::new();
    let mapping = folder.file("mapping.toml", include_str!("../../mappings/northwind.toml"));
    let error = Import::of(&folder.file("customers.csv", "a,b\n"), Some(&mapping)).err().unwrap().to_string();
    assert!(error.contains("give the folder"), "{error}");
    let error = Import::of(folder.path(), None).err().unwrap().to_string();
    assert!(error.contains("files found: customers.csv, mapping.toml"), "{error}");
}
