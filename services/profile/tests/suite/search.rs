//! Profiles are found by what people remember of them.

use salient_core::{Reason, TenantId};
use salient_kit::{Role, client::Link};
use salient_profile::{
    domain::search::{Found as _, words_of},
    store::search::{self as store, Indexed},
};
use salient_proto::profile::v1::{
    Account, Contact, MergeProfilesRequest, SearchProfilesRequest, SearchProfilesResponse, SearchResult,
    UndoMergeRequest, UpsertAccountsRequest, UpsertContactsRequest,
    identity_service_client::IdentityServiceClient, search_result::Profile,
    search_service_client::SearchServiceClient,
};
use salient_store::{Db, StoreConfig, sql};
use tonic::Code;
use uuid::Uuid;

use crate::world::{World, account, both, contact, key, mask, request_id, upsert_accounts, why};

both!(
    by_name_with_errors,
    by_domain_address_and_number,
    people_and_companies,
    what_is_above_is_shown,
    with_a_filter_and_in_pages,
    merged_profiles_come_once,
    values_that_are_gone_find_nothing,
    what_was_there_before_is_found,
    a_word_that_comes_while_its_last_record_is_erased_keeps_its_variants,
    of_another_tenant_and_bad_queries,
);

fn client(world: &World) -> SearchServiceClient<Link> {
    SearchServiceClient::new(world.link("acme", Role::Seller))
}

fn query(text: &str) -> SearchProfilesRequest {
    SearchProfilesRequest { query: text.into(), ..Default::default() }
}

async fn search(world: &World, request: SearchProfilesRequest) -> SearchProfilesResponse {
    client(world).search_profiles(request).await.unwrap().into_inner()
}

/// The ids of what was found, in its source.
async fn ids(world: &World, request: SearchProfilesRequest) -> Vec<String> {
    search(world, request).await.results.iter().map(id).collect()
}

fn id(result: &SearchResult) -> String {
    let key = match result.profile.as_ref().unwrap() {
        Profile::Account(account) => &account.source_key,
        Profile::Contact(contact) => &contact.source_key,
    };
    key.clone().unwrap().id
}

fn named(id: &str, name: &str) -> Account {
    Account { display_name: name.into(), ..account(id) }
}

async fn companies(world: &World) {
    let sent = vec![
        Account {
            domain: "mueller-soehne.de".into(),
            phone: "+49 30 901820".into(),
            territory: "east".into(),
            ..named("1", "Müller & Söhne GmbH & Co. KG")
        },
        Account {
            domain: "https://www.acme-trading.co.uk/home".into(),
            phone: "020 7031 3000".into(),
            country: "United Kingdom".into(),
            territory: "north".into(),
            industry: "retail".into(),
            ..named("2", "Acme Trading Ltd")
        },
        Account { territory: "north".into(), ..named("3", "Acme Holdings plc") },
        named("4", "Alderbank Works Ltd"),
        named("5", "Alderbank Systems Ltd"),
        named("6", "Birchfield Works GmbH"),
        named("7", "IBM"),
    ];
    upsert_accounts(&mut world.client(), sent).await;
    world.indexed().await;
}

async fn by_name_with_errors(world: &World) {
    companies(world).await;
    let first = [
        ("Müller & Söhne GmbH & Co. KG", "1"),
        ("muller sohne", "1"),
        ("Muler Sohne", "1"),
        ("acme trading", "2"),
        ("amce trading", "2"),
        ("acme trdaing ltd", "2"),
        ("acmetrading", "2"),
        ("ac me trading", "2"),
        ("acme tradding", "2"),
        ("acme trad", "2"),
        ("trading acme", "2"),
        ("Acme Holding", "3"),
        ("aldrebank works", "4"),
        ("alderbank sys", "5"),
        ("Alderbnak Systems Limited", "5"),
        ("birchf", "6"),
        ("bircfhi", "6"),
        ("imb", "7"),
    ];
    for (text, expected) in first {
        let found = ids(world, query(text)).await;
        assert_eq!(found.first().map(String::as_str), Some(expected), "{text}: {found:?}");
    }
    assert_eq!(ids(world, query("acme")).await, ["2", "3"]);
    assert_eq!(ids(world, query("Zylinder Verwaltung")).await, [""; 0]);

    let found = search(world, query("acme trading")).await;
    let best = &found.results[0];
    assert_eq!(best.score, 1.0);
    let highlight = &best.highlights[0];
    assert_eq!((highlight.field.as_str(), highlight.value.as_str()), ("display_name", "Acme Trading Ltd"));
    assert_eq!(highlight.words, ["Acme", "Trading"]);
    assert!(found.results.is_sorted_by(|one, other| one.score >= other.score));
}

