//! Designs of history and what sits on them, as rows of a table.

use crate::catalogue::{Kind, Variant};
use crate::design::{Checked, Design};
use crate::subject::{Setting, Settings};

/// A design with the extent at which it is looked at, and what it violates there.
#[derive(Clone, Copy, Debug)]
pub struct Row<Switches, Extent> {
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
    pub extent: Extent,
}

impl<Switches: Copy, Extent: Copy> Row<Switches, Extent> {
    /// The row in the catalogue, to be explored as `checked` says. `project` is the name of its one setting.
    pub(crate) fn variant<D: Design>(
        &self,
        project: &'static str,
        checked: impl FnOnce(Switches, Extent) -> Checked<D>,
    ) -> Variant {
        let Self { name, kind, source, about, violates, switches, extent } = *self;
        let setting = Setting { name: project, checked: checked(switches, extent) };
        Variant { name, kind, source, about, violates, subject: Box::new(Settings::new(name, vec![setting])) }
    }
}
