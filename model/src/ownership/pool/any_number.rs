//! Any number of workers: what a worker has to itself, and what all share.
//!
//! With one number there is at most one connection, at most one worker that has it registered, its *home*, and at most
//! one idle list with anything on it, which is the home's. So what the home's idle list and poller have is shared, and what
//! names a worker names the home: the idle list that is locked, and whence a connection was taken over. States of which that
//! is not so cannot be taken apart.

use core::hash::Hash;

use handfast_spec::ownership::pool::{Action, Pool as Protocol};
use handfast_spec::ownership::{DescriptorRecord, History, Hold, IdleRecord, Owner, Thread, Threads};
use handfast_spec::{Recorded, Table};
use serde::Serialize;

use super::bounds::{Bounds, alphabet};
use super::kernel::{Connection, Watched};
use super::machine::{At, Config, Found, IdleList, Pool, Worker, World};
use crate::checker::design::{Checked, Design};
use crate::checker::views::{Family, Interchangeable};
use crate::ownership::handfast::{State, Writable};

/// The name of a worker that was taken out, and of the home where another worker names it.
const ANOTHER: Thread = Thread(u16::MAX);

/// Where a shared part has the idle list and the poller of the home.
const HOME: usize = 0;

/// The one number.
const NUMBER: u8 = 0;

/// One number, two connections in turn, two puts, one false alarm; any number of attempts to take.
const BOUNDS: Bounds = Bounds {
    threads: 0,
    numbers: 1,
    connections: 2,
    room: 1,
    puts: 2,
    takes: u8::MAX,
    alarms: 1,
    openers: u16::MAX,
    stoppers: u16::MAX,
    ages: true,
    one_runtime: false,
};

/// What a worker has to itself.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Local {
    worker: Worker,
    stopped: bool,
    /// It is the home.
    is_home: bool,
    /// It is the owner that the word names.
    owns: bool,
    /// It has locked the idle list of the home.
    locks: bool,
    told: Told,
}

/// A worker's share of the history: of each incarnation, a bit.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
struct Told {
    inside: u32,
    watching: u32,
    astray: u32,
    woken: u32,
    owns: u32,
    closes: u32,
    lists: u32,
    holds: u32,
    calling: bool,
}

impl<W: Writable + Clone> World<W> {
    fn home(&self) -> Option<Thread> {
        self.connections.iter().find(|connection| connection.open).and_then(|connection| connection.home)
    }

    fn idle_list_of(&self, thread: Thread) -> IdleList {
        self.idle_lists.iter().nth(thread.index()).cloned().unwrap_or_default()
    }

    /// Whether everything that only the home is believed to have only the home has.
    fn is_of_home(&self, home: Option<Thread>) -> bool {
        let at_home = |place: usize| home.is_some_and(|home| home.index() == place);
        let idle_lists = self.idle_lists.iter().enumerate().all(|(place, idle_list)| {
            idle_list.early.is_empty() && (at_home(place) || (idle_list.nodes.is_empty() && idle_list.locked.is_none()))
        });
        let connections = self.connections.iter().all(|connection| {
            let mut watched = connection.watched.iter().enumerate();
            let is_watched_at_home =
                watched.all(|(place, it)| *it == Watched::No || (connection.open && at_home(place)));
            is_watched_at_home && (connection.open || (!connection.data && connection.home.is_none()))
        });
        idle_lists && connections
    }

    fn without_workers(&self, home: Option<Thread>) -> Self {
        let mut shared = Self::around(self.words.clone(), Config { threads: 0, ..self.config });
        let mut state = self.words.state(NUMBER);
        if let State::Live { owner: Owner::Thread(owner), .. } = &mut state {
            *owner = ANOTHER;
        }
        shared.words.write(self.words.token(NUMBER), state, self.words.payload(NUMBER));
        if let Some(home) = home {
            let idle_list = self.idle_list_of(home);
            *shared.idle_lists.entry(HOME) = IdleList { locked: idle_list.locked.map(|_| ANOTHER), ..idle_list };
        }
        for (place, connection) in self.connections.iter().enumerate() {
            let mut watched = Table::default();
            if let Some(home) = connection.home {
                *watched.entry(HOME) = connection.watched.get(home.index());
            }
            let home = connection.home.map(|_| ANOTHER);
            *shared.connections.entry(place) = Connection { home, watched, ..connection.clone() };
        }
        Self { next: self.next, puts: self.puts, takes: self.takes, alarms: self.alarms, ..shared }
    }

