//! Tier 4: every edge of the graph of the pool's model at the small scope, walked on the cores of `handfast::pool` and
//! `handfast::ownership`.

use conformance::edges::{Difference, Walked, walk};
use conformance::ownership::pool::{Mistake, PoolMachine};
use handfast_spec::Recorded;
use model::checker::catalogue::Scope;
use model::ownership::pool::{Flaw, Mutated, Pool, instances};

#[test]
fn every_edge_of_the_small_scope_is_an_edge_of_the_cores() {
    for instance in instances(Scope::Small) {
        let core = |start: &Recorded<Pool>| PoolMachine::new(start.machine.config(), Mistake::None);
        let walked = walk(&instance.checked, core).unwrap_or_else(|difference| panic!("{difference}"));
        let Walked { states, edges, walks, steps, refusals } = walked;
        println!(
            "{}: {states} states, {edges} edges, {walks} walks, {steps} steps, {refusals} refusals",
            instance.name
        );
        assert!(walked.refusals > walked.states, "in most states most actions are refused");
    }
}

/// The first difference in some instance.
fn told<I>(build: impl Fn(&Recorded<Pool>) -> I + Copy) -> Option<Box<Difference<Pool>>>
where
    I: handfast_spec::Machine<Protocol = handfast_spec::ownership::pool::Pool>,
{
    instances(Scope::Small).into_iter().find_map(|instance| walk(&instance.checked, build).err())
}

/// A check that cannot fail is worthless: cores that are put together wrongly must be told from the model.
#[test]
fn every_mistake_is_told_from_the_design() {
    for mistake in [
        Mistake::KeepsListed,
        Mistake::SaysGone,
        Mistake::StopsSilently,
        Mistake::LeavesLate,
        Mistake::IgnoresTime,
        Mistake::KeepsTheEarly,
    ] {
        let wrong = |start: &Recorded<Pool>| PoolMachine::new(start.machine.config(), mistake);
        let difference = told(wrong).unwrap_or_else(|| panic!("{mistake:?} was not noticed"));
        println!("{mistake:?}: {difference}");
        assert!(difference.actions.len() <= 20, "{mistake:?} was not shrunk: {difference}");
    }
}

/// And so must every mutant of the model, taken for an implementation: also the one that breaks no rule, because what it
/// does is to be observed.
#[test]
fn every_mutant_is_told_from_the_design() {
    for &flaw in Flaw::ALL {
        let mutant = |start: &Recorded<Pool>| Mutated::new(*start.machine.config(), flaw);
        let difference = told(mutant).unwrap_or_else(|| panic!("{flaw:?} was not noticed"));
        println!("{flaw:?}: {difference}");
        assert!(difference.actions.len() <= 20, "{flaw:?} was not shrunk: {difference}");
    }
}
