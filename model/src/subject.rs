//! A design at a scope, with its types forgotten: what the command line can do with any of them.

use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use std::collections::BTreeSet;
use std::time::Instant;

use handfast_spec::protocol::ActionOf;
use handfast_spec::{Goal, Machine, Protocol, Recorded};
use stateright::{Expectation, Model, Property};

use crate::audit::{self, Fault};
use crate::cover;
use crate::design::{Checked, Design, TO_THE_END};
use crate::explore::{Completeness, Graph, Observer, Options};
use crate::findings::{Findings, Ruling, SettingFindings, Sighting};
use crate::liveness::{self, Marks};
use crate::second::{self, Comparison, Means};
use crate::survey::survey;
use crate::trace::{self, Trace};

/// How to check a design.
pub struct Plan<'a> {
    /// How many threads explore.
    pub threads: usize,
    /// How many bytes the graph of a setting may occupy.
    pub max_bytes: usize,
    /// Is told how far the exploration is.
    pub observer: &'a dyn Observer,
}

/// A design with the settings in which it is explored at some scope.
pub trait Subject: Send + Sync {
    /// The name of the design.
    fn name(&self) -> &str;

    /// Explores every setting and judges it.
    fn check(&self, plan: &Plan<'_>) -> Findings;

    /// Passes on walks that together take every edge of every setting, until it is told to stop.
    fn cover(&self, plan: &Plan<'_>, each: &mut dyn FnMut(Trace) -> ControlFlow<()>);

    /// Asks every reachable state of every setting for what the explorer relies on.
    ///
    /// # Errors
    ///
    /// The first promise that is not kept.
    fn audit(&self, plan: &Plan<'_>) -> Result<(), Fault>;

    /// Serves Stateright's Explorer for the first setting; returns only if that fails.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on.
    fn serve(&self, address: std::net::SocketAddr) -> std::io::Result<()>;
}

/// One setting in which a design is explored.
#[derive(Clone, Debug)]
pub struct Setting<D: Design> {
    /// Its name.
    pub name: &'static str,
    /// The design in it.
    pub checked: Checked<D>,
}

/// A design and its settings, as a [`Subject`].
pub struct Settings<D: Design> {
    design: String,
    settings: Vec<Setting<D>>,
}

type GraphOf<D> = Graph<Recorded<D>, ActionOf<D>>;

impl<D: Design> Settings<D> {
    /// A design that is explored in these settings.
    pub fn new(design: impl Into<String>, settings: Vec<Setting<D>>) -> Self {
        Self { design: design.into(), settings }
    }

    fn explore(&self, setting: &Setting<D>, plan: &Plan<'_>) -> GraphOf<D> {
        let Plan { threads, max_bytes, observer } = *plan;
        setting.checked.explore(&Options { threads, max_bytes, observer, ..Options::default() })
    }

    fn check_setting(&self, setting: &Setting<D>, plan: &Plan<'_>, findings: &mut Findings) {
        let started = Instant::now();
        let graph = self.explore(setting, plan);
        let exploring = started.elapsed();
        let mut properties = setting.checked.properties();
        properties.retain(|property| property.name != TO_THE_END);
        let survey = survey(&setting.checked, &graph, &properties, plan.threads);
        let mut violated = BTreeSet::new();
        let mut reached = BTreeSet::new();
        for (property, found) in properties.iter().zip(&survey.found) {
            let Some(state) = *found else { continue };
            self.enter(setting, &graph, property, state, findings);
            match property.expectation {
                Expectation::Always => violated.insert(property.name),
                Expectation::Sometimes => reached.insert(property.name),
                Expectation::Eventually => unreachable!("goals are not decided by Stateright"),
            };
        }
        for ((goal, marks), ruling) in D::Protocol::GOALS.iter().zip(&survey.goals).zip(&mut findings.goals) {
            self.decide(setting, &graph, goal, marks, ruling);
        }
        // An incomplete graph has nothing to compare, and the second engine knows no limits.
        let comparison = match graph.completeness() {
            Completeness::Complete => {
                let ours = second::Findings { states: graph.state_count(), violated, reached };
                let threads = NonZeroUsize::new(plan.threads).unwrap_or(NonZeroUsize::MIN);
                let means = Means { threads, max_path_bytes: plan.max_bytes as u64 };
                let comparison = second::compare(&setting.checked, &graph, &ours, means);
                comparison.expect("a checked design has the properties that Stateright needs")
            }
            Completeness::Incomplete(_) => Comparison::default(),
        };
        let taken: BTreeSet<String> = graph.actions().iter().map(ToString::to_string).collect();
        findings.never_enabled.retain(|action| !taken.contains(action));
        findings.settings.push(SettingFindings {
            name: setting.name,
            states: graph.state_count(),
            edges: graph.edge_count(),
            depth: graph.depth(),
            completeness: graph.completeness(),
            digest: survey.digest,
            bytes_per_state: graph.memory().total() as f64 / graph.state_count().max(1) as f64,
            exploring,
            comparison,
        });
    }

    /// Enters a violation of an invariant, or a witness that was reached.
    fn enter(
        &self,
        setting: &Setting<D>,
        graph: &GraphOf<D>,
        property: &Property<Checked<D>>,
        state: u32,
        findings: &mut Findings,
    ) {
        let wanted = property.expectation == Expectation::Sometimes;
        let (found_by, title) = if wanted {
            let sighting = findings.witnesses.iter_mut().find(|sighting| sighting.id == property.name);
            let sighting = sighting.expect("every witness has a sighting");
            (&mut sighting.reached_by, sighting.title)
        } else {
            let ruling = findings.invariants.iter_mut().find(|ruling| ruling.id == property.name);
            let ruling = ruling.expect("every invariant has a ruling");
            (&mut ruling.broken_by, ruling.title)
        };
        let shorter = found_by.as_ref().is_none_or(|trace| graph.depth_of(state) < trace.steps.len());
        if shorter {
            let (initial, actions) = trace::actions_to(graph, state);
            let verb = if wanted { "is reached" } else { "is violated" };
            let title = format!("{} {verb}: {title}", property.name);
            *found_by = Some(self.trace(setting, graph, title, initial, actions, None));
        }
    }

    fn decide(
        &self,
        setting: &Setting<D>,
        graph: &GraphOf<D>,
        goal: &Goal<D::Protocol>,
        marks: &Marks,
        ruling: &mut Ruling,
    ) {
        let fair = |action: &ActionOf<D>| D::Protocol::component(action).filter(|component| (goal.fair)(component));
        match liveness::decide_marked(graph, marks, &fair) {
            Err(refused) => ruling.decided = Err(refused),
            Ok(verdict) => {
                *ruling.owing.get_or_insert(0) += verdict.owing;
                let Some(lasso) = verdict.broken else { return };
                let steps = lasso.prefix_edges.len() + lasso.cycle_edges.len();
                if ruling.broken_by.as_ref().is_none_or(|trace| steps < trace.steps.len()) {
                    let (initial, actions, from) = trace::actions_of(graph, &lasso);
                    let title = format!("{} is violated: {} (fair: {})", goal.id, goal.title, goal.assumes);
                    ruling.broken_by = Some(self.trace(setting, graph, title, initial, actions, Some(from)));
                }
            }
        }
    }

    fn trace(
        &self,
        setting: &Setting<D>,
        graph: &GraphOf<D>,
        title: String,
        initial: u32,
        actions: Vec<ActionOf<D>>,
        repeats_from: Option<usize>,
    ) -> Trace {
        let header = graph.state(initial).machine.header();
        let (initial, steps) = trace::replay(&graph.state(initial), actions, setting.checked.alphabet());
        let protocol = <D as Machine>::Protocol::NAME;
        let design = self.design.clone();
        Trace { protocol, design, setting: setting.name.to_owned(), title, header, initial, steps, repeats_from }
    }

    fn nothing_found(&self) -> Findings {
        let ruling = |id, title, assumes| Ruling { id, title, assumes, decided: Ok(()), owing: None, broken_by: None };
        let (id, title) = D::Protocol::DEADLOCK;
        let invariants = D::Protocol::INVARIANTS.iter().map(|invariant| ruling(invariant.id, invariant.title, None));
        let goals = D::Protocol::GOALS.iter().map(|goal| ruling(goal.id, goal.title, Some(goal.assumes)));
        let sighting = |id, title| Sighting { id, title, reached_by: None };
        let witnesses = D::Protocol::WITNESSES.iter().map(|witness| sighting(witness.id, witness.title));
        let alphabet = self.settings.iter().flat_map(|setting| setting.checked.alphabet());
        let actions: BTreeSet<ActionOf<D>> = alphabet.copied().collect();
        Findings {
            settings: Vec::new(),
            invariants: invariants.chain([ruling(id, title, None)]).collect(),
            goals: goals.collect(),
            witnesses: witnesses.collect(),
            never_enabled: actions.iter().map(ToString::to_string).collect(),
        }
    }
}

impl<D: Design> Subject for Settings<D> {
    fn name(&self) -> &str {
        &self.design
    }

    fn check(&self, plan: &Plan<'_>) -> Findings {
        let mut findings = self.nothing_found();
        for setting in &self.settings {
            self.check_setting(setting, plan, &mut findings);
        }
        findings
    }

    fn cover(&self, plan: &Plan<'_>, each: &mut dyn FnMut(Trace) -> ControlFlow<()>) {
        for setting in &self.settings {
            let graph = self.explore(setting, plan);
            let walks = cover::edges(&graph);
            for (number, walk) in walks.iter().enumerate() {
                let actions = walk.edges.iter().map(|&edge| graph.actions()[graph.label(edge)]).collect();
                let title = format!("edge cover, walk {} of {}", number + 1, walks.len());
                if each(self.trace(setting, &graph, title, walk.initial, actions, None)).is_break() {
                    return;
                }
            }
        }
    }

    fn audit(&self, plan: &Plan<'_>) -> Result<(), Fault> {
        let ask = |setting: &Setting<D>| audit::audit(&setting.checked, self.explore(setting, plan).states());
        self.settings.iter().try_for_each(ask)
    }

    fn serve(&self, address: std::net::SocketAddr) -> std::io::Result<()> {
        // Stateright's server panics where it cannot listen; find out before it does.
        drop(std::net::TcpListener::bind(address)?);
        let setting = self.settings.first().expect("a design has at least one setting");
        setting.checked.clone().checker().serve(address);
        Ok(())
    }
}
