use proptest::prelude::*;

use super::shop::{Item, Name, Shop};
use crate::*;

fn ask(text: &str) -> Result<bool, Failure> {
    let condition = Condition::compile(text, &Shop).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
    condition.holds(&Item::lamp())
}

fn wrong(text: &str) -> Vec<String> {
    let wrong = Condition::compile(text, &Shop).expect_err(text);
    wrong.iter().map(ToString::to_string).collect()
}

#[test]
fn what_holds() {
    for text in [
        "true",
        "title == 'Lamp' && stock >= 3 && price < 3 && item.colour == \"red\"",
        "sold() == 100 && sold(7) == 14 && sold(30 * 12) == 720",
        "has_part('bulb') && has_part(\"bu\" + 'lb', 6) && !has_part(\"bulb\", 5) && !has_part(title)",
        "rate(\"EUR\") == 1.0 && rate('GBP') == 0.8",
        "item.extras.size == \"L\" && item.extras[\"size\"] == 'L'",
        "has(item.extras.size) && !has(item.extras.other) && \"size\" in item.extras",
        "parts.exists(p, p.startsWith(\"bu\")) && parts.all(p, size(p) >= 4)",
        "parts.exists_one(p, p == \"cable\") && parts.filter(p, p.contains(\"lb\")) == [\"bulb\"]",
        "parts.map(p, size(p)) == [4, 5] && size(parts) == 2 && parts[1] == 'cable'",
        "parts.exists(p, has_part(p)) && (parts + [title]).exists(p, !has_part(p))",
        "item.extras.exists(name, name == 'size') && item.extras.size() == 1",
        "\"cable\" in parts && !(\"x\" in parts) && item.colour in [\"red\", \"blue\"]",
        "title.matches(r'^L.m') && \"caf\\u00e9\".size() == 4 && title.endsWith('mp')",
        "1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && -7 / 2 == -3 && -7 % 2 == -1 && 7 - 2 - 1 == 4",
        "0x10 == 16 && 1e3 == 1000.0 && 1.5e-1 < 1 && 2 > 1.5",
        "int(2.9) == 2 && int(\"12\") == 12 && double(1) == 1.0 && string(5) == \"5\" && string(true) == 'true'",
        "stock > 2 ? price == 2.5 : false",
        "true || item.extras.none == \"\" // what decides wins",
        "item.extras.none == \"\" || true",
        "!(false && item.extras.none == \"\")",
        "[\"a\", \"size\"].exists(x, item.extras[x] == \"L\")",
        // the name of an element hides a variable, a field and the map
        "[\"x\"].all(title, title == \"x\") && ['size'].exists(item, item == 'size')",
    ] {
        assert_eq!(ask(text), Ok(true), "{text}");
    }
}

#[test]
fn what_fails_fails_as_in_the_language() {
    assert_eq!(ask("item.extras.none == \"\""), Err(Failure::Missing("none".into())));
    assert_eq!(ask("item.extras.none == \"\" || false"), Err(Failure::Missing("none".into())));
    assert_eq!(ask("1 / 0 == 1"), Err(Failure::ByZero));
    assert_eq!(ask("9223372036854775807 + 1 == 0"), Err(Failure::Overflow));
    assert_eq!(ask("parts[7] == ''"), Err(Failure::NoElement(7)));
    assert_eq!(ask("int('x') == 1"), Err(Failure::NoNumber("x".into())));
}

#[test]
fn a_refusal_names_the_place_and_what_would_be_right() {
    for (text, told) in [
        ("true &&\n  foo == 1", "at 2:3: `foo` is not known; look around"),
        ("foo(1) == 1", "at 1:1: `foo` is not known; look around"),
        ("stock", "at 1:1: this is int, but a condition is true or false: bool is accepted"),
        ("stock > \"3\"", "at 1:7: `>` compares int with string; two numbers or two texts are accepted"),
        ("item == 1", "at 1:1: `item` is looked into"),
        ("item.color == \"\"", "at 1:6: an item has no field `color`"),
        ("title.x == \"\"", "at 1:7: string has no field `x`; an item and its extras have"),
        ("sold(1, 2) > 1", "at 1:1: sold([days: int]) -> int is accepted"),
        ("sold(\"90\") > 1", "at 1:6: this is string, but `sold` takes a number of days: int is accepted"),
        ("sold(0) > 1", "at 1:6: 1 day or more is accepted"),
        ("has_part(1)", "at 1:10: this is int, but `has_part` takes a part: string is accepted"),
        ("rate(\"USD\") > 1.0", "at 1:6: \"EUR\", \"GBP\" are accepted"),
        ("rate(title) > 1.0", "at 1:6: \"EUR\", \"GBP\" are accepted"),
        ("has(title)", "at 1:5: `has` is asked of extras, as in `has(item.extras.x)`"),
        ("price + 1 > 2.0", "at 1:7: `+` is not defined for double and int; write double(…) around the int"),
        ("1 && true", "at 1:1: this is int, but `&&` joins what is true or false: bool is accepted"),
        ("parts.exists(p, size(p))", "at 1:17: this is int, but `exists` asks whether"),
        ("title.exists(p, true)", "at 1:7: `exists` goes through string; a list or a map is accepted"),
        ("title.matches(\"(\")", "at 1:15: this is no pattern"),
        ("title in [1]", "at 1:7: `in` looks for string in list(int); a list of string is accepted"),
        ("[1, \"a\"] == [1]", "at 1:5: a list of values of one type is accepted"),
        ("stock >= ", "at 1:10: the condition ends here; a name, a number, a text or `(` is expected"),
        ("(true", "at 1:6: the condition ends here; `)` is expected"),
        ("true true", "at 1:6: `true` stands here; an operator or the end is expected"),
        ("title == \"a", "at 1:10: this text does not end; a closing \" is needed"),
        ("title == §", "at 1:10: '§' is not understood"),
        ("1u == 1", "at 1:1: `1u` is no number"),
        ("{\"a\": 1} == 1", "at 1:1: maps cannot be written here"),
        ("title.foo() == 1", "at 1:7: `.foo` with 0 arguments is not known"),
        ("", "at 1:1: the condition ends here"),
    ] {
        let found = wrong(text);
        assert!(found[0].starts_with(told), "{text}: {found:?}");
    }
    // everything at once
    assert_eq!(wrong("foo == 1 && bar(2)").len(), 2);
}