    fn local(&self, history: &History, thread: Thread, home: Option<Thread>) -> Option<Local> {
        let mut worker = self.workers.iter().nth(thread.index()).cloned().unwrap_or_default();
        worker.at = renamed(worker.at, |from| (Some(from) == home).then_some(ANOTHER))?;
        let idle_list = home.map(|home| self.idle_list_of(home)).unwrap_or_default();
        let owns = match self.words.state(NUMBER) {
            State::Live { owner, .. } => owner == Owner::Thread(thread),
            State::Free | State::Held => false,
        };
        let mut told = Told { calling: history.calling.contains(thread), ..Told::default() };
        for (place, record) in history.descriptors.iter().enumerate() {
            let bit = |is_so: bool| u32::from(is_so) << place;
            told.inside |= bit(record.inside.contains(thread));
            told.watching |= bit(record.watching.contains(thread));
            told.astray |= bit(record.astray.contains(thread));
            told.woken |= bit(record.idle.woken.contains(thread));
            told.owns |= bit(record.owner == Some(Owner::Thread(thread)));
            told.closes |= bit(record.closer == Some(thread));
            told.lists |= bit(record.idle.list == Some(thread));
            told.holds |= bit(matches!(record.idle.held, Hold::Fetched(it) | Hold::Used(it) if it == thread));
        }
        let (is_home, locks) = (Some(thread) == home, idle_list.locked == Some(thread));
        Some(Local { worker, stopped: self.idle_list_of(thread).stopped, is_home, owns, locks, told })
    }

    fn put_in(&mut self, history: &mut History, locals: &[&Local]) -> Option<()> {
        let outside = Thread(locals.len() as u16);
        let only = |is_it: &dyn Fn(&Local) -> bool| only(locals, is_it).map(|it| it.unwrap_or(outside));
        let (home, owner, taker) = (only(&|it| it.is_home)?, only(&|it| it.owns)?, only(&|it| it.locks)?);
        self.config.threads = outside.0;
        let (token, payload, mut state) =
            (self.words.token(NUMBER), self.words.payload(NUMBER), self.words.state(NUMBER));
        let mut runners = 0;
        if let State::Live { owner: Owner::Thread(named), runners: counted, .. } = &mut state {
            (*named, runners) = (owner, *counted);
        }
        self.words.write(token, state, payload);
        let idle_list = core::mem::take(self.idle_lists.entry(HOME));
        for (place, local) in locals.iter().enumerate() {
            self.idle_lists.entry(place).stopped = local.stopped;
            *self.workers.entry(place) =
                Worker { at: renamed(local.worker.at, |_| Some(home))?, ..local.worker.clone() };
        }
        if self.home().is_some() {
            if home != outside && idle_list.stopped != self.idle_list_of(home).stopped {
                return None;
            }
            *self.idle_lists.entry(home.index()) = IdleList { locked: idle_list.locked.map(|_| taker), ..idle_list };
        }
        for connection in self.connections.iter_mut().filter(|connection| connection.home.is_some()) {
            connection.home = Some(home);
            let watched = core::mem::take(connection.watched.entry(HOME));
            *connection.watched.entry(home.index()) = watched;
        }
        for (place, record) in history.descriptors.iter_mut().enumerate() {
            tell(record, place, locals, (home, outside))?;
        }
        for (thread, _) in (0..).map(Thread).zip(locals).filter(|(_, local)| local.told.calling) {
            history.calling.insert(thread);
        }
        let seen: usize = locals.iter().map(|local| visits(&local.worker)).sum();
        if let Some(payload) = payload.filter(|_| usize::from(runners) > seen) {
            history.descriptors.entry(payload.index()).inside.insert(outside);
        }
        Some(())
    }
}

