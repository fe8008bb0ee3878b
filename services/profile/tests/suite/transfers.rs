//! Whole files of records, in and out.

use salient_core::Reason;
use salient_kit::{Role, client::Link};
use salient_proto::{
    common::v1::run_status::State,
    profile::v1::{
        Account, ExportKind, ExportRequest, FileFormat, GetTransferRequest, ImportHeader, ImportRequest,
        IngestRecordsRequest, ListAccountsRequest, ListInteractionsRequest, ListTransferProblemsRequest,
        ListTransfersRequest, Order, OrderLine, Transfer, TransferProblem,
        transfer_service_client::TransferServiceClient,
    },
};
use tonic::Code;

use crate::world::{
    World, account, both, contact, interaction, opportunity, order, request_id, stream, timestamp, until, why,
};

both!(
    a_file_is_taken_and_told_line_by_line,
    the_same_file_twice_doubles_nothing,
    a_dry_run_says_what_would_be_and_writes_nothing,
    a_broken_upload_goes_on_where_it_was,
    work_goes_on_after_the_last_batch,
    a_missing_column_is_refused_at_once,
    pieces_must_fit,
    what_is_exported_comes_back_the_same,
    an_export_is_of_its_time,
    an_export_goes_on_after_a_break,
    transfers_belong_to_their_tenant,
);

type Client = TransferServiceClient<Link>;

fn client(world: &World) -> Client {
    TransferServiceClient::new(world.link("acme", Role::Integration))
}

const PEOPLE: &str = r#"
name = "people"
source = "crm"
[[table]]
[table.fields]
id = { column = "Id", transform = ["trim"] }
company = "Company"
person = "Person"
mail = "Mail"
when = { column = "Seen", type = "time" }
kind = { constant = "meeting" }
[[table.skip]]
when = 'company = "Test"'
as = "test line"
[table.account]
key = "{id}"
display_name = "{company}"
[table.contact]
key = "{id}-p"
display_name = "{person}"
email = "{mail}"
[table.interaction]
key = "{id}-i"
kind = "{kind}"
time = "{when}"
"#;

const LINES: &str = "Id,Company,Person,Mail,Seen\n\
                     1,Acme,Ann,ann@acme.example,2011-02-03\n\
                     2,Test,,,\n\
                     3,Globex,Bo,bo@globex.example,2011-13-03\n\
                     4,Initech,Cy,cy@initech.example,2011-04-05\n";

fn header(mapping: &str) -> ImportHeader {
    ImportHeader {
        request_id: request_id(),
        file: "people.csv".into(),
        format: FileFormat::Unspecified.into(),
        mapping: mapping.into(),
        dry_run: false,
    }
}

/// A file in pieces of `size` bytes.
fn pieces(header: &ImportHeader, file: &[u8], size: usize) -> Vec<ImportRequest> {
    let mut messages = vec![ImportRequest { header: Some(header.clone()), ..ImportRequest::default() }];
    let count = file.len().div_ceil(size);
    for (number, data) in file.chunks(size).enumerate() {
        let last = number + 1 == count;
        messages.push(ImportRequest {
            header: None,
            offset: (number * size) as i64,
            data: data.to_vec(),
            last,
        });
    }
    messages
}

async fn send(client: &mut Client, messages: Vec<ImportRequest>) -> Transfer {
    client.import(stream(messages)).await.unwrap().into_inner().transfer.unwrap()
}

async fn get(client: &mut Client, name: &str) -> Transfer {
    let request = GetTransferRequest { name: name.into() };
    client.get_transfer(request).await.unwrap().into_inner().transfer.unwrap()
}

/// Waits until the work has ended.
async fn ended(client: &mut Client, name: &str) -> Transfer {
    until(async || {
        let state = get(&mut client.clone(), name).await.status.unwrap_or_default().state();
        matches!(state, State::Succeeded | State::Failed)
    })
    .await;
    get(client, name).await
}

/// Takes a file and waits until it was read.
async fn import(client: &mut Client, header: &ImportHeader, file: &[u8]) -> Transfer {
    let sent = send(client, pieces(header, file, 40_000)).await;
    assert!(sent.complete);
    let transfer = ended(client, &sent.name).await;
    let status = transfer.status.clone().unwrap();
    assert_eq!(status.state(), State::Succeeded, "{status:?}");
    transfer
}

