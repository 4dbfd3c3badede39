//! Mutants of handfast's design: one mistake each, made by somebody in a real system.

use crate::catalogue::{Kind, LeftOut, Scope, Variant};
use crate::subject::Settings;

use super::{Flaw, settings};

/// What of the reference list is modelled elsewhere, or not at all.
pub const LEFT_OUT: &[LeftOut] = &[];

struct Mutant {
    name: &'static str,
    flaw: Flaw,
    kind: Kind,
    source: &'static str,
    about: &'static str,
    violates: &'static [&'static str],
}

/// Every mutant.
pub fn variants() -> Vec<Variant> {
    MUTANTS.iter().map(Mutant::variant).collect()
}

impl Mutant {
    fn variant(&self) -> Variant {
        let Self { name, flaw, kind, source, about, violates } = *self;
        let subject = Box::new(Settings::new(name, settings(Scope::Small, flaw)));
        Variant { name, kind, source, about, violates, subject }
    }
}

const MUTANTS: &[Mutant] = &[];
