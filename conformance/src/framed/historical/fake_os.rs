//! The operating system under the original: the kernels, the deadline of a connection, and the step that may be taken.

use std::future::poll_fn;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard as StdGuard, PoisonError};
use std::task::Poll;

use handfast_spec::framed::{Action, End, Ending, Half, Output, Refusal};
use model::framed::Kernel;
use tokio::sync::{Mutex, MutexGuard};

use crate::framed::kernel::{Chunk, Got, Tcp, Wrote};

/// Both kernels and the turns. Clones are of the same.
#[derive(Clone)]
pub(super) struct FakeOs(Arc<StdMutex<Inner>>);

struct Inner {
    tcp: Tcp,
    turn: Option<Action>,
    told: Vec<Output>,
    /// Whether the deadline of an end's connection has passed.
    late: [bool; 2],
    /// Whether the idle timeout of a write has passed.
    stalled: [bool; 2],
}

/// What a call of the kernel that reads has come to.
pub(super) enum Read {
    Chunk(Chunk),
    Reset,
    End,
}

impl FakeOs {
    pub(super) fn new(kernel: Kernel) -> Self {
        let (late, stalled) = ([false; 2], [false; 2]);
        Self(Arc::new(StdMutex::new(Inner { tcp: Tcp::new(kernel), turn: None, told: Vec::new(), late, stalled })))
    }

    fn inner(&self) -> StdGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the step that may be taken from now on. Returns whether the one before was taken.
    pub(super) fn give(&self, turn: Option<Action>) -> bool {
        std::mem::replace(&mut self.inner().turn, turn).is_none()
    }

    pub(super) fn told(&self) -> Vec<Output> {
        std::mem::take(&mut self.inner().told)
    }

    pub(super) fn tell(&self, output: Output) {
        self.inner().told.push(output);
    }

    pub(super) fn carry(&self, from: End) -> Result<(), Refusal> {
        let Inner { tcp, told, .. } = &mut *self.inner();
        tcp.carry(from, told)
    }

    pub(super) fn is_closed(&self, end: End) -> bool {
        self.inner().tcp.is_closed(end)
    }

    pub(super) fn shut_write(&self, end: End) {
        self.inner().tcp.close_direction(end);
    }

    pub(super) fn close(&self, end: End) {
        let Inner { tcp, told, .. } = &mut *self.inner();
        tcp.close(end, told);
    }

    pub(super) fn set_late(&self, end: End) {
        self.inner().late[end.index()] = true;
    }

    pub(super) fn set_stalled(&self, end: End, stalled: bool) {
        self.inner().stalled[end.index()] = stalled;
    }

    /// Waits for the turn of a step that cannot be interrupted.
    pub(super) async fn turn(&self, step: Action) {
        poll_fn(|_| self.inner().take_turn(step)).await;
    }

    /// Waits for the turn of a step of an end that may be interrupted: by its deadline, or because its socket is closed.
    pub(super) async fn turn_in_time(&self, end: End, step: Action) -> Result<(), Ending> {
        poll_fn(|_| {
            let mut inner = self.inner();
            inner.interrupted(end).map_or_else(|| inner.take_turn(step).map(Ok), |why| Poll::Ready(Err(why)))
        })
        .await
    }

    /// Takes a lock at its turn. A lock that is held is asked for again at the next turn: waiters are served in no order.
    pub(super) async fn lock<'m, T>(&self, step: Action, mutex: &'m Mutex<T>) -> MutexGuard<'m, T> {
        poll_fn(|_| {
            let mut inner = self.inner();
            if inner.turn != Some(step) {
                return Poll::Pending;
            }
            let Ok(guard) = mutex.try_lock() else { return Poll::Pending };
            inner.turn = None;
            Poll::Ready(guard)
        })
        .await
    }

    /// As [`lock`](Self::lock), for a shutdown, which goes through what remains at once when its deadline has passed.
    pub(super) async fn lock_in_time<'m, T>(&self, end: End, step: Action, mutex: &'m Mutex<T>) -> MutexGuard<'m, T> {
        poll_fn(|_| {
            let mut inner = self.inner();
            if inner.turn != Some(step) && inner.interrupted(end).is_none() {
                return Poll::Pending;
            }
            let Ok(guard) = mutex.try_lock() else { return Poll::Pending };
            inner.turn = None;
            Poll::Ready(guard)
        })
        .await
    }

    pub(super) async fn write(&self, end: End, step: Action, chunk: &Chunk) -> Result<(), ()> {
        poll_fn(|_| {
            let mut inner = self.inner();
            // Who comes to a socket that is closed takes a step to find out.
            let interrupted = inner.late[end.index()] || inner.stalled[end.index()];
            if interrupted && !inner.tcp.is_closed(end) {
                return Poll::Ready(Err(()));
            }
            if inner.turn != Some(step) {
                return Poll::Pending;
            }
            match inner.tcp.write(end, chunk.clone()) {
                Wrote::Full => return Poll::Pending,
                Wrote::Taken => inner.told.push(Output::Handed(end, chunk.half)),
                Wrote::Gone => {
                    inner.turn = None;
                    return Poll::Ready(Err(()));
                }
            }
            inner.turn = None;
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Reads one half. What is read is entered as `told`.
    pub(super) async fn read(&self, end: End, step: Action, told: fn(End, Half) -> Output) -> Result<Read, Ending> {
        poll_fn(|_| {
            let mut inner = self.inner();
            if let Some(why) = inner.interrupted(end) {
                return Poll::Ready(Err(why));
            }
            if inner.turn != Some(step) {
                return Poll::Pending;
            }
            let read = match inner.tcp.read(end) {
                Got::Nothing => return Poll::Pending,
                Got::Chunk(chunk) => {
                    inner.told.push(told(end, chunk.half));
                    Read::Chunk(chunk)
                }
                Got::Reset => Read::Reset,
                Got::End => Read::End,
            };
            inner.turn = None;
            Poll::Ready(Ok(read))
        })
        .await
    }
}

impl Inner {
    fn take_turn(&mut self, step: Action) -> Poll<()> {
        if self.turn == Some(step) {
            self.turn = None;
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Why what an end does with its socket fails at once.
    fn interrupted(&self, end: End) -> Option<Ending> {
        match (self.tcp.is_closed(end), self.late[end.index()]) {
            (true, _) => Some(Ending::ShutDown),
            (false, true) => Some(Ending::Deadline),
            (false, false) => None,
        }
    }
}
