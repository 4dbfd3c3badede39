//! A design at a scope, with its types forgotten: what the command line can do with any of them.

use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use handfast_spec::protocol::ActionOf;
use handfast_spec::{Machine, Protocol, Recorded};
use serde_json::Value;
use stateright::{Expectation, Model};

use crate::checker::audit::{self, Fault};
use crate::checker::checkpoint::Checkpoint;
use crate::checker::cover;
use crate::checker::cross_check::erased::Erased;
use crate::checker::cross_check::{self, Comparison, Searches};
use crate::checker::design::{Checked, Design};
use crate::checker::explore::{Completeness, Graph, Keeper, Numbers, Observer, Options, Shape};
use crate::checker::findings::{Findings, InstanceFindings, Rule, RuleResult, Rules, WitnessResult};
use crate::checker::liveness::{self, FairComponents, Marks};
use crate::checker::scan::{Scan, scan};
use crate::checker::trace::{self, Replayed, Trace};
use crate::checker::views::{Family, Interchangeable, Proof};

/// How to check a design.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// How many threads explore.
    pub threads: usize,
    /// How many bytes the graph of an instance may occupy.
    pub max_bytes: usize,
    /// Whether the second engine explores what was explored, to compare.
    pub cross_check: bool,
    /// How many of its searches are asked then.
    pub searches: Searches,
    /// Is told how far the exploration is.
    pub observer: &'a dyn Observer,
    /// Keeps what was found for another run. It is told which instance begins before that is checked.
    pub checkpoint: Option<&'a Checkpoint<'a>>,
}

impl Plan<'static> {
    /// One thread, no limit, both engines, the second with both of its searches, no observer, no checkpoint.
    pub const DEFAULT: Self = Self {
        threads: 1,
        max_bytes: usize::MAX,
        cross_check: true,
        searches: Searches::Both,
        observer: &(),
        checkpoint: None,
    };
}

/// A design with the instances in which it is explored at some scope.
pub trait Target: Send + Sync {
    /// The name of the design.
    fn name(&self) -> &str;

    /// The number of its instances.
    fn instance_count(&self) -> usize;

    /// The name of an instance.
    fn instance_name(&self, index: usize) -> &'static str;

