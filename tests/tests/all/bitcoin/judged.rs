//! The program before the suite of `conformance::remote::lifecycle`, started anew for each case.

use std::time::Duration;

use conformance::remote::lifecycle::{Case, Lifecycle, Network};
use conformance::remote::report;
use conformance::remote::suite::{Options, Report, Verdict, run};
use conformance::remote::target::{Access, Target};
use conformance::remote::wire::Limits;

use crate::support::deadline;

/// As many sessions as the program accepts here.
const SLOTS: usize = 4;

fn judged(more: &str, options: &Options) -> Report<Case> {
    let program = env!("CARGO_BIN_EXE_bitcoin_node");
    let exec =
        format!("exec {program} --listen 127.0.0.1:{{port}} --connect 127.0.0.1:{{dial}} --max-inbound {SLOTS} {more}");
    let target = Target::Connect(([127, 0, 0, 1], 0).into());
    let access = Access { target, exec: Some(exec), limit: Duration::from_secs(60) };
    let suite = Lifecycle { network: Network::Regtest, slots: Some(SLOTS) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it can be built");
    runtime.block_on(run(&suite, &access, options, |_, _, _| {}))
}

/// The limit that the tester keeps is generous: other tests load the machine.
fn limits(deadline: Option<Duration>) -> Limits {
    Limits { silence: Duration::from_secs(60), deadline, ..Limits::default() }
}

#[test]
fn the_node_passes_what_the_wire_shows() {
    let _deadline = deadline("the cases of the lifecycle on the node");
    let report = judged("", &Options { limits: limits(None), ..Options::default() });
    let text = report::text::<Lifecycle>(&report);
    assert!(report.passes() && report.is_complete(), "{text}");
    let skipped = report.results.iter().filter(|result| matches!(result.verdict, Verdict::Inapplicable(_)));
    let skipped: Vec<&str> = skipped.map(|result| result.case.outline.name.as_str()).collect();
    assert_eq!(skipped, ["deadline-silent", "deadline-dripping", "deadline-without-verack"], "{text}");
}

#[test]
fn the_node_keeps_the_deadline_of_its_handshakes() {
    let _deadline = deadline("the cases of a deadline on the node");
    let limits = limits(Some(Duration::from_secs(1)));
    let options = Options { only: Some("deadline".to_owned()), limits, ..Options::default() };
    let report = judged("--handshake-timeout 1", &options);
    assert!(report.passes() && report.is_complete(), "{}", report::text::<Lifecycle>(&report));
    assert!(report.results.iter().all(|result| result.verdict == Verdict::Passed), "{report:?}");
}
