//! Sessions that are to have ended, or to be announced, by some moment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::state::{State, Timing};
use crate::lifecycle::{Reason, SessionId};
use crate::runtime::time::Instant;

/// When each session of some kind is overdue.
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

    /// The session has ended, or is no longer of this kind.
    pub(super) fn forget(&mut self, session: SessionId) {
        if let Some(moment) = self.moments.remove(&session) {
            self.order.remove(&(moment, session));
        }
    }

    /// Returns when a session is overdue, if it is of this kind.
    pub(super) fn moment(&self, session: SessionId) -> Option<Instant> {
        self.moments.get(&session).copied()
    }

    /// Returns when the first of them is overdue.
    pub(super) fn next_moment(&self) -> Option<Instant> {
        self.order.first().map(|(moment, _)| *moment)
    }

    /// Returns a session that is overdue.
    pub(super) fn first(&self) -> Option<SessionId> {
        self.order.first().filter(|(moment, _)| *moment <= Instant::now()).map(|(_, session)| *session)
    }
}

impl<K: Clone + Ord, I> State<K, I> {
    /// Notes that a session is overdue this long from now.
    pub(super) fn note_overdue(&mut self, session: SessionId, after: Duration) {
        self.overdue.note(session, Instant::now().checked_add(after));
    }

    /// Notes when a session is overdue that is not announced by then: its own timer does not fire where its task does not
    /// come to an `await` or is not polled.
    pub(super) fn note_unannounced(&mut self, session: SessionId) {
        let Timing { handshake_timeout, grace, overdue, .. } = self.timing;
        let after = handshake_timeout.saturating_add(grace).saturating_add(overdue);
        self.unannounced.note(session, Instant::now().checked_add(after));
    }

    /// Returns a session that is overdue, and why it ends if it was not told to.
    pub(super) fn first_overdue(&self) -> Option<(SessionId, Reason)> {
        let told = self.overdue.first().map(|session| (session, Reason::Aborted));
        told.or_else(|| self.unannounced.first().map(|session| (session, Reason::HandshakeTimeout)))
    }
}
