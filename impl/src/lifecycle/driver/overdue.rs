//! Sessions that were told to end and have not ended.

use std::collections::{BTreeMap, BTreeSet};

use crate::lifecycle::SessionId;
use crate::runtime::time::Instant;

/// When each session is overdue that was told to end or of which the task was aborted.
#[derive(Debug, Default)]
pub(super) struct Overdue {
    moments: BTreeMap<SessionId, Instant>,
    /// The same, by when.
    order: BTreeSet<(Instant, SessionId)>,
}

impl Overdue {
    /// Notes when a session is overdue. The earliest moment counts. None is a moment that the clock cannot tell.
    pub(super) fn note(&mut self, session: SessionId, moment: Option<Instant>) {
        let Some(moment) = moment else { return };
        if self.moments.get(&session).is_none_or(|noted| moment < *noted) {
            self.forget(session);
            self.moments.insert(session, moment);
            self.order.insert((moment, session));
        }
    }

    /// The session has ended.
    pub(super) fn forget(&mut self, session: SessionId) {
        if let Some(moment) = self.moments.remove(&session) {
            self.order.remove(&(moment, session));
        }
    }

    /// Returns when a session is overdue, if it was told to end.
    pub(super) fn moment(&self, session: SessionId) -> Option<Instant> {
        self.moments.get(&session).copied()
    }

    /// Returns a session that is overdue.
    pub(super) fn first(&self) -> Option<SessionId> {
        self.order.first().filter(|(moment, _)| *moment <= Instant::now()).map(|(_, session)| *session)
    }
}
