//! A timer that is seldom set.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::runtime::time::{Instant, Sleep, sleep_until};

/// A timer for a moment that moves on while nobody waits for it. It is touched only when it has fired too early.
#[derive(Debug, Default)]
pub(super) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Waits until a moment, or for ever.
    pub(super) fn poll_until(&mut self, moment: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(moment) = moment else { return Poll::Pending };
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(moment)));
        if moment < sleep.deadline() {
            sleep.as_mut().reset(moment);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            // It may have been set when the moment was an earlier one.
            if moment <= sleep.deadline() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(moment);
        }
    }
}
