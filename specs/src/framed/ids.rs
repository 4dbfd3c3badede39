//! Who is who, and what goes over the wire.

use serde::{Deserialize, Serialize};

/// One end of a connection.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// One.
    Left,
    /// The other.
    Right,
}

impl End {
    /// Both ends.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// The other end.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }

    /// The end as an index.
    pub fn index(self) -> usize {
        match self {
            Self::Left => 0,
            Self::Right => 1,
        }
    }
}

/// One frame of an end: frames are numbered in the order in which they are accepted, from 0.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct FrameId(pub u32);

/// Whether a frame has a payload.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// It consists of its header.
    Empty,
    /// A payload follows the header.
    Full,
}

/// What an end that does not keep to the protocol puts on the wire.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgery {
    /// A frame of a reserved type that is not the marker.
    Reserved,
    /// A header that announces more than is allowed. The payload does not follow.
    TooLong,
    /// A marker that announces a payload. The payload does not follow.
    LoadedMarker,
}

/// What goes over the wire, one behind the other.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A frame.
    Frame(FrameId, Shape),
    /// The end of everything.
    Marker,
    /// What is not allowed.
    Forged(Forgery),
}

impl Item {
    /// In how many halves the item goes over the wire.
    pub fn halves(self) -> usize {
        match self {
            Self::Frame(_, Shape::Full) => 4,
            Self::Frame(_, Shape::Empty) | Self::Marker | Self::Forged(_) => 2,
        }
    }
}

/// Which half of an item. A header is two halves, a payload is two halves; that is enough to be in the middle of either.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The first half of the header.
    Head,
    /// The second half of the header.
    HeadRest,
    /// The first half of the payload.
    Body,
    /// The second half of the payload.
    BodyRest,
}

/// The least that the kernel takes or delivers.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Half {
    /// Of what.
    pub item: Item,
    /// Which half.
    pub part: Part,
}

impl Half {
    /// The halves of an item in order.
    pub fn of(item: Item) -> impl Iterator<Item = Self> {
        let parts = [Part::Head, Part::HeadRest, Part::Body, Part::BodyRest];
        parts.into_iter().take(item.halves()).map(move |part| Self { item, part })
    }
}

/// A moment until which a shutdown may take. Moments pass in this order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The earlier one.
    Soon,
    /// The later one.
    Late,
}
