//! A descriptor that loom watches, and a run that is complete.

use std::sync::atomic::{AtomicUsize, Ordering};

use conformance::ownership::families::{Loom, Named, Orders};
use handfast::ownership::{Guard, Numbered, Sharing, Table, Token, Worker};
use loom::cell::UnsafeCell;
use loom::sync::Arc;

pub(crate) const WORKERS: [Worker; 3] = [Worker::new(0), Worker::new(1), Worker::new(2)];

/// A descriptor whose state is written to by the thread that is inside alone, and whose drop is its close.
pub(crate) struct Probe {
    state: UnsafeCell<u32>,
    kernel: Arc<Kernel>,
    /// What the thread that asked for deletion wrote before.
    note: Option<Arc<UnsafeCell<()>>>,
}

/// What the kernel knows. Its own order between a close and the opening that gives the number again is left out on
/// purpose: the table must not rest on it.
#[derive(Default)]
pub(crate) struct Kernel {
    closes: AtomicUsize,
}

impl Numbered for Probe {
    fn number(&self) -> usize {
        0
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // A close that is not ordered after every use is a race that loom reports here.
        self.state.with_mut(|_| ());
        if let Some(note) = &self.note {
            note.with(|_| ());
        }
        self.kernel.closes.fetch_add(1, Ordering::Relaxed);
    }
}

/// A table with room for one descriptor.
pub(crate) struct World<O: Orders = Named> {
    pub(crate) table: Table<Probe, Loom<O>>,
    kernel: Arc<Kernel>,
}

impl<O: Orders> World<O> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { table: Table::of_atomics(1), kernel: Arc::new(Kernel::default()) })
    }

    pub(crate) fn probe(&self) -> Probe {
        Probe { state: UnsafeCell::new(0), kernel: Arc::clone(&self.kernel), note: None }
    }

    /// A descriptor of which the thread that closes it reads `note`.
    pub(crate) fn noted(&self, note: &Arc<UnsafeCell<()>>) -> Probe {
        let mut probe = self.probe();
        probe.note = Some(Arc::clone(note));
        probe
    }

    pub(crate) fn insert(&self, sharing: Sharing) -> Token {
        self.table.insert(self.probe(), sharing).expect("the slot is free")
    }

    pub(crate) fn closes(&self) -> usize {
        self.kernel.closes.load(Ordering::Relaxed)
    }

    /// What a callback does: it is alone inside, and writes.
    pub(crate) fn touch(guard: &Guard<'_, Probe, Loom<O>>) {
        guard.state.with_mut(|state| {
            // SAFETY: loom has just checked that nobody else accesses it; if somebody did, this is not reached.
            #[expect(unsafe_code, reason = "loom's cell gives a pointer")]
            unsafe {
                *state += 1;
            }
        });
    }

    /// What a callback of a shared descriptor does: others are inside, and it reads.
    pub(crate) fn look(guard: &Guard<'_, Probe, Loom<O>>) {
        guard.state.with(|_| ());
    }
}

/// Runs `scenario` in every way there is, and says in how many.
pub(crate) fn complete(name: &str, scenario: impl Fn() + Send + Sync + 'static) -> usize {
    let mut builder = loom::model::Builder::new();
    // Whatever the environment says: a bound would be silent.
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.preemption_bound = None;
    builder.checkpoint_file = None;
    let executions = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&executions);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        scenario();
    });
    let executions = executions.load(Ordering::Relaxed);
    println!("{name}: {executions} executions, complete");
    executions
}
