//! Simultaneous open, in this process: a paused clock, and wires that hold as little as a case says.

use std::collections::BTreeSet;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use conformance::remote::report;
use conformance::remote::simopen::{Case, Role, Simopen};
use conformance::remote::suite::{Options, Report, Suite, Verdict, judge, run};
use conformance::remote::target::{Access, Part};
use conformance::remote::wire::{Limits, Wire};
use conformance::simopen::historical::Implementation;
use handfast::simopen::{Options as Negotiating, Role as Settled, accept, negotiate, propose};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy, split};

use super::flawed::{DEADLINE, Flaw, flawed};

fn suite(role: Role) -> Simopen {
    Simopen { role, protocols: Simopen::default_protocols() }
}

async fn report_of(role: Role, access: &Access, seed: u64) -> Report<Case> {
    run(&suite(role), access, &Options { seed, ..Options::default() }, |_, _, _| {}).await
}

/// handfast's drivers, and what `conformance/harness/README.md` asks for above them.
async fn handfast(wire: Wire, part: Part) {
    let options = Negotiating::default();
    let settled = match part.role.as_str() {
        "dialer" => propose(wire, &part.protocols, options).await,
        "listener" => accept(wire, &part.protocols, options).await,
        _ => negotiate(wire, &part.protocols, options).await,
    };
    let Ok(stream) = settled else { return };
    let role = if stream.role() == Settled::Initiator { "initiator" } else { "responder" };
    let line = format!("{role} {}\n", stream.protocol());
    echo(stream, line).await;
}

/// A connection that is there when a negotiation has given it back.
#[derive(Clone)]
struct Shared(Arc<Mutex<Wire>>);

impl Shared {
    fn with<T>(&self, poll: impl FnOnce(Pin<&mut Wire>) -> T) -> T {
        poll(Pin::new(&mut *self.0.lock().expect("nothing panics under it")))
    }
}

impl AsyncRead for Shared {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.with(|wire| wire.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Shared {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|wire| wire.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|wire| wire.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|wire| wire.poll_shutdown(cx))
    }
}

async fn echo(stream: impl AsyncRead + AsyncWrite + Unpin, line: String) {
    let (mut reader, mut writer) = split(stream);
    // The tester may have gone.
    let _echoed = async {
        writer.write_all(line.as_bytes()).await?;
        copy(&mut reader, &mut writer).await?;
        writer.shutdown().await
    }
    .await;
}

