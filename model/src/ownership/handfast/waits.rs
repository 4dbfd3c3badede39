//! Who waits in a state, and for what.

use handfast_spec::ownership::{Incarnation, Owner, Thread};

use super::kernel::Registration;
use super::machine::{At, World};
use super::word::{State, Words};

impl<W: Words> World<W> {
    /// Says what waits in a state. No thread of this design ever does: what can wait is a descriptor.
    pub(super) fn waiting(&self) -> Vec<String> {
        let open = self.incarnations().filter(|which| self.kernel.iter().nth(which.index()).is_some_and(|it| it.open));
        open.filter_map(|which| self.wait_of(which)).collect()
    }

    fn wait_of(&self, which: Incarnation) -> Option<String> {
        let number = self.number(which);
        if self.words.payload(number) != Some(which) {
            return None;
        }
        let has_closer = self.threads.iter().any(|worker| matches!(worker.at, At::Holding(other, _) if other == which));
        match self.words.state(number) {
            State::Live { runners: 0, closing: true, .. } => {
                Some(format!("{which} waits to be closed: no thread is inside, and none holds its slot"))
            }
            State::Held if !has_closer => Some(format!("{which} waits to be closed: its slot is held by no thread")),
            State::Live { owner: Owner::Thread(owner), closing: false, .. } => self.waits_for_owner(which, owner),
            State::Free | State::Held | State::Live { .. } => None,
        }
    }

    /// Whether something arrived of which the owner will not hear.
    fn waits_for_owner(&self, which: Incarnation, owner: Thread) -> Option<String> {
        let descriptor = self.kernel.iter().nth(which.index()).filter(|descriptor| descriptor.data)?;
        let worker = self.threads.iter().nth(owner.index());
        let is_reported = worker.is_some_and(|worker| worker.reports.iter().any(|report| report.about == which));
        let is_inside = worker.is_some_and(|worker| matches!(worker.at, At::Inside(other, _) if other == which));
        let poller = match descriptor.watchers.get(owner.index()) {
            Registration::None => "does not watch it",
            Registration::Quiet(_) => "has reported it already",
            Registration::Due(_) => return None,
        };
        let waits = !is_reported && !is_inside;
        waits.then(|| format!("what arrived for {which} waits for {owner}: the poller of {owner} {poller}"))
    }
}
