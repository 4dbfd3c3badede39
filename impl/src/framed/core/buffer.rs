//! One buffer that is read into and given out in pieces.

use bytes::buf::Limit;
use bytes::{BufMut, Bytes, BytesMut};

/// What is read at once at least, if there is so much.
const LEAST: usize = 8 * 1024;

/// What is read at once at most, beyond what is missing of a frame. More does not fit into the caches that are near.
const MOST: usize = 256 * 1024;

/// A frame of which more than this is missing is read with little behind it, because what is behind it must be moved when
/// its turn comes.
const LARGE: usize = 32 * 1024;

/// What is read behind a large frame: the next header with a small payload.
const BEHIND_LARGE: usize = 2 * 1024;

/// Room that a peer gets for the payload that it announces before any of it has come. Then there is room for as much again
/// as has come, so that a peer costs memory only by sending.
const TRUSTED: usize = 64 * 1024;

/// What was read already is moved for the sake of so many times as much.
const WORTH_MOVING: usize = 4;

/// After a frame that is longer than this, room is made for the next one only when its length is known.
const HUGE: usize = 1024 * 1024;

/// Bytes that were read and not yet given out.
///
/// Pieces that are given out share the buffer's memory. When all of them were dropped it is used again, otherwise there is
/// a new one. How much is read at once follows from how much there was the last times, and from the last frame.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: BytesMut,
    /// What was allocated for it.
    allocated: usize,
    /// What is read at once.
    appetite: usize,
    /// How much room was offered the last time.
    offered: usize,
    /// How many times in a row there was much less than what could be read.
    small: u8,
    /// The length of the last piece.
    last: usize,
}

impl Default for Buffer {
    fn default() -> Self {
        Self { bytes: BytesMut::new(), allocated: 0, appetite: LEAST, offered: 0, small: 0, last: 0 }
    }
}

impl Buffer {
    pub(super) fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// The first bytes, if there are so many.
    pub(super) fn take(&mut self, length: usize) -> Option<Bytes> {
        if self.bytes.len() < length {
            return None;
        }
        self.last = length;
        // Nothing needs no memory to be shared.
        Some(if length == 0 { Bytes::new() } else { self.bytes.split_to(length).freeze() })
    }

    pub(super) fn no_room(&mut self) -> Limit<&mut BytesMut> {
        (&mut self.bytes).limit(0)
    }

    /// Room for some of the `missing` bytes, and with the last of them for what else is worth reading.
    pub(super) fn room(&mut self, missing: usize) -> Limit<&mut BytesMut> {
        let missing = missing.max(1);
        let wanted = self.wanted(missing);
        let have = self.bytes.len();
        // FRM-9: what is announced is no reason to allocate. What has come is, of this frame and of those before.
        let granted = wanted.min(self.usual().max(have).max(TRUSTED));
        let enough = if missing > LARGE && have > BEHIND_LARGE {
            // Within a large frame: it grows when it is full.
            LEAST
        } else if have <= BEHIND_LARGE || have <= granted / WORTH_MOVING {
            // Much that was read already is moved only if it must be, or for the sake of much more.
            granted
        } else {
            missing
        };
        if self.spare() < enough && !self.bytes.try_reclaim(enough) {
            self.grow(granted);
        } else if self.allocated > (4 * wanted).max(2 * MOST) && self.bytes.len() <= BEHIND_LARGE {
            // What was large once is not kept for small frames.
            self.replace(granted);
        }
        self.offered = self.spare().min(wanted);
        (&mut self.bytes).limit(self.offered)
    }

    fn wanted(&self, missing: usize) -> usize {
        if missing > LARGE { missing + BEHIND_LARGE } else { self.usual().max(missing) }
    }

    /// What is worth reading at once, by what has come so far.
    fn usual(&self) -> usize {
        match self.last {
            0..=LARGE => self.appetite,
            // Lengths are no words.
            last if last <= HUGE => last + 2 * BEHIND_LARGE,
            _ => BEHIND_LARGE, // The next frame is not known to be as long.
        }
    }

    fn spare(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    /// Makes room for so many bytes behind what was read.
    fn grow(&mut self, granted: usize) {
        if self.bytes.len() <= BEHIND_LARGE {
            return self.replace(granted);
        }
        // If no piece that was given out shares the memory, the allocator may extend it where it is.
        self.bytes.reserve(granted);
        self.allocated = self.bytes.capacity();
    }

    fn replace(&mut self, wanted: usize) {
        // With room for what little may be in front when it is used again.
        let mut fresh = BytesMut::with_capacity(self.bytes.len() + wanted + 2 * BEHIND_LARGE);
        fresh.extend_from_slice(&self.bytes);
        self.allocated = fresh.capacity();
        self.bytes = fresh;
    }

    /// Learns from how much there was.
    pub(super) fn filled(&mut self, bytes: usize) {
        if bytes >= self.offered {
            self.appetite = (self.appetite * 2).min(MOST);
            self.small = 0;
        } else if bytes >= self.appetite / 4 {
            self.small = 0;
        } else {
            self.small += 1;
            if self.small == 16 {
                self.appetite = (self.appetite / 2).max(LEAST);
                self.small = 0;
            }
        }
    }

    pub(super) fn append(&mut self, bytes: BytesMut) {
        if self.bytes.is_empty() {
            self.allocated = bytes.capacity();
            self.bytes = bytes;
        } else {
            self.bytes.extend_from_slice(&bytes);
        }
    }

    /// Lets go of everything.
    pub(super) fn release(&mut self) {
        self.bytes = BytesMut::new();
        self.allocated = 0;
    }
}
