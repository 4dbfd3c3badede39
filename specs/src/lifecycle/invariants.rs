//! What holds in every reachable state, and what must be reachable: one function, one id, one title each.

use super::slots::BY_ORIGIN;
use super::{History, Phase, Reason, SessionRecord, Stream, SubscriberRecord, Subscription, Violation};
use crate::protocol::Predicate;

/// The rule that the system rests only where no task waits.
pub const DEADLOCK: (&str, &str) = ("PEER-26", "no task waits for room that only itself, transitively, could make");

/// What holds in every reachable state.
pub const INVARIANTS: &[Predicate<History>] = &[
    Predicate {
        id: "PEER-1",
        title: "the registry hears nothing of a session after its Down",
        holds: |history| history.sessions.iter().all(|session| !session.registry.is_late()),
    },
    Predicate {
        id: "PEER-2",
        title: "the registry hears at most one Up and at most one Down of a session",
        holds: |history| history.sessions.iter().all(|session| !session.registry.is_repeated()),
    },
    Predicate {
        id: "PEER-3",
        title: "a subscriber hears Up before Down, and each at most once",
        holds: |history| streams(history).all(|stream| !stream.is_late() && !stream.is_repeated()),
    },
    Predicate {
        id: "PEER-4",
        title: "a subscriber hears Down only of a session of whose Up it heard",
        holds: |history| streams(history).all(|stream| stream != Stream::Bare),
    },
    Predicate {
        id: "PEER-5",
        title: "only a session whose handshake completed is announced",
        holds: |history| !history.has(Violation::Ungreeted),
    },
    Predicate {
        id: "PEER-6",
        title: "no payload of a session counts before its Up is heard",
        holds: |history| !history.has(Violation::PayloadBeforeUp),
    },
    Predicate {
        id: "PEER-7",
        title: "there is no active peer, or the selector heard Up and no Down of it",
        holds: |history| history.active.is_none_or(|active| history.selector_believes(active)),
    },
    Predicate {
        id: "PEER-8",
        title: "the registry lists exactly the sessions whose Up it heard and whose Down it did not",
        holds: |history| {
            let consistent = |session: &SessionRecord| !session.registered || session.registry == Stream::Up;
            history.sessions.iter().all(consistent) && !history.has(Violation::Misreported)
        },
    },
    Predicate {
        id: "PEER-9",
        title: "a slot is returned exactly once: no connection is turned away while one is free",
        holds: |history| !history.has(Violation::SlotWasFree),
    },
    Predicate {
        id: "PEER-10",
        title: "no session gets a slot where all are taken, in all or, before they are announced, for its direction",
        holds: |history| !history.has(Violation::NoSlotLeft),
    },
    Predicate {
        id: "PEER-11",
        title: "a rejected session is never registered, and no subscriber hears of it",
        holds: |history| !history.has(Violation::RegisteredRejected) && rejected_are_unheard(history),
    },
    Predicate {
        id: "PEER-12",
        title: "no more sessions are registered under a key than the policy says, which is one or a number",
        holds: no_more_than_allowed_per_key,
    },
    Predicate {
        id: "PEER-13",
        title: "no session is registered under a banned key; those with it, or an address in a banned network, are told to end",
        holds: |history| {
            !history.has(Violation::RegisteredBanned) && !any(history, |session| is_spared(history, session))
        },
    },
    Predicate {
        id: "PEER-14",
        title: "an id is never reused, and the end of an old session touches nothing of a new one",
        holds: |history| {
            !history.has(Violation::RemovedLive)
                && !history.has(Violation::IdReused)
                && !history.has(Violation::KeyOverlaps)
        },
    },
    Predicate {
        id: "PEER-15",
        title: "a connection is closed at most once",
        holds: |history| !history.has(Violation::ClosedTwice),
    },
    Predicate {
        id: "PEER-16",
        title: "nothing is kept on behalf of a session that is gone",
        holds: |history| !history.has(Violation::KeptAfterEnd),
    },
    Predicate {
        id: "PEER-17",
        title: "no task panics, also when the handshake is reported complete twice",
        holds: |history| !history.has(Violation::Panicked),
    },
    Predicate {
        id: "PEER-18",
        title: "a complete shutdown owes no end of a session, and nothing is announced after it",
        holds: |history| !history.has(Violation::AfterComplete) && !history.has(Violation::OwedAtComplete),
    },
    Predicate {
        id: "PEER-25",
        title: "what a registered peer announces is not thrown away for want of an active peer",
        holds: |history| !history.has(Violation::Ignored),
    },
    Predicate {
        id: "PEER-41",
        title: "no ordinary session gets a slot beyond the limits by direction, address and source",
        holds: |history| !history.has(Violation::OverLimit),
    },
    Predicate {
        id: "PEER-42",
        title: "no ordinary session gets a reserved slot",
        holds: |history| !history.has(Violation::ReservedTaken),
    },
    Predicate {
        id: "PEER-43",
        title: "where ties are broken, no session is turned away that both ends prefer; none is registered under our own key",
        holds: |history| {
            let is_ourselves = |session: &SessionRecord| session.registered && history.is_our_own(session);
            !history.has(Violation::PreferredRejected) && !any(history, is_ourselves)
        },
    },
    Predicate {
        id: "PEER-44",
        title: "no session is turned away as a duplicate while there may be one more",
        holds: |history| !history.has(Violation::RejectedWithRoom),
    },
    Predicate {
        id: "PEER-48",
        title: "accepted sessions turn away none that was dialed, nor ordinary ones a privileged one, while a slot is left",
        holds: |history| !history.has(Violation::TurnedAwayByOthers),
    },
    Predicate {
        id: "PEER-49",
        title: "no connection is turned away because of a session whose connection is closed",
        holds: |history| !history.has(Violation::TurnedAwayByClosed),
    },
    Predicate {
        id: "PEER-50",
        title: "a session that waits for room, and for nothing else, is passed by none that came to wait later",
        holds: |history| !history.has(Violation::Overtaken),
    },
];

