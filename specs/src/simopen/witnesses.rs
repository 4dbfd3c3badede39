//! What must be reachable, so that nothing holds for want of anything happening.

use super::invariants::{honest, settled, with_listener};
use super::{End, Failure, History, Kind, Role, Token};
use crate::protocol::Predicate;

/// Situations that must be reachable.
pub const WITNESSES: &[Predicate<History>] = &[
    Predicate {
        id: "SIM-30",
        title: "two dialers settle, the left one as initiator, and both upper layers hear each other",
        holds: |history| settled_by_selection(history, End::Left),
    },
    Predicate {
        id: "SIM-31",
        title: "two dialers settle, the right one as initiator, and both upper layers hear each other",
        holds: |history| settled_by_selection(history, End::Right),
    },
    Predicate {
        id: "SIM-32",
        title: "two dialers draw equal numbers, and both report the tie",
        holds: |history| {
            let is_tie = |end| history.end(end).failure() == Some(Failure::Tie);
            history.pair.is_of(Kind::Simopen, Kind::Simopen) && End::BOTH.into_iter().all(is_tie)
        },
    },
    Predicate {
        id: "SIM-33",
        title: "a dialer that speaks the extension settles with a listener",
        holds: |history| history.pair.is_of(Kind::Simopen, Kind::Listener) && settled(history).count() == 2,
    },
    Predicate {
        id: "SIM-34",
        title: "a protocol is declined, and another one is settled on",
        holds: |history| {
            let declined = |end| history.end(end).heard.last_chunk().is_some_and(|[one, _]| *one == Token::Na);
            history.pair.is_of(Kind::Simopen, Kind::Simopen) && settled(history).any(|(end, ..)| declined(end))
        },
    },
    Predicate {
        id: "SIM-35",
        title: "two dialers find that they have nothing in common",
        holds: |history| {
            let is_nothing = |end| history.end(end).failure() == Some(Failure::NothingInCommon);
            history.pair.is_of(Kind::Simopen, Kind::Simopen) && End::BOTH.into_iter().all(is_nothing)
        },
    },
    Predicate {
        id: "SIM-36",
        title: "a deadline passes where nothing else would have ended the negotiation",
        holds: |history| {
            let expired = |(_, record): (_, &super::EndRecord)| record.failure() == Some(Failure::Deadline);
            history.pair.is_of(Kind::Simopen, Kind::Silent) && honest(history).any(expired)
        },
    },
    Predicate {
        id: "SIM-37",
        title: "an end learns that its peer dialed too and does not know the extension",
        holds: |history| honest(history).any(|(_, record)| record.failure() == Some(Failure::PlainDialer)),
    },
    Predicate {
        id: "SIM-38",
        title: "a hostile peer makes a dialer the responder: who sends its number last chooses",
        holds: |history| {
            let chosen = |(_, role, _)| role == Role::Responder;
            history.pair.is_of(Kind::Simopen, Kind::Hostile) && settled(history).any(chosen)
        },
    },
    Predicate {
        id: "SIM-39",
        title: "a connection to oneself ends as a tie",
        holds: |history| {
            let tied = |(_, record): (_, &super::EndRecord)| record.failure() == Some(Failure::Tie);
            history.pair.is_of(Kind::Simopen, Kind::Reflector) && honest(history).any(tied)
        },
    },
    Predicate {
        id: "SIM-40",
        title: "an end gives up on a peer that proposes too much",
        holds: |history| honest(history).any(|(_, record)| record.failure() == Some(Failure::TooManyProposals)),
    },
    Predicate {
        id: "SIM-41",
        title: "two dialers of whom neither knows the extension both take themselves for the initiator",
        holds: |history| {
            let unaware = End::BOTH.into_iter().all(|end| history.pair.kind(end).is_unaware_dialer());
            unaware
                && !with_listener(history)
                && settled(history).filter(|(_, role, _)| *role == Role::Initiator).count() == 2
        },
    },
    Predicate {
        id: "SIM-47",
        title: "an end settles on what it heard, although nothing more that it says is taken",
        holds: |history| history.pair.is_promised() && settled(history).any(|(end, ..)| history.end(end).broken),
    },
    Predicate {
        id: "SIM-48",
        title: "a deadline passes at an end that heard something after time had passed",
        holds: |history| {
            let expired = |record: &super::EndRecord| record.failure() == Some(Failure::Deadline);
            honest(history).any(|(_, record)| record.ticks > 0 && !record.heard.is_empty() && expired(record))
        },
    },
];

fn settled_by_selection(history: &History, initiator: End) -> bool {
    let role = |end| history.end(end).settled().map(|(role, _)| role);
    let heard = |end| history.end(end).upper.received.is_some();
    history.pair.is_of(Kind::Simopen, Kind::Simopen)
        && role(initiator) == Some(Role::Initiator)
        && role(initiator.peer()) == Some(Role::Responder)
        && End::BOTH.into_iter().all(heard)
}
