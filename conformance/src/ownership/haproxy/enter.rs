//! What a thread does with a report (UE, B before the repair, CM, UPD), and the decision who closes (K).

use std::sync::atomic::Ordering;

use handfast::ownership::AtomicWord;

use super::design::{Closing, Design, Enter, Orders};
use super::entry::{ACTIVE, Entry, MUST_CLOSE, READY};
use super::masks::{Family, Mask, Plain};
use super::{Caller, Step};

/// How the synchronisation of a thread with a report ends.
enum Entered {
    /// It is allowed, as one of these.
    Allowed(u64),
    /// It is not, and has not announced itself.
    Turned,
    /// It is not, and has taken its announcement back, as the last of the runners or not.
    Withdrew { last: bool },
}

impl<A: Family, D: Design> Entry<A, D> {
    /// Acts on a report: runs the callback, if the thread is allowed to.
    #[inline]
    pub fn update_events<C: Caller>(&self, caller: &mut C, about: u64) {
        caller.reach(Step::Ue2);
        caller.report_taken();
        let astray = |caller: &mut C, group| {
            let ends = D::CHECKS_REPORTS && group != 0 && self.holds(about);
            if ends {
                caller.forget();
            }
        };
        if !self.grab(caller, astray) {
            return;
        }
        if D::CHECKS_REPORTS && self.generation.load(Ordering::Relaxed) != about {
            return self.release();
        }
        let entered = match D::ENTER {
            Enter::LooksThenSwaps => self.looks_then_swaps(caller),
            Enter::AnnouncesThenLooks => self.announces_then_looks(caller),
        };
        match entered {
            Entered::Allowed(threads) => self.runs(caller, threads),
            Entered::Turned => self.turned_away(caller, about),
            Entered::Withdrew { last } => {
                let wins = match D::CLOSING {
                    Closing::Flag => last && self.takes_duty(caller, Step::Cm1),
                    Closing::Rule => self.concludes(caller),
                    Closing::LastLeaver => last && self.threads.load(D::Orders::ALLOWED) == 0,
                };
                if wins {
                    caller.reach(if D::CLOSING == Closing::Flag { Step::Cm2 } else { Step::K4 });
                    self.release();
                    self.close(caller);
                } else {
                    self.turned_away(caller, about);
                }
            }
        }
    }

    /// Whether the descriptor of this generation is in the entry.
    pub(super) fn holds(&self, generation: u64) -> bool {
        self.owner.load(D::Orders::READ_OWNER) != 0 && self.generation.load(Ordering::Relaxed) == generation
    }

    fn looks_then_swaps<C: Caller>(&self, caller: &mut C) -> Entered {
        let own = caller.bit();
        loop {
            caller.reach(Step::Be1);
            let running = self.running.load(D::Orders::RUNNING);
            caller.reach(Step::Be2);
            let threads = self.threads.load(D::Orders::ALLOWED);
            if running & !threads != 0 {
                A::Word::wait();
                continue;
            }
            if threads & own == 0 {
                return Entered::Turned;
            }
            caller.reach(Step::Be3);
            if self.running.compare_exchange(running, running | own, D::Orders::TAKE).is_ok() {
                return Entered::Allowed(threads);
            }
        }
    }

    #[inline]
    fn announces_then_looks<C: Caller>(&self, caller: &mut C) -> Entered {
        let own = caller.bit();
        caller.reach(Step::Ue3);
        if self.threads.load(D::Orders::ALLOWED) & own == 0 {
            return Entered::Turned;
        }
        caller.reach(Step::Ue4);
        self.running.fetch_or(own, D::Orders::ANNOUNCE);
        loop {
            caller.reach(Step::Ue5);
            let running = self.running.load(D::Orders::RUNNING) & !own;
            caller.reach(Step::Ue6);
            let threads = self.threads.load(D::Orders::ALLOWED);
            let allowed = threads & own != 0;
            if running & !threads != 0 && (allowed || D::WAITS_FOR_ALL) {
                A::Word::wait();
                continue;
            }
            if allowed {
                return Entered::Allowed(threads);
            }
            caller.reach(Step::Ue7);
            let ran = self.running.fetch_and(!own, D::Orders::CLEAR);
            return Entered::Withdrew { last: ran == own };
        }
    }

