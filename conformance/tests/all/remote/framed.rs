//! Framed connections, in this process: a paused clock, and wires that hold as little as a case says.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::time::Duration;

use conformance::remote::framed::{Answer, Case, FRAMES, Framed};
use conformance::remote::suite::{Options, Report, Suite, run};
use conformance::remote::target::{Access, Part};
use conformance::remote::wire::Wire;
use conformance::remote::{check, report};
use handfast::framed::{Config, Connection, Frame, Opaque, Reader};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, copy, sink, split};
use tokio::time::Instant;

async fn report_of(answer: Answer, access: &Access, seed: u64) -> Report<Case> {
    run(&Framed { answer }, access, &Options { seed, ..Options::default() }, |_, _, _| {}).await
}

/// handfast's driver, and what `conformance/harness/README.md` asks for above it.
async fn handfast(wire: Wire, part: Part) {
    // A connection that ends without a marker is closed without one.
    let _served = async {
        let (mut reader, mut writer) = Connection::over(wire, Config::default()).into_split();
        if part.role == "source" {
            let drained = tokio::spawn(async move { drain(&mut reader).await });
            for number in 0..FRAMES {
                writer.write(Frame::new(number + 1, vec![number as u8; number as usize * 1000])).await?;
            }
            let _outcome = writer.shutdown(Instant::now() + Duration::from_secs(10)).await;
            return drained.await.expect("it does not panic");
        }
        while let Some(frame) = reader.read().await? {
            if part.role == "echo" {
                writer.write(frame).await?;
            }
        }
        let _outcome = writer.shutdown(Instant::now() + Duration::from_secs(10)).await;
        Ok::<_, handfast::framed::Error>(())
    }
    .await;
}

async fn drain(reader: &mut Reader<Opaque<Wire>>) -> Result<(), handfast::framed::Error> {
    while reader.read().await?.is_some() {}
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handfast_passes_every_case_and_all_that_a_peer_can_show_is_seen() {
    for answer in Answer::ALL {
        for seed in [0, 1, 2] {
            let report = report_of(answer, &Access::task(handfast), seed).await;
            let text = report::text::<Framed>(&report);
            assert!(report.passes() && report.is_complete(), "{answer}, seed {seed}\n{text}");
            assert_eq!(report.seen, report.showable, "{answer}, seed {seed}\n{text}");
            print!("{answer}: {}", report::summary::<Framed>(&report));
        }
    }
}

conformance::suite!(the_macro_makes_a_test_of_a_suite, Framed { answer: Answer::Sink }, handfast);

#[test]
#[should_panic(expected = "FRM-3")]
fn such_a_test_fails_with_the_report() {
    check(&Framed { answer: Answer::Echo }, &Access::task(|wire, _| flawed(wire, Flaw::EndIsClean)));
}

/// A mistake of an end that echoes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flaw {
    /// It makes none.
    None,
    /// It gives a frame with a payload when the next header has come, as zrepl's frameconn does.
    HoldsBack,
    /// It drops the last frame when the marker comes.
    LosesLast,
    /// It ends its direction without a marker.
    NoMarker,
    /// It goes on echoing behind the marker.
    ReadsOn,
    /// It takes an end without a marker for one with it.
    EndIsClean,
    /// It takes an end within a frame for one with a marker.
    TornIsClean,
    /// It gives frames of reserved types.
    GivesReserved,
    /// It waits for a payload, however long it is announced to be.
    NoLimit,
    /// A payload of one byte is too short for it, as for zrepl's frameconn.
    OneByteIsTooShort,
    /// It keeps the connection open after it has been told of an end without a marker.
    StaysOpen,
    /// It swaps the two halves of a long payload.
    Garbles,
}

/// Each flaw, and the rule that it breaks.
const FLAWS: [(Flaw, &str); 11] = [
    (Flaw::HoldsBack, "FRM-14"),
    (Flaw::LosesLast, "FRM-1"),
    (Flaw::NoMarker, "FRM-1"),
    (Flaw::ReadsOn, "FRM-2"),
    (Flaw::EndIsClean, "FRM-3"),
    (Flaw::TornIsClean, "FRM-3"),
    (Flaw::GivesReserved, "FRM-8"),
    (Flaw::NoLimit, "FRM-9"),
    (Flaw::OneByteIsTooShort, "FRM-4"),
    (Flaw::StaysOpen, "FRM-13"),
    (Flaw::Garbles, "FRM-4"),
];

