//! The port of zrepl's frameconn is what the model of it is a model of: every step of the model, taken by the port.

use conformance::edges::{Refused, walk_with};
use conformance::framed::historical::Historical;
use handfast_spec::Recorded;
use model::framed::zrepl::{Zrepl, instances};

#[test]
fn every_edge_of_every_setting_of_the_original_is_one_of_its_port() {
    for instance in instances() {
        let port = |start: &Recorded<Zrepl>| Historical::new(start.machine.kernel(), start.machine.frames());
        let walked = walk_with(&instance.checked, port, |observation| observation, Refused::LeftOutUnjudged);
        let walked = walked.unwrap_or_else(|difference| panic!("{}: {difference}", instance.name));
        println!("{}: {walked}", instance.name);
    }
}
