//! How often words have to travel before both ends know, and how often each end speaks.

#[path = "../../../benches/product/simopen/contenders.rs"]
mod contenders;
#[path = "../../../benches/product/simopen/original.rs"]
mod original;
#[path = "../../../benches/product/simopen/wire.rs"]
mod wire;

use contenders::{Contender, PROPOSED, dial, listen};
use wire::{Calls, Ways, trips, wire};

/// One-way trips until the dialer and until the listener is done, and what each of them did.
fn counted(contender: Contender, spoken: &[&str]) -> ([usize; 2], [Calls; 2]) {
    let (mut left, mut right) = wire();
    let ways = Ways::of(&left);
    ways.reserve();
    let trips = trips(&ways, dial(contender, &mut left), listen(contender, &mut right, spoken));
    (trips, [left.calls, right.calls])
}

/// T1: one round trip with a listener, as without the extension; and each proposal in vain is one more.
#[tokio::test(start_paused = true)]
async fn a_listener_costs_one_round_trip() {
    for contender in [Contender::Ordinary, Contender::Dialer, Contender::Crate] {
        assert_eq!(counted(contender, &PROPOSED).0, [2, 1], "{}", contender.name());
        assert_eq!(counted(contender, &PROPOSED[2..]).0, [6, 5], "{}", contender.name());
    }
}

/// T2: two round trips where both dialed; half a one less than what go-multistream takes.
#[tokio::test(start_paused = true)]
async fn a_simultaneous_open_costs_two_round_trips() {
    assert_eq!(counted(Contender::Both, &PROPOSED).0, [4, 3], "the initiator hears the answer last");
    assert_eq!(counted(Contender::Both, &PROPOSED[2..]).0, [8, 7]);
    let (mut left, mut right) = wire();
    let ways = Ways::of(&left);
    let original = trips(&ways, original::dial(&mut left, "/noise", 7), original::dial(&mut right, "/noise", 3));
    assert_eq!(original, [5, 4]);
}

/// What belongs together is said in one write, and the bytes are those of the crate.
#[tokio::test(start_paused = true)]
async fn no_end_speaks_more_often_than_it_must() {
    let (_, [ours, ours_accepting]) = counted(Contender::Ordinary, &PROPOSED);
    let (_, [theirs, theirs_accepting]) = counted(Contender::Crate, &PROPOSED);
    assert_eq!((ours.bytes, ours_accepting.bytes), (theirs.bytes, theirs_accepting.bytes));
    assert_eq!((ours.writes, ours.bytes, ours.reads, ours.flushes), (1, 28, ours.reads, 1));
    let (_, [initiator, responder]) = counted(Contender::Both, &PROPOSED);
    // The first flight, the number, the role; the proposal goes with the role.
    assert_eq!((initiator.writes, initiator.bytes), (3, 58 + 10 + 11 + 8));
    assert_eq!((responder.writes, responder.bytes), (4, 58 + 10 + 11 + 8));
    assert!(ours.writes <= theirs.writes && ours.reads <= theirs.reads);
}
