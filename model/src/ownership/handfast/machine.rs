//! The machine: one step for each access to a slot's word and for each system call.

use core::hash::Hash;

use handfast_spec::ownership::{Action, Incarnation, Output, Ownership, Refusal, Thread};
use handfast_spec::{Machine, Observation, Table};
use serde::Serialize;
use serde_json::Value;
use smallvec::SmallVec;

use super::kernel::{Descriptor, Registration};
use super::log::Header;
use super::word::{Slots, Token, Words};
use crate::checker::design::Design;
use crate::in_parts;

/// How large the world is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Config {
    /// How many threads there are.
    pub threads: u16,
    /// How many descriptors can be open at a time, which is how many slots there are.
    pub numbers: u8,
    /// How often a descriptor may be taken over in all; without end if it is [`u8::MAX`].
    pub takeovers: u8,
    /// How often something arrives for a descriptor; without end if it is [`u8::MAX`].
    pub arrivals: u8,
}

/// handfast's design.
pub type Handfast = World<Slots>;

/// A core with what surrounds it: threads, each with its poller, and a kernel that gives numbers and reports.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
pub struct World<W> {
    pub(super) config: Config,
    pub(super) words: W,
    pub(super) threads: Table<Worker, 3>,
    /// What the kernel knows, by incarnation.
    pub(super) kernel: Table<Descriptor, 3>,
    /// Incarnations below this one exist or existed.
    pub(super) next: u32,
    pub(super) takeovers: u8,
}

in_parts!(Handfast {
    words: Slots,
    threads: Table<Worker, 3>,
    kernel: Table<Descriptor, 3>,
} and {
    config: Config,
    next: u32,
    takeovers: u8,
});

/// A report that a thread's poller gave it, and what it is really about.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(in crate::ownership) struct Report {
    pub(in crate::ownership) token: Token,
    pub(in crate::ownership) about: Incarnation,
}

/// A thread.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Worker {
    pub(super) at: At,
    /// What its poller gave it and it has not acted on, in order of the descriptors.
    pub(super) reports: SmallVec<[Report; 2]>,
}

/// How far a thread is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum At {
    /// In its loop.
    #[default]
    Rest,
    /// It has a descriptor that no table has.
    Opened(Incarnation),
    /// It holds the slot, to put the descriptor in.
    Claimed(Incarnation),
    /// It is inside.
    Inside(Incarnation, Token),
    /// It holds the slot, to take the descriptor out and close it.
    Holding(Incarnation, Token),
    /// It has freed the slot, and the descriptor is to be closed.
    Wiped(Incarnation),
    /// It was turned away because it is not the owner, and has its poller forget the descriptor.
    Deregistering(Incarnation, Token),
}

pub(super) type Outputs = Vec<Output>;
pub(super) type Outcome = Result<(), Refusal>;

impl Handfast {
    /// A process that has just been started.
    pub fn new(config: Config) -> Self {
        World::around(Slots::default(), config)
    }
}

impl<W: Words> World<W> {
    /// A process that has just been started, around a core in which nothing is.
    pub fn around(words: W, config: Config) -> Self {
        let (threads, kernel) = (Table::default(), Table::default());
        Self { config, words, threads, kernel, next: 0, takeovers: 0 }
    }

    /// How large the world is.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn take(&mut self, action: &Action, outputs: &mut Outputs) -> Outcome {
        if action.thread().is_some_and(|thread| thread.0 >= self.config.threads) {
            return Err(Refusal::NotNow);
        }
        match *action {
            Action::Open { thread, incarnation } => self.open(thread, incarnation, outputs),
            Action::Claim { thread } => self.claim(thread, outputs),
            Action::Insert { thread, owner } => self.insert(thread, owner, outputs),
            Action::Watch { thread } => self.watch(thread, outputs),
            Action::Arrive { incarnation } => self.arrive(incarnation, outputs),
            Action::Poll { thread } => self.poll(thread, outputs),
            Action::Enter { thread, incarnation } => self.enter(thread, incarnation, outputs),
            Action::Join { thread, incarnation } => self.join(thread, incarnation, outputs),
            Action::Leave { thread } => self.leave(thread, outputs),
            Action::Takeover { thread, incarnation } => self.takeover(thread, incarnation, outputs),
            Action::Delete { thread, incarnation } => self.delete(thread, incarnation, outputs),
            Action::DeleteInside { thread } => self.delete_inside(thread, outputs),
            Action::Wipe { thread } => self.wipe(thread, outputs),
            Action::Close { thread } => self.close(thread, outputs),
            Action::Forget { thread } => self.forget(thread, outputs),
        }
    }

    pub(super) fn at(&self, thread: Thread) -> At {
        self.threads.iter().nth(thread.index()).map_or(At::Rest, |worker| worker.at)
    }

    pub(super) fn go(&mut self, thread: Thread, at: At) {
        self.threads.entry(thread.index()).at = at;
    }

    /// A thread in its loop; the only place where it begins something.
    pub(super) fn rests(&self, thread: Thread) -> Outcome {
        if self.at(thread) == At::Rest { Ok(()) } else { Err(Refusal::NotNow) }
    }

    pub(super) fn incarnations(&self) -> impl Iterator<Item = Incarnation> + use<W> {
        (0..self.next).map(Incarnation)
    }

    /// The number that a descriptor has, or had.
    pub(super) fn number(&self, incarnation: Incarnation) -> u8 {
        self.kernel.iter().nth(incarnation.index()).map_or(0, |descriptor| descriptor.number)
    }

    /// The token of a descriptor that is in the table.
    pub(super) fn token(&self, incarnation: Incarnation) -> Result<Token, Refusal> {
        let number = self.number(incarnation);
        let is_there = self.words.payload(number) == Some(incarnation) && incarnation.0 < self.next;
        if is_there { Ok(self.words.token(number)) } else { Err(Refusal::Gone) }
    }
}

impl<W: Words> World<W> {
    /// Each condition of rest, and whether it holds.
    pub fn rest_conditions(&self) -> [(&'static str, bool); 3] {
        let told = |registration: &Registration| !registration.is_due();
        [
            ("every thread is in its loop", self.threads.iter().all(|worker| worker.at == At::Rest)),
            ("no thread has a report", self.threads.iter().all(|worker| worker.reports.is_empty())),
            (
                "no poller has anything to report",
                self.kernel.iter().all(|descriptor| descriptor.watchers.iter().all(told)),
            ),
        ]
    }
}

impl<W: Words> Machine for World<W> {
    type Protocol = Ownership;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Vec::new();
        self.take(action, &mut outputs).map(|()| outputs).into()
    }
}

impl<W> Design for World<W>
where
    W: Words + Clone + Eq + Hash + Serialize + Send + Sync + 'static,
{
    /// OWN-11: at rest no thread is in the middle of anything, and no report waits to be taken up.
    fn at_rest(&self) -> bool {
        self.rest_conditions().into_iter().all(|(_, rests)| rests)
    }

    fn header(&self) -> Value {
        serde_json::to_value(Header::of(&self.config)).expect("a header is plain data")
    }

    fn in_words(&self) -> Vec<String> {
        self.described()
    }

    fn waits(&self) -> Vec<String> {
        self.waiting()
    }
}
