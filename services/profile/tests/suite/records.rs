//! Every kind goes in and comes out whole; masks choose fields.

use salient_core::Reason;
use salient_proto::{
    common::v1::Money,
    profile::v1::{
        Account, Contact, GetAccountRequest, GetContactRequest, GetInteractionRequest, GetOpportunityRequest,
        GetOrderRequest, Interaction, ListOrdersRequest, Opportunity, Order, UpsertAccountsRequest,
        UpsertContactsRequest, UpsertInteractionsRequest, UpsertOpportunitiesRequest, UpsertOrdersRequest,
        interaction, opportunity, order,
    },
};
use tonic::Code;

use crate::world::{
    World, account, both, contact, counts, interaction as touch, key, mask, opportunity as chance,
    order as purchase, request_id, timestamp, upsert_accounts, why,
};

both!(accounts, contacts, orders, interactions, opportunities, read_masks, update_masks, unknown_names);

async fn accounts(world: &World) {
    let mut client = world.client();
    let sent = Account {
        territory: "north".into(),
        country: "United Kingdom".into(),
        industry: "Gifts".into(),
        attributes: [("size".to_owned(), "42".to_owned())].into(),
        ..account("1")
    };
    let name = upsert_accounts(&mut client, vec![sent.clone()]).await.names.remove(0);
    let got = client.get_account(GetAccountRequest { name: name.clone(), read_mask: None }).await.unwrap();
    let now = Some(timestamp(world.now()));
    let stored = Account { name: name.clone(), create_time: now, update_time: now, ..sent.clone() };
    assert_eq!(got.into_inner().account, Some(stored.clone()));

    // sent back as it came, it is what is stored
    world.clock.advance(chrono::TimeDelta::hours(1));
    let response = upsert_accounts(&mut client, vec![stored.clone()]).await;
    assert_eq!(counts(&response.result), (0, 0, 1, 0));
    let response = upsert_accounts(&mut client, vec![Account { territory: "south".into(), ..sent }]).await;
    assert_eq!((counts(&response.result), &response.names[0]), ((0, 1, 0, 0), &name));
    let got = client.get_account(GetAccountRequest { name, read_mask: None }).await.unwrap();
    let changed = Account { territory: "south".into(), update_time: Some(timestamp(world.now())), ..stored };
    assert_eq!(got.into_inner().account, Some(changed));
}

async fn contacts(world: &World) {
    let mut client = world.client();
    let account = world.accounts(&mut client, &["a"]).await.remove(0);
    let sent = Contact {
        phone: "+442079460000".into(),
        title: "Buyer".into(),
        time_zone: "Europe/London".into(),
        ..contact("1", "a")
    };
    let request =
        UpsertContactsRequest { request_id: request_id(), contacts: vec![sent.clone()], update_mask: None };
    let response = client.upsert_contacts(request).await.unwrap().into_inner();
    assert_eq!(counts(&response.result), (1, 0, 0, 0));
    let name = response.names[0].clone();
    let got = client.get_contact(GetContactRequest { name: name.clone(), read_mask: None }).await.unwrap();
    let now = Some(timestamp(world.now()));
    let stored = Contact { name, account, account_key: None, create_time: now, update_time: now, ..sent };
    assert_eq!(got.into_inner().contact, Some(stored));
}

async fn orders(world: &World) {
    let mut client = world.client();
    let account = world.accounts(&mut client, &["a"]).await.remove(0);
    let mut time = world.ago(3);
    time.nanos = 123_456_789;
    let sent = Order {
        origin: order::Origin::SelfService as i32,
        attribution_token: "token".into(),
        ..purchase("536365", "a", time)
    };
    let back = Order { kind: order::Kind::Return as i32, ..purchase("C536365", "a", time) };
    let orders = vec![sent.clone(), back.clone()];
    let request = UpsertOrdersRequest { request_id: request_id(), orders: orders.clone(), update_mask: None };
    let response = client.upsert_orders(request).await.unwrap().into_inner();
    assert_eq!(counts(&response.result), (2, 0, 0, 0));
    time.nanos = 123_456_000;
    for (name, (sent, kind)) in
        response.names.iter().zip([(sent, order::Kind::Purchase), (back, order::Kind::Return)])
    {
        let got = client.get_order(GetOrderRequest { name: name.clone(), read_mask: None }).await.unwrap();
        let stored = Order {
            name: name.clone(),
            account: account.clone(),
            account_key: None,
            order_time: Some(time),
            kind: kind as i32,
            ..sent
        };
        assert_eq!(got.into_inner().order, Some(stored));
    }
    // cut to microseconds, it is the same time
    let request = UpsertOrdersRequest { request_id: request_id(), orders, update_mask: None };
    assert_eq!(counts(&client.upsert_orders(request).await.unwrap().into_inner().result), (0, 0, 2, 0));
}

