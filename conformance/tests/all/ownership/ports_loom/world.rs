//! Threads of which loom watches the callback, and runs that are complete.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use conformance::ownership::haproxy::{Caller, Design, Entry};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::AtomicUsize as Watched;

use crate::ownership::ports_loom::focus::{Asks, Focus, Focused};

/// An entry with a descriptor, and the object that owns it.
pub(crate) struct World<D: Design, F: Focus> {
    pub(crate) entry: Entry<Focused<F>, D>,
    object: UnsafeCell<()>,
    /// How many are in the callback.
    inside: Watched,
    /// How often it was closed; loom does not see it.
    closes: AtomicUsize,
    /// How often the kernel was given the number back. A descriptor that is closed and a number that is given again are two
    /// system calls, and nothing in the language says that the one is ordered before the other: no more does this.
    pub(crate) returned: Watched,
}

// SAFETY: loom checks who accesses the cell, in which there is nothing.
#[expect(unsafe_code, reason = "loom's cell is watched from several threads")]
unsafe impl<D: Design, F: Focus> Sync for World<D, F> {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "loom's cell is watched from several threads")]
unsafe impl<D: Design, F: Focus> Send for World<D, F> {}

/// A thread: its callback writes to the object.
pub(crate) struct Side<D: Design, F: Focus> {
    pub(crate) world: Arc<World<D, F>>,
    bit: u64,
    pub(crate) group: u64,
    /// Whether its queue of updates has the descriptor.
    pub(crate) queued: Cell<bool>,
}

impl<D: Design, F: Focus> World<D, F> {
    /// Without a descriptor.
    pub(crate) fn empty() -> Arc<Self> {
        let (inside, returned) = (Watched::new(0), Watched::new(0));
        let (object, closes) = (UnsafeCell::new(()), AtomicUsize::new(0));
        Arc::new(Self { entry: Entry::new(), object, inside, closes, returned })
    }

    /// With a descriptor that these threads of the first group are allowed to run.
    pub(crate) fn new(threads: u64) -> Arc<Self> {
        let world = Self::empty();
        world.inserted_by(&mut Side::new(&world, 1), threads);
        world
    }

    pub(crate) fn inserted_by(&self, side: &mut Side<D, F>, threads: u64) {
        self.entry.insert(side, 1, threads);
        self.entry.want(side, false);
    }

    pub(crate) fn closes(&self) -> usize {
        self.closes.load(Ordering::Relaxed)
    }
}

impl<D: Design, F: Focus> Side<D, F> {
    pub(crate) fn new(world: &Arc<World<D, F>>, bit: u64) -> Self {
        Self { world: Arc::clone(world), bit, group: 1, queued: Cell::new(false) }
    }

    pub(crate) fn use_object(&self) {
        match F::ASKS {
            Asks::Races | Asks::RacesAndLosses => self.world.object.with_mut(|_| ()),
            Asks::Overlaps => {
                // Relaxed, and a read-modify-write: it orders nothing, and the last value is seen.
                self.world.inside.fetch_add(1, Ordering::Relaxed);
                self.world.inside.fetch_sub(1, Ordering::Relaxed);
            }
            Asks::Losses => {}
        }
    }
}

impl<D: Design, F: Focus> Caller for Side<D, F> {
    fn bit(&self) -> u64 {
        self.bit
    }

    fn group(&self) -> u64 {
        self.group
    }

    fn callback(&mut self) {
        self.use_object();
    }

    fn is_queued(&self) -> bool {
        self.queued.get()
    }

    fn queue(&mut self) {
        self.queued.set(true);
    }

    fn unqueue(&mut self) {
        self.queued.set(false);
    }

    fn close(&mut self) {
        self.world.closes.fetch_add(1, Ordering::Relaxed);
        match F::ASKS {
            // A close that is not ordered after every use is a race.
            Asks::Races | Asks::Losses | Asks::RacesAndLosses => self.use_object(),
            Asks::Overlaps => {
                assert_eq!(self.world.inside.fetch_add(0, Ordering::Relaxed), 0, "closed under a callback");
            }
        }
        self.world.returned.fetch_add(1, Ordering::Relaxed);
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

/// In what way `scenario` fails, if it fails in any.
pub(crate) fn failure(scenario: fn()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(|| complete("found nothing", scenario))).err()?;
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    Some(text.unwrap_or("something without words").to_owned())
}

/// Whether `scenario` fails in any way.
pub(crate) fn fails(scenario: fn()) -> bool {
    failure(scenario).is_some()
}
