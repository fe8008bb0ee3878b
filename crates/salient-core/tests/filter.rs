//! The filter language: what is accepted, what is refused and where.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use proptest::prelude::*;
use salient_core::{
    Reason,
    filter::{Comparison, Field, FieldKind, Literal, Op, Term, parse},
};

const FIELDS: &[Field] = &[
    Field::text("territory"),
    Field::time("order_time"),
    Field::name("account", "accounts"),
    Field::one_of("kind", &["PURCHASE", "RETURN"]),
    Field::new("open", FieldKind::Bool),
    Field::new("rank", FieldKind::Int),
];

fn one(filter: &str) -> Comparison {
    let mut found = parse(filter, FIELDS).unwrap();
    assert_eq!(found.len(), 1, "{filter}");
    match found.remove(0) {
        Term::Is(comparison) => comparison,
        other => panic!("{other:?}"),
    }
}

/// The terms with fewer words: `a`, `!a`, `(a | b)`, `(a & b)`, by the values compared with.
fn shape(term: &Term) -> String {
    let join = |terms: &[Term], by: &str| {
        let parts: Vec<String> = terms.iter().map(shape).collect();
        format!("({})", parts.join(by))
    };
    match term {
        Term::Is(Comparison { value: Literal::Text(text), .. }) => text.clone(),
        Term::Is(other) => panic!("{other:?}"),
        Term::Not(term) => format!("!{}", shape(term)),
        Term::Any(terms) => join(terms, "|"),
        Term::All(terms) => join(terms, "&"),
    }
}

