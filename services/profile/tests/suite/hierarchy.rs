//! Groups of accounts, whatever comes first, and whoever is merged with whom.

use std::collections::BTreeMap;

use salient_core::Reason;
use salient_kit::{Role, client::Link};
use salient_proto::{
    common::v1::Money,
    profile::v1::{
        Account, GetHierarchyRequest, GroupMember, Hierarchy, IngestRecordsRequest, ListAccountsRequest,
        ListGroupRequest, ListSubsidiariesRequest, Opportunity, Order, PinFieldRequest, RelatedAccount,
        ReleaseParentRequest, SetParentRequest, UpsertAccountsRequest,
        hierarchy_service_client::HierarchyServiceClient, identity_service_client::IdentityServiceClient,
    },
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    identity::{get, merge, undo},
    segments::ingest,
    world::{
        World, account, both, counts, key, mask, opportunity, order, request_id, stream, upsert_accounts, why,
    },
};

both!(
    a_parent_may_come_late,
    the_closing_record_of_a_circle_is_refused,
    merges_move_the_tree_and_undoing_them_moves_it_back,
    no_merge_closes_a_circle,
    a_person_has_the_last_word,
    a_group_adds_up_in_pages,
    tenants_and_roles,
);

type Hierarchies = HierarchyServiceClient<Link>;

fn hierarchies(world: &World) -> Hierarchies {
    HierarchyServiceClient::new(world.link("acme", Role::Manager))
}

pub fn under(id: &str, parent: &str) -> Account {
    Account { parent_key: key(parent), ..account(id) }
}

async fn upsert(world: &World, accounts: Vec<Account>) -> Vec<String> {
    let response = upsert_accounts(&mut world.client(), accounts).await;
    assert_eq!(response.result.unwrap().errors, []);
    response.names
}

async fn place(world: &World, name: &str) -> Hierarchy {
    let request = GetHierarchyRequest { name: name.into() };
    hierarchies(world).get_hierarchy(request).await.unwrap().into_inner().hierarchy.unwrap()
}

/// The names above, and the names directly below.
async fn around(world: &World, name: &str) -> (Vec<String>, Vec<String>) {
    let place = place(world, name).await;
    let names = |of: Vec<RelatedAccount>| of.into_iter().map(|of| of.name).collect();
    (names(place.ancestors), names(place.subsidiaries))
}

async fn set_parent(world: &World, name: &str, parent: &str) -> Result<Hierarchy, Status> {
    let request = SetParentRequest { request_id: request_id(), name: name.into(), parent: parent.into() };
    Ok(hierarchies(world).set_parent(request).await?.into_inner().hierarchy.unwrap())
}

async fn a_parent_may_come_late(world: &World) {
    let names = upsert(world, vec![under("c", "b"), under("d", "b")]).await;
    let [c, d] = [&names[0], &names[1]];
    let alone = place(world, c).await;
    assert_eq!((alone.parent.clone(), alone.awaited_parent_key), (None, key("b")));
    assert_eq!(get(world, c).await.parent, "");

    let b = &upsert(world, vec![under("b", "a")]).await[0];
    let a = &upsert(world, vec![account("a")]).await[0];
    assert_eq!(around(world, c).await, (vec![b.clone(), a.clone()], vec![]));
    assert_eq!(around(world, a).await, (vec![], vec![b.clone()]));
    let middle = place(world, b).await;
    assert_eq!((middle.subsidiary_count, middle.awaited_parent_key), (2, None));
    assert_eq!(middle.parent.unwrap().display_name, "Account a");
    let top = place(world, d).await.ultimate_parent.unwrap();
    assert_eq!((&top.name, top.display_name.as_str()), (a, "Account a"));
    // accounts show it, alone and in lists
    assert_eq!((&get(world, c).await.parent, get(world, c).await.parent_key), (b, key("b")));
    let listed = world.client().list_accounts(ListAccountsRequest::default()).await.unwrap().into_inner();
    let parents: Vec<_> = listed.accounts.iter().map(|account| account.parent.clone()).collect();
    assert_eq!(parents, [b.clone(), b.clone(), a.clone(), String::new()]);

    // the same again changes nothing; another parent moves it, none takes it out
    let again = upsert_accounts(&mut world.client(), vec![under("c", "b")]).await;
    assert_eq!(counts(&again.result), (0, 0, 1, 0));
    upsert(world, vec![under("c", "a")]).await;
    assert_eq!(around(world, c).await.0, std::slice::from_ref(a));
    let request = UpsertAccountsRequest {
        request_id: request_id(),
        accounts: vec![Account { parent: a.clone(), ..account("c") }],
        update_mask: mask(&["parent_key"]),
    };
    world.client().upsert_accounts(request).await.unwrap();
    assert_eq!(around(world, c).await.0, Vec::<String>::new());
}