/// The worker of which something is true; none if it is true of several.
fn only(locals: &[&Local], is_it: &dyn Fn(&Local) -> bool) -> Option<Option<Thread>> {
    let mut those = (0..).map(Thread).zip(locals).filter(|(_, local)| is_it(local)).map(|(thread, _)| thread);
    let first = those.next();
    those.next().is_none().then_some(first)
}

/// The same point of a worker's work, with another name for the worker that it takes from.
fn renamed(at: At, name: impl Fn(Thread) -> Option<Thread>) -> Option<At> {
    let found = |found: Option<Found>| match found {
        Some(Found { who, from }) => name(from).map(|from| Some(Found { who, from })),
        None => Some(None),
    };
    Some(match at {
        At::Taking(from, place) => At::Taking(name(from)?, place),
        At::Clearing(before) => At::Clearing(found(before)?),
        At::Took(Found { who, from }) => At::Took(Found { who, from: name(from)? }),
        At::Settling(which, from) => At::Settling(which, name(from)?),
        At::Moving(which, from) => At::Moving(which, name(from)?),
        At::Closing(which, before) => At::Closing(which, found(before)?),
        at @ (At::Rest | At::Putting(_) | At::Armed(_) | At::Declined(_) | At::Homeless(_) | At::Probing(_)) => at,
        at @ (At::Looking(_) | At::Disturbed(_) | At::Unlisted(_) | At::Reassured(_) | At::Deferring(_)) => at,
    })
}

/// How many connections a worker is inside.
fn visits(worker: &Worker) -> usize {
    let at = match worker.at {
        At::Putting(_) | At::Armed(_) | At::Declined(_) | At::Took(_) => true,
        At::Looking(_) | At::Disturbed(_) | At::Unlisted(_) | At::Reassured(_) => true,
        At::Clearing(found) | At::Closing(_, found) => found.is_some(),
        At::Rest | At::Taking(..) | At::Settling(..) | At::Moving(..) => false,
        At::Homeless(_) | At::Probing(_) | At::Deferring(_) => false,
    };
    usize::from(at) + worker.old.len()
}

/// The history without what was told to single workers, but that the poller of the home watches.
fn told_of_no_worker(history: &History, home: Option<Thread>) -> History {
    let mut shared = History { violations: history.violations, ..History::default() };
    for (place, record) in history.descriptors.iter().enumerate() {
        let none = Threads::default();
        let mut watching = none;
        if home.is_some_and(|home| record.watching.contains(home)) {
            watching.insert(ANOTHER_AT_HOME);
        }
        let idle = IdleRecord {
            list: record.idle.list.map(|_| ANOTHER),
            held: match record.idle.held {
                Hold::Nobodys => Hold::Nobodys,
                Hold::Fetched(_) => Hold::Fetched(ANOTHER),
                Hold::Used(_) => Hold::Used(ANOTHER),
            },
            woken: none,
            ..record.idle
        };
        let owner = record.owner.map(|_| Owner::Thread(ANOTHER));
        let closer = record.closer.map(|_| ANOTHER);
        *shared.descriptors.entry(place) =
            DescriptorRecord { owner, closer, inside: none, watching, astray: none, idle, ..*record };
    }
    shared
}

/// The home, in the set of those who watch in a shared part.
const ANOTHER_AT_HOME: Thread = Thread(HOME as u16);

