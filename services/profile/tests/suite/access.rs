//! Who may call what, and whose data they see.

use salient_core::Reason;
use salient_kit::Role;
use salient_proto::profile::v1::{
    GetAccountRequest, IngestRecordsRequest, ListAccountsRequest, ListOrdersRequest, ListTimelineRequest,
    Order, UpsertAccountsRequest, UpsertOrdersRequest, profile_service_client::ProfileServiceClient,
};
use tonic::Code;

use crate::world::{World, account, both, counts, order, request_id, stream, upsert_accounts, why};

both!(without_a_token, roles, tenants_never_see_each_other);

async fn without_a_token(world: &World) {
    let mut client = ProfileServiceClient::new(world.link_without_token());
    let refused = (Code::Unauthenticated, Reason::TokenInvalid);
    assert_eq!(why(client.list_accounts(ListAccountsRequest::default()).await), refused);
    let request =
        UpsertAccountsRequest { request_id: request_id(), accounts: vec![account("1")], update_mask: None };
    assert_eq!(why(client.upsert_accounts(request).await), refused);
    let message = IngestRecordsRequest { request_id: request_id(), ..Default::default() };
    assert_eq!(why(client.ingest_records(stream(vec![message])).await), refused);
}

async fn roles(world: &World) {
    for role in [Role::Seller, Role::Manager, Role::Service] {
        let mut client = world.client_of("acme", role);
        client.list_accounts(ListAccountsRequest::default()).await.unwrap();
        let request = UpsertAccountsRequest {
            request_id: request_id(),
            accounts: vec![account("1")],
            update_mask: None,
        };
        assert_eq!(
            why(client.upsert_accounts(request).await),
            (Code::PermissionDenied, Reason::RoleInsufficient)
        );
    }
}

async fn tenants_never_see_each_other(world: &World) {
    let (mut ours, mut theirs) = (world.client(), world.client_of("other", Role::Integration));
    let name = world.accounts(&mut ours, &["1"]).await.remove(0);
    let time = world.ago(1);
    let upsert = |orders| UpsertOrdersRequest { request_id: request_id(), orders, update_mask: None };
    ours.upsert_orders(upsert(vec![order("1", "1", time)])).await.unwrap();

    // neither by list, nor by name, nor by timeline
    assert_eq!(theirs.list_accounts(ListAccountsRequest::default()).await.unwrap().into_inner().accounts, []);
    assert_eq!(theirs.list_orders(ListOrdersRequest::default()).await.unwrap().into_inner().orders, []);
    let by_key = ListAccountsRequest { filter: "source_id = 1".into(), ..Default::default() };
    assert_eq!(theirs.list_accounts(by_key).await.unwrap().into_inner().accounts, []);
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    let get = GetAccountRequest { name: name.clone(), read_mask: None };
    assert_eq!(why(theirs.get_account(get.clone()).await), unknown);
    let request = ListTimelineRequest { parent: name.clone(), ..Default::default() };
    assert_eq!(why(theirs.list_timeline(request).await), unknown);

    // nor can their records hang on our account, by key or by name
    let by_name = Order { account: name.clone(), account_key: None, ..order("2", "1", time) };
    let response =
        theirs.upsert_orders(upsert(vec![order("1", "1", time), by_name])).await.unwrap().into_inner();
    assert_eq!(counts(&response.result), (0, 0, 0, 2));
    assert!(response.result.unwrap().errors.iter().all(|error| error.reason == "ACCOUNT_UNKNOWN"));

    // the same key is another record there
    let response = upsert_accounts(&mut theirs, vec![account("1")]).await;
    assert_eq!(counts(&response.result), (1, 0, 0, 0));
    assert_ne!(response.names[0], name);
    let changed = salient_proto::profile::v1::Account { territory: "theirs".into(), ..account("1") };
    upsert_accounts(&mut theirs, vec![changed]).await;
    let got = ours.get_account(get).await.unwrap().into_inner().account.unwrap();
    assert_eq!(got.territory, "");
}
