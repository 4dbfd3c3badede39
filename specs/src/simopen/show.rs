//! How the words of simultaneous open are shown to people.

use core::fmt::{self, Display, Formatter};

use super::{Action, Component, End, Failure, Kind, Name, Nonce, Output, Refusal, Role, Token};

impl Display for End {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Right => "right",
        })
    }
}

impl Display for Role {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initiator => "initiator",
            Self::Responder => "responder",
        })
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simopen => "simopen dialer",
            Self::Plain => "plain dialer",
            Self::Lazy => "lazy dialer",
            Self::Listener => "listener",
            Self::Hostile => "hostile peer",
            Self::Reflector => "reflector",
            Self::Silent => "silent peer",
        })
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "/p{}", self.0)
    }
}

impl Display for Nonce {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Display for Token {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("/multistream/1.0.0"),
            Self::Simopen => f.write_str("/libp2p/simultaneous-connect"),
            Self::Word => f.write_str("iamclient, or another word"),
            Self::Na => f.write_str("na"),
            Self::Protocol(name) => write!(f, "{name}"),
            Self::Select(nonce) => write!(f, "select:{nonce}"),
            Self::BadSelect => f.write_str("select: and no canonical number"),
            Self::Role(role) => write!(f, "{role}"),
            Self::Garbage => f.write_str("garbage"),
            Self::Payload(role) => write!(f, "payload of the {role}"),
        }
    }
}

impl Display for Component {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reader(end) => write!(f, "{end} reader"),
            Self::Writer(end) => write!(f, "{end} writer"),
            Self::Timer(end) => write!(f, "{end} deadline"),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { end, nonce } => write!(f, "{end} starts with {nonce}"),
            Self::Write { end } => write!(f, "{end} writes"),
            Self::Read { end } => write!(f, "{end} reads"),
            Self::Break { end } => write!(f, "nothing more that {end} writes is taken"),
            Self::Tick { end } => write!(f, "time passes at {end}"),
            Self::Expire { end } => write!(f, "deadline of {end} passes"),
            Self::Close { end } => write!(f, "{end} is closed"),
            Self::Forge { end, token } => write!(f, "{end} makes up {token}"),
        }
    }
}

impl Display for Output {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(end, nonce) => write!(f, "{end} negotiates with {nonce} at hand"),
            Self::Said(end, token) => write!(f, "{end} says {token}"),
            Self::Heard(end, token) => write!(f, "{end} hears {token}"),
            Self::Broken(end) => write!(f, "{end} can say no more"),
            Self::Ticked(end) => write!(f, "the clock of {end} has moved"),
            Self::Assumed(end, role) => write!(f, "{end} is the {role}"),
            Self::Settled { end, role, protocol, flights } => {
                write!(f, "{end} settles as {role} on {protocol} after {flights} flights")
            }
            Self::Failed(end, failure) => write!(f, "{end} fails: {failure}"),
            Self::Closed(end) => write!(f, "{end} is gone"),
            Self::Sent(end, role) => write!(f, "upper layer of {end} sends as {role}"),
            Self::Received(end, token) => write!(f, "upper layer of {end} receives {token}"),
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the peer's frame is malformed",
            Self::NotMultistream => "the peer does not speak multistream-select",
            Self::PlainDialer => "the peer dialed too and does not know the extension",
            Self::Unexpected => "the peer's message has no place here",
            Self::BadNonce => "the peer's number is not canonical",
            Self::Tie => "both numbers are equal",
            Self::SameRole => "the peer takes the same role",
            Self::TooManyProposals => "the peer proposes too many protocols",
            Self::NothingInCommon => "there is no protocol in common",
            Self::HungUp => "the peer closed the connection",
            Self::Deadline => "the deadline has passed",
        })
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "the end has not started",
            Self::NothingToStart => "the end has nothing to start",
            Self::Over => "it is over at this end",
            Self::NothingToWrite => "there is nothing to write",
            Self::Whole => "the connection takes what is written",
            Self::Due => "no time is left before the deadline",
            Self::Early => "there is time left before the deadline",
            Self::NoRoom => "the connection holds no more",
            Self::NothingToRead => "there is nothing to read",
            Self::HeardEnough => "the negotiation has heard all that it needs",
            Self::NotHostile => "the end is not hostile",
        })
    }
}
