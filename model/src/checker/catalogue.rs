//! Every protocol that is modelled, with its designs and mutants.

use core::fmt::{self, Display, Formatter};
use std::io::BufRead;

use handfast_spec::{Goal, Predicate, Protocol};

use crate::checker::explain::{Explanation, LogError};
use crate::checker::target::Target;

/// How much is explored.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Scope {
    /// Seconds; every edge is walked by conformance tests.
    Small,
    /// What the documents claim.
    #[default]
    Default,
    /// As far as memory goes; for machines that nobody waits for.
    Large,
}

impl Display for Scope {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Small => "small",
            Self::Default => "default",
            Self::Large => "large",
        })
    }
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
    /// handfast's own design at a scope.
    pub own: fn(Scope) -> Box<dyn Target>,
    /// Historical designs and mutants.
    pub variants: fn() -> Vec<Variant>,
    /// Mistakes that are known and were not modelled, with the reasons.
    pub left_out: &'static [LeftOut],
    /// Says whether a log is a behaviour of handfast's own design.
    pub explain: fn(&mut dyn BufRead) -> Result<Explanation, LogError>,
}

/// The rules of a protocol.
pub struct Rules {
    /// What holds in every reachable state, deadlock included.
    pub invariants: Vec<Rule>,
    /// What must happen.
    pub goals: Vec<Rule>,
    /// What must be reachable.
    pub witnesses: Vec<Rule>,
}

/// A rule.
pub struct Rule {
    /// Its id.
    pub id: &'static str,
    /// What it says.
    pub title: &'static str,
    /// The assumed fairness, of a goal.
    pub assumes: Option<&'static str>,
}

impl Rules {
    /// The rules of a protocol.
    pub fn of<P: Protocol>() -> Self {
        let (id, title) = P::DEADLOCK;
        let deadlock = Rule { id, title, assumes: None };
        let rule = |predicate: &Predicate<P::History>| Rule { id: predicate.id, title: predicate.title, assumes: None };
        let goal = |goal: &Goal<P>| Rule { id: goal.id, title: goal.title, assumes: Some(goal.assumes) };
        Self {
            invariants: P::INVARIANTS.iter().map(rule).chain([deadlock]).collect(),
            goals: P::GOALS.iter().map(goal).collect(),
            witnesses: P::WITNESSES.iter().map(rule).collect(),
        }
    }

    /// These, and those of what stands on the same protocol that are not among them.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        let join = |rules: &mut Vec<Rule>, others: Vec<Rule>| {
            for other in others {
                if rules.iter().all(|rule| rule.id != other.id) {
                    rules.push(other);
                }
            }
        };
        join(&mut self.invariants, others.invariants);
        join(&mut self.goals, others.goals);
        join(&mut self.witnesses, others.witnesses);
        self
    }
}

/// A design other than handfast's own, with the ids that it violates.
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
