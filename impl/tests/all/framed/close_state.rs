//! The end of our direction, without a driver.

use handfast::framed::{CloseState, Delivery, NextStep, Outcome};

fn closed(deadline: u32) -> CloseState<u32> {
    let mut ending = CloseState::new();
    assert!(ending.begin(deadline));
    ending.written();
    ending.closed();
    assert_eq!(ending.next_step(), NextStep::Watch);
    ending
}

#[test]
fn the_duties_come_one_after_the_other() {
    let mut ending = CloseState::new();
    assert_eq!((ending.next_step(), ending.deadline()), (NextStep::None, None));
    // Nothing happens out of turn.
    ending.written();
    ending.closed();
    ending.watched(Delivery::Outstanding(0), true);
    ending.expired(1, Delivery::Unknown);
    ending.broken(1);
    assert_eq!(ending, CloseState::new());

    assert!(ending.begin(7));
    assert_eq!(ending.next_step(), NextStep::Write);
    ending.closed();
    ending.watched(Delivery::Outstanding(0), true);
    assert_eq!(ending.next_step(), NextStep::Write, "that nothing is outstanding says nothing yet");
    ending.written();
    assert_eq!(ending.next_step(), NextStep::Close);
    ending.watched(Delivery::Outstanding(0), true);
    ending.closed();
    assert_eq!(ending.next_step(), NextStep::Watch);
    ending.watched(Delivery::Outstanding(3), false);
    assert_eq!(ending.next_step(), NextStep::Watch);
    ending.watched(Delivery::Outstanding(0), false);
    assert_eq!(ending.next_step(), NextStep::Done(Outcome::Clean));
}

#[test]
fn a_deadline_only_shrinks() {
    let mut ending = closed(10);
    for (asked, holds) in [(20, 10), (5, 5), (7, 5), (u32::MAX, 5), (0, 0)] {
        assert!(!ending.begin(asked), "it has begun");
        assert_eq!(ending.deadline(), Some(holds));
    }
}

#[test]
fn the_peers_end_proves_nothing_where_acknowledgements_can_be_seen() {
    let mut ending = closed(1);
    ending.watched(Delivery::Outstanding(1), true);
    assert_eq!(ending.next_step(), NextStep::Watch);
    ending.expired(0, Delivery::Outstanding(1));
    assert_eq!(ending.next_step(), NextStep::Done(Outcome::Unacknowledged { bytes: 1 }));
}

#[test]
fn the_deadline_tells_what_is_known_then() {
    let mut writing = CloseState::new();
    writing.begin(1);
    writing.expired(9, Delivery::Outstanding(0));
    assert_eq!(writing.next_step(), NextStep::Done(Outcome::DeadlineExceeded { unwritten: 9 }));

    for (delivery, outcome) in [
        (Delivery::Outstanding(0), Outcome::Clean),
        (Delivery::Outstanding(4), Outcome::Unacknowledged { bytes: 4 }),
        (Delivery::Unknown, Outcome::Unconfirmed { peer_ended: false }),
    ] {
        let mut ending = closed(1);
        ending.expired(0, delivery);
        assert_eq!(ending.next_step(), NextStep::Done(outcome));
    }
    let mut ending = closed(1);
    ending.watched(Delivery::Unknown, false);
    assert_eq!(ending.next_step(), NextStep::Watch);
    ending.watched(Delivery::Unknown, true);
    assert_eq!(ending.next_step(), NextStep::Done(Outcome::Unconfirmed { peer_ended: true }));
}

#[test]
fn the_first_outcome_stays() {
    let mut ending = closed(1);
    ending.broken(3);
    ending.watched(Delivery::Outstanding(0), true);
    ending.expired(0, Delivery::Outstanding(0));
    ending.begin(0);
    assert_eq!(ending.next_step(), NextStep::Done(Outcome::PeerGone { unwritten: 3 }));
}

#[test]
fn only_one_outcome_is_clean() {
    let others = [
        Outcome::Unconfirmed { peer_ended: true },
        Outcome::Unacknowledged { bytes: 0 },
        Outcome::DeadlineExceeded { unwritten: 0 },
        Outcome::PeerGone { unwritten: 0 },
    ];
    assert!(Outcome::Clean.is_clean());
    assert!(others.into_iter().all(|outcome| !outcome.is_clean()));
}
