//! What a direction's bytes mean, read by a parser that is none of the product's.

/// Bytes of a header.
const HEADER: usize = 8;
const MARKER: u32 = 1 << 28;
const HEARTBEAT: u32 = 1 << 24;

/// One thing in a direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Item {
    /// A frame, with its kind and the place of its payload.
    Frame { kind: u32, from: usize, to: usize },
    Heartbeat,
    Marker,
    /// What the protocol forbids.
    Violation,
}

/// What was understood of a direction so far.
#[derive(Debug)]
pub(super) struct Parsed {
    max_frame: usize,
    heartbeats: bool,
    /// Items, with where each ends: a violation with its header.
    pub(super) items: Vec<(usize, Item)>,
    pub(super) at: usize,
    is_over: bool,
}

impl Parsed {
    pub(super) fn new(max_frame: u32, heartbeats: bool) -> Self {
        Self { max_frame: max_frame as usize, heartbeats, items: Vec::new(), at: 0, is_over: false }
    }

    /// Understands more of it.
    pub(super) fn follow(&mut self, bytes: &[u8]) {
        while !self.is_over
            && let Some(header) = bytes.get(self.at..self.at + HEADER)
        {
            let kind = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
            let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
            let from = self.at + HEADER;
            let item = match kind {
                MARKER if length == 0 => Item::Marker,
                HEARTBEAT if self.heartbeats && length == 0 => Item::Heartbeat,
                _ if kind >> 28 != 0 || length > self.max_frame => Item::Violation,
                _ if self.heartbeats && kind >> 24 != 0 => Item::Violation,
                _ if bytes.len() < from + length => return,
                _ => Item::Frame { kind, from, to: from + length },
            };
            self.at = match item {
                Item::Frame { to, .. } => to,
                Item::Heartbeat | Item::Marker | Item::Violation => from,
            };
            self.is_over = matches!(item, Item::Marker | Item::Violation);
            self.items.push((self.at, item));
        }
    }

    /// The first item that is none of the given ones, heartbeats left out.
    pub(super) fn item_behind(&self, given: usize) -> Option<(usize, Item)> {
        self.items.iter().filter(|(_, item)| *item != Item::Heartbeat).nth(given).copied()
    }

    /// How many frames are whole within so many bytes.
    pub(super) fn frames_within(&self, bytes: usize) -> usize {
        let within = self.items.iter().take_while(|(end, _)| *end <= bytes);
        within.filter(|(_, item)| matches!(item, Item::Frame { .. })).count()
    }

    /// Whether an item ends behind one place and not behind another.
    pub(super) fn ends_between(&self, after: usize, until: usize) -> bool {
        self.items.iter().any(|(end, _)| *end > after && *end <= until)
    }

    pub(super) fn has_marker(&self) -> bool {
        matches!(self.items.last(), Some((_, Item::Marker)))
    }
}

/// The payload of the frame with this kind.
pub(super) fn payload(kind: u32, length: usize) -> Vec<u8> {
    (0..length).map(|at| (kind.wrapping_mul(31) as usize ^ at.wrapping_mul(7)) as u8).collect()
}

/// Something that an end that does not keep to the protocol sends.
#[derive(Clone, Copy, Debug, serde::Deserialize, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgery {
    /// A reserved kind.
    Reserved,
    /// A length above the limit.
    TooLong,
    /// A marker with a payload.
    LoadedMarker,
    /// The first bytes of a header.
    Torn,
    /// Many heartbeats, or empty frames where there are none.
    Flood,
    /// The marker.
    Marker,
}

impl Forgery {
    pub(super) fn bytes(self) -> Vec<u8> {
        let header = |kind: u32, length: u32| [kind.to_be_bytes(), length.to_be_bytes()].concat();
        match self {
            Self::Reserved => header(1 << 30, 0),
            Self::TooLong => header(1, u32::MAX),
            Self::LoadedMarker => header(MARKER, 1),
            Self::Torn => header(1, 4)[..5].to_vec(),
            Self::Flood => header(HEARTBEAT, 0).repeat(400),
            Self::Marker => header(MARKER, 0),
        }
    }
}
