//! The abstractions of the model of nodes, held to the parts that they stand for.

use std::collections::BTreeSet;

use handfast_spec::framed::{self, Ending as FramedEnding, Moment, Outcome, ReaderRecord, Shape};
use handfast_spec::node::{Dialed, Ending, Link, NodeId, Role, SocketRecord, State};
use handfast_spec::simopen::{Kind, Name, Nonce};
use model::checker::explore::Options;
use model::framed::Kernel;
use model::framed::handfast as frames;
use model::node::handfast::{Bounds, checked};
use model::simopen;

/// Two nodes and one connection.
const ONE: Bounds = Bounds {
    nodes: 2,
    worlds: &[&[BY_LEFT]],
    frames: 0,
    leaves: false,
    timers: true,
    bans: &[],
    stops: &[],
    crashes: &[],
};

const BY_LEFT: Link = dialed(Dialed::Left);

const fn dialed(dialed: Dialed) -> Link {
    Link { nodes: [NodeId(0), NodeId(1)], dialed, rank: 0 }
}

/// The two ends of the connection in every state that nodes reach within these bounds.
fn ends(bounds: &Bounds) -> Vec<[SocketRecord; 2]> {
    let graph = checked(bounds).explore(&Options::default());
    graph.states().map(|state| state.history.connections.get(0).ends).collect()
}

/// What the two ends of a negotiation come to: their roles, or nothing where one has failed.
type Roles = BTreeSet<[Option<Role>; 2]>;

/// What the model of simultaneous open comes to, whoever is interrupted.
fn negotiated(kinds: &'static [(Kind, Kind)]) -> Roles {
    let bounds = simopen::Bounds {
        kinds,
        protocols: &[(&[Name(0)], &[Name(0)])],
        capacities: &[[1, 1]],
        nonces: &[Nonce(0), Nonce(1)],
        tokens: &[],
        disturbed: true,
        ticks: 0,
        deafens: false,
    };
    let graph = simopen::checked(&bounds).explore(&Options::default());
    let histories = graph.states().map(|state| state.history);
    let ended = histories.filter(|history| history.left.has_ended() && history.right.has_ended());
    ended.map(|history| [history.left, history.right].map(|end| end.settled().map(|(role, _)| role))).collect()
}

/// What the abstraction comes to.
fn abstracted(worlds: &'static [&'static [Link]]) -> Roles {
    let is_over = |end: &SocketRecord| end.role.is_some() || end.state == State::Closed;
    let over = ends(&Bounds { worlds, ..ONE }).into_iter().filter(|ends| ends.iter().all(is_over));
    over.map(|ends| ends.map(|end| end.role)).collect()
}

#[test]
fn the_roles_of_a_connection_are_what_simultaneous_open_comes_to() {
    const CROSSED: &[&[Link]] =
        &[&[dialed(Dialed::Both(framed::End::Left))], &[dialed(Dialed::Both(framed::End::Right))]];
    let alone = |roles: &[Option<Role>; 2]| roles.contains(&None) && roles.contains(&Some(Role::Initiator));
    for (worlds, kinds) in
        [(CROSSED, &[(Kind::Simopen, Kind::Simopen)]), (&[&[BY_LEFT]], &[(Kind::Simopen, Kind::Listener)])]
    {
        let (abstracted, negotiated) = (abstracted(worlds), negotiated(kinds));
        assert!(negotiated.is_subset(&abstracted), "{negotiated:?} {abstracted:?}");
        // An initiator settles on what its responder has said last; the abstraction lets it settle before.
        assert!(abstracted.difference(&negotiated).all(alone), "{negotiated:?} {abstracted:?}");
    }
    let plain = negotiated(&[(Kind::Simopen, Kind::Listener)]);
    assert!(plain.len() > 2 && !plain.contains(&[Some(Role::Responder), Some(Role::Initiator)]), "{plain:?}");
    let wrong: Roles = [[Some(Role::Initiator); 2]].into();
    assert!(abstracted(CROSSED).is_disjoint(&wrong), "the comparison can fail");
}

/// What becomes of one direction: frames accepted and given, whether the sender was told that all has arrived, and whether
/// the reader was told that it has read all.
type Direction = (u32, u32, bool, bool);

/// What the model of framed connections comes to where both ends shut down, by one deadline.
fn shut_down() -> BTreeSet<[Direction; 2]> {
    const SOON: &[Moment] = &[Moment::Soon];
    let bounds = frames::Bounds {
        frames: [1, 1],
        shapes: &[Shape::Empty],
        kernel: Kernel { send: 2, receive: 4, purges: false, tells: true },
        keep: 4,
        discard: 4,
        answer: [None, None],
        shutdowns: [SOON, SOON],
        leaves: &[],
        abandons: &[],
        forgeries: [&[], &[]],
        cancels: false,
        moments: SOON,
    };
    let graph = frames::checked(&bounds).explore(&Options::default());
    let is_over = |end: &framed::EndRecord| end.closed && matches!(end.reader, ReaderRecord::Reported(_));
    let direction = |own: &framed::EndRecord, peer: &framed::EndRecord| {
        let has_all = peer.reader == ReaderRecord::Reported(FramedEnding::Marker);
        (own.accepted, peer.delivered, own.outcome == Some(Outcome::Clean), has_all)
    };
    let histories = graph.states().map(|state| state.history.ends);
    let over = histories.filter(|ends| ends.iter().all(is_over));
    over.map(|[left, right]| [direction(&left, &right), direction(&right, &left)]).collect()
}

/// What the abstraction comes to. Its report has the outcome of the sender and the marker of the peer in one.
fn abstracted_frames() -> BTreeSet<[Direction; 2]> {
    const BOTH: &[NodeId] = &[NodeId(0), NodeId(1)];
    let graph = checked(&Bounds { frames: 1, stops: BOTH, ..ONE }).explore(&Options::default());
    let over = graph.states().filter(|state| {
        let is_over = |end: &SocketRecord| end.state == State::Closed && end.was_up && end.ended.is_some();
        state.history.connections.get(0).ends.iter().all(is_over)
    });
    let direction = |own: SocketRecord, peer: SocketRecord, is_clean: bool| {
        (own.accepted, peer.delivered, is_clean, peer.ended == Some(Ending::Marker))
    };
    let of = |state: handfast_spec::Recorded<model::node::handfast::Handfast>| {
        let [left, right] = state.history.connections.get(0).ends;
        let [left_clean, right_clean] = state.machine.outcomes(0).map(|outcome| outcome == Some(true));
        [direction(left, right, left_clean), direction(right, left, right_clean)]
    };
    over.map(of).collect()
}

#[test]
fn what_becomes_of_frames_is_what_framed_connections_come_to() {
    let (frames, abstracted) = (shut_down(), abstracted_frames());
    let [missing, extra] =
        [frames.difference(&abstracted), abstracted.difference(&frames)].map(|it| it.collect::<Vec<_>>());
    assert!(missing.is_empty() && extra.is_empty(), "missing {missing:#?}\nextra {extra:#?}");
    assert!(frames.contains(&[(1, 1, true, true); 2]), "something arrives");
    assert!(frames.iter().any(|[left, _]| left.0 > left.1), "something is lost");
}
