//! What a thread does with a report (UE, and B before the repair).

use std::sync::atomic::Ordering;

use handfast::ownership::AtomicWord;
use handfast_spec::ownership::{Away, Fact};
use model::ownership::haproxy::{Action, Step};

use super::entry::MUST_CLOSE;
use super::world::Conn;
use super::{After, Design, Memory, Probe, Worker};

impl<M: Memory, P: Probe> Worker<'_, M, P> {
    /// Acts on the report that the poller gave: runs the callback, or is turned away.
    ///
    /// # Errors
    ///
    /// If the probe stops it.
    pub fn act(&mut self) -> Result<(), P::Stop> {
        if !self.begin_report()? {
            return Ok(());
        }
        let entered = match self.design {
            Design::Before => self.swap_in()?,
            Design::Seed | Design::Corrected => self.announce_and_look()?,
        };
        match entered {
            Some(alone) => self.run(alone),
            None => Ok(()),
        }
    }

    fn begin_report(&mut self) -> Result<bool, P::Stop> {
        self.at(Step::Ue2)?;
        let ours = self.entry.grab();
        let Some(about) = self.report.take() else { return Ok(false) };
        let checks = self.design.is_corrected();
        let stale = checks && self.entry.generation.load(Ordering::Relaxed) != u64::from(about.0);
        if !ours || stale {
            if ours {
                self.entry.release();
            }
            self.tell(|| Fact::TurnedAway(self.me, about, Away::Gone));
            return Ok(false);
        }
        self.call();
        self.meant = about;
        Ok(true)
    }

    /// Announces itself and looks then. Inside, it says whether nobody else is allowed.
    fn announce_and_look(&mut self) -> Result<Option<bool>, P::Stop> {
        self.at(Step::Ue3)?;
        if self.entry.allowed() & self.own == 0 {
            self.note_and_return()?;
            return Ok(None);
        }
        self.at(Step::Ue4)?;
        self.entry.announce(self.own);
        loop {
            self.at(Step::Ue5)?;
            let running = self.entry.runners() & !self.own;
            self.at(Step::Ue6)?;
            let threads = self.entry.allowed();
            let allowed = threads & self.own != 0;
            // A taker that has begun runs, and is not allowed yet.
            let waits = allowed || !self.design.is_corrected();
            if running & !threads != 0 && waits {
                continue;
            }
            if allowed {
                self.enter();
                return Ok(Some(threads == self.own));
            }
            self.withdraw()?;
            return Ok(None);
        }
    }

    /// Before the repair: a look until the masks agree, and a swap.
    fn swap_in(&mut self) -> Result<Option<bool>, P::Stop> {
        loop {
            self.at(Step::Be1)?;
            let running = self.entry.runners();
            self.at(Step::Be2)?;
            let threads = self.entry.allowed();
            if running & !threads != 0 {
                continue;
            }
            if threads & self.own == 0 {
                self.note_and_return()?;
                return Ok(None);
            }
            self.at(Step::Be3)?;
            if self.entry.swap(running, running | self.own) {
                let threads = self.entry.allowed();
                self.enter();
                return Ok(Some(threads == self.own));
            }
        }
    }

    /// OWN-1: from here on the thread believes that the descriptor is its own.
    fn enter(&mut self) {
        self.inside = true;
        self.tell(|| Fact::Entered(self.me, self.found, self.meant));
    }

    fn withdraw(&mut self) -> Result<(), P::Stop> {
        self.at(Step::Ue7)?;
        self.touch();
        let last = self.entry.clear(self.own) == self.own;
        match self.design {
            Design::Seed if last => self.claim_close(),
            Design::Corrected => self.conclude(After::Lost),
            Design::Before | Design::Seed => self.note_and_return(),
        }
    }

    fn run(&mut self, alone: bool) -> Result<(), P::Stop> {
        self.at(Step::Ue8)?;
        self.entry.release();
        if alone && !self.design.is_corrected() {
            self.rewrite_flags()?;
        }
        self.at(Step::Ue12)?;
        if self.entry.is_active() {
            self.call_back()?;
        }
        self.stop()
    }

    /// The flags are read and written, as nobody else is allowed.
    fn rewrite_flags(&mut self) -> Result<(), P::Stop> {
        self.at(Step::Ue10)?;
        let read = self.entry.state.load(Ordering::Relaxed);
        self.at(Step::Ue11)?;
        if self.entry.state.load(Ordering::Relaxed) != read {
            self.tell(|| Fact::FlagLost(self.found));
        }
        self.entry.state.store(read, Ordering::Relaxed);
        Ok(())
    }

    /// The callback: an idle connection is taken out of its list first, a socket has its lock taken.
    fn call_back(&mut self) -> Result<(), P::Stop> {
        let idle = loop {
            let idle = self.probe.world(|world| match world.conn {
                Conn::Listed(owner) if owner == self.me && world.lock.is_some() => None,
                Conn::Anybodys | Conn::Gone if world.lock.is_some() => None,
                Conn::Listed(owner) if owner == self.me => {
                    world.conn = Conn::Used(owner);
                    Some(true)
                }
                Conn::Listed(_) | Conn::Used(_) | Conn::Anybodys | Conn::Gone => Some(false),
            });
            match idle {
                Some(idle) => break idle,
                None => self.probe.wait(self.me)?,
            }
        };
        if let Some(fact) = self.probe.world(|world| world.read(self.me, self.found)) {
            self.tell(|| fact);
        }
        if self.probe.deletes_in_callback(self.me) {
            self.begin(Action::Delete(self.me))?;
            self.delete(true)?;
        } else {
            self.at(Step::Callback)?;
            while idle && self.probe.world(|world| world.is_used_by(self.me) && !world.list(self.me)) {
                self.probe.wait(self.me)?;
            }
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<(), P::Stop> {
        self.at(Step::Ue13)?;
        if !self.entry.grab() {
            self.leaves();
            self.rest();
            return Ok(());
        }
        self.at(Step::Ue14)?;
        let threads = self.entry.allowed();
        self.at(Step::Ue15)?;
        let before = self.entry.clear(self.own);
        let (last, ran) = (before == self.own, before & self.own != 0);
        if ran {
            self.touch();
        }
        self.leaves();
        match self.design {
            Design::Seed if last && threads & self.own == 0 => self.claim_close(),
            // Who was deleted under its own callback has nothing to conclude, least of all about what has the number now.
            Design::Corrected if ran => self.conclude(After::Callback),
            Design::Before if last && threads == 0 => {
                self.wins();
                self.close_and_return(false)
            }
            Design::Before | Design::Seed | Design::Corrected => self.end_callback(),
        }
    }

    pub(super) fn end_callback(&mut self) -> Result<(), P::Stop> {
        self.at(Step::Ue17)?;
        self.entry.release();
        self.rest();
        Ok(())
    }

    /// The repair: who clears the flag closes.
    fn claim_close(&mut self) -> Result<(), P::Stop> {
        self.at(Step::Cm1)?;
        if !self.entry.unset(MUST_CLOSE) {
            return self.note_and_return();
        }
        self.wins();
        self.at(Step::Cm2)?;
        self.entry.release();
        self.close(false)
    }

    /// Turned away: its poller is to be told, later.
    pub(super) fn note_and_return(&mut self) -> Result<(), P::Stop> {
        self.at(Step::Upd1)?;
        let meant = self.meant;
        self.tell(|| Fact::TurnedAway(self.me, meant, Away::NotOwner));
        let stray = self.entry.polled.load(Ordering::Relaxed) & self.own == 0;
        let forgets = stray && self.design.is_corrected();
        if forgets && self.probe.world(|world| world.owner == Some(meant)) {
            self.forget(meant);
        } else {
            self.note();
        }
        self.at(Step::Upd2)?;
        self.entry.release();
        self.rest();
        Ok(())
    }
}
