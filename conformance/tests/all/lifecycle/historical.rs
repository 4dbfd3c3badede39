//! The historical implementations are what the models of them are models of: every step of every model, taken by the
//! tasks on tokio.

use conformance::lifecycle::historical::{Stepped, is_implemented};
use handfast_spec::{Machine, Recorded};
use model::checker::cover;
use model::checker::design::Checked;
use model::checker::explore::{Completeness, Options};
use model::lifecycle::btcd::{Action, Bounds, Btcd, Variant, checked, variants};

#[derive(Debug, Default)]
struct Walked {
    states: usize,
    edges: usize,
    walks: usize,
    steps: usize,
    refusals: usize,
}

/// Walks every edge of the graph of a design on an implementation; in each state that is visited for the first time,
/// every step that the model refuses is attempted too. The first difference, with what led to it.
fn walk(checked: &Checked<Btcd>, build: impl Fn() -> Stepped) -> Result<Walked, String> {
    let graph = checked.explore(&Options::default());
    assert_eq!(graph.completeness(), Completeness::Complete, "only a whole graph can be covered");
    let mut walked = Walked { states: graph.state_count(), edges: graph.edge_count(), ..Walked::default() };
    let mut visited = vec![false; graph.state_count()];
    for walk in cover::edges(&graph) {
        let start = graph.state(walk.initial);
        let mut model = start.clone();
        let mut node = Recorded { machine: build(), history: start.history };
        let mut at = walk.initial;
        let mut taken: Vec<Action> = Vec::new();
        walked.walks += 1;
        for edge in walk.edges.iter().map(|&edge| Some(edge)).chain([None]) {
            if !std::mem::replace(&mut visited[at as usize], true) {
                for action in checked.alphabet() {
                    if model.machine.clone().step(action).is_refused() {
                        walked.refusals += 1;
                        if !node.step(action).is_refused() {
                            return Err(format!("after {taken:?} the model refuses {action:?}"));
                        }
                    }
                }
            }
            let Some(edge) = edge else { break };
            let action = graph.actions()[graph.label(edge)];
            taken.push(action);
            walked.steps += 1;
            let (expected, observed) = (model.step(&action), node.step(&action));
            if expected != observed || model.history != node.history {
                return Err(format!("{taken:?}: the model: {expected:?}; the implementation: {observed:?}"));
            }
            at = graph.target(edge);
        }
    }
    Ok(walked)
}

#[test]
fn every_edge_of_every_model_is_one_of_its_implementation() {
    let implemented = variants().filter(|variant| is_implemented(&variant.bounds));
    let (mut designs, mut historical) = (0, 0);
    for Variant { name, kind, switches, bounds, .. } in implemented {
        let walked = walk(&checked(*switches, *bounds), || Stepped::new(*switches, *bounds));
        let Walked { states, edges, walks, steps, refusals } =
            walked.unwrap_or_else(|difference| panic!("{name}: {difference}"));
        println!("{name}: {states} states, {edges} edges, {walks} walks, {steps} steps, {refusals} refusals");
        designs += 1;
        historical += usize::from(kind.is_historical());
    }
    println!("{designs} designs, {historical} of them historical");
}

/// A check that cannot fail is worthless: where the model is of one design and the implementation another, the walk must
/// say so. Designs that differ at this bounds in nothing are told apart by none of their steps.
#[test]
fn an_implementation_of_another_design_is_told_from_the_model() {
    let base = || variants().filter(|variant| variant.bounds == Bounds::BASE && variant.kind.is_historical());
    let mut told_apart = 0;
    for (model, other) in base().flat_map(|model| base().map(move |other| (model, other))) {
        if model.switches == other.switches {
            continue;
        }
        let walked = walk(&checked(model.switches, model.bounds), || Stepped::new(other.switches, other.bounds));
        assert!(walked.is_err(), "{} was taken for {}", other.name, model.name);
        told_apart += 1;
    }
    println!("{told_apart} pairs of designs were told apart");
}
