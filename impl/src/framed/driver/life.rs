//! Signs of life, and how long ago they were.

use crate::runtime::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::runtime::time::Instant;

use super::config::Idle;

/// When there was progress last in either direction.
///
/// The stamps are read and written by different tasks. One that is a moment old makes a timer fire once too often, after
/// which it is looked at again: no other memory depends on them, so that relaxed accesses are enough.
#[derive(Debug)]
pub(super) struct Life {
    idle: Option<Idle>,
    epoch: Instant,
    inbound: Stamp,
    outbound: Stamp,
    /// When a frame of ours was accepted last.
    sent: AtomicU64,
}

/// A moment, and the bytes since then that were too few to count.
#[derive(Debug, Default)]
struct Stamp {
    moment: AtomicU64,
    bytes: AtomicU64,
}

impl Life {
    pub(super) fn new(idle: Option<Idle>) -> Self {
        Self {
            idle,
            epoch: Instant::now(),
            inbound: Stamp::default(),
            outbound: Stamp::default(),
            sent: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn at(&self, stamp: u64) -> Instant {
        self.epoch + Duration::from_nanos(stamp)
    }

    /// The peer has completed a frame.
    pub(super) fn frame_came(&self) {
        if self.idle.is_some() {
            self.inbound.renew(self.now());
        }
    }

    /// So many bytes came.
    pub(super) fn bytes_came(&self, bytes: usize) {
        if let Some(idle) = self.idle {
            self.inbound.count(bytes, idle.progress, || self.now());
        }
    }

    /// The transport took so many bytes.
    pub(super) fn bytes_went(&self, bytes: usize) {
        if let Some(idle) = self.idle {
            self.outbound.count(bytes, idle.progress, || self.now());
        }
    }

    /// Somebody begins to wait for the transport, which took everything until now.
    pub(super) fn writer_waits(&self) {
        if self.idle.is_some() {
            self.outbound.renew(self.now());
        }
    }

    /// A frame was accepted.
    pub(super) fn frame_went(&self) {
        self.sent.store(self.now(), Ordering::Relaxed);
    }

    /// When a frame was accepted last.
    pub(super) fn sent(&self) -> Instant {
        self.at(self.sent.load(Ordering::Relaxed))
    }

    /// How long a peer may be silent.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.idle.map(|idle| idle.timeout)
    }

    /// When the peer will count as dead for somebody who waits to read.
    pub(super) fn reader_gives_up(&self) -> Option<Instant> {
        let idle = self.idle?;
        self.at(self.inbound.moment.load(Ordering::Relaxed)).checked_add(idle.timeout)
    }

    /// When the peer will count as dead for somebody who waits to write.
    pub(super) fn writer_gives_up(&self) -> Option<Instant> {
        let idle = self.idle?;
        let inbound = self.inbound.moment.load(Ordering::Relaxed);
        self.at(inbound.max(self.outbound.moment.load(Ordering::Relaxed))).checked_add(idle.timeout)
    }
}

impl Stamp {
    fn renew(&self, now: u64) {
        self.moment.store(now, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }

    fn count(&self, bytes: usize, enough: usize, now: impl FnOnce() -> u64) {
        let before = self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if before + bytes as u64 >= enough as u64 {
            self.renew(now());
        }
    }
}
