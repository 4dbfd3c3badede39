//! Tier 5: the driver of `handfast::lifecycle` on tokio, under a paused clock, along the edges of the small scope.
//!
//! Each session's task is polled by the test, only when it was woken, and only when the model's next action is that
//! task's: a handshake ends when the test lets it, timers fire because the clock is moved, subscribers take one event at
//! a time. After each such prod the driver has recorded one step or several; the model must take exactly these with
//! exactly these observations, and what participants see without the record (events, snapshots, gauges) must agree with
//! the model's ledger. See [`walk`] for what is covered and what cannot be.

mod stepped;
mod walk;

use model::catalogue::Scope;
use model::explore::{Completeness, Options, explore};
use model::lifecycle::handfast::{Flaw, settings};

use walk::{Covered, Walker};

#[test]
fn the_driver_stays_on_the_edges_of_the_small_scope() {
    // The others are about the selector's cells, which are the application's and not the driver's, and about limits and
    // policies, which are the core's and are walked there.
    let is_the_drivers = |name| matches!(name, "slots" | "duplicates");
    for setting in settings(Scope::Small, Flaw::None).into_iter().filter(|setting| is_the_drivers(setting.name)) {
        let graph = explore(&setting.checked, &Options::default());
        assert_eq!(graph.completeness(), Completeness::Complete, "only a whole graph can be covered");
        let mut walker = Walker::new(&graph);
        for initial in 0..graph.initial() {
            walker.cover_from(initial);
        }
        let covered = walker.covered();
        let Covered { states, edges, rested, edges_from_rest, taken_from_rest, walks, prods, steps } = covered;
        println!(
            "{}: {states} of {} states and {edges} of {} edges; the driver was left waiting in {rested} states, and took \
             {taken_from_rest} of the {edges_from_rest} edges that leave them; {walks} walks, {prods} prods, {steps} steps",
            setting.name,
            graph.state_count(),
            graph.edge_count(),
        );
        assert!(rested * 5 > graph.state_count(), "in a fifth of the states a driver can be left waiting");
        assert!(taken_from_rest * 5 > edges_from_rest * 4, "four fifths of what leaves them is taken");
    }
}
