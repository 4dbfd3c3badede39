//! Mutants of handfast's design: one mistake each, made in a real system.

mod machine;

use handfast_spec::Recorded;

use super::bounds::{SMALL, alphabet};
use super::{Bounds, Handfast};
use crate::checker::catalogue::Variant;
use crate::checker::design::Checked;
use crate::checker::target::Instance;
use crate::mutants;

pub use machine::Mutant;

const BOTH: &[&str] = &["both"];
const ONE_WAY: &[&str] = &["one-way"];
const LEAVING: &[&str] = &["leaving"];
const HOSTILE: &[&str] = &["hostile"];
const ANSWERING: &[&str] = &["answering"];

/// Every mutant.
pub fn variants() -> Vec<Variant> {
    let variant = |&flaw: &Flaw| {
        let mut instances = mutated(flaw);
        instances.retain(|instance| flaw.row().instances.contains(&instance.name));
        flaw.row().variant(instances)
    };
    Flaw::ALL.iter().map(variant).collect()
}

/// The mutant with this flaw in the instances of the small scope.
pub fn mutated(flaw: Flaw) -> Vec<Instance<Mutant>> {
    let checked = |bounds: &Bounds| {
        let machine = Mutant::new(Handfast::new(bounds.config()), flaw);
        let initial = vec![Recorded { machine, history: bounds.history() }];
        Checked::new(initial, alphabet(bounds)).in_parts()
    };
    SMALL.iter().map(|(name, bounds)| Instance { name, checked: checked(bounds) }).collect()
}

