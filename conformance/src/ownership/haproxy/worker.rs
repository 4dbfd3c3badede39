//! A thread of a process: it does one thing after another, as its hand says.

use std::sync::Arc;

use handfast_spec::ownership::Thread;
use model::ownership::haproxy::{Action, Kind};

use super::design::Design;
use super::masks::{Family, Mask};
use super::process::{Around, Conn, Process};
use super::{Caller, Step};

/// Who says what a thread does, and when.
pub trait Hand {
    /// What the thread does next, when it is in its loop: anything that may be begun there, or acting on its report;
    /// `None` to end.
    fn next(&mut self) -> Option<Action>;
    /// The access that comes next.
    fn reach(&mut self, step: Step);
    /// Whether the callback deletes the descriptor.
    fn deletes(&mut self) -> bool;
}

/// A thread of a process.
pub struct Worker<A: Family, D: Design, H> {
    process: Arc<Process<A, D>>,
    thread: Thread,
    bit: u64,
    group: u64,
    hand: H,
    /// What it believes to be inside of.
    found: Option<u32>,
}

impl<A: Family, D: Design, H: Hand> Worker<A, D, H> {
    /// A thread of the process.
    pub fn new(process: Arc<Process<A, D>>, thread: Thread, hand: H) -> Self {
        let bounds = process.around().bounds;
        let (bit, group) = (bounds.bit(thread).into(), bounds.group(thread).into());
        Self { process, thread, bit, group, hand, found: None }
    }

    /// Does one thing after another until its hand says that it ends, which is given back.
    pub fn run(mut self) -> H {
        while let Some(action) = self.hand.next() {
            self.take(action);
        }
        self.hand
    }

    fn take(&mut self, action: Action) {
        let process = Arc::clone(&self.process);
        let thread = self.thread;
        match action {
            Action::Open(_) => self.opens(&process),
            Action::Takeover(_) => self.seeks(&process),
            Action::Use(_) => {
                let mut around = process.around();
                if !around.allows(&action) {
                    return;
                }
                around.conn = Conn::Used(thread);
                let found = around.open;
                around.enters(thread, found);
            }
            Action::List(_) => {
                let mut around = process.around();
                if !around.allows(&action) {
                    return;
                }
                around.inside[thread.index()] = None;
                around.conn = Conn::Listed(thread);
            }
            Action::Delete(_) => self.sets_out_to_delete(&process),
            Action::Poll(_) => {
                let queued = process.around().pollers[thread.index()].entries > 0;
                if queued || process.entry.is_listed_for(self) {
                    process.entry.poll(self);
                } else {
                    self.ask_poller();
                }
            }
            Action::Step(..) => {
                let about = process.around().pollers[thread.index()].report;
                process.entry.update_events(self, about.unwrap_or_default().into());
            }
            Action::Arrive | Action::Migrate(..) => {}
        }
    }

    fn opens(&mut self, process: &Process<A, D>) {
        let (bounds, kind, which) = {
            let mut around = process.around();
            if !around.allows(&Action::Open(self.thread)) {
                return;
            }
            let which = around.next;
            around.next += 1;
            around.open = Some(which);
            around.arrivals = around.bounds.arrivals;
            self.found = Some(which);
            (around.bounds, around.kind(), which)
        };
        let group = bounds.group(self.thread);
        let shared = kind == Some(Kind::Listener);
        let threads = if shared { bounds.listening_in(group).into() } else { self.bit };
        process.entry.insert(self, u64::from(which) + 1, threads);
        process.entry.want(self, shared);
        process.around().unlock(self.thread);
    }

    fn seeks(&mut self, process: &Process<A, D>) {
        {
            let mut around = process.around();
            if !around.allows(&Action::Takeover(self.thread)) {
                return;
            }
            around.takeovers -= 1;
            around.takers |= if around.bounds.once_each { 1 << self.thread.0 } else { 0 };
            around.lock = Some(self.thread);
        }
        if process.entry.takeover(self) {
            let mut around = process.around();
            around.unlock(self.thread);
            around.conn = Conn::Used(self.thread);
            self.found = around.open;
            around.enters(self.thread, self.found);
            drop(around);
            process.entry.want(self, false);
        } else {
            process.around().unlock(self.thread);
        }
    }

