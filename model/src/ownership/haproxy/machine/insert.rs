//! How a descriptor comes into the table (N, P), and to another thread (T, MG).

use handfast_spec::ownership::{Incarnation, Output, Owner, Refusal, Thread};

use super::super::bounds::Kind;
use super::super::switches::{Publish, Reference, Stop, Unlist};
use super::super::vocabulary::Step;
use super::run::only_if;
use super::{Conn, Flags, Haproxy, Outcome, Outputs};

impl Haproxy {
    pub(super) fn opens(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        self.is_free(thread)?;
        if self.open.is_some() {
            return Err(Refusal::NoNumber);
        }
        let which = Incarnation(self.next);
        if self.bounds.kinds.get(which.index()).copied().flatten().is_none() {
            return Err(Refusal::NotNext);
        }
        self.next += 1;
        self.open = Some(which);
        self.arrivals = self.bounds.arrivals;
        self.call(thread, Step::N3, outputs);
        self.worker(thread).found = which;
        outputs.push(Output::Opened(thread, which));
        Ok(())
    }

    pub(super) fn arrives(&mut self, outputs: &mut Outputs) -> Outcome {
        let Some(which) = self.open else { return Err(Refusal::Gone) };
        if self.data || self.arrivals == 0 || self.slot.owner != Some(which) {
            return Err(Refusal::NothingNew);
        }
        self.arrivals -= 1;
        self.data = true;
        outputs.push(Output::Arrived(which));
        Ok(())
    }

    pub(super) fn inserts(&mut self, thread: Thread, step: Step, outputs: &mut Outputs) -> Outcome {
        match step {
            Step::N3 => {
                only_if(self.slot.refs == 0 && !self.slot.locked)?;
                self.slot.tgid = self.bounds.group(thread);
                self.slot.refs = u8::from(self.switches.reference != Reference::Absent);
                self.go(thread, Step::N5);
            }
            Step::N5 => self.stores(thread, outputs),
            Step::N7 => {
                self.release();
                self.go(thread, Step::P0);
            }
            Step::P0 if self.slot.flags.active => self.come_back(thread, outputs),
            Step::P0 => {
                self.slot.flags.active = true;
                self.go(thread, Step::P4);
            }
            // P4, the last step that is sent here.
            _ => {
                if self.kind() == Some(Kind::Listener) {
                    self.slot.updates = self.slot.threads;
                    self.slot.listed = self.slot.tgid;
                } else {
                    self.note(thread, outputs);
                }
                self.come_back(thread, outputs);
            }
        }
        Ok(())
    }

    /// OWN-6: a thread that inserts finds nothing of the last descriptor, and no thread that runs.
    fn stores(&mut self, thread: Thread, outputs: &mut Outputs) {
        let found = self.worker(thread).found;
        let group = self.bounds.group(thread);
        if self.slot.owner.is_some() || self.slot.running != 0 || self.slot.flags != Flags::default() {
            outputs.push(Output::Unclean(thread, found));
        }
        self.slot.owner = Some(found);
        self.slot.flags = Flags::default();
        let (threads, conn, owner) = match self.kind() {
            Some(Kind::Connection) | None => (self.bounds.bit(thread), Conn::Used(thread), Owner::Thread(thread)),
            Some(Kind::Socket) => (self.bounds.bit(thread), Conn::Anybodys, Owner::Thread(thread)),
            Some(Kind::Listener) => (self.bounds.listening_in(group), Conn::Anybodys, Owner::Everybody),
        };
        self.slot.threads = threads;
        self.conn = conn;
        outputs.push(Output::Inserted(thread, found, owner));
        // A socket is made, and registered, under its lock.
        if conn == Conn::Anybodys {
            self.lock = Some(thread);
        } else {
            outputs.push(Output::Entered(thread, found, found));
        }
        self.go(thread, Step::N7);
    }

    pub(super) fn lists(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        self.is_free(thread)?;
        if self.conn != Conn::Used(thread) {
            return Err(Refusal::NotOwner);
        }
        self.conn = Conn::Listed(thread);
        outputs.push(Output::Left(thread, self.slot.owner.unwrap_or_default()));
        Ok(())
    }

    pub(super) fn uses(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        self.is_free(thread)?;
        let found = self.slot.owner.unwrap_or_default();
        if self.conn == Conn::Listed(thread) {
            self.unlocked()?;
            if self.switches.unlist == Unlist::NotForUse {
                self.call(thread, Step::Callback, outputs);
                self.worker(thread).inside = true;
            } else {
                self.conn = Conn::Used(thread);
            }
        } else {
            return Err(Refusal::NotOwner);
        }
        outputs.push(Output::Entered(thread, found, found));
        Ok(())
    }

    /// A thread that seeks a connection locks the list in which it is, and keeps it locked.
    pub(super) fn seeks(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        self.is_free(thread)?;
        self.unlocked()?;
        match self.conn {
            Conn::Listed(owner) if owner != thread => {}
            Conn::Listed(_) | Conn::Gone | Conn::Used(_) | Conn::Sent(_) | Conn::Anybodys => {
                return Err(Refusal::Busy);
            }
        }
        let bit = 1 << thread.0;
        if self.takeovers == 0 || self.takers & bit != 0 || self.slot.owner.is_none() {
            return Err(Refusal::NothingNew);
        }
        self.takeovers -= 1;
        self.takers |= if self.bounds.once_each { bit } else { 0 };
        self.lock = Some(thread);
        self.call(thread, Step::T2, outputs);
        Ok(())
    }

