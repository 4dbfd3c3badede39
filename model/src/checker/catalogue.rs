//! Every protocol that is modelled, with its designs and mutants.

use std::io::BufRead;

use derive_more::Display;

use crate::checker::design::{Checked, Design};
use crate::checker::explain::{Explanation, LogError};
use crate::checker::findings::{Findings, RuleResult};
use crate::checker::target::{Instance, Instances, Target};
use crate::checker::trace::{Origin, Trace};

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

impl Variant {
    /// Returns where it comes from, as its behaviours tell it.
    pub fn origin(&self) -> Origin {
        let Self { kind, source, about, violates, .. } = *self;
        Origin { kind: kind.word(), source, about, violates }
    }

    /// Returns the behaviour that shows the rule that it is known for or, if there is none, its shortest violation.
    pub fn counterexample(&self, findings: &Findings) -> Option<Trace> {
        let is_known = |result: &&RuleResult| Some(result.id) == self.kind.known_for();
        let known = findings.rule_results().find(is_known).and_then(|result| result.broken_by.as_ref());
        let trace = known.or_else(|| findings.shortest())?;
        Some(Trace { origin: Some(self.origin()), ..trace.clone() })
    }
}

/// What a variant is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A design that was in use, with the id of the rule that it is known to violate.
    Historical(&'static str),
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
            Self::Historical(_) => "historical",
            Self::Corrected => "corrected",
            Self::Mutant => "mutant",
            Self::Equivalent(_) => "equivalent",
        }
    }

    /// Whether the design was in use.
    pub fn is_historical(self) -> bool {
        matches!(self, Self::Historical(_))
    }

    /// Returns the rule that the design is known to violate; of a design that was in use there is one.
    pub fn known_for(self) -> Option<&'static str> {
        match self {
            Self::Historical(id) => Some(id),
            Self::Corrected | Self::Mutant | Self::Equivalent(_) => None,
        }
    }
}

// Historical designs and what sits on them, as rows of a table.

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