async fn the_closing_record_of_a_circle_is_refused(world: &World) {
    let mut client = world.client();
    let circle = vec![under("a", "c"), under("b", "a"), under("c", "b"), under("d", "d"), under("e", "c")];
    let response = upsert_accounts(&mut client, circle).await;
    assert_eq!(counts(&response.result), (3, 0, 0, 2));
    let errors = response.result.unwrap().errors;
    let places: Vec<_> = errors.iter().map(|error| (error.index, error.field.as_str())).collect();
    assert_eq!(places, [(2, "parent_key"), (3, "parent_key")]);
    assert!(errors.iter().all(|error| error.reason == "HIERARCHY_CYCLE"), "{errors:?}");
    assert!(errors[0].message.contains("crm/c under crm/b under crm/a under crm/c;"), "{errors:?}");
    assert!(errors[1].message.contains("crm/d under crm/d;"), "{errors:?}");
    // what stands waits for it, and takes it without the wrong parent
    let c = &upsert(world, vec![account("c")]).await[0];
    assert_eq!(around(world, c).await.1, [response.names[0].clone(), response.names[4].clone()]);
    // nor by a change, nor through a stream
    let result = upsert_accounts(&mut client, vec![under("c", "b")]).await.result.unwrap();
    assert_eq!(result.errors[0].reason, "HIERARCHY_CYCLE");
    let message = IngestRecordsRequest {
        request_id: request_id(),
        accounts: vec![under("c", "a"), account("f")],
        ..Default::default()
    };
    let response = client.ingest_records(stream(vec![message])).await.unwrap().into_inner();
    assert_eq!(counts(&response.accounts), (1, 0, 0, 1));
    // turned around in one batch: what is taken away is gone when the next one is looked at
    let request = UpsertAccountsRequest {
        request_id: request_id(),
        accounts: vec![account("b"), under("a", "b"), under("c", "a")],
        update_mask: mask(&["*"]),
    };
    let turned = client.upsert_accounts(request).await.unwrap().into_inner();
    assert_eq!(counts(&turned.result), (0, 3, 0, 0));
    let request = UpsertAccountsRequest {
        request_id: request_id(),
        accounts: vec![account("a"), account("b"), under("c", "a"), under("b", "c")],
        update_mask: mask(&["*"]),
    };
    let turned = client.upsert_accounts(request).await.unwrap().into_inner();
    assert_eq!(counts(&turned.result).3, 0, "{turned:?}");
    assert_eq!(around(world, &turned.names[1]).await.0, [turned.names[2].clone(), turned.names[0].clone()]);
}

async fn merges_move_the_tree_and_undoing_them_moves_it_back(world: &World) {
    let names =
        upsert(world, vec![account("top"), under("mid", "top"), under("low", "mid"), account("twin")]).await;
    let [top, mid, low, twin] = [&names[0], &names[1], &names[2], &names[3]];
    let far = &upsert(world, vec![under("far", "twin")]).await[0];
    let mut before = Vec::new();
    for name in [top, mid, low, twin, far] {
        before.push((place(world, name).await, get(world, name).await));
    }
    let merged = merge(world, mid, twin).await.unwrap();
    // the one profile has the parent of the one and the children of both, by either name
    for name in [mid, twin] {
        assert_eq!(around(world, name).await, (vec![top.clone()], vec![low.clone(), far.clone()]));
        assert_eq!(place(world, name).await.name, *mid);
    }
    assert_eq!(around(world, far).await.0, [mid.clone(), top.clone()]);
    assert_eq!(get(world, far).await.parent, *mid);
    // a parent that is merged away is found where it went
    let up = merge(world, top, far).await;
    assert_eq!(why(up), (Code::FailedPrecondition, Reason::HierarchyCycle));
    undo(world, &merged).await.unwrap();
    for (name, before) in [top, mid, low, twin, far].into_iter().zip(before) {
        assert_eq!((place(world, name).await, get(world, name).await), before);
    }
}