    /// Explores one instance and judges it.
    fn check_instance(&self, index: usize, plan: &Plan<'_>) -> Findings;

    /// Decides, for each family that it has, whether its rules hold for every number of participants.
    fn any_number(&self) -> Vec<Proof> {
        Vec::new()
    }

    /// Joins the findings of all instances, in their order.
    fn join(&self, findings: Vec<Findings>) -> Findings;

    /// Explores every instance and judges it.
    fn check(&self, plan: &Plan<'_>) -> Findings {
        self.join((0..self.instance_count()).map(|index| self.check_instance(index, plan)).collect())
    }

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
pub struct Instances {
    design: String,
    rules: fn() -> Rules,
    /// Every action of some instance, in words and in the order of the actions.
    alphabet: Vec<String>,
    instances: Vec<Box<dyn Explorable>>,
    families: Vec<Box<dyn Provable>>,
}

/// A family of any type.
trait Provable: Send + Sync {
    fn prove(&self, design: &str) -> Proof;
}

impl<D: Interchangeable> Provable for Family<D> {
    fn prove(&self, design: &str) -> Proof {
        Self::prove(self, design)
    }
}

/// An instance of any type. What is not asked of it, or of its graph, is compiled once and not for every design.
trait Explorable: Send + Sync {
    fn name(&self) -> &'static str;
    fn explore(&self, plan: &Plan<'_>) -> Box<dyn Explored + '_>;
    fn audit(&self, plan: &Plan<'_>) -> Result<(), Fault>;
    fn erased(&self, is_shown: bool) -> Erased;
}

/// The graph of an instance of any type.
trait Explored {
    fn shape(&self) -> &Shape;
    fn bytes(&self) -> usize;
    /// Shows the graph as numbers.
    fn with_numbers(&self, to: &mut dyn FnMut(&Numbers<'_>));
    /// The actions that are taken somewhere, in words.
    fn actions(&self) -> Vec<String>;
    fn scan(&self, threads: usize) -> Scan;
    fn rules(&self) -> Vec<(Expectation, &'static str)>;
    /// The components that a goal assumes to be fair.
    fn fair_components(&self, goal: usize) -> FairComponents;
    /// Takes edges from a state that the exploration started from, and writes down what happens.
    fn replay(&self, initial: u32, edges: &[usize]) -> Behaviour;
}

/// What happens on a walk.
struct Behaviour {
    protocol: &'static str,
    header: Value,
    replayed: Replayed,
}

struct TypedGraph<'i, D: Design> {
    checked: &'i Checked<D>,
    graph: Graph<Recorded<D>, ActionOf<D>>,
}

impl<D: Design> Instance<D> {
    fn graph(&self, plan: &Plan<'_>) -> Graph<Recorded<D>, ActionOf<D>> {
        let Plan { threads, max_bytes, observer, checkpoint, .. } = *plan;
        let keeper = checkpoint.map(|checkpoint| -> &dyn Keeper { checkpoint });
        self.checked.explore(&Options { threads, max_bytes, observer, keeper, ..Options::default() })
    }
}

impl<D: Design> Explorable for Instance<D> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn explore(&self, plan: &Plan<'_>) -> Box<dyn Explored + '_> {
        Box::new(TypedGraph { checked: &self.checked, graph: self.graph(plan) })
    }

    fn audit(&self, plan: &Plan<'_>) -> Result<(), Fault> {
        audit::audit(&self.checked, self.graph(plan).states())
    }

    fn erased(&self, is_shown: bool) -> Erased {
        Erased::of_design(&self.checked, is_shown)
    }
}

impl<D: Design> Explored for TypedGraph<'_, D> {
    fn shape(&self) -> &Shape {
        &self.graph
    }

    fn bytes(&self) -> usize {
        self.graph.memory().total()
    }

    fn with_numbers(&self, to: &mut dyn FnMut(&Numbers<'_>)) {
        self.graph.with_numbers(to);
    }

    fn actions(&self) -> Vec<String> {
        self.graph.actions().iter().map(ToString::to_string).collect()
    }

    fn scan(&self, threads: usize) -> Scan {
        scan(self.checked, &self.graph, threads)
    }

    fn rules(&self) -> Vec<(Expectation, &'static str)> {
        Checked::<D>::rules()
    }

    fn fair_components(&self, goal: usize) -> FairComponents {
        let fair = D::Protocol::GOALS[goal].fair;
        FairComponents::of(self.graph.actions(), &|action| D::Protocol::component(action).filter(fair))
    }

    fn replay(&self, initial: u32, edges: &[usize]) -> Behaviour {
        let start = self.graph.state(initial);
        let actions = edges.iter().map(|&edge| *self.graph.action(edge));
        let replayed = trace::replay(&start, actions, self.checked.alphabet());
        Behaviour { protocol: <D as Machine>::Protocol::NAME, header: start.machine.header(), replayed }
    }
}

/// An instance that was explored, and what its behaviours are called by.
struct Exploration<'i> {
    design: &'i str,
    instance: &'i dyn Explorable,
    graph: Box<dyn Explored + 'i>,
}

impl Instances {
    /// A design that is explored in these instances.
    pub fn new<D: Design>(design: impl Into<String>, instances: Vec<Instance<D>>) -> Self {
        let mut alphabet: Vec<ActionOf<D>> = Vec::new();
        for action in instances.iter().flat_map(|instance| instance.checked.alphabet()) {
            if let Err(place) = alphabet.binary_search(action) {
                alphabet.insert(place, *action);
            }
        }
        let alphabet = alphabet.iter().map(ToString::to_string).collect();
        let erase = |instance| -> Box<dyn Explorable> { Box::new(instance) };
        let instances = instances.into_iter().map(erase).collect();
        let (design, rules, families) = (design.into(), Rules::of::<D::Protocol>, Vec::new());
        Self { design, rules, alphabet, instances, families }
    }

    /// The same, with a family for every number of participants.
    #[must_use]
    pub fn with_family<D: Interchangeable>(mut self, family: Family<D>) -> Self {
        self.families.push(Box::new(family));
        self
    }

    fn explore<'i>(&'i self, instance: &'i dyn Explorable, plan: &Plan<'_>) -> Exploration<'i> {
        Exploration { design: &self.design, instance, graph: instance.explore(plan) }
    }

    fn nothing_found(&self) -> Findings {
        let result = |Rule { id, title, assumes }| {
            let (decided, owing, broken_by) = (Ok(()), None, None);
            RuleResult { id, title, assumes, decided, owing, broken_by }
        };
        let witness = |Rule { id, title, .. }| WitnessResult { id, title, reached_by: None };
        let Rules { invariants, goals, witnesses } = (self.rules)();
        Findings {
            instances: Vec::new(),
            invariants: invariants.into_iter().map(result).collect(),
            goals: goals.into_iter().map(result).collect(),
            witnesses: witnesses.into_iter().map(witness).collect(),
            never_enabled: self.alphabet.iter().cloned().collect(),
        }
    }
}

impl Exploration<'_> {
    fn check(&self, plan: &Plan<'_>, exploring: Duration, findings: &mut Findings) {
        let shape = self.graph.shape();
        let scan = self.graph.scan(plan.threads);
        let mut violated = BTreeSet::new();
        let mut reached = BTreeSet::new();
        for ((expectation, id), found) in self.graph.rules().into_iter().zip(&scan.found) {
            let Some(state) = *found else { continue };
            let is_witness = expectation == Expectation::Sometimes;
            self.enter((id, is_witness), state, findings);
            if is_witness { &mut reached } else { &mut violated }.insert(id);
        }
        for (goal, (marks, result)) in scan.goals.iter().zip(&mut findings.goals).enumerate() {
            self.decide(goal, marks, result);
        }
        let comparison = self.compare(plan, violated, reached);
        for taken in self.graph.actions() {
            findings.never_enabled.remove(&taken);
        }
        findings.instances.push(InstanceFindings {
            name: self.instance.name(),
            states: shape.state_count(),
            edges: shape.edge_count(),
            depth: shape.depth(),
            completeness: shape.completeness(),
            digest: scan.digest,
            bytes_per_state: self.graph.bytes() as f64 / shape.state_count().max(1) as f64,
            exploring,
            comparison,
        });
    }

    /// Asks the second engine, unless it agreed in an earlier run. An incomplete graph has nothing to compare, and the
    /// second engine knows no limits.
    fn compare(
        &self,
        plan: &Plan<'_>,
        violated: BTreeSet<&'static str>,
        reached: BTreeSet<&'static str>,
    ) -> Comparison {
        let shape = self.graph.shape();
        if shape.completeness() != Completeness::Complete {
            return Comparison::default();
        }
        if let Some(asked) = plan.checkpoint.and_then(Checkpoint::agreed) {
            return Comparison { asked, disagreements: Vec::new() };
        }
        let comparison = if plan.cross_check {
            let ours = cross_check::Findings { states: shape.state_count(), violated, reached };
            let threads = NonZeroUsize::new(plan.threads).unwrap_or(NonZeroUsize::MIN);
            let options = cross_check::Options { threads, max_path_bytes: plan.max_bytes as u64 };
            let erased = self.instance.erased(false);
            let comparison = cross_check::compare_erased(erased, shape, &ours, options, plan.searches);
            comparison.expect("a checked design has the properties that Stateright needs")
        } else {
            Comparison::default()
        };
        if let Some(checkpoint) = plan.checkpoint.filter(|_| comparison.disagreements.is_empty()) {
            self.graph.with_numbers(&mut |search| checkpoint.end(search, &comparison.asked));
        }
        comparison
    }

    /// Enters a violation of an invariant, or a witness that was reached.
    fn enter(&self, (id, is_witness): (&'static str, bool), state: u32, findings: &mut Findings) {
        let (found_by, title) = if is_witness {
            let witness = findings.witnesses.iter_mut().find(|witness| witness.id == id);
            let witness = witness.expect("every witness has a witness");
            (&mut witness.reached_by, witness.title)
        } else {
            let result = findings.invariants.iter_mut().find(|result| result.id == id);
            let result = result.expect("every invariant has a result");
            (&mut result.broken_by, result.title)
        };
        let shape = self.graph.shape();
        if found_by.as_ref().is_none_or(|trace| shape.depth_of(state) < trace.steps.len()) {
            let (initial, edges) = shape.path_to(state);
            let verb = if is_witness { "is reached" } else { "is violated" };
            *found_by = Some(self.trace(Some(id), format!("{id} {verb}: {title}"), initial, &edges, None));
        }
    }

    fn decide(&self, goal: usize, marks: &Marks, result: &mut RuleResult) {
        match liveness::decide_shape(self.graph.shape(), marks, &self.graph.fair_components(goal)) {
            Err(refused) => result.decided = Err(refused),
            Ok(verdict) => {
                *result.owing.get_or_insert(0) += verdict.owing;
                let Some(lasso) = verdict.broken else { return };
                let steps = lasso.prefix_edges.len() + lasso.cycle_edges.len();
                if result.broken_by.as_ref().is_none_or(|trace| steps < trace.steps.len()) {
                    let assumes = result.assumes.unwrap_or_default();
                    let title = format!("{} is violated: {} (fair: {assumes})", result.id, result.title);
                    let edges = [&lasso.prefix_edges[..], &lasso.cycle_edges].concat();
                    let repeats_from = Some(lasso.prefix_edges.len());
                    result.broken_by = Some(self.trace(Some(result.id), title, lasso.prefix[0], &edges, repeats_from));
                }
            }
        }
    }

    fn trace(
        &self,
        rule: Option<&'static str>,
        title: String,
        initial: u32,
        edges: &[usize],
        repeats_from: Option<usize>,
    ) -> Trace {
        let Behaviour { protocol, header, replayed } = self.graph.replay(initial, edges);
        let (design, instance) = (self.design.to_owned(), self.instance.name().to_owned());
        let Replayed { initial, starts_as, lanes, steps, waits, owed } = replayed;
        let owed_from = owed.into_iter().find(|(id, _)| rule == Some(*id)).map(|(_, from)| from);
        let origin = None;
        Trace {
            protocol,
            design,
            instance,
            title,
            rule,
            origin,
            header,
            initial,
            starts_as,
            lanes,
            steps,
            waits,
            repeats_from,
            owed_from,
        }
    }
}

impl Target for Instances {
    fn name(&self) -> &str {
        &self.design
    }

    fn instance_count(&self) -> usize {
        self.instances.len()
    }

    fn instance_name(&self, index: usize) -> &'static str {
        self.instances[index].name()
    }

    fn check_instance(&self, index: usize, plan: &Plan<'_>) -> Findings {
        let mut findings = self.nothing_found();
        let started = Instant::now();
        let exploration = self.explore(&*self.instances[index], plan);
        exploration.check(plan, started.elapsed(), &mut findings);
        findings
    }

    fn any_number(&self) -> Vec<Proof> {
        self.families.iter().map(|family| family.prove(&self.design)).collect()
    }

    fn join(&self, findings: Vec<Findings>) -> Findings {
        // An action is enabled in the design if it is in one of its instances.
        let join = |one: Findings, other: Findings| {
            let never_enabled = &one.never_enabled & &other.never_enabled;
            Findings { never_enabled, ..one.and(other) }
        };
        findings.into_iter().reduce(join).expect("a design has at least one instance")
    }

    fn cover(&self, plan: &Plan<'_>, each: &mut dyn FnMut(Trace) -> ControlFlow<()>) {
        for instance in &self.instances {
            let exploration = self.explore(&**instance, plan);
            let walks = cover::edges(exploration.graph.shape());
            for (number, walk) in walks.iter().enumerate() {
                let title = format!("edge cover, walk {} of {}", number + 1, walks.len());
                if each(exploration.trace(None, title, walk.initial, &walk.edges, None)).is_break() {
                    return;
                }
            }
        }
    }

    fn audit(&self, plan: &Plan<'_>) -> Result<(), Fault> {
        self.instances.iter().try_for_each(|instance| instance.audit(plan))
    }

    fn serve(&self, address: std::net::SocketAddr) -> std::io::Result<()> {
        // Stateright's server panics where it cannot listen; find out before it does.
        drop(std::net::TcpListener::bind(address)?);
        let instance = self.instances.first().expect("a design has at least one instance");
        instance.erased(true).checker().serve(address);
        Ok(())
    }
}