/// Created, updated, unchanged, refused.
fn counts(transfer: &Transfer) -> (i64, i64, i64, i64) {
    (transfer.created, transfer.updated, transfer.unchanged, transfer.refused)
}

async fn problems(client: &mut Client, transfer: &Transfer) -> Vec<TransferProblem> {
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListTransferProblemsRequest { parent: transfer.name.clone(), page_size: 2, page_token };
        let page = client.list_transfer_problems(request).await.unwrap().into_inner();
        found.extend(page.problems);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

async fn a_file_is_taken_and_told_line_by_line(world: &World) {
    let mut client = client(world);
    let transfer = import(&mut client, &header(PEOPLE), LINES.as_bytes()).await;
    assert_eq!(counts(&transfer), (6, 0, 0, 1));
    assert_eq!((transfer.lines, transfer.received_bytes), (4, LINES.len() as i64));
    assert_eq!(transfer.skipped.get("test line"), Some(&1));
    let told = problems(&mut client, &transfer).await;
    assert_eq!(told.len(), 1);
    let problem = &told[0];
    assert_eq!((problem.line, problem.column.as_str(), problem.shape.as_str()), (4, "Seen", "9999-99-99"));
    assert_eq!(problem.reason, "FIELD_INVALID");
    assert!(problem.accepted.contains("a date or time like"), "{problem:?}");
    // records that the service refuses are told by the line and column that they came from
    let late = "Id,Company,Person,Mail,Seen\n5,Late,Di,di@late.example,2011-05-01\n6,Odd,\"Ed\0\",ed@odd.example,2011-05-01\n";
    let transfer = import(&mut client, &header(PEOPLE), late.as_bytes()).await;
    let told = problems(&mut client, &transfer).await;
    assert_eq!((told[0].line, told[0].column.as_str()), (3, "Person"), "{told:?}");
    assert_eq!(counts(&transfer), (5, 0, 0, 1));
}

async fn the_same_file_twice_doubles_nothing(world: &World) {
    let mut client = client(world);
    let first = import(&mut client, &header(PEOPLE), LINES.as_bytes()).await;
    let second = import(&mut client, &header(PEOPLE), LINES.as_bytes()).await;
    assert_eq!(counts(&second), (0, 0, 6, 1));
    assert_ne!(first.name, second.name);
    let changed = LINES.replace("ann@acme", "anna@acme");
    let third = import(&mut client, &header(PEOPLE), changed.as_bytes()).await;
    assert_eq!(counts(&third), (0, 1, 5, 1));
    let listed = client.list_transfers(ListTransfersRequest { page_size: 2, ..Default::default() }).await;
    let listed = listed.unwrap().into_inner();
    assert_eq!(listed.transfers.iter().map(|t| &t.name).collect::<Vec<_>>(), [&third.name, &second.name]);
    assert!(!listed.next_page_token.is_empty());
}

async fn a_dry_run_says_what_would_be_and_writes_nothing(world: &World) {
    let mut client = client(world);
    let dry = |file: &'static str| (ImportHeader { dry_run: true, ..header(PEOPLE) }, file);
    let (header, file) = dry(LINES);
    let told = import(&mut client, &header, file.as_bytes()).await;
    assert_eq!(counts(&told), (6, 0, 0, 1));
    assert_eq!(problems(&mut client, &told).await.len(), 1);
    let accounts = world.client().list_accounts(ListAccountsRequest::default()).await.unwrap();
    assert_eq!(accounts.into_inner().accounts, []);
    assert!(world.event_counts().await.is_empty());
    import(&mut client, &self::header(PEOPLE), LINES.as_bytes()).await;
    // the same again, one line changed, one new, one that refers to an account of this very file
    let more = "Id,Company,Person,Mail,Seen\n\
                1,Acme,Ann,ann@acme.example,2011-02-03\n\
                4,Initech,Cyd,cy@initech.example,2011-04-05\n\
                9,Hooli,Flo,flo@hooli.example,2011-04-06\n";
    let (header, file) = dry(more);
    let told = import(&mut client, &header, file.as_bytes()).await;
    assert_eq!(counts(&told), (3, 1, 5, 0));
    // what a dry run foretells is what happens
    let done = import(&mut client, &self::header(PEOPLE), more.as_bytes()).await;
    assert_eq!(counts(&done), counts(&told));
}

async fn a_broken_upload_goes_on_where_it_was(world: &World) {
    let mut client = client(world);
    let header = header(PEOPLE);
    let all = pieces(&header, LINES.as_bytes(), 50);
    let broken = send(&mut client, all[..3].to_vec()).await;
    assert_eq!((broken.received_bytes, broken.complete, broken.status.is_none()), (100, false, true));
    // only the header: how far is it?
    let asked = send(&mut client, all[..1].to_vec()).await;
    assert_eq!((asked.name, asked.received_bytes), (broken.name.clone(), 100));
    // a gap is refused, and told what is missing
    let gap = vec![all[0].clone(), all[4].clone()];
    let refused = client.import(stream(gap)).await.unwrap_err();
    assert!(refused.message().contains("100") || format!("{refused:?}").contains("100"), "{refused:?}");
    // everything once more: what is there is passed over
    let whole = send(&mut client, all.clone()).await;
    assert_eq!((whole.name.as_str(), whole.complete), (broken.name.as_str(), true));
    let done = ended(&mut client, &whole.name).await;
    assert_eq!(counts(&done), (6, 0, 0, 1));
    // and after the end, too
    let again = send(&mut client, all).await;
    assert_eq!(again.received_bytes, LINES.len() as i64);
    let other = ImportHeader { dry_run: true, ..header };
    let reused = client.import(stream(pieces(&other, LINES.as_bytes(), 50))).await;
    assert_eq!(why(reused), (Code::AlreadyExists, Reason::RequestIdReused));
}

const EVENTS: &str = r#"
name = "events"
source = "crm"
[[table]]
[table.fields]
id = "id"
account = "account"
time = { column = "time", type = "time" }
kind = "kind"
[table.interaction]
key = "{id}"
account = "{account}"
kind = "{kind}"
time = "{time}"
"#;

fn events(count: usize) -> String {
    let line = |number: usize| match number % 1_000 {
        // a refused line now and then, by the mapping and by the service
        7 => format!("{number},a,never,call\n"),
        8 => format!("{number},nobody,2011-03-04,call\n"),
        _ => format!("{number},a,2011-03-04,call\n"),
    };
    format!("id,account,time,kind\n{}", (0..count).map(line).collect::<String>())
}

async fn work_goes_on_after_the_last_batch(world: &World) {
    const COUNT: usize = 30_000;
    world.accounts(&mut world.client(), &["a"]).await;
    let mut before = client(world);
    let sent = send(&mut before, pieces(&header(EVENTS), events(COUNT).as_bytes(), 100_000)).await;
    // some of it is committed, and the process ends
    until(async || get(&mut before.clone(), &sent.name).await.created > 0).await;
    world.stop().await;
    let (life, uri) = world.served_again().await;
    let mut client = TransferServiceClient::new(world.link_to(&uri, "acme", Role::Integration));
    let done = ended(&mut client, &sent.name).await;
    assert_eq!(done.status.clone().unwrap().state(), State::Succeeded, "{done:?}");
    // every line once, whoever took it: nothing was found to be there already
    let bad = (COUNT / 1_000) as i64;
    assert_eq!(counts(&done), (COUNT as i64 - 2 * bad, 0, 0, 2 * bad));
    assert_eq!(done.lines, COUNT as i64);
    let told = problems(&mut client, &done).await;
    let lines: Vec<_> = told.iter().map(|problem| problem.line).collect();
    let expected: Vec<_> =
        (0..bad).flat_map(|thousand| [thousand * 1_000 + 9, thousand * 1_000 + 10]).collect();
    assert_eq!(lines, expected);
    assert_eq!(told[1].reason, "ACCOUNT_UNKNOWN");
    // the file is gone when it was read
    let db = salient_store::Db::connect(&salient_store::StoreConfig::new(world.store_url())).await.unwrap();
    let count = salient_store::sql("select count(*) from transfer_chunks");
    let (chunks,): (i64,) = count.fetch_one(&mut db.read().await.unwrap()).await.unwrap();
    assert_eq!(chunks, 0);
    db.close().await;
    let ending = life.finish(std::future::pending()).await;
    assert!(ending.failures.is_empty(), "{ending:?}");
}

async fn a_missing_column_is_refused_at_once(world: &World) {
    let mut client = client(world);
    let header = header(&PEOPLE.replace("\"Mail\"", "\"E-Mail\""));
    // after the first piece already, and the file need not be there
    let refused =
        client.import(stream(pieces(&header, LINES.as_bytes(), 60)[..2].to_vec())).await.unwrap_err();
    let text = format!("{refused:?}");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(text.contains("E-Mail") && text.contains("Id, Company, Person, Mail, Seen"), "{text}");
    // nothing stays, so that the mapping can be put right
    let listed = client.list_transfers(ListTransfersRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.transfers, []);
    let right = ImportHeader { mapping: PEOPLE.into(), ..header };
    assert_eq!(counts(&import(&mut client, &right, LINES.as_bytes()).await), (6, 0, 0, 1));
    // of Parquet the columns are known at the end
    let file = export(&mut client, ExportKind::Accounts, FileFormat::Parquet).await;
    let refused = client.import(stream(pieces(&self::header(PEOPLE), &file, 1_000))).await;
    let text = format!("{:?}", refused.unwrap_err());
    assert!(text.contains("Company"), "{text}");
    let wrong = self::header("name = \"x\"\nsource = \"y\"\nsorce = 1\n[[table]]");
    assert_eq!(
        why(client.import(stream(pieces(&wrong, b"a\n1\n", 10))).await),
        (Code::InvalidArgument, Reason::FieldInvalid)
    );
}

async fn pieces_must_fit(world: &World) {
    let mut client = client(world);
    let headless = vec![ImportRequest { data: b"a".to_vec(), ..ImportRequest::default() }];
    assert_eq!(why(client.import(stream(headless)).await), (Code::InvalidArgument, Reason::FieldInvalid));
    assert_eq!(why(client.import(stream(vec![])).await), (Code::InvalidArgument, Reason::FieldInvalid));
    let large =
        ImportRequest { data: vec![b'a'; (4 << 20) + 1], header: Some(header(PEOPLE)), ..Default::default() };
    assert_eq!(why(client.import(stream(vec![large])).await), (Code::InvalidArgument, Reason::FieldInvalid));
    let empty = ImportRequest { header: Some(header(PEOPLE)), last: true, ..Default::default() };
    assert_eq!(why(client.import(stream(vec![empty])).await), (Code::InvalidArgument, Reason::FieldInvalid));
    let other = ImportHeader { format: FileFormat::Parquet.into(), ..header(PEOPLE) };
    let refused = client.import(stream(pieces(&other, LINES.as_bytes(), 1_000))).await;
    assert_eq!(why(refused), (Code::InvalidArgument, Reason::FieldInvalid));
}

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

async fn export(client: &mut Client, kind: ExportKind, format: FileFormat) -> Vec<u8> {
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
    let bad = ExportRequest { filter: "nothing = 1".into(), ..request };
    let refused = client.export(bad).await.map(|_| ());
    assert_eq!(why(refused), (Code::InvalidArgument, Reason::FilterInvalid));
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

async fn transfers_belong_to_their_tenant(world: &World) {
    let transfer = import(&mut client(world), &header(PEOPLE), LINES.as_bytes()).await;
    let mut other = TransferServiceClient::new(world.link("globex", Role::Integration));
    let get = GetTransferRequest { name: transfer.name.clone() };
    assert_eq!(why(other.get_transfer(get.clone()).await), (Code::NotFound, Reason::ResourceUnknown));
    let list = ListTransferProblemsRequest { parent: transfer.name.clone(), ..Default::default() };
    assert_eq!(why(other.list_transfer_problems(list).await), (Code::NotFound, Reason::ResourceUnknown));
    let listed = other.list_transfers(ListTransfersRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.transfers, []);
    let mut seller = TransferServiceClient::new(world.link("acme", Role::Seller));
    assert_eq!(why(seller.get_transfer(get).await), (Code::PermissionDenied, Reason::RoleInsufficient));
    let request = ListInteractionsRequest::default();
    let mut reader = world.client_of("acme", Role::Integration);
    assert_eq!(reader.list_interactions(request).await.unwrap().into_inner().interactions.len(), 2);
}
