//! Models of framed connections.

pub mod handfast;
mod left_out;
mod tcp;
pub mod zrepl;

pub use tcp::Kernel;

use handfast_spec::framed::{EndRecord, Framed, Ledger, Moment, Offences};

use crate::catalogue::{Entry, Rules, Scope, Variant};
use crate::explain;
use crate::in_parts;
use crate::subject::{Settings, Subject};

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

fn own(scope: Scope) -> Box<dyn Subject> {
    Box::new(Settings::new("handfast", handfast::settings(scope, handfast::Flaw::None)))
}

/// The designs of zrepl first, then the mutants of handfast's.
fn variants() -> Vec<Variant> {
    zrepl::variants().into_iter().chain(handfast::variants()).collect()
}

in_parts!(Ledger { ends: [EndRecord; 2] } and { now: Option<Moment>, discards: u16, tells: bool, offences: Offences });