async fn no_merge_closes_a_circle(world: &World) {
    let names = upsert(world, vec![account("a"), under("b", "a"), under("c", "b"), account("d")]).await;
    let [a, b, c, d] = [&names[0], &names[1], &names[2], &names[3]];
    for (one, other) in [(a, b), (c, a)] {
        let refused = merge(world, one, other).await;
        assert!(refused.as_ref().unwrap_err().message().contains("crm/c under crm/b") || one == a);
        assert_eq!(why(refused), (Code::FailedPrecondition, Reason::HierarchyCycle));
    }
    // nothing half done
    assert_eq!(around(world, c).await.0, [b.clone(), a.clone()]);
    let merged = merge(world, c, d).await.unwrap();
    let result = upsert_accounts(&mut world.client(), vec![under("a", "d")]).await.result.unwrap();
    assert_eq!(result.errors[0].reason, "HIERARCHY_CYCLE");
    let told = &result.errors[0].message;
    assert!(told.contains("crm/a under crm/d under crm/b under crm/a;"), "{told}");
    undo(world, &merged).await.unwrap();
    upsert(world, vec![under("a", "d")]).await;
    let refused = merge(world, c, d).await;
    assert_eq!(why(refused), (Code::FailedPrecondition, Reason::HierarchyCycle));
}

async fn a_person_has_the_last_word(world: &World) {
    let names = upsert(world, vec![account("a"), under("b", "a"), account("c")]).await;
    let [a, b, c] = [&names[0], &names[1], &names[2]];
    let set = set_parent(world, b, c).await.unwrap();
    assert_eq!(set.parent.unwrap().name, *c);
    upsert(world, vec![Account { city: "Leeds".into(), ..under("b", "a") }]).await;
    assert_eq!(around(world, b).await.0, std::slice::from_ref(c));
    assert_eq!(get(world, b).await.parent, *c);
    // a circle is one whoever closes it
    let refused = (Code::FailedPrecondition, Reason::HierarchyCycle);
    let status = set_parent(world, c, b).await.unwrap_err();
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations.iter().map(|of| of.field.as_str()).collect::<Vec<_>>(), ["parent"]);
    assert_eq!(why(Err::<(), _>(status)), refused);
    assert_eq!(why(set_parent(world, a, a).await), refused);
    // that nothing is above it frees its former parent to stand below
    assert_eq!(set_parent(world, b, "").await.unwrap().parent, None);
    assert_eq!(set_parent(world, a, b).await.unwrap().parent.unwrap().name, *b);
    let release = |name: &str| ReleaseParentRequest { request_id: request_id(), name: name.into() };
    assert_eq!(why(hierarchies(world).release_parent(release(b)).await), refused);
    assert_eq!(around(world, a).await, (vec![b.clone()], vec![]));
    hierarchies(world).release_parent(release(a)).await.unwrap();
    let back = hierarchies(world).release_parent(release(b)).await.unwrap().into_inner().hierarchy.unwrap();
    assert_eq!(back.parent.unwrap().name, *a);

    let unknown = format!("accounts/{}", salient_core::Clock::system().uuid());
    let missing = (Code::NotFound, Reason::ResourceUnknown);
    assert_eq!(why(set_parent(world, b, &unknown).await), missing);
    assert_eq!(why(set_parent(world, &unknown, b).await), missing);
    assert_eq!(why(set_parent(world, b, "contacts/1").await), (Code::InvalidArgument, Reason::FieldInvalid));
    let pin = PinFieldRequest {
        request_id: request_id(),
        name: b.clone(),
        field: "parent_key".into(),
        value: "crm/c".into(),
    };
    let mut identity = IdentityServiceClient::new(world.link("acme", Role::Manager));
    assert_eq!(why(identity.pin_field(pin).await), (Code::InvalidArgument, Reason::FieldInvalid));
}

async fn group(world: &World, parent: &str, only_below: bool) -> Vec<GroupMember> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListGroupRequest { parent: parent.into(), page_size: 2, page_token, only_below };
        let page = hierarchies(world).list_group(request).await.unwrap().into_inner();
        found.extend(page.members);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            assert_eq!((page.total_size, page.cut), (found.len() as i64, false));
            return found;
        }
    }
}

