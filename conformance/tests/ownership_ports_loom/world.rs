//! Threads of which loom watches the callback, and runs that are complete.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use conformance::ownership::families::Loom;
use conformance::ownership::haproxy::{Caller, Design, Entry};
use loom::cell::UnsafeCell;
use loom::sync::Arc;

/// An entry with a descriptor, and the object that owns it.
pub(crate) struct World<D: Design> {
    pub(crate) entry: Entry<Loom, D>,
    object: UnsafeCell<()>,
}

// SAFETY: loom checks who accesses the cell, in which there is nothing.
#[expect(unsafe_code, reason = "loom's cell is watched from several threads")]
unsafe impl<D: Design> Sync for World<D> {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "loom's cell is watched from several threads")]
unsafe impl<D: Design> Send for World<D> {}

/// A thread: its callback writes to the object.
pub(crate) struct Side<D: Design> {
    world: Arc<World<D>>,
    bit: u64,
}

impl<D: Design> World<D> {
    /// With a descriptor that these threads of the first group are allowed to run.
    pub(crate) fn new(threads: u64) -> Arc<Self> {
        let entry = Entry::new();
        let world = Arc::new(Self { entry, object: UnsafeCell::new(()) });
        let mut first = Side::new(&world, 1);
        world.entry.insert(&mut first, 1, threads);
        world.entry.want(&mut first, false);
        world
    }
}

impl<D: Design> Side<D> {
    pub(crate) fn new(world: &Arc<World<D>>, bit: u64) -> Self {
        Self { world: Arc::clone(world), bit }
    }

    pub(crate) fn use_object(&self) {
        self.world.object.with_mut(|_| ());
    }
}

impl<D: Design> Caller for Side<D> {
    fn bit(&self) -> u64 {
        self.bit
    }

    fn callback(&mut self) {
        self.use_object();
    }

    fn close(&mut self) {
        // A close that is not ordered after every use is a race.
        self.use_object();
    }
}

/// Runs `scenario` in every way there is, and says in how many.
pub(crate) fn complete(name: &str, scenario: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.preemption_bound = None;
    builder.checkpoint_file = None;
    builder.max_branches = 10_000;
    let executions = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&executions);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        scenario();
    });
    println!("{name}: {} executions, complete", executions.load(Ordering::Relaxed));
}

/// Whether `scenario` fails in any way.
pub(crate) fn fails(scenario: fn()) -> bool {
    catch_unwind(AssertUnwindSafe(|| complete("found nothing", scenario))).is_err()
}

/// A late report of the old owner, and a taker that uses what it has.
pub(crate) fn takeover_and_report<D: Design>() {
    let world = World::<D>::new(1);
    let mut taker = Side::new(&world, 2);
    let taker = loom::thread::spawn(move || {
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
