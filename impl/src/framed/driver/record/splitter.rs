//! Bytes on one side, the halves of the specification on the other.

use handfast_spec::framed::{Forgery, FrameId, Half, Item, Part, Shape};

use crate::framed::Violation;
use crate::framed::core::wire::{Announced, HEADER, announced};

/// The position in a stream of frames.
///
/// A header counts when it is complete, because only then is it known what it announces. The first half of a payload is any
/// byte of it, the second one is the last.
#[derive(Debug)]
pub(super) struct Splitter {
    max_frame: u32,
    heartbeats: bool,
    /// How many frames were begun.
    frames: u32,
    header: [u8; HEADER],
    /// Bytes of the header that are there.
    have: usize,
    at: At,
}

#[derive(Clone, Copy, Debug)]
enum At {
    Header,
    /// Behind a header, of which this is not told.
    HalfOf(Item, Part),
    /// In the payload of a frame, of which this much is to come.
    Payload(Half, usize),
    /// Behind the marker, or what no end may send.
    End,
}

/// What comes next in a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Piece {
    Begins(Item),
    Half(Half),
}

impl Splitter {
    pub(super) fn new(max_frame: u32, heartbeats: bool) -> Self {
        Self { max_frame, heartbeats, frames: 0, header: [0; HEADER], have: 0, at: At::Header }
    }

    /// Takes bytes until something is complete, which is all of them if there is nothing.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<Piece> {
        loop {
            match self.at {
                At::Header => {
                    let taken = bytes.len().min(HEADER - self.have);
                    let (head, rest) = bytes.split_at(taken);
                    self.header[self.have..self.have + taken].copy_from_slice(head);
                    self.have += taken;
                    *bytes = rest;
                    if self.have < HEADER {
                        return None;
                    }
                    self.have = 0;
                    if let Some(item) = self.announced() {
                        return Some(Piece::Begins(item));
                    }
                }
                At::HalfOf(item, part) => {
                    self.at = match (part, item) {
                        (Part::Head, _) => At::HalfOf(item, Part::HeadRest),
                        (_, Item::Frame(_, Shape::Full)) => At::Payload(Half { item, part: Part::Body }, self.length()),
                        (_, Item::Frame(_, Shape::Empty)) => At::Header,
                        (_, Item::Marker | Item::Forged(_)) => At::End,
                    };
                    return Some(Piece::Half(Half { item, part }));
                }
                At::Payload(half, left) => {
                    if bytes.is_empty() && left > 0 {
                        return None;
                    }
                    if half.part == Part::Body {
                        self.at = At::Payload(Half { part: Part::BodyRest, ..half }, left);
                        return Some(Piece::Half(half));
                    }
                    let taken = bytes.len().min(left);
                    *bytes = &bytes[taken..];
                    self.at = At::Payload(half, left - taken);
                    if left > taken {
                        return None;
                    }
                    self.at = At::Header;
                    return Some(Piece::Half(half));
                }
                At::End => return None,
            }
        }
    }

    /// The next item, if the stream has ended within its header and it is taken for the header of a frame.
    pub(super) fn torn(&self) -> Option<Item> {
        let is_torn = matches!(self.at, At::Header) && self.have > 0;
        is_torn.then_some(Item::Frame(FrameId(self.frames), Shape::Empty))
    }

    /// What the header announces, heartbeats left out.
    fn announced(&mut self) -> Option<Item> {
        let item = match announced(self.header, self.max_frame, self.heartbeats) {
            Ok(Announced::Heartbeat) => return None,
            Ok(Announced::Marker) => Item::Marker,
            Ok(Announced::Frame(_, length)) => {
                let frame = FrameId(self.frames);
                self.frames = self.frames.saturating_add(1);
                Item::Frame(frame, super::shape(length))
            }
            Err(Violation::TooLong { .. }) => Item::Forged(Forgery::TooLong),
            Err(Violation::ReservedKind { .. }) => Item::Forged(Forgery::Reserved),
            Err(Violation::MarkerWithPayload { .. }) => Item::Forged(Forgery::LoadedMarker),
        };
        self.at = At::HalfOf(item, Part::Head);
        Some(item)
    }

    /// The length that the last header announced.
    fn length(&self) -> usize {
        let [_, _, _, _, l0, l1, l2, l3] = self.header;
        u32::from_be_bytes([l0, l1, l2, l3]) as usize
    }
}
