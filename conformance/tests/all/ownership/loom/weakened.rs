//! A check that cannot fail is worthless: with each ordering a step too weak, loom reports a race.

use std::panic::{AssertUnwindSafe, catch_unwind};

use conformance::ownership::families::{Orders, weakened};

use crate::ownership::loom::scenarios;
use crate::ownership::loom::support::complete;

/// The first of the scenarios that fails with these orderings.
fn caught_by<O: Orders>() -> Option<&'static str> {
    let scenarios: [(&str, fn()); 8] = [
        ("takeover_and_report", scenarios::takeover_and_report::<O>),
        ("two_leave_what_is_deleted", scenarios::two_leave_what_is_deleted::<O>),
        ("deletion_from_outside", scenarios::deletion_from_outside::<O>),
        ("taken_over_to_be_closed", scenarios::taken_over_to_be_closed::<O>),
        ("report_of_the_last_one", scenarios::report_of_the_last_one::<O>),
        ("number_returns_elsewhere", scenarios::number_returns_elsewhere::<O>),
        ("inserted_elsewhere", scenarios::inserted_elsewhere::<O>),
        ("deleter_is_seen_by_the_closer", scenarios::deleter_is_seen_by_the_closer::<O>),
    ];
    let fails = |scenario: fn()| catch_unwind(AssertUnwindSafe(|| complete("weakened", scenario))).is_err();
    scenarios.into_iter().find(|&(_, scenario)| fails(scenario)).map(|(name, _)| name)
}

macro_rules! caught {
    ($($test:ident: $orders:ident)*) => { $(
        #[test]
        fn $test() {
            let caught = caught_by::<weakened::$orders>();
            println!("{}: {caught:?}", stringify!($orders));
            assert!(caught.is_some(), "nothing noticed");
        }
    )* };
}

caught! {
    a_weak_claim_is_caught: Claim
    a_weak_publish_is_caught: Publish
    a_weak_enter_is_caught: Enter
    a_leave_that_nobody_sees_is_caught: LeaveUnseen
    a_leave_that_sees_nobody_is_caught: LeaveUnseeing
    a_delete_that_nobody_sees_is_caught: DeleteUnseen
    a_delete_that_sees_nobody_is_caught: DeleteUnseeing
    a_weak_wipe_is_caught: Wipe
}
