//! How long a subscriber may hold up announcements.

use std::time::Duration;

use crate::runtime::time::Instant;

/// For how long a subscriber has held up announcements: all hold-ups within a window together, so that an instant of room
/// does not forgive what was before it.
pub(super) struct Subscriber {
    /// How long it may hold them up in a window.
    timeout: Duration,
    window: Duration,
    /// When the window began, with the first hold-up in it.
    began: Option<Instant>,
    /// How long it held them up in the window, the present hold-up apart.
    spent: Duration,
    /// Since when it holds them up, if it does.
    since: Option<Instant>,
}

impl Subscriber {
    pub(super) fn new(timeout: Duration, window: Duration) -> Self {
        Self { timeout, window, began: None, spent: Duration::ZERO, since: None }
    }

    /// Notes whether it holds up an announcement now. What it held up before counts until the window is over.
    pub(super) fn note(&mut self, holds_up: bool, now: Instant) {
        let Self { window, began, spent, since, .. } = self;
        match (*since, holds_up) {
            (None, true) => {
                if began.is_none_or(|began| now.saturating_duration_since(began) >= *window) {
                    (*began, *spent) = (Some(now), Duration::ZERO);
                }
                *since = Some(now);
            }
            (Some(start), false) => {
                *spent += now.saturating_duration_since(start);
                *since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// Returns when it is to be evicted, if it holds up an announcement and that moment can be told.
    pub(super) fn evicted_at(&self) -> Option<Instant> {
        self.since?.checked_add(self.timeout.saturating_sub(self.spent))
    }
}
