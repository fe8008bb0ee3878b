//! Batches: what is sent in one message, and where each record came from.

use std::ops::ControlFlow;
use std::sync::Arc;

use prost::Message;
use salient_proto::profile::v1::{Account, Contact, IngestRecordsRequest, Interaction, Opportunity, Order};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::report::RefusedLine;

/// Orders of a batch, at most.
const ORDERS: usize = 500;
/// Lines of a batch's orders, at most: keeps a message far below the server's limit.
const ORDER_LINES: usize = 50_000;
/// Refused lines that are told with a batch, at most.
const REFUSED: usize = 1_000;
/// Records of a batch of every other kind, at most.
const OTHERS: usize = 1_000;

/// Kinds of records in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// Accounts.
    Account,
    /// Contacts.
    Contact,
    /// Orders.
    Order,
    /// Interactions.
    Interaction,
    /// Opportunities.
    Opportunity,
}

/// Where the records of a batch came from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    file: Option<Arc<str>>,
    accounts: Vec<u64>,
    contacts: Vec<u64>,
    orders: Vec<Vec<u64>>,
    interactions: Vec<u64>,
    opportunities: Vec<u64>,
}

impl Origin {
    /// The file, or what else the records are of.
    pub fn file(&self) -> &str {
        self.file.as_deref().unwrap_or("")
    }

    /// The source line of a record: for an order the line of `field` ("lines[3].quantity"), or its
    /// first line when the field belongs to no line.
    pub fn line(&self, kind: RecordKind, index: usize, field: &str) -> Option<u64> {
        match kind {
            RecordKind::Account => self.accounts.get(index).copied(),
            RecordKind::Contact => self.contacts.get(index).copied(),
            RecordKind::Interaction => self.interactions.get(index).copied(),
            RecordKind::Opportunity => self.opportunities.get(index).copied(),
            RecordKind::Order => {
                let lines = self.orders.get(index)?;
                let number = field.strip_prefix("lines[").and_then(|rest| rest.split(']').next());
                let number = number.and_then(|number| number.parse::<usize>().ok()).unwrap_or(0);
                lines.get(number).or_else(|| lines.first()).copied()
            }
        }
    }
}

/// One message of the import: accounts come before, or together with, what refers to them.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Number of the batch, from 0.
    pub number: u64,
    /// What to send. Its `request_id` depends on its number and content alone, so that an import
    /// that is run again repeats it.
    pub request: IngestRecordsRequest,
    /// Source lines that it carries.
    pub lines: u64,
    /// Where its records came from.
    pub origin: Origin,
    /// Lines that were refused since the batch before; only of a plan that tells them so.
    pub refused: Vec<RefusedLine>,
}

/// Takes batches; `Break` ends the import.
pub type Sink<'a> = &'a mut dyn FnMut(Batch) -> ControlFlow<()>;

/// Gathers records to batches and gives them away when they are full.
pub struct Batcher<'a> {
    source: &'a str,
    sink: Sink<'a>,
    batch: Batch,
    order_lines: usize,
    next: u64,
    tells_refused: bool,
    pub(crate) stopped: bool,
}

impl std::fmt::Debug for Batcher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batcher")
            .field("source", &self.source)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

macro_rules! push {
    ($($(#[$doc:meta])* $name:ident, $list:ident, $record:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(&mut self, record: $record, line: u64) {
            if self.batch.request.$list.len() >= OTHERS {
                self.flush();
            }
            self.batch.request.$list.push(record);
            self.batch.origin.$list.push(line);
        }
    )*};
}

impl<'a> Batcher<'a> {
    /// Batches of records of `source`.
    pub fn new(source: &'a str, sink: Sink<'a>) -> Self {
        let batch = empty();
        Self { source, sink, batch, order_lines: 0, next: 0, tells_refused: false, stopped: false }
    }

    /// Refused lines are told with the batches.
    pub(crate) fn tell_refused(mut self, tells: bool) -> Self {
        self.tells_refused = tells;
        self
    }

    /// Tells of a refused line, if that is wanted.
    pub(crate) fn refuse(&mut self, refused: &RefusedLine) {
        if self.tells_refused {
            self.batch.refused.push(refused.clone());
            if self.batch.refused.len() >= REFUSED {
                self.flush();
            }
        }
    }

    /// Whether the receiver wants no more.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Records come from another file from now on.
    pub fn file(&mut self, file: &Arc<str>) {
        self.flush();
        self.batch.origin.file = Some(file.clone());
    }

    push! {
        /// Adds an account from a line.
        account, accounts, Account;
        /// Adds a contact from a line.
        contact, contacts, Contact;
        /// Adds an interaction from a line.
        interaction, interactions, Interaction;
        /// Adds an opportunity from a line.
        opportunity, opportunities, Opportunity;
    }

    /// Adds an order with the source line of each of its lines, made of `count` source lines.
    pub fn order(&mut self, order: Order, lines: Vec<u64>, count: u64) {
        if self.batch.request.orders.len() >= ORDERS || self.order_lines + order.lines.len() > ORDER_LINES {
            self.flush();
        }
        self.order_lines += order.lines.len();
        self.batch.request.orders.push(order);
        self.batch.origin.orders.push(lines);
        self.batch.lines += count;
    }

    /// Counts a source line of a record that is not an order.
    pub fn line(&mut self) {
        self.batch.lines += 1;
    }

    /// Gives away what has gathered.
    pub fn flush(&mut self) {
        let file = self.batch.origin.file.clone();
        let request = &self.batch.request;
        let none = request.accounts.is_empty()
            && request.contacts.is_empty()
            && request.orders.is_empty()
            && request.interactions.is_empty()
            && request.opportunities.is_empty()
            && self.batch.refused.is_empty();
        if none || self.stopped {
            return;
        }
        let mut batch = std::mem::replace(&mut self.batch, empty());
        self.batch.origin.file = file;
        self.order_lines = 0;
        batch.number = self.next;
        self.next += 1;
        batch.request.request_id = request_id(self.source, batch.number, &batch.request);
        self.stopped = (self.sink)(batch).is_break();
    }
}

fn empty() -> Batch {
    Batch {
        number: 0,
        request: IngestRecordsRequest::default(),
        lines: 0,
        origin: Origin::default(),
        refused: Vec::new(),
    }
}

/// A UUID (version 8) of what is sent and its place in the import: the same import gives the same
/// ids, and an id never comes with two contents.
pub(crate) fn request_id(source: &str, number: u64, body: &impl Message) -> String {
    let mut hash = Sha256::new();
    hash.update(b"salient import\0");
    hash.update(source.as_bytes());
    hash.update([0]);
    hash.update(number.to_le_bytes());
    hash.update(body.encode_to_vec());
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .hyphenated()
        .encode_lower(&mut Uuid::encode_buffer())
        .to_owned()
}
