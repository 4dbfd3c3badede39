//! The designs, by name.

mod findings;
mod historical;
mod left_out;
mod mutants;

pub use self::left_out::LEFT_OUT;

use super::alphabet::alphabet;
use super::bounds::Bounds;
use super::machine::Haproxy;
use super::switches::Switches;
use crate::checker::design::Checked;
use crate::checker::historical::Row;

/// A design with the bounds at which it is looked at, and what it violates there.
pub type Variant = Row<Switches, Bounds>;

/// A design at an bounds, to be explored.
pub fn checked(switches: Switches, bounds: Bounds) -> Checked<Haproxy> {
    Checked::new(vec![Haproxy::recorded(switches, bounds)], alphabet(&bounds))
}

/// Every variant: the historical designs, the corrected design, the residual findings one by one, the mutants.
pub fn variants() -> impl Iterator<Item = &'static Variant> {
    [historical::VARIANTS, findings::VARIANTS, mutants::VARIANTS].into_iter().flatten()
}