#[test]
fn terms_are_joined_as_in_aip_160() {
    for (filter, expected) in [
        ("territory = a AND territory = b OR territory = c", "a (b|c)"),
        ("territory = a OR territory = b AND territory = c", "(a|b) c"),
        ("NOT territory = a AND -territory = b", "!a !b"),
        ("NOT (territory = a OR territory = b) OR territory = c", "(!(a|b)|c)"),
        ("( territory = a AND territory = b ) OR (territory = c)", "((a&b)|c)"),
        ("-(territory = a)", "!a"),
    ] {
        let found: Vec<String> = parse(filter, FIELDS).unwrap().iter().map(shape).collect();
        assert_eq!(found.join(" "), expected, "{filter}");
    }
    let deep = |depth: usize| format!("{}territory = a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&deep(16), FIELDS).is_ok());
    assert_eq!(refused(&deep(17)), "filter, character 17: parentheses are nested too deep");
}

fn refused(filter: &str) -> String {
    let error = parse(filter, FIELDS).unwrap_err();
    assert_eq!(error.reason(), Reason::FilterInvalid);
    assert_eq!(error.violations()[0].field, "filter");
    error.message().to_owned()
}

#[test]
fn nothing_is_an_empty_filter() {
    assert!(parse("", FIELDS).unwrap().is_empty());
    assert!(parse("  \n", FIELDS).unwrap().is_empty());
}

#[test]
fn values_are_typed_by_their_field() {
    let text = |value: &str| Literal::Text(value.into());
    assert_eq!(one("territory = north"), Comparison { field: "territory", op: Op::Eq, value: text("north") });
    assert_eq!(one("territory=\"north east\"").value, text("north east"));
    assert_eq!(one(r#"territory = "a \"b\" \\ c""#).value, text(r#"a "b" \ c"#));
    assert_eq!(one("territory : 'o\"r'").value, text("o\"r"));
    assert_eq!(one("territory != \"\"").value, text(""));
    assert_eq!(one("open = true").value, Literal::Bool(true));
    assert_eq!(one("rank <= -3"), Comparison { field: "rank", op: Op::Le, value: Literal::Int(-3) });
    assert_eq!(one("kind = RETURN").value, Literal::Enum("RETURN"));
    assert_eq!(one("account = accounts/7").value.id(), Some("7"));
    let midnight = Literal::Time("2011-06-01T00:00:00Z".parse().unwrap());
    assert_eq!(one("order_time >= 2011-06-01").value, midnight);
    assert_eq!(one("order_time >= \"2011-06-01T02:00:00+02:00\"").value, midnight);
}

#[test]
fn comparisons_are_joined_by_and() {
    let found = parse("territory = north AND order_time<2011-06-01  AND\nopen != false", FIELDS).unwrap();
    let comparisons = found.iter().flat_map(Term::comparisons);
    let fields: Vec<_> = comparisons.map(|comparison| (comparison.field, comparison.op)).collect();
    assert_eq!(fields, [("territory", Op::Eq), ("order_time", Op::Lt), ("open", Op::Ne)]);
    // AND is a word of its own only between comparisons.
    assert_eq!(one("territory = AND").value, Literal::Text("AND".into()));
}

#[test]
fn an_error_says_where_and_what_is_accepted() {
    for (filter, expected) in [
        (
            "colour = red",
            "filter, character 1: one of the fields territory, order_time, account, kind, open, rank is accepted here",
        ),
        ("territory = ", "filter, character 13: a value is accepted here"),
        ("territory > a", "filter, character 11: one of = != : is accepted after territory"),
        ("territory", "filter, character 10: one of = != : is accepted after territory"),
        ("open = yes", "filter, character 8: true or false is accepted for open"),
        ("kind = return", "filter, character 8: one of PURCHASE, RETURN is accepted for kind"),
        ("rank = 1.5", "filter, character 8: a whole number is accepted for rank"),
        (
            "account = contacts/7",
            "filter, character 11: a name like \"accounts/{id}\" is accepted for account",
        ),
        (
            "account = accounts/7/x",
            "filter, character 11: a name like \"accounts/{id}\" is accepted for account",
        ),
        ("territory = \"ü", "filter, character 13: the quote is not closed"),
        ("territory = \"ü\0\"", "filter, character 15: text without the character U+0000 is accepted"),
        ("territory = \"ü\\n\"", "filter, character 16: a quote or a \\ is accepted after \\"),
        ("territory = a XOR territory = b", "filter, character 15: AND, OR or the end is accepted here"),
        ("territory = \"a\"AND open = true", "filter, character 16: AND, OR or the end is accepted here"),
        ("(open = true", "filter, character 13: AND, OR or ) is accepted here"),
        ("open = true)", "filter, character 12: AND, OR or the end is accepted here"),
        (
            "(colour = true)",
            "filter, character 2: one of the fields territory, order_time, account, kind, open, rank is accepted here",
        ),
    ] {
        assert_eq!(refused(filter), expected, "{filter}");
    }
    assert!(refused("order_time = 2011-13-01").contains("a time like"));
    assert!(refused("territory = a AND ").contains("character 19"));
}

fn literal(field: &Field) -> BoxedStrategy<(String, Literal)> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    match field.kind {
        FieldKind::Text => "[^\\x00\n]*".prop_map(move |text| (quoted(&text), Literal::Text(text))).boxed(),
        FieldKind::Time => (-2_000_000_000_000_000_i64..4_000_000_000_000_000)
            .prop_map(move |at| {
                let time = salient_core::from_micros(at);
                (quoted(&time.to_rfc3339()), Literal::Time(time))
            })
            .boxed(),
        FieldKind::Bool => any::<bool>().prop_map(|is| (is.to_string(), Literal::Bool(is))).boxed(),
        FieldKind::Int => any::<i64>().prop_map(|n| (n.to_string(), Literal::Int(n))).boxed(),
        FieldKind::Enum(values) => proptest::sample::select(values)
            .prop_map(|value| (value.to_owned(), Literal::Enum(value)))
            .boxed(),
        FieldKind::Name(collection) => "[^/\\x00]+"
            .prop_map(move |id| {
                let name = format!("{collection}/{id}");
                (quoted(&name), Literal::Name(name))
            })
            .boxed(),
    }
}

fn written() -> impl Strategy<Value = (String, Comparison)> {
    (proptest::sample::select(FIELDS), proptest::sample::select(&[Op::Eq, Op::Ne][..]), "[ \t]{0,2}")
        .prop_flat_map(|(field, op, space)| {
            literal(&field).prop_map(move |(text, value)| {
                (
                    format!("{}{space}{}{space}{text}", field.name, op.as_str()),
                    Comparison { field: field.name, op, value },
                )
            })
        })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(parts in proptest::collection::vec(written(), 0..5)) {
        let (texts, expected): (Vec<String>, Vec<Term>) =
            parts.into_iter().map(|(text, comparison)| (text, Term::Is(comparison))).unzip();
        prop_assert_eq!(parse(&texts.join(" AND "), FIELDS).unwrap(), expected);
    }

    #[test]
    fn no_text_panics(text in "(territory|open|kind|AND|OR|NOT|\\(|\\)|-|=|<|:|!|\"|'|\\\\| |ü|.)*") {
        if let Err(error) = parse(&text, FIELDS) {
            prop_assert_eq!(error.reason(), Reason::FilterInvalid);
        }
    }
}
