//! The pool, with what is raced of it: its table on shuttle's atomics, and an idle list for each worker under shuttle's lock.
//!
//! The few lines that put the two together are those of `impl/src/pool/shared`, in the same order, without clocks,
//! metrics and tokio, which that file cannot be had without.

use std::sync::Arc;
use std::time::Duration;

use handfast::ownership::{Guard, Numbered, Refused, Sharing, Table, Token, Worker};
use handfast::pool::core::{Claim, Destination, Handle, IdleList, Limits, Over, Put, Stamps, Unclaimed};
use handfast_spec::ownership::{Away, Incarnation, Output, Owner, Thread};
use shuttle::sync::{Mutex, MutexGuard};

use conformance::ownership::families::Shuttle;

use crate::pool::shuttle::kernel::{Connection, Kernel};

/// A mistake in how they are put together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mistake {
    None,
    /// What is found closed is closed without being taken off its idle list.
    ClosesWhatIsListed,
    /// A connection is left, and put on the idle list then.
    LeavesBeforeListing,
    /// A taker is given the connection before it is moved to its poller.
    RehomesLater,
    /// A taker does not ask the kernel.
    DoesNotProbe,
}

pub(crate) struct World {
    pub(crate) kernel: Arc<Kernel>,
    table: Table<Entry, Shuttle>,
    seats: Vec<Seat>,
    mistake: Mistake,
}

struct Seat {
    idle_list: Mutex<IdleList<(), Token>>,
    /// The one destination.
    destination: Destination,
}

impl Seat {
    fn new(limits: Limits) -> Self {
        let mut list = IdleList::new(limits);
        let destination = list.remember(0, Arc::new(()));
        Self { idle_list: Mutex::new(list), destination }
    }
}

struct Entry {
    number: usize,
    which: Incarnation,
    connection: Option<Connection>,
    place: Option<Handle>,
}

impl Numbered for Entry {
    fn number(&self) -> usize {
        self.number
    }
}

type Inside<'a> = Guard<'a, Entry, Shuttle>;

/// How many can be open at a time, at most.
const NUMBERS: usize = 64;

impl World {
    pub(crate) fn new(workers: usize, room: usize, mistake: Mistake) -> Self {
        let limits = Limits::new(room, room).with_idle(Duration::from_secs(10)).with_age(Duration::MAX);
        let seats = (0..workers).map(|_| Seat::new(limits)).collect();
        Self { kernel: Arc::default(), table: Table::of_atomics(NUMBERS), seats, mistake }
    }

