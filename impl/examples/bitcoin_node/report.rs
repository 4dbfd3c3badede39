//! Lines about peers.

use std::fmt::Arguments;
use std::net::SocketAddr;
use std::sync::Arc;

use handfast::lifecycle::{Ban, Banned, Direction, Event, Peer, Reason};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use crate::console::Console;
use crate::peer::{About, Local, PING_UNANSWERED, PROTOCOL_VIOLATED, Peers};

/// Where lines go, each with its time.
#[derive(Clone)]
pub(crate) struct Reporter(pub(crate) Console);

impl Reporter {
    pub(crate) fn say(&self, line: Arguments<'_>) {
        self.0.say(format!("{}{line}", time()));
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

    /// Prints which peer is followed, and up to where.
    pub(crate) async fn followed(self, local: Arc<Local>) {
        let Some(follower) = local.follower() else { return };
        let mut active = follower.selector.watch();
        active.mark_changed();
        let mut before = None;
        while active.changed().await.is_ok() {
            let now = active.borrow_and_update().as_ref().map(|peer| (peer.key, peer.session));
            let height = follower.height();
            match now {
                Some((peer, session)) => {
                    self.say(format_args!("following {peer} {session} from height {height}"));
                }
                None if before.is_some() => self.say(format_args!("following no peer, at height {height}")),
                None => {} // It has not begun.
            }
            before = now;
        }
    }

    /// Prints who is there and who may not be, and what was counted.
    pub(crate) fn status(&self, node: &Peers) {
        node.peers().iter().for_each(|peer| self.peer("here", peer, ""));
        for Ban { banned, left } in node.bans() {
            let what = match banned {
                Banned::Key(peer) => peer.to_string(),
                Banned::Network(network) => network.to_string(),
            };
            match left {
                Some(left) => self.say(format_args!("banned {what} for {} s", left.as_secs())),
                None => self.say(format_args!("banned {what} for good")),
            }
        }
        self.say(format_args!("{:?}", node.metrics()));
    }

    fn peer(&self, what: &str, peer: &Peer<SocketAddr, About>, why: &str) {
        let direction = match peer.origin.direction {
            Direction::Inbound => "from",
            Direction::Outbound => "to",
        };
        let About { version, user_agent, start_height, .. } = &peer.info;
        let colon = if why.is_empty() { "" } else { ": " };
        self.say(format_args!(
            "{what} {direction} {} {user_agent:?} version {version} height {start_height} {}{colon}{why}",
            peer.key, peer.session
        ));
    }
}

/// Returns the time that a line begins with, and the space behind it.
pub(crate) fn time() -> String {
    let mut text = String::new();
    // A string takes all that it is given.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text.push(' ');
    text
}

pub(crate) fn words(reason: Reason) -> String {
    match reason {
        PING_UNANSWERED => "ping_unanswered".to_owned(),
        PROTOCOL_VIOLATED => "protocol_violated".to_owned(),
        other => other.to_string(),
    }
}
