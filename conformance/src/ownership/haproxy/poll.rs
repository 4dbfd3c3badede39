//! What a thread's poller does: updates (U), and reports (W).

use std::sync::atomic::Ordering;

use handfast::ownership::AtomicWord;
use handfast_spec::ownership::{Fact, Incarnation};
use model::ownership::haproxy::{Action, Step};

use super::memory::Masks;
use super::{Memory, Probe, Worker};

impl<M: Memory, P: Probe> Worker<'_, M, P> {
    /// Looks through its updates, if there are any, and has its poller report.
    ///
    /// # Errors
    ///
    /// If the probe stops it.
    pub fn poll(&mut self) -> Result<(), P::Stop> {
        self.begin(Action::Poll(self.me))?;
        if self.entries == 0 {
            self.take_report();
            return Ok(());
        }
        self.call();
        while self.entries > 0 {
            self.update()?;
            self.entries = self.entries.saturating_sub(1);
        }
        self.at(Step::W)?;
        self.take_report();
        self.rest();
        Ok(())
    }

    fn take_report(&mut self) {
        self.report = self.probe.world(|world| world.due(self.me));
        if let Some(about) = self.report {
            self.tell(|| Fact::Reported(self.me, about));
        }
    }

    fn update(&mut self) -> Result<(), P::Stop> {
        self.at(Step::U1)?;
        if !self.entry.grab() {
            return Ok(());
        }
        self.at(Step::U2)?;
        self.entry.updates.fetch_and(!self.own, Ordering::Relaxed);
        let found = self.probe.world(|world| world.owner);
        self.found = found.unwrap_or_default();
        if found.is_some() {
            self.at(Step::U3)?;
            self.tell_poller();
        }
        self.at(Step::U4)?;
        self.entry.release();
        Ok(())
    }

    /// OWN-8, under a reference: the bit first, and then the kernel.
    fn tell_poller(&mut self) {
        let wanted = self.entry.allowed() & self.own != 0 && self.entry.is_active();
        let polled = self.entry.polled.load(Ordering::Relaxed) & self.own != 0;
        if polled && !wanted {
            self.entry.polled.fetch_and(!self.own, Ordering::Relaxed);
            if !self.forget(self.found) {
                self.tell(|| Fact::KernelRefused(self.me));
            }
        } else if wanted && !polled {
            self.entry.polled.fetch_or(self.own, Ordering::Relaxed);
            let replaces = self.design.is_corrected();
            if let Some(fact) = self.probe.world(|world| world.watch(self.me, replaces)) {
                self.tell(|| fact);
            }
        } else if !wanted && self.design.is_corrected() {
            self.forget_stray();
        }
    }

    /// OWN-23: there may be a registration that no mask knows of.
    fn forget_stray(&mut self) {
        let stray =
            self.probe.world(|world| world.watched[self.me.index()].filter(|which| world.owner == Some(*which)));
        if let Some(which) = stray {
            self.forget(which);
        }
    }

    /// Has the poller forget what it watches under the number; whether it watches anything.
    pub(super) fn forget(&mut self, meant: Incarnation) -> bool {
        let forgotten = self.probe.world(|world| world.forget(self.me, meant));
        if let Some(fact) = forgotten {
            self.tell(|| fact);
        }
        forgotten.is_some()
    }
}
