//! Models of descriptor ownership.

pub mod handfast;
pub mod haproxy;

use handfast_spec::Table;
use handfast_spec::ownership::{DescriptorRecord, Ledger, Offences, Ownership, Threads};

use crate::catalogue::{Entry, Rules, Scope, Variant};
use crate::explain;
use crate::in_parts;
use crate::subject::{Settings, Subject};

/// Descriptor ownership in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "ownership",
    about: "which thread may touch a descriptor, take over an idle one, and close it exactly once",
    document: "specs/ownership.md",
    rules: Rules::of::<Ownership>,
    own,
    variants,
    left_out: haproxy::LEFT_OUT,
    explain: |log| explain::explain::<handfast::Handfast>(log),
};

fn own(scope: Scope) -> Box<dyn Subject> {
    Box::new(Settings::new("handfast", handfast::settings(scope, handfast::Flaw::None)))
}

/// The designs of HAProxy first, then the mutants of handfast's.
fn variants() -> Vec<Variant> {
    let historical = haproxy::variants().map(|row| row.variant("haproxy", haproxy::checked));
    historical.chain(handfast::variants()).collect()
}

in_parts!(Ledger {
    descriptors: Table<DescriptorRecord, 3>,
} and {
    calling: Threads,
    offences: Offences,
});