async fn a_group_adds_up_in_pages(world: &World) {
    let mut client = world.client();
    let money = |currency: &str, minor_units| Money { currency_code: currency.into(), minor_units };
    let message = IngestRecordsRequest {
        accounts: vec![
            account("a"),
            under("b", "a"),
            under("c", "a"),
            under("d", "b"),
            account("other"),
            account("twin"),
        ],
        orders: vec![
            order("1", "a", world.ago(10)),
            order("2", "d", world.ago(20)),
            order("3", "d", world.ago(400)),
            Order { currency_code: "EUR".into(), ..order("4", "twin", world.ago(5)) },
            order("5", "other", world.ago(5)),
        ],
        opportunities: vec![
            Opportunity { amount: Some(money("GBP", 500)), ..opportunity("1", "c", world.ago(3)) },
            opportunity("2", "d", world.ago(3)),
        ],
        ..Default::default()
    };
    ingest(&mut client, message).await;
    let listed = client.list_accounts(ListAccountsRequest::default()).await.unwrap().into_inner().accounts;
    let names: BTreeMap<&str, &str> =
        listed.iter().map(|of| (of.source_key.as_ref().unwrap().id.as_str(), of.name.as_str())).collect();
    merge(world, names["c"], names["twin"]).await.unwrap();
    world.refreshed().await;

    let all = group(world, names["d"], false).await;
    let shape: Vec<_> = all.iter().map(|of| (of.name.as_str(), of.parent.as_str(), of.depth)).collect();
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|id| names[id]);
    assert_eq!(shape, [(a, "", 0), (b, a, 1), (d, b, 2), (c, a, 1)]);
    let sums = |of: &GroupMember| {
        let of = of.rolled_up.clone().unwrap();
        (of.revenue, of.open_opportunities, of.open_amounts)
    };
    let one = 255 * 14;
    let pounds = vec![money("GBP", 500)];
    assert_eq!(sums(&all[0]), (vec![money("EUR", one), money("GBP", 2 * one)], 2, pounds.clone()));
    assert_eq!(sums(&all[1]), (vec![money("GBP", one)], 1, vec![]));
    assert_eq!(sums(&all[3]), (vec![money("EUR", one)], 1, pounds));
    assert_eq!(all[1].own.as_ref().unwrap().revenue, []);
    // a part of it, by the name of a merged record
    let part = group(world, names["twin"], true).await;
    assert_eq!((part.len(), part[0].name.as_str(), part[0].depth), (1, c, 0));
    assert_eq!(group(world, b, true).await.len(), 2);

    let mut subsidiaries = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListSubsidiariesRequest { parent: a.into(), page_size: 1, page_token };
        let page = hierarchies(world).list_subsidiaries(request).await.unwrap().into_inner();
        subsidiaries.extend(page.subsidiaries.into_iter().map(|of| of.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(subsidiaries, [b, c]);
}

async fn tenants_and_roles(world: &World) {
    let names = upsert(world, vec![account("a"), under("b", "a")]).await;
    let mut theirs = HierarchyServiceClient::new(world.link("other", Role::Manager));
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    let request = GetHierarchyRequest { name: names[0].clone() };
    assert_eq!(why(theirs.get_hierarchy(request.clone()).await), unknown);
    let of = ListGroupRequest { parent: names[0].clone(), ..Default::default() };
    assert_eq!(why(theirs.list_group(of.clone()).await), unknown);
    let below = ListSubsidiariesRequest { parent: names[0].clone(), ..Default::default() };
    assert_eq!(why(theirs.list_subsidiaries(below.clone()).await), unknown);
    // the same key is another account there
    let mut client = world.client_of("other", Role::Integration);
    let own = upsert_accounts(&mut client, vec![under("b", "a")]).await.names.remove(0);
    let request_own = GetHierarchyRequest { name: own };
    let found = theirs.get_hierarchy(request_own).await.unwrap().into_inner().hierarchy.unwrap();
    assert_eq!((found.parent, found.awaited_parent_key), (None, key("a")));

    let mut seller = HierarchyServiceClient::new(world.link("acme", Role::Seller));
    seller.get_hierarchy(request).await.unwrap();
    seller.list_group(of).await.unwrap();
    seller.list_subsidiaries(below).await.unwrap();
    let request = SetParentRequest { request_id: request_id(), name: names[1].clone(), ..Default::default() };
    assert_eq!(why(seller.set_parent(request).await), (Code::PermissionDenied, Reason::RoleInsufficient));
    let request = ReleaseParentRequest { request_id: request_id(), name: names[1].clone() };
    assert_eq!(why(seller.release_parent(request).await), (Code::PermissionDenied, Reason::RoleInsufficient));
}
