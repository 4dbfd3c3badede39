//! How much of the pool is explored.

use handfast_spec::Recorded;
use handfast_spec::ownership::pool::{Action, Pool as Protocol};
use handfast_spec::ownership::{Incarnation, Thread};

use super::{Config, Pool};
use crate::checker::catalogue::Scope;
use crate::checker::design::{Checked, Design};
use crate::checker::target::Instance;

/// What is explored: how many of everything there are, and what the environment may do.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many workers there are.
    pub threads: u16,
    /// How many connections can be open at a time.
    pub numbers: u8,
    /// How many connections there are in all.
    pub connections: u32,
    /// How many an idle list takes.
    pub room: u8,
    /// How often one is put into the pool in all.
    pub puts: u8,
    /// How often a worker tries to take one in all.
    pub takes: u8,
    /// How many false alarms there are in all.
    pub alarms: u8,
    /// Which workers open connections: those below this number.
    pub openers: u16,
    /// Which workers stop: those below this number. Of threads that share a runtime it is the one that looks, if any may.
    pub stoppers: u16,
    /// Whether connections are idle for too long.
    pub ages: bool,
    /// Whether all workers are threads of one runtime. The one task that looks runs on the last of them, and what uses
    /// connections on the others: which thread runs a task does not matter, and that there is one does.
    pub one_runtime: bool,
}

/// One number that two connections have in turn; two workers, of which one stops.
const IDLE: Bounds = Bounds {
    threads: 2,
    numbers: 1,
    connections: 2,
    room: 1,
    puts: 2,
    takes: 2,
    alarms: 1,
    openers: 1,
    stoppers: 1,
    ages: true,
    one_runtime: false,
};

/// Two connections at a time, on idle lists with room for one.
const IDLE_PAIR: Bounds = Bounds { numbers: 2, takes: 1, alarms: 0, stoppers: 0, ..IDLE };

/// Two threads of one runtime: one puts and takes, and the other runs the task that looks, which may be while the first
/// is inside.
const ONE_RUNTIME: Bounds = Bounds { one_runtime: true, ..IDLE };

/// As `IDLE`, with three workers, of which two open connections, and put them three times.
const IDLE_OF_THREE: Bounds = Bounds { threads: 3, puts: 3, openers: 2, ..IDLE };

/// As `IDLE_PAIR`, with a third connection under one of the numbers.
const IDLE_THIRD: Bounds = Bounds { connections: 3, puts: 3, takes: 2, ..IDLE_PAIR };

/// As `IDLE_OF_THREE`, with four workers.
const IDLE_OF_FOUR: Bounds = Bounds { threads: 4, ..IDLE_OF_THREE };

/// As `IDLE_THIRD`, with three workers.
const IDLE_THIRD_OF_THREE: Bounds = Bounds { threads: 3, ..IDLE_THIRD };

/// The instances of a scope.
pub fn instances(scope: Scope) -> Vec<Instance<Pool>> {
    each_bounds(scope, checked)
}

/// The pool at these bounds.
pub fn checked(bounds: &Bounds) -> Checked<Pool> {
    bounds.checked(Pool::new).in_parts()
}

/// Two threads of one runtime, as an instance of their own.
pub fn one_runtime() -> Instance<Pool> {
    Instance { name: "one runtime", checked: checked(&ONE_RUNTIME) }
}

/// What `checked` makes of the bounds of threads that share a runtime.
pub(super) fn of_one_runtime<D: Design>(checked: impl Fn(&Bounds) -> Checked<D>) -> Vec<Instance<D>> {
    vec![Instance { name: "one runtime", checked: checked(&ONE_RUNTIME) }]
}

/// What `checked` makes of the bounds of a scope.
pub(super) fn each_bounds<D: Design>(scope: Scope, checked: impl Fn(&Bounds) -> Checked<D>) -> Vec<Instance<D>> {
    let bounds: &[(&'static str, Bounds)] = match scope {
        Scope::Small => &[("idle", IDLE), ("idle pair", IDLE_PAIR)],
        Scope::Default => &[("idle", IDLE_OF_THREE), ("idle pair", IDLE_THIRD)],
        Scope::Large => &[("idle", IDLE_OF_FOUR), ("idle pair", IDLE_THIRD_OF_THREE)],
    };
    bounds.iter().map(|(name, bounds)| Instance { name, checked: checked(bounds) }).collect()
}

impl Bounds {
    /// The machine that is made of a configuration, at these bounds.
    pub(super) fn checked<D: Design<Protocol = Protocol>>(&self, machine: impl Fn(Config) -> D) -> Checked<D> {
        let Self { threads, numbers, room, puts, takes, alarms, one_runtime, .. } = *self;
        let machine = machine(Config { threads, numbers, room, puts, takes, alarms, one_runtime });
        Checked::new(vec![Recorded::new(machine)], alphabet(self))
    }
}

/// Every action that may be attempted at these bounds.
pub(super) fn alphabet(bounds: &Bounds) -> Vec<Action> {
    let mut alphabet = Vec::new();
    let threads = || (0..bounds.threads).map(Thread);
    let connections = || (0..bounds.connections).map(Incarnation);
    for thread in threads() {
        alphabet.extend([
            Action::Insert { thread },
            Action::Watch { thread },
            Action::List { thread },
            Action::Claim { thread },
            Action::Release { thread },
            Action::Ask { thread },
            Action::Deregister { thread },
            Action::Register { thread },
            Action::Probe { thread },
            Action::Unlist { thread },
            Action::Leave { thread },
            Action::Close { thread },
            Action::Drop { thread },
        ]);
        let is_last = thread.0 + 1 == bounds.threads;
        if !bounds.one_runtime || !is_last {
            let idle_lists = threads().filter(|from| !bounds.one_runtime || from.0 == 0);
            alphabet.extend(idle_lists.map(|from| Action::Take { thread, from }));
        }
        if !bounds.one_runtime || is_last {
            alphabet.push(Action::Poll { thread });
            alphabet.extend(connections().map(|incarnation| Action::Look { thread, incarnation }));
            alphabet.extend(bounds.ages.then_some(Action::Expire { thread }));
            alphabet.extend(bounds.one_runtime.then_some(Action::Defer { thread }));
        }
        if thread.0 < bounds.openers {
            alphabet.extend(connections().map(|incarnation| Action::Open { thread, incarnation }));
        }
        // What stops is the task that looks, which no other thread can end while it does.
        let stops = if bounds.one_runtime { is_last && bounds.stoppers > 0 } else { thread.0 < bounds.stoppers };
        if stops {
            alphabet.push(Action::Stop { thread });
        }
    }
    for incarnation in connections() {
        alphabet.push(Action::Arrive { incarnation });
        if bounds.ages {
            alphabet.push(Action::Age { incarnation });
        }
        if bounds.alarms > 0 {
            alphabet.push(Action::Ring { incarnation });
        }
    }
    alphabet
}
