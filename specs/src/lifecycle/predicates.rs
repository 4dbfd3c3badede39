//! What holds in every reachable state, and what must be reachable: one function, one id, one title each.

use super::slots::BY_ORIGIN;
use super::{Ledger, Offence, Phase, Reason, SessionRecord, Stream, SubscriberRecord, Subscription};
use crate::protocol::Predicate;

/// The rule that the system rests only where nobody waits.
pub const DEADLOCK: (&str, &str) = ("PEER-26", "no task waits for room that only itself, transitively, could make");

/// What holds in every reachable state.
pub const INVARIANTS: &[Predicate<Ledger>] = &[
    Predicate {
        id: "PEER-1",
        title: "the registry hears nothing of a session after its Down",
        holds: |ledger| ledger.sessions.iter().all(|session| !session.registry.is_late()),
    },
    Predicate {
        id: "PEER-2",
        title: "the registry hears at most one Up and at most one Down of a session",
        holds: |ledger| ledger.sessions.iter().all(|session| !session.registry.is_repeated()),
    },
    Predicate {
        id: "PEER-3",
        title: "a subscriber hears Up before Down, and each at most once",
        holds: |ledger| streams(ledger).all(|stream| !stream.is_late() && !stream.is_repeated()),
    },
    Predicate {
        id: "PEER-4",
        title: "a subscriber hears Down only of a session of whose Up it heard",
        holds: |ledger| streams(ledger).all(|stream| stream != Stream::Bare),
    },
    Predicate {
        id: "PEER-5",
        title: "only a session whose handshake completed is announced",
        holds: |ledger| !ledger.has(Offence::Ungreeted),
    },
    Predicate {
        id: "PEER-6",
        title: "no payload of a session counts before its Up is heard",
        holds: |ledger| !ledger.has(Offence::PayloadBeforeUp),
    },
    Predicate {
        id: "PEER-7",
        title: "the active peer is nobody, or somebody of whom the selector heard Up and no Down",
        holds: |ledger| ledger.active.is_none_or(|active| ledger.selector_believes(active)),
    },
    Predicate {
        id: "PEER-8",
        title: "the registry lists exactly the sessions whose Up it heard and whose Down it did not",
        holds: |ledger| {
            let consistent = |session: &SessionRecord| !session.registered || session.registry == Stream::Up;
            ledger.sessions.iter().all(consistent) && !ledger.has(Offence::Misreported)
        },
    },
    Predicate {
        id: "PEER-9",
        title: "a slot is returned exactly once: nobody is turned away while one is free",
        holds: |ledger| !ledger.has(Offence::SlotWasFree),
    },
    Predicate {
        id: "PEER-10",
        title: "no more sessions hold a slot than there are, in all and before they are announced",
        holds: |ledger| {
            ledger.slots_held() <= ledger.limits.total as usize && ledger.pending() <= ledger.limits.pending as usize
        },
    },
    Predicate {
        id: "PEER-11",
        title: "a rejected session is never registered, and nobody hears of it",
        holds: |ledger| !ledger.has(Offence::RegisteredRejected) && rejected_are_unheard(ledger),
    },
    Predicate {
        id: "PEER-12",
        title: "no more sessions are registered under a key than the policy says, which is one or a number",
        holds: no_more_than_allowed_per_key,
    },
    Predicate {
        id: "PEER-13",
        title: "no session is registered under a banned key, nor holds a slot with a banned address unless told to end",
        holds: |ledger| !ledger.has(Offence::RegisteredBanned) && !any(ledger, |session| is_spared(ledger, session)),
    },
    Predicate {
        id: "PEER-14",
        title: "an id is never reused, and the end of an old session touches nothing of a new one",
        holds: |ledger| {
            !ledger.has(Offence::RemovedLive) && !ledger.has(Offence::IdReused) && !ledger.has(Offence::KeyOverlaps)
        },
    },
    Predicate {
        id: "PEER-15",
        title: "a connection is closed at most once",
        holds: |ledger| !ledger.has(Offence::ClosedTwice),
    },
    Predicate {
        id: "PEER-16",
        title: "nothing is kept on behalf of a session that is gone",
        holds: |ledger| !ledger.has(Offence::KeptAfterEnd),
    },
    Predicate {
        id: "PEER-17",
        title: "no task panics, also when the handshake is reported complete twice",
        holds: |ledger| !ledger.has(Offence::Panicked),
    },
    Predicate {
        id: "PEER-18",
        title: "a complete shutdown owes nobody an end, and nothing is announced after it",
        holds: |ledger| !ledger.has(Offence::AfterComplete) && !ledger.has(Offence::OwedAtComplete),
    },
    Predicate {
        id: "PEER-25",
        title: "what a registered peer announces is not thrown away for want of an active peer",
        holds: |ledger| !ledger.has(Offence::Ignored),
    },
    Predicate {
        id: "PEER-41",
        title: "nobody without privilege gets a slot beyond the limits by direction, address and source",
        holds: |ledger| !ledger.has(Offence::OverLimit),
    },
    Predicate {
        id: "PEER-42",
        title: "nobody without privilege gets a reserved slot",
        holds: |ledger| !ledger.has(Offence::ReservedTaken),
    },
    Predicate {
        id: "PEER-43",
        title: "where ties are broken, nobody is turned away whom both ends prefer, nor registered under our own key",
        holds: |ledger| {
            let is_ourselves = |session: &SessionRecord| session.registered && ledger.is_our_own(session);
            !ledger.has(Offence::PreferredRejected) && !any(ledger, is_ourselves)
        },
    },
    Predicate {
        id: "PEER-44",
        title: "nobody is turned away as a duplicate while there may be one more",
        holds: |ledger| !ledger.has(Offence::RejectedWithRoom),
    },
];

