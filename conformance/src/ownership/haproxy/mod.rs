//! HAProxy's table of descriptors as code: the protocol before the repair of 2023, as it was repaired, and as it would have
//! been right, on any [memory](Memory). Written from the description of its steps in `specs/ownership.md`.
//!
//! One descriptor number and one group of threads, as in the model: an entry with its masks, and around it the kernel
//! and the list of idle connections ([`World`]), which are no part of the protocol and are simulated. Each access is
//! announced to a [`Probe`] by the name that the model has for it, so that a schedule can be [followed](follow), a thread be slowed
//! down at a place, or nothing at all.

mod begin;
mod entry;
pub mod follow;
mod leave;
mod memory;
mod poll;
mod probe;
mod report;
mod world;

pub use self::entry::Entry;
pub use self::memory::{Masks, Memory, Named, Strict};
pub use self::probe::{Probe, Quiet};
pub use self::world::World;

use handfast_spec::ownership::{Fact, Incarnation, Thread};
use model::ownership::haproxy::{Action, Step, Switches};

/// Which protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Design {
    /// Before cd8914bc5: a look until the masks agree and then a swap; whoever sees itself alone closes.
    Before,
    /// As cd8914bc5 repaired it: a thread announces itself and then looks; whoever clears the flag closes.
    Seed,
    /// With the closing rule, a reference for everybody, flags in one step, and generations.
    Corrected,
}

impl Design {
    /// Every design, in the order of their making.
    pub const ALL: [Self; 3] = [Self::Before, Self::Seed, Self::Corrected];

    /// The model's name for it.
    pub const fn switches(self) -> Switches {
        match self {
            Self::Before => Switches::BEFORE,
            Self::Seed => Switches::SEED,
            Self::Corrected => Switches::CORRECTED,
        }
    }

    const fn is_corrected(self) -> bool {
        match self {
            Self::Corrected => true,
            Self::Before | Self::Seed => false,
        }
    }
}

/// One thread of the process: its place in the masks, and what it has read.
#[derive(Debug)]
pub struct Worker<'p, M: Memory, P: Probe> {
    design: Design,
    entry: &'p Entry<M>,
    probe: &'p P,
    me: Thread,
    own: u64,
    /// What it works on, as somebody who sees everything would say. For what it tells, and for nothing else.
    found: Incarnation,
    /// What it was reported.
    meant: Incarnation,
    inside: bool,
    /// Entries of its own list of updates.
    entries: u8,
    report: Option<Incarnation>,
}

/// Where a thread goes on if it is not the one who closes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum After {
    Deletion,
    Lost,
    Callback,
}

impl<'p, M: Memory, P: Probe> Worker<'p, M, P> {
    /// The thread with this number.
    pub fn new(design: Design, entry: &'p Entry<M>, probe: &'p P, me: Thread) -> Self {
        let zero = Incarnation::default();
        let own = 1 << me.0;
        Self { design, entry, probe, me, own, found: zero, meant: zero, inside: false, entries: 0, report: None }
    }

    /// Whether its poller has given it a report that it has not acted on.
    pub fn has_report(&self) -> bool {
        self.report.is_some()
    }

    /// Announces a step, and waits until it may be taken.
    fn at(&self, step: Step) -> Result<(), P::Stop> {
        self.probe.at(self.me, Action::Step(self.me, step))
    }

    fn begin(&self, action: Action) -> Result<(), P::Stop> {
        self.probe.at(self.me, action)
    }

    fn tell(&self, fact: impl FnOnce() -> Fact) {
        self.probe.tell(fact);
    }

    /// It begins something, on what is in the entry now.
    fn call(&mut self) {
        self.found = self.probe.world(|world| {
            world.busy[self.me.index()] = true;
            world.owner.unwrap_or_default()
        });
        self.tell(|| Fact::Called(self.me));
    }

    /// What it was doing is over.
    fn rest(&mut self) {
        self.inside = false;
        self.probe.world(|world| world.busy[self.me.index()] = false);
        self.tell(|| Fact::Returned(self.me));
    }

    /// OWN-7: what is written must be of the descriptor that was meant.
    fn touch(&self) {
        if self.is_mixed() {
            self.tell(|| Fact::Mixed(self.me));
        }
    }

    fn is_mixed(&self) -> bool {
        self.probe.world(|world| world.owner.is_some_and(|owner| owner != self.found))
    }

    /// It does not believe any more that it may run.
    fn leaves(&mut self) {
        let uses = self.probe.world(|world| world.is_used_by(self.me));
        if std::mem::take(&mut self.inside) && !uses {
            self.tell(|| Fact::Left(self.me, self.found));
        }
    }

    /// OWN-3: it is told that it is the one to close.
    fn wins(&self) {
        self.tell(|| Fact::MustClose(self.me, self.found));
    }
}