#[tokio::test(start_paused = true)]
async fn a_flawed_end_fails_by_the_rule_that_it_breaks() {
    for (flaw, rule) in FLAWS {
        let report = report_of(Answer::Echo, &Access::task(move |wire, _| flawed(wire, flaw)), 0).await;
        let broken = report.broken();
        assert!(broken.contains(rule), "{flaw:?} breaks {broken:?}\n{}", report::text::<Framed>(&report));
        println!("{flaw:?}: {broken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_without_a_flaw_passes() {
    let report = report_of(Answer::Echo, &Access::task(|wire, _| flawed(wire, Flaw::None)), 0).await;
    assert!(report.passes(), "{}", report::text::<Framed>(&report));
}

const MARKER: u32 = 1 << 28;

async fn flawed(wire: Wire, flaw: Flaw) {
    let (mut reader, mut writer) = split(wire);
    let served = echo(&mut reader, &mut writer, flaw).await;
    let is_clean = match served {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => flaw == Flaw::TornIsClean,
        Err(error) if error.kind() == ErrorKind::NotConnected => flaw == Flaw::EndIsClean,
        Err(_) => false,
    };
    if is_clean {
        // The tester may have gone.
        let _ended = async {
            if flaw != Flaw::NoMarker {
                write(&mut writer, MARKER, &[]).await?;
            }
            writer.shutdown().await
        }
        .await;
    }
    if !is_clean && flaw == Flaw::StaysOpen {
        std::future::pending::<()>().await;
    }
    if is_clean {
        // What comes behind the marker is forgotten.
        let _forgotten = copy(&mut reader, &mut sink()).await;
    }
}

async fn write(writer: &mut WriteHalf<Wire>, kind: u32, payload: &[u8]) -> io::Result<()> {
    writer.write_u32(kind).await?;
    writer.write_u32(payload.len() as u32).await?;
    writer.write_all(payload).await
}

async fn echo(reader: &mut ReadHalf<Wire>, writer: &mut WriteHalf<Wire>, flaw: Flaw) -> io::Result<()> {
    let mut held: Option<(u32, Vec<u8>)> = None;
    loop {
        let (kind, length) = header(reader).await?;
        let is_marker = (kind, length) == (MARKER, 0);
        if let Some((kind, payload)) = held.take()
            && !(is_marker && flaw == Flaw::LosesLast)
        {
            write(writer, kind, &payload).await?;
        }
        if is_marker && flaw != Flaw::ReadsOn {
            return Ok(());
        }
        if is_marker {
            write(writer, MARKER, &[]).await?;
            continue;
        }
        let is_reserved = kind >> 28 != 0 && flaw != Flaw::GivesReserved;
        let is_too_long = length > 1 << 23 && flaw != Flaw::NoLimit;
        if is_reserved || is_too_long || length == 1 && flaw == Flaw::OneByteIsTooShort {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut payload = Vec::new();
        reader.take(length.into()).read_to_end(&mut payload).await?;
        if payload.len() < length as usize {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if flaw == Flaw::Garbles && length > 4000 {
            payload.rotate_left(2000);
        }
        match flaw {
            Flaw::HoldsBack | Flaw::LosesLast if length > 0 => held = Some((kind, payload)),
            _ => write(writer, kind, &payload).await?,
        }
    }
}

/// The next header. The end before it is told from the end within it.
async fn header(reader: &mut ReadHalf<Wire>) -> io::Result<(u32, u32)> {
    let mut first = [0];
    if reader.read(&mut first).await? == 0 {
        return Err(ErrorKind::NotConnected.into());
    }
    let mut rest = [0; 7];
    reader.read_exact(&mut rest).await?;
    let word = |bytes: &[u8]| bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    Ok((word(&[&first[..], &rest[..3]].concat()), word(&rest[3..])))
}

#[test]
fn every_case_has_a_name_of_its_own_and_names_rules() {
    for answer in Answer::ALL {
        let cases = Framed { answer }.cases(0);
        let names: BTreeSet<&String> = cases.iter().map(|case| &case.outline.name).collect();
        assert_eq!(names.len(), cases.len(), "{answer}");
        assert!(cases.iter().all(|case| !case.outline.rules.is_empty()), "{answer}");
    }
}
