//! Whatever happened, in whatever order it was heard of, members are those that a full evaluation
//! finds, and everybody stands where the records put them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use salient_core::Reason;
use salient_kit::Role;
use salient_proto::profile::v1::{
    Account, EvaluateSegmentRequest, IngestRecordsRequest, ListAccountsRequest, MergeProfilesRequest,
    UndoMergeRequest, identity_service_client::IdentityServiceClient, order,
};
use tonic::Code;

use crate::{
    hierarchy::under,
    segments::{current, define, ingest, members, segment, segments},
    world::{
        World, account, both, contact, interaction, opportunity, order as purchase, request_id,
        upsert_accounts, why,
    },
};

both!(any_history_gives_what_a_full_evaluation_gives, any_order_gives_the_same_hierarchy);

const CONDITIONS: [&str; 6] = [
    "orders(30) >= 2 || return_share(60) > 0.4",
    "revenue(\"GBP\") > 10000 && days_since_order() < 40",
    "bought(\"71053\", 25) && interactions(\"call\", 20) >= 1",
    "open_opportunities() > 0 || account.attributes.exists(k, k == \"vip\")",
    "days_since_comeback(15) < 30 && stage != \"lead\"",
    "account.contacts > 1 || products.size() > 1 && interactions(\"any\") == 0",
];

/// What may happen: kind, number of the record, account, age in days, variant.
type Happening = (u8, u8, u8, i64, u8);

async fn any_history_gives_what_a_full_evaluation_gives(world: &World) {
    let (mut client, mut segments) = (world.client(), segments(world));
    let ids = ["0", "1", "2", "3", "4"];
    world.accounts(&mut client, &ids).await;
    for (n, condition) in CONDITIONS.iter().enumerate() {
        define(&mut segments, segment(&format!("early-{n}"), condition)).await;
    }
    let happening = (0..5_u8, 0..6_u8, 0..5_u8, 0..80_i64, 0..3_u8);
    let strategy = prop::collection::vec(prop::collection::vec(happening, 1..8), 4);
    let mut runner = TestRunner::deterministic();
    for round in 0..3 {
        let history = strategy.new_tree(&mut runner).unwrap().current();
        for batch in history {
            ingest(&mut client, message(world, &batch)).await;
        }
        world.refreshed().await;
        for (n, condition) in CONDITIONS.iter().enumerate() {
            let late = format!("late-{round}-{n}");
            define(&mut segments, segment(&late, condition)).await;
            current(&mut segments, &late).await;
            let (early, full) =
                (members(&mut segments, &format!("early-{n}")).await, members(&mut segments, &late).await);
            assert_eq!(early, full, "{condition}");
            let request = EvaluateSegmentRequest { condition: (*condition).into(), ..Default::default() };
            let tried = segments.evaluate_segment(request).await.unwrap().into_inner();
            assert_eq!((tried.matching_count, tried.complete), (full.len() as i64, true), "{condition}");
        }
    }
}

/// The same number is the same record: sent again with other content it is a correction.
fn message(world: &World, happenings: &[Happening]) -> IngestRecordsRequest {
    let mut message = IngestRecordsRequest::default();
    for (kind, number, of, ago, variant) in happenings {
        let (id, of, time) = (format!("r{number}"), of.to_string(), world.ago(*ago));
        match kind {
            0 | 1 => {
                let mut order = purchase(&id, &of, time);
                order.kind = if *variant == 0 { order::Kind::Return } else { order::Kind::Purchase } as i32;
                order.lines.truncate(usize::from(*variant).max(1));
                message.orders.push(order);
            }
            2 => message.interactions.push(interaction(&id, &of, time)),
            3 => message.opportunities.push(opportunity(&id, &of, time)),
            _ if *variant == 0 => message.contacts.push(contact(&id, &of)),
            _ => {
                let mut account = account(&of);
                account.attributes.insert(if *variant == 1 { "vip" } else { "other" }.into(), id);
                message.accounts.push(account);
            }
        }
    }
    message
}

/// Who stands above whom, by key.
async fn shape(world: &World, tenant: &str) -> BTreeSet<(String, String)> {
    let mut client = world.client_of(tenant, Role::Integration);
    let request = ListAccountsRequest { page_size: 1_000, ..Default::default() };
    let accounts = client.list_accounts(request).await.unwrap().into_inner().accounts;
    let id = |account: &Account| account.source_key.as_ref().unwrap().id.clone();
    let by_name: BTreeMap<_, _> =
        accounts.iter().map(|account| (account.name.clone(), id(account))).collect();
    let above = |account: &Account| by_name.get(&account.parent).cloned().unwrap_or_default();
    accounts.iter().map(|account| (id(account), above(account))).collect()
}

async fn any_order_gives_the_same_hierarchy(world: &World) {
    const ACCOUNTS: usize = 8;
    let strategy = (
        prop::collection::vec(prop::option::of(0..ACCOUNTS), ACCOUNTS),
        Just((0..ACCOUNTS).collect::<Vec<_>>()).prop_shuffle(),
        (0..ACCOUNTS, 1..ACCOUNTS),
    );
    let mut runner = TestRunner::deterministic();
    for round in 0..6 {
        let (parents, order, (one, step)) = strategy.new_tree(&mut runner).unwrap().current();
        // each stands below one with a smaller number, if below any
        let record = |number: usize| match parents[number] {
            Some(parent) if number > 0 => under(&number.to_string(), &(parent % number).to_string()),
            _ => account(&number.to_string()),
        };
        let mut shapes = Vec::new();
        let sorted: Vec<usize> = (0..ACCOUNTS).collect();
        for (turn, order) in [&sorted, &order].into_iter().enumerate() {
            let tenant = format!("t{round}-{turn}");
            let mut client = world.client_of(&tenant, Role::Integration);
            for part in order.chunks(3) {
                let records = part.iter().map(|number| record(*number)).collect();
                assert_eq!(upsert_accounts(&mut client, records).await.result.unwrap().errors, []);
            }
            shapes.push(shape(world, &tenant).await);
        }
        assert_eq!(shapes[0], shapes[1]);

        // any merge, taken back, leaves what was
        let tenant = format!("t{round}-1");
        let mut client = world.client_of(&tenant, Role::Integration);
        let listed =
            client.list_accounts(ListAccountsRequest::default()).await.unwrap().into_inner().accounts;
        let mut identity = IdentityServiceClient::new(world.link(&tenant, Role::Manager));
        let request = MergeProfilesRequest {
            request_id: request_id(),
            one: listed[one].name.clone(),
            other: listed[(one + step) % ACCOUNTS].name.clone(),
            reason: String::new(),
        };
        match identity.merge_profiles(request).await {
            Ok(merged) => {
                assert_ne!(shape(world, &tenant).await, shapes[1]);
                let name = merged.into_inner().merge.unwrap().name;
                identity.undo_merge(UndoMergeRequest { request_id: request_id(), name }).await.unwrap();
            }
            Err(refused) => {
                assert_eq!(why::<()>(Err(refused)), (Code::FailedPrecondition, Reason::HierarchyCycle));
            }
        }
        assert_eq!(shape(world, &tenant).await, shapes[1]);
    }
}
