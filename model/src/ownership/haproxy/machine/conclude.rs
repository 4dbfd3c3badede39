//! What a thread does that was turned away (CM, UPD), and the decision who closes (K).

use handfast_spec::ownership::{Away, Output, Thread};

use super::super::switches::{Queue, Reference};
use super::super::vocabulary::Step;
use super::{After, Haproxy, Outcome, Outputs};

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

    /// OWN-9: an update is noted in the entry, and queued in the thread's own list by whoever noted it first.
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

    /// OWN-2, OWN-21: the closing rule, asked under a reference by everybody whose running bit is cleared.
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
