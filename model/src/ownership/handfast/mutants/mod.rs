//! Mutants of handfast's design: one mistake each, made in a real system, or nearly.

mod machine;
mod word;

use super::any_number::any_number_of;
use super::bounds::{Bounds, each_bounds};
use crate::checker::catalogue::{Kind, Scope, Variant};
use crate::checker::target::{Instance, Instances};
use crate::checker::views::Family;

pub use machine::Mutated;
pub(in crate::ownership) use word::Flawed;

/// What is explored of a mutant.
pub fn mutated(flaw: Flaw) -> Vec<Instance<Mutated>> {
    each_bounds(flaw.row().instances, |bounds: &Bounds| bounds.checked(|config| Mutated::new(config, flaw)))
}

/// A mutant, for any number of threads.
pub fn mutated_for_any_number(flaw: Flaw) -> Family<Mutated> {
    any_number_of(move |config| Mutated::new(config, flaw))
}

/// Every mutant.
pub fn variants() -> Vec<Variant> {
    let variant = |&flaw: &Flaw| {
        let row = flaw.row();
        let target = Instances::new(row.name, mutated(flaw)).with_family(mutated_for_any_number(flaw));
        Variant { target: Box::new(target), ..row.variant(Vec::<Instance<Mutated>>::new()) }
    };
    Flaw::ALL.iter().map(variant).collect()
}

crate::mutants! {
    /// One mistake that was made in a real system, or nearly, made in handfast's design.
    pub enum Flaw shown in Scope;

    ChecksThenEnters {
        name: "checks-then-enters",
        source: "haproxy/haproxy cd8914bc5, fd_update_events before it (M01, M38)",
        about: "a thread looks whether it may enter in one step and says that it is inside in the next",
        instances: Scope::Small,
        violates: &["OWN-1", "OWN-2", "OWN-4", "OWN-5", "OWN-21", "OWN-22"],
    }

    ChecksThenTakesOver {
        name: "checks-then-takes-over",
        source: "haproxy/haproxy c23b33764 (M13)",
        about: "a thread looks whether it may take over in one step and does so in the next",
        instances: Scope::Small,
        violates: &["OWN-1", "OWN-2", "OWN-4", "OWN-5", "OWN-21", "OWN-22"],
    }

    LooksWhetherLast {
        name: "looks-whether-last",
        source: "haproxy/haproxy cd8914bc5, fd_clr_running before it (M02)",
        about: "whoever leaves looks afterwards whether it was the last, and nothing says that somebody is closing already",
        instances: Scope::Small,
        violates: &["OWN-2", "OWN-3", "OWN-4", "OWN-21", "OWN-23"],
    }

    NoGeneration {
        name: "no-generation",
        source: "haproxy/haproxy 5012b6c6d, 8235a2478 (M30)",
        about: "a report of an earlier descriptor is taken for one of whatever has the number now",
        instances: Scope::Small,
        violates: &["OWN-5"],
    }

    ForgetsTheGone {
        name: "forgets-the-gone",
        source: "haproxy/haproxy d31b1650a (M30)",
        about: "a thread whose report comes too late has its poller forget the number, which means another descriptor by now",
        instances: Scope::Small,
        violates: &["OWN-5", "OWN-22"],
    }

    ClosesBeforeWiping {
        name: "closes-before-wiping",
        source: "haproxy/haproxy 237e6a0d6 (M03), _fd_delete_orphan step O12",
        about: "the descriptor is closed before its slot is free",
        instances: Scope::Small,
        violates: &["OWN-3"],
    }

    LeavesThePayload {
        name: "leaves-the-payload",
        source: "haproxy/haproxy c22580c2c (M23)",
        about: "the slot is free and what was in it is still there",
        instances: Scope::Small,
        violates: &["OWN-6"],
    }

    EntersClosing {
        name: "enters-closing",
        source: "haproxy/haproxy c23b33764 (M13)",
        about: "a thread enters what is to be closed",
        instances: Scope::Small,
        violates: &["OWN-4", "OWN-21"],
    }

    EntersAnyway {
        name: "enters-anyway",
        source: "haproxy/haproxy 5926e384e (M12)",
        about: "a thread enters whatever its poller reports",
        instances: Scope::Small,
        violates: &["OWN-1"],
    }

    TakesOverBusy {
        name: "takes-over-busy",
        source: "haproxy/haproxy 6ed242ece (M15)",
        about: "a descriptor is taken over from under its owner",
        instances: Scope::Small,
        violates: &["OWN-1", "OWN-22"],
    }

    TakesOverClosing {
        name: "takes-over-closing",
        kind: Kind::Equivalent(
            "a descriptor that is to be closed is held by the thread that closes it, or a thread is inside, which keeps \
             takers out; handfast looks for the wish all the same, because its refusal says more",
        ),
        source: "haproxy/haproxy cd8914bc5: the idle list alone keeps takeover and deletion apart (M16)",
        about: "a descriptor that is to be closed is taken over",
        instances: Scope::Small,
        violates: &[],
    }

    NobodyClosesIdle {
        name: "nobody-closes-idle",
        source: "haproxy/haproxy 2c3f9818e (M11)",
        about: "a deletion leaves the close to whoever leaves last, also when nobody is inside",
        instances: Scope::Small,
        violates: &["OWN-21"],
    }

    LastDoesNotClose {
        name: "last-does-not-close",
        source: "haproxy/haproxy 0b51eab76, residual finding R2",
        about: "whoever leaves last does not look whether it is to close",
        instances: Scope::Small,
        violates: &["OWN-21"],
    }

    DeleterCloses {
        name: "deleter-closes",
        source: "haproxy/haproxy 2c3f9818e (M11, M39)",
        about: "the thread that deletes closes, also when another is inside",
        instances: Scope::Small,
        violates: &["OWN-2"],
    }

    TakerDoesNotWatch {
        name: "taker-does-not-watch",
        source: "haproxy/haproxy ddc874c46 (M08)",
        about: "a thread that took a descriptor over does not have its poller watch it",
        instances: Scope::Small,
        violates: &["OWN-22"],
    }

    NeverForgets {
        name: "never-forgets",
        source: "haproxy/haproxy 0d023774b (M26), residual finding R9",
        about: "a thread that is not the owner any more does not have its poller forget the descriptor",
        instances: Scope::Small,
        violates: &["OWN-22", "OWN-23"],
    }
}
