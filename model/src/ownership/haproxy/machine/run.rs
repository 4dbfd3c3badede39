//! What a thread does with a report (UE, and B before the repair).

use handfast_spec::ownership::{Away, Incarnation, Output, Refusal, Thread};

use super::super::switches::{Closing, Dispatch, Enter, State, Wait, Walk};
use super::super::vocabulary::Step;
use super::{After, Conn, Flags, Haproxy, Outcome, Outputs, Worker};

impl Haproxy {
    pub(super) fn enters(&mut self, thread: Thread, step: Step, outputs: &mut Outputs) -> Outcome {
        let own = self.bounds.bit(thread);
        match step {
            Step::Ue1 => self.dispatch(thread, outputs),
            Step::Ue2 => return self.take_reference(thread, outputs),
            Step::Ue3 if self.slot.threads & own == 0 && self.switches.enter != Enter::AnnouncesAtOnce => {
                self.go(thread, Step::Upd1);
            }
            Step::Ue3 if self.switches.state == State::PlainBefore => self.go(thread, Step::Ue10),
            Step::Ue3 => self.go(thread, Step::Ue4),
            Step::Ue4 => {
                self.slot.running |= own;
                match self.switches.enter {
                    Enter::LooksThenSets => self.validate(thread, outputs),
                    Enter::AnnouncesThenLooks
                    | Enter::AnnouncesThenLooksOnce
                    | Enter::AnnouncesAtOnce
                    | Enter::LooksThenSwaps => self.go(thread, Step::Ue5),
                }
            }
            Step::Ue5 => {
                self.worker(thread).running = self.slot.running & !own;
                self.go(thread, Step::Ue6);
            }
            Step::Ue6 => self.synchronise(thread, outputs),
            Step::Ue7 => self.withdraw(thread, outputs),
            // UE8, the last step that is sent here.
            _ => {
                self.release();
                let alone = core::mem::take(&mut self.worker(thread).threads) == own;
                let plain = self.switches.state == State::Plain && alone;
                self.go(thread, if plain { Step::Ue10 } else { Step::Ue12 });
            }
        }
        Ok(())
    }

    /// OWN-5, at HEAD: the report is of the entry's generation, and of this group.
    fn dispatch(&mut self, thread: Thread, outputs: &mut Outputs) {
        let Some(about) = self.worker(thread).report else { return };
        let lock_shows = self.slot.locked && !self.switches.lock_bit_hidden;
        if about.0 != self.slot.generation {
            self.worker(thread).report = None;
            outputs.push(Output::TurnedAway(thread, about, Away::Gone));
        } else if self.slot.tgid != self.bounds.group(thread) || lock_shows {
            self.worker(thread).report = None;
            outputs.push(Output::TurnedAway(thread, about, Away::NotOwner));
            self.forget(thread, about, outputs);
        } else {
            self.call(thread, Step::Ue2, outputs);
        }
    }

    fn take_reference(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let group = self.bounds.group(thread);
        let ours = self.grab(group)?;
        let Some(about) = self.worker(thread).report.take() else { return Ok(()) };
        let began = self.worker(thread).at == Step::Ue2;
        let stale = self.switches.dispatch == Dispatch::Held && about.0 != self.slot.generation;
        if !ours || stale {
            if ours {
                self.release();
            }
            let strays = self.switches.forgets_strays && self.slot.tgid != 0 && self.slot.owner == Some(about);
            let away = if strays { Away::NotOwner } else { Away::Gone };
            outputs.push(Output::TurnedAway(thread, about, away));
            if strays {
                self.forget(thread, about, outputs);
            }
            if began {
                self.rest(thread, outputs);
            }
            return Ok(());
        }
        let first = if self.switches.enter == Enter::LooksThenSwaps { Step::Be1 } else { Step::Ue3 };
        if began {
            self.go(thread, first)
        } else {
            self.call(thread, first, outputs)
        }
        self.worker(thread).meant = about;
        Ok(())
    }

    /// The synchronisation loop: a taker that has begun is among those who run and not among those who are allowed.
    fn synchronise(&mut self, thread: Thread, outputs: &mut Outputs) {
        let own = self.bounds.bit(thread);
        let threads = self.slot.threads;
        let runs = core::mem::take(&mut self.worker(thread).running);
        let allowed = threads & own != 0;
        let waits = match self.switches.wait {
            Wait::ForAll => true,
            Wait::WhileAllowed => allowed,
        };
        if runs & !threads != 0 && waits && self.switches.enter != Enter::AnnouncesThenLooksOnce {
            self.go(thread, Step::Ue5);
        } else if allowed {
            self.validate(thread, outputs);
        } else {
            self.go(thread, Step::Ue7);
        }
    }

