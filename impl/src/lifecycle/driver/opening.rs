//! The steps of a session from its slot to the end of its handshake.

use std::sync::Arc;

use super::discard::Garbage;
use super::failures::Failure;
use super::signals::{ExitKind, Signals};
use super::state::{State, uncounted};
use crate::lifecycle::{ConfigError, Greeting, Limits, Origin, Reason, Rejected, SessionId, StateError};
use crate::runtime::time::Instant;

impl<K: Clone + Ord, I> State<K, I> {
    pub(super) fn open(&mut self, origin: Origin) -> Result<(SessionId, Arc<Signals>), Rejected> {
        origin.address.into_iter().for_each(|address| self.lift_bans_of(address));
        if let Some(worst) = self.core.worst(origin) {
            self.evict_session(worst);
        }
        let opened = self.apply(
            |state| {
                let session = state.core.open(origin)?;
                let signals = Arc::new(Signals::new(Instant::now()));
                state.sessions.insert(session, Arc::clone(&signals));
                state.note_unannounced(session);
                Ok((session, signals))
            },
            |metrics, opened: &Result<_, Rejected>| match opened {
                Ok(_) => metrics.opened += 1,
                Err(rejected) => *metrics.refused.entry(rejected.reason.name()).or_default() += 1,
            },
            |record, opened, _| match opened {
                Ok((session, _)) => record.opened(*session, origin),
                Err(rejected) => record.turned_away(origin, rejected.reason),
            },
        );
        if let Err(Rejected { session, reason }) = opened {
            let origin = Origin { address: origin.address.map(|address| address.to_canonical()), ..origin };
            self.fail(&Failure { session, origin, peer: None, reason });
        }
        opened
    }

    /// Passes a failure on to those that listen, which are woken when the lock has been released. After the shutdown there is
    /// nothing more to hear.
    pub(super) fn fail(&mut self, failure: &Failure<K, I>) {
        if self.core.is_complete() {
            return;
        }
        for listener in self.listeners() {
            self.discarded.extend(listener.push(failure.clone()).map(Garbage::Failure));
            self.failed.push(listener);
        }
    }

    /// Ends a session at once, so that its slot is free before its task has heard of it: the guard runs here, and the task
    /// is aborted when the lock has been released. A shutdown waits for its connection as for any other.
    fn evict_session(&mut self, session: SessionId) {
        // What may be evicted was not told to end before, and is there.
        let _ = self.disconnect(session, Reason::Evicted);
        let _ = self.end(session, Reason::Evicted, ExitKind::Evicted);
    }

    pub(super) fn grant_privilege(&mut self, session: SessionId) -> Result<(), StateError> {
        self.apply(
            |state| state.core.grant_privilege(session),
            uncounted,
            |record, granted, _| record.privileged(session, *granted),
        )
    }

    pub(super) fn set_rank(&mut self, session: SessionId, rank: u32) -> Result<(), StateError> {
        self.apply(
            |state| state.core.set_rank(session, rank),
            uncounted,
            |record, ranked, _| record.ranked(session, rank, *ranked),
        )
    }

    pub(super) fn set_limits(&mut self, limits: Limits) -> Result<(), ConfigError> {
        self.apply(|state| state.core.set_limits(limits), uncounted, |record, set, _| record.limits_set(&limits, *set))
    }

    pub(super) fn handshake_done(&mut self, session: SessionId, key: K, info: I) -> Result<Greeting, StateError> {
        let recorded = self.record.as_mut().and_then(|record| record.key(&key));
        self.apply(
            |state| state.core.handshake_done(session, key, info),
            |metrics, greeting| match greeting {
                Ok(Greeting::First) => metrics.greeted += 1,
                Ok(Greeting::Again) => metrics.duplicate_signals += 1,
                Err(_) => {}
            },
            |record, greeting, _| {
                if let (Ok(greeting), Some(key)) = (greeting, recorded) {
                    record.greeted(session, key, *greeting);
                }
            },
        )
    }
}
