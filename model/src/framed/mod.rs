//! Models of framed connections.

pub mod handfast;
mod left_out;
mod tcp;
pub mod zrepl;

pub use tcp::Kernel;

use handfast_spec::framed::{EndRecord, Framed, History, Moment, Violations};

use crate::checker::catalogue::{Entry, Rules, Scope, Variant};
use crate::checker::explain;
use crate::checker::target::{Instances, Target};
use crate::in_parts;

/// Framed connections in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "framed",
    about: "a framed connection ends without losing a frame, or says that it could not",
    document: "specs/framed.md",
    rules: Rules::of::<Framed>,
    own,
    variants,
    left_out: left_out::LEFT_OUT,
    explain: |log| explain::explain::<handfast::Handfast>(log),
};

fn own(scope: Scope) -> Box<dyn Target> {
    Box::new(Instances::new("handfast", handfast::instances(scope)))
}

/// The designs of zrepl first, then the mutants of handfast's.
fn variants() -> Vec<Variant> {
    zrepl::variants().into_iter().chain(handfast::variants()).collect()
}

in_parts!(History { ends: [EndRecord; 2] } and { now: Option<Moment>, discards: u16, tells: bool, violations: Violations });
