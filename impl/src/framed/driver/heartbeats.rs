//! Signs of life.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::runtime::time::Instant;

use super::shared::Shared;
use super::timer::Timer;
use super::wakers::Who;
use crate::framed::Error;
use crate::framed::transport::Transport;

/// Sends a heartbeat whenever no frame was sent for the interval. Returns what ended that.
pub(super) async fn send<T: Transport>(shared: Arc<Shared<T>>) -> Error {
    let Some(interval) = shared.config.heartbeat else { return pending().await };
    let (mut next, mut gives_up) = (Timer::default(), Timer::default());
    loop {
        let due = poll_fn(|cx| shared.poll_heartbeat_due(shared.life.sent().checked_add(interval), &mut next, cx));
        if let Err(end) = due.await {
            return end;
        }
        shared.life.frame_went();
        if let Err(end) = poll_fn(|cx| shared.poll_flush(Who::Heart, &mut gives_up, cx)).await {
            return end;
        }
    }
}

impl<T: Transport> Shared<T> {
    /// Waits until a heartbeat is due, and has it accepted.
    fn poll_heartbeat_due(
        &self,
        moment: Option<Instant>,
        timer: &mut Timer,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        let mut write = self.write();
        // To be woken by the end of the connection.
        write.wakers.register(Who::Heart, cx);
        let ended = self.fate().map_or_else(|| write.cursor.check(), |fate| Err(fate.clone()));
        if ended.is_err() {
            return Poll::Ready(ended);
        }
        if timer.poll_until(moment, cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(match write.cursor.queued() {
            0 => write.cursor.accept_heartbeat(),
            // The peer has something to read as it is.
            _ => Ok(()),
        })
    }
}
