//! Pages and filters.

use std::collections::BTreeSet;

use salient_core::Reason;
use salient_proto::profile::v1::{
    Account, ListAccountsRequest, ListContactsRequest, ListInteractionsRequest, ListOpportunitiesRequest,
    ListOrdersRequest, Opportunity, Order, UpsertContactsRequest, UpsertInteractionsRequest,
    UpsertOpportunitiesRequest, UpsertOrdersRequest, opportunity as chance, order as purchase,
};
use tonic::Code;

use crate::world::{
    Client, World, account, both, contact, interaction, key, opportunity, order, request_id, upsert_accounts,
    why,
};

both!(pages, page_tokens, account_filters, filters_of_the_other_kinds, bad_filters);

fn list(page_size: i32, page_token: &str, filter: &str) -> ListAccountsRequest {
    ListAccountsRequest {
        page_size,
        page_token: page_token.to_owned(),
        filter: filter.to_owned(),
        read_mask: None,
    }
}

async fn ids(client: &mut Client, filter: &str) -> Vec<String> {
    let listed = client.list_accounts(list(0, "", filter)).await.unwrap().into_inner();
    listed.accounts.into_iter().map(|account| account.source_key.unwrap().id).collect()
}

async fn pages(world: &World) {
    let mut client = world.client();
    let sent: Vec<_> = (0..25).map(|n| account(&format!("{n:02}"))).collect();
    upsert_accounts(&mut client, sent[..10].to_vec()).await;
    world.clock.advance(chrono::TimeDelta::hours(1));
    upsert_accounts(&mut client, sent[10..].to_vec()).await;
    let (mut token, mut found, mut sizes) = (String::new(), Vec::new(), Vec::new());
    loop {
        let page = client.list_accounts(list(7, &token, "")).await.unwrap().into_inner();
        sizes.push(page.accounts.len());
        found.extend(page.accounts.into_iter().map(|account| account.source_key.unwrap().id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
        // what comes in between is not on the pages before
        upsert_accounts(&mut client, vec![account("00")]).await;
    }
    assert_eq!(sizes, [7, 7, 7, 4]);
    assert_eq!(found, sent.iter().map(|one| one.source_key.clone().unwrap().id).collect::<Vec<_>>());
}

async fn page_tokens(world: &World) {
    let mut client = world.client();
    world.accounts(&mut client, &["1", "2", "3"]).await;
    let token = client.list_accounts(list(1, "", "")).await.unwrap().into_inner().next_page_token;
    assert!(!token.is_empty());
    let another_filter = client.list_accounts(list(1, &token, "source = \"crm\"")).await;
    assert_eq!(why(another_filter), (Code::InvalidArgument, Reason::PageTokenInvalid));
    let damaged = client.list_accounts(list(1, &token[1..], "")).await;
    assert_eq!(why(damaged), (Code::InvalidArgument, Reason::PageTokenInvalid));
    let another_list = ListContactsRequest { page_token: token.clone(), ..Default::default() };
    assert_eq!(
        why(client.list_contacts(another_list).await),
        (Code::InvalidArgument, Reason::PageTokenInvalid)
    );
    let mut other = world.client_of("other", salient_kit::Role::Manager);
    let another_tenant = other.list_accounts(list(1, &token, "")).await;
    assert_eq!(why(another_tenant), (Code::InvalidArgument, Reason::PageTokenInvalid));
    assert_eq!(
        why(client.list_accounts(list(-1, "", "")).await),
        (Code::InvalidArgument, Reason::FieldInvalid)
    );
}

async fn account_filters(world: &World) {
    let mut client = world.client();
    let with = |id: &str, territory: &str, country: &str, name: &str| Account {
        territory: territory.into(),
        country: country.into(),
        display_name: name.into(),
        ..account(id)
    };
    let mut shop = with("1", "", "Eire", "100%_quote\"d\"");
    shop.source_key.as_mut().unwrap().source = "shop".into();
    let sent = vec![
        with("1", "north", "United Kingdom", "Acme"),
        with("2", "north", "Eire", "acme Holdings"),
        with("3", "south", "Eire", "Beta"),
        shop,
    ];
    upsert_accounts(&mut client, sent).await;
    let cases: [(&str, &[&str]); 19] = [
        ("", &["1", "2", "3", "1"]),
        ("territory = \"north\"", &["1", "2"]),
        ("territory != north AND country = Eire", &["3", "1"]),
        ("display_name : ACME", &["1", "2"]),
        ("display_name : \"%_\"", &["1"]),
        ("display_name : '\"d\"'", &["1"]),
        ("country = 'United Kingdom'", &["1"]),
        ("source = shop", &["1"]),
        ("source_id = 1", &["1", "1"]),
        ("source = crm AND source_id = \"1\"", &["1"]),
        ("source_id != 1", &["2", "3"]),
        ("source_id = 4", &[]),
        ("territory = south OR display_name : quote", &["3", "1"]),
        ("territory = north AND country = Eire OR display_name = Acme", &["1", "2"]),
        ("NOT territory = north", &["3", "1"]),
        ("-(territory = north OR source = shop)", &["3"]),
        ("(territory = north AND country = Eire) OR territory = south", &["2", "3"]),
        ("create_time >= 2011-06-01 AND update_time < \"2011-06-01T12:00:01Z\"", &["1", "2", "3", "1"]),
        ("create_time < 2011-06-01", &[]),
    ];
    for (filter, expected) in cases {
        assert_eq!(ids(&mut client, filter).await, expected, "{filter}");
    }
}

async fn filters_of_the_other_kinds(world: &World) {
    let mut client = world.client();
    let names = world.accounts(&mut client, &["a", "b"]).await;
    let contacts = vec![contact("1", "a"), contact("2", "b")];
    let request = UpsertContactsRequest { request_id: request_id(), contacts, update_mask: None };
    client.upsert_contacts(request).await.unwrap();
    let back = Order { kind: purchase::Kind::Return as i32, ..order("2", "b", world.ago(5)) };
    let orders = vec![order("1", "a", world.ago(9)), back];
    let request = UpsertOrdersRequest { request_id: request_id(), orders, update_mask: None };
    client.upsert_orders(request).await.unwrap();
    let interactions = vec![interaction("1", "a", world.ago(9)), interaction("2", "b", world.ago(5))];
    let request = UpsertInteractionsRequest { request_id: request_id(), interactions, update_mask: None };
    client.upsert_interactions(request).await.unwrap();
    let lost = Opportunity {
        state: chance::State::Lost as i32,
        stage: "offer".into(),
        seller: "sellers/s07".into(),
        ..opportunity("2", "b", world.ago(5))
    };
    let opportunities = vec![opportunity("1", "a", world.ago(9)), lost];
    let request = UpsertOpportunitiesRequest { request_id: request_id(), opportunities, update_mask: None };
    client.upsert_opportunities(request).await.unwrap();

    let of_b = format!("account = {}", names[1]);
    let not_of_a = format!("NOT account = {} AND source = crm OR email = x", names[0]);
    let of_b_or_none = format!("email = x OR account = {}", names[1]);
    for filter in [&of_b, &not_of_a, &of_b_or_none, "email = 2@example.org", "source_id = 2"] {
        let request = ListContactsRequest { filter: filter.into(), ..Default::default() };
        let found = client.list_contacts(request).await.unwrap().into_inner().contacts;
        assert_eq!(
            found.iter().map(|one| one.source_key.clone()).collect::<Vec<_>>(),
            [key("2")],
            "{filter}"
        );
    }
    for filter in [
        of_b.as_str(),
        "kind = KIND_RETURN",
        "order_time > 2011-05-25",
        "currency_code = GBP AND NOT kind = KIND_PURCHASE",
        "kind != KIND_PURCHASE AND source = crm",
    ] {
        let request = ListOrdersRequest { filter: filter.into(), ..Default::default() };
        let found = client.list_orders(request).await.unwrap().into_inner().orders;
        assert_eq!(
            found.iter().map(|one| one.source_key.clone()).collect::<Vec<_>>(),
            [key("2")],
            "{filter}"
        );
    }
    for filter in
        [of_b.as_str(), "occur_time >= \"2011-05-27T12:00:00Z\"", "kind = KIND_CALL AND source_id = 2"]
    {
        let request = ListInteractionsRequest { filter: filter.into(), ..Default::default() };
        let found = client.list_interactions(request).await.unwrap().into_inner().interactions;
        assert_eq!(
            found.iter().map(|one| one.source_key.clone()).collect::<Vec<_>>(),
            [key("2")],
            "{filter}"
        );
    }
    for filter in
        [of_b.as_str(), "state = STATE_LOST", "stage : OFF", "seller = sellers/s07", "open_time > 2011-05-25"]
    {
        let request = ListOpportunitiesRequest { filter: filter.into(), ..Default::default() };
        let found = client.list_opportunities(request).await.unwrap().into_inner().opportunities;
        assert_eq!(
            found.iter().map(|one| one.source_key.clone()).collect::<Vec<_>>(),
            [key("2")],
            "{filter}"
        );
    }
}

async fn bad_filters(world: &World) {
    let mut client = world.client();
    let bad = [
        "colour = red",
        "territory > n",
        "territory = ",
        "territory = n XOR territory = s",
        "(territory = n",
        "territory = \"a\0\"",
    ];
    let mut told = BTreeSet::new();
    for filter in bad {
        let status = client.list_accounts(list(0, "", filter)).await.unwrap_err();
        assert_eq!(salient_kit::status::reason(&status), Some(Reason::FilterInvalid), "{filter}");
        told.insert(status.message().to_owned());
    }
    assert!(told.iter().any(|message| message.contains("territory, country")), "{told:?}");
    let request = ListOrdersRequest { filter: "kind = RETURN".into(), ..Default::default() };
    let status = client.list_orders(request).await.unwrap_err();
    assert!(status.message().contains("KIND_RETURN"), "{status:?}");
}
