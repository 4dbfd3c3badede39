//! Deletion by a thread of the group (D), by one of another group (X), and the close (O).

use std::sync::atomic::Ordering;

use handfast::ownership::AtomicWord;

use super::design::{Closing, Design, Orders};
use super::entry::Entry;
use super::masks::{Family, Mask, Plain};
use super::{Caller, Step};

impl<A: Family, D: Design> Entry<A, D> {
    /// Deletes the descriptor, in the thread's callback or outside. The caller has a right to: it is allowed to run, or
    /// holds a lock under which all deletions are.
    pub fn delete<C: Caller>(&self, caller: &mut C) {
        if D::DELETER_HOLDS && self.is_foreign(caller) {
            return self.delete_foreign(caller);
        }
        let own = caller.bit();
        if D::DELETER_HOLDS {
            caller.reach(Step::D0);
            self.hold();
        }
        caller.reach(Step::D1);
        self.running.fetch_or(own, D::Orders::ANNOUNCE);
        caller.reach(Step::D2);
        self.owes();
        caller.reach(Step::D3);
        self.threads.store(0, D::Orders::FORBID);
        caller.reach(Step::D4);
        let last = self.running.fetch_and(!own, D::Orders::CLEAR) == own;
        let wins = match D::CLOSING {
            Closing::Flag => last && self.takes_duty(caller, Step::D5),
            Closing::Rule => self.concludes(caller),
            Closing::LastLeaver => last,
        };
        if D::DELETER_HOLDS {
            caller.reach(Step::K4);
            self.release();
        }
        if wins {
            self.close(caller);
        }
    }

    /// A thread of another group has no bit in the running mask.
    fn delete_foreign<C: Caller>(&self, caller: &mut C) {
        caller.reach(Step::X0);
        self.hold();
        caller.reach(Step::X1);
        self.owes();
        caller.reach(Step::X2);
        self.threads.store(0, D::Orders::FORBID);
        caller.reach(Step::X3);
        let wins = self.nobody_runs() && self.takes_duty(caller, Step::K3);
        caller.reach(Step::K4);
        self.release();
        if wins {
            self.close(caller);
        }
    }

    /// Wipes the entry and closes the number, which is the last act because it gives the number away.
    pub(super) fn close<C: Caller>(&self, caller: &mut C) {
        caller.reach(Step::O3);
        self.reset();
        caller.reach(Step::O4);
        self.drain();
        caller.reach(Step::O6);
        self.listed.store(0, Ordering::Relaxed);
        self.updates.store(0, Ordering::Release);
        caller.unqueue();
        caller.reach(Step::O8);
        self.write();
        self.kept.write();
        self.polled.store(0, Ordering::Relaxed);
        self.state.store(0, Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Relaxed);
        self.owner.store(0, D::Orders::OWNER);
        caller.reach(Step::O12);
        caller.close();
    }
}
