//! How much of the pool is explored.

use handfast_spec::Recorded;
use handfast_spec::ownership::pool::Action;
use handfast_spec::ownership::{Incarnation, Thread};

use super::{Config, Flaw, Pool};
use crate::catalogue::Scope;
use crate::design::Checked;
use crate::subject::Setting;

/// What is explored: how many of everything there are, and what the environment may do.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// How many workers there are.
    pub threads: u16,
    /// How many connections can be open at a time.
    pub numbers: u8,
    /// How many connections there are in all.
    pub connections: u32,
    /// How many a shelf takes.
    pub room: u8,
    /// How often one is put into the pool in all.
    pub puts: u8,
    /// How often somebody tries to take one in all.
    pub takes: u8,
    /// How many false alarms there are in all.
    pub alarms: u8,
    /// Which workers open connections: those below this number.
    pub openers: u16,
    /// Which workers stop: those below this number.
    pub stoppers: u16,
    /// Whether connections are idle for too long.
    pub ages: bool,
}

/// One number that two connections have in turn; two workers, of whom one stops.
const IDLE: Extent = Extent {
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
};

/// Two connections at a time, on shelves with room for one.
const IDLE_PAIR: Extent = Extent { numbers: 2, takes: 1, alarms: 0, stoppers: 0, ..IDLE };

/// As `IDLE`, with three workers, of whom two open connections, and put them three times.
const IDLE_OF_THREE: Extent = Extent { threads: 3, puts: 3, openers: 2, ..IDLE };

/// As `IDLE_PAIR`, with a third connection under one of the numbers.
const IDLE_THIRD: Extent = Extent { connections: 3, puts: 3, takes: 2, ..IDLE_PAIR };

/// Everything at once.
const EVERYTHING: Extent = Extent { numbers: 2, connections: 3, room: 2, takes: 3, stoppers: 2, ..IDLE_OF_THREE };

/// The settings of a scope.
pub fn settings(scope: Scope, flaw: Flaw) -> Vec<Setting<Pool>> {
    let extents: &[(&'static str, Extent)] = match scope {
        Scope::Small => &[("idle", IDLE), ("idle pair", IDLE_PAIR)],
        Scope::Default => &[("idle", IDLE_OF_THREE), ("idle pair", IDLE_THIRD)],
        Scope::Large => &[("idle", IDLE_OF_THREE), ("idle pair", IDLE_THIRD), ("idle everything", EVERYTHING)],
    };
    extents.iter().map(|(name, extent)| Setting { name, checked: checked(extent, flaw) }).collect()
}

/// The pool, or a mutant of it, at an extent.
pub fn checked(extent: &Extent, flaw: Flaw) -> Checked<Pool> {
    let Extent { threads, numbers, room, puts, takes, alarms, .. } = *extent;
    let machine = Pool::new(Config { threads, numbers, room, puts, takes, alarms, flaw });
    Checked::new(vec![Recorded::new(machine)], alphabet(extent, flaw)).in_parts()
}

/// Every action that may be attempted at this extent.
pub(super) fn alphabet(extent: &Extent, flaw: Flaw) -> Vec<Action> {
    let mut alphabet = Vec::new();
    let threads = || (0..extent.threads).map(Thread);
    let connections = || (0..extent.connections).map(Incarnation);
    for thread in threads() {
        alphabet.extend([
            Action::Poll { thread },
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
        alphabet.extend(threads().map(|from| Action::Take { thread, from }));
        alphabet.extend(connections().map(|incarnation| Action::Look { thread, incarnation }));
        if thread.0 < extent.openers {
            alphabet.extend(connections().map(|incarnation| Action::Open { thread, incarnation }));
        }
        if thread.0 < extent.stoppers {
            alphabet.push(Action::Stop { thread });
        }
        if extent.ages {
            alphabet.push(Action::Expire { thread });
        }
        if flaw != Flaw::None {
            alphabet.push(Action::Resume { thread });
        }
    }
    for incarnation in connections() {
        alphabet.push(Action::Arrive { incarnation });
        if extent.ages {
            alphabet.push(Action::Age { incarnation });
        }
        if extent.alarms > 0 {
            alphabet.push(Action::Ring { incarnation });
        }
    }
    alphabet
}