mutants! {
    /// A mistake made in handfast's design.
    pub enum Flaw shown in &'static [&'static str];

    PanicsOnPayload {
        name: "panics-on-payload",
        source: "zrepl/zrepl b93a06d, base2bufpool Get of one byte (M1)",
        about: "a frame whose payload has one length panics the reader",
        instances: ONE_WAY,
        violates: &["FRM-9"],
    }

    TrustsLength {
        name: "trusts-length",
        source: "zrepl/zrepl b93a06d, readFrame: Get before any check (M2)",
        about: "room is made for whatever a header announces",
        instances: HOSTILE,
        violates: &["FRM-9"],
    }

    DropsHeader {
        name: "drops-header",
        source: "zrepl/zrepl b93a06d, readFrame: a timeout forgets 1 to 7 bytes of a header (M3); tokio read_exact in a select",
        about: "a dropped read forgets the half of a header that it has",
        instances: ONE_WAY,
        violates: &["FRM-1", "FRM-3", "FRM-4", "FRM-14"],
    }

    DropsPayload {
        name: "drops-payload",
        source: "zrepl/zrepl b93a06d, readFrame: readNextValid stays after a timeout (M4)",
        about: "a dropped read forgets the payload that it has and keeps the header",
        instances: ONE_WAY,
        violates: &["FRM-1", "FRM-3", "FRM-4", "FRM-14"],
    }

    LosesLastFrame {
        name: "loses-last-frame",
        source: "zrepl/zrepl b93a06d, readFrame: ReadvFull ends within the next header (M5)",
        about: "a complete frame is given up where the header behind it is cut off",
        instances: ONE_WAY,
        violates: &["FRM-4", "FRM-14"],
    }

    TruncationIsEnd {
        name: "truncation-is-end",
        source: "zrepl/zrepl b93a06d, ReadvFull: plain io.EOF whatever was read (M6)",
        about: "the end of the stream within a frame is told as one between frames",
        instances: ONE_WAY,
        violates: &["FRM-3"],
    }

    EndIsMarker {
        name: "end-is-marker",
        source: "zrepl/zrepl b93a06d, an end without the marker is the end of the stream (M7)",
        about: "the end of the stream without the marker counts as the marker",
        instances: ONE_WAY,
        violates: &["FRM-3"],
    }

    Prefetches {
        name: "prefetches",
        source: "zrepl/zrepl b93a06d, readFrame: payload and next header in one readv (M8)",
        about: "a frame is given when the header behind it has come",
        instances: ONE_WAY,
        violates: &["FRM-14"],
    }

    LoadedMarkerCounts {
        name: "loaded-marker-counts",
        source: "zrepl/zrepl b93a06d, the length of the marker is not checked (M9)",
        about: "a marker with a payload counts as the marker",
        instances: HOSTILE,
        violates: &["FRM-8"],
    }

    GivesReserved {
        name: "gives-reserved",
        source: "zrepl/zrepl b93a06d, only 1<<28 is looked at (M10)",
        about: "frames of reserved types are given to the application",
        instances: HOSTILE,
        violates: &["FRM-8"],
    }

    ForgetsEnding {
        name: "forgets-ending",
        source: "zrepl/zrepl b93a06d, nextReadErr is taken and cleared (M11)",
        about: "the reason why nothing more comes is told once, and the kernel is asked again",
        instances: ONE_WAY,
        violates: &["FRM-3", "FRM-7"],
    }

    RenewsDeadline {
        name: "renews-deadline",
        source: "zrepl/zrepl PR #415, d118bcc: idle renewal after DisableTimeouts (M12)",
        about: "the deadline is set anew whenever it is about to pass",
        instances: ONE_WAY,
        violates: &["FRM-11", "FRM-12", "FRM-13"],
    }

    LatestDeadline {
        name: "latest-deadline",
        source: "zrepl/zrepl b93a06d, Shutdown: SetDeadline of the second call (M15)",
        about: "a second call moves the deadline, also to later",
        instances: ONE_WAY,
        violates: &["FRM-12", "FRM-13"],
    }

    WritesBehindMarker {
        name: "writes-behind-marker",
        source: "zrepl/zrepl b93a06d, Shutdown without writeMtx to its end (M18)",
        about: "the write lock is released between the marker and the end of the direction",
        instances: ONE_WAY,
        violates: &["FRM-1", "FRM-2", "FRM-6", "FRM-15"],
    }

    ChecksThenAccepts {
        name: "checks-then-accepts",
        source: "zrepl/zrepl b93a06d, WriteFrame: IsShuttingDown before the lock (M19)",
        about: "a write looks whether a shutdown has begun, and then waits for its turn",
        instances: ONE_WAY,
        violates: &["FRM-1", "FRM-2", "FRM-4", "FRM-5", "FRM-6", "FRM-15"],
    }

    TearsFrame {
        name: "tears-frame",
        source: "zrepl/zrepl b93a06d, WriteFrame after a timeout (M16); tokio write_all in a select (M20)",
        about: "a write that is given up leaves the part of the frame that the kernel took, and the next one follows",
        instances: ONE_WAY,
        violates: &["FRM-1", "FRM-3", "FRM-4", "FRM-5", "FRM-6"],
    }

    CleanAtDeadline {
        name: "clean-at-deadline",
        source: "zrepl/zrepl b93a06d, Shutdown: Close after an incomplete drain returns nil (M21)",
        about: "whatever was acknowledged, the socket is closed at the deadline and that counts as clean",
        instances: BOTH,
        violates: &["FRM-1", "FRM-6"],
    }

    ClosesAfterMarker {
        name: "closes-after-marker",
        source: "zrepl/zrepl b93a06d, Shutdown, the naive option of its comment; hyperium/hyper h1 shutdown",
        about: "the socket is closed right behind the marker",
        instances: LEAVING,
        violates: &["FRM-1", "FRM-6"],
    }

    DrainsLate {
        name: "drains-late",
        source: "zrepl/zrepl b93a06d, Shutdown: the drain follows the marker (M22); libp2p/rust-yamux PR #102",
        about: "nothing is read from the beginning of the shutdown until the marker is handed over",
        instances: BOTH,
        violates: &["FRM-13", "FRM-15"],
    }

    SwallowsErrors {
        name: "swallows-errors",
        source: "zrepl/zrepl b93a06d, Shutdown: hardclose drops the cause (M23)",
        about: "what went wrong is not told",
        instances: ONE_WAY,
        violates: &["FRM-1", "FRM-6"],
    }

    StopsReader {
        name: "stops-reader",
        source: "zrepl/zrepl b93a06d, Shutdown: Begin makes ReadFrame fail (M24)",
        about: "the reader ends when its own end begins to shut down, and what has come is thrown away",
        instances: BOTH,
        violates: &["FRM-1", "FRM-15"],
    }

    UnboundedDrain {
        name: "unbounded-drain",
        source: "zrepl/zrepl b93a06d, Shutdown: io.Copy to Discard (M25)",
        about: "what is thrown away is not counted",
        instances: LEAVING,
        violates: &["FRM-10"],
    }

    WaitsForPeer {
        name: "waits-for-peer",
        source: "zrepl/zrepl b93a06d, Shutdown: io.Copy until EOF (M26)",
        about: "the shutdown waits for the end of the peer's stream",
        instances: BOTH,
        violates: &["FRM-15"],
    }

    SecondFails {
        name: "second-fails",
        source: "zrepl/zrepl b93a06d, Shutdown: use of closed network connection (M27)",
        about: "a second shutdown after the end fails",
        instances: ONE_WAY,
        violates: &["FRM-7"],
    }

    ResetStopsReader {
        name: "reset-stops-reader",
        source: "zrepl/zrepl b93a06d, as reproduced on Linux: the write takes the error of the reset",
        about: "a write that fails stops the reader, although what was acknowledged is still in the kernel",
        instances: LEAVING,
        violates: &["FRM-1"],
    }

    ForgetsAnswer {
        name: "forgets-answer",
        source: "snapview/tungstenite-rs 393: the reply to a close frame waits for a flush that no task calls",
        about: "the reader that begins an answer is told of the marker before the answer was handed over",
        instances: ANSWERING,
        violates: &["FRM-28"],
    }

    DrainsPastDeadline {
        name: "drains-past-deadline",
        source: "clockworklabs/SpacetimeDB 2891: a peer that never pauses keeps a task from its timers",
        about: "the drain goes on reading behind the deadline until the timer has fired",
        instances: BOTH,
        violates: &["FRM-29"],
    }

    ReadsPastDeadline {
        name: "reads-past-deadline",
        source: "clockworklabs/SpacetimeDB 2891; impl/src/framed/driver/reader.rs, which asked for the time only where it had to wait",
        about: "a peer that never pauses is read behind the deadline",
        instances: BOTH,
        violates: &["FRM-29"],
    }

    UnboundedKeep {
        name: "unbounded-keep",
        source: "zrepl/zrepl b93a06d, Shutdown: io.Copy without a bound (M25), made for a reader",
        about: "what is read ahead for the reader is not counted",
        instances: BOTH,
        violates: &["FRM-30"],
    }

    KeepsFirstTimer {
        name: "keeps-first-timer",
        source: "zrepl/zrepl PR #415, d118bcc: calls that wait have a copy of the deadline (M12)",
        about: "a later call shortens the deadline, and the timer that runs is not set anew",
        instances: ONE_WAY,
        violates: &["FRM-12", "FRM-13"],
    }
}
