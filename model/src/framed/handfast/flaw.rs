//! The switches that turn handfast's design into a mutant of it.

use serde::Serialize;

/// One mistake that somebody made in a real system, made in handfast's design.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// None: the design as it is.
    #[default]
    None,
    /// A frame of some length panics the reader.
    PanicsOnPayload,
    /// Room is made for whatever a header announces.
    TrustsLength,
    /// A dropped read forgets the half of a header that it has.
    DropsHeader,
    /// A dropped read forgets the payload that it has, and not the header.
    DropsPayload,
    /// The reader waits for the header after a frame, and gives up the frame where that is cut off.
    LosesLastFrame,
    /// The end of the stream within a frame is told as one between frames.
    TruncationIsEnd,
    /// The end of the stream without the marker is told as if the marker had come.
    EndIsMarker,
    /// The reader waits for the header after a frame.
    Prefetches,
    /// The length of a marker is not looked at.
    LoadedMarkerCounts,
    /// Frames of every type but the marker's are given to the application.
    GivesReserved,
    /// The reason why nothing more comes is told once; the next call asks the kernel again.
    ForgetsEnding,
    /// Something else sets the timer anew when it is about to fire.
    RenewsDeadline,
    /// A second call sets the deadline, whatever it was.
    LatestDeadline,
    /// The write lock is released between the marker and the end of the direction.
    WritesBehindMarker,
    /// A write looks whether a shutdown has begun, and then waits for its turn.
    ChecksThenAccepts,
    /// A write that is dropped leaves the part of the frame that the kernel has taken.
    TearsFrame,
    /// Whatever was acknowledged, the socket is closed at the deadline, and that counts as clean.
    CleanAtDeadline,
    /// Nothing is read from the beginning of the shutdown until the marker is handed over.
    DrainsLate,
    /// What went wrong is not told.
    SwallowsErrors,
    /// The reader ends when its own end begins to shut down.
    StopsReader,
    /// What is thrown away is not counted.
    UnboundedDrain,
    /// The shutdown waits for the end of the peer's stream.
    WaitsForPeer,
    /// A second call after the end fails.
    SecondFails,
    /// A write that fails stops the reader at once.
    ResetStopsReader,
    /// The socket is closed right after the marker.
    ClosesAfterMarker,
}
