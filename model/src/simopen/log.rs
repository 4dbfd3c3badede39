//! Logs of real runs.

use handfast_spec::Recorded;
use handfast_spec::simopen::{Action, End, Kind, Name, Nonce, Role, Token};
use serde::{Deserialize, Serialize};

use super::config::{Config, EndConfig};
use super::connection::Connection;
use super::endpoint::{Endpoint, Stage};
use crate::checker::explain::Explains;

/// Who was at the ends of a connection, and what it held, as the header of its log says.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Header {
    /// The left end.
    pub left: HeaderEnd,
    /// The right end.
    pub right: HeaderEnd,
    /// How many messages fit on the way to the left end, and on the way to the right one.
    pub capacity: [u8; 2],
    /// How many proposals an end declines.
    pub patience: u8,
    /// Whether the ends had a deadline.
    pub timed: bool,
}

/// One end.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct HeaderEnd {
    /// What it does with the connection.
    pub kind: Kind,
    /// The protocols that it supports, the preferred one first.
    pub protocols: Vec<Name>,
}

impl Header {
    pub(super) fn of(config: &Config) -> Self {
        let end = |end: &EndConfig| HeaderEnd { kind: end.kind, protocols: end.protocols.to_vec() };
        Self {
            left: end(&config.left),
            right: end(&config.right),
            capacity: config.capacity,
            patience: config.patience,
            timed: config.timed,
        }
    }
}

/// How many protocols an end may support in a log: an index has to fit.
const MOST_PROTOCOLS: usize = 255;

impl Explains for Connection {
    type Header = Header;

    fn starts(header: &Header) -> Vec<Recorded<Self>> {
        let is_sound = |end: &HeaderEnd| {
            (!end.protocols.is_empty() || !end.kind.is_honest()) && end.protocols.len() <= MOST_PROTOCOLS
        };
        if !is_sound(&header.left) || !is_sound(&header.right) {
            return Vec::new();
        }
        let end = |end: &HeaderEnd| EndConfig::new(end.kind, &end.protocols);
        let config = Config {
            left: end(&header.left),
            right: end(&header.right),
            capacity: header.capacity,
            patience: header.patience,
            timed: header.timed,
        };
        vec![Self::recorded(config)]
    }

    fn attempts(&self) -> Vec<Action> {
        let of_end = |end| {
            let names = self.config.left.protocols.iter().chain(&self.config.right.protocols);
            let tokens = [Token::Header, Token::Simopen, Token::Na, Token::Garbage]
                .into_iter()
                .chain(names.map(|name| Token::Protocol(*name)))
                .chain([Role::Initiator, Role::Responder].map(Token::Role));
            [
                Action::Start { end, nonce: Nonce(0) },
                Action::Write { end },
                Action::Read { end },
                Action::Expire { end },
                Action::Close { end },
            ]
            .into_iter()
            .chain(tokens.map(move |token| Action::Forge { end, token }))
            .collect::<Vec<_>>()
        };
        End::BOTH.into_iter().flat_map(of_end).collect()
    }

    fn summary(&self) -> Vec<String> {
        End::BOTH.into_iter().flat_map(|end| [self.summary_of(end), self.summary_of_channel(end)]).flatten().collect()
    }
}

impl Connection {
    fn summary_of(&self, end: End) -> Option<String> {
        let kind = self.config.end(end).kind;
        let Endpoint { stage, outbox, .. } = self.party(end);
        let is = match stage {
            Stage::Idle => return None,
            Stage::Header => "waits for the header".to_owned(),
            Stage::Opening => "waits for the answer to the extension".to_owned(),
            Stage::Selecting { .. } => "waits for the peer's number".to_owned(),
            Stage::Confirming(role) => format!("is the {role} and waits for its peer to be the {}", role.opposite()),
            Stage::Proposing { index } => {
                let name = self.config.end(end).protocols.get(usize::from(*index)).copied().unwrap_or_default();
                format!("waits for the answer to {name}")
            }
            Stage::Serving { declined, .. } => format!("waits for a proposal, and has declined {declined}"),
            Stage::Finishing { role, protocol } => format!("is to settle as {role} on {protocol} when all is written"),
            Stage::Settled { acts, .. } => format!("has settled, as {acts}"),
            Stage::Joining(token) => format!("waits for its writer, with {token} in its hands"),
            Stage::Mute => "has failed and left the connection open".to_owned(),
            Stage::Over => "has dropped the connection".to_owned(),
            Stage::Aloof => "does what it likes".to_owned(),
        };
        let pending: Vec<_> = outbox.iter().map(|parcel| parcel.token.to_string()).collect();
        let pending = if pending.is_empty() { String::new() } else { format!("; pending: {}", pending.join(", ")) };
        Some(format!("{end} ({kind}) {is}{pending}"))
    }

    fn summary_of_channel(&self, end: End) -> Option<String> {
        let messages: Vec<_> = self.channel(end).iter().map(|parcel| parcel.token.to_string()).collect();
        (!messages.is_empty()).then(|| format!("on the way to {end}: {}", messages.join(", ")))
    }
}
