//! How much of the design is explored.

use handfast_spec::Recorded;
use handfast_spec::ownership::{Action, Incarnation, Owner, Ownership, Thread};

use super::{Config, Handfast};
use crate::checker::catalogue::Scope;
use crate::checker::design::{Checked, Design};
use crate::checker::target::Instance;

/// What is explored: how many of everything there are, and what the environment may do.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many threads there are.
    pub threads: u16,
    /// How many descriptors can be open at a time.
    pub numbers: u8,
    /// Whether each descriptor is shared, in the order in which they are opened.
    pub shared: &'static [bool],
    /// Which threads open descriptors.
    pub openers: u16,
    /// Which threads delete from outside: from this number on.
    pub deleters: u16,
    /// How often descriptors may be taken over in all.
    pub takeovers: u8,
    /// How often something arrives for each descriptor. A thread that is given ever more to do deals with something
    /// always, and with nothing in particular by any time; what is promised of one descriptor shows where that ends.
    pub arrivals: u8,
}

/// One number that means two descriptors in turn, two threads, each of which deletes.
const REUSE: Bounds =
    Bounds { threads: 2, numbers: 1, shared: &[false, false], openers: 2, deleters: 0, takeovers: 2, arrivals: 2 };

/// A listening socket and what follows it under its number.
const SHARED: Bounds = Bounds { shared: &[true, false], takeovers: 1, ..REUSE };

/// As `REUSE`, with three threads.
const REUSE_OF_THREE: Bounds = Bounds { threads: 3, openers: 2, ..REUSE };

/// As `SHARED`, with three threads.
const SHARED_OF_THREE: Bounds = Bounds { threads: 3, openers: 2, ..SHARED };

/// As `REUSE_OF_THREE`, with four threads.
const REUSE_OF_FOUR: Bounds = Bounds { threads: 4, ..REUSE_OF_THREE };

/// As `SHARED_OF_THREE`, with four threads.
const SHARED_OF_FOUR: Bounds = Bounds { threads: 4, ..SHARED_OF_THREE };

/// Two numbers, of which one comes back.
const TWO_NUMBERS: Bounds = Bounds {
    threads: 2,
    numbers: 2,
    shared: &[false, false, true],
    openers: 1,
    deleters: 1,
    takeovers: 1,
    arrivals: 1,
};

/// As `TWO_NUMBERS`, with three threads, two of which open and two of which delete.
const TWO_NUMBERS_OF_THREE: Bounds = Bounds { threads: 3, openers: 2, ..TWO_NUMBERS };

/// The instances of a scope.
pub fn instances(scope: Scope) -> Vec<Instance<Handfast>> {
    each_bounds(scope, checked)
}

/// The design at these bounds.
pub fn checked(bounds: &Bounds) -> Checked<Handfast> {
    bounds.checked(Handfast::new).in_parts()
}

/// What `checked` makes of the bounds of a scope.
pub(super) fn each_bounds<D: Design>(scope: Scope, checked: impl Fn(&Bounds) -> Checked<D>) -> Vec<Instance<D>> {
    let bounds: &[(&'static str, Bounds)] = match scope {
        Scope::Small => &[("reuse", REUSE), ("shared", SHARED)],
        Scope::Default => &[("reuse", REUSE_OF_THREE), ("shared", SHARED_OF_THREE), ("two numbers", TWO_NUMBERS)],
        Scope::Large => &[("reuse", REUSE_OF_FOUR), ("shared", SHARED_OF_FOUR), ("two numbers", TWO_NUMBERS_OF_THREE)],
    };
    bounds.iter().map(|(name, bounds)| Instance { name, checked: checked(bounds) }).collect()
}

impl Bounds {
    /// The machine that is made of a configuration, at these bounds.
    pub(super) fn checked<D: Design<Protocol = Ownership>>(&self, machine: impl Fn(Config) -> D) -> Checked<D> {
        let Self { threads, numbers, takeovers, arrivals, .. } = *self;
        let machine = machine(Config { threads, numbers, takeovers, arrivals });
        Checked::new(vec![Recorded::new(machine)], alphabet(self))
    }
}

/// Every action that may be attempted at these bounds.
fn alphabet(bounds: &Bounds) -> Vec<Action> {
    let mut alphabet = Vec::new();
    let incarnations = || (0..).map(Incarnation).zip(bounds.shared);
    for thread in (0..bounds.threads).map(Thread) {
        alphabet.extend([
            Action::Watch { thread },
            Action::Poll { thread },
            Action::Leave { thread },
            Action::DeleteInside { thread },
            Action::Wipe { thread },
            Action::Close { thread },
            Action::Forget { thread },
        ]);
        for (incarnation, &shared) in incarnations() {
            alphabet.push(Action::Enter { thread, incarnation });
            if !shared {
                alphabet.push(Action::Takeover { thread, incarnation });
            }
            if thread.0 < bounds.openers {
                alphabet.push(Action::Open { thread, incarnation });
            }
            if thread.0 >= bounds.deleters {
                alphabet.push(Action::Delete { thread, incarnation });
            }
            // The thread that opened it has its poller watch it already.
            if shared && !(thread.0 == 0 && bounds.openers == 1) {
                alphabet.push(Action::Join { thread, incarnation });
            }
        }
        if thread.0 < bounds.openers {
            alphabet.push(Action::Claim { thread });
        }
    }
    alphabet.extend(incarnations().map(|(incarnation, _)| Action::Arrive { incarnation }));
    alphabet.extend(inserts(bounds));
    alphabet
}

/// A thread inserts what is to be its own, or shared.
fn inserts(bounds: &Bounds) -> Vec<Action> {
    let own = |thread| Action::Insert { thread, owner: Owner::Thread(thread) };
    let everybodys = |thread| Action::Insert { thread, owner: Owner::Everybody };
    let openers = || (0..bounds.openers).map(Thread);
    let shared = openers().filter(|_| bounds.shared.contains(&true)).map(everybodys);
    openers().filter(|_| bounds.shared.contains(&false)).map(own).chain(shared).collect()
}
