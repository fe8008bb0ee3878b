//! Records as whole files, and back.

use salient_core::Reason;
use salient_kit::Role;
use salient_proto::profile::v1::{
    Account, ExportKind, ExportRequest, ExportResponse, FileFormat, ImportHeader, IngestRecordsRequest,
    Order, OrderLine, transfer_service_client::TransferServiceClient,
};
use tonic::Code;

use crate::{
    transfers::{Client, client, ended, header, pieces, send},
    world::{
        World, account, both, contact, interaction, key, opportunity, order, request_id, stream, timestamp,
        why,
    },
};

both!(
    what_is_exported_comes_back_the_same,
    an_export_is_of_its_time,
    an_export_goes_on_after_a_break,
    an_export_goes_on_within_large_records,
);

async fn exported(client: &mut Client, request: ExportRequest) -> (Vec<u8>, i64) {
    let mut pieces = client.export(request).await.unwrap().into_inner();
    let (mut file, mut records, mut whole) = (Vec::new(), 0, false);
    while let Some(piece) = pieces.message().await.unwrap() {
        file.extend(piece.data);
        (records, whole) = (piece.records, piece.last);
    }
    assert!(whole);
    (file, records)
}

pub async fn export(client: &mut Client, kind: ExportKind, format: FileFormat) -> Vec<u8> {
    let request = ExportRequest { kind: kind.into(), format: format.into(), ..Default::default() };
    exported(client, request).await.0
}

const KINDS: [ExportKind; 5] = [
    ExportKind::Accounts,
    ExportKind::Contacts,
    ExportKind::Orders,
    ExportKind::Interactions,
    ExportKind::Opportunities,
];

/// A file without what the server gives: names and times of storage.
fn content(kind: ExportKind, csv: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(csv);
    let given = |name: &str| matches!(name, "name" | "create_time" | "update_time");
    let kept: Vec<bool> = reader.headers().unwrap().iter().map(|name| !given(name)).collect();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let cells = row.iter().zip(&kept).filter(|(_, kept)| **kept);
        cells.map(|(cell, _)| cell.to_owned()).collect()
    });
    let rows: Vec<Vec<String>> = rows.collect();
    assert!(!rows.is_empty(), "{kind:?}");
    rows
}

async fn what_is_exported_comes_back_the_same(world: &World) {
    let time = world.ago(40);
    let line = OrderLine { product: "products/A".into(), quantity: 2, amount_minor_units: 199 };
    let twice = Order { lines: vec![line.clone(), line], kind: 2, ..order("o2", "a", world.ago(3)) };
    let mut odd = account("b");
    odd.display_name = "Odd, \"quoted\"\r\nand broken".into();
    odd.attributes.insert("größe".into(), "{\"a\": 1}".into());
    odd.parent_key = key("a");
    odd.source_update_time = Some(prost_types::Timestamp { nanos: 123_456_000, ..time });
    let mut elsewhere: Account = account("a");
    elsewhere.source_key.as_mut().unwrap().source = "web shop".into();
    // nothing that matching would take for the first one
    elsewhere.display_name = "Harbour Fish Wholesale".into();
    let request = IngestRecordsRequest {
        request_id: request_id(),
        accounts: vec![account("a"), odd, elsewhere],
        contacts: vec![contact("p", "a"), contact("q", "b")],
        orders: vec![order("o1", "b", time), twice],
        interactions: vec![interaction("i1", "a", time), interaction("i2", "b", world.ago(1))],
        opportunities: vec![opportunity("d1", "b", time)],
    };
    let answer = world.client().ingest_records(stream(vec![request])).await.unwrap().into_inner();
    assert_eq!(answer.accounts.unwrap().errors, []);
    let mut here = client(world);
    let mut there = TransferServiceClient::new(world.link("globex", Role::Operator));
    for kind in KINDS {
        let original = content(kind, &export(&mut here, kind, FileFormat::Csv).await);
        for (number, format) in
            [FileFormat::Csv, FileFormat::Jsonl, FileFormat::Parquet].into_iter().enumerate()
        {
            let file = export(&mut here, kind, format).await;
            let header = ImportHeader { format: format.into(), ..header("") };
            let sent = send(&mut there, pieces(&header, &file, 700)).await;
            let done = ended(&mut there, &sent.name).await;
            assert_eq!(done.refused, 0, "{done:?}");
            // the first one makes them, the other formats find nothing to change
            assert_eq!(done.created > 0, number == 0, "{kind:?} {format:?} {done:?}");
            assert_eq!(done.updated, 0, "{kind:?} {format:?}");
            let copy = content(kind, &export(&mut there, kind, FileFormat::Csv).await);
            assert_eq!(copy, original, "{kind:?} {format:?}");
        }
    }
    let profiles = export(&mut here, ExportKind::AccountProfiles, FileFormat::Csv).await;
    assert_eq!(content(ExportKind::AccountProfiles, &profiles).len(), 3);
}

