//! What holds in every reachable state: one function, one id, one title each.

use super::{End, EndRecord, Failure, History, Kind, Role, Roles, Token, choice, scripts};
use crate::protocol::Predicate;

/// The rule that the system rests only where nobody waits.
pub const DEADLOCK: (&str, &str) = ("SIM-23", "two ends that keep to the protocol never wait for each other");

/// What holds in every reachable state.
pub const INVARIANTS: &[Predicate<History>] = &[
    Predicate {
        id: "SIM-1",
        title: "two ends that both settle have opposite roles and the same protocol",
        holds: |history| !history.pair.is_promised() || agree(history),
    },
    Predicate {
        id: "SIM-2",
        title: "two ends never take the same role, not even for a while",
        holds: |history| {
            let (left, right) = (history.left.role(), history.right.role());
            !history.pair.is_promised() || left.is_none() || left != right
        },
    },
    Predicate { id: "SIM-3", title: "what is settled on is supported by both ends", holds: both_support },
    Predicate {
        id: "SIM-4",
        title: "it is the first of the initiator's protocols that the responder supports",
        holds: preferred,
    },
    Predicate {
        id: "SIM-5",
        title: "of two ends that both speak the extension the one with the greater number is the initiator",
        holds: |history| {
            !history.pair.is_of(Kind::Simopen, Kind::Simopen)
                || settled(history).all(|(end, role, _)| history.winner() == Some(initiator(end, role)))
        },
    },
    Predicate { id: "SIM-6", title: "equal numbers settle nothing, and are called a tie", holds: ties_fail },
    Predicate {
        id: "SIM-7",
        title: "an end that speaks the extension settles nothing with a dialer that does not",
        holds: |history| {
            let unaware = [Kind::Plain, Kind::Lazy].into_iter().any(|kind| history.pair.is_of(Kind::Simopen, kind));
            !unaware || settled(history).next().is_none()
        },
    },
    Predicate {
        id: "SIM-8",
        title: "an end hears no more messages than it could need, whoever the peer is",
        holds: |history| honest(history).all(|(end, record)| record.heard.len() <= scripts::most(&history.pair, end)),
    },
    Predicate {
        id: "SIM-9",
        title: "an end says no more messages than it could need, whoever the peer is",
        holds: |history| honest(history).all(|(end, record)| record.said.len() <= scripts::most(&history.pair, end)),
    },
    Predicate {
        id: "SIM-10",
        title: "an end takes a role once",
        holds: |history| honest(history).all(|(_, record)| !matches!(record.roles, Roles::Several(_))),
    },
    Predicate {
        id: "SIM-11",
        title: "an end settles only on what it heard every proof of, whoever the peer is",
        holds: |history| settled(history).all(|(end, role, name)| scripts::proves(history, end, role, name)),
    },
    Predicate {
        id: "SIM-12",
        title: "an end that settles said exactly what its role says, whoever the peer is",
        holds: |history| settled(history).all(|(end, role, name)| scripts::is_script(history, end, role, name)),
    },
    Predicate {
        id: "SIM-13",
        title: "an end that speaks the extension settles nothing with its own reflection",
        holds: |history| !history.pair.is_of(Kind::Simopen, Kind::Reflector) || settled(history).next().is_none(),
    },
    Predicate {
        id: "SIM-14",
        title: "no message of the negotiation reaches the layer above, and nothing of that reaches the negotiation",
        holds: |history| {
            let applies = history.pair.is_promised() && !history.pair.is_lost_bet();
            !applies || honest(history).all(|(_, record)| keeps_the_boundary(record))
        },
    },
    Predicate {
        id: "SIM-15",
        title: "the layer above says nothing before role and protocol are settled",
        holds: |history| {
            honest(history).all(|(end, record)| !record.upper.early || history.pair.kind(end) == Kind::Lazy)
        },
    },
    Predicate {
        id: "SIM-16",
        title: "nothing is said after a failure or a close, and nothing is negotiated after an end",
        holds: |history| honest(history).all(|(_, record)| !record.late),
    },
    Predicate {
        id: "SIM-17",
        title: "the layer above acts in the role that was negotiated",
        holds: |history| {
            settled(history).all(|(end, role, _)| history.end(end).upper.sent.is_none_or(|sent| sent == role))
        },
    },
    Predicate {
        id: "SIM-18",
        title: "a number that is not a canonical decimal of 64 bits ends the negotiation",
        holds: |history| {
            honest(history).all(|(_, record)| !record.heard.contains(&Token::BadSelect) || record.failure().is_some())
        },
    },
    Predicate {
        id: "SIM-19",
        title: "with a listener the extension costs no flight",
        holds: |history| !with_listener(history) || settled(history).all(|(end, ..)| flights(history, end, 2)),
    },
    Predicate {
        id: "SIM-20",
        title: "two ends that both speak the extension need four flights, and two for each protocol declined",
        holds: |history| {
            let both = history.pair.is_of(Kind::Simopen, Kind::Simopen);
            !both || settled(history).all(|(end, ..)| flights(history, end, 4))
        },
    },
    Predicate {
        id: "SIM-21",
        title: "a tie is known after two flights: whoever reports it said its number last",
        holds: |history| {
            honest(history).all(|(_, record)| {
                record.failure() != Some(Failure::Tie)
                    || !record.said.iter().any(|token| matches!(token, Token::Role(_)))
                        && record.said.iter().filter(|token| matches!(token, Token::Select(_))).count() <= 1
            })
        },
    },
    Predicate {
        id: "SIM-22",
        title: "where nothing is in common, that is what both ends report",
        holds: nothing_in_common_is_reported,
    },
];