    fn idle_list(&self, thread: Thread) -> MutexGuard<'_, IdleList<(), Token>> {
        self.seats[thread.index()].idle_list.lock().expect("nobody panics with it")
    }

    pub(crate) fn occupied(&self) -> usize {
        self.table.occupied()
    }

    /// What was claimed is off its idle list in the same step: nothing of shuttle's is between the two.
    fn claim(&self, token: Token, thread: Thread) -> Claim<Inside<'_>> {
        match self.table.takeover(token, worker(thread)) {
            Ok(inside) => {
                let which = inside.which;
                self.kernel.tell(&[
                    Output::TakenOver(thread, which),
                    Output::Entered(thread, which, which),
                    Output::Unlisted(thread, which),
                ]);
                Ok(inside)
            }
            Err(Refused::Busy) => {
                self.kernel.count(|counts| counts.busy += 1);
                Err(Unclaimed::Busy)
            }
            Err(_) => Err(Unclaimed::Gone),
        }
    }

    fn release(&self, mut inside: Inside<'_>, thread: Thread) -> Connection {
        let which = inside.which;
        let entry = inside.get_mut().expect("it is one worker's");
        let mut connection = entry.connection.take().expect("it leaves its entry together with its slot");
        connection.holder = thread;
        let _ = inside.delete();
        self.kernel.tell(&[Output::Left(thread, which), Output::TakenOut(thread, which)]);
        connection
    }

    fn close<'a>(&'a self, insides: impl IntoIterator<Item = Inside<'a>>, thread: Thread) {
        insides.into_iter().for_each(|inside| drop(self.release(inside, thread)));
    }

    /// Gives the connection back if it is not kept.
    pub(crate) fn put(&self, thread: Thread, connection: Connection, now: Duration) -> Option<Connection> {
        let (number, which) = (connection.number, connection.which);
        let entry = Entry { number, which, connection: Some(connection), place: None };
        let inserted = self.table.insert_and_enter(entry, Sharing::Exclusive(worker(thread)));
        let mut inside = inserted.map_err(|error| error.reason).expect("the number's slot is free");
        let owner = Owner::Thread(thread);
        self.kernel.tell(&[Output::Inserted(thread, which, owner), Output::Entered(thread, which, which)]);
        let (token, destination) = (inside.token(), self.seats[thread.index()].destination);
        if self.kernel.asks(which, Some(token)) {
            return Some(self.hand_back(inside, thread));
        }
        if self.mistake == Mistake::LeavesBeforeListing {
            drop(inside);
            self.kernel.tell(&[Output::Left(thread, which)]);
            let put = self
                .idle_list(thread)
                .put(destination, token, Stamps::new(now, now), |token| self.claim(token, thread));
            self.kernel.tell(&[Output::Listed(thread, which)]);
            self.close(put.ok().and_then(|put| put.evicted), thread);
            return None;
        }
        let mut idle_list = self.idle_list(thread);
        let put = idle_list.put(destination, token, Stamps::new(now, now), |token| self.claim(token, thread));
        let Ok(Put { handle, evicted, .. }) = put else {
            drop(idle_list);
            return Some(self.hand_back(inside, thread));
        };
        self.kernel.tell(&[Output::Listed(thread, which)]);
        inside.get_mut().expect("it is one worker's").place = Some(handle);
        drop(inside);
        self.kernel.tell(&[Output::Left(thread, which)]);
        drop(idle_list);
        self.close(evicted, thread);
        None
    }

    fn hand_back(&self, inside: Inside<'_>, thread: Thread) -> Connection {
        let connection = self.release(inside, thread);
        self.kernel.tell(&[Output::HandedBack(thread, connection.which)]);
        connection
    }

    pub(crate) fn take(&self, thread: Thread, from: Thread, now: Duration) -> Option<Connection> {
        let destination = self.seats[from.index()].destination;
        let took = self.idle_list(from).take(destination, now, |token| self.claim(token, thread));
        self.kernel.count(|counts| counts.expired += took.expired.len());
        self.close(took.expired.into_iter().map(|over| over.claimed), thread);
        let connection = self.release(took.found?, thread);
        self.settle(connection, thread, from)
    }

    fn settle(&self, connection: Connection, thread: Thread, from: Thread) -> Option<Connection> {
        let which = connection.which;
        if self.kernel.asks(which, None) {
            return None;
        }
        let is_later = self.mistake == Mistake::RehomesLater;
        let probes = self.mistake != Mistake::DoesNotProbe;
        if is_later && !self.kernel.probe(thread, which, probes) {
            return None;
        }
        if from != thread {
            self.kernel.deregister(which);
            self.kernel.register(thread, which);
        }
        if !is_later && !self.kernel.probe(thread, which, probes) {
            return None;
        }
        self.kernel.count(|counts| {
            counts.given += 1;
            counts.taken_over += usize::from(from != thread);
        });
        Some(connection)
    }

    pub(crate) fn look(&self, thread: Thread, about: Incarnation, token: Token) {
        let Ok(mut inside) = self.table.enter(token, worker(thread)) else {
            self.kernel.tell(&[Output::TurnedAway(thread, about, Away::Gone)]);
            self.kernel.count(|counts| counts.late += 1);
            return;
        };
        let which = inside.which;
        self.kernel.tell(&[Output::Entered(thread, which, about)]);
        if !self.kernel.asks(which, Some(token)) {
            drop(inside);
            self.kernel.tell(&[Output::Left(thread, which)]);
            return;
        }
        let place = inside.get_mut().expect("it is one worker's").place.take();
        if let (Some(place), false) = (place, self.mistake == Mistake::ClosesWhatIsListed) {
            let mut idle_list = self.idle_list(thread);
            if idle_list.remove(place) {
                self.kernel.tell(&[Output::Unlisted(thread, which)]);
            }
        }
        drop(self.release(inside, thread));
    }

    pub(crate) fn expire(&self, thread: Thread, now: Duration) {
        let expired = self.idle_list(thread).expire(now, usize::MAX, |token| self.claim(token, thread));
        self.kernel.count(|counts| counts.expired += expired.len());
        self.close(expired.into_iter().map(|Over { claimed, .. }| claimed), thread);
    }

    pub(crate) fn stop(&self, thread: Thread) {
        let left = self.idle_list(thread).stop(|token| self.claim(token, thread));
        self.close(left, thread);
    }
}

fn worker(thread: Thread) -> Worker {
    Worker::new(thread.0)
}