async fn by_domain_address_and_number(world: &World) {
    companies(world).await;
    let contacts = vec![Contact {
        display_name: "Jane Smith".into(),
        email: "jane.smith@acme-trading.co.uk".into(),
        phone: "+44 7700 900123".into(),
        ..contact("p", "2")
    }];
    let request = UpsertContactsRequest { request_id: request_id(), contacts, update_mask: None };
    world.client().upsert_contacts(request).await.unwrap();
    world.indexed().await;
    let first = [
        ("mueller-soehne.de", "1", "domain"),
        ("acme-trading.co.uk", "2", "domain"),
        ("www.acme-tradign.co.uk", "2", "domain"),
        ("+442070313000", "2", "phone"),
        ("0044 (20) 7031-3000", "2", "phone"),
        ("020 7031 3000", "2", "phone"),
        ("020 7031 3010", "2", "phone"),
        ("030/901820", "1", "phone"),
        ("+49 30 9018", "1", "phone"),
        ("jane.smith@acme-trading.co.uk", "p", "email"),
        ("jnae.smith@acme-trading.co.uk", "p", "email"),
        ("Jane.Smith@", "p", "email"),
        ("jane smit", "p", "display_name"),
        ("07700 900123", "p", "phone"),
    ];
    for (text, expected, field) in first {
        let found = search(world, query(text)).await.results;
        let best = found.first().unwrap_or_else(|| panic!("{text}: nothing"));
        assert_eq!(id(best), expected, "{text}");
        let matched: Vec<&str> = best.highlights.iter().map(|of| of.field.as_str()).collect();
        // what is typed of an address may also fit the name
        assert!(matched.contains(&field), "{text}: {matched:?}");
    }
}

async fn people_and_companies(world: &World) {
    companies(world).await;
    let named = Contact { display_name: "Acme Anderson".into(), ..contact("p", "4") };
    let request =
        UpsertContactsRequest { request_id: request_id(), contacts: vec![named], update_mask: None };
    world.client().upsert_contacts(request).await.unwrap();
    world.indexed().await;
    let of = |kinds: &[&str]| SearchProfilesRequest {
        kinds: kinds.iter().map(ToString::to_string).collect(),
        ..query("acme")
    };
    assert_eq!(ids(world, of(&["contact"])).await, ["p"]);
    assert_eq!(ids(world, of(&["account"])).await, ["2", "3"]);
    assert_eq!(ids(world, of(&["account", "contact"])).await.len(), 3);
    let found = search(world, of(&["contact"])).await;
    let Some(Profile::Contact(person)) = &found.results[0].profile else { panic!("{found:?}") };
    assert!(person.account.starts_with("accounts/") && person.create_time.is_some());
}

async fn what_is_above_is_shown(world: &World) {
    companies(world).await;
    let below = Account { parent_key: key("3"), ..named("8", "Northwind Works") };
    upsert_accounts(&mut world.client(), vec![below]).await;
    world.indexed().await;
    let first = async |text: &str| match search(world, query(text)).await.results.remove(0).profile {
        Some(Profile::Account(account)) => account,
        other => panic!("{other:?}"),
    };
    let above = first("acme holdings").await;
    assert_eq!((above.parent.as_str(), first("northwind").await.parent), ("", above.name));
}

