//! Some thousand runs of each driver in its simulated world, and the faults that such runs must find.

use std::collections::BTreeSet;

use conformance::simulate::campaign::{Options, campaign};
use conformance::simulate::framed::Framed;
use conformance::simulate::lifecycle::Lifecycle;
use conformance::simulate::node::Nodes;
use conformance::simulate::oracle::RULES;
use conformance::simulate::pool::Pooling;
use conformance::simulate::simopen::Simopen;
use conformance::simulate::{Plan, World};

/// Runs without a fault of the driver, and the most that a fault is given to be found.
const RUNS: u64 = 1_500;

/// No rule is broken, and everything occurs that a rule needs.
fn breaks_no_rule<W: World>() {
    let summary = campaign::<W>(Options { seed: 0, runs: RUNS, until: None }, None, |_| {});
    println!("{summary}");
    if let Some(failure) = &summary.failure {
        panic!("{failure}");
    }
    assert!(summary.missing().is_empty(), "it never occurred: {:?}", summary.missing());
}

/// Each driver with a fault breaks a rule, and the shortest plan breaks the same.
fn finds_every_canary<W: World>() {
    for &canary in W::CANARIES {
        let summary = campaign::<W>(Options { seed: 0, runs: RUNS, until: None }, Some(canary), |_| {});
        let failure = summary.failure.unwrap_or_else(|| panic!("{canary:?} is not found in {RUNS} runs"));
        println!("{canary:?} is found in run {}: {}", summary.runs, failure.finding);
        let again = failure.plan.run().finding.unwrap_or_else(|| panic!("{canary:?}: the shortest plan is fine"));
        assert_eq!(again, failure.finding, "{canary:?}");
    }
}

/// A seed gives the same plan and the same run each time, also after the plan was written and read.
fn can_be_repeated<W: World>() {
    for seed in 0..20 {
        let plan = Plan::<W>::of(seed, None);
        let text = serde_json::to_string(&plan).expect("a plan can be written");
        let read: Plan<W> = serde_json::from_str(&text).expect("a plan that was written can be read");
        let (first, second) = (plan.run(), read.run());
        assert_eq!((&first.finding, &first.events), (&second.finding, &second.events), "seed {seed}");
    }
}

macro_rules! worlds {
    ($($protocol:ident: $world:ty,)*) => {
        $(
            mod $protocol {
                use super::*;

                #[test]
                fn is_found_out_with_any_fault() {
                    finds_every_canary::<$world>();
                }

                #[test]
                fn runs_the_same_again() {
                    can_be_repeated::<$world>();
                }
            }
        )*
    };
}

worlds! {
    framed: Framed,
    simopen: Simopen,
    lifecycle: Lifecycle,
    pool: Pooling,
    node: Nodes,
}

#[test]
fn simopen_breaks_no_rule_in_its_world() {
    breaks_no_rule::<Simopen>();
}

#[test]
fn framed_breaks_no_rule_in_its_world() {
    breaks_no_rule::<Framed>();
}

#[test]
fn pool_breaks_no_rule_in_its_world() {
    breaks_no_rule::<Pooling>();
}

#[test]
fn node_breaks_no_rule_in_its_world() {
    breaks_no_rule::<Nodes>();
}

#[test]
fn every_rule_of_the_worlds_has_one_id() {
    let ids: BTreeSet<&str> = RULES.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids.len(), RULES.len());
}