fn tell(record: &mut DescriptorRecord, place: usize, locals: &[&Local], outsiders: (Thread, Thread)) -> Option<()> {
    let (home, outside) = outsiders;
    let bit = 1_u32 << place;
    let named =
        |of: fn(&Told) -> u32| only(locals, &|local| of(&local.told) & bit != 0).map(|it| it.unwrap_or(outside));
    let (owner, closer) = (named(|told| told.owns)?, named(|told| told.closes)?);
    let (lister, holder) = (named(|told| told.lists)?, named(|told| told.holds)?);
    record.owner = record.owner.map(|_| Owner::Thread(owner));
    record.closer = record.closer.map(|_| closer);
    record.idle.list = record.idle.list.map(|_| lister);
    record.idle.held = match record.idle.held {
        Hold::Nobodys => Hold::Nobodys,
        Hold::Fetched(_) => Hold::Fetched(holder),
        Hold::Used(_) => Hold::Used(holder),
    };
    let is_watched_at_home = record.watching.remove(ANOTHER_AT_HOME);
    if is_watched_at_home && home == outside {
        record.watching.insert(outside);
    }
    for (thread, Local { told, .. }) in (0..).map(Thread).zip(locals) {
        let note = |bits: u32, threads: &mut Threads| bits & bit != 0 && threads.insert(thread);
        note(told.inside, &mut record.inside);
        note(told.watching, &mut record.watching);
        note(told.astray, &mut record.astray);
        note(told.woken, &mut record.idle.woken);
    }
    Some(())
}

impl<W> Interchangeable for World<W>
where
    W: Writable + Clone + Eq + Hash + Serialize + Send + Sync + 'static,
{
    type Local = Local;

    /// That a worker that is left out is inside, the count of runners says.
    const NEEDS_BALANCE: bool = true;

    fn take_apart(state: &Recorded<Self>) -> Option<(Recorded<Self>, Vec<Local>)> {
        let Recorded { machine: world, history } = state;
        let home = world.home();
        if world.config.numbers != 1 || world.config.one_runtime || !world.is_of_home(home) {
            return None;
        }
        let locals = (0..world.config.threads).map(|thread| world.local(history, Thread(thread), home));
        let locals = locals.collect::<Option<Vec<_>>>()?;
        let history = told_of_no_worker(history, home);
        Some((Recorded { machine: world.without_workers(home), history }, locals))
    }

    fn put_together(shared: &Recorded<Self>, locals: &[&Local]) -> Vec<Recorded<Self>> {
        let Recorded { mut machine, mut history } = shared.clone();
        let state = machine.put_in(&mut history, locals).map(|()| Recorded { machine, history });
        state.into_iter().collect()
    }

    fn balance(state: &Recorded<Self>) -> i64 {
        let counted = match state.machine.words.state(NUMBER) {
            State::Live { runners, .. } => runners.into(),
            State::Free | State::Held => 0,
        };
        let inside: usize = state.machine.workers.iter().map(visits).sum();
        counted - inside as i64
    }

    fn describe(state: &Recorded<Self>) -> Vec<String> {
        format!("{:?}", state.machine).lines().map(str::to_owned).collect()
    }
}

/// handfast's pool, for any number of workers.
pub fn any_number() -> Family<Pool> {
    any_number_of(Pool::new)
}

/// What `machine` makes of a configuration, for any number of workers.
pub fn any_number_of<D>(machine: impl Fn(Config) -> D + Send + Sync + 'static) -> Family<D>
where
    D: Interchangeable + Design<Protocol = Protocol>,
{
    let instance = move |workers: usize| {
        let threads = workers as u16;
        let Bounds { numbers, room, puts, takes, alarms, one_runtime, .. } = BOUNDS;
        let machine = machine(Config { threads, numbers, room, puts, takes, alarms, one_runtime });
        let mut alphabet = alphabet(&Bounds { threads, ..BOUNDS });
        // From the idle list of a worker that is left out.
        let from = Thread(threads);
        alphabet.extend((0..threads).map(Thread).map(|thread| Action::Take { thread, from }));
        Checked::new(vec![Recorded::new(machine)], alphabet)
    };
    Family {
        name: "pool",
        bounds: "one number, two connections in turn, two puts, one false alarm; attempts to take without limit",
        k: 2,
        named: 1,
        instance: Box::new(instance),
    }
}
