//! The end of our direction, without a driver.

use handfast::framed::{Delivery, Duty, Ending, Outcome};

fn closed(deadline: u32) -> Ending<u32> {
    let mut ending = Ending::new();
    assert!(ending.begin(deadline));
    ending.written();
    ending.closed();
    assert_eq!(ending.duty(), Duty::Watch);
    ending
}

#[test]
fn the_duties_come_one_after_the_other() {
    let mut ending = Ending::new();
    assert_eq!((ending.duty(), ending.deadline()), (Duty::None, None));
    // Nothing happens out of turn.
    ending.written();
    ending.closed();
    ending.watched(Delivery::Outstanding(0), true);
    ending.expired(1, Delivery::Unknown);
    ending.broken(1);
    assert_eq!(ending, Ending::new());

    assert!(ending.begin(7));
    assert_eq!(ending.duty(), Duty::Write);
    ending.closed();
    ending.watched(Delivery::Outstanding(0), true);
    assert_eq!(ending.duty(), Duty::Write, "that nothing is outstanding says nothing yet");
    ending.written();
    assert_eq!(ending.duty(), Duty::Close);
    ending.watched(Delivery::Outstanding(0), true);
    ending.closed();
    assert_eq!(ending.duty(), Duty::Watch);
    ending.watched(Delivery::Outstanding(3), false);
    assert_eq!(ending.duty(), Duty::Watch);
    ending.watched(Delivery::Outstanding(0), false);
    assert_eq!(ending.duty(), Duty::Tell(Outcome::Clean));
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
    assert_eq!(ending.duty(), Duty::Watch);
    ending.expired(0, Delivery::Outstanding(1));
    assert_eq!(ending.duty(), Duty::Tell(Outcome::Unacknowledged { bytes: 1 }));
}

#[test]
fn the_deadline_tells_what_is_known_then() {
    let mut writing = Ending::new();
    writing.begin(1);
    writing.expired(9, Delivery::Outstanding(0));
    assert_eq!(writing.duty(), Duty::Tell(Outcome::DeadlineExceeded { unwritten: 9 }));

    for (delivery, outcome) in [
        (Delivery::Outstanding(0), Outcome::Clean),
        (Delivery::Outstanding(4), Outcome::Unacknowledged { bytes: 4 }),
        (Delivery::Unknown, Outcome::Unconfirmed { peer_ended: false }),
    ] {
        let mut ending = closed(1);
        ending.expired(0, delivery);
        assert_eq!(ending.duty(), Duty::Tell(outcome));
    }
    let mut ending = closed(1);
    ending.watched(Delivery::Unknown, false);
    assert_eq!(ending.duty(), Duty::Watch);
    ending.watched(Delivery::Unknown, true);
    assert_eq!(ending.duty(), Duty::Tell(Outcome::Unconfirmed { peer_ended: true }));
}

#[test]
fn the_first_outcome_stays() {
    let mut ending = closed(1);
    ending.broken(3);
    ending.watched(Delivery::Outstanding(0), true);
    ending.expired(0, Delivery::Outstanding(0));
    ending.begin(0);
    assert_eq!(ending.duty(), Duty::Tell(Outcome::PeerGone { unwritten: 3 }));
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
