//! Lines about peers.

use std::fmt::{Arguments, Write};
use std::net::SocketAddr;

use handfast::lifecycle::{Direction, Event, Peer, Reason};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use crate::console::Console;
use crate::peer::{About, PING_UNANSWERED, PROTOCOL_VIOLATED, Peers};

/// Where lines go, each with its time.
#[derive(Clone)]
pub(crate) struct Reporter(pub(crate) Console);

impl Reporter {
    pub(crate) fn say(&self, line: Arguments<'_>) {
        let mut text = String::new();
        // A string takes all that it is given.
        let _ = SystemTime.format_time(&mut Writer::new(&mut text));
        let _ = write!(text, " {line}");
        self.0.say(text);
    }

    /// Prints who comes and goes. Subscribes again whenever it was too slow, and begins with who is there.
    pub(crate) async fn events(self, node: Peers) {
        while let Ok(mut events) = node.subscribe() {
            events.snapshot().iter().for_each(|peer| self.peer("here", peer, ""));
            while let Some(event) = events.next().await {
                match event {
                    Event::Up(peer) => self.peer("up", &peer, ""),
                    Event::Down(peer, reason) => self.peer("down", &peer, &words(reason)),
                    Event::Lagged => self.say(format_args!("missed some; who is here:")),
                    Event::Closed => return,
                }
            }
        }
    }

    /// Prints who is there, and what was counted.
    pub(crate) fn status(&self, node: &Peers) {
        node.peers().iter().for_each(|peer| self.peer("here", peer, ""));
        self.say(format_args!("{:?}", node.metrics()));
    }

    fn peer(&self, what: &str, peer: &Peer<SocketAddr, About>, why: &str) {
        let direction = match peer.origin.direction {
            Direction::Inbound => "from",
            Direction::Outbound => "to",
        };
        let About { version, user_agent, start_height } = &peer.info;
        let colon = if why.is_empty() { "" } else { ": " };
        self.say(format_args!(
            "{what} {direction} {} {user_agent:?} version {version} height {start_height} {}{colon}{why}",
            peer.key, peer.session
        ));
    }
}

pub(crate) fn words(reason: Reason) -> String {
    match reason {
        PING_UNANSWERED => "ping_unanswered".to_owned(),
        PROTOCOL_VIOLATED => "protocol_violated".to_owned(),
        other => other.to_string(),
    }
}
