//! Two ends, each with its writer, reader and shutdown, and bytes that are taken and delivered in arbitrary pieces.

#![no_main]

use std::collections::VecDeque;

use bytes::{BufMut, BytesMut};
use handfast::framed::{
    CloseState, Delivery, Error, Frame, Next, NextStep, Outcome, ReadCursor, WriteCursor, WriteLimits,
};
use libfuzzer_sys::fuzz_target;

const MAX_FRAME: u32 = 4096;

fuzz_target!(|input: &[u8]| {
    let mut ends = [End::new(), End::new()];
    for instruction in input.chunks_exact(3) {
        let [what, high, low] = *instruction else { return };
        let number = usize::from(u16::from_be_bytes([high, low]));
        let [left, right] = &mut ends;
        let (own, peer) = if what & 1 == 0 { (left, right) } else { (right, left) };
        match (what >> 1) % 6 {
            0 => own.accept(Frame::new(number as u32, vec![low; number % 5000])),
            1 => own.take(number),
            2 => own.deliver(peer, number),
            3 => own.shut_down(high),
            4 => own.advance(),
            _ => own.expire(), // The rest of six.
        }
    }
    // Whoever has not failed comes to a clean end, and its peer to the marker.
    let [left, right] = &mut ends;
    left.end(right);
    right.end(left);
});

struct End {
    writer: WriteCursor,
    reader: ReadCursor,
    close: CloseState<u8>,
    /// What was taken from the writer and not delivered.
    wire: VecDeque<u8>,
    /// The direction is closed, and the peer knows.
    closed: bool,
    end_delivered: bool,
    /// What was accepted and the peer was not given.
    accepted: VecDeque<Frame>,
    marked: bool,
    outcome: Option<Outcome>,
}

impl End {
    fn new() -> Self {
        Self {
            writer: WriteCursor::new(WriteLimits { max_frame: MAX_FRAME, copied: 40, heartbeats: false }),
            reader: ReadCursor::new(MAX_FRAME, false),
            close: CloseState::new(),
            wire: VecDeque::new(),
            closed: false,
            end_delivered: false,
            accepted: VecDeque::new(),
            marked: false,
            outcome: None,
        }
    }

    fn has_begun(&self) -> bool {
        self.close.next_step() != NextStep::None
    }

    fn accept(&mut self, frame: Frame) {
        match self.writer.accept(frame.clone()) {
            Ok(()) => {
                assert!(!self.has_begun(), "nothing is accepted behind the marker");
                self.accepted.push_back(frame);
            }
            Err(Error::FrameTooLong { .. }) => assert!(frame.payload.len() > MAX_FRAME as usize),
            Err(Error::ShutDown | Error::DeadlineExceeded) => assert!(self.has_begun()),
            Err(error) => panic!("{error}"),
        }
    }

    fn take(&mut self, bytes: usize) {
        let offered = self.writer.pieces().map(<[u8]>::len).sum::<usize>();
        let count = bytes.min(offered);
        assert!(!self.closed || count == 0, "nothing is written behind the end");
        self.wire.extend(self.writer.pieces().flatten().take(count));
        self.writer.advance(count);
    }

    /// So many bytes come to the peer, by its room or at once.
    fn deliver(&mut self, peer: &mut Self, bytes: usize) {
        let count = bytes.min(self.wire.len());
        let bytes: Vec<u8> = self.wire.drain(..count).collect();
        if count % 2 == 0 {
            peer.reader.supply(BytesMut::from(bytes.as_slice()));
        } else {
            let mut left = bytes.as_slice();
            while !left.is_empty() {
                let mut room = peer.reader.room();
                let count = left.len().min(room.remaining_mut());
                if count == 0 {
                    break; // Behind the marker.
                }
                room.put_slice(&left[..count]);
                peer.reader.filled(count);
                left = &left[count..];
                self.decode(peer);
            }
        }
        if self.closed && self.wire.is_empty() && !self.end_delivered {
            self.end_delivered = true;
            peer.reader.end(None);
        }
        self.decode(peer);
    }

    fn decode(&mut self, peer: &mut Self) {
        loop {
            match peer.reader.decode() {
                Next::Frame(frame) => {
                    assert!(!peer.marked, "nothing is given behind the marker");
                    assert_eq!(Some(frame), self.accepted.pop_front());
                }
                Next::Incomplete(missing) => return assert!(missing > 0 && !self.end_delivered),
                Next::Marker => {
                    assert!(self.accepted.is_empty() && self.has_begun(), "the marker is behind everything");
                    peer.marked = true;
                    return;
                }
                next => panic!("{next:?} from an end that keeps to the protocol"),
            }
        }
    }

    fn shut_down(&mut self, deadline: u8) {
        let before = self.close.deadline();
        assert_eq!(self.close.begin(deadline), self.writer.finish() || before.is_none());
        assert_eq!(self.close.deadline(), Some(before.map_or(deadline, |before| before.min(deadline))));
    }

    fn delivery(&self) -> Delivery {
        Delivery::Outstanding(self.wire.len() as u64 + u64::from(self.closed && !self.end_delivered))
    }

    fn advance(&mut self) {
        match self.close.next_step() {
            NextStep::Write if self.writer.queued() == 0 => self.close.written(),
            NextStep::Close => {
                self.close.closed();
                self.closed = true;
            }
            NextStep::Watch => self.close.watched(self.delivery(), false),
            NextStep::None | NextStep::Write | NextStep::Done(_) => {}
        }
        self.conclude();
    }

    fn expire(&mut self) {
        self.close.expired(self.writer.queued(), self.delivery());
        self.conclude();
    }

    fn conclude(&mut self) {
        let NextStep::Done(outcome) = self.close.next_step() else { return };
        match outcome {
            Outcome::Clean => assert!(self.end_delivered && self.wire.is_empty() && self.writer.queued() == 0),
            Outcome::DeadlineExceeded { unwritten } => assert!(unwritten == self.writer.queued() as u64),
            Outcome::Unacknowledged { bytes } => assert!(bytes > 0 && self.writer.queued() == 0),
            outcome => panic!("{outcome} without a reset"),
        }
        let first = *self.outcome.get_or_insert(outcome);
        assert_eq!(first, outcome, "the first outcome stays");
        if !outcome.is_clean() {
            self.writer.fail(Error::DeadlineExceeded);
        }
    }

    fn end(&mut self, peer: &mut Self) {
        self.shut_down(0);
        for _ in 0..3 {
            if self.outcome.is_none() {
                self.take(usize::MAX);
            }
            self.advance();
            self.deliver(peer, usize::MAX);
        }
        self.advance();
        assert!(self.outcome.is_some());
        if self.outcome.is_some_and(Outcome::is_clean) {
            assert!(peer.marked && self.accepted.is_empty(), "clean, and not everything was given");
        }
    }
}
