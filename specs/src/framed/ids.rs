//! Who is who, and what goes over the wire.

use derive_more::Display;
use serde::{Deserialize, Serialize};

/// One frame of an end: frames are numbered in the order in which they are accepted, from 0.
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
#[display("frame {_0}")]
pub struct FrameId(pub u32);

/// Whether a frame has a payload.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// It consists of its header.
    #[display("an empty frame")]
    Empty,
    /// A payload follows the header.
    #[display("a frame")]
    Full,
}

/// What an end that does not keep to the protocol puts on the wire.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgery {
    /// A frame of a reserved type that is not the marker.
    #[display("a frame of a reserved type")]
    Reserved,
    /// A header that announces more than is allowed. The payload does not follow.
    #[display("a header that announces too much")]
    TooLong,
    /// A marker that announces a payload. The payload does not follow.
    #[display("a marker with a payload")]
    LoadedMarker,
}

/// What goes over the wire, one behind the other.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A frame.
    #[display("{_0}{}", if *_1 == Shape::Empty { " (empty)" } else { "" })]
    Frame(FrameId, Shape),
    /// The end of everything.
    #[display("the marker")]
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
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The first half of the header.
    #[display("the first half of the header")]
    Head,
    /// The second half of the header.
    #[display("the second half of the header")]
    HeadRest,
    /// The first half of the payload.
    #[display("the first half of the payload")]
    Body,
    /// The second half of the payload.
    #[display("the second half of the payload")]
    BodyRest,
}

/// The least that the kernel takes or delivers.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[display("{part} of {item}")]
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
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The earlier one.
    #[display("the earlier moment")]
    Soon,
    /// The later one.
    #[display("the later moment")]
    Late,
}