    /// OWN-1, OWN-4: from here on the thread believes that the descriptor is its own.
    fn validate(&mut self, thread: Thread, outputs: &mut Outputs) {
        let plain = self.switches.state == State::Plain;
        let threads = if plain { self.slot.threads } else { 0 };
        let worker = self.worker(thread);
        worker.inside = true;
        worker.threads = threads;
        worker.at = Step::Ue8;
        outputs.push(Output::Entered(thread, worker.found, worker.meant));
    }

    fn withdraw(&mut self, thread: Thread, outputs: &mut Outputs) {
        let own = self.bounds.bit(thread);
        let last = self.slot.running == own;
        self.touch(thread, outputs);
        self.slot.running &= !own;
        self.worker(thread).after = After::Lost;
        match self.switches.closing {
            Closing::Flag => self.go(thread, if last { Step::Cm1 } else { Step::Upd1 }),
            Closing::Rule | Closing::RuleForAnyone => self.go(thread, Step::K1),
            Closing::RuleWithoutMask if last => self.go(thread, Step::K3),
            Closing::LastLeaver if last && self.slot.threads == 0 => self.win(thread, Step::K4, outputs),
            Closing::RuleWithoutMask
            | Closing::LastLeaver
            | Closing::RuleAtDeletionOnly
            | Closing::Waits
            | Closing::Bypassed => self.go(thread, Step::Upd1),
        }
    }

    /// Before the repair: a look until the masks agree, and a swap that succeeds if the running mask looks as before.
    pub(super) fn entered_before(&mut self, thread: Thread, step: Step, outputs: &mut Outputs) -> Outcome {
        let own = self.bounds.bit(thread);
        let slot = self.slot;
        let worker = self.worker(thread);
        match step {
            Step::Be1 => {
                worker.running = slot.running;
                worker.at = Step::Be2;
            }
            Step::Be2 if worker.running & !slot.threads != 0 => {
                worker.running = 0;
                worker.at = Step::Be1;
            }
            Step::Be2 if slot.threads & own == 0 => {
                worker.running = 0;
                worker.at = Step::Upd1;
            }
            Step::Be2 => worker.at = Step::Be3,
            Step::Be3 if core::mem::take(&mut worker.running) == slot.running => {
                self.slot.running |= own;
                self.validate(thread, outputs);
            }
            // B3 that failed: no other step is sent here.
            _ => worker.at = Step::Be1,
        }
        Ok(())
    }

    pub(super) fn runs(&mut self, thread: Thread, step: Step, outputs: &mut Outputs) -> Outcome {
        let own = self.bounds.bit(thread);
        match step {
            Step::Ue10 => {
                self.worker(thread).flags = self.slot.flags;
                self.go(thread, Step::Ue11);
            }
            Step::Ue11 => self.store_flags(thread, outputs),
            Step::Ue12 => return self.calls_back(thread, outputs),
            Step::Callback => {
                let idle = self.worker(thread).idle && self.conn == Conn::Used(thread);
                if idle {
                    self.unlocked()?;
                    self.conn = Conn::Listed(thread);
                }
                self.go(thread, Step::Ue13);
            }
            Step::Ue13 => {
                let group = self.bounds.group(thread);
                if self.grab(group)? {
                    self.go(thread, Step::Ue14);
                } else {
                    self.leave(thread, outputs);
                    self.rest(thread, outputs);
                }
            }
            Step::Ue14 => {
                self.worker(thread).threads = self.slot.threads;
                self.go(thread, Step::Ue15);
            }
            Step::Ue15 => self.stops(thread, own, outputs),
            // UE17, the last step that is sent here.
            _ => {
                self.release();
                self.rest(thread, outputs);
            }
        }
        Ok(())
    }