/// Situations that must be reachable.
pub const WITNESSES: &[Predicate<History>] = &[
    Predicate { id: "PEER-31", title: "every subscriber hears Up and Down of one session", holds: heard_by_all },
    Predicate {
        id: "PEER-32",
        title: "a session whose handshake completed is told to end before it is announced",
        holds: |history| any(history, |session| session.is_pending() && session.key.is_some() && session.disconnecting),
    },
    Predicate {
        id: "PEER-33",
        title: "a session is rejected for want of a slot",
        holds: |history| rejected_for(history, Reason::Full),
    },
    Predicate {
        id: "PEER-34",
        title: "a session is rejected because its key is banned",
        holds: |history| rejected_for(history, Reason::Banned),
    },
    Predicate {
        id: "PEER-35",
        title: "a session is rejected as a duplicate",
        holds: |history| rejected_for(history, Reason::Duplicate),
    },
    Predicate {
        id: "PEER-36",
        title: "a key returns: its old session is over and its new one is announced",
        holds: |history| {
            any(history, |old| {
                let returned = |new: &SessionRecord| new.registry == Stream::Up && new.key == old.key;
                old.registry == Stream::Over && any(history, returned)
            })
        },
    },
    Predicate {
        id: "PEER-37",
        title: "a queue fills and its subscriber is cut off",
        holds: |history| history.subscribers.iter().any(|record| record.subscription == Subscription::CutOff),
    },
    Predicate { id: "PEER-38", title: "the active peer is dead for a while", holds: active_is_dead },
    Predicate {
        id: "PEER-39",
        title: "a live peer is active although another one that was ahead is over",
        holds: |history| {
            history.active.is_some_and(|active| !history.sessions.get(active.index()).is_dead())
                && any(history, |session| session.heeded && session.registry == Stream::Over)
        },
    },
    Predicate {
        id: "PEER-40",
        title: "the shutdown completes after a session was announced",
        holds: |history| history.phase == Phase::Complete && any(history, |session| session.registry == Stream::Over),
    },
    Predicate {
        id: "PEER-45",
        title: "sessions are rejected because of a limit by direction, address, source or reservation",
        holds: |history| BY_ORIGIN.into_iter().chain([Reason::Reserved]).any(|reason| rejected_for(history, reason)),
    },
    Predicate {
        id: "PEER-46",
        title: "a key has as many sessions as the policy allows, and that is several",
        holds: |history| {
            let holds = |session: &&SessionRecord| session.registered && session.key.is_some();
            let most = history.duplicates.most() as usize;
            most > 1 && history.sessions.iter().filter(holds).count() >= most
        },
    },
    Predicate {
        id: "PEER-47",
        title: "a session with our own key is rejected",
        holds: |history| rejected_for(history, Reason::Myself),
    },
    Predicate {
        id: "PEER-51",
        title: "a session waits for room behind another one",
        holds: |history| history.waiting.len() > 1,
    },
    Predicate {
        id: "PEER-52",
        title: "the connection of a session that has ended is still open",
        holds: |history| any(history, |session| session.opened && session.registry.is_ended() && !session.closed),
    },
];

pub(super) fn any(history: &History, condition: impl FnMut(&SessionRecord) -> bool) -> bool {
    history.sessions.iter().any(condition)
}

fn streams(history: &History) -> impl Iterator<Item = Stream> {
    history.subscribers.iter().flat_map(|record| record.heard.iter().copied())
}

fn heard_by_all(history: &History) -> bool {
    let over = |record: &SubscriberRecord, session| record.heard.get(session) == Stream::Over;
    let subscribed = || history.subscribers.iter().filter(|record| record.subscription == Subscription::On);
    let mut sessions = 0..history.sessions.iter().count();
    subscribed().count() > 0 && sessions.any(|session| subscribed().all(|record| over(record, session)))
}

fn rejected_for(history: &History, reason: Reason) -> bool {
    any(history, |session| session.rejected == Some(reason))
}

fn rejected_are_unheard(history: &History) -> bool {
    let heard_of = |session: usize| history.subscribers.iter().any(|record| record.heard.get(session).believes());
    history.sessions.iter().enumerate().all(|(session, record)| record.rejected.is_none() || !heard_of(session))
}

fn no_more_than_allowed_per_key(history: &History) -> bool {
    let registered = || history.sessions.iter().filter(|session| session.registered && session.key.is_some());
    let with_key_of = |session: &SessionRecord| registered().filter(|other| other.key == session.key).count();
    registered().all(|session| with_key_of(session) <= history.duplicates.most() as usize)
}

/// Whether a ban of its key or its address passed the session by.
fn is_spared(history: &History, session: &SessionRecord) -> bool {
    let is_in = |address| history.banned_networks.iter().any(|network| network.contains(address));
    let is_banned = session.origin.address.is_some_and(is_in);
    session.owed_ban || is_banned && session.holds_slot() && !session.is_told_to_end()
}

pub(super) fn active_is_dead(history: &History) -> bool {
    history.active.is_some_and(|active| history.sessions.get(active.index()).is_dead())
}
