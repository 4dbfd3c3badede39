//! Eight bytes before each payload: a kind and a length, both big-endian.

use bytes::Bytes;

use super::types::Violation;

/// Bytes of a header.
pub(in crate::framed) const HEADER: usize = 8;

/// The kind of the marker: no frame of its sender follows.
pub(super) const MARKER: u32 = 1 << 28;

/// The kind of a heartbeat.
pub(super) const HEARTBEAT: u32 = 1 << 24;

/// The kinds that belong to the end of a connection: the marker and those that are not used yet.
const RESERVED: u32 = 0xf << 28;

/// The kinds that belong to heartbeats, on a connection that has them.
const RESERVED_FOR_HEARTBEATS: u32 = 0xf << 24;

/// What travels: a number that says what it is to the two ends, and bytes.
///
/// A payload that was read shares its memory with its neighbours on the wire: to keep a small one for long, copy it.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Frame {
    /// What it is. The highest four bits are reserved; so are the next four on a connection with heartbeats.
    pub kind: u32,
    /// The payload.
    pub payload: Bytes,
}

impl Frame {
    /// Creates a frame. Its kind and its length are checked where it is written.
    pub fn new(kind: u32, payload: impl Into<Bytes>) -> Self {
        Self { kind, payload: payload.into() }
    }
}

/// Whether a kind is not for users of the connection.
pub(super) fn is_reserved(kind: u32, heartbeats: bool) -> bool {
    kind & RESERVED != 0 || heartbeats && kind & RESERVED_FOR_HEARTBEATS != 0
}

/// The bytes of a header.
pub(super) fn header(kind: u32, length: u32) -> [u8; HEADER] {
    let [k0, k1, k2, k3] = kind.to_be_bytes();
    let [l0, l1, l2, l3] = length.to_be_bytes();
    [k0, k1, k2, k3, l0, l1, l2, l3]
}

/// What a header announces.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::framed) enum Announced {
    /// A frame for the user, with the length of its payload.
    Frame(u32, usize),
    /// Nothing but a sign of life.
    Heartbeat,
    /// No more frames.
    Marker,
}

/// Reads a header, before anything is allocated for what it announces (FRM-8, FRM-9).
pub(in crate::framed) fn announced(
    header: [u8; HEADER],
    max_frame: u32,
    heartbeats: bool,
) -> Result<Announced, Violation> {
    let [k0, k1, k2, k3, l0, l1, l2, l3] = header;
    let kind = u32::from_be_bytes([k0, k1, k2, k3]);
    let length = u32::from_be_bytes([l0, l1, l2, l3]);
    if kind == MARKER {
        return if length == 0 { Ok(Announced::Marker) } else { Err(Violation::MarkerWithPayload { length }) };
    }
    if heartbeats && kind == HEARTBEAT && length == 0 {
        return Ok(Announced::Heartbeat);
    }
    if is_reserved(kind, heartbeats) {
        return Err(Violation::ReservedKind { kind });
    }
    match usize::try_from(length) {
        Ok(payload) if length <= max_frame => Ok(Announced::Frame(kind, payload)),
        Ok(_) | Err(_) => Err(Violation::TooLong { length, max: max_frame }),
    }
}
