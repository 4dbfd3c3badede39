//! Deletion by a thread of the group (D), by one of another group (X), and the close (O).

use handfast_spec::ownership::{Away, Output, Refusal, Thread};

use super::super::switches::{Closing, Drain, Foreign, Queue, Reference, Unlist, Wipe};
use super::super::vocabulary::Step;
use super::run::only_if;
use super::{After, Conn, Flags, Haproxy, Outcome, Outputs};

impl Haproxy {
    /// A connection is deleted by the thread that uses it, and out of its list before; a socket by any thread, under its lock.
    pub(super) fn deletes(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let nested = self.worker(thread).at == Step::Callback;
        if !nested {
            self.is_free(thread)?;
        }
        if self.slot.owner.is_none() {
            return Err(Refusal::Gone);
        }
        match self.conn {
            Conn::Used(owner) if owner == thread => {}
            Conn::Listed(owner) if owner == thread => self.unlocked()?,
            Conn::Anybodys => self.unlocked()?,
            Conn::Gone | Conn::Used(_) | Conn::Listed(_) | Conn::Sent(_) => return Err(Refusal::NotOwner),
        }
        if !nested {
            self.call(thread, Step::D1, outputs);
        }
        self.worker(thread).nested = nested;
        if self.conn == Conn::Anybodys {
            self.lock = Some(thread);
        } else if !self.worker(thread).inside {
            let worker = self.worker(thread);
            worker.inside = true;
            outputs.push(Output::Entered(thread, worker.found, worker.found));
        }
        let keeps = self.switches.unlist == Unlist::NotForDeletion && matches!(self.conn, Conn::Listed(_));
        if !keeps {
            self.conn = Conn::Gone;
        }
        if self.switches.closing == Closing::Bypassed {
            self.leave(thread, outputs);
            self.close_number(thread, outputs);
            self.come_back(thread, outputs);
            return Ok(());
        }
        let foreign = self.slot.tgid != self.bounds.group(thread) && self.switches.foreign != Foreign::Mixes;
        let counted = self.switches.reference == Reference::Everybody;
        self.go(
            thread,
            if foreign {
                Step::X0
            } else if counted {
                Step::D0
            } else {
                Step::D1
            },
        );
        Ok(())
    }

    pub(super) fn ends(&mut self, thread: Thread, step: Step, outputs: &mut Outputs) -> Outcome {
        let own = self.bounds.bit(thread);
        match step {
            Step::D0 => {
                only_if(!self.slot.locked)?;
                self.slot.refs += 1;
                self.go(thread, Step::D1);
            }
            Step::D1 => {
                self.touch(thread, outputs);
                self.slot.running |= own;
                self.go(thread, Step::D2);
            }
            Step::D2 => {
                self.touch(thread, outputs);
                self.slot.flags.must_close = true;
                self.go(thread, Step::D3);
            }
            Step::D3 => {
                self.forbid(thread, outputs);
                self.go(thread, Step::D4);
            }
            Step::D4 => return self.stops_deleting(thread, own, outputs),
            Step::D5 if self.slot.flags.must_close => {
                self.touch(thread, outputs);
                self.slot.flags.must_close = false;
                self.win(thread, Step::O3, outputs);
                self.start_close(thread);
            }
            // D5 that came too late: no other step is sent here.
            _ => self.come_back(thread, outputs),
        }
        Ok(())
    }

    /// OWN-4: from here on no thread enters.
    fn forbid(&mut self, thread: Thread, outputs: &mut Outputs) {
        if self.slot.threads != 0 {
            self.touch(thread, outputs);
        }
        self.slot.threads = 0;
        if self.conn == Conn::Listed(thread) {
            self.conn = Conn::Gone;
        }
        outputs.push(Output::Deleting(thread, self.worker(thread).found));
    }

    fn stops_deleting(&mut self, thread: Thread, own: u8, outputs: &mut Outputs) -> Outcome {
        let last = self.slot.running == own;
        let counted = self.switches.reference == Reference::Everybody;
        only_if(last || self.switches.closing != Closing::Waits)?;
        self.touch(thread, outputs);
        self.slot.running &= !own;
        self.leave(thread, outputs);
        self.worker(thread).after = After::Deletion;
        match self.switches.closing {
            Closing::Flag if last && counted => self.go(thread, Step::K3),
            Closing::Flag if last => self.go(thread, Step::D5),
            Closing::Rule | Closing::RuleForAnyone | Closing::RuleAtDeletionOnly => self.go(thread, Step::K1),
            Closing::RuleWithoutMask if last => self.go(thread, Step::K3),
            Closing::LastLeaver | Closing::Waits if last && counted => self.win(thread, Step::K4, outputs),
            Closing::LastLeaver if last => {
                self.win(thread, Step::O3, outputs);
                self.start_close(thread);
            }
            Closing::Flag | Closing::RuleWithoutMask | Closing::LastLeaver | Closing::Waits | Closing::Bypassed => {
                if counted {
                    self.go(thread, Step::K4);
                } else {
                    self.come_back(thread, outputs);
                }
            }
        }
        Ok(())
    }

