//! Tier 4: every edge of the model's graph at the small scope, walked on the cores of `handfast::framed`.

use conformance::edges::{Difference, Walked, walk};
use conformance::framed::CoreMachine;
use handfast_spec::Recorded;
use model::catalogue::Scope;
use model::framed::handfast::{Config, Flaw, Handfast, settings};

#[test]
fn every_edge_of_the_small_scope_is_an_edge_of_the_cores() {
    for setting in settings(Scope::Small, Flaw::None) {
        let core = |start: &Recorded<Handfast>| CoreMachine::new(start.machine.config());
        let walked = walk(&setting.checked, core).unwrap_or_else(|difference| panic!("{difference}"));
        let Walked { states, edges, walks, steps, refusals } = walked;
        println!("{}: {states} states, {edges} edges, {walks} walks, {steps} steps, {refusals} refusals", setting.name);
        assert!(walked.refusals > walked.states, "in most states most actions are refused");
    }
}
