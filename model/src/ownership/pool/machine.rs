//! The machine: what there is, and where each worker is.

use core::hash::Hash;

use handfast_spec::ownership::pool::{Action, Pool as Protocol};
use handfast_spec::ownership::{Incarnation, Output, Refusal, Thread};
use handfast_spec::{Machine, Observation, Table};
use serde::Serialize;
use serde_json::Value;
use smallvec::SmallVec;

use super::kernel::Connection;
use super::log::Header;
use crate::checker::design::Design;
use crate::in_parts;
use crate::ownership::handfast::{Report, Slots, Token, Words};

/// How large the world is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Config {
    /// How many workers there are.
    pub threads: u16,
    /// How many connections can be open at a time, which is how many slots there are.
    pub numbers: u8,
    /// How many connections an idle list takes.
    pub room: u8,
    /// How often a connection is put into the pool in all; without end if it is [`u8::MAX`], as are the next two. Each
    /// time its slot has a new generation.
    pub puts: u8,
    /// How often a worker tries to take one in all. An unfair lock would be taken for ever, otherwise.
    pub takes: u8,
    /// How many false alarms there are in all.
    pub alarms: u8,
    /// Whether all workers are threads of one runtime, with one poller and one idle list: those of worker 0.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub one_runtime: bool,
}

/// handfast's pool.
pub type Pool = World<Slots>;

/// The idle lists of a pool, and its workers with their pollers, around the words.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
pub struct World<W> {
    pub(super) config: Config,
    pub(super) words: W,
    /// By worker.
    pub(super) idle_lists: Table<IdleList, 3>,
    pub(super) workers: Table<Worker, 3>,
    /// What the kernel and the pollers know, by incarnation.
    pub(super) connections: Table<Connection, 3>,
    /// Incarnations below this one exist or existed.
    pub(super) next: u32,
    pub(super) puts: u8,
    pub(super) takes: u8,
    pub(super) alarms: u8,
}

in_parts!(Pool {
    words: Slots,
    idle_lists: Table<IdleList, 3>,
    workers: Table<Worker, 3>,
    connections: Table<Connection, 3>,
} and {
    config: Config,
    next: u32,
    puts: u8,
    takes: u8,
    alarms: u8,
});

/// The idle connections of a worker.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct IdleList {
    /// The oldest first.
    pub(super) nodes: SmallVec<[Node; 2]>,
    pub(super) stopped: bool,
    /// Who has locked it for longer than a step.
    pub(super) locked: Option<Thread>,
    /// Reports about connections that a thread of the runtime is inside.
    #[serde(skip_serializing_if = "SmallVec::is_empty")]
    pub(super) early: SmallVec<[Token; 1]>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Node {
    pub(super) who: Who,
    pub(super) expired: bool,
}

/// A connection by its token, and which it really is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Who {
    pub(super) which: Incarnation,
    pub(super) token: Token,
}

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Worker {
    pub(super) at: At,
    /// What it has taken over to be closed.
    pub(super) old: SmallVec<[Who; 2]>,
    /// The connection that a task on this worker uses, while the worker does other things.
    pub(super) uses: Option<Incarnation>,
    /// What it is to look at.
    pub(super) reports: SmallVec<[Report; 2]>,
}

/// How far a worker is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum At {
    /// In its loop.
    #[default]
    Rest,
    /// Inside a connection that it puts, to be woken of it.
    Putting(Who),
    /// Inside a connection that it puts, to be listed.
    Armed(Who),
    /// Inside a connection that was not kept.
    Declined(Who),
    /// It has locked an idle list, and tries the last of as many connections next.
    Taking(Thread, u8),
    /// It closes what it has taken over to be closed, and then goes on with what it has found on an idle list.
    Clearing(Option<Found>),
    /// Inside a connection that it has taken over, to be taken out.
    Took(Found),
    /// It has the connection, to ask what the poller of this worker has noted.
    Settling(Incarnation, Thread),
    /// It has the connection, to have the poller of this worker forget it.
    Moving(Incarnation, Thread),
    /// It has the connection, which no poller watches.
    Homeless(Incarnation),
    /// It has the connection, to ask the kernel.
    Probing(Incarnation),
    /// Inside a connection that it is to look at.
    Looking(Who),
    /// Inside a connection that something is there for.
    Disturbed(Who),
    /// Inside such a connection, which is on no idle list any more.
    Unlisted(Who),
    /// Inside a connection that nothing is there for.
    Reassured(Who),
    /// It has the connection, to close it; and then clears on.
    Closing(Incarnation, Option<Found>),
    /// Turned away from a connection that it is to look at, because a thread of its runtime is inside.
    Deferring(Who),
}

/// What a taker found, and the worker of the idle list.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Found {
    pub(super) who: Who,
    pub(super) from: Thread,
}

pub(super) type Outputs = Vec<Output>;
pub(super) type Outcome = Result<(), Refusal>;

impl Pool {
    /// A pool in which nothing is.
    pub fn new(config: Config) -> Self {
        World::around(Slots::default(), config)
    }
}

impl<W: Words + Clone> World<W> {
    /// A pool in which nothing is, on words that say the same.
    pub fn around(words: W, config: Config) -> Self {
        let (idle_lists, workers, connections) = (Table::default(), Table::default(), Table::default());
        Self { config, words, idle_lists, workers, connections, next: 0, puts: 0, takes: 0, alarms: 0 }
    }

