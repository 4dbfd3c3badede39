//! How the words of the peer lifecycle are shown to people.

use core::fmt::{self, Debug, Display, Formatter};

use super::{
    Action, Component, Direction, Event, History, Key, Origin, Output, Phase, Reason, Refusal, SELECTOR, SessionId,
    SessionRecord, SubscriberId, Subscription,
};

impl Display for SessionId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "session {}", self.0)
    }
}

impl Display for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.0)
    }
}

impl Display for SubscriberId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if *self == SELECTOR { f.write_str("selector") } else { write!(f, "subscriber {}", self.0) }
    }
}

impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { direction, address, privileged } = self;
        f.write_str(if *privileged { "privileged " } else { "" })?;
        f.write_str(match direction {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        })?;
        if let Some(address) = address { write!(f, " {address}") } else { Ok(()) }
    }
}

impl Display for Component {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(session) => write!(f, "{session}"),
            Self::Timer(session) => write!(f, "timer of {session}"),
            Self::Subscriber(subscriber) => write!(f, "{subscriber}"),
            Self::Patience(subscriber) => write!(f, "patience with {subscriber}"),
            Self::Shutdown => f.write_str("shutdown"),
            Self::Registry => f.write_str("registry"),
            Self::Handshake(session) => write!(f, "handshake of {session}"),
            Self::Watcher(session) => write!(f, "watcher of {session}"),
            Self::Reader(session) => write!(f, "reader of {session}"),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { session, origin } if origin.is_plain() => write!(f, "{session} opens"),
            Self::Open { session, origin } => write!(f, "{session} opens, {origin}"),
            Self::GrantPrivilege { session } => write!(f, "{session} is granted privilege"),
            Self::Rank { session, rank } => write!(f, "{session} has rank {rank}"),
            Self::HandshakeDone { session, key } => write!(f, "handshake of {session} completes with {key}"),
            Self::Announce { session } => write!(f, "{session} has itself announced"),
            Self::Disconnect { session } => write!(f, "{session} is disconnected"),
            Self::Expire { session } => write!(f, "handshake timer of {session} fires"),
            Self::End { session } => write!(f, "guard of {session} runs"),
            Self::Abort { session } => write!(f, "task of {session} is aborted"),
            Self::Close { session } => write!(f, "connection of {session} is dropped"),
            Self::PeerAhead { session } => write!(f, "peer of {session} is ahead"),
            Self::NotifySelector { session } => write!(f, "{session} calls the selector"),
            Self::Subscribe { subscriber } => write!(f, "{subscriber} subscribes"),
            Self::Unsubscribe { subscriber } => write!(f, "{subscriber} is dropped"),
            Self::Evict { subscriber } => write!(f, "patience with {subscriber} is over"),
            Self::Receive { subscriber } => write!(f, "{subscriber} receives"),
            Self::Stall => f.write_str("active peer stalls"),
            Self::Reconsider { session } => write!(f, "selector looks again at {session}"),
            Self::Ban { key } => write!(f, "{key} is banned"),
            Self::Unban { key } => write!(f, "ban of {key} is lifted"),
            Self::BanNetwork { network } => write!(f, "{network} is banned"),
            Self::UnbanNetwork { network } => write!(f, "ban of {network} is lifted"),
            Self::SetLimits { limits } => write!(f, "other limits are set: {limits:?}"),
            Self::Shutdown => f.write_str("shutdown is asked for"),
            Self::Finish => f.write_str("shutdown looks whether all have ended"),
        }
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up(session) => write!(f, "Up of {session}"),
            Self::Down(session) => write!(f, "Down of {session}"),
            Self::Lagged => f.write_str("Lagged"),
            Self::Closed => f.write_str("Closed"),
        }
    }
}

impl Display for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "no slot",
            Self::Pending => "no slot for pending sessions",
            Self::Reserved => "no slot that is not reserved",
            Self::Inbound => "no slot for accepted connections",
            Self::Outbound => "no slot for dialed connections",
            Self::PerAddress => "no slot for its address",
            Self::PerSource => "no slot for its source",
            Self::PendingFromSource => "no slot for pending sessions from its source",
            Self::Banned => "banned",
            Self::Duplicate => "duplicate",
            Self::Myself => "our own key",
            Self::Closing => "shutting down",
            Self::Vetoed => "vetoed",
        })
    }
}

