//! What must happen, and under which fairness.

use super::pairs::{are_whole, pairs, rests, sessions};
use super::{Component, History, Node, NodeId, Phase, SocketRecord, State};
use crate::protocol::Goal;

/// What must happen, and under which fairness it is promised.
pub(super) const GOALS: &[Goal<Node>] = &[
    Goal {
        id: "NODE-12",
        title: "a connection that one end has closed, or whose session is to end at one end, is closed at both",
        trigger: |history| any_connection(history, is_ending),
        outcome: |history| !any_connection(history, is_ending),
        fair: |_| true,
        assumes: "every task, body and timer of a session",
    },
    Goal {
        id: "NODE-13",
        title: "two nodes that nothing disturbs come to rest with a session, without any timer",
        trigger: |history| pairs(history).any(|pair| owes_session(history, pair)),
        outcome: |history| !pairs(history).any(|pair| owes_session(history, pair)),
        fair: |component| !matches!(component, Component::Timer(_)),
        assumes: "every task and body of a session, no timer",
    },
    Goal {
        id: "NODE-14",
        title: "a node that has shut down or was killed is gone from the others",
        trigger: |history| any_connection(history, outlives),
        outcome: |history| !any_connection(history, outlives),
        fair: |_| true,
        assumes: "every task, body and timer of a session",
    },
    Goal {
        id: "NODE-15",
        title: "the shutdown of a node completes, or the node is killed",
        trigger: is_stopping,
        outcome: |history| !is_stopping(history),
        fair: |_| true,
        assumes: "every task, body and timer of a session, and the shutdown of each node",
    },
];

/// Whether this is so of some end and the other end of its connection.
fn any_connection(history: &History, is_so: fn(&History, &SocketRecord, &SocketRecord) -> bool) -> bool {
    history.connections.iter().any(|connection| {
        let [left, right] = &connection.ends;
        is_so(history, left, right) || is_so(history, right, left)
    })
}

/// Whether an end is open that is not to stay so.
fn is_ending(_: &History, own: &SocketRecord, peer: &SocketRecord) -> bool {
    own.state == State::Open && (own.ending || peer.state == State::Closed)
}

/// Whether a session is announced with a node that is gone.
fn outlives(history: &History, own: &SocketRecord, peer: &SocketRecord) -> bool {
    let is_gone = match history.nodes.get(own.peer().index()).phase {
        Phase::Running | Phase::Stopping => false,
        Phase::Stopped | Phase::Crashed => true,
    };
    own.is_up && peer.state == State::Closed && is_gone
}

/// Whether a session of two nodes is to come.
fn owes_session(history: &History, pair: [NodeId; 2]) -> bool {
    let has_one = rests(history, pair) && sessions(history, pair) == 1;
    !history.disturbed && are_whole(history, pair) && !has_one
}

fn is_stopping(history: &History) -> bool {
    history.nodes.iter().any(|node| node.phase == Phase::Stopping)
}