/// The ends to which something is promised.
pub(super) fn honest(history: &History) -> impl Iterator<Item = (End, &EndRecord)> {
    history.honest().map(|end| (end, history.end(end)))
}

/// The ends that settled, with role and protocol.
pub(super) fn settled(history: &History) -> impl Iterator<Item = (End, Role, super::Name)> {
    honest(history).filter_map(|(end, record)| record.settled().map(|(role, name)| (end, role, name)))
}

pub(super) fn agree(history: &History) -> bool {
    match (history.left.settled(), history.right.settled()) {
        (Some((left, ours)), Some((right, theirs))) => left == right.opposite() && ours == theirs,
        (Some(_), None) | (None, Some(_)) | (None, None) => true,
    }
}

fn initiator(end: End, role: Role) -> End {
    match role {
        Role::Initiator => end,
        Role::Responder => end.peer(),
    }
}

fn both_support(history: &History) -> bool {
    settled(history).all(|(end, _, name)| {
        let supports = |end| history.pair.endpoint(end).protocols.contains(&name);
        supports(end) && (!history.pair.is_promised() || supports(end.peer()))
    })
}

fn preferred(history: &History) -> bool {
    let is_choice = |(end, role, name)| {
        let choice = history.pair.choice(initiator(end, role));
        choice.is_some_and(|(_, chosen)| chosen == name)
    };
    !history.pair.is_promised() || settled(history).all(is_choice)
}

fn ties_fail(history: &History) -> bool {
    if !history.pair.is_of(Kind::Simopen, Kind::Simopen) || history.left.started.is_none() {
        return true;
    }
    let tied = history.left.started == history.right.started;
    let is_right = |record: &EndRecord| match record.failure() {
        Some(Failure::Tie) => tied,
        Some(Failure::HungUp | Failure::Deadline) | None => true,
        Some(_) => !tied, // Every other failure: none of them is what equal numbers are called.
    };
    honest(history).all(|(_, record)| is_right(record)) && (!tied || settled(history).next().is_none())
}

fn keeps_the_boundary(record: &EndRecord) -> bool {
    let is_payload = |token: &Token| matches!(token, Token::Payload(_));
    !record.heard.iter().any(is_payload) && record.upper.received.as_ref().is_none_or(is_payload)
}

pub(super) fn with_listener(history: &History) -> bool {
    [Kind::Simopen, Kind::Plain, Kind::Lazy].into_iter().any(|kind| history.pair.is_of(kind, Kind::Listener))
}

/// Whether the end settled after as many flights as it takes: `whole` for the initiator if its first protocol is chosen.
fn flights(history: &History, end: End, whole: usize) -> bool {
    let super::Outcome::Settled { role, flights, .. } = history.end(end).outcome else { return true };
    let declined = history.pair.choice(initiator(end, role)).map_or(0, |(declined, _)| declined);
    let last = match role {
        Role::Initiator => whole,
        Role::Responder => whole - 1,
    };
    usize::from(flights) <= last + 2 * declined
}

fn nothing_in_common_is_reported(history: &History) -> bool {
    let (left, right) = (&history.pair.left.protocols, &history.pair.right.protocols);
    let patience = usize::from(history.pair.patience);
    let negotiates = with_listener(history) || history.pair.is_of(Kind::Simopen, Kind::Simopen);
    let tied = history.pair.is_of(Kind::Simopen, Kind::Simopen) && history.left.started == history.right.started;
    let applies = negotiates
        && !history.pair.is_lost_bet()
        && choice(left, right).is_none()
        && left.len().max(right.len()) <= patience
        && !tied
        && !history.was_cut_short();
    !applies || honest(history).all(|(_, record)| matches!(record.failure(), None | Some(Failure::NothingInCommon)))
}
