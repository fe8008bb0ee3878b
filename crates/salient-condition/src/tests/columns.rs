use crate::*;

fn columns() -> Columns {
    let columns = [
        ("orders_30d", Type::Int),
        ("orders_90d", Type::Int),
        ("order_pace", Type::Double),
        ("account.country", Type::Text),
        ("is_new", Type::Bool),
    ];
    Columns::new(columns.map(|(name, kind)| (name.to_owned(), kind)))
}

/// Nothing is known but that the account is in France and had two orders in 90 days.
fn known(column: usize) -> Option<Value<'static>> {
    match column {
        1 => Some(Value::Int(2)),
        3 => Some(Value::from("France")),
        _ => None,
    }
}

fn ask(text: &str) -> Result<bool, Failure> {
    let columns = columns();
    let condition = Condition::compile(text, &columns).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
    condition.holds(&columns.row(known))
}

#[test]
fn what_is_there_is_compared() {
    assert_eq!(ask("orders_90d == 2 && account.country == \"France\""), Ok(true));
    assert_eq!(ask("orders_90d > 2.5 || account.country in ['Spain']"), Ok(false));
    assert_eq!(ask("account.country.startsWith('F') ? orders_90d > 1 : is_new"), Ok(true));
}

#[test]
fn what_is_missing_fails_unless_something_else_decides() {
    let missing = |name: &str| Err(Failure::Missing(name.into()));
    assert_eq!(ask("orders_30d > 1"), missing("orders_30d"));
    assert_eq!(ask("is_new"), missing("is_new"));
    assert_eq!(ask("!is_new && true"), missing("is_new"));
    assert_eq!(ask("order_pace * 2.0 > 1 || orders_90d > 5"), missing("order_pace"));
    assert_eq!(ask("false && is_new"), Ok(false));
    assert_eq!(ask("is_new && false"), Ok(false));
    assert_eq!(ask("true || order_pace > 1"), Ok(true));
    assert_eq!(ask("order_pace > 1 || true"), Ok(true));
    assert_eq!(ask("has(order_pace) && order_pace > 1"), Ok(false));
    assert_eq!(ask("has(account.country) && has(orders_90d) && !has(is_new)"), Ok(true));
    assert_eq!(Failure::Missing("is_new".into()).to_string(), "\"is_new\" is missing");
}

#[test]
fn a_number_may_be_missing() {
    let columns = columns();
    let of = |text| Number::compile(text, &columns).unwrap().value(&columns.row(known));
    assert_eq!(of("has(order_pace) ? order_pace : double(orders_90d) / 4.0"), Ok(0.5));
    assert_eq!(of("order_pace"), Err(Failure::Missing("order_pace".into())));
}

#[test]
fn a_row_may_be_a_slice() {
    let columns = columns();
    let condition = Condition::compile("order_pace < 1 && orders_30d == orders_90d", &columns).unwrap();
    let values = [Some(Value::Int(1)), Some(Value::Int(1)), Some(Value::Double(0.5))];
    let of = |values: &[Option<Value<'_>>]| {
        condition.holds(&columns.row(|column| values.get(column).cloned().flatten()))
    };
    assert_eq!(of(&values), Ok(true));
    assert_eq!(of(&values[1..]), Err(Failure::Missing("order_pace".into())));
    assert_eq!(condition.names(), [2, 0, 1]);
    assert!(Condition::compile("is_new && order_pace > 1", &columns).unwrap().names().contains(&4));
}

#[test]
fn a_value_of_another_type_is_missing() {
    let columns = columns();
    let condition = Condition::compile("is_new || has(is_new)", &columns).unwrap();
    assert_eq!(
        condition.holds(&columns.row(|_| Some(Value::Int(1)))),
        Err(Failure::Missing("is_new".into()))
    );
    assert_eq!(condition.holds(&columns.row(|_| Some(Value::Bool(true)))), Ok(true));
}

#[test]
fn a_refusal_names_the_place_and_what_is_nearest() {
    let columns = columns();
    for (text, told) in [
        (
            "is_new &&\n orders_60d > 1",
            "at 2:2: `orders_60d` is not known; did you mean `orders_30d` or `orders_90d`?",
        ),
        ("oder_pace > 1", "at 1:1: `oder_pace` is not known; did you mean `order_pace`?"),
        ("has(orderspace)", "at 1:5: `orderspace` is not known; did you mean `order_pace`"),
        ("account.contry == ''", "at 1:9: `account.contry` is not known; did you mean `account.country`?"),
        ("old", "at 1:1: `old` is not known; nearest to it are `is_new`, `order_pace`, `orders_30d`"),
        ("sise(account.country) > 1", "at 1:1: `sise` is not known; did you mean `size`?"),
        ("orders_90d(3) > 1", "at 1:1: `orders_90d` is a variable; it is written without brackets"),
        ("orders_90d.x > 1", "at 1:12: int has no field `x`; nothing here has"),
        ("has(1 + 2)", "at 1:7: `has` is asked of variables, as in `has(x)`"),
        ("account.country > 1", "at 1:17: `>` compares string with int; two numbers or two texts"),
        ("order_pace", "at 1:1: this is double, but a condition is true or false: bool is accepted"),
    ] {
        let wrong = Condition::compile(text, &columns).expect_err(text);
        assert!(wrong[0].to_string().starts_with(told), "{text}: {wrong:?}");
    }
    let wrong = Condition::compile("x", &Columns::default()).unwrap_err();
    assert_eq!(wrong[0].message, "`x` is not known; no variable is known");
}
