//! The pool's cores as a machine: `handfast::pool::core::IdleList` for each worker, and one `handfast::ownership::Table`,
//! put together as `impl/src/pool/shared` puts them together, one step at a time.
//!
//! Around them, in the plainest way, are the workers, their pollers and a kernel. An idle list that is locked for several
//! steps is where the product has it then: inside a call of `IdleList::take`, which asks for each connection in turn.

mod idle_list;
mod kernel;
mod steps;
mod taking;

use std::collections::BTreeMap;

use handfast::ownership::{Guard, Numbered, Refused, Table, Token};
use handfast::pool::core::{Claim, Handle, Unclaimed};
use handfast_spec::ownership::pool::{Action, Pool as Protocol};
use handfast_spec::ownership::{Away, Incarnation, Output, Refusal, Thread};
use handfast_spec::{Machine, Observation};
use model::ownership::pool::Config;

use super::core::{away, worker};
use idle_list::Seat;
use kernel::Connection;
use taking::Taking;

/// A mistake in how the cores are put together, so that the walks are known to notice one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mistake {
    /// None.
    None,
    /// What is found closed stays on its idle list.
    KeepsListed,
    /// What is busy is said to be gone.
    SaysGone,
    /// A worker that stops closes what is on its idle list, and does not say that it stops.
    StopsSilently,
    /// A worker that lists a connection does not leave it, and closes it.
    LeavesLate,
    /// The clock of the idle list is not looked at.
    IgnoresTime,
    /// A report that was left on the idle list stays there.
    KeepsTheEarly,
}

/// A pool's cores, and what is around them.
pub struct PoolMachine {
    config: Config,
    mistake: Mistake,
    table: &'static Table<Entry>,
    seats: Vec<Seat>,
    workers: BTreeMap<Thread, Poller>,
    open: BTreeMap<Incarnation, Connection>,
    /// Incarnations below this one exist or existed.
    next: u32,
    puts: u8,
    takes: u8,
    alarms: u8,
}

/// What is in a slot.
struct Entry {
    number: usize,
    which: Incarnation,
    place: Option<Handle>,
}

impl Numbered for Entry {
    fn number(&self) -> usize {
        self.number
    }
}

type Inside = Guard<'static, Entry>;
type Outcome = Result<Vec<Output>, Refusal>;

struct Found {
    inside: Inside,
    from: Thread,
}

/// A worker.
#[derive(Default)]
struct Poller {
    at: At,
    old: Vec<Inside>,
    uses: Option<Incarnation>,
    /// What it is to look at: one wake-up of a connection after the other.
    reports: Vec<(Incarnation, Token)>,
}

#[derive(Default)]
enum At {
    #[default]
    Rest,
    Putting(Inside),
    Armed(Inside),
    Declined(Inside),
    Taking(Taking),
    Clearing(Option<Found>),
    Took(Found),
    Settling(Incarnation, Thread),
    Moving(Incarnation, Thread),
    Homeless(Incarnation),
    Probing(Incarnation),
    Deferring(Incarnation, Token),
    Looking(Inside),
    Disturbed(Inside),
    Unlisted(Inside),
    Reassured(Inside),
    Closing(Incarnation, Option<Found>),
}

impl PoolMachine {
    /// A pool in which nothing is.
    ///
    /// Its table is kept for ever, as guards that are kept in a machine need it to be.
    pub fn new(config: &Config, mistake: Mistake) -> Self {
        let table = Box::leak(Box::new(Table::new(usize::from(config.numbers))));
        let seats = (0..config.threads).map(|_| Seat::new(usize::from(config.room))).collect();
        Self {
            config: *config,
            mistake,
            table,
            seats,
            workers: BTreeMap::new(),
            open: BTreeMap::new(),
            next: 0,
            puts: 0,
            takes: 0,
            alarms: 0,
        }
    }

