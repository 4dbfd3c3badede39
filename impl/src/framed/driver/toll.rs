//! How much a task may do in one poll.

use std::task::{Context, Poll, ready};

use crate::runtime::task::coop;

/// The work that one unit of tokio's budget pays for, in bytes. A task has 128 units in each poll: 2 MiB, or 8,192 empty
/// frames, which take a third of a millisecond and half of one.
const UNIT: usize = 16 * 1024;

/// What a frame or a call of the transport costs beside its bytes, in bytes that are copied in the same time.
const STEP: usize = 256;

/// The work of a task that it has not paid for.
///
/// tokio's transports spend one unit of the budget for a call, which may bring 30,000 frames. A peer that sends small ones
/// without a pause would hold the thread for as long as it likes. So each loop of the driver pays for what it did.
#[derive(Debug, Default)]
pub(super) struct Toll {
    owed: usize,
}

impl Toll {
    /// Notes one frame, or one call of the transport, with so many bytes.
    pub(super) fn add(&mut self, bytes: usize) {
        self.owed = self.owed.saturating_add(STEP + bytes);
    }

    /// Returns when the task may go on. If its budget is spent, the task is woken for its next turn.
    pub(super) fn poll_pay(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.owed < UNIT { Poll::Ready(()) } else { self.poll_pay_units(cx) }
    }

    #[cold]
    fn poll_pay_units(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.owed >= UNIT {
            if let Poll::Ready(unit) = coop::poll_proceed(cx) {
                unit.made_progress();
                self.owed -= UNIT;
            } else {
                // One turn of the others makes up for any amount, so that one large piece does not cost several.
                self.owed = UNIT;
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}

/// Returns when the task has some budget left in this poll, and is woken for its next turn otherwise.
pub(super) fn poll_turn(cx: &mut Context<'_>) -> Poll<()> {
    // Dropped without progress, the unit goes back.
    drop(ready!(coop::poll_proceed(cx)));
    Poll::Ready(())
}
