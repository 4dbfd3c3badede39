//! The corrected protocol with one ordering a step too weak, and whether loom notices in a takeover.
//!
//! What is not noticed is not therefore needless: a deletion may need it, and none is explored here. Two are noticed: a load
//! of the running mask that does not see what was done before a bit was cleared (W1), and the clearing of a bit that does
//! not say what was done (W5).

use std::marker::PhantomData;
use std::sync::atomic::Ordering;

use conformance::ownership::haproxy::{Closing, Corrected, Design, Enter, Orders};

use crate::world::{fails, takeover_and_report};

/// The corrected protocol with other orderings.
#[derive(Debug)]
struct With<O>(PhantomData<O>);

impl<O: Orders> Design for With<O> {
    type Orders = O;
    const ENTER: Enter = Corrected::ENTER;
    const CLOSING: Closing = Corrected::CLOSING;
    const WAITS_FOR_ALL: bool = Corrected::WAITS_FOR_ALL;
    const DELETER_HOLDS: bool = Corrected::DELETER_HOLDS;
    const WRITES_FLAGS: bool = Corrected::WRITES_FLAGS;
    const CHECKS_REPORTS: bool = Corrected::CHECKS_REPORTS;
    const QUEUES_ONCE: bool = Corrected::QUEUES_ONCE;
}

macro_rules! weakened {
    ($($test:ident: $name:ident, $access:ident = $order:expr, $caught:literal;)*) => { $(
        #[derive(Debug)]
        enum $name {}

        impl Orders for $name {
            const $access: Ordering = $order;
        }

        #[test]
        fn $test() {
            let caught = fails(takeover_and_report::<With<$name>>);
            println!("{} = {:?}: caught is {caught}", stringify!($access), $order);
            assert_eq!(caught, $caught, "the list is wrong");
        }
    )* };
}

weakened! {
    grab: Grab, GRAB = Ordering::Relaxed, false;
    drop_reference: Drop, DROP = Ordering::Relaxed, false;
    announce_acquires: AnnounceUnseeing, ANNOUNCE = Ordering::Release, false;
    announce_releases: AnnounceUnseen, ANNOUNCE = Ordering::Acquire, false;
    running: Running, RUNNING = Ordering::Relaxed, true;
    allowed: Allowed, ALLOWED = Ordering::Relaxed, false;
    clear_releases: ClearUnseen, CLEAR = Ordering::Acquire, true;
    clear_acquires: ClearUnseeing, CLEAR = Ordering::Release, false;
    take_acquires: TakeUnseeing, TAKE = Ordering::Release, false;
    allow: Allow, ALLOW = Ordering::Relaxed, false;
}
