//! Mutants of handfast's design: one mistake each, made by somebody in a real system.

use crate::checker::catalogue::{Kind, Scope, Variant};
use crate::checker::target::Instances;

use super::{Flaw, instances};

struct Mutant {
    name: &'static str,
    flaw: Flaw,
    kind: Kind,
    source: &'static str,
    about: &'static str,
    violates: &'static [&'static str],
}

/// Every mutant.
pub fn variants() -> Vec<Variant> {
    MUTANTS.iter().map(Mutant::variant).collect()
}

impl Mutant {
    fn variant(&self) -> Variant {
        let Self { name, flaw, kind, source, about, violates } = *self;
        let target = Box::new(Instances::new(name, instances(Scope::Small, flaw)));
        Variant { name, kind, source, about, violates, target }
    }
}

const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "checks-then-enters",
        flaw: Flaw::ChecksThenEnters,
        kind: Kind::Mutant,
        source: "haproxy/haproxy cd8914bc5, fd_update_events before it (M01, M38)",
        about: "a thread looks whether it may enter in one step and says that it is inside in the next",
        violates: &["OWN-1", "OWN-2", "OWN-4", "OWN-5", "OWN-21", "OWN-22"],
    },
    Mutant {
        name: "checks-then-takes-over",
        flaw: Flaw::ChecksThenTakesOver,
        kind: Kind::Mutant,
        source: "haproxy/haproxy c23b33764 (M13)",
        about: "a thread looks whether it may take over in one step and does so in the next",
        violates: &["OWN-1", "OWN-2", "OWN-4", "OWN-5", "OWN-21", "OWN-22"],
    },
    Mutant {
        name: "looks-whether-last",
        flaw: Flaw::LooksWhetherLast,
        kind: Kind::Mutant,
        source: "haproxy/haproxy cd8914bc5, fd_clr_running before it (M02)",
        about: "whoever leaves looks afterwards whether it was the last, and nothing says that somebody is closing already",
        violates: &["OWN-2", "OWN-3", "OWN-4", "OWN-21", "OWN-23"],
    },
    Mutant {
        name: "no-generation",
        flaw: Flaw::NoGeneration,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 5012b6c6d, 8235a2478 (M30)",
        about: "a report of an earlier descriptor is taken for one of whatever has the number now",
        violates: &["OWN-5"],
    },
    Mutant {
        name: "forgets-the-gone",
        flaw: Flaw::ForgetsTheGone,
        kind: Kind::Mutant,
        source: "haproxy/haproxy d31b1650a (M30)",
        about: "a thread whose report comes too late has its poller forget the number, which means another descriptor by now",
        violates: &["OWN-5", "OWN-22"],
    },
    Mutant {
        name: "closes-before-wiping",
        flaw: Flaw::ClosesBeforeWiping,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 237e6a0d6 (M03), _fd_delete_orphan step O12",
        about: "the descriptor is closed before its slot is free",
        violates: &["OWN-3"],
    },
    Mutant {
        name: "leaves-the-payload",
        flaw: Flaw::LeavesThePayload,
        kind: Kind::Mutant,
        source: "haproxy/haproxy c22580c2c (M23)",
        about: "the slot is free and what was in it is still there",
        violates: &["OWN-6"],
    },
    Mutant {
        name: "enters-closing",
        flaw: Flaw::EntersClosing,
        kind: Kind::Mutant,
        source: "haproxy/haproxy c23b33764 (M13)",
        about: "a thread enters what is to be closed",
        violates: &["OWN-4", "OWN-21"],
    },
    Mutant {
        name: "enters-anyway",
        flaw: Flaw::EntersAnyway,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 5926e384e (M12)",
        about: "a thread enters whatever its poller reports",
        violates: &["OWN-1"],
    },
    Mutant {
        name: "takes-over-busy",
        flaw: Flaw::TakesOverBusy,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 6ed242ece (M15)",
        about: "a descriptor is taken over from under its owner",
        violates: &["OWN-1", "OWN-22"],
    },
    Mutant {
        name: "takes-over-closing",
        flaw: Flaw::TakesOverClosing,
        kind: Kind::Equivalent(
            "a descriptor that is to be closed is held by the thread that closes it, or somebody is inside, who keeps \
             takers out; handfast looks for the wish all the same, because its refusal says more",
        ),
        source: "haproxy/haproxy cd8914bc5: the idle list alone keeps takeover and deletion apart (M16)",
        about: "a descriptor that is to be closed is taken over",
        violates: &[],
    },
    Mutant {
        name: "nobody-closes-idle",
        flaw: Flaw::NobodyClosesIdle,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 2c3f9818e (M11)",
        about: "a deletion leaves the close to whoever leaves last, also when nobody is inside",
        violates: &["OWN-21"],
    },
    Mutant {
        name: "last-does-not-close",
        flaw: Flaw::LastDoesNotClose,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 0b51eab76, residual finding R2",
        about: "whoever leaves last does not look whether it is to close",
        violates: &["OWN-21"],
    },
    Mutant {
        name: "deleter-closes",
        flaw: Flaw::DeleterCloses,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 2c3f9818e (M11, M39)",
        about: "whoever deletes closes, also when somebody is inside",
        violates: &["OWN-2"],
    },
    Mutant {
        name: "taker-does-not-watch",
        flaw: Flaw::TakerDoesNotWatch,
        kind: Kind::Mutant,
        source: "haproxy/haproxy ddc874c46 (M08)",
        about: "a thread that took a descriptor over does not have its poller watch it",
        violates: &["OWN-22"],
    },
    Mutant {
        name: "never-forgets",
        flaw: Flaw::NeverForgets,
        kind: Kind::Mutant,
        source: "haproxy/haproxy 0d023774b (M26), residual finding R9",
        about: "a thread that is not the owner any more does not have its poller forget the descriptor",
        violates: &["OWN-22", "OWN-23"],
    },
];