async fn interactions(world: &World) {
    let mut client = world.client();
    let account = world.accounts(&mut client, &["a"]).await.remove(0);
    let sent = Interaction {
        contact_key: key("ada"),
        kind: interaction::Kind::CompetitorSignal as i32,
        product: "products/85123A".into(),
        quantity: 2.5,
        summary: "asked for a quote elsewhere".into(),
        ..touch("1", "a", world.ago(1))
    };
    let interactions = vec![
        sent.clone(),
        Interaction { kind: 0, ..touch("2", "a", world.ago(1)) },
        Interaction { product: "85123A".into(), ..touch("3", "a", world.ago(1)) },
        Interaction { quantity: f64::INFINITY, ..touch("4", "a", world.ago(1)) },
    ];
    let request = UpsertInteractionsRequest { request_id: request_id(), interactions, update_mask: None };
    let response = client.upsert_interactions(request).await.unwrap().into_inner();
    let errors = response.result.unwrap().errors;
    let told: Vec<_> = errors.iter().map(|error| (error.index, error.field.as_str())).collect();
    assert_eq!(told, [(1, "kind"), (2, "product"), (3, "quantity")]);
    let name = response.names[0].clone();
    let got =
        client.get_interaction(GetInteractionRequest { name: name.clone(), read_mask: None }).await.unwrap();
    let stored = Interaction { name, account, account_key: None, ..sent };
    assert_eq!(got.into_inner().interaction, Some(stored));
}

async fn opportunities(world: &World) {
    let mut client = world.client();
    let account = world.accounts(&mut client, &["a"]).await.remove(0);
    let sent = Opportunity {
        stage: "proposal".into(),
        amount: Some(Money { currency_code: "GBP".into(), minor_units: 120_000 }),
        product: "products/85123A".into(),
        seller: "sellers/s07".into(),
        attribution_token: "token".into(),
        ..chance("1", "a", world.ago(30))
    };
    let upsert = |opportunities| UpsertOpportunitiesRequest {
        request_id: request_id(),
        opportunities,
        update_mask: None,
    };
    let response = client.upsert_opportunities(upsert(vec![sent.clone()])).await.unwrap().into_inner();
    let name = response.names[0].clone();
    let get = GetOpportunityRequest { name: name.clone(), read_mask: None };
    let got = client.get_opportunity(get.clone()).await.unwrap().into_inner();
    let stored = Opportunity {
        name,
        account,
        account_key: None,
        state: opportunity::State::Open as i32,
        update_time: Some(timestamp(world.now())),
        ..sent
    };
    assert_eq!(got.opportunity, Some(stored.clone()));

    let won = Opportunity {
        source_key: key("1"),
        state: opportunity::State::Won as i32,
        close_time: Some(world.ago(1)),
        ..Opportunity::default()
    };
    let response = client.upsert_opportunities(upsert(vec![won.clone()])).await.unwrap().into_inner();
    assert_eq!(counts(&response.result), (0, 1, 0, 0));
    let got = client.get_opportunity(get).await.unwrap().into_inner();
    assert_eq!(got.opportunity, Some(Opportunity { state: won.state, close_time: won.close_time, ..stored }));
}

async fn read_masks(world: &World) {
    let mut client = world.client();
    world.accounts(&mut client, &["a"]).await;
    let orders = vec![purchase("1", "a", world.ago(1))];
    let request = UpsertOrdersRequest { request_id: request_id(), orders, update_mask: None };
    let name = client.upsert_orders(request).await.unwrap().into_inner().names.remove(0);

    let some = mask(&["name", "currency_code"]);
    let wanted = Order { name: name.clone(), currency_code: "GBP".into(), ..Order::default() };
    let got =
        client.get_order(GetOrderRequest { name: name.clone(), read_mask: some.clone() }).await.unwrap();
    assert_eq!(got.into_inner().order, Some(wanted.clone()));
    let listed =
        client.list_orders(ListOrdersRequest { read_mask: some, ..Default::default() }).await.unwrap();
    assert_eq!(listed.into_inner().orders, [wanted]);

    let got = client.get_order(GetOrderRequest { name, read_mask: mask(&["total"]) }).await;
    assert_eq!(why(got), (Code::InvalidArgument, Reason::FieldMaskInvalid));
}

async fn update_masks(world: &World) {
    let mut client = world.client();
    let sent = Account { territory: "north".into(), industry: "Gifts".into(), ..account("1") };
    let name = upsert_accounts(&mut client, vec![sent.clone()]).await.names.remove(0);
    let mut upsert = async |update_mask| {
        let accounts =
            vec![Account { source_key: key("1"), territory: "south".into(), ..Account::default() }];
        client
            .upsert_accounts(UpsertAccountsRequest { request_id: request_id(), accounts, update_mask })
            .await
    };
    let response = upsert(mask(&["territory", "industry"])).await.unwrap().into_inner();
    assert_eq!(counts(&response.result), (0, 1, 0, 0));
    for path in ["name", "source_key", "create_time", "nonsense"] {
        assert_eq!(why(upsert(mask(&[path])).await), (Code::InvalidArgument, Reason::FieldMaskInvalid));
    }
    let got = client
        .get_account(GetAccountRequest { name, read_mask: mask(&["display_name", "territory", "industry"]) })
        .await;
    let got = got.unwrap().into_inner().account.unwrap();
    assert_eq!((got.territory.as_str(), got.industry.as_str()), ("south", ""));
    assert_eq!(got.display_name, sent.display_name);
}

async fn unknown_names(world: &World) {
    let mut client = world.client();
    let name = "accounts/01300000-0000-7000-8000-000000000000".to_owned();
    let got = client.get_account(GetAccountRequest { name: name.clone(), read_mask: None }).await;
    assert_eq!(why(got), (Code::NotFound, Reason::ResourceUnknown));
    let got = client.get_order(GetOrderRequest { name, read_mask: None }).await;
    assert_eq!(why(got), (Code::InvalidArgument, Reason::FieldInvalid));
}
