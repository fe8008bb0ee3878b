use proptest::prelude::*;

use super::*;
use crate::domain::facts::{Bought, Facts, InteractionDay, Open, OrderDay, Window};

const TODAY: i32 = 15_000;

fn facts() -> Facts {
    let order = |ago: i32, kind, origin, count, amount| OrderDay {
        day: TODAY - ago,
        kind,
        origin,
        currency: "GBP".into(),
        count,
        amount,
    };
    Facts {
        display_name: "Acme".into(),
        country: "France".into(),
        attributes: [("tier".to_owned(), "gold".to_owned())].into(),
        create_day: TODAY - 400,
        contacts: 3,
        orders: vec![
            order(400, 1, 1, 2, 500),
            order(100, 1, 3, 1, 250),
            order(9, 2, 1, 1, 100),
            order(5, 1, 1, 1, 50),
        ],
        products: vec![
            Bought { product: "22423".into(), last_day: TODAY - 100 },
            Bought { product: "85123A".into(), last_day: TODAY - 5 },
        ],
        interactions: vec![
            InteractionDay { day: TODAY - 40, kind: 2, count: 3, thousandths: 0 },
            InteractionDay { day: TODAY - 1, kind: 7, count: 2, thousandths: 2_500 },
        ],
        open: vec![Open { currency: "GBP".into(), count: 2, amount: 9_000 }],
        ..Facts::default()
    }
}

fn ask(text: &str) -> Result<bool, Failure> {
    let condition =
        Condition::compile(text, Scope::Segment).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
    condition.holds(Subject { name: "accounts/1", facts: &facts(), today: TODAY, stage: "active" })
}

fn wrong(text: &str) -> Vec<String> {
    let wrong = Condition::compile(text, Scope::Segment).expect_err(text);
    wrong.iter().map(ToString::to_string).collect()
}

#[test]
fn what_holds() {
    for text in [
        "true",
        "account.country == 'France' && account.contacts >= 3",
        "account.name == \"accounts/1\" && stage == \"active\"",
        "orders() == 4 && orders(100) == 1 && orders(101) == 2 && orders(5) == 0",
        "returns(10) == 1 && returns(9) == 0",
        "revenue(\"GBP\") == 800 && revenue(\"GBP\", 30) == 50 && revenue(\"EUR\") == 0",
        "returned(\"GBP\") == 100",
        "return_share() == 0.2 && return_share(3) == 0.0",
        "origin_share(\"self_service\") == 0.75 && origin_share(\"offline\", 200) == 0.5",
        "days_since_order() == 5 && days_since_first_order() == 400",
        "days_since_comeback(90) == 5 && days_since_comeback(300) == 100 && days_since_comeback(301) == 1000000",
        "bought(\"85123A\", 6) && !bought(\"85123A\", 5) && bought(\"22423\") && !bought(\"1\")",
        "days_since_product(\"22423\") == 100 && days_since_product(\"1\") == 1000000",
        "interactions(\"call\") == 3 && interactions(\"call\", 30) == 0 && interactions(\"any\", 41) == 5",
        "days_since_interaction(\"call\") == 40 && days_since_interaction(\"email\") == 1000000",
        "usage() == 2.5 && usage(1) == 0",
        "open_opportunities() == 2 && open_amount(\"GBP\") == 9000",
        "account.age_days == 400",
        "account.attributes.tier == \"gold\" && account.attributes[\"tier\"] == 'gold'",
        "has(account.attributes.tier) && !has(account.attributes.other) && \"tier\" in account.attributes",
        "products.exists(p, p.startsWith(\"85\")) && products.all(p, size(p) >= 5)",
        "products.map(p, size(p)) == [5, 6] && size(products) == 2 && products[1] == '85123A'",
        "account.attributes.exists(name, name == 'tier') && account.attributes.size() == 1",
        "\"85123A\" in products && !(\"x\" in products) && account.country in [\"France\", \"Spain\"]",
        "account.display_name.matches(r'^A.m') && \"caf\\u00e9\".size() == 4",
        "orders() > 3 ? account.contacts == 3 : false",
        "orders(30 * 12) == 2",
    ] {
        assert_eq!(ask(text), Ok(true), "{text}");
    }
}

#[test]
fn a_failure_is_told_of_the_account() {
    let missing = ask("account.attributes.none == \"\"").unwrap_err();
    assert_eq!(missing, Failure::Missing("none".into()));
    assert_eq!(told(&missing), "the account has no attribute \"none\"");
    assert_eq!(told(&Failure::ByZero), "division by zero");
}

