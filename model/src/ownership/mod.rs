//! Models of descriptor ownership: of the word, of the pool that stands on it, and of the table that both come from.

pub mod handfast;
pub mod haproxy;
pub mod pool;

use handfast_spec::Table;
use handfast_spec::ownership::pool::Pool;
use handfast_spec::ownership::{DescriptorRecord, History, Ownership, Threads, Violations};

use crate::checker::catalogue::{Entry, Rules, Scope, Variant};
use crate::checker::composite::Together;
use crate::checker::explain;
use crate::checker::target::{Instances, Target};
use crate::in_parts;

/// Descriptor ownership in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "ownership",
    about: "which thread may touch a descriptor, take over an idle one, and close it exactly once",
    document: "specs/ownership.md",
    rules: || Rules::of::<Ownership>().and(Rules::of::<Pool>()),
    own,
    variants,
    left_out: haproxy::LEFT_OUT,
    explain: |log| explain::explain_either::<handfast::Handfast, pool::Pool>(log),
};

fn own(scope: Scope) -> Box<dyn Target> {
    let word = Instances::new("handfast", handfast::instances(scope)).with_family(handfast::any_number());
    let pool = Instances::new("handfast", pool::instances(scope)).with_family(pool::any_number());
    Box::new(Together::new("handfast", vec![Box::new(word), Box::new(pool)]))
}

/// The designs of HAProxy first, then the mutants of handfast's word, then those of its pool.
fn variants() -> Vec<Variant> {
    let historical = haproxy::variants().map(|row| row.variant("haproxy", haproxy::checked));
    historical.chain(handfast::variants()).chain(pool::variants()).collect()
}

in_parts!(History {
    descriptors: Table<DescriptorRecord, 3>,
} and {
    calling: Threads,
    violations: Violations,
    one_runtime: bool,
});
