//! What a thread's poller does with updates (U, S).

use std::sync::atomic::Ordering;

use handfast::ownership::AtomicWord;

use super::design::{Design, Orders};
use super::entry::{ACTIVE, Entry};
use super::masks::{Family, Mask};
use super::{Caller, Step};

impl<A: Family, D: Design> Entry<A, D> {
    /// Whether the list of the thread's group has something for it.
    pub fn is_listed_for<C: Caller>(&self, caller: &C) -> bool {
        let listed = self.listed.load(Ordering::Acquire);
        listed == caller.group() && self.updates.load(Ordering::Relaxed) & caller.bit() != 0
    }

    /// Tells the thread's poller of the updates in its queue and in the list of its group, and has it report.
    pub fn poll<C: Caller>(&self, caller: &mut C) {
        while caller.is_queued() {
            self.next_of_queue(caller);
        }
        if self.is_listed_for(caller) {
            self.next_of_list(caller);
        }
        caller.reach(Step::W);
        caller.ask_poller();
    }

    fn next_of_queue<C: Caller>(&self, caller: &mut C) {
        let own = caller.bit();
        caller.reach(Step::U1);
        if self.grab(caller, |caller, group| self.forget_unknown(caller, group)) {
            caller.reach(Step::U2);
            self.look();
            self.updates.fetch_and(!own, D::Orders::NOTE);
            if self.owner.load(D::Orders::READ_OWNER) != 0 {
                caller.reach(Step::U3);
                self.tell_poller(caller);
            }
            caller.reach(Step::U4);
            self.release();
        }
        caller.unqueue();
    }

    fn next_of_list<C: Caller>(&self, caller: &mut C) {
        let own = caller.bit();
        caller.reach(Step::S1);
        if !self.grab(caller, |_, _| ()) {
            return;
        }
        if self.updates.load(Ordering::Relaxed) & own == 0 {
            return self.release();
        }
        caller.reach(Step::S2);
        if self.updates.fetch_and(!own, D::Orders::NOTE) & !own == 0 {
            self.listed.store(0, Ordering::Release);
        }
        caller.reach(Step::U3);
        self.tell_poller(caller);
        caller.reach(Step::U4);
        self.release();
    }

    /// Under a reference: the bit first, and then the kernel.
    fn tell_poller<C: Caller>(&self, caller: &mut C) {
        let own = caller.bit();
        let allowed = self.threads.load(D::Orders::ALLOWED) & own != 0;
        let wanted = allowed && self.state.load(Ordering::Relaxed) & ACTIVE != 0;
        let polled = self.polled.load(Ordering::Relaxed) & own != 0;
        if polled && !wanted {
            self.polled.fetch_and(!own, D::Orders::NOTE);
            caller.forget();
        } else if wanted && !polled {
            self.polled.fetch_or(own, D::Orders::NOTE);
            caller.watch(self.generation.load(Ordering::Relaxed));
        } else if !wanted {
            self.forget_unknown(caller, caller.group());
        }
    }

    /// An update of what is not for this thread to watch, or is another group's by now: there may be a registration
    /// that no mask knows of.
    fn forget_unknown<C: Caller>(&self, caller: &mut C, group: u64) {
        let watched = caller.watched();
        if D::CHECKS_REPORTS && group != 0 && watched.is_some_and(|generation| self.holds(generation)) {
            caller.forget();
        }
    }
}