#[test]
fn a_refusal_names_the_place_and_what_would_be_right() {
    for (text, told) in [
        ("ordrs(90) > 1", "at 1:1: `ordrs` is not known; did you mean `orders`?"),
        ("true &&\n  foo == 1", "at 2:3: `foo` is not known; known are products, stage, orders,"),
        ("orders(90)", "at 1:1: this is int, but a condition is true or false: bool is accepted"),
        ("account.contry == \"\"", "at 1:9: an account has no field `contry`; it has name, display_name,"),
        ("account.country.x == \"\"", "at 1:17: string has no field `x`; an account and its attributes have"),
        ("account == 1", "at 1:1: `account` is looked into, as in `account.country`"),
        ("orders > 1", "at 1:1: `orders` is a function; orders([days: int]) -> int is accepted"),
        ("orders(1, 2) > 1", "at 1:1: orders([days: int]) -> int is accepted"),
        (
            "orders(\"90\") > 1",
            "at 1:8: this is string, but `orders` takes a number of days: int is accepted",
        ),
        ("orders(0) > 1", "at 1:8: 1 day or more is accepted"),
        ("days_since_comeback() > 1", "at 1:1: days_since_comeback(days: int) -> int is accepted"),
        ("bought(1)", "at 1:8: this is int, but `bought` takes a product's id: string is accepted"),
        ("readings(1) > 1", "at 1:10: this is int, but `readings` takes a metric: string is accepted"),
        ("interactions(\"fax\") > 1", "at 1:14: \"fax\" is not known; \"email\", \"call\","),
        ("origin_share(\"shop\") > 0.5", "at 1:14: \"shop\" is not known; \"self_service\","),
        ("origin_share(stage) > 0.5", "at 1:14: \"self_service\","),
        ("revenue(\"gbp\") > 1", "at 1:9: a currency code that is written out, like \"GBP\", is accepted"),
        ("revenue(account.country) > 1", "at 1:17: a currency code that is written out"),
        ("has(account.country)", "at 1:13: `has` is asked of attributes, as in `has(account.attributes.x)`"),
        ("has(stage)", "at 1:5: `has` is asked of attributes, as in `has(account.attributes.x)`"),
        (
            "products.exists(a, products.exists(b, a == b))",
            "at 1:10: this would take about 40201 steps on an account with 100 products; 10000 are accepted",
        ),
    ] {
        let found = wrong(text);
        assert!(found[0].starts_with(told), "{text}: {found:?}");
    }
    assert_eq!(
        Condition::compile("stage == \"\"", Scope::Stage).unwrap_err()[0].message,
        "`stage` is not known while the stage itself is decided"
    );
}

#[test]
fn everything_that_is_told_may_be_used() {
    let names: Vec<String> = documentation().into_iter().map(|(signature, _)| signature).collect();
    assert_eq!(names[0], "account.name: string");
    assert!(names.contains(&"revenue(currency: string, [days: int]) -> int".into()));
    assert!(names.contains(&"has(field) -> bool".into()));
    for name in &names {
        let Some((name, _)) = name.split_once(": ").filter(|(name, _)| !name.contains([' ', '('])) else {
            continue;
        };
        let text = if name == "account.attributes" {
            "size(account.attributes) >= 0".into()
        } else {
            format!("{name} == {name}")
        };
        assert_eq!(ask(&text), Ok(true), "{text}");
    }
}

#[test]
fn what_depends_on_time_and_stage_is_known() {
    let of = |text| {
        let condition = Condition::compile(text, Scope::Segment).unwrap();
        (condition.is_timed(), condition.is_staged())
    };
    assert_eq!(of("orders() > 3 && account.country == \"x\" && revenue(\"GBP\") > 1"), (false, false));
    assert_eq!(of("orders(3) > 3"), (true, false));
    assert_eq!(of("days_since_order() > 3 || stage == \"\""), (true, true));
    assert_eq!(of("account.age_days > 3"), (true, false));
    assert_eq!(of("[\"stage\"].all(stage, stage != \"\")"), (false, false));
}

proptest! {
    /// A window of days counts what a window of days counts, whatever the days are.
    #[test]
    fn windows_are_sums_over_days(days in prop::collection::vec(0_i32..60, 0..20), window in 1_i64..70) {
        let mut facts = Facts::default();
        let mut sorted = days.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        facts.orders = sorted.iter().map(|ago| OrderDay { day: TODAY - ago, kind: 1, count: 1, ..OrderDay::default() }).collect();
        let counted = facts.order_count(salient_proto::profile::v1::order::Kind::Purchase, Window { today: TODAY, days: Some(window) });
        prop_assert_eq!(counted, days.iter().filter(|ago| i64::from(**ago) < window).count() as i64);
        let last = days.iter().min().map_or(crate::domain::facts::NEVER, |ago| i64::from(*ago));
        prop_assert_eq!(facts.days_since_order(TODAY), last);
    }
}
