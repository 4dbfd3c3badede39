//! Models of simultaneous open: handfast's ends and their variants, on connections that hold little.
//!
//! [`handfast`] has handfast's end, which is read beside `specs/simopen.md`. [`Connection`] is what lies between two ends.

mod bounds;
mod connection;
pub mod handfast;
mod log;
mod variants;
mod words;

use handfast_spec::simopen::{EndRecord, History, Pair, Simopen};

pub use self::bounds::{Bounds, checked, instances};
pub use self::connection::{
    Channel, Config, Connection, Done, EndConfig, InFlight, Outputs, Participant, Peer, Scripted, Standing, Turn,
};
use self::handfast::Endpoint;
pub use self::variants::{Build, Flaw, Flaws, Other, Shown, Varied, VariedConnection, checked_with};
use crate::checker::catalogue::{Entry, Rules, Scope, Variant};
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
    left_out: variants::LEFT_OUT,
    explain: |log| crate::checker::explain::explain::<Connection>(log),
};

fn own(scope: Scope) -> Box<dyn Target> {
    Box::new(Instances::new("handfast", instances(scope)))
}

fn variants() -> Vec<Variant> {
    Other::ALL.iter().map(Other::variant).collect()
}

in_parts!(Connection {
    left: Participant<Endpoint>,
    right: Participant<Endpoint>,
    to_left: Channel,
    to_right: Channel,
} and {
    config: Config,
});

in_parts!(VariedConnection {
    left: Participant<Endpoint<Varied>>,
    right: Participant<Endpoint<Varied>>,
    to_left: Channel,
    to_right: Channel,
} and {
    config: Config,
});

in_parts!(History {
    left: EndRecord,
    right: EndRecord,
} and {
    pair: Pair,
});
