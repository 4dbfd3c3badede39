//! The bytes of what the model has words for, and the words for what the product says.

use handfast::framed::{self as product, Error, Frame};
use handfast_spec::framed::{Ending, Forgery, FrameId, Given, Half, Item, Outcome, Shape};

use super::kernel::{Chunk, MARKER};

/// The greatest payload: that of a full frame.
pub(super) const MAX_FRAME: u32 = 8;

/// Bytes of every half, of headers and of payloads.
pub(super) const HALF: usize = 4;

/// The frame with this number.
pub(super) fn frame(number: FrameId, shape: Shape) -> Frame {
    let FrameId(kind) = number;
    match shape {
        Shape::Empty => Frame::new(kind, ""),
        Shape::Full => Frame::new(kind, vec![kind as u8, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, !kind as u8]),
    }
}

/// The halves of an item, with their bytes.
pub(super) fn bytes(item: Item) -> impl Iterator<Item = Chunk> {
    let (kind, payload) = match item {
        Item::Frame(number, shape) => (number.0, frame(number, shape).payload),
        Item::Marker => (MARKER, frame(FrameId(0), Shape::Empty).payload),
        Item::Forged(_) => unreachable!("forgeries have bytes of their own"),
    };
    let length = payload.len() as u32;
    let all = [&kind.to_be_bytes(), &length.to_be_bytes(), payload.as_ref()].concat();
    let chunks: Vec<_> = all.chunks(HALF).map(<[u8]>::to_vec).collect();
    Half::of(item).zip(chunks).map(|(half, bytes)| Chunk { half, bytes })
}

/// The bytes of something that is not allowed.
pub(super) fn forged(forgery: Forgery) -> impl Iterator<Item = Chunk> {
    let (kind, length) = match forgery {
        Forgery::Reserved => (1 << 29, 0),
        Forgery::TooLong => (0, MAX_FRAME + 1),
        Forgery::LoadedMarker => (MARKER, 1),
    };
    let parts = [u32::to_be_bytes(kind), u32::to_be_bytes(length)];
    Half::of(Item::Forged(forgery)).zip(parts).map(|(half, bytes)| Chunk { half, bytes: bytes.to_vec() })
}

/// What was read, and how many halves that was.
pub(super) fn given(read: &Frame) -> (Given, usize) {
    let shape = if read.payload.is_empty() { Shape::Empty } else { Shape::Full };
    let number = FrameId(read.kind);
    let is_whole = *read == frame(number, shape);
    let given = if is_whole { Given::Frame(number) } else { Given::Garbled };
    (given, Item::Frame(number, shape).halves())
}

/// Returns the word for what a reader is told of the end.
///
/// # Panics
///
/// If no reader is told that.
pub fn ending(error: &Error) -> Ending {
    match error {
        Error::EndedWithoutMarker => Ending::WithoutMarker,
        Error::Truncated { .. } => Ending::Truncated,
        Error::Transport(_) => Ending::Reset,
        Error::Violation(_) => Ending::Violation,
        Error::DeadlineExceeded => Ending::Deadline,
        Error::ShutDown => Ending::ShutDown,
        other => panic!("no reader is told that {other}"), // The product may have more errors, and these are not for readers.
    }
}

/// Returns the word for the outcome of a shutdown.
///
/// # Panics
///
/// If the model has none.
pub fn outcome(outcome: product::Outcome) -> Outcome {
    match outcome {
        product::Outcome::Clean => Outcome::Clean,
        product::Outcome::Unconfirmed { .. } => Outcome::Unconfirmed,
        product::Outcome::Unacknowledged { .. } => Outcome::Unacknowledged,
        product::Outcome::DeadlineExceeded { .. } => Outcome::DeadlineExceeded,
        product::Outcome::PeerGone { .. } => Outcome::PeerGone,
        other => panic!("the model has no word for {other}"), // The product may have more some day.
    }
}
