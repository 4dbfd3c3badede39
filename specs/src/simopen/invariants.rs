//! What holds in every reachable state: one function, one id, one title each.

use super::{End, EndRecord, Failure, History, Kind, Name, Outcome, Role, Roles, Token, choice, scripts};
use crate::protocol::Predicate;

/// The rule that the system rests only where no end waits.
pub const DEADLOCK: (&str, &str) = ("SIM-23", "two ends that keep to the protocol never wait for each other");

/// What holds in every reachable state.
pub const INVARIANTS: &[Predicate<History>] = &[
    Predicate {
        id: "SIM-1",
        title: "two ends that both settle have opposite roles and the same protocol",
        holds: |history| SIM_1.iter().all(|part| (part.holds)(history)),
    },
    Predicate {
        id: "SIM-2",
        title: "two ends never take the same role, not even for a while",
        holds: |history| {
            let (left, right) = (history.left.role(), history.right.role());
            !history.pair.is_promised() || left.is_none() || left != right
        },
    },
    Predicate {
        id: "SIM-3",
        title: "what is settled on is supported by both ends",
        holds: |history| SIM_3.iter().all(|part| (part.holds)(history)),
    },
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
    Predicate {
        id: "SIM-6",
        title: "equal numbers settle nothing, and both ends call them a tie",
        holds: |history| SIM_6.iter().all(|part| (part.holds)(history)),
    },
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
        title: "an end hears no more messages than it could need, whatever the peer does",
        holds: |history| honest(history).all(|(end, record)| record.heard.len() <= scripts::most(&history.pair, end)),
    },
    Predicate {
        id: "SIM-9",
        title: "an end says no more messages than it could need, whatever the peer does",
        holds: |history| honest(history).all(|(end, record)| record.said.len() <= scripts::most(&history.pair, end)),
    },
    Predicate {
        id: "SIM-10",
        title: "an end takes a role once",
        holds: |history| honest(history).all(|(_, record)| !matches!(record.roles, Roles::Several(_))),
    },
    Predicate {
        id: "SIM-11",
        title: "an end settles only on what it heard every proof of, whatever the peer does",
        holds: |history| SIM_11.iter().all(|part| (part.holds)(history)),
    },
    Predicate {
        id: "SIM-12",
        title: "an end that settles said exactly what its role says, as far as it was taken, whatever the peer does",
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
        holds: |history| SIM_14.iter().all(|part| (part.holds)(history)),
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
        title: "a number that is not a canonical decimal of 64 bits ends the negotiation of an end that does not serve",
        holds: |history| {
            honest(history).all(|(end, record)| {
                let served = scripts::served(history, end).map_or(0, <[Token]>::len);
                let others = &record.heard[..record.heard.len() - served];
                !others.contains(&Token::BadSelect) || record.failure().is_some()
            })
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
        title: "a tie is known after two flights: an end that reports it said its number, once and last",
        holds: |history| SIM_21.iter().all(|part| (part.holds)(history)),
    },
    Predicate {
        id: "SIM-22",
        title: "where nothing is in common, that is what both ends report",
        holds: nothing_in_common_is_reported,
    },
    Predicate {
        id: "SIM-42",
        title: "an end that serves proposals declines what it does not support, whatever that is",
        holds: |history| {
            whole(history).all(|(end, record)| {
                scripts::served(history, end).is_none() || record.failure() != Some(Failure::Unexpected)
            })
        },
    },
    Predicate {
        id: "SIM-43",
        title: "a deadline is a total: whatever an end hears and says, it ends by it",
        holds: |history| honest(history).all(|(_, record)| record.ticks <= history.pair.ticks),
    },
    Predicate {
        id: "SIM-44",
        title: "an end reports that nothing is in common only after a proposal was declined",
        holds: |history| {
            whole(history).all(|(end, record)| {
                let declined = record.heard.contains(&Token::Na);
                let declines = scripts::served(history, end).is_some_and(|served| !served.is_empty());
                record.failure() != Some(Failure::NothingInCommon) || declined || declines
            })
        },
    },
    Predicate {
        id: "SIM-45",
        title: "an end that has heard every proof fails at its deadline alone, also if nothing more that it says is taken",
        holds: |history| {
            whole(history).all(|(end, record)| {
                matches!(record.failure(), None | Some(Failure::Deadline)) || !scripts::has_heard_all(history, end)
            })
        },
    },
];

/// One of the conditions that a rule comes to.
///
/// A test leaves out each of them in turn: some design must then be judged otherwise.
pub struct Part {
    /// The id of the rule.
    pub rule: &'static str,
    /// The condition.
    pub title: &'static str,
    /// Whether it holds of a history.
    pub holds: fn(&History) -> bool,
}

const fn part(rule: &'static str, title: &'static str, holds: fn(&History) -> bool) -> Part {
    Part { rule, title, holds }
}

/// The parts of every rule that has several.
pub const PARTS: &[&[Part]] = &[SIM_1, SIM_3, SIM_6, SIM_11, SIM_14, SIM_21];

const SIM_1: &[Part] = &[
    part("SIM-1", "roles are opposite", |history| agree(history, |(left, _), (right, _)| left == right.opposite())),
    part("SIM-1", "the protocol is the same", |history| agree(history, |(_, left), (_, right)| left == right)),
];

const SIM_3: &[Part] = &[
    part("SIM-3", "the end supports it", |history| {
        settled(history).all(|(end, _, name)| history.pair.supports(end, name))
    }),
    part("SIM-3", "the other end supports it", |history| {
        !history.pair.is_promised() || settled(history).all(|(end, _, name)| history.pair.supports(end.peer(), name))
    }),
];