    /// How large the world is.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn attempt(&mut self, action: &Action, outputs: &mut Outputs) -> Outcome {
        if action.thread().is_some_and(|thread| thread.0 >= self.config.threads) {
            return Err(Refusal::NotNow);
        }
        match *action {
            Action::Open { thread, incarnation } => self.open(thread, incarnation, outputs),
            Action::Arrive { incarnation } => self.arrive(incarnation, outputs),
            Action::Ring { incarnation } => self.ring(incarnation),
            Action::Age { incarnation } => self.age(incarnation, outputs),
            Action::Poll { thread } => self.poll(thread, outputs),
            Action::Insert { thread } => self.insert(thread, outputs),
            Action::Watch { thread } => self.watch(thread, outputs),
            Action::List { thread } => self.list(thread, outputs),
            Action::Take { thread, from } => self.take(thread, from, outputs),
            Action::Claim { thread } => self.claim(thread, outputs),
            Action::Release { thread } => self.release(thread, outputs),
            Action::Ask { thread } => self.ask(thread, outputs),
            Action::Deregister { thread } => self.deregister(thread, outputs),
            Action::Register { thread } => self.register(thread, outputs),
            Action::Probe { thread } => self.probe(thread, outputs),
            Action::Look { thread, incarnation } => self.look(thread, incarnation, outputs),
            Action::Defer { thread } => self.defer(thread, outputs),
            Action::Unlist { thread } => self.unlist(thread, outputs),
            Action::Leave { thread } => self.leave(thread, outputs),
            Action::Expire { thread } => self.expire(thread, outputs),
            Action::Stop { thread } => self.stop(thread, outputs),
            Action::Close { thread } => self.close(thread, outputs),
            Action::Drop { thread } => self.give_up(thread, outputs),
        }
    }

    pub(super) fn worker(&mut self, thread: Thread) -> &mut Worker {
        self.workers.entry(thread.index())
    }

    /// The worker under which the poller, the idle list and the ownership of a worker are entered.
    pub(super) fn host(&self, thread: Thread) -> Thread {
        if self.config.one_runtime { Thread(0) } else { thread }
    }

    pub(super) fn idle_list(&mut self, thread: Thread) -> &mut IdleList {
        self.idle_lists.entry(self.host(thread).index())
    }

    /// What the worker, or any of its runtime, is to look at.
    pub(super) fn reports(&mut self, thread: Thread) -> &mut SmallVec<[Report; 2]> {
        let host = self.host(thread);
        &mut self.worker(host).reports
    }

    /// The order is that of the connections: which is looked at first is free.
    pub(super) fn report(&mut self, thread: Thread, report: Report) {
        let reports = self.reports(thread);
        let place = reports.iter().position(|other| other.about > report.about).unwrap_or(reports.len());
        reports.insert(place, report);
    }

    pub(super) fn at(&self, thread: Thread) -> At {
        self.workers.iter().nth(thread.index()).map_or(At::Rest, |worker| worker.at)
    }

    pub(super) fn go(&mut self, thread: Thread, at: At) {
        self.worker(thread).at = at;
    }

    /// A worker in its loop; the only place where it begins something.
    pub(super) fn rests(&self, thread: Thread) -> Outcome {
        if self.at(thread) == At::Rest { Ok(()) } else { Err(Refusal::NotNow) }
    }

    /// A worker that has not stopped, in its loop.
    pub(super) fn runs(&mut self, thread: Thread) -> Outcome {
        if self.idle_list(thread).stopped { Err(Refusal::NotNow) } else { self.rests(thread) }
    }

    /// A call begins.
    pub(super) fn call(&mut self, thread: Thread, at: At, outputs: &mut Outputs) {
        outputs.push(Output::Called(thread));
        self.go(thread, at);
    }

    /// A call is over.
    pub(super) fn rest(&mut self, thread: Thread, outputs: &mut Outputs) {
        outputs.push(Output::Returned(thread));
        self.go(thread, At::Rest);
    }

    pub(super) fn number(&self, which: Incarnation) -> u8 {
        self.connections.iter().nth(which.index()).map_or(0, |connection| connection.number)
    }

    pub(super) fn incarnations(&self) -> impl Iterator<Item = Incarnation> + use<W> {
        (0..self.next).map(Incarnation)
    }
}

impl<W: Words + Clone> World<W> {
    /// Each condition of rest, and whether it holds.
    pub fn rest_conditions(&self) -> [(&'static str, bool); 2] {
        [
            ("every worker is in its loop", self.workers.iter().all(|worker| worker.at == At::Rest)),
            ("no idle list is locked", self.idle_lists.iter().all(|idle_list| idle_list.locked.is_none())),
        ]
    }
}

impl<W: Words + Clone> Machine for World<W> {
    type Protocol = Protocol;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Vec::new();
        self.attempt(action, &mut outputs).map(|()| outputs).into()
    }
}

impl<W> Design for World<W>
where
    W: Words + Clone + Eq + Hash + Serialize + Send + Sync + 'static,
{
    /// OWN-11: at rest no worker is in the middle of anything, and no idle list is locked.
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
        self.waits_in(self)
    }
}
