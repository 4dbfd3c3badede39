//! HAProxy's entry of the table of descriptors as it was before March 2023, without groups of threads: two masks, a
//! loop that waits until they agree, and a last one who closes. After commits f69fea64e and 0b51eab76.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::{After, Reported, Subject};
use crate::oracle::Fault;
use crate::storm::{Point, reach};
use crate::worker::{Conn, Kernel};

/// One entry.
#[derive(Default)]
struct Entry {
    /// The low half is 1 while the descriptor belongs to anybody; the high half counts who looks at the entry.
    group: AtomicU32,
    /// Who is inside.
    running: AtomicU64,
    /// Who may poll.
    threads: AtomicU64,
    /// The incarnation: what the callback is given.
    id: AtomicU64,
}

const REFERENCE: u32 = 1 << 16;

/// The two masks.
pub(crate) struct Before {
    entries: Vec<Entry>,
    kernel: Arc<Kernel>,
}

/// More than the workers have open at a time.
const DESCRIPTORS: usize = 1 << 16;

impl Before {
    pub(crate) fn new(kernel: &Arc<Kernel>) -> Self {
        let entries = std::iter::repeat_with(Entry::default).take(DESCRIPTORS).collect();
        Self { entries, kernel: Arc::clone(kernel) }
    }

    /// Closes, in the belief to be the only one who does.
    fn close(&self, number: usize, id: u64) {
        let entry = &self.entries[number];
        entry.group.fetch_and(!(REFERENCE - 1), Ordering::SeqCst);
        // Those who look at the entry leave soon.
        while entry.group.load(Ordering::SeqCst) != 0 && !self.is_over() {
            std::thread::yield_now();
        }
        self.kernel.close(number, id);
    }

    /// After a fault an entry may be such that a loop waits for ever.
    fn is_over(&self) -> bool {
        self.kernel.oracle().has_found()
    }

    fn delete(&self, number: usize, id: u64, own: u64) {
        let entry = &self.entries[number];
        entry.running.fetch_or(own, Ordering::SeqCst);
        reach(Point::BetweenDeleteSteps);
        entry.threads.store(0, Ordering::SeqCst);
        let before = entry.running.fetch_and(!own, Ordering::SeqCst);
        reach(Point::AfterClear);
        if before == own {
            self.close(number, id);
        }
    }
}

impl Entry {
    /// Pins the entry, if it belongs to anybody.
    fn grab(&self) -> bool {
        if self.group.fetch_add(REFERENCE, Ordering::SeqCst) & (REFERENCE - 1) == 1 {
            return true;
        }
        self.unpin();
        false
    }

    fn unpin(&self) {
        self.group.fetch_sub(REFERENCE, Ordering::SeqCst);
    }

    /// The loop that waits until the masks agree, and then the mark that the thread is inside; or the thread is not
    /// among those who may poll.
    fn run(&self, own: u64, is_over: impl Fn() -> bool) -> bool {
        while !is_over() {
            let running = self.running.load(Ordering::SeqCst);
            let threads = self.threads.load(Ordering::SeqCst);
            if running & !threads != 0 {
                std::thread::yield_now();
                continue;
            }
            if threads & own == 0 {
                return false;
            }
            reach(Point::AfterSyncLoop);
            let entered = self.running.compare_exchange(running, running | own, Ordering::SeqCst, Ordering::SeqCst);
            if entered.is_ok() {
                return true;
            }
        }
        false
    }
}

fn bit(worker: usize) -> u64 {
    1 << worker
}

impl Subject for Before {
    fn insert(&self, conn: &Arc<Conn>, worker: usize) -> u64 {
        let entry = &self.entries[conn.number];
        let claim = || entry.group.compare_exchange(0, REFERENCE | 1, Ordering::SeqCst, Ordering::SeqCst);
        while claim().is_err() && !self.is_over() {
            std::thread::yield_now();
        }
        if entry.running.load(Ordering::SeqCst) != 0 {
            self.kernel.oracle().find(Fault::NotClean { number: conn.number });
        }
        entry.id.store(conn.id, Ordering::SeqCst);
        entry.threads.store(bit(worker), Ordering::SeqCst);
        entry.unpin();
        conn.number as u64
    }

    fn report(&self, name: u64, worker: usize, callback: &mut dyn FnMut(&Arc<Conn>) -> After) -> Reported {
        let (number, own) = (name as usize, bit(worker));
        let entry = &self.entries[number];
        if !entry.grab() {
            return Reported::Gone;
        }
        if !entry.run(own, || self.is_over()) {
            entry.unpin();
            return Reported::NotOwner;
        }
        entry.unpin();
        let id = entry.id.load(Ordering::SeqCst);
        let Some(conn) = self.kernel.get(number) else {
            self.kernel.oracle().find(Fault::InsideClosed { worker });
            return Reported::Gone;
        };
        if callback(&conn) == After::Delete {
            self.delete(number, id, own);
            return Reported::Ran;
        }
        drop(conn);
        if !entry.grab() {
            return Reported::Gone;
        }
        let threads = entry.threads.load(Ordering::SeqCst);
        let before = entry.running.fetch_and(!own, Ordering::SeqCst);
        reach(Point::AfterClear);
        entry.unpin();
        if before == own && threads == 0 {
            self.close(number, id);
        }
        Reported::Ran
    }

    fn takeover(&self, name: u64, worker: usize, callback: &mut dyn FnMut(&Arc<Conn>) -> After) -> bool {
        let (number, own) = (name as usize, bit(worker));
        let entry = &self.entries[number];
        if !entry.grab() {
            return false;
        }
        if entry.running.compare_exchange(0, own, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            entry.unpin();
            return false;
        }
        reach(Point::BetweenTakeoverSteps);
        entry.threads.store(own, Ordering::SeqCst);
        entry.running.fetch_and(!own, Ordering::SeqCst);
        reach(Point::AfterClear);
        entry.unpin();
        let id = entry.id.load(Ordering::SeqCst);
        let Some(conn) = self.kernel.get(number) else {
            self.kernel.oracle().find(Fault::InsideClosed { worker });
            return false;
        };
        if callback(&conn) == After::Delete {
            self.delete(number, id, own);
        }
        true
    }
}
