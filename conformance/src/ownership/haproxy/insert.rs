//! How a descriptor comes into the table (N, P), and to another thread (T).

use std::sync::atomic::Ordering;

use handfast::ownership::AtomicWord;

use super::design::{Design, Orders};
use super::entry::{ACTIVE, Entry};
use super::masks::{Family, Mask};
use super::{Caller, Step};

impl<A: Family, D: Design> Entry<A, D> {
    /// Inserts a descriptor: `owner` is what it belongs to, and is not 0; `threads` who is allowed to run it.
    pub fn insert<C: Caller>(&self, caller: &mut C, owner: u64, threads: u64) {
        caller.reach(Step::N3);
        self.claim(caller);
        caller.reach(Step::N5);
        if D::CLAIMS_WIPED {
            // Whoever closed has wiped it before the number could come back, and here that is seen.
            while self.owner.load(D::Orders::READ_OWNER) != 0 {
                A::Word::wait();
            }
        }
        self.write();
        let left = [&self.owner, &self.running, &self.state].map(|word| word.load(D::Orders::READ_OWNER));
        self.state.store(0, Ordering::Relaxed);
        self.owner.store(owner, D::Orders::OWNER);
        self.threads.store(threads, D::Orders::ALLOW);
        caller.stored(left == [0; 3]);
        caller.reach(Step::N7);
        self.release();
    }

    /// Wishes the descriptor to be polled: by the calling thread, or if it is `shared` by all that are allowed.
    pub fn want<C: Caller>(&self, caller: &mut C, shared: bool) {
        caller.reach(Step::P0);
        if self.state.fetch_or(ACTIVE, D::Orders::FLAGS) & ACTIVE != 0 {
            return;
        }
        caller.reach(Step::P4);
        if shared {
            self.updates.store(self.threads.load(D::Orders::ALLOWED), D::Orders::ALLOW);
            self.listed.store(caller.group(), Ordering::Release);
        } else {
            self.note(caller);
        }
    }

    /// Takes an idle descriptor over from another thread of the group; whether it did. The caller has locked the list
    /// of that thread's idle ones, in which the descriptor is.
    pub fn takeover<C: Caller>(&self, caller: &mut C) -> bool {
        let own = caller.bit();
        caller.reach(Step::T2);
        if !self.grab(caller, |_, _| ()) {
            return false;
        }
        caller.reach(Step::T3);
        if self.running.compare_exchange(0, own, D::Orders::TAKE).is_err() {
            caller.reach(Step::T8);
            self.release();
            return false;
        }
        caller.reach(Step::T4);
        self.threads.store(own, D::Orders::ALLOW);
        caller.reach(Step::T5);
        self.state.fetch_and(!ACTIVE, D::Orders::FLAGS);
        caller.reach(Step::T6);
        self.running.fetch_and(!own, D::Orders::CLEAR);
        caller.reach(Step::T7);
        self.release();
        true
    }
}
