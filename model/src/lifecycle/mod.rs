//! Models of the peer lifecycle.

pub mod btcd;
pub mod handfast;

use handfast_spec::lifecycle::Lifecycle;

use crate::catalogue::{Entry, Rules, Scope};
use crate::explain;
use crate::subject::{Settings, Subject};

/// The peer lifecycle in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "lifecycle",
    about: "every subscriber hears of a peer's coming before its going, exactly once",
    document: "specs/lifecycle.md",
    rules: Rules::of::<Lifecycle>,
    own,
    variants: handfast::variants,
    left_out: handfast::LEFT_OUT,
    explain: |log| explain::explain::<handfast::Handfast>(log),
};

fn own(scope: Scope) -> Box<dyn Subject> {
    Box::new(Settings::new("handfast", handfast::settings(scope, handfast::Flaw::None)))
}
