//! The channels between the tasks: tokio's, and what Go's have that those have not.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Poll;

use model::lifecycle::btcd::{Action, Event, Message};
use tokio::sync::{Notify, mpsc};

use super::node::{Pace, Peer};

/// What is sent through a channel in which the order matters.
pub trait Letter: Clone + Send + 'static {
    /// The step by which it is received.
    fn received_by(&self) -> Action;
}

/// What the server loop is told of a peer.
#[derive(Clone)]
pub(super) struct Notice {
    pub(super) peer: Arc<Peer>,
    pub(super) event: Event,
}

/// What the sync manager, or another subscriber, is told of a peer.
#[derive(Clone)]
pub struct News {
    pub(super) peer: Arc<Peer>,
    pub(super) event: Event,
}

impl News {
    /// The session that the news is about, and whether it has come or gone.
    pub fn read(&self) -> (u32, Event) {
        (self.peer.id.0, self.event)
    }
}

impl Letter for Notice {
    fn received_by(&self) -> Action {
        Action::Receive(self.peer.id, self.event)
    }
}

impl Letter for News {
    fn received_by(&self) -> Action {
        Action::Handle(match self.event {
            Event::Add => Message::NewPeer(self.peer.id),
            Event::Done => Message::DonePeer(self.peer.id),
        })
    }
}

/// The steps by which what is in a channel will be received. A tokio channel does not show what is next.
type Order = Arc<Mutex<VecDeque<Action>>>;

/// The sending half of a channel.
pub(super) struct Outbox<T> {
    sender: mpsc::Sender<T>,
    order: Order,
    pace: Pace,
}

/// The receiving half of a channel.
pub struct Inbox<T> {
    receiver: mpsc::Receiver<T>,
    order: Order,
    pace: Pace,
}

pub(super) fn channel<T: Letter>(capacity: usize, pace: &Pace) -> (Outbox<T>, Inbox<T>) {
    let (sender, receiver) = mpsc::channel(capacity);
    let order = Order::default();
    let outbox = Outbox { sender, order: Arc::clone(&order), pace: pace.clone() };
    (outbox, Inbox { receiver, order, pace: pace.clone() })
}

impl<T: Letter> Outbox<T> {
    /// Sends, and waits while the channel is full. Cancel safe.
    pub(super) async fn send(&self, letter: T) {
        let step = letter.received_by();
        // Where the receiver is gone, so is the node.
        let sent = self.sender.send(letter).await;
        if self.pace.is_stepped() && sent.is_ok() {
            with(&self.order, |order| order.push_back(step));
        }
    }
}

impl<T> Outbox<T> {
    /// Whether everything that was sent was received.
    pub(super) fn is_empty(&self) -> bool {
        self.sender.capacity() == self.sender.max_capacity()
    }
}

impl<T: Letter> Inbox<T> {
    /// Receives. Cancel safe. None when there is no sender any more.
    pub async fn receive(&mut self) -> Option<T> {
        if !self.pace.is_stepped() {
            return self.receiver.recv().await;
        }
        let Self { receiver, order, pace } = self;
        let next = || with(order, |order| order.front().copied());
        let take = || {
            let letter = receiver.try_recv().ok()?;
            with(order, VecDeque::pop_front);
            Some(letter)
        };
        Some(pace.take(next, take).await)
    }

    /// Receives everything that is there and throws it away.
    pub(super) fn clear(&mut self) {
        while self.receiver.try_recv().is_ok() {}
        with(&self.order, VecDeque::clear);
    }
}

fn with<R>(order: &Order, change: impl FnOnce(&mut VecDeque<Action>) -> R) -> R {
    change(&mut order.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A value that is set once and waited for by any number of tasks: a channel that is only ever closed, or has one place.
#[derive(Debug, Default)]
pub(super) struct Once<T> {
    value: OnceLock<T>,
    changed: Notify,
}

impl<T: Copy> Once<T> {
    /// Sets the value; whether it was not set before.
    pub(super) fn set(&self, value: T) -> bool {
        let is_first = self.value.set(value).is_ok();
        self.changed.notify_waiters();
        is_first
    }

    pub(super) fn get(&self) -> Option<T> {
        self.value.get().copied()
    }

    /// Waits until it is set. Cancel safe.
    pub(super) async fn wait(&self) -> T {
        loop {
            let changed = self.changed.notified();
            if let Some(value) = self.get() {
                return value;
            }
            changed.await;
        }
    }
}

impl Once<()> {
    /// Closes the channel.
    ///
    /// # Panics
    ///
    /// If it is closed, as Go's runtime does; without a message, because a caller recovers.
    pub(super) fn close(&self) {
        if !self.set(()) {
            resume_unwind(Box::new("close of closed channel"));
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.get().is_some()
    }
}

/// A flag that tasks share.
#[derive(Debug, Default)]
pub(super) struct Flag(AtomicBool);

impl Flag {
    /// Sets it; whether it was set before.
    pub(super) fn set(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Is ready if the condition holds, and never otherwise.
pub(super) async fn only_if(condition: bool) {
    poll_fn(|_| if condition { Poll::Ready(()) } else { Poll::Pending }).await;
}