    pub(super) fn ends_foreign(&mut self, thread: Thread, step: Step, outputs: &mut Outputs) -> Outcome {
        let early = self.switches.foreign == Foreign::LooksEarly;
        let rule = self.switches.closing == Closing::Rule;
        match step {
            Step::X0 if self.switches.foreign == Foreign::Isolates => {
                let others = self.bounds.each().filter(|other| *other != thread);
                only_if(others.into_iter().all(|other| self.workers[other.index()].at == Step::Rest))?;
                (self.slot.threads, self.slot.running) = (0, 0);
                let found = self.worker(thread).found;
                outputs.push(Output::Deleting(thread, found));
                self.leave(thread, outputs);
                self.win(thread, Step::O3, outputs);
                self.start_close(thread);
            }
            Step::X0 => {
                only_if(!self.slot.locked)?;
                self.slot.refs += 1;
                self.go(thread, Step::X1);
            }
            Step::X1 => {
                self.slot.flags.must_close = true;
                self.go(thread, if early { Step::X3 } else { Step::X2 });
            }
            Step::X2 => {
                self.slot.threads = 0;
                let found = self.worker(thread).found;
                outputs.push(Output::Deleting(thread, found));
                self.leave(thread, outputs);
                let busy = core::mem::take(&mut self.worker(thread).running) != 0;
                self.go(
                    thread,
                    if !early {
                        Step::X3
                    } else if busy {
                        Step::X5
                    } else {
                        Step::X4
                    },
                );
            }
            Step::X3 if early => {
                self.worker(thread).running = self.slot.running;
                self.go(thread, Step::X2);
            }
            Step::X3 if rule => {
                self.worker(thread).after = After::Foreign;
                self.go(thread, if self.slot.running == 0 { Step::K3 } else { Step::K4 });
            }
            Step::X3 => self.go(thread, if self.slot.running == 0 { Step::X4 } else { Step::X5 }),
            Step::X4 if core::mem::take(&mut self.slot.flags.must_close) => self.win(thread, Step::X5, outputs),
            Step::X4 => self.go(thread, Step::X5),
            // X5, the last step that is sent here.
            _ => {
                self.release();
                if self.worker(thread).won { self.start_close(thread) } else { self.come_back(thread, outputs) }
            }
        }
        Ok(())
    }

    pub(super) fn start_close(&mut self, thread: Thread) {
        self.go(
            thread,
            match self.switches.drain {
                Drain::First => Step::O3,
                Drain::Last => Step::O6,
            },
        );
    }

    pub(super) fn closes(&mut self, thread: Thread, step: Step, outputs: &mut Outputs) -> Outcome {
        let last = self.switches.drain == Drain::Last;
        match step {
            Step::O3 => {
                self.slot.tgid = 0;
                self.slot.locked = false;
                self.go(thread, if last { Step::O12 } else { Step::O4 });
            }
            Step::O4 => {
                only_if(self.slot.refs == 0)?;
                self.go(thread, Step::O6);
            }
            Step::O6 => {
                let foreign = self.slot.listed != 0 && self.slot.listed != self.bounds.group(thread);
                if foreign && self.switches.wipe == Wipe::KeepsForeignList {
                    let found = self.worker(thread).found;
                    outputs.push(Output::UpdateMislaid(thread, found));
                } else {
                    self.slot.listed = 0;
                }
                self.slot.updates = 0;
                let worker = self.worker(thread);
                worker.entries = worker.entries.saturating_sub(1);
                self.go(thread, Step::O8);
            }
            Step::O8 => {
                self.wipe(thread, outputs);
                self.go(thread, if last { Step::O3 } else { Step::O12 });
            }
            // O12, the last step that is sent here.
            _ => {
                self.close_number(thread, outputs);
                self.come_back(thread, outputs);
            }
        }
        Ok(())
    }