    /// OWN-10: what another thread set between the read and the write is lost.
    fn store_flags(&mut self, thread: Thread, outputs: &mut Outputs) {
        let Flags { active, must_close } = core::mem::take(&mut self.worker(thread).flags);
        let Flags { active: now_active, must_close: owed } = self.slot.flags;
        if (now_active, owed) != (active, must_close) {
            outputs.push(Output::FlagLost(self.worker(thread).found));
        }
        self.slot.flags = Flags { active, must_close };
        let before = self.switches.state == State::PlainBefore;
        self.go(thread, if before { Step::Ue4 } else { Step::Ue12 });
    }

    /// The callback reads all there is. One of an idle connection takes it out of its list first, one of a socket
    /// takes the lock of it.
    fn calls_back(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        if !self.slot.flags.active {
            self.go(thread, Step::Ue13);
            return Ok(());
        }
        match self.conn {
            Conn::Listed(owner) if owner == thread => {
                self.unlocked()?;
                self.conn = Conn::Used(thread);
                self.worker(thread).idle = true;
            }
            Conn::Anybodys => self.unlocked()?,
            // A socket that somebody deletes under its lock.
            Conn::Gone => self.unlocked()?,
            Conn::Listed(_) | Conn::Used(_) | Conn::Sent(_) => {}
        }
        let found = self.worker(thread).found;
        if self.open.is_some_and(|open| open != found) {
            outputs.push(Output::Mixed(thread));
        } else if core::mem::take(&mut self.data) {
            outputs.push(Output::Handled(thread, found));
        }
        self.go(thread, Step::Callback);
        Ok(())
    }

    fn stops(&mut self, thread: Thread, own: u8, outputs: &mut Outputs) {
        let last = self.slot.running == own;
        let ran = self.slot.running & own != 0;
        let threads = core::mem::take(&mut self.worker(thread).threads);
        if ran {
            self.touch(thread, outputs);
        }
        self.slot.running &= !own;
        self.leave(thread, outputs);
        self.worker(thread).after = After::Callback;
        let next = match self.switches.closing {
            Closing::Flag if last && threads & own == 0 => Step::Cm1,
            // Who was deleted under its own callback has nothing to conclude, least of all about what has the number now.
            Closing::Rule if ran => Step::K1,
            Closing::RuleForAnyone => Step::K1,
            Closing::RuleWithoutMask if last => Step::K3,
            Closing::LastLeaver if last && threads == 0 => return self.win(thread, Step::K4, outputs),
            Closing::Flag
            | Closing::Rule
            | Closing::RuleWithoutMask
            | Closing::LastLeaver
            | Closing::RuleAtDeletionOnly
            | Closing::Waits
            | Closing::Bypassed => Step::Ue17,
        };
        self.go(thread, next);
    }
}

/// Nothing happens unless the condition holds.
pub(super) fn only_if(condition: bool) -> Outcome {
    if condition { Ok(()) } else { Err(Refusal::Busy) }
}

/// What a thread's poller does: updates (U, S), and reports (W).
impl Haproxy {
    pub(super) fn polls(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let Worker { at, report, entries, .. } = *self.worker(thread);
        if at != Step::Rest || report.is_some() {
            return Err(Refusal::NotNow);
        }
        if self.conn == Conn::Sent(thread) && self.lock.is_none() {
            self.takes_up(thread, outputs);
            return Ok(());
        }
        let listed = self.is_listed(thread);
        if entries > 0 || listed {
            let walking = entries == 0;
            self.call(thread, if walking { Step::S1 } else { Step::U1 }, outputs);
            return Ok(());
        }
        if !self.is_due(thread) {
            return Err(Refusal::NothingNew);
        }
        self.report(thread, outputs);
        Ok(())
    }

    /// Whether the list of the thread's group has something for it. A thread that polls walks the list in any case; where
    /// that is all, it is not worth a step, unless a walk does harm.
    fn is_listed(&self, thread: Thread) -> bool {
        let ours = self.slot.listed != 0 && self.slot.listed == self.bounds.group(thread);
        let worth = match self.switches.walk {
            Walk::Returns => self.slot.updates & self.bounds.bit(thread) != 0,
            Walk::Leaks => self.slot.updates & self.bounds.bit(thread) != 0 || self.is_due(thread),
        };
        ours && worth
    }

    /// Reports are repeated until there is nothing to read: what is registered and has something is due.
    fn is_due(&self, thread: Thread) -> bool {
        self.data && self.workers[thread.index()].watched.is_some()
    }