#[test]
fn what_runs_too_long_is_refused() {
    assert_eq!(
        wrong("parts.exists(a, parts.exists(b, a == b))"),
        [
            "at 1:7: this would take about 40201 steps on an item with 100 parts; 10000 are accepted: nest fewer exists, all, filter and map"
        ]
    );
    assert!(wrong(&format!("{}true", "true && ".repeat(400)))[0].contains("too long"));
    assert!(wrong(&format!("{}true{}", "(".repeat(99), ")".repeat(99)))[0].contains("nested"));
    assert!(wrong(&format!("{}true", "!".repeat(99)))[0].contains("nested"));
    // a list that is written out is as long as it is
    assert_eq!(ask("parts.exists(a, [\"bulb\", \"x\"].exists(b, a == b))"), Ok(true));
    // far more parts than usual
    let item = Item((0..100_000).map(|n: i32| format!("{n:08}")).collect());
    for text in ["parts.all(p, p != \"\")", "parts.exists(p, has_part(\"x\"))"] {
        let condition = Condition::compile(text, &Shop).unwrap();
        assert_eq!(condition.holds(&item), Err(Failure::TooLong), "{text}");
    }
}

#[test]
fn the_names_of_a_text_are_known() {
    let names = |text| Condition::compile(text, &Shop).unwrap().names().to_vec();
    assert_eq!(names("true"), []);
    assert_eq!(names("stock > sold(3) && stock < 9"), [Name::Stock, Name::Sold, Name::Stock]);
    assert_eq!(names("rate('GBP') > 1.0 || has(item.extras.x)"), [Name::Rate("GBP".into()), Name::Extras]);
    assert_eq!(names("[1].all(stock, stock > 0)"), []);
}

#[test]
fn a_number_is_an_int_or_a_double() {
    let of = |text| Number::compile(text, &Shop).unwrap().value(&Item::lamp());
    assert_eq!(of("stock * 2 + 1"), Ok(7.0));
    assert_eq!(of("price > 2 ? -1.5 : 0.5"), Ok(-1.5));
    assert_eq!(of("double(stock) * 0.5 + price"), Ok(4.0));
    assert_eq!(of("1.0 / 0.0"), Ok(f64::INFINITY));
    assert_eq!(of("1 / 0"), Err(Failure::ByZero));
    assert_eq!(of("size(item.extras.none)"), Err(Failure::Missing("none".into())));
    assert_eq!(Number::compile("stock + 1", &Shop).unwrap().names(), [Name::Stock]);
    for (text, told) in [
        ("stock > 1", "at 1:7: this is bool, but a number is asked for: int or double is accepted"),
        ("title", "at 1:1: this is string, but a number is asked for: int or double is accepted"),
        ("foo + 1", "at 1:1: `foo` is not known; look around"),
        ("size(parts.map(a, parts.map(b, size(a))))", "at 1:25: a list of lists is not accepted"),
        (
            "size(parts.filter(a, parts.exists(b, a == b)))",
            "at 1:1: this would take about 40202 steps on an item",
        ),
    ] {
        let wrong = Number::compile(text, &Shop).expect_err(text);
        assert!(wrong[0].to_string().starts_with(told), "{text}: {wrong:?}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-z0-9 .,()\\[\\]<>=!&|?:+*/%'\"\\\\-]{0,60}") {
        if let Ok(condition) = Condition::compile(&text, &Shop) {
            let _ = condition.holds(&Item::lamp());
        }
        let _ = Number::compile(&text, &Shop);
    }
}
