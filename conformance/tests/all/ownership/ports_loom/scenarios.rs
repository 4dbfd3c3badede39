//! Two threads and one descriptor.

use std::sync::atomic::Ordering;

use conformance::ownership::haproxy::Design;
use loom::sync::Arc;
use loom::thread;

use crate::ownership::ports_loom::focus::{Asks, Focus};
use crate::ownership::ports_loom::world::{Side, World};

/// A late report of the old owner, and a taker that uses what it has.
pub(crate) fn takeover_and_report<D: Design, F: Focus>() {
    let world = World::<D, F>::new(1);
    let mut taker = Side::new(&world, 2);
    let taker = thread::spawn(move || {
        let world = Arc::clone(&taker.world);
        if world.entry.takeover(&mut taker) {
            // A taker wishes anew: what it has cleared would keep the old owner from its callback.
            world.entry.want(&mut taker, false);
            taker.use_object();
        }
    });
    world.entry.update_events(&mut Side::new(&world, 1), 0);
    taker.join().expect("the taker ends");
}

/// A report, and a thread of the same group that deletes.
pub(crate) fn deletion_and_report<D: Design, F: Focus>() {
    deleted_while::<D, F>(1, |world| world.entry.update_events(&mut Side::new(world, 1), 0));
}

/// A report, and a thread of another group that deletes.
pub(crate) fn foreign_deletion_and_report<D: Design, F: Focus>() {
    deleted_while::<D, F>(2, |world| world.entry.update_events(&mut Side::new(world, 1), 0));
}

/// An update that a thread's poller is told of, and a deletion.
pub(crate) fn deletion_and_update<D: Design, F: Focus>() {
    deleted_while::<D, F>(1, |world| {
        let mut poller = Side::new(world, 1);
        poller.queued.set(true);
        world.entry.poll(&mut poller);
    });
}

fn deleted_while<D: Design, F: Focus>(group: u64, meanwhile: fn(&Arc<World<D, F>>)) {
    let world = World::<D, F>::new(1);
    let mut deleter = Side::new(&world, 2);
    deleter.group = group;
    let deleter = thread::spawn(move || {
        let world = Arc::clone(&deleter.world);
        world.entry.delete(&mut deleter);
    });
    meanwhile(&world);
    deleter.join().expect("the deleter ends");
    assert!(world.closes() <= 1, "closed {} times", world.closes());
    if matches!(F::ASKS, Asks::Losses | Asks::RacesAndLosses) {
        assert_eq!(world.closes(), 1, "nobody closes");
    }
}

/// A thread inserts what another one is allowed to run, which has a report of the number.
pub(crate) fn inserted_elsewhere<D: Design, F: Focus>() {
    let world = World::<D, F>::empty();
    let mut opener = Side::new(&world, 2);
    let opener = thread::spawn(move || {
        let world = Arc::clone(&opener.world);
        world.inserted_by(&mut opener, 1);
    });
    world.entry.update_events(&mut Side::new(&world, 1), 0);
    opener.join().expect("the opener ends");
}

/// A thread inserts, deletes and closes, and another one is given the number again, by a kernel that orders nothing.
pub(crate) fn number_returns_elsewhere<D: Design, F: Focus>() {
    let world = World::<D, F>::empty();
    let mut closer = Side::new(&world, 1);
    let closer = thread::spawn(move || {
        let world = Arc::clone(&closer.world);
        world.inserted_by(&mut closer, 1);
        world.entry.delete(&mut closer);
    });
    while world.returned.load(Ordering::Relaxed) == 0 {
        thread::yield_now();
    }
    world.inserted_by(&mut Side::new(&world, 2), 2);
    closer.join().expect("the closer ends");
}