    pub(super) fn takes_over(&mut self, thread: Thread, step: Step, outputs: &mut Outputs) -> Outcome {
        let own = self.bounds.bit(thread);
        let group = self.bounds.group(thread);
        let crosses = self.slot.locked;
        let clears_first = self.switches.publish == Publish::AfterClearing;
        match step {
            Step::T2 => return self.begins_takeover(thread, group, outputs),
            Step::T3 if self.slot.running == 0 || self.switches.takes_over_busy => {
                self.slot.running |= own;
                let worker = self.worker(thread);
                worker.inside = true;
                outputs.push(Output::Entered(thread, worker.found, worker.found));
                self.go(thread, Step::T4);
            }
            Step::T3 => {
                if self.switches.stop == Stop::Everybody {
                    self.slot.flags.active = false;
                }
                self.go(thread, Step::T8);
            }
            Step::T4 => {
                self.slot.threads = own;
                let found = self.worker(thread).found;
                outputs.push(Output::TakenOver(thread, found));
                self.go(
                    thread,
                    if !crosses {
                        Step::T5
                    } else if clears_first {
                        Step::T4c
                    } else {
                        Step::T4b
                    },
                );
            }
            Step::T4b => {
                self.slot.tgid = group;
                self.slot.locked = false;
                self.go(thread, if clears_first { Step::T5 } else { Step::T4c });
            }
            Step::T4c => {
                (self.slot.polled, self.slot.updates) = (0, 0);
                self.go(thread, if clears_first { Step::T4b } else { Step::T5 });
            }
            Step::T5 => {
                if self.switches.stop != Stop::Nobody {
                    self.slot.flags.active = false;
                }
                self.go(thread, Step::T6);
            }
            Step::T6 => {
                self.slot.running &= !own;
                self.go(thread, Step::T7);
            }
            Step::T7 => self.has_taken_over(thread),
            // T8, the last step that is sent here.
            _ => {
                self.release();
                self.slot.locked = false;
                self.lock = None;
                self.rest(thread, outputs);
            }
        }
        Ok(())
    }

    /// The connection is the taker's, and out of the list. It is wished to be polled next.
    fn has_taken_over(&mut self, thread: Thread) {
        self.release();
        self.lock = None;
        self.worker(thread).inside = false;
        self.conn = Conn::Used(thread);
        self.go(thread, Step::P0);
    }

    /// From another group the entry is locked, which fails if any thread holds a reference.
    fn begins_takeover(&mut self, thread: Thread, group: u8, outputs: &mut Outputs) -> Outcome {
        let foreign = self.slot.tgid != 0 && self.slot.tgid != group;
        let taken = if foreign {
            let free = self.slot.refs == 0 && !self.slot.locked;
            if free {
                self.slot.locked = true;
                self.slot.refs = 1;
            }
            free
        } else {
            self.grab(group)?
        };
        if taken {
            self.go(thread, Step::T3);
        } else {
            self.lock = None;
            self.rest(thread, outputs);
        }
        Ok(())
    }

    pub(super) fn sends(&mut self, thread: Thread, to: Thread, outputs: &mut Outputs) -> Outcome {
        self.is_free(thread)?;
        if self.conn != Conn::Used(thread) {
            return Err(Refusal::NotOwner);
        }
        if self.takeovers == 0 {
            return Err(Refusal::NothingNew);
        }
        self.takeovers -= 1;
        self.call(thread, Step::Mg1, outputs);
        outputs.push(Output::Left(thread, self.worker(thread).found));
        self.conn = Conn::Sent(to);
        self.lock = Some(thread);
        Ok(())
    }

    /// A connection that was sent to a thread is taken up by it, which wishes it to be polled.
    pub(super) fn takes_up(&mut self, thread: Thread, outputs: &mut Outputs) {
        self.conn = Conn::Used(thread);
        self.call(thread, Step::P0, outputs);
        let found = self.worker(thread).found;
        outputs.push(Output::Entered(thread, found, found));
    }

    pub(super) fn migrates(&mut self, thread: Thread, step: Step, outputs: &mut Outputs) -> Outcome {
        let Conn::Sent(to) = self.conn else { return Err(Refusal::NotNow) };
        match step {
            Step::Mg1 => {
                only_if(self.slot.refs == 0 && !self.slot.locked)?;
                self.slot.refs = 1;
                self.slot.locked = true;
                self.slot.tgid = self.bounds.group(to);
                if self.switches.migrates_clean {
                    (self.slot.polled, self.slot.updates) = (0, 0);
                }
                self.go(thread, Step::Mg2);
            }
            Step::Mg2 => {
                self.slot.threads = self.bounds.bit(to);
                outputs.push(Output::TakenOver(to, self.worker(thread).found));
                self.go(thread, Step::Mg3);
            }
            Step::Mg3 => {
                self.slot.flags.active = false;
                self.go(thread, Step::Mg4);
            }
            // MG4, the last step that is sent here.
            _ => {
                self.slot.locked = false;
                self.release();
                self.lock = None;
                self.rest(thread, outputs);
            }
        }
        Ok(())
    }
}
