//! The designs, by name.

mod findings;
mod historical;
mod left_out;
mod mutants;

pub use self::left_out::LEFT_OUT;

use super::alphabet::alphabet;
use super::extent::Extent;
use super::machine::Haproxy;
use super::switches::Switches;
use crate::catalogue::Kind;
use crate::design::Checked;

/// A design with the extent at which it is looked at, and what it violates there.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Its name, unique.
    pub name: &'static str,
    /// What it is to us.
    pub kind: Kind,
    /// Where it comes from.
    pub source: &'static str,
    /// What is different.
    pub about: &'static str,
    /// The ids of the rules that it violates, in order of their numbers.
    pub violates: &'static [&'static str],
    /// The design.
    pub switches: Switches,
    /// How much is looked at.
    pub extent: Extent,
}

/// A design at an extent, to be explored.
pub fn checked(switches: Switches, extent: Extent) -> Checked<Haproxy> {
    Checked::new(vec![Haproxy::recorded(switches, extent)], alphabet(&extent))
}

/// Every variant: the designs of history, the corrected design, the residual findings one by one, the mutants.
pub fn variants() -> impl Iterator<Item = &'static Variant> {
    [historical::VARIANTS, findings::VARIANTS, mutants::VARIANTS].into_iter().flatten()
}
