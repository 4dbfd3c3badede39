//! What a thread's poller does: updates (U, S), and reports (W).

use handfast_spec::ownership::{Incarnation, Output, Refusal, Thread};

use super::super::switches::{Dispatch, Walk};
use super::super::vocabulary::Step;
use super::{Conn, Haproxy, Outcome, Outputs, Worker};

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

    /// Whether the list of the thread's group has something for it. Whoever polls walks the list in any case; where
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