    #[inline]
    fn runs<C: Caller>(&self, caller: &mut C, threads: u64) {
        let own = caller.bit();
        caller.reach(Step::Ue8);
        self.look();
        self.release();
        let flags = if D::WRITES_FLAGS && threads == own {
            caller.reach(Step::Ue10);
            let flags = self.state.load(Ordering::Relaxed);
            caller.reach(Step::Ue11);
            self.state.store(flags | READY, Ordering::Relaxed);
            caller.reach(Step::Ue12);
            self.state.load(Ordering::Relaxed)
        } else {
            caller.reach(Step::Ue12);
            self.state.fetch_or(READY, D::Orders::FLAGS)
        };
        if flags & ACTIVE != 0 {
            self.fields.read();
            caller.callback();
        }
        self.leaves(caller);
    }

    #[inline]
    fn leaves<C: Caller>(&self, caller: &mut C) {
        let own = caller.bit();
        caller.reach(Step::Ue13);
        if !self.grab(caller, |_, _| ()) {
            return;
        }
        caller.reach(Step::Ue14);
        // The closing rule reads it later: K1.
        let threads = if D::CLOSING == Closing::Rule { own } else { self.threads.load(D::Orders::ALLOWED) };
        caller.reach(Step::Ue15);
        let ran = self.running.fetch_and(!own, D::Orders::CLEAR);
        let wins = match D::CLOSING {
            Closing::Flag => ran == own && threads & own == 0 && self.takes_duty(caller, Step::Cm1),
            // Who was deleted under its own callback has nothing to conclude.
            Closing::Rule => ran & own != 0 && self.concludes(caller),
            Closing::LastLeaver => ran == own && threads == 0,
        };
        if wins {
            caller.reach(if D::CLOSING == Closing::Flag { Step::Cm2 } else { Step::K4 });
            self.release();
            self.close(caller);
        } else if D::CLOSING == Closing::Flag && ran == own && threads & own == 0 {
            self.notes(caller);
        } else {
            caller.reach(Step::Ue17);
            self.release();
        }
    }

    /// A thread that is not allowed: it notes an update, upon which its poller forgets the descriptor; or has its poller
    /// forget what no mask knows of.
    fn turned_away<C: Caller>(&self, caller: &mut C, about: u64) {
        let own = caller.bit();
        caller.reach(Step::Upd1);
        let unknown = D::CHECKS_REPORTS && self.polled.load(D::Orders::READ_OWNER) & own == 0;
        if unknown && self.holds(about) {
            caller.forget();
        } else {
            self.note(caller);
        }
        caller.reach(Step::Upd2);
        self.release();
    }

    /// The same after a callback, when the flag was another thread's to clear.
    fn notes<C: Caller>(&self, caller: &mut C) {
        caller.reach(Step::Upd1);
        self.note(caller);
        caller.reach(Step::Upd2);
        self.release();
    }

    /// An update is noted in the entry, and queued by the thread that noted it first.
    pub(super) fn note<C: Caller>(&self, caller: &mut C) {
        let own = caller.bit();
        let noted = self.updates.fetch_or(own, D::Orders::NOTE) & own != 0;
        let keeps = D::QUEUES_ONCE && caller.is_queued();
        if !noted && !keeps {
            caller.queue();
        }
    }

    /// The closing rule, asked under a reference: is no thread allowed, does none run, is the close still owed? The one
    /// that is told so closes.
    pub(super) fn concludes<C: Caller>(&self, caller: &mut C) -> bool {
        caller.reach(Step::K1);
        if self.threads.load(D::Orders::ALLOWED) != 0 {
            return false;
        }
        caller.reach(Step::K2);
        self.nobody_runs() && self.takes_duty(caller, Step::K3)
    }

    /// Sets the flag that says that a close is owed.
    pub(super) fn owes(&self) {
        self.state.fetch_or(MUST_CLOSE, D::Orders::OWE);
    }
}

/// Deletion by a thread of the group (D), by one of another group (X), and the close (O).
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