    fn sets_out_to_delete(&mut self, process: &Process<A, D>) {
        {
            let mut around = process.around();
            if !around.allows(&Action::Delete(self.thread)) {
                return;
            }
            if around.conn == Conn::Anybodys {
                around.lock = Some(self.thread);
            }
            around.conn = Conn::Gone;
            self.found = around.open;
        }
        process.entry.delete(self);
        let mut around = process.around();
        around.inside[self.thread.index()] = None;
        around.unlock(self.thread);
    }

    /// Locks the list or the socket for a moment, and does something.
    fn locked<R>(&self, to: impl FnOnce(&mut Around) -> R) -> R {
        loop {
            let mut around = self.process.around();
            if around.lock.is_none() {
                return to(&mut around);
            }
            drop(around);
            A::Word::wait();
        }
    }
}

impl<A: Family, D: Design, H: Hand> Caller for Worker<A, D, H> {
    fn bit(&self) -> u64 {
        self.bit
    }

    fn group(&self) -> u64 {
        self.group
    }

    fn reach(&mut self, step: Step) {
        self.hand.reach(step);
    }

    fn report_taken(&mut self) {
        self.process.around().pollers[self.thread.index()].report = None;
        let owner = self.process.entry.snapshot().owner;
        self.found = owner.checked_sub(1).map(|which| which as u32);
    }

    fn callback(&mut self) {
        let process = Arc::clone(&self.process);
        let thread = self.thread;
        let conn = process.around().conn;
        let idle = conn == Conn::Listed(thread);
        let begin = |around: &mut Around| {
            if idle {
                around.conn = Conn::Used(thread);
            }
            around.enters(thread, self.found);
            if around.open.is_none_or(|open| Some(open) == self.found) {
                around.data = false;
            }
        };
        match conn {
            Conn::Listed(owner) if owner != thread => begin(&mut process.around()),
            Conn::Used(_) => begin(&mut process.around()),
            Conn::Listed(_) | Conn::Anybodys | Conn::Gone => self.locked(begin),
        }
        if self.hand.deletes() {
            return self.sets_out_to_delete(&process);
        }
        let mut around = process.around();
        let used = around.conn == Conn::Used(thread);
        if !used || idle {
            around.inside[thread.index()] = None;
        }
        drop(around);
        if idle && used {
            self.locked(|around| around.conn = Conn::Listed(thread));
        }
    }

    fn stored(&mut self, clean: bool) {
        let mut around = self.process.around();
        if !clean {
            around.breaks("OWN-6");
        }
        if around.kind() == Some(Kind::Connection) {
            around.conn = Conn::Used(self.thread);
            around.enters(self.thread, self.found);
        } else {
            around.conn = Conn::Anybodys;
            around.lock = Some(self.thread);
        }
    }

    fn is_queued(&self) -> bool {
        self.process.around().pollers[self.thread.index()].entries > 0
    }

    fn queue(&mut self) {
        let poller = &mut self.process.around().pollers[self.thread.index()];
        poller.entries = (poller.entries + 1).min(2);
    }

    fn unqueue(&mut self) {
        let poller = &mut self.process.around().pollers[self.thread.index()];
        poller.entries = poller.entries.saturating_sub(1);
    }

    fn watch(&mut self, _: u64) {
        let mut around = self.process.around();
        let open = around.open;
        let watched = &mut around.pollers[self.thread.index()].watched;
        *watched = watched.or(open);
    }

    fn watched(&self) -> Option<u64> {
        self.process.around().pollers[self.thread.index()].watched.map(u64::from)
    }

    fn forget(&mut self) {
        self.process.around().pollers[self.thread.index()].watched = None;
    }

    fn ask_poller(&mut self) {
        let mut around = self.process.around();
        if around.is_due(self.thread) {
            let poller = &mut around.pollers[self.thread.index()];
            poller.report = poller.watched;
        }
    }

    fn close(&mut self) {
        let mut around = self.process.around();
        let closed = around.open.take();
        // OWN-3: what is closed is what was to be, and for the first time.
        if closed.is_none() || closed != self.found {
            around.breaks("OWN-3");
        }
        let others = |(other, inside): (usize, &Option<u32>)| other != self.thread.index() && inside.is_some();
        if around.inside.iter().enumerate().any(others) {
            around.breaks("OWN-2");
        }
        around.data = false;
        around.pollers.iter_mut().for_each(|poller| poller.watched = None);
    }
}
