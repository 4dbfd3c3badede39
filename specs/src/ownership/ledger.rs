//! What the participants of descriptor ownership were told.

use serde::Serialize;

use super::{Away, DescriptorRecord, Fact, Hold, Incarnation, Offence, Offences, Owner, Stage, Thread, Threads};
use crate::Table;

/// Everything that the participants were told.
#[derive(Clone, Default, Eq, Hash, PartialEq, Serialize)]
pub struct Ledger {
    /// Per descriptor.
    pub descriptors: Table<DescriptorRecord, 3>,
    /// Who is in the middle of a call.
    pub calling: Threads,
    /// What facts gave away.
    pub offences: Offences,
}

impl Ledger {
    /// Whether the offence was committed.
    pub fn has(&self, offence: Offence) -> bool {
        self.offences.has(offence)
    }

    /// The offences that were committed.
    pub fn offences(&self) -> impl Iterator<Item = Offence> {
        Offence::ALL.into_iter().filter(|offence| self.has(*offence))
    }

    /// What was told about a descriptor.
    pub fn descriptor(&self, incarnation: Incarnation) -> DescriptorRecord {
        self.descriptors.get(incarnation.index())
    }

    /// Enters one fact.
    pub fn record(&mut self, fact: &Fact) {
        match *fact {
            Fact::Opened(_, incarnation) => self.entry(incarnation).stage = Stage::Open,
            Fact::Claimed(..) => {}
            Fact::Unclean(..) => self.offend(Offence::Unclean, true),
            Fact::Inserted(_, incarnation, owner) => {
                let record = self.entry(incarnation);
                record.stage = Stage::Live;
                record.owner = Some(owner);
                record.idle.held = Hold::Nobodys;
            }
            Fact::Watched(thread, incarnation) => {
                self.entry(incarnation).watching.insert(thread);
            }
            Fact::KernelRefused(_) => self.offend(Offence::KernelRefused, true),
            Fact::Arrived(incarnation) => self.entry(incarnation).waiting = true,
            Fact::Reported(..) => {}
            Fact::Entered(thread, found, meant) => self.entered(thread, found, meant),
            Fact::Handled(_, incarnation) => self.entry(incarnation).waiting = false,
            Fact::TurnedAway(thread, incarnation, away) => self.turned_away(thread, incarnation, away),
            Fact::Left(thread, incarnation) => {
                self.entry(incarnation).inside.remove(thread);
            }
            Fact::TakenOver(thread, incarnation) => self.belongs_now(thread, incarnation),
            Fact::Deleting(_, incarnation) => self.entry(incarnation).deleting = true,
            Fact::MustClose(thread, incarnation) => {
                let before = self.entry(incarnation).closer.replace(thread);
                self.offend(Offence::TwoClosers, before.is_some());
            }
            Fact::Wiped(_, incarnation) => {
                self.entry(incarnation).stage = Stage::Wiped;
            }
            Fact::Closed(thread, incarnation) => self.closed(thread, incarnation),
            Fact::Forgotten(thread, found, meant) => {
                self.offend(Offence::WrongForgotten, found != meant);
                let record = self.entry(found);
                record.watching.remove(thread);
                record.astray.remove(thread);
            }
            Fact::Called(thread) => {
                self.calling.insert(thread);
            }
            Fact::Returned(thread) => {
                self.calling.remove(thread);
            }
            Fact::Mixed(_) => self.offend(Offence::Mixed, true),
            Fact::FlagLost(_) => self.offend(Offence::FlagLost, true),
            Fact::UpdateMislaid(..) => self.offend(Offence::UpdateMislaid, true),
            Fact::Listed(thread, incarnation) => self.entry(incarnation).idle.shelf = Some(thread),
            Fact::Unlisted(_, incarnation) => self.entry(incarnation).idle.shelf = None,
            Fact::Expired(incarnation) => self.entry(incarnation).idle.expired = true,
            Fact::Known(incarnation) => self.entry(incarnation).idle.known = true,
            Fact::Woken(thread, incarnation) => {
                self.entry(incarnation).idle.woken.insert(thread);
            }
            Fact::TakenOut(thread, incarnation) => {
                let was_there = self.entry(incarnation).take_out(thread);
                self.offend(Offence::TakenTwice, !was_there);
            }
            Fact::Given(thread, incarnation) => {
                self.offend(Offence::GivenDisturbed, self.descriptor(incarnation).idle.known);
                self.handed(thread, incarnation);
            }
            Fact::HandedBack(thread, incarnation) => self.handed(thread, incarnation),
        }
    }

    fn handed(&mut self, thread: Thread, incarnation: Incarnation) {
        let had_it = self.entry(incarnation).give(thread);
        self.offend(Offence::TakenTwice, !had_it);
    }

    fn entered(&mut self, thread: Thread, found: Incarnation, meant: Incarnation) {
        self.offend(Offence::Crossed, found != meant);
        self.offend(Offence::EnteredDeleted, self.descriptor(found).deleting);
        self.entry(found).inside.insert(thread);
        self.entry(meant).idle.woken.remove(thread);
    }

    fn turned_away(&mut self, thread: Thread, incarnation: Incarnation, away: Away) {
        let record = self.entry(incarnation);
        record.idle.woken.remove(thread);
        match away {
            Away::NotOwner if record.watching.contains(thread) => {
                record.astray.insert(thread);
            }
            Away::NotOwner | Away::Gone | Away::Closing | Away::Busy | Away::Shared => {}
        }
    }

    fn belongs_now(&mut self, thread: Thread, incarnation: Incarnation) {
        self.offend(Offence::EnteredDeleted, self.descriptor(incarnation).deleting);
        let record = self.entry(incarnation);
        record.owner = Some(Owner::Thread(thread));
        record.astray.remove(thread);
    }

    fn closed(&mut self, thread: Thread, incarnation: Incarnation) {
        let DescriptorRecord { stage, closer, .. } = self.descriptor(incarnation);
        let asked = match stage {
            Stage::Open => true,
            Stage::Wiped => closer == Some(thread),
            Stage::Unused | Stage::Live | Stage::Closed => false,
        };
        self.offend(Offence::ClosedUnasked, !asked);
        self.offend(Offence::TakenTwice, !self.descriptor(incarnation).has(thread));
        self.entry(incarnation).close();
    }

    fn entry(&mut self, incarnation: Incarnation) -> &mut DescriptorRecord {
        self.descriptors.entry(incarnation.index())
    }

    fn offend(&mut self, offence: Offence, committed: bool) {
        if committed {
            self.offences.commit(offence);
        }
    }
}
