//! Whole files of records, in and out.

use salient_core::Reason;
use salient_kit::{Role, client::Link};
use salient_proto::{
    common::v1::run_status::State,
    profile::v1::{
        ExportKind, FileFormat, GetTransferRequest, ImportHeader, ImportRequest, ListAccountsRequest,
        ListTransferProblemsRequest, ListTransfersRequest, Transfer, TransferProblem,
        transfer_service_client::TransferServiceClient,
    },
};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Code;

use crate::{
    exports::export,
    world::{World, both, request_id, stream, until, why},
};

both!(
    a_file_is_taken_and_told_line_by_line,
    the_same_file_twice_doubles_nothing,
    a_dry_run_says_what_would_be_and_writes_nothing,
    a_broken_upload_goes_on_where_it_was,
    a_stale_stream_takes_nothing_away,
    a_file_that_was_forgotten_is_read_again,
    work_goes_on_after_the_last_batch,
    a_missing_column_is_refused_at_once,
    pieces_may_be_small,
    pieces_must_fit,
    transfers_belong_to_their_tenant,
);

pub type Client = TransferServiceClient<Link>;

pub fn client(world: &World) -> Client {
    TransferServiceClient::new(world.link("acme", Role::Integration))
}

pub const PEOPLE: &str = r#"
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

pub fn header(mapping: &str) -> ImportHeader {
    ImportHeader {
        request_id: request_id(),
        file: "people.csv".into(),
        format: FileFormat::Unspecified.into(),
        mapping: mapping.into(),
        dry_run: false,
    }
}

/// A file in pieces of `size` bytes.
pub fn pieces(header: &ImportHeader, file: &[u8], size: usize) -> Vec<ImportRequest> {
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

pub async fn send(client: &mut Client, messages: Vec<ImportRequest>) -> Transfer {
    client.import(stream(messages)).await.unwrap().into_inner().transfer.unwrap()
}

async fn get(client: &mut Client, name: &str) -> Transfer {
    let request = GetTransferRequest { name: name.into() };
    client.get_transfer(request).await.unwrap().into_inner().transfer.unwrap()
}

/// Waits until the work has ended.
pub async fn ended(client: &mut Client, name: &str) -> Transfer {
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

async fn a_stale_stream_takes_nothing_away(world: &World) {
    let mut fast = client(world);
    let header = header(PEOPLE);
    let mut messages = pieces(&header, LINES.as_bytes(), 60).into_iter();
    let (slow, received) = tokio::sync::mpsc::unbounded_channel();
    let mut other = client(world);
    let stale = tokio::spawn(async move { other.import(UnboundedReceiverStream::new(received)).await });
    messages.by_ref().take(2).for_each(|message| slow.send(message).unwrap());
    until(async || {
        let listed = fast.clone().list_transfers(ListTransfersRequest::default()).await.unwrap();
        listed.into_inner().transfers.iter().any(|transfer| transfer.received_bytes == 60)
    })
    .await;
    // another stream sends the whole file, and it is read
    let done = import(&mut fast, &header, LINES.as_bytes()).await;
    let rest = LINES.as_bytes()[60..].to_vec();
    slow.send(ImportRequest { offset: 60, data: rest, last: true, ..Default::default() }).unwrap();
    assert_eq!(why(stale.await.unwrap()), (Code::InvalidArgument, Reason::FieldInvalid));
    assert_eq!(get(&mut fast, &done.name).await, done);
}

async fn a_file_that_was_forgotten_is_read_again(world: &World) {
    let header = header(PEOPLE);
    let first = import(&mut client(world), &header, LINES.as_bytes()).await;
    // what is too old is forgotten when the service starts
    world.clock.advance(chrono::TimeDelta::days(91));
    world.stop().await;
    let (life, uri) = world.served_again().await;
    let mut client = TransferServiceClient::new(world.link_to(&uri, "acme", Role::Integration));
    let request = GetTransferRequest { name: first.name.clone() };
    until(async || {
        let found = client.clone().get_transfer(request.clone()).await;
        found.is_err_and(|status| status.code() == Code::NotFound)
    })
    .await;
    let again = import(&mut client, &header, LINES.as_bytes()).await;
    assert_ne!(again.name, first.name);
    assert_eq!(counts(&again), (0, 0, 6, 1));
    let ending = life.finish(std::future::pending()).await;
    assert!(ending.failures.is_empty(), "{ending:?}");
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
    // what stands in the file is not told
    assert!(!format!("{:?}", told[1]).contains("nobody"), "{:?}", told[1]);
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

async fn pieces_may_be_small(world: &World) {
    let mut client = client(world);
    let sent = send(&mut client, pieces(&header(PEOPLE), LINES.as_bytes(), 3)).await;
    assert_eq!(counts(&ended(&mut client, &sent.name).await), (6, 0, 0, 1));
    // what the first piece does not tell is told at the end
    let wrong = header(&PEOPLE.replace("\"Mail\"", "\"E-Mail\""));
    let refused = client.import(stream(pieces(&wrong, LINES.as_bytes(), 3))).await.unwrap_err();
    assert!(format!("{refused:?}").contains("E-Mail"), "{refused:?}");
    let listed = client.list_transfers(ListTransfersRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.transfers.len(), 1);
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
}
