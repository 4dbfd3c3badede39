//! Several threads, with the result of one.
//!
//! The threads do the expensive part, each on its own stretches of a block: they look ahead, and change nothing. What
//! they did not find is entered afterwards by one thread in the order of the block, so that numbers do not depend on who
//! was faster. Little is left to it: where a new row is known, entering it is one look into the index.

use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// How many are handed out in one go. Threads come for more when they are done, because some are longer work than others.
pub(super) const STRETCH: u32 = 1 << 8;

/// Below this many in a block, threads cost more than they bring.
const WORTH_THREADS: usize = 1 << 9;

/// What `look` makes of each stretch of a block, in their order.
pub(super) fn look_ahead<T: Send>(block: Range<u32>, threads: usize, look: impl Fn(Range<u32>) -> T + Sync) -> Vec<T> {
    if threads <= 1 || block.len() < WORTH_THREADS {
        return vec![look(block)];
    }
    let next = AtomicU32::new(block.start);
    let work = || {
        let mut done = Vec::new();
        loop {
            // Nothing else is published through the number.
            let begin = next.fetch_add(STRETCH, Ordering::Relaxed);
            if begin >= block.end {
                return done;
            }
            done.push((begin, look(begin..block.end.min(begin + STRETCH))));
        }
    };
    let mut stretches = thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut stretches = work();
        for worker in workers {
            match worker.join() {
                Ok(done) => stretches.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        stretches
    });
    stretches.sort_unstable_by_key(|&(begin, _)| begin);
    stretches.into_iter().map(|(_, stretch)| stretch).collect()
}
