//! Logs of real runs.

use core::fmt::{self, Debug, Formatter};
use std::collections::BTreeSet;

use handfast_spec::Recorded;
use handfast_spec::lifecycle::{Action, Key, Limits, Origin, Phase, SessionId, SubscriberId};
use serde::{Deserialize, Serialize};

use super::bounds::start;
use super::machine::{AheadFlag, Session, Stage};
use super::subscribers::Mode;
use super::{Config, Duplicates, Handfast};
use crate::checker::explain::Explains;

/// How a node was configured, as the header of its log says.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Header {
    /// How many slots there are. What limits nothing may be left out.
    #[serde(flatten)]
    pub limits: Limits,
    /// How many events a subscriber's queue holds.
    pub capacity: u64,
    /// What becomes of a second session with the same key.
    pub duplicates: Duplicates,
    /// Our own key, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<Key>,
    /// How many subscribers were there from the start. Those that came later are in the log.
    #[serde(default)]
    pub subscribers: u8,
}

impl Header {
    pub(super) fn of(machine: &Handfast) -> Self {
        let Config { limits, capacity, duplicates, local } = machine.config;
        let subscribers = machine.subscribers();
        Self { limits, capacity, duplicates, local, subscribers }
    }
}

/// With how many keys a handshake is attempted, to tell that it may complete.
const SHOWN_KEYS: usize = 4;

impl Explains for Handfast {
    type Header = Header;

    fn starts(header: &Header) -> Vec<Recorded<Self>> {
        let Header { limits, capacity, duplicates, local, subscribers } = *header;
        let config = Config { limits, capacity, duplicates, local };
        config.is_sound().then(|| start(config, subscribers)).into_iter().collect()
    }

    fn attempts(&self) -> Vec<Action> {
        let mut attempts = Vec::new();
        // Of a session that is over everything is refused, and a shaking one may turn out to have any key: a log of
        // thousands of sessions is not answered with their square.
        let is_over = |session: &SessionId| self.sessions.get(session.index()).stage == Stage::Ended;
        let live: Vec<SessionId> = self.ids().filter(|session| !is_over(session)).collect();
        let known = live.iter().map(|session| self.sessions.get(session.index()).key);
        let keys: BTreeSet<Key> = known.chain(self.banned.iter()).collect();
        attempts.push(Action::Open { session: SessionId(self.next), origin: Origin::default() });
        for session in live {
            attempts.extend([
                Action::Announce { session },
                Action::Disconnect { session },
                Action::Expire { session },
                Action::End { session },
                Action::Abort { session },
                Action::Close { session },
                Action::Reconsider { session },
                Action::GrantPrivilege { session },
                Action::Rank { session, rank: 0 },
                Action::PeerAhead { session },
                Action::NotifySelector { session },
            ]);
            attempts.extend(keys.iter().take(SHOWN_KEYS).map(|&key| Action::HandshakeDone { session, key }));
        }
        for subscriber in (0..=self.queues.iter().count()).map(|index| SubscriberId(index as u32)) {
            attempts.extend([
                Action::Subscribe { subscriber },
                Action::Unsubscribe { subscriber },
                Action::Evict { subscriber },
                Action::Receive { subscriber },
            ]);
        }
        attempts.extend(keys.iter().flat_map(|&key| [Action::Ban { key }, Action::Unban { key }]));
        attempts.extend(self.banned_networks.iter().map(|&network| Action::UnbanNetwork { network }));
        attempts.extend([Action::Stall, Action::Shutdown, Action::Finish]);
        attempts
    }

    fn summary(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for session in self.ids() {
            let Session { stage, key, origin, rank, ending, ahead } = self.sessions.get(session.index());
            let mut line = match stage {
                Stage::Unused | Stage::Ended => continue,
                Stage::Closing => format!("{session} has ended, and its connection is open"),
                Stage::Handshaking => format!("{session} shakes hands"),
                Stage::HandshakeDone => format!("{session} is with {key} and waits to be announced"),
                Stage::Up => format!("{session} is announced with {key}"),
                Stage::Rejected => format!("{session} is rejected"),
            };
            if !origin.is_plain() {
                line.push_str(&format!(", {origin}"));
            }
            if rank != 0 {
                line.push_str(&format!(", of rank {rank}"));
            }
            line.push_str(if ending { ", told to end" } else { "" });
            line.push_str(match ahead {
                AheadFlag::Level => "",
                AheadFlag::New => ", ahead and the selector does not know",
                AheadFlag::Seen => ", ahead",
            });
            lines.push(line);
        }
        let over = self.ids().filter(|session| self.sessions.get(session.index()).stage == Stage::Ended).count();
        if !self.line.is_empty() {
            let line: Vec<_> = self.line.iter().map(ToString::to_string).collect();
            lines.push(format!("for room wait, in this order: {}", line.join(", ")));
        }
        let are_over = if over == 1 { "session is over" } else { "sessions are over" };
        lines.push(format!("{over} {are_over}, the next is session {}", self.next));
        for (index, queue) in self.queues.iter().enumerate().filter(|(_, queue)| queue.mode != Mode::Off) {
            let events: Vec<_> = queue.events.iter().map(ToString::to_string).collect();
            let queued = if events.is_empty() { "nothing".to_owned() } else { events.join(", ") };
            let cut_off = if queue.mode == Mode::CutOff { ", then Lagged" } else { "" };
            lines.push(format!("for {} is queued: {queued}{cut_off}", SubscriberId(index as u32)));
        }
        lines.extend(self.banned.iter().map(|key| format!("{key} is banned")));
        lines.extend(self.banned_networks.iter().map(|network| format!("{network} is banned")));
        match self.phase {
            Phase::Open => {}
            Phase::Begun => lines.push("the shutdown has begun".to_owned()),
            Phase::Complete => lines.push("the shutdown is complete".to_owned()),
        }
        lines
    }
}

/// What is shown in Stateright's Explorer: the state in words.
impl Debug for Handfast {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Config { limits, capacity, duplicates, local } = self.config;
        writeln!(f, "{limits:?}, queues of {capacity}, {duplicates:?}, our own key: {local:?}")?;
        self.summary().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
