//! What holds in every reachable state: one function, one id, one title each.

use super::{End, EndRecord, Failure, Kind, Ledger, Role, Roles, Token, choice, scripts};
use crate::protocol::Predicate;

/// The rule that the system rests only where nobody waits.
pub const DEADLOCK: (&str, &str) = ("SIM-23", "two ends that keep to the protocol never wait for each other");

/// What holds in every reachable state.
pub const INVARIANTS: &[Predicate<Ledger>] = &[
    Predicate {
        id: "SIM-1",
        title: "two ends that both settle have opposite roles and the same protocol",
        holds: |ledger| !ledger.pair.is_promised() || agree(ledger),
    },
    Predicate {
        id: "SIM-2",
        title: "two ends never take the same role, not even for a while",
        holds: |ledger| {
            let (left, right) = (ledger.left.role(), ledger.right.role());
            !ledger.pair.is_promised() || left.is_none() || left != right
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
        holds: |ledger| {
            !ledger.pair.is_of(Kind::Simopen, Kind::Simopen)
                || settled(ledger).all(|(end, role, _)| ledger.winner() == Some(initiator(end, role)))
        },
    },
    Predicate { id: "SIM-6", title: "equal numbers settle nothing, and are called a tie", holds: ties_fail },
    Predicate {
        id: "SIM-7",
        title: "an end that speaks the extension settles nothing with a dialer that does not",
        holds: |ledger| {
            let unaware = [Kind::Plain, Kind::Lazy].into_iter().any(|kind| ledger.pair.is_of(Kind::Simopen, kind));
            !unaware || settled(ledger).next().is_none()
        },
    },
    Predicate {
        id: "SIM-8",
        title: "an end hears no more messages than it could need, whoever the peer is",
        holds: |ledger| honest(ledger).all(|(end, record)| record.heard.len() <= scripts::most(&ledger.pair, end)),
    },
    Predicate {
        id: "SIM-9",
        title: "an end says no more messages than it could need, whoever the peer is",
        holds: |ledger| honest(ledger).all(|(end, record)| record.said.len() <= scripts::most(&ledger.pair, end)),
    },
    Predicate {
        id: "SIM-10",
        title: "an end takes a role once",
        holds: |ledger| honest(ledger).all(|(_, record)| !matches!(record.roles, Roles::Several(_))),
    },
    Predicate {
        id: "SIM-11",
        title: "an end settles only on what it heard every proof of, whoever the peer is",
        holds: |ledger| settled(ledger).all(|(end, role, name)| scripts::proves(ledger, end, role, name)),
    },
    Predicate {
        id: "SIM-12",
        title: "an end that settles said exactly what its role says, whoever the peer is",
        holds: |ledger| settled(ledger).all(|(end, role, name)| scripts::is_script(ledger, end, role, name)),
    },
    Predicate {
        id: "SIM-13",
        title: "an end that speaks the extension settles nothing with its own reflection",
        holds: |ledger| !ledger.pair.is_of(Kind::Simopen, Kind::Reflector) || settled(ledger).next().is_none(),
    },
    Predicate {
        id: "SIM-14",
        title: "no message of the negotiation reaches the layer above, and nothing of that reaches the negotiation",
        holds: |ledger| {
            let applies = ledger.pair.is_promised() && !ledger.pair.is_lost_bet();
            !applies || honest(ledger).all(|(_, record)| keeps_the_boundary(record))
        },
    },
    Predicate {
        id: "SIM-15",
        title: "the layer above says nothing before role and protocol are settled",
        holds: |ledger| honest(ledger).all(|(end, record)| !record.upper.early || ledger.pair.kind(end) == Kind::Lazy),
    },
    Predicate {
        id: "SIM-16",
        title: "nothing is said after a failure or a close, and nothing is negotiated after an end",
        holds: |ledger| honest(ledger).all(|(_, record)| !record.late),
    },
    Predicate {
        id: "SIM-17",
        title: "the layer above acts in the role that was negotiated",
        holds: |ledger| {
            settled(ledger).all(|(end, role, _)| ledger.end(end).upper.sent.is_none_or(|sent| sent == role))
        },
    },
    Predicate {
        id: "SIM-18",
        title: "a number that is not a canonical decimal of 64 bits ends the negotiation",
        holds: |ledger| {
            honest(ledger).all(|(_, record)| !record.heard.contains(&Token::BadSelect) || record.failure().is_some())
        },
    },
    Predicate {
        id: "SIM-19",
        title: "with a listener the extension costs no flight",
        holds: |ledger| !with_listener(ledger) || settled(ledger).all(|(end, ..)| flights(ledger, end, 2)),
    },
    Predicate {
        id: "SIM-20",
        title: "two ends that both speak the extension need four flights, and two for each protocol declined",
        holds: |ledger| {
            let both = ledger.pair.is_of(Kind::Simopen, Kind::Simopen);
            !both || settled(ledger).all(|(end, ..)| flights(ledger, end, 4))
        },
    },
    Predicate {
        id: "SIM-21",
        title: "a tie is known after two flights: whoever reports it said its number last",
        holds: |ledger| {
            honest(ledger).all(|(_, record)| {
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
pub(super) fn honest(ledger: &Ledger) -> impl Iterator<Item = (End, &EndRecord)> {
    ledger.honest().map(|end| (end, ledger.end(end)))
}

/// The ends that settled, with role and protocol.
pub(super) fn settled(ledger: &Ledger) -> impl Iterator<Item = (End, Role, super::Name)> {
    honest(ledger).filter_map(|(end, record)| record.settled().map(|(role, name)| (end, role, name)))
}

pub(super) fn agree(ledger: &Ledger) -> bool {
    match (ledger.left.settled(), ledger.right.settled()) {
        (Some((left, ours)), Some((right, theirs))) => left == right.opposite() && ours == theirs,
        (Some(_), None) | (None, Some(_)) | (None, None) => true,
    }
}

fn initiator(end: End, role: Role) -> End {
    match role {
        Role::Initiator => end,
        Role::Responder => end.other(),
    }
}

fn both_support(ledger: &Ledger) -> bool {
    settled(ledger).all(|(end, _, name)| {
        let supports = |end| ledger.pair.party(end).protocols.contains(&name);
        supports(end) && (!ledger.pair.is_promised() || supports(end.other()))
    })
}

fn preferred(ledger: &Ledger) -> bool {
    let is_choice = |(end, role, name)| {
        let choice = ledger.pair.choice(initiator(end, role));
        choice.is_some_and(|(_, chosen)| chosen == name)
    };
    !ledger.pair.is_promised() || settled(ledger).all(is_choice)
}

fn ties_fail(ledger: &Ledger) -> bool {
    if !ledger.pair.is_of(Kind::Simopen, Kind::Simopen) || ledger.left.started.is_none() {
        return true;
    }
    let tied = ledger.left.started == ledger.right.started;
    let is_right = |record: &EndRecord| match record.failure() {
        Some(Failure::Tie) => tied,
        Some(Failure::HungUp | Failure::Deadline) | None => true,
        Some(_) => !tied, // Every other failure: none of them is what equal numbers are called.
    };
    honest(ledger).all(|(_, record)| is_right(record)) && (!tied || settled(ledger).next().is_none())
}

fn keeps_the_boundary(record: &EndRecord) -> bool {
    let is_payload = |token: &Token| matches!(token, Token::Payload(_));
    !record.heard.iter().any(is_payload) && record.upper.received.as_ref().is_none_or(is_payload)
}

pub(super) fn with_listener(ledger: &Ledger) -> bool {
    [Kind::Simopen, Kind::Plain, Kind::Lazy].into_iter().any(|kind| ledger.pair.is_of(kind, Kind::Listener))
}

/// Whether the end settled after as many flights as it takes: `whole` for the initiator if its first protocol is chosen.
fn flights(ledger: &Ledger, end: End, whole: usize) -> bool {
    let super::Outcome::Settled { role, flights, .. } = ledger.end(end).outcome else { return true };
    let declined = ledger.pair.choice(initiator(end, role)).map_or(0, |(declined, _)| declined);
    let last = match role {
        Role::Initiator => whole,
        Role::Responder => whole - 1,
    };
    usize::from(flights) <= last + 2 * declined
}

fn nothing_in_common_is_reported(ledger: &Ledger) -> bool {
    let (left, right) = (&ledger.pair.left.protocols, &ledger.pair.right.protocols);
    let patience = usize::from(ledger.pair.patience);
    let negotiates = with_listener(ledger) || ledger.pair.is_of(Kind::Simopen, Kind::Simopen);
    let tied = ledger.pair.is_of(Kind::Simopen, Kind::Simopen) && ledger.left.started == ledger.right.started;
    let applies = negotiates
        && !ledger.pair.is_lost_bet()
        && choice(left, right).is_none()
        && left.len().max(right.len()) <= patience
        && !tied
        && !ledger.was_cut_short();
    !applies || honest(ledger).all(|(_, record)| matches!(record.failure(), None | Some(Failure::NothingInCommon)))
}
