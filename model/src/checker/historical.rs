//! Historical designs and what sits on them, as rows of a table.

use crate::checker::catalogue::{Kind, Variant};
use crate::checker::design::{Checked, Design};
use crate::checker::target::{Instance, Instances};

/// A design with the bounds at which it is looked at, and what it violates there.
#[derive(Clone, Copy, Debug)]
pub struct Row<Switches, Bounds> {
    /// Its name, unique.
    pub name: &'static str,
    /// What it is to us.
    pub kind: Kind,
    /// Where it comes from.
    pub source: &'static str,
    /// What is different, and why each id is violated.
    pub about: &'static str,
    /// The ids of the rules that it violates, in order of their numbers.
    pub violates: &'static [&'static str],
    /// The design.
    pub switches: Switches,
    /// How much is looked at.
    pub bounds: Bounds,
}

impl<Switches: Copy, Bounds: Copy> Row<Switches, Bounds> {
    /// The row in the catalogue, to be explored as `checked` says. `project` is the name of its one instance.
    pub(crate) fn variant<D: Design>(
        &self,
        project: &'static str,
        checked: impl FnOnce(Switches, Bounds) -> Checked<D>,
    ) -> Variant {
        let Self { name, kind, source, about, violates, switches, bounds } = *self;
        let instance = Instance { name: project, checked: checked(switches, bounds) };
        Variant { name, kind, source, about, violates, target: Box::new(Instances::new(name, vec![instance])) }
    }
}