impl Display for Output {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Came(session, origin) => write!(f, "{session} is {origin}"),
            Self::Opened(session) => write!(f, "{session} has a slot"),
            Self::Rejected(session, reason) => write!(f, "{session} is rejected: {reason}"),
            Self::Privileged(session) => write!(f, "{session} is privileged"),
            Self::Ranked(session, rank) => write!(f, "{session} has rank {rank}"),
            Self::HandshakeDone(session, key) => write!(f, "{session} is with {key}"),
            Self::HandshakeDoneTwice(session) => write!(f, "{session} was greeted before"),
            Self::Waits(session) => write!(f, "{session} waits for room"),
            Self::Announced(session) => write!(f, "registry hears Up of {session}"),
            Self::Registered(session) => write!(f, "{session} is registered"),
            Self::Removed(session) => write!(f, "{session} is no longer registered"),
            Self::Disconnecting(session) => write!(f, "{session} is to end"),
            Self::TimedOut(session) => write!(f, "{session} has timed out"),
            Self::Ended(session) => write!(f, "registry hears Down of {session}"),
            Self::Closed(session) => write!(f, "connection of {session} is closed"),
            Self::Panicked(session) => write!(f, "a task of {session} panics"),
            Self::Listed(subscriber, session) => write!(f, "{subscriber} is given {session}"),
            Self::Subscribed(subscriber, n) => write!(f, "{subscriber} has a snapshot of {n}"),
            Self::Unsubscribed(subscriber) => write!(f, "{subscriber} is gone"),
            Self::CutOff(subscriber) => write!(f, "{subscriber} is cut off"),
            Self::Heard(subscriber, event) => write!(f, "{subscriber} hears {event}"),
            Self::PeerAhead(session) => write!(f, "{session} learns that its peer is ahead"),
            Self::Heeded(session) => write!(f, "selector notes that {session} is ahead"),
            Self::Deferred(session) => write!(f, "selector does not know {session} yet"),
            Self::Ignored(session) => write!(f, "what the peer of {session} announced is thrown away"),
            Self::Active(Some(session)) => write!(f, "application hears that {session} is active"),
            Self::Active(None) => f.write_str("application hears that no peer is active"),
            Self::Stalled(session) => write!(f, "application hears that {session} stalled"),
            Self::Kept(session) => write!(f, "something is kept for {session}"),
            Self::Dropped(session) => write!(f, "what was kept for {session} is dropped"),
            Self::Banned(key) => write!(f, "operator hears that {key} is banned"),
            Self::Unbanned(key) => write!(f, "operator hears that {key} is no longer banned"),
            Self::NetworkBanned(network) => write!(f, "operator hears that {network} is banned"),
            Self::NetworkUnbanned(network) => write!(f, "operator hears that {network} is no longer banned"),
            Self::Limited(limits) => write!(f, "operator hears that these limits hold: {limits:?}"),
            Self::ShutdownBegun => f.write_str("shutdown has begun"),
            Self::ShutdownComplete => f.write_str("shutdown is complete"),
        }
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchSession => "there is no such session",
            Self::NotNext => "the id is not the next unused one",
            Self::NotNow => "the session is at another point of its life",
            Self::Ending => "the session has been told to end already",
            Self::NoRoom => "a subscriber has no room for its coming and its going",
            Self::WaitsForOld => "the session that it replaces has not ended",
            Self::NoSuchSubscriber => "there is no such subscriber",
            Self::AlreadySubscribed => "the subscriber is subscribed already",
            Self::Empty => "the queue is empty",
            Self::NotHolding => "the subscriber does not hold anybody up",
            Self::NothingNew => "there is nothing new to look at",
            Self::NoneActive => "there is no active peer",
            Self::AlreadyBanned => "the key or the network is banned already",
            Self::Unsound => "the last slot could not be announced",
            Self::NotBanned => "the key or the network is not banned",
            Self::AlreadyClosing => "the shutdown has begun already",
            Self::NotFinished => "sessions have not ended, or nothing is to finish",
        })
    }
}

/// A line for each session and subscriber of which something was told.
impl Debug for History {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, session) in self.sessions.iter().enumerate() {
            if *session != SessionRecord::default() {
                write!(f, "{}:", SessionId(index as u32))?;
                describe(session, f)?;
            }
        }
        for (index, subscriber) in self.subscribers.iter().enumerate() {
            let heard: Vec<_> = subscriber.heard.iter().collect();
            if subscriber.subscription != Subscription::Off || !heard.is_empty() {
                let SubscriberId(number) = SubscriberId(index as u32);
                writeln!(f, "subscriber {number}: {:?}, heard {heard:?}", subscriber.subscription)?;
            }
        }
        if let Some(active) = self.active {
            writeln!(f, "active: {active}")?;
        }
        let violations: Vec<_> = self.violations().collect();
        if !violations.is_empty() {
            writeln!(f, "violations: {violations:?}")?;
        }
        match self.phase {
            Phase::Open => Ok(()),
            Phase::Begun | Phase::Complete => writeln!(f, "shutdown: {:?}", self.phase),
        }
    }
}

fn describe(session: &SessionRecord, f: &mut Formatter<'_>) -> fmt::Result {
    let SessionRecord { key, registry, rejected, .. } = session;
    if let Some(key) = key {
        write!(f, " {key},")?;
    }
    write!(f, " registry heard {registry:?}")?;
    if let Some(reason) = rejected {
        write!(f, ", rejected: {reason}")?;
    }
    for (told, what) in [
        (session.opened, "has or had a slot"),
        (session.registered, "registered"),
        (session.disconnecting, "told to end"),
        (session.closed, "closed"),
        (session.ahead, "ahead"),
        (session.heeded, "heeded"),
        (session.kept, "something is kept"),
        (session.dropped, "what was kept is dropped"),
    ] {
        if told {
            write!(f, ", {what}")?;
        }
    }
    writeln!(f)
}
