//! Connections that were turned away and handshakes that failed, for a subscriber that keeps scores.

use std::collections::VecDeque;
use std::fmt::{self, Debug, Formatter};
use std::io;
use std::sync::{Arc, PoisonError, Weak};

use super::node::Node;
use super::state::{Shared, State};
use crate::lifecycle::{Origin, Peer, Reason, SessionId};
use crate::runtime::select;
use crate::runtime::sync::{Mutex, Notify};

/// A connection of which no subscriber heard: it got no slot, its handshake failed, or it was not announced.
#[derive(Debug, Eq, PartialEq)]
pub struct Failure<K, I = ()> {
    /// The session that the connection had, or would have had.
    pub session: SessionId,
    /// Where the connection came from. An address is in its [canonical](crate::lifecycle::canonical) form.
    pub origin: Origin,
    /// Who it was, if the handshake had said so.
    pub peer: Option<Arc<Peer<K, I>>>,
    /// Why no subscriber heard of it: the reason that is counted in [`Metrics::refused`](super::Metrics::refused) or
    /// [`Metrics::ended_unannounced`](super::Metrics::ended_unannounced).
    pub reason: Reason,
}

// Derived, it would ask of a peer's key and info that they can be cloned.
impl<K, I> Clone for Failure<K, I> {
    fn clone(&self) -> Self {
        let Self { session, origin, ref peer, reason } = *self;
        Self { session, origin, peer: peer.clone(), reason }
    }
}

/// A handshake that failed with its connection: [`RemoteClosed`](Reason::RemoteClosed) if the other end closed or reset it.
impl From<&io::Error> for Reason {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::RemoteClosed,
            // Whatever else the system reports says nothing of who ended the connection.
            _ => Self::HandshakeFailed,
        }
    }
}

/// The failures of a node from the moment on at which they were asked for, in the order in which they became known: see
/// [`Node::failures`].
///
/// Strangers make failures at will, so that they hold up nothing: a queue that is full loses the oldest, and
/// [`lost`](Self::lost) counts them.
pub struct Failures<K: Clone + Ord, I = ()> {
    shared: Arc<Shared<K, I>>,
    queue: Arc<FailureQueue<K, I>>,
}

/// What is queued for one listener.
pub(super) struct FailureQueue<K, I> {
    queued: Mutex<Queued<K, I>>,
    wake: Notify,
    capacity: usize,
}

struct Queued<K, I> {
    failures: VecDeque<Failure<K, I>>,
    lost: u64,
}

impl<K, I> FailureQueue<K, I> {
    /// Queues a failure, under the node's lock, so that failures are in the order in which they became known, and in front
    /// of the end of the shutdown. Returns the one that is lost for it, for the caller to drop: that may run the
    /// application's code.
    pub(super) fn push(&self, failure: Failure<K, I>) -> Option<Failure<K, I>> {
        let mut queued = self.queued.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = queued.failures.len() >= self.capacity;
        let lost = if is_full { queued.failures.pop_front() } else { None };
        queued.lost += u64::from(is_full);
        queued.failures.push_back(failure);
        lost
    }

    /// Wakes the one that listens. To be called when the node's lock has been released.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }
}

impl<K: Clone + Ord, I> Node<K, I> {
    /// Returns the connections that are turned away, the handshakes that fail, and the sessions that end unannounced for
    /// another reason, from now on: what a part of the application needs that keeps scores of peers and addresses. At most
    /// `capacity` are queued, one at least.
    pub fn failures(&self, capacity: usize) -> Failures<K, I> {
        let queued = Mutex::new(Queued { failures: VecDeque::new(), lost: 0 });
        let queue = Arc::new(FailureQueue { queued, wake: Notify::new(), capacity: capacity.max(1) });
        self.shared.step(|state| {
            // On a quiet node nothing else forgets those that listen no more.
            state.failures.retain(|listener| listener.strong_count() > 0);
            state.failures.push(Arc::downgrade(&queue));
        });
        Failures { shared: Arc::clone(&self.shared), queue }
    }
}

impl<K: Clone + Ord, I> State<K, I> {
    /// Returns the queues of those that listen for failures, and forgets the others.
    pub(super) fn listeners(&mut self) -> Vec<Arc<FailureQueue<K, I>>> {
        if self.failures.is_empty() {
            return Vec::new();
        }
        self.failures.retain(|listener| listener.strong_count() > 0);
        self.failures.iter().filter_map(Weak::upgrade).collect()
    }
}

impl<K: Clone + Ord, I> Failures<K, I> {
    /// Waits for the next failure. None when the node's shutdown is complete and all were taken: what is refused after that
    /// is not queued any more. Cancel safe.
    pub async fn next(&mut self) -> Option<Failure<K, I>> {
        let mut complete = self.shared.complete.subscribe();
        loop {
            if let Some(failure) = self.try_next() {
                return Some(failure);
            }
            select! {
                biased;
                () = self.queue.wake.notified() => {}
                // What was queued between the look and the completion is taken first.
                _ = complete.wait_for(|complete| *complete) => return self.try_next(),
            }
        }
    }

    /// Returns the next failure if there is one.
    pub fn try_next(&mut self) -> Option<Failure<K, I>> {
        self.queue.queued.lock().unwrap_or_else(PoisonError::into_inner).failures.pop_front()
    }

    /// Returns how many were lost because the queue was full.
    pub fn lost(&self) -> u64 {
        self.queue.queued.lock().unwrap_or_else(PoisonError::into_inner).lost
    }
}

impl<K: Clone + Ord, I> Debug for Failures<K, I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failures").field("lost", &self.lost()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Node;
    use crate::lifecycle::{Config, Duplicates, Limits, NodeConfig};

    #[test]
    fn who_listens_no_more_is_forgotten_when_the_next_one_comes() {
        let config = NodeConfig::new(Config::new(Limits::new(2, 2), Duplicates::KeepOld));
        let node = Node::<u8>::new(config).expect("the configuration is sound");
        let stays = node.failures(1);
        for _ in 0..100 {
            drop(node.failures(1));
        }
        assert_eq!(node.shared.step(|state| state.failures.len()), 2, "a list that only grows");
        drop(stays);
    }
}
