//! What the tester sends: frames, markers, and what is neither.

use handfast_spec::framed::{Forgery, FrameId, Item, Shape};
use serde::{Deserialize, Serialize};

/// Something that the tester sends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// A frame with a payload of so many bytes.
    Frame(usize),
    /// The marker.
    Marker,
    /// A header that is not allowed.
    Forged(Forgery),
    /// The first bytes of a frame with a payload of 16 bytes.
    Torn(usize),
    /// Those that a torn frame lacks, of which there were so many.
    Rest(usize),
}

/// The payload of a torn frame, in bytes.
pub(super) const TORN: usize = 16;

/// A frame on the wire.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Frame {
    pub(super) kind: u32,
    pub(super) payload: Vec<u8>,
}

/// The type of the marker.
const MARKER: u32 = 1 << 28;

/// A reserved type that is not the marker.
const RESERVED: u32 = 1 << 29;

impl Frame {
    pub(super) fn marker() -> Self {
        Self { kind: MARKER, payload: Vec::new() }
    }

    /// A frame of the tester: its payload says which it is.
    pub(super) fn of_tester(number: usize, length: usize) -> Self {
        let payload = (0..length).map(|index| b'A' + ((number + index) % 26) as u8).collect();
        Self { kind: number as u32 + 1, payload }
    }
}

/// A frame of a source, as `conformance/harness/README.md` has them: of the type `number + 1`, and 1,000 times its number
/// long, every byte of it the number.
pub(super) fn numbered(number: u32) -> Frame {
    Frame { kind: number + 1, payload: vec![number as u8; number as usize * 1000] }
}

/// The header of a frame.
pub(super) fn header(frame: &Frame) -> [u8; 8] {
    raw_header(frame.kind, frame.payload.len() as u32)
}

fn raw_header(kind: u32, length: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&kind.to_be_bytes());
    bytes[4..].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// A message with what the model sees of it: where an item begins, and after how many bytes each half of it is there.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) bytes: Vec<u8>,
    pub(super) begins: Option<Item>,
    pub(super) frame: Option<Frame>,
    pub(super) halves: Vec<usize>,
}

impl Message {
    /// Returns what is sent, where the tester has sent `number` frames.
    pub(super) fn outgoing(self, number: usize) -> Outgoing {
        match self {
            Self::Frame(length) => Outgoing::frame(Frame::of_tester(number, length)),
            Self::Marker => Outgoing::header(Item::Marker, header(&Frame::marker())),
            Self::Forged(forgery) => Outgoing::header(
                Item::Forged(forgery),
                match forgery {
                    Forgery::Reserved => raw_header(RESERVED, 0),
                    Forgery::TooLong => raw_header(1, u32::MAX),
                    Forgery::LoadedMarker => raw_header(MARKER, 4),
                },
            ),
            Self::Torn(length) => {
                let mut whole = Outgoing::frame(Frame::of_tester(number, TORN));
                whole.bytes.truncate(length);
                whole.halves.retain(|at| *at <= length);
                whole
            }
            Self::Rest(length) => {
                let whole = Outgoing::frame(Frame::of_tester(number.saturating_sub(1), TORN));
                let halves = whole.halves.iter().filter(|at| **at > length).map(|at| at - length).collect();
                Outgoing { bytes: whole.bytes[length..].to_vec(), begins: None, frame: None, halves }
            }
        }
    }

    /// What it is among the events of the model, in a word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Frame(0) => "empty-frame",
            Self::Frame(_) => "frame",
            Self::Marker => "marker",
            Self::Forged(Forgery::Reserved) => "reserved-type",
            Self::Forged(Forgery::TooLong) => "too-long",
            Self::Forged(Forgery::LoadedMarker) => "marker-with-payload",
            Self::Torn(_) => "torn",
            Self::Rest(_) => "rest",
        }
    }
}

impl Outgoing {
    fn frame(frame: Frame) -> Self {
        let length = frame.payload.len();
        let shape = if length == 0 { Shape::Empty } else { Shape::Full };
        let bytes = [&header(&frame)[..], &frame.payload].concat();
        let halves = if length == 0 { vec![4, 8] } else { vec![4, 8, 8 + length / 2, 8 + length] };
        // The model numbers frames by itself.
        Self { bytes, begins: Some(Item::Frame(FrameId(0), shape)), frame: Some(frame), halves }
    }

    fn header(item: Item, bytes: [u8; 8]) -> Self {
        Self { bytes: bytes.to_vec(), begins: Some(item), frame: None, halves: vec![4, 8] }
    }
}
