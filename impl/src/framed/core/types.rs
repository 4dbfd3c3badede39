//! Errors, and what is known at the end.

use std::time::Duration;

use crate::framed::transport::Fault;

/// Why a call on a connection failed.
///
/// What ends a connection is latched: every later call on either half gets the same error, after the frames that had
/// arrived before. A frame that the caller should not have offered ([`FrameTooLong`](Self::FrameTooLong),
/// [`KindReserved`](Self::KindReserved)) ends nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller's frame is longer than the connection allows. Nothing was written.
    #[error("a frame of {length} bytes is longer than the {max} that the connection allows")]
    FrameTooLong {
        /// Bytes of its payload.
        length: usize,
        /// What [`Config::max_frame`](crate::framed::Config::max_frame) allows.
        max: u32,
    },
    /// The kind of the caller's frame is reserved. Nothing was written.
    #[error("frames of kind {kind:#010x} are reserved")]
    KindReserved {
        /// The kind.
        kind: u32,
    },
    /// We have begun to shut down: nothing is written any more.
    #[error("the connection was shut down from this end")]
    ShutDown,
    /// The deadline of our shutdown passed before everything was done.
    #[error("the deadline of the shutdown has passed")]
    DeadlineExceeded,
    /// The peer sent what the protocol forbids.
    #[error("the peer broke the protocol: {0}")]
    Violation(Violation),
    /// The peer's bytes ended within a frame.
    #[error("the peer ended within a frame, with {missing} bytes or more to come")]
    Truncated {
        /// Bytes that were missing of the header, or of the payload.
        missing: usize,
    },
    /// The peer's bytes ended between two frames, but it never said that it would end.
    #[error("the peer ended without saying so")]
    EndedWithoutMarker,
    /// The peer did nothing for so long that it counts as dead.
    #[error("the peer made no progress for {after:?}")]
    Unresponsive {
        /// The [timeout](crate::framed::Idle::timeout).
        after: Duration,
    },
    /// The transport failed.
    #[error("the transport failed: {0}")]
    Transport(#[source] Fault),
    /// A `close` through `Sink` could not make sure that everything arrived.
    #[error("the connection did not end cleanly: {0}")]
    Unclean(Outcome),
}

impl Error {
    /// Whether it only says that this end has begun to shut down.
    pub fn is_shutdown(&self) -> bool {
        matches!(self, Self::ShutDown)
    }

    /// Whether the peer ended before it should: within a frame, or without its marker.
    pub fn is_truncation(&self) -> bool {
        matches!(self, Self::Truncated { .. } | Self::EndedWithoutMarker)
    }
}

/// What a peer did wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// It announced a payload that is longer than allowed. Nothing was allocated for it.
    #[error("a frame of {length} bytes, longer than the {max} that are allowed")]
    TooLong {
        /// The length that was announced.
        length: u32,
        /// What [`Config::max_frame`](crate::framed::Config::max_frame) allows.
        max: u32,
    },
    /// It sent a reserved kind.
    #[error("a frame of the reserved kind {kind:#010x}")]
    ReservedKind {
        /// The kind.
        kind: u32,
    },
    /// Its marker announced a payload.
    #[error("a marker with {length} bytes of payload")]
    MarkerWithPayload {
        /// The length that was announced.
        length: u32,
    },
}

/// What is known of our frames when a shutdown ends. It is about the direction in which we send.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[must_use = "only `Clean` says that every frame has arrived"]
#[non_exhaustive]
pub enum Outcome {
    /// Every frame that was accepted, and the marker behind them, have been acknowledged by the peer's kernel: the peer
    /// gets them if it reads until the marker.
    ///
    /// A peer of handfast's does so, also after its own shutdown has begun. zrepl's frameconn does not: from the beginning of
    /// its own `Shutdown` it drops whatever comes, our last frames among it (in 2,369 of 7,700 runs where both ends shut
    /// down). No acknowledgement can tell. Where frames count that cross the peer's shutdown, have the application
    /// acknowledge them, or let one end alone begin.
    #[error("everything has arrived")]
    Clean,
    /// The transport took every byte and does not tell what became of it. The peer ended its own direction in order, or
    /// the deadline passed.
    #[error("everything was handed over to a transport that does not tell what arrives")]
    Unconfirmed {
        /// The transport reported the end of the peer's bytes, after all of ours were handed over. A TLS stream that is cut
        /// off without `close_notify` has ended too; whether that was the end is for the peer's marker to say.
        peer_ended: bool,
    },
    /// The deadline passed when every byte was handed over and not all were acknowledged. They may arrive yet, but once
    /// the connection is closed it cannot be known.
    #[error("{bytes} bytes were not acknowledged before the deadline")]
    Unacknowledged {
        /// Bytes that were not acknowledged, the end of the stream counted as one.
        bytes: u64,
    },
    /// The deadline passed when the transport had not taken every byte, or had not flushed what it took. The peer will miss
    /// frames, and the marker; or, where every byte was taken, what the transport keeps back until a flush.
    #[error("the deadline passed before everything was flushed: {unwritten} bytes were not even written")]
    DeadlineExceeded {
        /// Bytes that were accepted and never taken by the transport, the marker among them. Zero if only the flush was
        /// missing.
        unwritten: u64,
    },
    /// The connection broke before everything was acknowledged: the peer reset it or vanished.
    #[error("the peer was gone before everything had arrived")]
    PeerGone {
        /// Bytes that were accepted and never handed over, the marker among them. Of what was handed over nothing is known.
        unwritten: u64,
    },
}

impl Outcome {
    /// Whether every frame has arrived.
    pub fn is_clean(self) -> bool {
        matches!(self, Self::Clean)
    }
}

/// What a transport knows of the bytes that it took.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Delivery {
    /// So many bytes are not yet where the closing of this end cannot reach them; the end of the stream is counted as
    /// one. None: everything has arrived.
    Outstanding(u64),
    /// It does not know.
    Unknown,
}
