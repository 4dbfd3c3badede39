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
use crate::design::Checked;
use crate::history::Row;

/// A design with the extent at which it is looked at, and what it violates there.
pub type Variant = Row<Switches, Extent>;

/// A design at an extent, to be explored.
pub fn checked(switches: Switches, extent: Extent) -> Checked<Haproxy> {
    Checked::new(vec![Haproxy::recorded(switches, extent)], alphabet(&extent))
}

/// Every variant: the designs of history, the corrected design, the residual findings one by one, the mutants.
pub fn variants() -> impl Iterator<Item = &'static Variant> {
    [historical::VARIANTS, findings::VARIANTS, mutants::VARIANTS].into_iter().flatten()
}
