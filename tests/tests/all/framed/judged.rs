//! Other implementations of framed connections before the suite of `conformance::remote`, in this process and under a paused
//! clock: the port of zrepl's frameconn, and an end on tokio-util's `LengthDelimitedCodec`.

use std::collections::BTreeSet;
use std::io;

use conformance::remote::framed::{Answer, FRAMES, Framed};
use conformance::remote::report;
use conformance::remote::suite::{Options, run};
use conformance::remote::target::{Access, Part};
use conformance::remote::wire::Wire;
use futures_util::StreamExt;
use tokio::io::{AsyncWriteExt, split};
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

use super::original::{End, Original};
use crate::support::deadline;

/// What `conformance/harness/README.md` asks for, on the port of zrepl's design. What comes while it shuts down is dropped.
async fn zrepl(wire: Wire, part: Part) {
    let mut original = Original::new(wire);
    let served = async {
        if part.role == "source" {
            for number in 0..FRAMES {
                original.write(number + 1, &vec![number as u8; number as usize * 1000]).await?;
            }
            return Ok(());
        }
        loop {
            match original.read().await {
                Ok((kind, payload)) if part.role == "echo" && kind >> 28 == 0 => original.write(kind, &payload).await?,
                // To send a reserved type back would be the harness's mistake: the library panics.
                Ok(_) => {}
                Err(End::ShutDown) => return Ok(()),
                Err(End::Bytes(_)) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            }
        }
    };
    if served.await.is_ok() {
        let _dropped = original.shut_down().await;
    }
}

/// The marker as the codec gives it.
const MARKER: &[u8] = &[0x10, 0, 0, 0, 0, 0, 0, 0];

/// What is asked for, on the codec, of which it takes the decoder: header and payload come in one piece. The encoder has no
/// place for a type.
async fn tokio_util(wire: Wire, part: Part) {
    let mut codec = LengthDelimitedCodec::builder();
    codec.length_field_offset(4).length_field_length(4).length_adjustment(8).num_skip(0).max_frame_length(8 << 20);
    let (reader, mut writer) = split(wire);
    let mut frames = FramedRead::new(reader, codec.new_codec());
    // A connection that ends without a marker is closed without one.
    let _served = async {
        if part.role == "source" {
            let drained = tokio::spawn(async move { while let Some(Ok(_)) = frames.next().await {} });
            for number in 0..FRAMES {
                writer.write_u32(number + 1).await?;
                writer.write_u32(number * 1000).await?;
                writer.write_all(&vec![number as u8; number as usize * 1000]).await?;
            }
            writer.write_all(MARKER).await?;
            writer.shutdown().await?;
            let _ended = drained.await;
            return Ok::<_, io::Error>(());
        }
        while let Some(frame) = frames.next().await {
            let frame = frame?;
            if frame == MARKER {
                writer.write_all(MARKER).await?;
                return writer.shutdown().await;
            }
            if part.role == "echo" {
                writer.write_all(&frame).await?;
            }
        }
        Ok(())
    }
    .await;
}

async fn broken(answer: Answer, access: &Access) -> (BTreeSet<String>, String) {
    let report = run(&Framed { answer }, access, &Options::default(), |_, _, _| {}).await;
    assert!(report.is_complete(), "{}", report::text::<Framed>(&report));
    (report.broken(), report::text::<Framed>(&report))
}

/// A harness, its name, and for each part the rules by which it is known to fail.
type Known = (&'static str, fn() -> Access, [(Answer, &'static [&'static str]); 3]);

/// zrepl's reader holds a frame with a payload back until the next header has come (FRM-14), and loses it where the stream
/// ends within that one (FRM-4) without a marker (FRM-3); it waits for a payload of any length (FRM-9, FRM-13), and gives
/// reserved types, a marker with a payload among them (FRM-8). What its shutdown throws away behind its deadline takes longer
/// than a case. The codec knows lengths and no types, which it gives and the harness sends back (FRM-7, FRM-8).
const KNOWN: [Known; 2] = [
    (
        "zrepl",
        || Access::task(zrepl),
        [
            (Answer::Echo, &["FRM-3", "FRM-4", "FRM-8", "FRM-9", "FRM-13", "FRM-14"]),
            (Answer::Sink, &["FRM-8", "FRM-9", "FRM-13"]),
            (Answer::Source, &[]),
        ],
    ),
    (
        "tokio-util",
        || Access::task(tokio_util),
        [(Answer::Echo, &["FRM-7", "FRM-8", "FRM-13"]), (Answer::Sink, &["FRM-8", "FRM-13"]), (Answer::Source, &[])],
    ),
];

#[tokio::test(start_paused = true)]
async fn the_original_and_the_codec_fail_as_is_known() {
    let _deadline = deadline("the cases of framed connections on two implementations");
    let mut differ = Vec::new();
    for (name, access, parts) in KNOWN {
        for (answer, known) in parts {
            let (broken, text) = broken(answer, &access()).await;
            if broken != known.iter().map(|rule| (*rule).to_owned()).collect::<BTreeSet<_>>() {
                differ.push(format!("{text}{name}, {answer} breaks {broken:?}\n"));
            }
        }
    }
    assert!(differ.is_empty(), "{}", differ.concat());
}
