//! Tier 5: the drivers of `handfast::simopen` on tokio, under paused clocks, along every edge of the small scope, and
//! of as much of the default scope as there is time for.
//!
//! The streams that they are given take and give one message at a time, in pieces, when the model's next action is that
//! end's; the clock of an end moves when its deadline is to pass. What each end says, hears and comes to is compared with
//! the model at every step, and so is what it refuses: an end that has nothing more to hear must not ask for more. When a
//! dialer knew its role is not seen before it settles: its history has the model's word for that.

mod broken;

use conformance::edges::{Difference, Refused, Walked, noticed, walk_with};
use conformance::simopen::driver::{Chop, Clocks, Driver, DriverMachine, handfasts};
use handfast_spec::Recorded;
use handfast_spec::simopen::{Kind, Name};
use model::checker::catalogue::Scope;
use model::checker::design::Checked;
use model::simopen::{Config, Connection, EndConfig, instances};

use broken::{DRIVERS, FLAWLESS};

/// Walks over every edge of a graph.
fn walk(
    name: &str,
    checked: &Checked<Connection>,
    chop: Chop,
    driver: Driver,
) -> Result<Walked, Box<Difference<Connection>>> {
    let clocks = Clocks::stopped();
    let build = |start: &Recorded<Connection>| DriverMachine::new(start.machine.config(), &clocks, chop, driver);
    let walked = walk_with(checked, build, DriverMachine::sees, Refused::Attempted)?;
    println!("{name}, {chop:?}: {walked}");
    Ok(walked)
}

fn instance(scope: Scope, name: &str) -> Checked<Connection> {
    let instance = instances(scope).into_iter().find(|instance| instance.name == name);
    instance.expect("there is such an instance").checked
}

fn cover(name: &str, checked: &Checked<Connection>, chops: &[Chop]) {
    for &chop in chops {
        if let Err(difference) = walk(name, checked, chop, handfasts) {
            panic!("{difference}{}", save(name, &difference));
        }
    }
}

fn save(name: &str, difference: &Difference<Connection>) -> String {
    difference.save(env!("CARGO_TARGET_TMPDIR"), &format!("driver-{name}")).told
}

const EVERY: [Chop; 3] = [Chop::Whole, Chop::Halves, Chop::Bytes];

#[test]
fn the_drivers_take_every_edge_of_dialers() {
    cover("dialers", &instance(Scope::Small, "dialers"), &[Chop::Whole, Chop::Bytes]);
    cover("dialers, default", &instance(Scope::Default, "dialers"), &[Chop::Halves]);
}

#[test]
fn the_drivers_take_every_edge_of_others_and_of_their_reflection() {
    cover("others, default", &instance(Scope::Default, "others"), &EVERY);
    cover("reflection, default", &instance(Scope::Default, "reflection"), &EVERY);
}

#[test]
fn the_drivers_take_every_edge_where_nothing_disturbs_them() {
    cover("undisturbed", &instance(Scope::Small, "undisturbed"), &[Chop::Whole, Chop::Bytes]);
    cover("undisturbed, default", &instance(Scope::Default, "undisturbed"), &[Chop::Halves]);
}

#[test]
fn the_drivers_take_every_edge_where_their_clocks_move() {
    cover("clock", &instance(Scope::Small, "clock"), &[Chop::Bytes]);
    cover("clock, default", &instance(Scope::Default, "clock"), &[Chop::Halves]);
}

#[test]
fn the_drivers_take_every_edge_with_peers_that_stop_reading() {
    cover("deaf", &instance(Scope::Small, "deaf"), &[Chop::Halves]);
}

#[test]
fn the_drivers_take_every_edge_with_hostile_peers() {
    cover("hostile", &instance(Scope::Small, "hostile"), &[Chop::Halves]);
}

/// In the small scope a dialer with the extension meets hostile peers, in the default scope every honest end does, on more
/// connections than are walked in the time that a test may take.
#[test]
fn the_drivers_take_every_edge_of_others_with_hostile_peers() {
    let ours = [Kind::Plain, Kind::Lazy, Kind::Listener];
    let starts = ours.map(|kind| {
        Connection::new(Config {
            left: EndConfig::new(kind, &[Name(0), Name(1)]),
            right: EndConfig::new(Kind::Hostile, &[]),
            capacity: [0, 0],
            patience: 2,
            timed: true,
            ticks: 0,
            deafens: false,
        })
        .with_history()
    });
    let alphabet = instance(Scope::Small, "hostile").alphabet().to_vec();
    cover("others with hostile peers", &Checked::new(starts.to_vec(), alphabet).in_parts(), &EVERY);
}

/// There are no other instances: a new one is not forgotten here.
#[test]
fn every_instance_is_walked() {
    for scope in [Scope::Small, Scope::Default] {
        let names: Vec<_> = instances(scope).iter().map(|instance| instance.name).collect();
        assert_eq!(names, ["dialers", "others", "reflection", "hostile", "undisturbed", "clock", "deaf"]);
    }
}

/// A check that cannot fail is worthless: drivers of the same negotiation that make one mistake with the stream or the clock
/// are told from the model. The difference is shrunk and saved, and the model rejects it where it is.
#[test]
fn a_broken_driver_is_told_from_the_model() {
    let walked = ["undisturbed", "others"].map(|name| (name, instance(Scope::Small, name)));
    for (name, checked) in &walked {
        let flawless = walk(name, checked, Chop::Halves, FLAWLESS);
        flawless.unwrap_or_else(|difference| panic!("without a mistake: {difference}"));
    }
    for (name, driver) in DRIVERS {
        let found = walked.iter().find_map(|(instance, checked)| walk(instance, checked, Chop::Halves, *driver).err());
        println!("{}", save(name, &noticed(name, 16, found)));
    }
    let simopen = model::registry::find("simopen").expect("there is such a protocol");
    let refuses = walk(walked[0].0, &walked[0].1, Chop::Whole, DRIVERS[0].1).expect_err("it is noticed");
    let explanation = (simopen.explain)(&mut refuses.log().as_bytes()).expect("what is saved is a log");
    let rejection = explanation.rejection.expect("the last step is no behaviour of the model");
    assert_eq!(rejection.explained + 1, refuses.actions.len());
}
