//! Whatever happened, in whatever order it was heard of, members are those that a full evaluation
//! finds.

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use salient_proto::profile::v1::{EvaluateSegmentRequest, IngestRecordsRequest, order};

use crate::{
    segments::{current, define, ingest, members, segment, segments},
    world::{World, account, both, contact, interaction, opportunity, order as purchase},
};

both!(any_history_gives_what_a_full_evaluation_gives);

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
