//! The specification's table of btcd's designs, and the race that it is about.

use handfast_spec::lifecycle::{Event as Heard, Output, SELECTOR, Stream};
use handfast_spec::{Observation, Protocol};
use model::lifecycle::btcd::{
    Action, Bounds, Btcd, Channels, Event, Gate, Guard, Historical, Message, Part, Ready, Select, Switches, Task,
    Teller,
};

use super::{PEER, States, explored, numbers, violated};

/// Where a dead peer gets stuck, and where the rules of the table's other columns are first broken, in steps.
struct Row {
    switches: Switches,
    /// The server loop has handled the end, and the sync manager takes the peer for live and always will.
    stuck: Option<usize>,
    /// The server loop received done before add.
    done_before_add: Option<usize>,
    /// The sync manager heard of the end before the coming.
    down_before_up: Option<usize>,
    /// The sync manager heard of the end of a peer that it does not know.
    down_of_unknown: Option<usize>,
}

const fn row(switches: Switches, columns: [usize; 4]) -> Row {
    const fn steps(number: usize) -> Option<usize> {
        if number == 0 { None } else { Some(number) }
    }
    let [stuck, done_before_add, down_before_up, down_of_unknown] = columns;
    Row {
        switches,
        stuck: steps(stuck),
        done_before_add: steps(done_before_add),
        down_before_up: steps(down_before_up),
        down_of_unknown: steps(down_of_unknown),
    }
}

const fn unguarded(switches: Switches) -> Switches {
    Switches { guard: Guard::Absent, ..switches }
}

const V1: Switches = Switches { teller: Teller::Watcher, gate: Gate::VerAck, ..Switches::MERGED };
const V2: Switches = Switches { channels: Channels::Two, ..Switches::MERGED };
const V2_REGISTERED: Switches = Switches { gate: Gate::Registered, ..V2 };
const V2_V3: Switches = Switches { channels: Channels::Two, ..Switches::FIX1 };
const SOLE_SENDER_REGISTERED: Switches = Switches { gate: Gate::Registered, ..Switches::MERGED };

/// Zero: never. The reference's numbers, where it prints one, are the same, with one exception: it has 18 steps to the
/// stuck peer of `V2_REGISTERED`, because its watcher writes `peerAdded` also where nobody reads it.
const TABLE: [Row; 16] = [
    row(Switches::BEFORE, [17, 10, 15, 9]),
    row(unguarded(Switches::BEFORE), [15, 10, 15, 9]),
    row(V1, [19, 0, 17, 10]),
    row(unguarded(V1), [19, 0, 17, 10]),
    row(V2, [0, 15, 0, 15]),
    row(unguarded(V2), [20, 15, 20, 15]),
    row(unguarded(V2_REGISTERED), [17, 13, 0, 0]),
    row(V2_V3, [0, 11, 0, 11]),
    row(unguarded(V2_V3), [15, 11, 17, 11]),
    row(Switches::FIX1, [0, 11, 0, 11]),
    row(unguarded(Switches::FIX1), [15, 11, 17, 11]),
    row(Switches::FIX2, [0, 0, 0, 12]),
    row(Switches::MERGED, [0, 0, 0, 17]),
    row(unguarded(Switches::MERGED), [0, 0, 0, 0]),
    row(Switches { select: Select::Biased, ..Switches::MERGED }, [0, 0, 0, 17]),
    row(SOLE_SENDER_REGISTERED, [0, 0, 0, 0]),
];

#[test]
fn the_table_of_the_specification_holds_in_little_and_in_more_room() {
    for bounds in [Bounds::BASE, Bounds::ROOMY] {
        for row in &TABLE {
            let graph = explored(row.switches, bounds);
            assert_eq!(steps_to_stuck(&graph), row.stuck, "{:?}", row.switches);
            assert_eq!(steps_to_break(&graph, "PEER-1"), row.done_before_add, "{:?}", row.switches);
            assert_eq!(steps_to_break(&graph, "PEER-3"), row.down_before_up, "{:?}", row.switches);
            assert_eq!(steps_to_break(&graph, "PEER-4"), row.down_of_unknown, "{:?}", row.switches);
        }
    }
    let rejecting = Bounds { rejects: Part::Present, ..Bounds::BASE };
    assert_eq!(violated(&explored(SOLE_SENDER_REGISTERED, rejecting)), [""; 0]);
}

fn steps_to_break(graph: &States, id: &str) -> Option<usize> {
    let rule = Historical::INVARIANTS.iter().find(|rule| rule.id == id).expect("there is such a rule");
    graph.first(|state| !(rule.holds)(&state.history)).map(|state| graph.depth_of(state))
}

/// The steps to the nearest state in which the server loop has handled the end of the peer and from which no state is
/// reachable in which the sync manager does not take it for live.
fn steps_to_stuck(graph: &States) -> Option<usize> {
    let believed = |state: u32| graph.state(state).history.selector_believes(PEER);
    let mut escapes: Vec<bool> = numbers(graph).map(|state| !believed(state)).collect();
    // The graph has no cycles; a few passes against its order settle what is reachable.
    loop {
        let before = escapes.iter().filter(|escapes| **escapes).count();
        for state in numbers(graph).rev() {
            escapes[state as usize] |= graph.steps(state).any(|step| escapes[step.target as usize]);
        }
        if escapes.iter().filter(|escapes| **escapes).count() == before {
            break;
        }
    }
    let end_handled = |state: u32| {
        let heard = graph.state(state).history.sessions.get(PEER.index()).registry;
        heard.is_ended() || heard.is_late()
    };
    numbers(graph).find(|&state| !escapes[state as usize] && end_handled(state)).map(|state| graph.depth_of(state))
}

/// Vector 1, step by step as it was told: the server loop looks whether the peer is connected, and tells the sync
/// manager of it after the sync manager was told of its end.
#[test]
fn the_race_of_two_loops_takes_the_seventeen_steps_that_are_told() {
    let race = [
        Action::Verack(PEER),
        Action::SetFlag(PEER),
        Action::SendAdd(PEER, Task::Negotiation),
        Action::Receive(PEER, Event::Add),
        Action::Guard(PEER),
        Action::Disconnect(PEER),
        Action::CloseQuit(PEER, Task::Reader),
        Action::Wake(PEER, Ready::Quit),
        Action::SendDone(PEER),
        Action::WatcherGate(PEER),
        Action::DonePeer(PEER, Task::Watcher),
        Action::Insert(PEER),
        Action::Handle(Message::DonePeer(PEER)),
        Action::NewPeer(PEER, Task::Server),
        Action::Receive(PEER, Event::Done),
        Action::Delete(PEER),
        Action::Handle(Message::NewPeer(PEER)),
    ];
    let mut node = Btcd::recorded(Switches::BEFORE, Bounds::BASE);
    let mut last = Observation::Accepted(vec![]);
    for action in race {
        last = node.step(&action);
        assert!(!last.is_refused(), "{action}");
    }
    let told = vec![Output::Heard(SELECTOR, Heard::Up(PEER)), Output::Heeded(PEER), Output::Active(Some(PEER))];
    assert_eq!(last, Observation::Accepted(told));
    assert_eq!(node.history.heard(SELECTOR, PEER), Stream::Late);
    assert!(!node.history.sessions.get(PEER.index()).registered);

    let graph = explored(Switches::BEFORE, Bounds::BASE);
    assert!(graph.states().any(|state| state == node));
    assert_eq!(steps_to_stuck(&graph), Some(race.len()), "no shorter way leads there");
}
