//! How a descriptor comes into the table (N, P), and to another thread (T).

use std::sync::atomic::Ordering;

use handfast::ownership::AtomicWord;
use handfast_spec::ownership::{Fact, Owner};
use model::ownership::haproxy::{Action, Kind, Step};

use super::entry::ACTIVE;
use super::memory::Masks;
use super::world::Conn;
use super::{Memory, Probe, Worker};

impl<M: Memory, P: Probe> Worker<'_, M, P> {
    /// Opens a descriptor and puts it into the table.
    ///
    /// # Errors
    ///
    /// If the probe stops it.
    pub fn open(&mut self) -> Result<(), P::Stop> {
        self.begin(Action::Open(self.me))?;
        self.call();
        self.found = self.probe.world(|world| world.open());
        self.tell(|| Fact::Opened(self.me, self.found));
        self.at(Step::N3)?;
        while !self.entry.claim() {
            self.probe.wait(self.me)?;
        }
        self.at(Step::N5)?;
        self.store();
        self.at(Step::N7)?;
        self.entry.release();
        self.wish()
    }

    /// OWN-6: who inserts finds nothing of the last descriptor, and nobody who runs.
    fn store(&mut self) {
        let is_unclean = self.probe.world(|world| world.owner.is_some())
            || self.entry.running.load(Ordering::Relaxed) != 0
            || self.entry.state.load(Ordering::Relaxed) != 0;
        if is_unclean {
            self.tell(|| Fact::Unclean(self.me, self.found));
        }
        self.entry.state.store(0, Ordering::Relaxed);
        self.entry.allow(self.own);
        let is_anybodys = self.probe.world(|world| {
            world.owner = Some(self.found);
            let is_anybodys = match world.kind() {
                Some(Kind::Connection) | None => false,
                Some(Kind::Socket | Kind::Listener) => true,
            };
            // A socket is made, and registered, under its lock.
            (world.conn, world.lock) =
                if is_anybodys { (Conn::Anybodys, Some(self.me)) } else { (Conn::Used(self.me), world.lock) };
            is_anybodys
        });
        self.tell(|| Fact::Inserted(self.me, self.found, Owner::Thread(self.me)));
        if !is_anybodys {
            self.tell(|| Fact::Entered(self.me, self.found, self.found));
        }
    }

    /// The wish to be polled.
    fn wish(&mut self) -> Result<(), P::Stop> {
        self.at(Step::P0)?;
        if !self.entry.set(ACTIVE) {
            self.at(Step::P4)?;
            self.note();
        }
        self.come_back(false);
        Ok(())
    }

    /// Puts the connection that it uses into its list of idle ones.
    ///
    /// # Errors
    ///
    /// If the probe stops it.
    pub fn list(&mut self) -> Result<(), P::Stop> {
        self.begin(Action::List(self.me))?;
        let owner = self.probe.world(|world| {
            world.conn = Conn::Listed(self.me);
            world.owner.unwrap_or_default()
        });
        self.tell(|| Fact::Left(self.me, owner));
        Ok(())
    }

    /// Locks the list in which another thread keeps a connection, and takes that over if nobody runs. Whether it did.
    ///
    /// # Errors
    ///
    /// If the probe stops it.
    pub fn take_over(&mut self) -> Result<bool, P::Stop> {
        self.begin(Action::Takeover(self.me))?;
        self.probe.world(|world| world.lock = Some(self.me));
        self.call();
        self.at(Step::T2)?;
        if !self.entry.grab() {
            self.come_back(false);
            return Ok(false);
        }
        self.at(Step::T3)?;
        if !self.entry.swap(0, self.own) {
            self.at(Step::T8)?;
            self.entry.release();
            self.come_back(false);
            return Ok(false);
        }
        self.inside = true;
        self.tell(|| Fact::Entered(self.me, self.found, self.found));
        self.at(Step::T4)?;
        self.entry.allow(self.own);
        self.tell(|| Fact::TakenOver(self.me, self.found));
        self.at(Step::T5)?;
        self.entry.unset(ACTIVE);
        self.at(Step::T6)?;
        self.entry.clear(self.own);
        self.at(Step::T7)?;
        self.entry.release();
        self.inside = false;
        self.probe.world(|world| {
            world.unlock(self.me);
            world.conn = Conn::Used(self.me);
        });
        self.wish()?;
        Ok(true)
    }

    /// OWN-9: an update is noted in the entry, and queued in the thread's own list by whoever noted it first.
    pub(super) fn note(&mut self) {
        let noted = self.entry.updates.fetch_or(self.own, Ordering::Relaxed) & self.own != 0;
        let once = self.design.is_corrected();
        let mislaid = if noted { self.entries == 0 } else { self.entries > 0 && !once };
        if !noted {
            self.entries = if once { 1 } else { (self.entries + 1).min(2) };
        }
        if mislaid {
            self.tell(|| Fact::UpdateMislaid(self.me, self.found));
        }
    }
}
