//! The bus within one process.
//!
//! It stores nothing and copies no payload: a delivery lies in the queue of each group until the
//! group has committed it, and only then does the publication end. If the process dies before,
//! the outbox still has the events.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, oneshot};

use super::{Batch, Limit, Receipt};
use crate::envelope::{Envelope, SHARDS};

/// The bus within one process.
#[derive(Debug, Default)]
pub struct InProcess {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By source.
    groups: HashMap<String, Vec<Arc<Group>>>,
    /// The number of the last delivery.
    deliveries: u64,
}

#[derive(Debug)]
struct Group {
    name: String,
    queues: [Queue; SHARDS as usize],
}

#[derive(Debug, Default)]
struct Queue {
    deliveries: Mutex<VecDeque<Delivery>>,
    arrived: Notify,
}

#[derive(Debug)]
struct Delivery {
    number: u64,
    events: Arc<[Envelope]>,
    /// Dropped when the delivery is committed, or its group is gone.
    _committed: oneshot::Sender<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code that holds one of these locks can leave the state half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl InProcess {
    pub(super) async fn publish(&self, events: &[Envelope]) {
        let mut streams: Vec<((&str, u16), Vec<Envelope>)> = Vec::new();
        for event in events {
            let key = (event.source.as_str(), event.shard);
            match streams.iter_mut().find(|(stream, _)| *stream == key) {
                Some((_, part)) => part.push(event.clone()),
                None => streams.push((key, vec![event.clone()])),
            }
        }
        let mut open = Vec::new();
        for ((source, shard), part) in streams {
            let events: Arc<[Envelope]> = part.into();
            // Queued under one lock, so that all groups see one order.
            let mut state = lock(&self.state);
            state.deliveries += 1;
            let number = state.deliveries;
            for group in state.groups.get(source).into_iter().flatten() {
                let (committed, done) = oneshot::channel();
                let queue = &group.queues[usize::from(shard % SHARDS)];
                lock(&queue.deliveries).push_back(Delivery {
                    number,
                    events: Arc::clone(&events),
                    _committed: committed,
                });
                queue.arrived.notify_waiters();
                open.push(done);
            }
        }
        for done in open {
            // An error is the sender being dropped, which is how a delivery ends.
            let _ = done.await;
        }
    }

    pub(crate) fn create_group(&self, name: &str, source: &str) {
        self.group(name, source);
    }

    pub(super) fn remove_group(&self, name: &str, source: &str) {
        let mut state = lock(&self.state);
        let Some(groups) = state.groups.get_mut(source) else {
            return;
        };
        // A reader may still hold the group; what nobody will commit must not hold publishers.
        for group in groups.extract_if(.., |group| group.name == name) {
            for queue in &group.queues {
                lock(&queue.deliveries).clear();
            }
        }
    }

    pub(super) fn reader(&self, name: &str, source: &str, shard: u16, limit: Limit) -> Reader {
        let group = self.group(name, source);
        Reader { group, shard: usize::from(shard % SHARDS), limit }
    }

    fn group(&self, name: &str, source: &str) -> Arc<Group> {
        let mut state = lock(&self.state);
        let groups = state.groups.entry(source.to_owned()).or_default();
        if let Some(group) = groups.iter().find(|group| group.name == name) {
            return Arc::clone(group);
        }
        let group = Arc::new(Group { name: name.to_owned(), queues: Default::default() });
        groups.push(Arc::clone(&group));
        group
    }
}

pub(crate) struct Reader {
    group: Arc<Group>,
    shard: usize,
    limit: Limit,
}

impl Reader {
    fn queue(&self) -> &Queue {
        &self.group.queues[self.shard]
    }

    /// The head of the queue, which stays there until it is acknowledged.
    pub(super) async fn next(&self) -> Batch {
        loop {
            let arrived = self.queue().arrived.notified();
            let mut arrived = std::pin::pin!(arrived);
            // Listening begins before the look, so that nothing arrives in between.
            arrived.as_mut().enable();
            if let Some(batch) = self.head() {
                return batch;
            }
            arrived.await;
        }
    }

    fn head(&self) -> Option<Batch> {
        let deliveries = lock(&self.queue().deliveries);
        let (mut events, mut numbers, mut bytes) = (Vec::new(), Vec::new(), 0);
        for delivery in &*deliveries {
            if events.len() >= self.limit.events || bytes >= self.limit.bytes {
                break;
            }
            numbers.push(delivery.number);
            bytes += delivery.events.iter().map(Envelope::weight).sum::<usize>();
            events.extend(delivery.events.iter().cloned());
        }
        (!events.is_empty()).then_some(Batch { events, receipt: Receipt::InProcess(numbers) })
    }

    pub(super) fn ack(&self, numbers: &[u64]) {
        lock(&self.queue().deliveries).retain(|delivery| !numbers.contains(&delivery.number));
    }
}