    fn attempt(&mut self, action: Action) -> Outcome {
        match action {
            Action::Open { thread, incarnation } => self.open(thread, incarnation),
            Action::Arrive { incarnation } => self.arrive(incarnation),
            Action::Ring { incarnation } => self.ring(incarnation),
            Action::Age { incarnation } => self.age(incarnation),
            Action::Poll { thread } => self.poll(thread),
            Action::Insert { thread } => self.insert(thread),
            Action::Watch { thread } => self.watch(thread),
            Action::List { thread } => self.list(thread),
            Action::Take { thread, from } => self.take(thread, from),
            Action::Claim { thread } => self.claim_next(thread),
            Action::Release { thread } => self.release(thread),
            Action::Ask { thread } => self.ask(thread),
            Action::Deregister { thread } => self.deregister(thread),
            Action::Register { thread } => self.register(thread),
            Action::Probe { thread } => self.probe(thread),
            Action::Look { thread, incarnation } => self.look(thread, incarnation),
            Action::Defer { thread } => self.defer(thread),
            Action::Unlist { thread } => self.unlist(thread),
            Action::Leave { thread } => self.leave(thread),
            Action::Expire { thread } => self.expire(thread),
            Action::Stop { thread } => self.stop(thread),
            Action::Close { thread } => self.close(thread),
            Action::Drop { thread } => self.give_up(thread),
        }
    }

    fn worker(&mut self, thread: Thread) -> &mut Poller {
        self.workers.entry(thread).or_default()
    }

    /// The worker under which the poller, the idle list and the ownership of a worker are entered.
    fn host(&self, thread: Thread) -> Thread {
        if self.config.one_runtime { Thread(0) } else { thread }
    }

    fn seat(&mut self, thread: Thread) -> &mut Seat {
        let host = self.host(thread);
        &mut self.seats[host.index()]
    }

    fn reports(&mut self, thread: Thread) -> &mut Vec<(Incarnation, Token)> {
        let host = self.host(thread);
        &mut self.worker(host).reports
    }

    fn rests(&mut self, thread: Thread) -> Result<(), Refusal> {
        if matches!(self.worker(thread).at, At::Rest) { Ok(()) } else { Err(Refusal::NotNow) }
    }

    fn runs(&mut self, thread: Thread) -> Result<(), Refusal> {
        if self.seat(thread).stopped { Err(Refusal::NotNow) } else { self.rests(thread) }
    }

    /// Where a worker is, if it is there; it is in its loop then, until it goes somewhere else.
    fn leave_off(&mut self, thread: Thread, is_there: fn(&At) -> bool) -> Result<At, Refusal> {
        let at = &mut self.worker(thread).at;
        if is_there(at) { Ok(std::mem::take(at)) } else { Err(Refusal::NotNow) }
    }

    fn go(&mut self, thread: Thread, at: At) {
        self.worker(thread).at = at;
    }

    /// What is left to be closed, and then what was found.
    fn goes_on(&mut self, thread: Thread, found: Option<Found>, outputs: &mut Vec<Output>) {
        let at = match (self.worker(thread).old.is_empty(), found) {
            (false, found) => At::Clearing(found),
            (true, Some(found)) => At::Took(found),
            (true, None) => {
                outputs.push(Output::Returned(thread));
                At::Rest
            }
        };
        self.go(thread, at);
    }
}

/// What the product makes of a takeover.
fn claim(table: &'static Table<Entry>, token: Token, thread: Thread) -> (Claim<Inside>, Option<Away>) {
    match table.takeover(token, worker(thread)) {
        Ok(inside) => (Ok(inside), None),
        Err(Refused::Busy) => (Err(Unclaimed::Busy), Some(Away::Busy)),
        Err(refused) => (Err(Unclaimed::Gone), Some(away(refused))),
    }
}

impl Machine for PoolMachine {
    type Protocol = Protocol;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        match self.attempt(*action) {
            Ok(outputs) => Observation::Accepted(outputs),
            Err(refusal) => Observation::Refused(refusal),
        }
    }
}
