//! A design at a scope, with its types forgotten: what the command line can do with any of them.

use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use std::collections::BTreeSet;
use std::time::Instant;

use handfast_spec::protocol::ActionOf;
use handfast_spec::{Goal, Machine, Protocol, Recorded};
use stateright::{Expectation, Model, Property};

use crate::checker::audit::{self, Fault};
use crate::checker::cover;
use crate::checker::cross_check::{self, Comparison};
use crate::checker::design::{Checked, Design, TO_THE_END};
use crate::checker::explore::{Completeness, Graph, Observer, Options};
use crate::checker::findings::{Findings, InstanceFindings, RuleResult, WitnessResult};
use crate::checker::liveness::{self, Marks};
use crate::checker::scan::scan;
use crate::checker::trace::{self, Trace};

/// How to check a design.
pub struct Plan<'a> {
    /// How many threads explore.
    pub threads: usize,
    /// How many bytes the graph of an instance may occupy.
    pub max_bytes: usize,
    /// Is told how far the exploration is.
    pub observer: &'a dyn Observer,
}

/// A design with the instances in which it is explored at some scope.
pub trait Target: Send + Sync {
    /// The name of the design.
    fn name(&self) -> &str;

    /// Explores every instance and judges it.
    fn check(&self, plan: &Plan<'_>) -> Findings;

    /// Passes on walks that together take every edge of every instance, until it is told to stop.
    fn cover(&self, plan: &Plan<'_>, each: &mut dyn FnMut(Trace) -> ControlFlow<()>);

    /// Asks every reachable state of every instance for what the explorer relies on.
    ///
    /// # Errors
    ///
    /// The first promise that is not kept.
    fn audit(&self, plan: &Plan<'_>) -> Result<(), Fault>;

    /// Serves Stateright's Explorer for the first instance; returns only if that fails.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on.
    fn serve(&self, address: std::net::SocketAddr) -> std::io::Result<()>;
}

/// One instance in which a design is explored.
#[derive(Clone, Debug)]
pub struct Instance<D: Design> {
    /// Its name.
    pub name: &'static str,
    /// The design in it.
    pub checked: Checked<D>,
}

/// A design and its instances, as a [`Target`].
pub struct Instances<D: Design> {
    design: String,
    instances: Vec<Instance<D>>,
}

type GraphOf<D> = Graph<Recorded<D>, ActionOf<D>>;

impl<D: Design> Instances<D> {
    /// A design that is explored in these instances.
    pub fn new(design: impl Into<String>, instances: Vec<Instance<D>>) -> Self {
        Self { design: design.into(), instances }
    }

    fn explore(&self, instance: &Instance<D>, plan: &Plan<'_>) -> GraphOf<D> {
        let Plan { threads, max_bytes, observer } = *plan;
        instance.checked.explore(&Options { threads, max_bytes, observer, ..Options::default() })
    }

    fn check_instance(&self, instance: &Instance<D>, plan: &Plan<'_>, findings: &mut Findings) {
        let started = Instant::now();
        let graph = self.explore(instance, plan);
        let exploring = started.elapsed();
        let mut properties = instance.checked.properties();
        properties.retain(|property| property.name != TO_THE_END);
        let scan = scan(&instance.checked, &graph, &properties, plan.threads);
        let mut violated = BTreeSet::new();
        let mut reached = BTreeSet::new();
        for (property, found) in properties.iter().zip(&scan.found) {
            let Some(state) = *found else { continue };
            self.enter(instance, &graph, property, state, findings);
            match property.expectation {
                Expectation::Always => violated.insert(property.name),
                Expectation::Sometimes => reached.insert(property.name),
                Expectation::Eventually => unreachable!("goals are not decided by Stateright"),
            };
        }
        for ((goal, marks), result) in D::Protocol::GOALS.iter().zip(&scan.goals).zip(&mut findings.goals) {
            self.decide(instance, &graph, goal, marks, result);
        }
        // An incomplete graph has nothing to compare, and the second engine knows no limits.
        let comparison = match graph.completeness() {
            Completeness::Complete => {
                let ours = cross_check::Findings { states: graph.state_count(), violated, reached };
                let threads = NonZeroUsize::new(plan.threads).unwrap_or(NonZeroUsize::MIN);
                let options = cross_check::Options { threads, max_path_bytes: plan.max_bytes as u64 };
                let comparison = cross_check::compare(&instance.checked, &graph, &ours, options);
                comparison.expect("a checked design has the properties that Stateright needs")
            }
            Completeness::Incomplete(_) => Comparison::default(),
        };
        let taken: BTreeSet<String> = graph.actions().iter().map(ToString::to_string).collect();
        findings.never_enabled.retain(|action| !taken.contains(action));
        findings.instances.push(InstanceFindings {
            name: instance.name,
            states: graph.state_count(),
            edges: graph.edge_count(),
            depth: graph.depth(),
            completeness: graph.completeness(),
            digest: scan.digest,
            bytes_per_state: graph.memory().total() as f64 / graph.state_count().max(1) as f64,
            exploring,
            comparison,
        });
    }

    /// Enters a violation of an invariant, or a witness that was reached.
    fn enter(
        &self,
        instance: &Instance<D>,
        graph: &GraphOf<D>,
        property: &Property<Checked<D>>,
        state: u32,
        findings: &mut Findings,
    ) {
        let wanted = property.expectation == Expectation::Sometimes;
        let (found_by, title) = if wanted {
            let witness = findings.witnesses.iter_mut().find(|witness| witness.id == property.name);
            let witness = witness.expect("every witness has a witness");
            (&mut witness.reached_by, witness.title)
        } else {
            let result = findings.invariants.iter_mut().find(|result| result.id == property.name);
            let result = result.expect("every invariant has a result");
            (&mut result.broken_by, result.title)
        };
        let shorter = found_by.as_ref().is_none_or(|trace| graph.depth_of(state) < trace.steps.len());
        if shorter {
            let (initial, actions) = trace::actions_to(graph, state);
            let verb = if wanted { "is reached" } else { "is violated" };
            let title = format!("{} {verb}: {title}", property.name);
            *found_by = Some(self.trace(instance, graph, title, initial, actions, None));
        }
    }

    fn decide(
        &self,
        instance: &Instance<D>,
        graph: &GraphOf<D>,
        goal: &Goal<D::Protocol>,
        marks: &Marks,
        result: &mut RuleResult,
    ) {
        let fair = |action: &ActionOf<D>| D::Protocol::component(action).filter(|component| (goal.fair)(component));
        match liveness::decide_marked(graph, marks, &fair) {
            Err(refused) => result.decided = Err(refused),
            Ok(verdict) => {
                *result.owing.get_or_insert(0) += verdict.owing;
                let Some(lasso) = verdict.broken else { return };
                let steps = lasso.prefix_edges.len() + lasso.cycle_edges.len();
                if result.broken_by.as_ref().is_none_or(|trace| steps < trace.steps.len()) {
                    let (initial, actions, from) = trace::actions_of(graph, &lasso);
                    let title = format!("{} is violated: {} (fair: {})", goal.id, goal.title, goal.assumes);
                    result.broken_by = Some(self.trace(instance, graph, title, initial, actions, Some(from)));
                }
            }
        }
    }

    fn trace(
        &self,
        instance: &Instance<D>,
        graph: &GraphOf<D>,
        title: String,
        initial: u32,
        actions: Vec<ActionOf<D>>,
        repeats_from: Option<usize>,
    ) -> Trace {
        let header = graph.state(initial).machine.header();
        let (initial, steps) = trace::replay(&graph.state(initial), actions, instance.checked.alphabet());
        let protocol = <D as Machine>::Protocol::NAME;
        let design = self.design.clone();
        Trace { protocol, design, instance: instance.name.to_owned(), title, header, initial, steps, repeats_from }
    }

    fn nothing_found(&self) -> Findings {
        let result =
            |id, title, assumes| RuleResult { id, title, assumes, decided: Ok(()), owing: None, broken_by: None };
        let (id, title) = D::Protocol::DEADLOCK;
        let invariants = D::Protocol::INVARIANTS.iter().map(|invariant| result(invariant.id, invariant.title, None));
        let goals = D::Protocol::GOALS.iter().map(|goal| result(goal.id, goal.title, Some(goal.assumes)));
        let witness_result = |id, title| WitnessResult { id, title, reached_by: None };
        let witnesses = D::Protocol::WITNESSES.iter().map(|witness| witness_result(witness.id, witness.title));
        let alphabet = self.instances.iter().flat_map(|instance| instance.checked.alphabet());
        let actions: BTreeSet<ActionOf<D>> = alphabet.copied().collect();
        Findings {
            instances: Vec::new(),
            invariants: invariants.chain([result(id, title, None)]).collect(),
            goals: goals.collect(),
            witnesses: witnesses.collect(),
            never_enabled: actions.iter().map(ToString::to_string).collect(),
        }
    }
}

impl<D: Design> Target for Instances<D> {
    fn name(&self) -> &str {
        &self.design
    }

    fn check(&self, plan: &Plan<'_>) -> Findings {
        let mut findings = self.nothing_found();
        for instance in &self.instances {
            self.check_instance(instance, plan, &mut findings);
        }
        findings
    }

    fn cover(&self, plan: &Plan<'_>, each: &mut dyn FnMut(Trace) -> ControlFlow<()>) {
        for instance in &self.instances {
            let graph = self.explore(instance, plan);
            let walks = cover::edges(&graph);
            for (number, walk) in walks.iter().enumerate() {
                let actions = walk.edges.iter().map(|&edge| graph.actions()[graph.label(edge)]).collect();
                let title = format!("edge cover, walk {} of {}", number + 1, walks.len());
                if each(self.trace(instance, &graph, title, walk.initial, actions, None)).is_break() {
                    return;
                }
            }
        }
    }

    fn audit(&self, plan: &Plan<'_>) -> Result<(), Fault> {
        let ask = |instance: &Instance<D>| audit::audit(&instance.checked, self.explore(instance, plan).states());
        self.instances.iter().try_for_each(ask)
    }

    fn serve(&self, address: std::net::SocketAddr) -> std::io::Result<()> {
        // Stateright's server panics where it cannot listen; find out before it does.
        drop(std::net::TcpListener::bind(address)?);
        let instance = self.instances.first().expect("a design has at least one instance");
        instance.checked.clone().checker().serve(address);
        Ok(())
    }
}
