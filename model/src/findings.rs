//! What was found about a design, with its types forgotten.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::digest::Digest;
use crate::explore::Completeness;
use crate::liveness::Refused;
use crate::second::Comparison;
use crate::trace::Trace;

/// What was found about a design in all its settings.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The settings, one graph each.
    pub settings: Vec<SettingFindings>,
    /// What each rule came to: deadlocks and invariants first, then goals, in the order of the protocol.
    pub invariants: Vec<Ruling>,
    /// The goals.
    pub goals: Vec<Ruling>,
    /// The witnesses.
    pub witnesses: Vec<Sighting>,
    /// The actions that no setting ever enabled, in words.
    pub never_enabled: Vec<String>,
}

/// What was found in one setting.
#[derive(Clone, Debug)]
pub struct SettingFindings {
    /// Its name.
    pub name: &'static str,
    /// How many states are reachable.
    pub states: usize,
    /// How many edges there are.
    pub edges: usize,
    /// The number of steps to the farthest state.
    pub depth: usize,
    /// Whether that is everything.
    pub completeness: Completeness,
    /// The digest of the set of states.
    pub digest: Digest,
    /// What the graph occupies for each state, in bytes.
    pub bytes_per_state: f64,
    /// How long exploring took, without the second engine.
    pub exploring: Duration,
    /// What Stateright was asked, and where it differs. Nothing is asked about an incomplete graph.
    pub comparison: Comparison,
}

/// What became of an invariant or a goal.
#[derive(Clone, Debug)]
pub struct Ruling {
    /// The id.
    pub id: &'static str,
    /// What should hold.
    pub title: &'static str,
    /// The assumed fairness, of a goal.
    pub assumes: Option<&'static str>,
    /// Whether the question was decided at all.
    pub decided: Result<(), Refused>,
    /// How many states owe the goal in all settings; none means that it holds of nothing.
    pub owing: Option<usize>,
    /// The shortest behaviour that breaks it.
    pub broken_by: Option<Trace>,
}

/// Whether a witness was reached.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The id.
    pub id: &'static str,
    /// What should be reachable.
    pub title: &'static str,
    /// A shortest behaviour that reaches it.
    pub reached_by: Option<Trace>,
}

impl Ruling {
    /// Whether it was decided and holds.
    pub fn holds(&self) -> bool {
        self.decided.is_ok() && self.broken_by.is_none()
    }
}

impl Findings {
    /// Whether every setting was explored to the end.
    pub fn is_complete(&self) -> bool {
        self.settings.iter().all(|setting| setting.completeness == Completeness::Complete)
    }

    /// Whether the engines agree on everything.
    pub fn engines_agree(&self) -> bool {
        self.settings.iter().all(|setting| setting.comparison.disagreements.is_empty())
    }

    /// Invariants and goals.
    pub fn rulings(&self) -> impl Iterator<Item = &Ruling> {
        self.invariants.iter().chain(&self.goals)
    }

    /// The ids that are violated somewhere.
    pub fn violated(&self) -> BTreeSet<&'static str> {
        self.rulings().filter(|ruling| ruling.broken_by.is_some()).map(|ruling| ruling.id).collect()
    }

    /// The violation with the shortest behaviour.
    pub fn shortest(&self) -> Option<&Trace> {
        self.rulings().filter_map(|ruling| ruling.broken_by.as_ref()).min_by_key(|trace| trace.steps.len())
    }

    /// The digest of all settings together.
    pub fn digest(&self) -> Digest {
        self.settings.iter().fold(Digest::default(), |sum, setting| sum.and(setting.digest))
    }
}
