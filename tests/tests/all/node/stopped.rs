//! A process that stops and goes on.

use rustix::process::Signal;

use super::fleet::Fleet;
use crate::support::{deadline, one_storm_at_a_time};

/// Its kernel still acknowledges what its peers send, and accepts their connections: nothing but silence tells them.
#[test]
fn a_process_that_stops_is_gone_from_the_others_and_comes_back_when_it_goes_on() {
    let _deadline = deadline("a process that stops to be noticed, and to come back");
    let _storm = one_storm_at_a_time();
    let mut fleet = Fleet::start("stopped", 3, &["--interval", "50", "--idle", "1500"]);
    fleet.is_complete();
    fleet.program(2).stop();
    fleet.has_sessions(0, 1);
    fleet.has_sessions(1, 1);
    fleet.program(2).signal(Signal::CONT);
    fleet.is_complete();
    let accounts = fleet.end();
    assert!(accounts.unclean >= 2, "each of its peers reports what it did not read: {}", accounts.unclean);
    assert!(accounts.both >= 6 && accounts.logs == 3);
}