async fn with_a_filter_and_in_pages(world: &World) {
    companies(world).await;
    let filtered = |filter: &str| SearchProfilesRequest { filter: filter.into(), ..query("acme") };
    assert_eq!(ids(world, filtered("territory = north AND industry = retail")).await, ["2"]);
    assert_eq!(ids(world, filtered("territory = east OR NOT industry = retail")).await, ["3"]);
    assert_eq!(ids(world, filtered("territory = south")).await, [""; 0]);
    let person = Contact { display_name: "Acme Anderson".into(), ..contact("p", "2") };
    let request =
        UpsertContactsRequest { request_id: request_id(), contacts: vec![person], update_mask: None };
    world.client().upsert_contacts(request).await.unwrap();
    world.indexed().await;
    assert_eq!(ids(world, filtered("industry = retail")).await, ["2", "p"]);

    let many = (0..60).map(|n| named(&format!("n{n}"), &format!("Northwind {n}"))).collect();
    upsert_accounts(&mut world.client(), many).await;
    world.indexed().await;
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = SearchProfilesRequest { page_size: 7, page_token, ..query("northwind") };
        let page = search(world, request).await;
        found.extend(page.results.iter().map(id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let all = ids(world, SearchProfilesRequest { page_size: 100, ..query("northwind") }).await;
    assert_eq!((found.len(), &found), (60, &all));
    let first = SearchProfilesRequest { page_size: 7, ..query("northwind") };
    let page_token = search(world, first).await.next_page_token;
    let other = SearchProfilesRequest { page_token, ..query("northwing") };
    let other = client(world).search_profiles(other).await;
    assert_eq!(why(other), (Code::InvalidArgument, Reason::PageTokenInvalid));
}

async fn merged_profiles_come_once(world: &World) {
    let sent = vec![named("1", "Acme Trading Ltd"), named("2", "Anvil Partners"), named("3", "Beta")];
    let names = upsert_accounts(&mut world.client(), sent).await.names;
    let people = vec![Contact { display_name: "Vera Novak".into(), ..contact("p", "2") }];
    let request = UpsertContactsRequest { request_id: request_id(), contacts: people, update_mask: None };
    world.client().upsert_contacts(request).await.unwrap();
    world.indexed().await;
    let mut identity = IdentityServiceClient::new(world.link("acme", Role::Manager));
    let merge = MergeProfilesRequest {
        request_id: request_id(),
        one: names[0].clone(),
        other: names[1].clone(),
        reason: String::new(),
    };
    let merge = identity.merge_profiles(merge).await.unwrap().into_inner().merge.unwrap();
    for text in ["acme trading", "anvil partners", "anvil prtners"] {
        let found = search(world, query(text)).await.results;
        let [SearchResult { profile: Some(Profile::Account(account)), .. }] = &found[..] else {
            panic!("{text}: {found:?}");
        };
        assert_eq!(account.name, names[0], "{text}");
    }
    let found = search(world, query("anvil partners")).await.results;
    assert_eq!(found[0].highlights[0].value, "Anvil Partners");
    let found = search(world, query("vera novak")).await.results;
    let Some(Profile::Contact(person)) = &found[0].profile else { panic!("{found:?}") };
    assert_eq!(person.account, names[0]);

    identity.undo_merge(UndoMergeRequest { request_id: request_id(), name: merge.name }).await.unwrap();
    assert_eq!(ids(world, query("anvil partners")).await, ["2"]);
    assert_eq!(ids(world, query("acme trading")).await, ["1"]);
}

async fn values_that_are_gone_find_nothing(world: &World) {
    let sent = Account { domain: "old-name.example".into(), ..named("1", "Old Name Ltd") };
    upsert_accounts(&mut world.client(), vec![sent]).await;
    world.indexed().await;
    assert_eq!(ids(world, query("old name")).await, ["1"]);
    let request = UpsertAccountsRequest {
        request_id: request_id(),
        accounts: vec![named("1", "Fresh Label Ltd")],
        update_mask: mask(&["display_name", "domain"]),
    };
    world.client().upsert_accounts(request).await.unwrap();
    // at once, whether or not the index has heard of it
    assert_eq!(ids(world, query("old name")).await, [""; 0]);
    assert_eq!(ids(world, query("old-name.example")).await, [""; 0]);
    world.indexed().await;
    assert_eq!(ids(world, query("fresh lable")).await, ["1"]);
    // nothing of the old value is left
    let db = Db::connect(&StoreConfig::new(world.store_url())).await.unwrap();
    let mut conn = db.read().await.unwrap();
    let (words,): (i64,) = sql("select count(*) from search_words").fetch_one(&mut conn).await.unwrap();
    let (postings,): (i64,) = sql("select count(*) from search_postings").fetch_one(&mut conn).await.unwrap();
    let (orphans,): (i64,) = sql("select count(*) from search_variants v
         where not exists (select 1 from search_words w where w.tenant = v.tenant and w.word = v.word)")
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert_eq!((words, postings, orphans), (2, 2, 0));
    drop(conn);
    db.close().await;
}

/// As after the migration of a database that had records already.
async fn what_was_there_before_is_found(world: &World) {
    companies(world).await;
    let ending = world.stop().await;
    assert!(ending.failures.is_empty(), "{ending:?}");
    let db = Db::connect(&StoreConfig::new(world.store_url())).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    for text in [
        "delete from search_records",
        "delete from search_words",
        "delete from search_variants",
        "delete from search_postings",
        "insert into search_queue (tenant, kind, id) select tenant, 1, id from accounts order by id",
    ] {
        sql(text).execute(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    let (life, _) = world.again().await;
    world.indexed().await;
    let mut conn = db.read().await.unwrap();
    let (records,): (i64,) = sql("select count(*) from search_records").fetch_one(&mut conn).await.unwrap();
    assert_eq!(records, 7);
    drop(conn);
    db.close().await;
    life.finish(std::future::pending()).await;
}

async fn a_word_that_comes_while_its_last_record_is_erased_keeps_its_variants(world: &World) {
    let ending = world.stop().await;
    assert!(ending.failures.is_empty(), "{ending:?}");
    let db = Db::connect(&StoreConfig::new(world.store_url())).await.unwrap();
    let tenant = TenantId::try_from("acme").unwrap();
    let index = async |id: Uuid, name: &str| {
        let record = Contact { display_name: name.to_owned(), ..Contact::default() };
        let indexed = Indexed { kind: Contact::NUMBER, id, words: words_of(&record) };
        let mut tx = db.begin().await.unwrap();
        store::take_turn_in_tx(&mut tx, &tenant).await.unwrap();
        store::index_in_tx(&mut tx, &tenant, &[indexed]).await.unwrap();
        tx.commit().await.unwrap();
    };
    let erase = async |id: Uuid| {
        let mut tx = db.begin().await.unwrap();
        store::forget_in_tx::<Contact>(&mut tx, &tenant, &[id]).await.unwrap();
        tx.commit().await.unwrap();
    };
    for number in 0..20 {
        let (erased, new) = (world.clock.uuid(), world.clock.uuid());
        let name = format!("Byron{number}");
        index(erased, &name).await;
        tokio::join!(index(new, &name), erase(erased));
    }
    let (lost,): (i64,) = sql("select count(*) from search_words w
         where not exists (select 1 from search_variants v where v.tenant = w.tenant and v.word = w.word)")
    .fetch_one(&mut db.read().await.unwrap())
    .await
    .unwrap();
    assert_eq!(lost, 0);
    db.close().await;
}

async fn of_another_tenant_and_bad_queries(world: &World) {
    companies(world).await;
    let mut other = SearchServiceClient::new(world.link("other", Role::Manager));
    assert_eq!(other.search_profiles(query("acme")).await.unwrap().into_inner().results, []);
    let invalid = (Code::InvalidArgument, Reason::FieldInvalid);
    let mut client = client(world);
    assert_eq!(why(client.search_profiles(query("")).await), invalid);
    let kinds = SearchProfilesRequest { kinds: vec!["order".into()], ..query("acme") };
    assert_eq!(why(client.search_profiles(kinds).await), invalid);
    let filter = SearchProfilesRequest { filter: "colour = red".into(), ..query("acme") };
    assert_eq!(why(client.search_profiles(filter).await), (Code::InvalidArgument, Reason::FilterInvalid));
    for odd in ["\0", "%", "' or 1=1", "&&&", "🦀", " ", "@", "+", "....", "a"] {
        client.search_profiles(query(odd)).await.unwrap();
    }
}
