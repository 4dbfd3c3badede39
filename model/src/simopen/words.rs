//! The state of a connection in words, and what its ends wait for.

use handfast_spec::simopen::{Action, End, Refusal};

use super::connection::{Connection, EndConfig, InFlight, Peer, Standing};
use crate::checker::design::Flow;

/// What lies between the ends, as a lane.
const CONNECTION: &str = "connection";

impl<P: Peer + 'static> Connection<P> {
    pub(super) fn drawn_lanes() -> Vec<String> {
        [End::Left.to_string(), CONNECTION.to_owned(), End::Right.to_string()].into()
    }

    /// A message that nothing holds goes from one end to the other in one step.
    pub(super) fn drawn(&self, action: Action) -> Flow {
        match action {
            Action::Write { end } => Flow::send(end.to_string(), CONNECTION),
            Action::Read { end } if !self.channel(end).is_empty() => Flow::receive(CONNECTION, end.to_string()),
            Action::Read { end } if self.peer(end.peer()).has_next().is_ok() => {
                Flow::receive(end.peer().to_string(), end.to_string())
            }
            Action::Read { end }
            | Action::Start { end, .. }
            | Action::Break { end }
            | Action::Tick { end }
            | Action::Expire { end }
            | Action::Close { end }
            | Action::Forge { end, .. } => Flow::within(end.to_string()),
        }
    }

    /// Each end, and what the connection holds and could hold in each direction.
    pub(super) fn described(&self) -> Vec<String> {
        let end = |end: End| {
            let EndConfig { kind, protocols } = self.config().end(end);
            let pending = list("; to be written: ", self.peer(end).pending());
            format!("{end}: {kind}; {}{pending}", self.peer(end).in_words(protocols))
        };
        let direction = |end: End| {
            let room = match self.config().room(end) {
                0 => "holds nothing".to_owned(),
                1 => "holds 1 message".to_owned(),
                room => format!("holds {room} messages"), // any greater number
            };
            let held = list(", now ", self.channel(end));
            format!("connection to {end}: {room}{held}")
        };
        vec![end(End::Left), direction(End::Right), direction(End::Left), end(End::Right)]
    }

    /// An end that negotiates waits to write or to read.
    pub(super) fn waiting(&self) -> Vec<String> {
        End::BOTH.into_iter().filter_map(|end| self.wait_of(end)).collect()
    }

    fn wait_of(&self, end: End) -> Option<String> {
        if self.peer(end).standing() != Standing::Negotiates {
            return None;
        }
        let (peer, reads) = (end.peer(), self.peer(end).would_read());
        let writes = self.peer(end).has_next().is_ok();
        let is_full = self.channel(peer).len() >= self.config().room(peer);
        let mut waits = Vec::new();
        if writes && is_full {
            let first =
                self.peer(end).pending().first().map_or("a message".to_owned(), |first| first.token.to_string());
            let room = self.config().room(peer);
            let held = if room == 0 { "the connection holds nothing".to_owned() } else { format!("{room} are held") };
            waits.push(format!("waits to write {first}, which {peer} does not read, and {held}"));
        }
        match reads {
            Ok(()) if self.channel(end).is_empty() => waits.push("waits to read, and nothing is on its way".to_owned()),
            Err(Refusal::NothingToRead) if writes => waits.push("reads nothing before that is written".to_owned()),
            Ok(()) | Err(_) => {}
        }
        (!waits.is_empty()).then(|| format!("{end}: {}", waits.join("; ")))
    }
}

/// Lists messages after a prefix, if there are any.
pub(super) fn list(prefix: &str, messages: &[InFlight]) -> String {
    let tokens: Vec<String> = messages.iter().map(|message| message.token.to_string()).collect();
    if tokens.is_empty() { String::new() } else { format!("{prefix}{}", tokens.join(", ")) }
}
