//! What two nodes have come to.

use super::{End, History, NodeId, Role, SocketRecord, State};

/// The connections of two nodes of which an end was opened, each with its left and its right end.
fn connections(history: &History, pair: [NodeId; 2]) -> impl Iterator<Item = [SocketRecord; 2]> {
    let is_of_pair = move |record: &SocketRecord| {
        let [node, peer] = record.nodes;
        record.state != State::Unopened && ([node, peer] == pair || [peer, node] == pair)
    };
    history.connections.iter().map(|connection| connection.ends).filter(move |ends| ends.iter().any(is_of_pair))
}

/// The pairs of nodes with a connection, each once.
pub(super) fn pairs(history: &History) -> impl Iterator<Item = [NodeId; 2]> {
    let pair = |record: &SocketRecord| {
        let [node, peer] = record.nodes;
        [node.min(peer), node.max(peer)]
    };
    let all = history.sockets().map(move |(_, record)| pair(record));
    all.clone()
        .enumerate()
        .filter(move |(index, pair)| !all.clone().take(*index).any(|it| it == *pair))
        .map(|(_, it)| it)
}

/// Whether an end neither begins nor ends: its session is announced and goes on, or it is closed.
fn is_settled(record: &SocketRecord) -> bool {
    match record.state {
        State::Unopened => false,
        State::Open => record.is_up && !record.ending,
        State::Closed => true,
    }
}

/// Whether no connection of the two nodes begins or ends, as far as each end was told, and none is open at one end alone.
pub(super) fn rests(history: &History, pair: [NodeId; 2]) -> bool {
    connections(history, pair).all(|[left, right]| is_settled(&left) && is_settled(&right) && left.state == right.state)
}

/// How many sessions two nodes have at rest.
pub(super) fn sessions(history: &History, pair: [NodeId; 2]) -> usize {
    connections(history, pair).filter(|[left, right]| left.is_up && right.is_up).count()
}

/// Whether the ends of some connection were told roles that are not opposite.
pub(super) fn has_wrong_roles(history: &History) -> bool {
    let wrong = |[left, right]: &[SocketRecord; 2]| match (left.role, right.role) {
        (Some(Role::Initiator), Some(Role::Initiator)) | (Some(Role::Responder), Some(Role::Responder)) => true,
        (Some(Role::Initiator) | None, Some(Role::Responder) | None)
        | (Some(Role::Responder), Some(Role::Initiator) | None)
        | (None, Some(Role::Initiator)) => false,
    };
    history.connections.iter().any(|connection| wrong(&connection.ends))
}

/// Whether every connection of two nodes was opened at both ends.
pub(super) fn are_whole(history: &History, pair: [NodeId; 2]) -> bool {
    connections(history, pair).all(|ends| ends.iter().all(|record| record.state != State::Unopened))
}

/// Whether the frames of an end were promised to have arrived, and the body that read to the end, or that never was, was
/// not given all of them.
pub(super) fn is_lost(history: &History, connection: usize, end: End) -> bool {
    let ends = history.connections.get(connection).ends;
    let (own, peer) = (ends[end.index()], ends[end.peer().index()]);
    let is_for_good = peer.state == State::Closed || peer.ended.is_some();
    let reads_on = match peer.ended {
        Some(super::Ending::Marker) => true,
        Some(super::Ending::Gone | super::Ending::Deadline) => false,
        None => !peer.was_up,
    };
    own.report == Some(true) && is_for_good && reads_on && peer.delivered < own.accepted
}
