//! Explains logs of real runs.

use handfast_spec::Recorded;
use handfast_spec::simopen::{Action, End, Name, Nonce, Role, Token};

use super::connection::{Config, Connection, EndConfig, Participant};
use super::handfast::Stage;
use crate::checker::explain::Explains;

/// How many protocols an end may support in a log: an index has to fit.
const MOST_PROTOCOLS: usize = 255;

impl Explains for Connection {
    type Header = Config;

    fn starts(header: &Config) -> Vec<Recorded<Self>> {
        let is_sound = |end: &EndConfig| {
            (!end.protocols.is_empty() || !end.kind.is_honest()) && end.protocols.len() <= MOST_PROTOCOLS
        };
        let is_sound = is_sound(&header.left) && is_sound(&header.right);
        is_sound.then(|| Self::new(header.clone()).with_history()).into_iter().collect()
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
                Action::Break { end },
                Action::Tick { end },
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
        self.described()
    }
}

impl Connection {
    /// Returns where an end that keeps to the protocol is; nothing for one that does not.
    pub fn stage(&self, end: End) -> Option<Stage> {
        match self.participant(end) {
            Participant::Honest(endpoint) => Some(endpoint.state.stage),
            Participant::Scripted(_) => None,
        }
    }
}

/// Says where an end is.
pub(super) fn stage(stage: Stage, protocols: &[Name]) -> String {
    match stage {
        Stage::Idle => "has not started".to_owned(),
        Stage::Header => "waits for the header".to_owned(),
        Stage::Opening => "waits for the answer to the extension".to_owned(),
        Stage::Selecting { .. } => "waits for the peer's number".to_owned(),
        Stage::Confirming(role) => format!("is the {role} and waits for its peer to be the {}", role.opposite()),
        Stage::Proposing { index } => {
            let name = protocols.get(usize::from(index)).copied().unwrap_or_default();
            format!("waits for the answer to {name}")
        }
        Stage::Serving { declined, .. } => format!("waits for a proposal, and has declined {declined}"),
        Stage::Tied => "is to report the tie when its number is written".to_owned(),
        Stage::Finishing { role, protocol } => format!("is to settle as {role} on {protocol} when all is written"),
        Stage::Settled { role, .. } => format!("has settled, as {role}"),
        Stage::Over => "has dropped the connection".to_owned(),
    }
}
