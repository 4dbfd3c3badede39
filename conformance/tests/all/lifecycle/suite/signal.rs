//! The signal that the handshake completed: twice, and together with a disconnect.

use std::collections::BTreeSet;

use conformance::lifecycle::suite::{Heard, Node, Own, Scenario, Trial, paused};
use model::lifecycle::btcd::{Action, Bounds, Part, Task};

use crate::lifecycle::suite::trials::{PEER, set, try_all, try_as_predicted};

/// Nobody disconnects and no timer fires; the completion is signalled by two.
const TWICE: Scenario = Scenario {
    bounds: Bounds { second_verack: Part::Present, ..Bounds::BASE },
    given: &[Action::Verack(PEER), Action::SetFlag(PEER)],
    allows: |step| !matches!(step, Action::Disconnect(_) | Action::Expire(_)),
};

#[test]
fn t1_a_second_signal_panics_where_the_channel_is_closed_bare_and_changes_nothing_where_it_is_not() {
    let [before, fix1, fix2, merged, own] = try_all(&TWICE);
    // Before the watcher sent add there was no signal that could be given twice.
    for design in [before, fix1] {
        assert!(design.violated.is_empty());
    }
    assert!(fix2.violated.contains("PEER-17"), "close of closed channel");
    assert_eq!((&merged.violated, merged.by_subscriber()), (&set([]), set(["up"])));
    assert_eq!(own.by_subscriber(), set(["up"]));
}

/// The first remedy looks whether the channel is closed and then closes it; two callers at a time both find it open.
#[test]
fn t1_of_two_concurrent_signals_the_second_panics_where_somebody_checks_and_then_closes() {
    let (predicted, checked) = try_as_predicted("btcd-checked-signal", &TWICE);
    assert!(checked.violated.contains("PEER-17"));
    let (_, order) = predicted.counterexamples.iter().find(|(id, _)| *id == "PEER-17").expect("it is violated");
    let by_both = |task| order.contains(&Action::CloseVerAck(PEER, task));
    assert!(by_both(Task::Negotiation) && by_both(Task::Reader), "one alone finds it closed: {order:?}");
}

/// The handshake is complete and so is the disconnect; nobody has looked yet.
const BOTH_READY: Scenario = Scenario {
    bounds: Bounds::BASE,
    given: &[
        Action::Verack(PEER),
        Action::SetFlag(PEER),
        Action::SendAdd(PEER, Task::Negotiation),
        Action::OnVerAck(PEER, Task::Negotiation),
        Action::Report(PEER),
        Action::Started(PEER),
        Action::Disconnect(PEER),
        Action::CloseQuit(PEER, Task::Reader),
    ],
    allows: |_| true,
};

#[test]
fn t2_where_both_are_ready_the_outcome_is_a_matter_of_chance_in_each_design_with_a_select() {
    let [before, fix1, fix2, merged, _] = try_all(&BOTH_READY);
    assert_eq!(before.by_registry(), set(["up, down", "down, up"]), "the server loop has two channels to choose from");
    assert_eq!(fix1.by_registry(), set(["up, down"]), "one channel, and add is in it already");
    for design in [fix2, merged] {
        assert_eq!(design.by_registry(), set(["up, down", "down"]), "the watcher chooses");
    }
}

/// The end of a session that nobody heard of.
const UNHEARD: Heard = Heard { by_registry: "down", by_subscriber: "nothing" };

/// handfast decides before it announces: at whatever point of its handshake a session is, if it is told to end before it
/// is announced, nobody hears of it.
#[test]
fn t2_where_both_are_ready_handfast_announces_nobody() {
    assert_eq!(heard_where_both_are_ready(), BTreeSet::from([UNHEARD]));
}

fn heard_where_both_are_ready() -> BTreeSet<Heard> {
    let runtime = paused();
    let mut heard = BTreeSet::new();
    for (turns, disconnect_first) in (0..=2).flat_map(|turns| [(turns, false), (turns, true)]) {
        let mut trial = Trial::new(Own::new(&runtime, 4));
        let session = trial.node.connect();
        if disconnect_first {
            assert!(trial.node.disconnect(session));
            assert!(trial.node.complete_handshake(session));
        } else {
            assert!(trial.node.complete_handshake(session));
            // The verack is read, and the completion is signalled; what is left is the announcement.
            (0..turns).for_each(|_| assert!(trial.node.turn(Action::SetFlag(session))));
            assert!(trial.node.disconnect(session));
        }
        trial.rest();
        assert!(trial.violated().is_empty());
        heard.insert(Heard::in_all(trial.node.history()));
    }
    heard
}

/// The message of the third commit promised that the handshake comes first. The code that was merged does not keep it; a
/// biased select does. handfast promises the opposite, that nobody hears of who is known to go, and keeps that.
#[test]
fn t9_what_is_promised_where_both_are_ready_is_kept() {
    let promised = set(["up, down"]);
    let (_, merged) = try_as_predicted("btcd-merged", &BOTH_READY);
    assert_ne!(merged.by_registry(), promised);
    let (_, biased) = try_as_predicted("btcd-merged-biased", &BOTH_READY);
    assert_eq!(biased.by_registry(), promised);
    assert_eq!(heard_where_both_are_ready(), BTreeSet::from([UNHEARD]), "what handfast promises");
}
