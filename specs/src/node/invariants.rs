//! What holds in every reachable state, and what must be reachable: one function, one id, one title each.

use super::pairs::{has_wrong_roles, is_lost, pairs, rests, sessions};
use super::{ConnectionRecord, End, Ending, History, Phase, Role, SocketRecord, State, Violation};
use crate::lifecycle::Direction;
use crate::protocol::Predicate;

/// The rule that the system rests only where nothing is waited for.
pub const DEADLOCK: (&str, &str) =
    ("NODE-10", "no session waits for what cannot come: a state without any step is at rest");

/// What holds in every reachable state.
pub const INVARIANTS: &[Predicate<History>] = &[
    Predicate {
        id: "NODE-1",
        title: "at rest two nodes have at most one session, the same one at both",
        holds: |history| pairs(history).all(|pair| !rests(history, pair) || sessions(history, pair) <= 1),
    },
    Predicate {
        id: "NODE-2",
        title: "two nodes that nothing disturbed have a session at rest",
        holds: |history| {
            let has_one = |pair| !rests(history, pair) || sessions(history, pair) > 0;
            history.disturbed || pairs(history).all(has_one)
        },
    },
    Predicate {
        id: "NODE-3",
        title: "the ends of a connection are told opposite roles",
        holds: |history| !has_wrong_roles(history),
    },
    Predicate {
        id: "NODE-4",
        title: "a subscriber hears Up, then Down, of a session, and of the next one with the same peer only then",
        holds: |history| !history.has(Violation::Unpaired) && !history.has(Violation::TwoAtOnce),
    },
    Predicate {
        id: "NODE-5",
        title: "no frame whose arrival was promised is lost, also in a session that loses a tie",
        holds: |history| {
            let connections = history.connections.iter().enumerate();
            !connections.into_iter().any(|(it, _)| End::BOTH.iter().any(|&end| is_lost(history, it, end)))
        },
    },
    Predicate {
        id: "NODE-6",
        title: "each connection is closed once at each end, after the Down of its session",
        holds: |history| !history.has(Violation::ClosedWrongly),
    },
    Predicate {
        id: "NODE-7",
        title: "a session is announced only when its role is settled and its peer's key is proven",
        holds: |history| !history.has(Violation::UpTooEarly),
    },
    Predicate {
        id: "NODE-8",
        title: "a tie is decided only between sessions whose peer's key is proven",
        holds: |history| !history.has(Violation::DecidedTooEarly),
    },
    Predicate {
        id: "NODE-9",
        title: "a ban ends the sessions with the banned peer, and no others",
        holds: |history| {
            let escapes = |record: &SocketRecord| record.is_up && !record.ending && is_banned(history, record);
            !history.has(Violation::WrongOneToldToEnd) && !history.sockets().any(|(_, record)| escapes(record))
        },
    },
    Predicate {
        id: "NODE-11",
        title: "a node that has shut down has announced every Down and closed every connection, and announces nothing more",
        holds: |history| !history.has(Violation::StoppedTooEarly) && !history.has(Violation::UpAfterStop),
    },
];

fn is_banned(history: &History, record: &SocketRecord) -> bool {
    history.nodes.get(record.node().index()).has_banned(record.peer())
}

/// What must be reachable.
pub const WITNESSES: &[Predicate<History>] = &[
    Predicate {
        id: "NODE-16",
        title: "a session that both ends announced loses a tie, and all its frames arrive",
        holds: |history| {
            let is_drained =
                |record: &SocketRecord| record.beaten && record.report == Some(true) && record.accepted > 0;
            history.connections.iter().any(|connection| {
                connection.ends.iter().all(|record| record.was_up) && connection.ends.iter().any(is_drained)
            })
        },
    },
    Predicate {
        id: "NODE-17",
        title: "a session that one end alone announced reports that frames may be lost, and they are",
        holds: |history| {
            any_connection(history, |own, peer| {
                let is_lost = peer.state == State::Closed && !peer.was_up && own.accepted > 0;
                is_lost && own.report == Some(false)
            })
        },
    },
    Predicate {
        id: "NODE-18",
        title: "a node that dialed is the responder, and both ends are announced",
        holds: |history| {
            let is_so = |own: &SocketRecord| own.direction == Direction::Outbound && own.role == Some(Role::Responder);
            any_connection(history, |own, peer| is_so(own) && own.is_up && peer.is_up)
        },
    },
    Predicate {
        id: "NODE-19",
        title: "a tie is broken, and one session is left at both ends",
        holds: |history| {
            history.sockets().any(|(_, record)| record.beaten)
                && pairs(history).any(|pair| rests(history, pair) && sessions(history, pair) == 1)
        },
    },
    Predicate {
        id: "NODE-20",
        title: "a session with a banned peer has ended, after it was announced",
        holds: |history| {
            let has_ended = |record: &SocketRecord| record.was_up && record.state == State::Closed;
            history.sockets().any(|(_, record)| has_ended(record) && is_banned(history, record))
        },
    },
    Predicate {
        id: "NODE-21",
        title: "a node has shut down, and its peer was given every frame",
        holds: |history| {
            let has_stopped = |record: &SocketRecord| history.nodes.get(record.node().index()).phase == Phase::Stopped;
            any_connection(history, |own, peer| {
                has_stopped(own) && own.accepted > 0 && peer.delivered == own.accepted && own.report == Some(true)
            })
        },
    },
    Predicate {
        id: "NODE-22",
        title: "a body is told that its peer is gone, and not by its marker",
        holds: |history| history.sockets().any(|(_, record)| record.ended == Some(Ending::Gone)),
    },
    Predicate {
        id: "NODE-23",
        title: "a node that was killed and started again has a session",
        holds: |history| {
            history.sockets().any(|(_, record)| record.is_up && history.nodes.get(record.node().index()).restarted)
        },
    },
];

/// Whether this is so of some end and the other end of its connection.
fn any_connection(history: &History, is_so: impl Fn(&SocketRecord, &SocketRecord) -> bool) -> bool {
    let of = |ConnectionRecord { ends: [left, right] }: &ConnectionRecord| is_so(left, right) || is_so(right, left);
    history.connections.iter().any(of)
}
