//! What must be reachable, so that nothing holds for want of anything happening.

use super::predicates::{honest, settled, with_listener};
use super::{End, Failure, Kind, Ledger, Role, Token};
use crate::protocol::Predicate;

/// Situations that must be reachable.
pub const WITNESSES: &[Predicate<Ledger>] = &[
    Predicate {
        id: "SIM-30",
        title: "two dialers settle, the left one as initiator, and both upper layers hear each other",
        holds: |ledger| settled_by_selection(ledger, End::Left),
    },
    Predicate {
        id: "SIM-31",
        title: "two dialers settle, the right one as initiator, and both upper layers hear each other",
        holds: |ledger| settled_by_selection(ledger, End::Right),
    },
    Predicate {
        id: "SIM-32",
        title: "two dialers draw equal numbers, and both report the tie",
        holds: |ledger| {
            let is_tie = |end| ledger.end(end).failure() == Some(Failure::Tie);
            ledger.pair.is_of(Kind::Simopen, Kind::Simopen) && End::BOTH.into_iter().all(is_tie)
        },
    },
    Predicate {
        id: "SIM-33",
        title: "a dialer that speaks the extension settles with a listener",
        holds: |ledger| ledger.pair.is_of(Kind::Simopen, Kind::Listener) && settled(ledger).count() == 2,
    },
    Predicate {
        id: "SIM-34",
        title: "a protocol is declined, and another one is settled on",
        holds: |ledger| {
            let declined = |end| ledger.end(end).heard.last_chunk().is_some_and(|[one, _]| *one == Token::Na);
            ledger.pair.is_of(Kind::Simopen, Kind::Simopen) && settled(ledger).any(|(end, ..)| declined(end))
        },
    },
    Predicate {
        id: "SIM-35",
        title: "two dialers find that they have nothing in common",
        holds: |ledger| {
            let is_nothing = |end| ledger.end(end).failure() == Some(Failure::NothingInCommon);
            ledger.pair.is_of(Kind::Simopen, Kind::Simopen) && End::BOTH.into_iter().all(is_nothing)
        },
    },
    Predicate {
        id: "SIM-36",
        title: "a deadline passes that nobody else would have kept",
        holds: |ledger| {
            let expired = |(_, record): (_, &super::EndRecord)| record.failure() == Some(Failure::Deadline);
            ledger.pair.is_of(Kind::Simopen, Kind::Silent) && honest(ledger).any(expired)
        },
    },
    Predicate {
        id: "SIM-37",
        title: "an end learns that its peer dialed too and does not know the extension",
        holds: |ledger| honest(ledger).any(|(_, record)| record.failure() == Some(Failure::PlainDialer)),
    },
    Predicate {
        id: "SIM-38",
        title: "a hostile peer makes a dialer the responder: who sends its number last chooses",
        holds: |ledger| {
            let chosen = |(_, role, _)| role == Role::Responder;
            ledger.pair.is_of(Kind::Simopen, Kind::Hostile) && settled(ledger).any(chosen)
        },
    },
    Predicate {
        id: "SIM-39",
        title: "a connection to oneself ends as a tie",
        holds: |ledger| {
            let tied = |(_, record): (_, &super::EndRecord)| record.failure() == Some(Failure::Tie);
            ledger.pair.is_of(Kind::Simopen, Kind::Reflector) && honest(ledger).any(tied)
        },
    },
    Predicate {
        id: "SIM-40",
        title: "an end gives up on a peer that proposes too much",
        holds: |ledger| honest(ledger).any(|(_, record)| record.failure() == Some(Failure::TooManyProposals)),
    },
    Predicate {
        id: "SIM-41",
        title: "two dialers of whom neither knows the extension both take themselves for the initiator",
        holds: |ledger| {
            let unaware = End::BOTH.into_iter().all(|end| ledger.pair.kind(end).is_unaware_dialer());
            unaware
                && !with_listener(ledger)
                && settled(ledger).filter(|(_, role, _)| *role == Role::Initiator).count() == 2
        },
    },
];

fn settled_by_selection(ledger: &Ledger, initiator: End) -> bool {
    let role = |end| ledger.end(end).settled().map(|(role, _)| role);
    let heard = |end| ledger.end(end).upper.received.is_some();
    ledger.pair.is_of(Kind::Simopen, Kind::Simopen)
        && role(initiator) == Some(Role::Initiator)
        && role(initiator.other()) == Some(Role::Responder)
        && End::BOTH.into_iter().all(heard)
}
