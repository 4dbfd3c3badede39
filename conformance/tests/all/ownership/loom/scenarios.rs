//! What may happen to one descriptor at a time, by two and three threads, each in every way there is.

use std::panic::{AssertUnwindSafe, catch_unwind};

use conformance::ownership::families::{Named, Orders, weakened};
use handfast::ownership::{Deleted, Refused, Sharing};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::ownership::loom::support::{WORKERS, World, complete};

const EXCLUSIVE: Sharing = Sharing::Exclusive(WORKERS[0]);

/// OWN-1: a takeover and a report of the old owner's poller.
pub(crate) fn takeover_and_report<O: Orders>() {
    let world = World::<O>::new();
    let token = world.insert(EXCLUSIVE);
    let taker = Arc::clone(&world);
    let taker = thread::spawn(move || match taker.table.takeover(token, WORKERS[1]) {
        Ok(guard) => World::touch(&guard),
        Err(refused) => assert_eq!(refused, Refused::Busy),
    });
    match world.table.enter(token, WORKERS[0]) {
        Ok(guard) => World::touch(&guard),
        Err(refused) => assert_eq!(refused, Refused::NotOwner { owner: WORKERS[1] }),
    }
    taker.join().expect("the taker ends");
    assert_eq!(world.closes(), 0);
}

/// OWN-3: two last leavers, of whom one asked for deletion.
pub(crate) fn two_leave_what_is_deleted<O: Orders>() {
    let world = World::<O>::new();
    let token = world.insert(Sharing::Shared);
    let other = Arc::clone(&world);
    let other = thread::spawn(move || {
        if let Ok(guard) = other.table.enter(token, WORKERS[1]) {
            World::look(&guard);
        }
    });
    let guard = world.table.enter(token, WORKERS[0]).expect("nobody deletes it but this thread");
    World::look(&guard);
    let deleted = guard.delete();
    other.join().expect("the other ends");
    assert_eq!(world.closes(), 1, "{deleted:?}");
    assert_eq!(world.table.occupied(), 0);
}

/// OWN-2: somebody who is not inside deletes what somebody is inside.
pub(crate) fn deletion_from_outside<O: Orders>() {
    let world = World::<O>::new();
    let token = world.insert(EXCLUSIVE);
    let deleter = Arc::clone(&world);
    let deleter = thread::spawn(move || deleter.table.delete(token).expect("nobody else deletes"));
    match world.table.enter(token, WORKERS[0]) {
        Ok(guard) => World::touch(&guard),
        Err(refused) => assert!(matches!(refused, Refused::Closing | Refused::Gone), "{refused}"),
    }
    let _ = deleter.join().expect("the deleter ends");
    assert_eq!(world.closes(), 1);
}

/// Two takers, of whom one deletes at once: the tightest distance between a takeover and a close.
pub(crate) fn taken_over_to_be_closed<O: Orders>() {
    let world = World::<O>::new();
    let token = world.insert(EXCLUSIVE);
    let killer = Arc::clone(&world);
    let killer = thread::spawn(move || {
        if let Ok(guard) = killer.table.takeover(token, WORKERS[2]) {
            World::touch(&guard);
            assert_eq!(guard.delete(), Deleted::Closed);
        }
    });
    if let Ok(guard) = world.table.takeover(token, WORKERS[1]) {
        World::touch(&guard);
    }
    killer.join().expect("the killer ends");
    let closed = world.table.enter(token, WORKERS[1]).is_err();
    assert_eq!(world.closes(), usize::from(closed));
}

/// OWN-6: a number returns while a report of its last descriptor is on its way.
pub(crate) fn report_of_the_last_one<O: Orders>() {
    let world = World::<O>::new();
    let old = world.insert(EXCLUSIVE);
    let late = Arc::clone(&world);
    let late = thread::spawn(move || match late.table.enter(old, WORKERS[0]) {
        Ok(guard) => World::touch(&guard),
        Err(refused) => assert!(matches!(refused, Refused::Closing | Refused::Gone), "{refused}"),
    });
    let deleted = world.table.delete(old).expect("nobody else deletes");
    // The number is free if it was closed at once; otherwise the table still knows the old one.
    match (deleted, world.table.insert(world.probe(), EXCLUSIVE)) {
        (_, Ok(new)) => {
            let guard = world.table.enter(new, WORKERS[0]).expect("a late report cannot be inside a new descriptor");
            World::touch(&guard);
        }
        (deleted, Err(refused)) => {
            assert_eq!(deleted, Deleted::ByLastToLeave, "{refused}");
            drop(refused);
        }
    }
    late.join().expect("the late one ends");
}