    fn report(&mut self, thread: Thread, outputs: &mut Outputs) {
        if self.is_due(thread) {
            let worker = self.worker(thread);
            worker.report = worker.watched;
            outputs.extend(worker.watched.map(|about| Output::Reported(thread, about)));
        }
    }

    pub(super) fn updates(&mut self, thread: Thread, step: Step, outputs: &mut Outputs) -> Outcome {
        let own = self.bounds.bit(thread);
        let group = self.bounds.group(thread);
        match step {
            Step::U1 => {
                if self.grab(group)? {
                    self.go(thread, Step::U2);
                } else {
                    self.forget_stray(thread, outputs);
                    self.next_update(thread);
                }
            }
            Step::U2 => {
                self.slot.updates &= !own;
                let found = self.slot.owner;
                self.worker(thread).found = found.unwrap_or_default();
                self.go(thread, if found.is_some() { Step::U3 } else { Step::U4 });
            }
            Step::U3 => {
                self.tell_poller(thread, outputs);
                self.go(thread, Step::U4);
            }
            Step::U4 => {
                self.release();
                if core::mem::take(&mut self.worker(thread).walking) {
                    self.go(thread, Step::W);
                } else {
                    self.next_update(thread);
                }
            }
            Step::S1 => {
                if self.grab(group)? {
                    let ours = self.slot.updates & own != 0;
                    if !ours && self.switches.walk == Walk::Returns {
                        self.release();
                    }
                    self.go(thread, if ours { Step::S2 } else { Step::W });
                } else {
                    self.go(thread, Step::W);
                }
            }
            Step::S2 => {
                self.slot.updates &= !own;
                if self.slot.updates == 0 {
                    self.slot.listed = 0;
                }
                self.worker(thread).walking = true;
                self.go(thread, Step::U3);
            }
            // W, the last step that is sent here.
            _ => {
                self.report(thread, outputs);
                self.rest(thread, outputs);
            }
        }
        Ok(())
    }

    /// OWN-23: an update of what is not for this thread to watch, or is another group's by now. There may be a
    /// registration that no mask knows of, and the kernel is asked in any case.
    fn forget_stray(&mut self, thread: Thread, outputs: &mut Outputs) {
        let Some(which) = self.worker(thread).watched else { return };
        if self.switches.forgets_strays && self.slot.tgid != 0 && self.slot.owner == Some(which) {
            self.forget(thread, which, outputs);
        }
    }

    fn next_update(&mut self, thread: Thread) {
        let listed = self.is_listed(thread);
        let worker = self.worker(thread);
        worker.entries = worker.entries.saturating_sub(1);
        worker.at = if worker.entries > 0 {
            Step::U1
        } else if listed {
            Step::S1
        } else {
            Step::W
        };
    }

    /// OWN-8, under a reference: the bit first, and then the kernel.
    fn tell_poller(&mut self, thread: Thread, outputs: &mut Outputs) {
        let own = self.bounds.bit(thread);
        let found = self.worker(thread).found;
        let wanted = self.slot.threads & own != 0 && self.slot.flags.active;
        let polled = self.slot.polled & own != 0;
        if polled && !wanted {
            self.slot.polled &= !own;
            if !self.forget(thread, found, outputs) {
                outputs.push(Output::KernelRefused(thread));
            }
        } else if wanted && !polled {
            self.slot.polled |= own;
            self.watch(thread, outputs);
        } else if !wanted {
            self.forget_stray(thread, outputs);
        }
    }

    fn watch(&mut self, thread: Thread, outputs: &mut Outputs) {
        let open = self.open;
        // Since 752c5cba5 a registration that is there already is replaced.
        let replaces = self.switches.dispatch != Dispatch::Unchecked;
        let worker = self.worker(thread);
        match (open, worker.watched) {
            (Some(which), None) => {
                worker.watched = open;
                outputs.push(Output::Watched(thread, which));
            }
            (Some(_), Some(_)) if replaces => {}
            (Some(_), Some(_)) | (None, _) => outputs.push(Output::KernelRefused(thread)),
        }
    }

    /// Has the poller forget what it watches under the number; whether it watches anything.
    pub(super) fn forget(&mut self, thread: Thread, meant: Incarnation, outputs: &mut Outputs) -> bool {
        let watched = self.worker(thread).watched.take();
        outputs.extend(watched.map(|found| Output::Forgotten(thread, found, meant)));
        watched.is_some()
    }
}
