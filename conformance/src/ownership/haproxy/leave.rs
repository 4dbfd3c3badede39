//! Deletion (D), the decision who closes (K), and the close (O).

use std::sync::atomic::Ordering;

use handfast::ownership::AtomicWord;
use handfast_spec::ownership::Fact;
use model::ownership::haproxy::{Action, Step};

use super::entry::MUST_CLOSE;
use super::memory::Masks;
use super::world::Conn;
use super::{After, Design, Memory, Probe, Worker};

impl<M: Memory, P: Probe> Worker<'_, M, P> {
    /// Deletes what it uses, or what is in its list, or what is anybody's.
    ///
    /// # Errors
    ///
    /// If the probe stops it.
    pub fn delete_outside(&mut self) -> Result<(), P::Stop> {
        self.begin(Action::Delete(self.me))?;
        self.call();
        self.delete(false)
    }

    /// The deletion, in a callback that goes on afterwards or not.
    pub(super) fn delete(&mut self, nested: bool) -> Result<(), P::Stop> {
        let is_anybodys = self.take_out()?;
        if !is_anybodys && !std::mem::replace(&mut self.inside, true) {
            self.tell(|| Fact::Entered(self.me, self.found, self.found));
        }
        if self.design.is_corrected() {
            self.at(Step::D0)?;
            self.entry.hold();
        } else if !self.entry.is_ours() {
            return self.isolate(nested);
        }
        self.at(Step::D1)?;
        self.touch();
        self.entry.announce(self.own);
        self.at(Step::D2)?;
        self.touch();
        self.entry.set(MUST_CLOSE);
        self.at(Step::D3)?;
        if self.is_mixed() && self.entry.allowed() != 0 {
            self.tell(|| Fact::Mixed(self.me));
        }
        self.entry.allow(0);
        self.tell(|| Fact::Deleting(self.me, self.found));
        self.at(Step::D4)?;
        self.touch();
        let last = self.entry.clear(self.own) == self.own;
        self.leaves();
        match self.design {
            Design::Before if last => self.wins(),
            Design::Seed if last => return self.claim_deletion(nested),
            Design::Corrected => return self.conclude_in(After::Deletion, nested),
            Design::Before | Design::Seed => {
                self.come_back(nested);
                return Ok(());
            }
        }
        self.close(nested)
    }

    /// An entry of another group, or of none, is deleted while all other threads are in their loops.
    fn isolate(&mut self, nested: bool) -> Result<(), P::Stop> {
        self.at(Step::X0)?;
        while self.probe.world(|world| world.is_anybody_else_busy(self.me)) {
            self.probe.wait(self.me)?;
        }
        self.entry.allow(0);
        self.entry.clear(!0);
        self.tell(|| Fact::Deleting(self.me, self.found));
        self.leaves();
        self.wins();
        self.close(nested)
    }

    /// Takes the connection out of its list, or the lock of the socket. Whether it is a socket.
    fn take_out(&mut self) -> Result<bool, P::Stop> {
        loop {
            let done = self.probe.world(|world| {
                let waits = match world.conn {
                    Conn::Listed(_) | Conn::Anybodys => world.lock.is_some(),
                    Conn::Used(_) | Conn::Gone => false,
                };
                if waits {
                    return None;
                }
                let is_anybodys = std::mem::take(&mut world.conn) == Conn::Anybodys;
                if is_anybodys {
                    world.lock = Some(self.me);
                }
                Some(is_anybodys)
            });
            match done {
                Some(is_anybodys) => return Ok(is_anybodys),
                None => self.probe.wait(self.me)?,
            }
        }
    }

    /// The repair: the deleter closes if nobody else runs and the close is still owed.
    fn claim_deletion(&mut self, nested: bool) -> Result<(), P::Stop> {
        self.at(Step::D5)?;
        if !self.entry.unset(MUST_CLOSE) {
            self.come_back(nested);
            return Ok(());
        }
        self.touch();
        self.wins();
        self.close(nested)
    }

    pub(super) fn conclude(&mut self, after: After) -> Result<(), P::Stop> {
        self.conclude_in(after, false)
    }

    /// OWN-2, OWN-21: the closing rule, asked under a reference by everybody whose running bit is cleared.
    fn conclude_in(&mut self, after: After, nested: bool) -> Result<(), P::Stop> {
        let mut closes = false;
        self.at(Step::K1)?;
        if self.entry.allowed() == 0 {
            self.at(Step::K2)?;
            if self.entry.runners() == 0 {
                self.at(Step::K3)?;
                closes = self.entry.unset(MUST_CLOSE);
            }
        }
        if closes {
            self.wins();
            return self.close_and_return(nested);
        }
        match after {
            After::Lost => self.note_and_return(),
            After::Callback => self.end_callback(),
            After::Deletion => {
                self.at(Step::K4)?;
                self.entry.release();
                self.come_back(nested);
                Ok(())
            }
        }
    }

    /// The reference is returned, to close.
    pub(super) fn close_and_return(&mut self, nested: bool) -> Result<(), P::Stop> {
        self.at(Step::K4)?;
        self.entry.release();
        self.close(nested)
    }

    /// The close, by the one who was told to.
    pub(super) fn close(&mut self, nested: bool) -> Result<(), P::Stop> {
        self.at(Step::O3)?;
        self.entry.reset();
        self.at(Step::O4)?;
        while !self.entry.is_drained() {
            self.probe.wait(self.me)?;
        }
        self.at(Step::O6)?;
        self.entry.updates.store(0, Ordering::Relaxed);
        self.entries = self.entries.saturating_sub(1);
        self.at(Step::O8)?;
        if let Some(owner) = self.probe.world(|world| world.owner.take()) {
            if owner != self.found {
                self.tell(|| Fact::Mixed(self.me));
            }
            self.tell(|| Fact::Wiped(self.me, owner));
        }
        self.entry.polled.store(0, Ordering::Relaxed);
        self.entry.state.store(0, Ordering::Relaxed);
        self.entry.generation.fetch_add(1, Ordering::Relaxed);
        self.at(Step::O12)?;
        let closed = self.probe.world(|world| world.close());
        self.tell(|| Fact::Closed(self.me, closed.unwrap_or(self.found)));
        self.come_back(nested);
        Ok(())
    }

    /// The call is over; or the callback goes on that it was made in.
    pub(super) fn come_back(&mut self, nested: bool) {
        self.probe.world(|world| world.unlock(self.me));
        if !nested {
            self.rest();
        }
    }
}