/// Situations that must be reachable.
pub const WITNESSES: &[Predicate<Ledger>] = &[
    Predicate { id: "PEER-31", title: "every subscriber hears Up and Down of one session", holds: heard_by_all },
    Predicate {
        id: "PEER-32",
        title: "a session whose handshake completed is told to end before it is announced",
        holds: |ledger| any(ledger, |session| session.is_pending() && session.key.is_some() && session.disconnecting),
    },
    Predicate {
        id: "PEER-33",
        title: "a session is rejected for want of a slot",
        holds: |ledger| rejected_for(ledger, Reason::Full),
    },
    Predicate {
        id: "PEER-34",
        title: "a session is rejected because its key is banned",
        holds: |ledger| rejected_for(ledger, Reason::Banned),
    },
    Predicate {
        id: "PEER-35",
        title: "a session is rejected as a duplicate",
        holds: |ledger| rejected_for(ledger, Reason::Duplicate),
    },
    Predicate {
        id: "PEER-36",
        title: "a key returns: its old session is over and its new one is announced",
        holds: |ledger| {
            any(ledger, |old| {
                let returned = |new: &SessionRecord| new.registry == Stream::Up && new.key == old.key;
                old.registry == Stream::Over && any(ledger, returned)
            })
        },
    },
    Predicate {
        id: "PEER-37",
        title: "a queue fills and its subscriber is cut off",
        holds: |ledger| ledger.subscribers.iter().any(|record| record.subscription == Subscription::CutOff),
    },
    Predicate { id: "PEER-38", title: "the active peer is dead for a while", holds: active_is_dead },
    Predicate {
        id: "PEER-39",
        title: "a live peer is active although another one that was ahead is over",
        holds: |ledger| {
            ledger.active.is_some_and(|active| !ledger.sessions.get(active.index()).is_dead())
                && any(ledger, |session| session.heeded && session.registry == Stream::Over)
        },
    },
    Predicate {
        id: "PEER-40",
        title: "the shutdown completes after a session was announced",
        holds: |ledger| ledger.phase == Phase::Complete && any(ledger, |session| session.registry == Stream::Over),
    },
    Predicate {
        id: "PEER-45",
        title: "sessions are rejected because of a limit by direction, address, source or reservation",
        holds: |ledger| BY_ORIGIN.into_iter().chain([Reason::Reserved]).any(|reason| rejected_for(ledger, reason)),
    },
    Predicate {
        id: "PEER-46",
        title: "a key has as many sessions as the policy allows, and that is several",
        holds: |ledger| {
            let holds = |session: &&SessionRecord| session.registered && session.key.is_some();
            let most = ledger.duplicates.most() as usize;
            most > 1 && ledger.sessions.iter().filter(holds).count() >= most
        },
    },
    Predicate {
        id: "PEER-47",
        title: "a session with our own key is rejected",
        holds: |ledger| rejected_for(ledger, Reason::Myself),
    },
];

pub(super) fn any(ledger: &Ledger, condition: impl FnMut(&SessionRecord) -> bool) -> bool {
    ledger.sessions.iter().any(condition)
}

fn streams(ledger: &Ledger) -> impl Iterator<Item = Stream> {
    ledger.subscribers.iter().flat_map(|record| record.heard.iter().copied())
}

fn heard_by_all(ledger: &Ledger) -> bool {
    let over = |record: &SubscriberRecord, session| record.heard.get(session) == Stream::Over;
    let subscribed = || ledger.subscribers.iter().filter(|record| record.subscription == Subscription::On);
    let mut sessions = 0..ledger.sessions.iter().count();
    subscribed().count() > 0 && sessions.any(|session| subscribed().all(|record| over(record, session)))
}

fn rejected_for(ledger: &Ledger, reason: Reason) -> bool {
    any(ledger, |session| session.rejected == Some(reason))
}

fn rejected_are_unheard(ledger: &Ledger) -> bool {
    let heard_of = |session: usize| ledger.subscribers.iter().any(|record| record.heard.get(session).believes());
    ledger.sessions.iter().enumerate().all(|(session, record)| record.rejected.is_none() || !heard_of(session))
}

fn no_more_than_allowed_per_key(ledger: &Ledger) -> bool {
    let registered = || ledger.sessions.iter().filter(|session| session.registered && session.key.is_some());
    let with_key_of = |session: &SessionRecord| registered().filter(|other| other.key == session.key).count();
    registered().all(|session| with_key_of(session) <= ledger.duplicates.most() as usize)
}

/// Whether a ban of its address passed the session by.
fn is_spared(ledger: &Ledger, session: &SessionRecord) -> bool {
    let is_banned = session.origin.address.is_some_and(|address| ledger.banned_addresses.contains(&address));
    is_banned && session.holds_slot() && !session.is_told_to_end()
}

pub(super) fn active_is_dead(ledger: &Ledger) -> bool {
    ledger.active.is_some_and(|active| ledger.sessions.get(active.index()).is_dead())
}
