//! Every protocol that is modelled, with its designs and mutants.

use std::io::BufRead;

use derive_more::Display;

use crate::checker::explain::{Explanation, LogError};
use crate::checker::target::Target;

pub use crate::checker::findings::{Rule, Rules};

/// How much is explored.
#[derive(Clone, Copy, Debug, Default, Display, Eq, PartialEq)]
pub enum Scope {
    /// Seconds; every edge is walked by conformance tests.
    #[display("small")]
    Small,
    /// What the documents claim.
    #[default]
    #[display("default")]
    Default,
    /// As far as memory goes, unattended.
    #[display("large")]
    Large,
}

/// A protocol that is modelled.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What it is about, in a sentence.
    pub about: &'static str,
    /// Its document, from the root of the repository.
    pub document: &'static str,
    /// The rules that its machines are held to.
    pub rules: fn() -> Rules,
    /// The design that is claimed to be right, at a scope.
    pub own: fn(Scope) -> Box<dyn Target>,
    /// Historical designs and mutants.
    pub variants: fn() -> Vec<Variant>,
    /// Mistakes that are known and were not modelled, with the reasons.
    pub left_out: &'static [LeftOut],
    /// Says whether a log is a behaviour of that design.
    pub explain: fn(&mut dyn BufRead) -> Result<Explanation, LogError>,
}

/// A design other than the protocol's own, with the ids that it violates.
pub struct Variant {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The project with the commit, pull request or issue that it comes from.
    pub source: &'static str,
    /// What is wrong with it, in a sentence.
    pub about: &'static str,
    /// Every id that is violated in some reachable state, or as a goal.
    pub violates: &'static [&'static str],
    /// The design at the scope at which it is judged.
    pub target: Box<dyn Target>,
}

/// What a variant is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A design that was in use.
    Historical,
    /// A historical design set right; mutants of it sit on it.
    Corrected,
    /// A correct design with one mistake.
    Mutant,
    /// A change that looks like a mistake and is none, because of this argument.
    Equivalent(&'static str),
}

/// A known mistake that was not modelled.
#[derive(Clone, Copy, Debug)]
pub struct LeftOut {
    /// Its name or number.
    pub name: &'static str,
    /// Why.
    pub reason: &'static str,
}

impl Kind {
    /// The kind in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Historical => "historical",
            Self::Corrected => "corrected",
            Self::Mutant => "mutant",
            Self::Equivalent(_) => "equivalent",
        }
    }
}
