//! What raw values become.

use proptest::prelude::*;
use salient_linkage::normalise::{
    Normaliser, address, company::company_name, contact, date::date, fold, person, product, squash,
};

#[test]
fn folding_takes_case_and_accents() {
    assert_eq!(fold("Łódź ÆRØ Straße İzmir Ñandú"), "lodz aero strasse izmir nandu");
    assert_eq!(squash("  O'Brien-Smith,  "), "obrien smith");
}

#[test]
fn names_of_people() {
    let full = |text| person::full_name(text);
    let some = |given: &str, family: &str| (Some(given.to_owned()), Some(family.to_owned()));
    assert_eq!(full("Dr. Ana-María de la Cruz"), some("ana maria", "de la cruz"));
    assert_eq!(full("Müller, Jürgen"), some("jurgen", "muller"));
    assert_eq!(full("John Smith, Jr."), some("john", "smith"));
    assert_eq!(full("Cher"), (None, Some("cher".to_owned())));
    assert!(person::same_short_form("bob", "robert") && !person::same_short_form("bob", "william"));
}

#[test]
fn companies_lose_their_legal_form() {
    let known = [
        ("Müller & Söhne GmbH & Co. KG", "muller sohne", "gmbh co kg"),
        ("Acme, Inc.", "acme", "inc"),
        ("Fiat S.p.A.", "fiat", "spa"),
        ("Kowalski Sp. z o.o.", "kowalski", "sp z oo"),
        ("Novo Nordisk A/S", "novo nordisk", "as"),
        ("Toyota Motor Co., Ltd.", "toyota motor", "co ltd"),
        ("Tata Pvt. Ltd.", "tata", "pvt ltd"),
        ("株式会社東芝", "東芝", "株式会社"),
        ("PT Telkom Tbk", "telkom", "pt tbk"),
        ("Grupo Bimbo, S.A. de C.V.", "grupo bimbo", "sa de cv"),
        ("Company", "company", ""),
    ];
    for (text, core, form) in known {
        let name = company_name(text);
        assert_eq!((name.core.as_str(), name.legal_form.as_str()), (core, form), "{text}");
    }
}

#[test]
fn mail_domains_and_phones() {
    assert_eq!(contact::email("Jane.Doe+news@GoogleMail.com").as_deref(), Some("janedoe@gmail.com"));
    assert_eq!(contact::email("not an address"), None);
    assert_eq!(contact::domain("https://www.shop.example.co.uk:8080/x?y").as_deref(), Some("example.co.uk"));
    assert_eq!(contact::domain("co.uk"), None);
    assert_eq!(contact::company_domain("a@gmail.com"), None);
    assert_eq!(contact::phone("(415) 555-2671", Some("US")).as_deref(), Some("+14155552671"));
    assert_eq!(contact::phone("030 901820", Some("de")).as_deref(), Some("+4930901820"));
    assert_eq!(contact::phone("+44 20 7031 3000", None).as_deref(), Some("+442070313000"));
    for text in ["+44 20 7031 3000", "020 7031 3000", "(020) 7031-3000", "2070313000"] {
        assert_eq!(contact::subscriber(text, None).as_deref(), Some("2070313000"), "{text}");
    }
    assert_eq!(contact::subscriber("020 7031 3000", Some("gb")).as_deref(), Some("2070313000"));
    assert_eq!(contact::subscriber("0123", None), None);
    assert_eq!(contact::phone("12", Some("US")), None);
}

#[test]
fn addresses() {
    let pair = |a: &str, b: &str| (Some(a.to_owned()), Some(b.to_owned()));
    assert_eq!(address::street("12b Main St."), pair("12b", "main street"));
    assert_eq!(address::street("Hauptstr. 12"), pair("12", "hauptstrasse"));
    assert_eq!(address::postal_code("94103-1234").as_deref(), Some("94103"));
    assert_eq!(address::postal_code("SW1A 1AA").as_deref(), Some("sw1a1aa"));
    assert_eq!(address::country("Deutschland").as_deref(), Some("de"));
}

#[test]
fn dates_in_many_notations() {
    for text in [
        "1980-03-12",
        "19800312",
        "12.3.1980",
        "12/03/1980",
        "12 March 1980",
        "Mar 12, 1980",
        "12th mar 1980",
    ] {
        assert_eq!(date(text).as_deref(), Some("19800312"), "{text}");
    }
    assert_eq!(date("03/25/1980").as_deref(), Some("19800325"), "only the American order is possible");
    assert_eq!(date("1980-03-12T10:00:00Z").as_deref(), Some("19800312"));
    assert_eq!(date("19600086").as_deref(), Some("19600086"), "a typing error still agrees in part");
    assert_eq!(date("yesterday"), None);
}

#[test]
fn products() {
    assert_eq!(product::model_codes("Panasonic KX-TG6700B 5.8GHz 1250W 70-300mm"), ["kxtg6700b"]);
    assert_eq!(product::model_codes("TiVo Wireless - AG0100"), ["ag0100"]);
    assert_eq!(product::model_codes("KitchenAid Pasta Roller - KPRA"), ["kpra"]);
    assert_eq!(product::title("DeLonghi DC-50B, Black").as_deref(), Some("delonghi dc50b black"));
    for (text, minor) in [("$1,299.00", "129900"), ("1.299,00 €", "129900"), ("44", "4400"), ("9.5", "950")]
    {
        assert_eq!(product::price(text).as_deref(), Some(minor), "{text}");
    }
}

proptest! {
    #[test]
    fn folding_twice_changes_nothing(text in "\\PC{0,24}") {
        let once = squash(&text);
        prop_assert_eq!(squash(&once), once);
    }

    #[test]
    fn nothing_panics(text in "\\PC{0,40}") {
        let all = [
            Normaliser::Text, Normaliser::GivenName, Normaliser::FamilyOfFull, Normaliser::GivenOfFull, Normaliser::Date,
            Normaliser::Email, Normaliser::Domain, Normaliser::Phone, Normaliser::Street, Normaliser::HouseNumber,
            Normaliser::PostalCode, Normaliser::Country, Normaliser::CompanyCore, Normaliser::LegalForm,
            Normaliser::Identifier, Normaliser::ModelCodes, Normaliser::Title, Normaliser::Price,
        ];
        for normaliser in all {
            prop_assert!(normaliser.apply(&text, Some("US")).iter().all(|value| !value.is_empty()));
        }
    }
}
