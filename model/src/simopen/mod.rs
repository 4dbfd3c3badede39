//! Models of simultaneous open: handfast's ends, those of history, and mutants, on connections that hold little.

mod config;
mod connection;
mod flaw;
mod hear;
mod history;
mod log;
mod mutants;
mod party;
mod ready;
mod scope;
mod variants;

use handfast_spec::simopen::{EndRecord, Ledger, Pair, Simopen};

pub use self::config::{Config, EndConfig};
pub use self::connection::Connection;
pub use self::flaw::{Flaw, Flaws};
use self::history::HISTORY;
pub use self::log::{Header, HeaderEnd};
use self::mutants::{LEFT_OUT, mutants};
pub use self::scope::{Extent, checked, settings};
use crate::catalogue::{Entry, Rules, Scope, Variant};
use crate::explain;
use crate::in_parts;
use crate::subject::{Settings, Subject};

/// Simultaneous open in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "simopen",
    about: "two ends that both dialed agree which of them is the initiator",
    document: "specs/simopen.md",
    rules: Rules::of::<Simopen>,
    own,
    variants,
    left_out: LEFT_OUT,
    explain: |log| explain::explain::<Connection>(log),
};

fn own(scope: Scope) -> Box<dyn Subject> {
    Box::new(Settings::new("handfast", settings(scope)))
}

/// The designs of history first, then the mutants of handfast's.
fn variants() -> Vec<Variant> {
    HISTORY.iter().chain(mutants()).map(variants::Other::variant).collect()
}

in_parts!(Ledger {
    left: EndRecord,
    right: EndRecord,
} and {
    pair: Pair,
});
