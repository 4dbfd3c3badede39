//! What must happen, and under which fairness.

use super::invariants::{active_is_dead, any};
use super::{Component, History, Lifecycle, Phase, SessionRecord, Stream, SubscriberRecord, Subscription};
use crate::protocol::{Goal, Promise, promised};

/// What must happen, and under which fairness handfast promises it.
pub(super) const GOALS: &[Goal<Lifecycle>] = &[
    promised(PROMISES, "PEER-21", |c| is_session(c) || is_subscriber(c), "every session's task and every subscriber"),
    promised(PROMISES, "PEER-22", is_subscriber, "every subscriber"),
    promised(PROMISES, "PEER-23", |c| is_session(c) || is_subscriber(c), "every session's task and every subscriber"),
    promised(PROMISES, "PEER-24", |c| is_session(c) || is_subscriber(c), "every session's task and every subscriber"),
    promised(PROMISES, "PEER-27", is_session, "every session's task, and no subscriber"),
    promised(
        PROMISES,
        "PEER-28",
        |c| is_session(c) || *c == Component::Shutdown,
        "every session's task and the shutdown, no subscriber",
    ),
    promised(
        PROMISES,
        "PEER-29",
        |c| is_session(c) || is_timer(c),
        "every session's task and its handshake timer, no subscriber",
    ),
    promised(PROMISES, "PEER-30", is_session, "every session's task, and no subscriber"),
];

/// What handfast and the historical designs promise alike, each under a fairness of its own.
pub const PROMISES: &[Promise<History>] = &[
    Promise {
        id: "PEER-21",
        title: "a session that is to end is gone from the registry and from every subscriber",
        trigger: |history| is_visible_though_dead(history),
        outcome: |history| !is_visible_though_dead(history),
    },
    Promise {
        id: "PEER-22",
        title: "a session that is announced is heard of by every subscriber, or ends",
        trigger: is_unheard_though_up,
        outcome: |history| !is_unheard_though_up(history),
    },
    Promise {
        id: "PEER-23",
        title: "a dead peer does not stay active",
        trigger: active_is_dead,
        outcome: |history| !active_is_dead(history),
    },
    Promise {
        id: "PEER-24",
        title: "where a live peer is ahead and none is active, one becomes active, also one that stalled",
        trigger: is_idle_though_behind,
        outcome: |history| !is_idle_though_behind(history),
    },
    Promise {
        id: "PEER-27",
        title: "a session that is to end ends, however slow the subscribers are",
        trigger: is_registered_though_dead,
        outcome: |history| !is_registered_though_dead(history),
    },
    Promise {
        id: "PEER-28",
        title: "a shutdown completes",
        trigger: |history| history.phase == Phase::Begun,
        outcome: |history| history.phase == Phase::Complete,
    },
    Promise {
        id: "PEER-29",
        title: "a session is announced or ends within its handshake timeout",
        trigger: |history| any(history, SessionRecord::is_pending),
        outcome: |history| !any(history, SessionRecord::is_pending),
    },
    Promise {
        id: "PEER-30",
        title: "the connection of a session that is to end is closed",
        trigger: |history| any(history, |session| session.is_dead() && !session.closed),
        outcome: |history| !any(history, |session| session.is_dead() && !session.closed),
    },
];

fn is_session(component: &Component) -> bool {
    matches!(component, Component::Session(_) | Component::Watcher(_))
}

fn is_timer(component: &Component) -> bool {
    matches!(component, Component::Timer(_))
}

fn is_subscriber(component: &Component) -> bool {
    matches!(component, Component::Subscriber(_))
}

fn is_visible_though_dead(history: &History) -> bool {
    history.sessions.iter().enumerate().any(|(session, record)| {
        let believed = || history.subscribers.iter().any(|subscriber| subscriber.heard.get(session).believes());
        record.is_dead() && (record.registered || believed())
    })
}

fn is_registered_though_dead(history: &History) -> bool {
    any(history, |session| session.opened && session.is_dead() && (session.registered || !session.registry.is_ended()))
}

fn is_unheard_though_up(history: &History) -> bool {
    history.sessions.iter().enumerate().any(|(session, record)| {
        let unheard = |subscriber: &SubscriberRecord| {
            subscriber.subscription == Subscription::On && subscriber.heard.get(session) == Stream::Nothing
        };
        record.registry == Stream::Up && history.subscribers.iter().any(unheard)
    })
}

fn is_idle_though_behind(history: &History) -> bool {
    let is_candidate = |(session, record): (usize, &SessionRecord)| {
        let believed = history.subscribers.iter().next().is_some_and(|selector| selector.heard.get(session).believes());
        believed && record.ahead && !record.is_dead()
    };
    history.active.is_none() && history.sessions.iter().enumerate().any(is_candidate)
}