/// A number is closed by one thread and inserted by another, with no order between the two but the table's: the kernel
/// says that the number is free, and gives no other sign.
pub(crate) fn number_returns_elsewhere<O: Orders>() {
    let world = World::<O>::new();
    let old = world.insert(EXCLUSIVE);
    let given_back = Arc::new(AtomicBool::new(false));
    let (closer, gives_back) = (Arc::clone(&world), Arc::clone(&given_back));
    let closer = thread::spawn(move || {
        assert_eq!(closer.table.delete(old), Ok(Deleted::Closed));
        gives_back.store(true, Ordering::Relaxed);
    });
    while !given_back.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    let new = world.insert(EXCLUSIVE);
    World::touch(&world.table.enter(new, WORKERS[0]).expect("it is there"));
    closer.join().expect("the closer ends");
    assert_eq!(world.closes(), 1);
}

/// A descriptor is inserted by one thread and entered by another that learns of it from the poller, with no order
/// between the two but the table's.
pub(crate) fn inserted_elsewhere<O: Orders>() {
    let world = World::<O>::new();
    let token = {
        // The token is the first one of the slot; a report could be about it before it is there.
        let scout = World::<O>::new();
        scout.insert(EXCLUSIVE)
    };
    let owner = Arc::clone(&world);
    let owner = thread::spawn(move || match owner.table.enter(token, WORKERS[0]) {
        Ok(guard) => World::touch(&guard),
        Err(refused) => assert!(matches!(refused, Refused::Closing | Refused::Gone), "{refused}"),
    });
    assert_eq!(world.insert(EXCLUSIVE), token);
    owner.join().expect("the owner ends");
}

/// What the deleter wrote before is seen by whoever closes.
pub(crate) fn deleter_is_seen_by_the_closer<O: Orders>() {
    let world = World::<O>::new();
    let note = Arc::new(loom::cell::UnsafeCell::new(()));
    let token = world.table.insert(world.noted(&note), Sharing::Shared).expect("the slot is free");
    let guard = world.table.enter(token, WORKERS[0]).expect("nobody deletes it yet");
    let deleter = Arc::clone(&world);
    let deleter = thread::spawn(move || {
        note.with_mut(|_| ());
        deleter.table.delete(token).expect("nobody else deletes")
    });
    drop(guard);
    let _ = deleter.join().expect("the deleter ends");
    assert_eq!(world.closes(), 1);
}

/// Three threads: a report, a takeover and a deletion by somebody else.
pub(crate) fn report_takeover_and_deletion<O: Orders>() {
    let world = World::<O>::new();
    let token = world.insert(EXCLUSIVE);
    let (taker, deleter) = (Arc::clone(&world), Arc::clone(&world));
    let taker = thread::spawn(move || {
        if let Ok(guard) = taker.table.takeover(token, WORKERS[1]) {
            World::touch(&guard);
        }
    });
    let deleter = thread::spawn(move || deleter.table.delete(token).expect("nobody else deletes"));
    if let Ok(guard) = world.table.enter(token, WORKERS[0]) {
        World::touch(&guard);
    }
    taker.join().expect("the taker ends");
    let _ = deleter.join().expect("the deleter ends");
    assert_eq!(world.closes(), 1);
    assert_eq!(world.table.occupied(), 0);
}

/// Three threads inside a shared descriptor, of whom each wants it closed.
pub(crate) fn all_want_it_closed<O: Orders>() {
    let world = World::<O>::new();
    let token = world.insert(Sharing::Shared);
    let others: Vec<_> = [1, 2]
        .map(|_| {
            let world = Arc::clone(&world);
            thread::spawn(move || world.table.delete(token).is_ok())
        })
        .into_iter()
        .collect();
    let mut asked = 0;
    if let Ok(guard) = world.table.enter(token, WORKERS[0]) {
        World::look(&guard);
    }
    for other in others {
        asked += usize::from(other.join().expect("it ends"));
    }
    assert_eq!(asked, 1, "one asked first");
    assert_eq!(world.closes(), 1);
}

macro_rules! every_way {
    ($($name:ident)*) => { mod every_way { $(
        #[test]
        fn $name() {
            super::complete(stringify!($name), super::$name::<super::Named>);
        }
    )* } };
}

every_way! {
    takeover_and_report two_leave_what_is_deleted deletion_from_outside taken_over_to_be_closed report_of_the_last_one
    number_returns_elsewhere inserted_elsewhere deleter_is_seen_by_the_closer report_takeover_and_deletion
    all_want_it_closed
}

// A check that cannot fail is worthless: with each ordering a step too weak, loom reports a race.

/// The first of the scenarios that fails with these orderings.
fn caught_by<O: Orders>() -> Option<&'static str> {
    let scenarios: [(&str, fn()); 8] = [
        ("takeover_and_report", takeover_and_report::<O>),
        ("two_leave_what_is_deleted", two_leave_what_is_deleted::<O>),
        ("deletion_from_outside", deletion_from_outside::<O>),
        ("taken_over_to_be_closed", taken_over_to_be_closed::<O>),
        ("report_of_the_last_one", report_of_the_last_one::<O>),
        ("number_returns_elsewhere", number_returns_elsewhere::<O>),
        ("inserted_elsewhere", inserted_elsewhere::<O>),
        ("deleter_is_seen_by_the_closer", deleter_is_seen_by_the_closer::<O>),
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