    /// OWN-6: nothing is left but what the poller's threads are to clear themselves.
    fn wipe(&mut self, thread: Thread, outputs: &mut Outputs) {
        let found = self.worker(thread).found;
        if let Some(owner) = self.slot.owner.take() {
            if owner != found {
                outputs.push(Output::Mixed(thread));
            }
            outputs.push(Output::Wiped(thread, owner));
        }
        if self.switches.wipe != Wipe::KeepsPolled {
            self.slot.polled = 0;
        }
        self.slot.flags = Flags::default();
        self.slot.generation += 1;
    }

    /// OWN-3: the close is the last act, because it gives the number away.
    fn close_number(&mut self, thread: Thread, outputs: &mut Outputs) {
        let found = self.worker(thread).found;
        let closed = self.open.take();
        self.data = false;
        self.workers.iter_mut().for_each(|worker| worker.watched = None);
        outputs.push(Output::Closed(thread, closed.unwrap_or(found)));
    }

    /// The call that may have been a deletion is over; or the callback goes on that it was made in.
    pub(super) fn come_back(&mut self, thread: Thread, outputs: &mut Outputs) {
        if self.lock == Some(thread) {
            self.lock = None;
        }
        let worker = self.worker(thread);
        worker.won = false;
        if core::mem::take(&mut worker.nested) {
            worker.at = Step::Ue13;
        } else {
            self.rest(thread, outputs);
        }
    }
}

/// What a thread does that was turned away (CM, UPD), and the decision who closes (K).
impl Haproxy {
    pub(super) fn loses(&mut self, thread: Thread, step: Step, outputs: &mut Outputs) -> Outcome {
        match step {
            Step::Cm1 if core::mem::take(&mut self.slot.flags.must_close) => self.win(thread, Step::Cm2, outputs),
            Step::Cm1 => self.go(thread, Step::Upd1),
            Step::Cm2 => {
                self.release();
                self.start_close(thread);
            }
            Step::Upd1 => {
                let meant = self.worker(thread).meant;
                outputs.push(Output::TurnedAway(thread, meant, Away::NotOwner));
                let stray = self.slot.polled & self.bounds.bit(thread) == 0;
                if stray && self.switches.forgets_strays && self.slot.owner == Some(meant) {
                    self.forget(thread, meant, outputs);
                } else {
                    self.note(thread, outputs);
                }
                self.go(thread, Step::Upd2);
            }
            // UPD2, the last step that is sent here.
            _ => {
                self.release();
                self.rest(thread, outputs);
            }
        }
        Ok(())
    }

    /// OWN-9: an update is noted in the entry, and queued in the thread's own list by the thread that noted it first.
    pub(super) fn note(&mut self, thread: Thread, outputs: &mut Outputs) {
        let own = self.bounds.bit(thread);
        let noted = self.slot.updates & own != 0;
        self.slot.updates |= own;
        let found = self.worker(thread).found;
        let shared = self.slot.listed == self.bounds.group(thread);
        let once = self.switches.queue == Queue::Once;
        let worker = self.worker(thread);
        let mislaid = if noted { worker.entries == 0 && !shared } else { worker.entries > 0 && !once };
        if !noted {
            worker.entries = if once { 1 } else { (worker.entries + 1).min(2) };
        }
        if mislaid {
            outputs.push(Output::UpdateMislaid(thread, found));
        }
    }

    /// OWN-3: one thread is told that it closes.
    pub(super) fn win(&mut self, thread: Thread, next: Step, outputs: &mut Outputs) {
        let found = self.worker(thread).found;
        self.worker(thread).won = true;
        self.go(thread, next);
        outputs.push(Output::MustClose(thread, found));
    }

    /// OWN-2, OWN-21: the closing rule, asked under a reference by every thread that has cleared its running bit.
    pub(super) fn concludes(&mut self, thread: Thread, step: Step, outputs: &mut Outputs) -> Outcome {
        match step {
            Step::K1 if self.slot.threads == 0 => self.go(thread, Step::K2),
            Step::K2 if self.slot.running == 0 => self.go(thread, Step::K3),
            Step::K3 if core::mem::take(&mut self.slot.flags.must_close) => self.win(thread, Step::K4, outputs),
            Step::K1 | Step::K2 | Step::K3 => {
                let next = match self.worker(thread).after {
                    After::Lost => Step::Upd1,
                    After::Callback => Step::Ue17,
                    After::Deletion | After::Foreign => Step::K4,
                };
                self.go(thread, next);
            }
            // K4, the last step that is sent here.
            _ => {
                let counted = self.switches.reference == Reference::Everybody;
                if counted || self.worker(thread).after != After::Deletion {
                    self.release();
                }
                if self.worker(thread).won { self.start_close(thread) } else { self.come_back(thread, outputs) }
            }
        }
        Ok(())
    }
}
