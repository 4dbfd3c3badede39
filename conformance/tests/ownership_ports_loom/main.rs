//! The ports under loom, which has the memory model of C11: a late report of the old owner, and a taker. Before the repair
//! both are in, also with every access as strong as it need be; the corrected protocol is explored whole and has no race.
//!
//! Not here: deletion. Its loops make more executions than a test may take, and a bounded run would look like a whole one.

mod weakened;
mod world;

use conformance::ownership::haproxy::{Before, Closing, Corrected, Design, Enter, Named};

use world::{complete, fails, takeover_and_report};

/// [`Before`] with the orderings of [`Corrected`], so that what fails is the protocol.
#[derive(Debug)]
enum BeforeInOrder {}

impl Design for BeforeInOrder {
    type Orders = Named;
    const ENTER: Enter = Before::ENTER;
    const CLOSING: Closing = Before::CLOSING;
    const WAITS_FOR_ALL: bool = Before::WAITS_FOR_ALL;
    const DELETER_HOLDS: bool = Before::DELETER_HOLDS;
    const WRITES_FLAGS: bool = Before::WRITES_FLAGS;
    const CHECKS_REPORTS: bool = Before::CHECKS_REPORTS;
    const QUEUES_ONCE: bool = Before::QUEUES_ONCE;
}

#[test]
fn before_the_repair_two_own() {
    assert!(fails(takeover_and_report::<BeforeInOrder>), "nothing noticed");
}

#[test]
fn what_would_have_been_right_has_no_race() {
    complete("takeover_and_report", takeover_and_report::<Corrected>);
}
