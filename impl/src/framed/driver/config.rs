//! How a connection is configured.

use std::time::Duration;

use crate::setters::setters;

/// How a connection is configured. What both ends must agree on is `max_frame` and whether there are heartbeats.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// The greatest length of a payload in bytes, in both directions. A peer that announces more ends the connection before
    /// anything is allocated. Memory then follows what has come of a frame: it is at most twice as much and 80 KiB. 8 MiB.
    pub max_frame: u32,
    /// Bytes that [`feed`](super::Writer::feed) gathers before it waits for the transport. A frame is accepted while less
    /// than this is waiting, or nothing is, so that one frame more than this can be. 256 KiB.
    pub write_buffer: usize,
    /// What becomes of the peer's bytes while we shut down.
    pub drain: Drain,
    /// How long the `close` of `Sink` may take, which has no argument to say so. 10 seconds.
    pub close_within: Duration,
    /// When a silent peer counts as dead. Never, if not set: then a peer that vanishes without a word is noticed when the
    /// operating system notices.
    pub idle: Option<Idle>,
    /// After how long without a frame of ours a heartbeat is sent, on connections that have heartbeats; a millisecond at
    /// the least. Set it to less than
    /// half of the peer's idle timeout. The kinds with one of the bits 24 to 27 are then reserved. See
    /// [`Connection::heartbeats`](super::Connection::heartbeats), which a task must poll.
    pub heartbeat: Option<Duration>,
    /// Begin a shutdown of this length as soon as the peer's marker is read, as peers expect that treat a connection as
    /// one thing with one end. The call that reads the marker hands over what was accepted, and our marker, before it
    /// returns: it waits at most for so long (FRM-28). Dropped meanwhile, the next call goes on. What arrives is for a call of
    /// [`shutdown`](super::Closer::shutdown) to say. If not set, we may go on writing after the peer has ended.
    ///
    /// An original (zrepl's frameconn) that has sent its marker reads none of our frames any more: it drops everything up to
    /// the end of our direction. The answer then only lets it end before its deadline.
    pub answer: Option<Duration>,
}

impl Config {
    setters! { const:
        max_frame, with_max_frame: u32;
        write_buffer, with_write_buffer: usize;
        drain, with_drain: Drain;
        close_within, with_close_within: Duration;
        idle, with_idle: Option<Idle>;
        heartbeat, with_heartbeat: Option<Duration>;
        answer, with_answer: Option<Duration>;
    }
}

/// What becomes of the peer's bytes while we shut down. They must go somewhere: a peer that is stuck writing does not read.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Drain {
    /// Bytes that are read ahead of the [`Reader`](super::Reader), who gets them when it reads. More is left with the
    /// kernel until then. 1 MiB.
    pub keep: usize,
    /// Bytes that are read and dropped if there is no reader any more. More is left with the kernel, until our frames are
    /// acknowledged or the deadline has passed: a peer that pumps for ever costs so much and no more (FRM-10). 64 MiB.
    pub discard: u64,
    /// If there is no reader any more, and our frames are acknowledged: how long a pause of the peer is waited for, before
    /// its next byte meets a closed socket. Many systems answer that byte with a reset, which on some destroys what the
    /// peer has not read yet; Linux keeps it. 100 milliseconds.
    pub linger: Duration,
}

impl Drain {
    setters! { const:
        keep, with_keep: usize;
        discard, with_discard: u64;
        linger, with_linger: Duration;
    }
}

/// When a peer counts as dead.
///
/// A peer lives as long as it completes frames, of which heartbeats are some. Of a frame that is on its way so many bytes
/// must arrive within each timeout: a drip does not keep it alive. A writer that cannot go on also sees life in a transport
/// that takes so many bytes within each timeout, or everything. Bytes count, and not how often some are taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Idle {
    /// For how long there may be no progress. A peer is declared unresponsive this long after its last progress, while a
    /// task reads or waits to write.
    pub timeout: Duration,
    /// Bytes of an unfinished frame that are progress. 4 KiB.
    pub progress: usize,
}

impl Idle {
    /// Creates the configuration with this timeout.
    pub const fn after(timeout: Duration) -> Self {
        Self { timeout, progress: 4 * 1024 }
    }

    setters! { const:
        timeout, with_timeout: Duration;
        progress, with_progress: usize;
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_frame: 8 * 1024 * 1024,
            write_buffer: 256 * 1024,
            drain: Drain::default(),
            close_within: Duration::from_secs(10),
            idle: None,
            heartbeat: None,
            answer: None,
        }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self { keep: 1024 * 1024, discard: 64 * 1024 * 1024, linger: Duration::from_millis(100) }
    }
}