#[tokio::test(start_paused = true)]
async fn handfast_passes_every_case_in_every_part_and_all_that_a_peer_can_show_is_seen() {
    for role in Role::ALL {
        for seed in [0, 1, 2] {
            let report = report_of(role, &Access::task(handfast), seed).await;
            let text = report::text::<Simopen>(&report);
            assert!(report.passes() && report.is_complete(), "{role}, seed {seed}\n{text}");
            assert_eq!(report.seen, report.showable, "{role}, seed {seed}\n{text}");
            print!("{role}: {}", report::summary::<Simopen>(&report));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_without_a_flaw_passes() {
    for role in Role::ALL {
        let report = report_of(role, &Access::task(|wire, part| flawed(wire, part, Flaw::None)), 0).await;
        assert!(report.passes(), "{role}\n{}", report::text::<Simopen>(&report));
    }
}

/// Each flaw, the part in which it shows, and the rule that it breaks.
const FLAWS: [(Flaw, Role, &str); 12] = [
    (Flaw::DeclinesFirst, Role::Listener, "SIM-29"),
    (Flaw::ForgivesMalformed, Role::Listener, "SIM-18"),
    (Flaw::LosesPayload, Role::Listener, "SIM-46"),
    (Flaw::WritesFirst, Role::Simultaneous, "SIM-24"),
    (Flaw::ProposesBackwards, Role::Dialer, "SIM-4"),
    (Flaw::EqualIsResponder, Role::Simultaneous, "SIM-6"),
    (Flaw::SpeaksAfterFailure, Role::Listener, "SIM-16"),
    (Flaw::StaysOpen, Role::Dialer, "SIM-26"),
    (Flaw::ReportsDirection, Role::Simultaneous, "SIM-11"),
    (Flaw::LaxNumber, Role::Simultaneous, "SIM-18"),
    (Flaw::TrustsPlainDialer, Role::Simultaneous, "SIM-7"),
    (Flaw::DeclinesForEver, Role::Listener, "SIM-9"),
];

#[tokio::test(start_paused = true)]
async fn a_flawed_end_fails_by_the_rule_that_it_breaks() {
    for (flaw, role, rule) in FLAWS {
        let report = report_of(role, &Access::task(move |wire, part| flawed(wire, part, flaw)), 0).await;
        let broken = report.broken();
        assert!(broken.contains(rule), "{flaw:?} breaks {broken:?}\n{}", report::text::<Simopen>(&report));
        println!("{flaw:?}: {broken:?}");
    }
}

/// Runs the cases of the implementation's own deadline. Returns the rules that it breaks, and how many cases were skipped.
async fn outlasted(role: Role, access: &Access, deadline: Option<Duration>) -> (BTreeSet<String>, usize) {
    let limits = Limits { deadline, ..Limits::default() };
    let options = Options { only: Some("deadline".to_owned()), limits, ..Options::default() };
    let report = run(&suite(role), access, &options, |_, _, _| {}).await;
    assert_eq!(report.results.len(), 2, "{}", report::text::<Simopen>(&report));
    let skipped = report.results.iter().filter(|result| matches!(result.verdict, Verdict::Inapplicable(_)));
    (report.broken(), skipped.count())
}

#[tokio::test(start_paused = true)]
async fn a_promised_deadline_is_judged_and_one_that_is_not_promised_is_skipped() {
    let ids = |rules: &[&str]| rules.iter().map(|rule| (*rule).to_owned()).collect::<BTreeSet<_>>();
    for role in Role::ALL {
        let fine = Access::task(handfast);
        assert_eq!(outlasted(role, &fine, Some(Negotiating::default().timeout)).await, (ids(&[]), 0), "{role}");
        assert_eq!(outlasted(role, &fine, None).await, (ids(&[]), 2), "{role}");
        let none = Access::task(|wire, part| flawed(wire, part, Flaw::None));
        assert_eq!(outlasted(role, &none, Some(DEADLINE)).await, (ids(&["SIM-27", "SIM-43"]), 0), "{role}");
        let restarts = Access::task(|wire, part| flawed(wire, part, Flaw::RestartsDeadline));
        assert_eq!(outlasted(role, &restarts, Some(DEADLINE)).await, (ids(&["SIM-43"]), 0), "{role}");
    }
}

/// The ports of two originals, and the rules by which they are known to fail. Both hang on wires that hold little (SIM-24).
/// go-multistream waits for the peer's proposal before its number, takes any number with leading zeros, and says a word more;
/// the branch of rust-libp2p never ends a tie, takes what comes again, and declines as much as there is.
const HISTORICAL: [(Implementation, &[&str]); 2] = [
    (
        Implementation::Go041,
        &["SIM-5", "SIM-6", "SIM-11", "SIM-16", "SIM-18", "SIM-21", "SIM-24", "SIM-25", "SIM-26", "SIM-29"],
    ),
    (
        Implementation::Rust2066,
        &[
            "SIM-5", "SIM-6", "SIM-8", "SIM-9", "SIM-11", "SIM-16", "SIM-18", "SIM-21", "SIM-24", "SIM-25", "SIM-26",
            "SIM-29", "SIM-42",
        ],
    ),
];

#[tokio::test(start_paused = true)]
async fn the_ports_of_two_originals_fail_as_is_known() {
    let mut differ = Vec::new();
    for (implementation, known) in HISTORICAL {
        let access = Access::task(move |wire, part: Part| async move {
            let protocols: Vec<&str> = part.protocols.iter().map(String::as_str).collect();
            let wire = Shared(Arc::new(Mutex::new(wire)));
            let settled = implementation.negotiate(wire.clone(), &protocols, || 1 << 40).await;
            let Ok((role, protocol)) = settled else { return };
            let role = if role == Settled::Initiator { "initiator" } else { "responder" };
            echo(wire, format!("{role} {protocol}\n")).await;
        });
        let report = report_of(Role::Simultaneous, &access, 0).await;
        let (broken, text) = (report.broken(), report::text::<Simopen>(&report));
        if broken != known.iter().map(|rule| (*rule).to_owned()).collect() {
            differ.push(format!("{text}{implementation:?} breaks {broken:?}\n"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.concat());
}

/// A failure that was saved fails again, as the same case, and passes where the flaw is not.
#[tokio::test(start_paused = true)]
async fn a_failure_is_shortened_and_can_be_run_again() {
    let flawed = Access::task(|wire, part| flawed(wire, part, Flaw::LosesPayload));
    let report = report_of(Role::Listener, &flawed, 0).await;
    let failure = report.results.iter().find(|result| result.case.outline.name == "lazy-payload-in-bytes");
    assert!(failure.is_some_and(|result| result.verdict == Verdict::Passed), "a byte at a time nothing is lost");
    let failure = report.results.iter().find(|result| result.case.outline.name == "lazy-payload");
    let saved = report::saved::<Simopen>(failure.expect("there is such a case"));
    let case: Case = serde_json::from_value(saved["case"].clone()).expect("it is read as it was written");
    let again = judge::<Simopen>(&case, &flawed, Limits::default()).await;
    assert!(matches!(again.verdict, Verdict::Failed { .. }), "{:?}", again.verdict);
    let fine = judge::<Simopen>(&case, &Access::task(handfast), Limits::default()).await;
    assert_eq!(fine.verdict, Verdict::Passed);
    assert!(case.steps.len() <= 2, "it is not shortened: {:?}", case.steps);
}

#[tokio::test(start_paused = true)]
async fn the_reports_say_what_failed() {
    let flawed = Access::task(|wire, part| flawed(wire, part, Flaw::LosesPayload));
    let report = report_of(Role::Listener, &flawed, 0).await;
    let (text, xml) = (report::text::<Simopen>(&report), report::junit::<Simopen>(&report));
    assert!(text.contains("lazy-payload") && text.contains("FAILED") && text.contains("SIM-46"), "{text}");
    assert!(xml.contains("<failure message=\"") && xml.ends_with("</testsuite>\n"), "{xml}");
    let json = report::json::<Simopen>(&report);
    assert_eq!((&json["ok"], &json["protocol"]), (&false.into(), &"simopen".into()));
}

/// Names are what `--only` and saved files go by.
#[test]
fn every_case_has_a_name_of_its_own_and_names_rules() {
    for role in Role::ALL {
        let cases = suite(role).cases(0);
        let names: BTreeSet<&String> = cases.iter().map(|case| &case.outline.name).collect();
        assert_eq!(names.len(), cases.len(), "{role}");
        assert!(cases.iter().all(|case| !case.outline.rules.is_empty()), "{role}");
    }
}
