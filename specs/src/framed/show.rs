//! How the words of framed connections are shown to people.

use core::fmt::{self, Display, Formatter};

use super::{
    Action, Component, End, Ending, Forgery, FrameId, Given, Half, Item, Moment, Outcome, Output, Part, Refusal, Shape,
};

impl Display for End {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Right => "right",
        })
    }
}

impl Display for FrameId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "frame {}", self.0)
    }
}

impl Display for Shape {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty frame",
            Self::Full => "a frame",
        })
    }
}

impl Display for Forgery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reserved => "a frame of a reserved type",
            Self::TooLong => "a header that announces too much",
            Self::LoadedMarker => "a marker with a payload",
        })
    }
}

impl Display for Item {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(frame, Shape::Full) => write!(f, "{frame}"),
            Self::Frame(frame, Shape::Empty) => write!(f, "{frame} (empty)"),
            Self::Marker => f.write_str("the marker"),
            Self::Forged(forgery) => write!(f, "{forgery}"),
        }
    }
}

impl Display for Half {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let half = match self.part {
            Part::Head => "the first half of the header",
            Part::HeadRest => "the second half of the header",
            Part::Body => "the first half of the payload",
            Part::BodyRest => "the second half of the payload",
        };
        write!(f, "{half} of {}", self.item)
    }
}

impl Display for Moment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Soon => "the earlier moment",
            Self::Late => "the later moment",
        })
    }
}

impl Display for Component {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Writer(end) => write!(f, "writer of {end}"),
            Self::Reader(end) => write!(f, "reader of {end}"),
            Self::Drain(end) => write!(f, "drain of {end}"),
            Self::Timer(end) => write!(f, "timer of {end}"),
            Self::Network(end) => write!(f, "network from {end}"),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { end, shape } => write!(f, "{end} writes {shape}"),
            Self::Forge { end, forgery } => write!(f, "{end} writes {forgery}"),
            Self::DropWrite { end } => write!(f, "{end} drops its write"),
            Self::Send { end } => write!(f, "{end} sends"),
            Self::Read { end } => write!(f, "{end} reads"),
            Self::DropRead { end } => write!(f, "{end} drops its read"),
            Self::Leave { end } => write!(f, "{end} drops its reader"),
            Self::Abandon { end } => write!(f, "{end} drops the connection"),
            Self::Shutdown { end, by } => write!(f, "{end} shuts down by {by}"),
            Self::ReadAhead { end } => write!(f, "{end} reads ahead"),
            Self::Finish { end } => write!(f, "{end} ends its direction"),
            Self::Confirm { end } => write!(f, "{end} looks what has arrived"),
            Self::Expire { end } => write!(f, "{end}'s deadline strikes"),
            Self::Close { end } => write!(f, "{end} closes its socket"),
            Self::Carry { from } => write!(f, "the network carries from {from}"),
            Self::Pass { moment } => write!(f, "{moment} passes"),
        }
    }
}

impl Display for Ending {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Marker => "the peer has sent everything",
            Self::WithoutMarker => "the peer ended without its marker",
            Self::Truncated => "the peer ended within a frame",
            Self::Reset => "the connection is gone",
            Self::Violation => "the peer broke the protocol",
            Self::Deadline => "the deadline has passed",
            Self::ShutDown => "this end shuts down",
        })
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clean => "clean",
            Self::Unconfirmed => "unconfirmed",
            Self::Unacknowledged => "not acknowledged in time",
            Self::DeadlineExceeded => "not handed over in time",
            Self::PeerGone => "the peer is gone",
            Self::Failed => "failed",
        })
    }
}

impl Display for Given {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(frame) => write!(f, "{frame}"),
            Self::Reserved => f.write_str("a frame of a reserved type"),
            Self::Garbled => f.write_str("bytes that are no frame"),
        }
    }
}

impl Display for Output {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted(end, frame) => write!(f, "{end}: {frame} is accepted"),
            Self::Handed(end, half) => write!(f, "{end}'s kernel is handed {half}"),
            Self::WriteFailed(end) => write!(f, "{end} cannot send any more"),
            Self::Took(end, half) => write!(f, "{end} takes {half}"),
            Self::Kept(end, half) => write!(f, "{end} keeps {half} for its reader"),
            Self::Discarded(end) => write!(f, "{end} throws a half away"),
            Self::Delivered(end, given) => write!(f, "{end}'s application is given {given}"),
            Self::Ended(end, ending) => write!(f, "{end}'s application is told: {ending}"),
            Self::Left(end) => write!(f, "{end} has no reader any more"),
            Self::Abandoned(end) => write!(f, "{end} has dropped the connection"),
            Self::Begun(end, by) => write!(f, "{end}'s shutdown may take until {by}"),
            Self::Answers(end, by) => write!(f, "{end} answers the marker with a shutdown that may take until {by}"),
            Self::Over(end, outcome) => write!(f, "{end}'s shutdown is over: {outcome}"),
            Self::Arrived(end) => write!(f, "everything that {end} sent has arrived"),
            Self::Reset(end) => write!(f, "{end} is reset"),
            Self::Closed(end) => write!(f, "{end}'s socket is closed"),
            Self::Passed(moment) => write!(f, "{moment} has passed"),
            Self::Overcommitted(end) => write!(f, "{end} makes room for more than is allowed"),
            Self::Panicked(end) => write!(f, "{end} panics"),
        }
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the socket is closed",
            Self::ShutDown => "a shutdown has begun",
            Self::Broken => "the connection is broken",
            Self::NoRoom => "there is no room",
            Self::Nothing => "there is nothing to do",
            Self::NoMore => "the application does no such thing",
            Self::Ended => "the application was told that nothing more comes",
            Self::Gone => "there is no reader",
            Self::NotNow => "not now",
            Self::Joined => "a shutdown goes on that ends no later",
            Self::Over => "the shutdown is over",
            Self::Enough => "as much was read ahead as may be",
        })
    }
}