async fn an_export_is_of_its_time(world: &World) {
    let mut profile = world.client();
    world.accounts(&mut profile, &["a"]).await;
    let won = salient_proto::profile::v1::Opportunity {
        state: 2,
        close_time: Some(world.ago(2)),
        ..opportunity("d", "a", world.ago(9))
    };
    let request = IngestRecordsRequest {
        request_id: request_id(),
        interactions: vec![interaction("old", "a", world.ago(5)), interaction("new", "a", world.ago(1))],
        opportunities: vec![won],
        ..Default::default()
    };
    profile.ingest_records(stream(vec![request])).await.unwrap();
    let stored = world.now();
    world.clock.advance(chrono::TimeDelta::days(10));
    let late = IngestRecordsRequest {
        request_id: request_id(),
        accounts: vec![account("b")],
        interactions: vec![interaction("late", "a", timestamp(stored - chrono::TimeDelta::days(7)))],
        ..Default::default()
    };
    profile.ingest_records(stream(vec![late])).await.unwrap();
    let mut client = client(world);
    let mut ids = async |kind: ExportKind, as_of, filter: &str| {
        let request = ExportRequest {
            kind: kind.into(),
            as_of: Some(timestamp(as_of)),
            filter: filter.into(),
            ..Default::default()
        };
        let (file, records) = exported(&mut client, request).await;
        let mut reader = csv::Reader::from_reader(file.as_slice());
        let place = reader.headers().unwrap().iter().position(|name| name == "source_id").unwrap();
        let ids: Vec<String> = reader.records().map(|row| row.unwrap()[place].to_owned()).collect();
        assert_eq!(ids.len() as i64, records);
        ids
    };
    let now = world.now();
    assert_eq!(ids(ExportKind::Interactions, now, "").await, ["old", "new", "late"]);
    assert_eq!(ids(ExportKind::Interactions, now, "occur_time < 2011-05-28").await, ["old", "late"]);
    // what came late was not known then, what was stored then is there
    assert_eq!(ids(ExportKind::Interactions, stored, "").await, ["old", "new"]);
    assert_eq!(ids(ExportKind::Accounts, stored, "").await, ["a"]);
    assert_eq!(ids(ExportKind::Accounts, now, "source_id = b").await, ["b"]);
    assert_eq!(ids(ExportKind::Accounts, stored - chrono::TimeDelta::days(1), "").await, [""; 0]);
    let request = ExportRequest {
        kind: ExportKind::Opportunities.into(),
        as_of: Some(timestamp(stored)),
        format: FileFormat::Jsonl.into(),
        ..Default::default()
    };
    let (file, _) = exported(&mut client, request.clone()).await;
    assert!(String::from_utf8(file).unwrap().contains("\"state\":\"won\""));
    for filter in ["nothing = 1", "source = \"a\0\""] {
        let bad = ExportRequest { filter: filter.into(), ..request.clone() };
        let refused = client.export(bad).await.map(|_| ());
        assert_eq!(why(refused), (Code::InvalidArgument, Reason::FilterInvalid), "{filter}");
    }
}

async fn an_export_goes_on_after_a_break(world: &World) {
    let mut profile = world.client();
    for part in 0..2 {
        let accounts = (0..400).map(|number| account(&format!("{part}-{number}"))).collect();
        let request = IngestRecordsRequest { request_id: request_id(), accounts, ..Default::default() };
        profile.ingest_records(stream(vec![request])).await.unwrap();
    }
    let mut client = client(world);
    let request = ExportRequest { kind: ExportKind::Accounts.into(), ..Default::default() };
    let (whole, records) = exported(&mut client, request.clone()).await;
    assert_eq!(records, 800);
    let mut pieces = client.export(request.clone()).await.unwrap().into_inner();
    let first = pieces.message().await.unwrap().unwrap();
    drop(pieces);
    assert!(!first.cursor.is_empty() && !first.last);
    // what is stored meanwhile is not of this export
    world.clock.advance(chrono::TimeDelta::seconds(5));
    world.accounts(&mut profile, &["later"]).await;
    let (rest, _) =
        exported(&mut client, ExportRequest { cursor: first.cursor.clone(), ..request.clone() }).await;
    assert_eq!([first.data, rest].concat(), whole);
    let other = ExportRequest { kind: ExportKind::Contacts.into(), cursor: first.cursor, ..request };
    let refused = client.export(other).await.map(|_| ());
    assert_eq!(why(refused), (Code::InvalidArgument, Reason::PageTokenInvalid));
}

async fn an_export_goes_on_within_large_records(world: &World) {
    let mut profile = world.client();
    for part in 0..2 {
        let large = (0..150).map(|number| {
            let mut account = account(&format!("{part}-{number}"));
            account.attributes.insert("note".into(), "x".repeat(5_000));
            account
        });
        let request = IngestRecordsRequest {
            request_id: request_id(),
            accounts: large.collect(),
            ..Default::default()
        };
        profile.ingest_records(stream(vec![request])).await.unwrap();
    }
    let mut client = client(world);
    let request = ExportRequest { kind: ExportKind::Accounts.into(), ..Default::default() };
    let mut pieces = client.export(request.clone()).await.unwrap().into_inner();
    let mut messages = Vec::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        messages.push(piece);
    }
    let file = |messages: &[ExportResponse]| -> Vec<u8> {
        messages.iter().flat_map(|piece| piece.data.clone()).collect()
    };
    let whole = file(&messages);
    assert!(messages[0].cursor.is_empty() && messages.iter().any(|piece| !piece.cursor.is_empty()));
    // wherever it breaks: what came after the last cursor is dropped
    for broken in 1..messages.len() {
        let last = messages[..broken].iter().rposition(|piece| !piece.cursor.is_empty());
        let kept = last.map_or(&[][..], |last| &messages[..=last]);
        let cursor = kept.last().map(|piece| piece.cursor.clone()).unwrap_or_default();
        let (rest, _) = exported(&mut client, ExportRequest { cursor, ..request.clone() }).await;
        assert!([file(kept), rest].concat() == whole, "after {broken} messages");
    }
}
