//! Models of simultaneous open: handfast's ends, those of history, and mutants, on connections that hold little.

mod bounds;
mod config;
mod connection;
mod enabled;
mod endpoint;
mod flaw;
mod historical;
mod log;
mod mutants;
mod on_message;
mod variants;

use handfast_spec::simopen::{EndRecord, History, Pair, Simopen};

pub use self::bounds::{Bounds, checked, instances};
pub use self::config::{Config, EndConfig};
pub use self::connection::Connection;
pub use self::flaw::{Flaw, Flaws};
use self::historical::HISTORICAL;
pub use self::log::{Header, HeaderEnd};
use self::mutants::{LEFT_OUT, mutants};
use crate::checker::catalogue::{Entry, Rules, Scope, Variant};
use crate::checker::explain;
use crate::checker::target::{Instances, Target};
use crate::in_parts;

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

fn own(scope: Scope) -> Box<dyn Target> {
    Box::new(Instances::new("handfast", instances(scope)))
}

/// The historical designs first, then the mutants of handfast's.
fn variants() -> Vec<Variant> {
    HISTORICAL.iter().chain(mutants()).map(variants::Other::variant).collect()
}

in_parts!(History {
    left: EndRecord,
    right: EndRecord,
} and {
    pair: Pair,
});