const SIM_6: &[Part] = &[
    part("SIM-6", "equal numbers are a tie at both ends, unless one is cut short", |history| {
        !tied(history) || End::BOTH.into_iter().all(|end| takes_for_tie(history, end))
    }),
    part("SIM-6", "only equal numbers are a tie", |history| {
        let both = history.pair.is_of(Kind::Simopen, Kind::Simopen);
        !both || tied(history) || honest(history).all(|(_, record)| record.failure() != Some(Failure::Tie))
    }),
];

const SIM_11: &[Part] = &[
    part("SIM-11", "the header came first", |history| proofs(history, |proof| proof.header)),
    part("SIM-11", "the peer declined the extension, or selected", |history| proofs(history, |proof| proof.opened)),
    part("SIM-11", "the numbers decide so", |history| proofs(history, |proof| proof.decided)),
    part("SIM-11", "the peer takes the other role", |history| proofs(history, |proof| proof.opposite)),
    part("SIM-11", "the last message is the protocol", |history| proofs(history, |proof| proof.last)),
    part("SIM-11", "all before an acceptance declined", |history| proofs(history, |proof| proof.declined)),
    part("SIM-11", "what is accepted was proposed last", |history| proofs(history, |proof| proof.proposed)),
    part("SIM-11", "no proposal before was supported", |history| proofs(history, |proof| proof.first)),
    part("SIM-11", "the proposal is supported", |history| proofs(history, |proof| proof.supported)),
];

const SIM_14: &[Part] = &[
    part("SIM-14", "the negotiation hears nothing of the layer above", |history| {
        boundaries(history).all(|record| !record.heard.iter().any(is_payload))
    }),
    part("SIM-14", "the layer above receives nothing of the negotiation", |history| {
        boundaries(history).all(|record| record.upper.received.as_ref().is_none_or(is_payload))
    }),
];

const SIM_21: &[Part] = &[
    part("SIM-21", "the number is the last that was said, if it was taken", |history| {
        ties(history).all(|record| record.broken || record.said.last().copied() == record.started.map(Token::Select))
    }),
    part("SIM-21", "the number was said once", |history| {
        ties(history).all(|record| record.said.iter().filter(|token| matches!(token, Token::Select(_))).count() <= 1)
    }),
];

/// The ends to which something is promised.
pub(super) fn honest(history: &History) -> impl Iterator<Item = (End, &EndRecord)> {
    history.honest().map(|end| (end, history.end(end)))
}

/// The ends of which everything that they heard is known: of what is more than they could need the history keeps no more.
fn whole(history: &History) -> impl Iterator<Item = (End, &EndRecord)> {
    honest(history).filter(|(end, record)| record.heard.len() <= scripts::most(&history.pair, *end))
}

/// The ends that settled, with role and protocol.
pub(super) fn settled(history: &History) -> impl Iterator<Item = (End, Role, Name)> {
    honest(history).filter_map(|(end, record)| record.settled().map(|(role, name)| (end, role, name)))
}

/// Whether two ends that are promised an agreement and both settled settled alike.
fn agree(history: &History, alike: impl Fn((Role, Name), (Role, Name)) -> bool) -> bool {
    match (history.left.settled(), history.right.settled()) {
        (Some(left), Some(right)) => !history.pair.is_promised() || alike(left, right),
        (Some(_), None) | (None, Some(_)) | (None, None) => true,
    }
}

/// Whether what was proved to every end that settled is enough.
fn proofs(history: &History, is_enough: impl Fn(scripts::Proof) -> bool) -> bool {
    settled(history).all(|(end, role, name)| is_enough(scripts::proof(history, end, role, name)))
}

fn initiator(end: End, role: Role) -> End {
    match role {
        Role::Initiator => end,
        Role::Responder => end.peer(),
    }
}

fn preferred(history: &History) -> bool {
    let is_choice = |(end, role, name)| {
        let choice = history.pair.choice(initiator(end, role));
        choice.is_some_and(|(_, chosen)| chosen == name)
    };
    !history.pair.is_promised() || settled(history).all(is_choice)
}

/// Whether two ends that both speak the extension started with equal numbers.
fn tied(history: &History) -> bool {
    let both = history.pair.is_of(Kind::Simopen, Kind::Simopen);
    both && history.left.started.is_some() && history.left.started == history.right.started
}

/// Whether an end with the same number as its peer came to nothing else than a tie.
fn takes_for_tie(history: &History, end: End) -> bool {
    match history.end(end).outcome {
        Outcome::Pending | Outcome::Failed(Failure::Tie | Failure::Deadline) => true,
        Outcome::Failed(Failure::HungUp) => history.end(end.peer()).was_cut_short(),
        Outcome::Settled { .. } | Outcome::Failed(_) => false,
    }
}

/// The ends that report a tie.
fn ties(history: &History) -> impl Iterator<Item = &EndRecord> {
    honest(history).map(|(_, record)| record).filter(|record| record.failure() == Some(Failure::Tie))
}

/// The ends to which an exact boundary between the negotiation and the layer above is promised.
fn boundaries(history: &History) -> impl Iterator<Item = &EndRecord> {
    let applies = history.pair.is_promised() && !history.pair.is_lost_bet();
    honest(history).map(|(_, record)| record).filter(move |_| applies)
}

fn is_payload(token: &Token) -> bool {
    matches!(token, Token::Payload(_))
}

pub(super) fn with_listener(history: &History) -> bool {
    [Kind::Simopen, Kind::Plain, Kind::Lazy].into_iter().any(|kind| history.pair.is_of(kind, Kind::Listener))
}

/// Whether the end settled after as many flights as it takes: `whole` for the initiator if its first protocol is chosen.
fn flights(history: &History, end: End, whole: usize) -> bool {
    let Outcome::Settled { role, flights, .. } = history.end(end).outcome else { return true };
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
