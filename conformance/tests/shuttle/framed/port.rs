//! A small driver of the same protocol, to be mistaken on purpose: everything of one end is under one lock, and what a flaw splits
//! into two steps is done under it twice, with every other task between them.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use handfast::environment::{Mutex, MutexGuard};
use handfast::framed::{Delivery, Frame, Transport};
use handfast_spec::framed::{Ending, Outcome};
use shuttle::future::yield_now;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::framed::ends::{Closes, Peer, Reads, Writes};
use crate::framed::socket::{Direction, Socket};

const MARKER: [u8; 8] = [0x10, 0, 0, 0, 0, 0, 0, 0];

/// The mistake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flaw {
    None,
    /// Whether a shutdown has begun is looked at in one step, and the frame accepted in another.
    ChecksThenAccepts,
    /// It says that all is well when the marker was handed over.
    DoesNotAsk,
    /// Nothing is read ahead before the marker is written.
    DrainsLate,
}

#[derive(Clone)]
pub(crate) struct Port(Arc<(Mutex<State>, Flaw)>);

struct State {
    read: Direction,
    write: Direction,
    queue: VecDeque<u8>,
    held: VecDeque<u8>,
    begun: bool,
    finished: bool,
    ended: bool,
    outcome: Option<Outcome>,
}

impl Port {
    pub(crate) fn new(socket: Socket, flaw: Flaw) -> Self {
        let (read, write) = socket.split();
        let (queue, held) = Default::default();
        let state = State { read, write, queue, held, begun: false, finished: false, ended: false, outcome: None };
        Self(Arc::new((Mutex::new(state), flaw)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().expect("nothing panics under the lock")
    }

    fn accept(&self, frame: &Frame) -> bool {
        let mut state = self.lock();
        if state.begun && self.0.1 != Flaw::ChecksThenAccepts {
            return false;
        }
        state.queue.extend(frame.kind.to_be_bytes());
        state.queue.extend((frame.payload.len() as u32).to_be_bytes());
        state.queue.extend(&frame.payload);
        true
    }

    async fn write_queue(&self) {
        poll_fn(|cx| self.lock().poll_write(cx)).await;
    }

    async fn read_ahead(&self) {
        poll_fn(|cx| {
            while ready!(self.lock().poll_read(cx)) {}
            Poll::Ready(())
        })
        .await;
    }

    /// What another caller's shutdown comes to.
    async fn told(&self) -> Outcome {
        loop {
            if let Some(outcome) = self.lock().outcome {
                return outcome;
            }
            yield_now().await;
        }
    }

    /// The marker, the end of the stream, and the acknowledgement.
    async fn finish(&self) -> Outcome {
        self.write_queue().await;
        poll_fn(|cx| self.lock().poll_finish(cx)).await;
        loop {
            let delivery = Socket::delivery(&self.lock().write);
            match delivery {
                _ if self.0.1 == Flaw::DoesNotAsk => return Outcome::Clean,
                Ok(Delivery::Outstanding(0)) => return Outcome::Clean,
                Ok(_) => yield_now().await,
                Err(_) => return Outcome::PeerGone,
            }
        }
    }
}

impl State {
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.queue.is_empty() {
            let bytes = self.queue.make_contiguous();
            match ready!(Pin::new(&mut self.write).poll_write(cx, bytes)) {
                Ok(written) => drop(self.queue.drain(..written)),
                Err(_) => self.queue.clear(),
            }
        }
        Poll::Ready(())
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !std::mem::replace(&mut self.finished, true) {
            let finished = Pin::new(&mut self.write).poll_shutdown(cx);
            assert!(matches!(finished, Poll::Ready(Ok(()))), "no task waits for that");
        }
        Poll::Ready(())
    }

    /// Whether there may be more.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.ended {
            return Poll::Ready(false);
        }
        let mut bytes = [0; 16];
        let mut into = ReadBuf::new(&mut bytes);
        let read = ready!(Pin::new(&mut self.read).poll_read(cx, &mut into));
        self.ended = read.is_err() || into.filled().is_empty();
        self.held.extend(into.filled());
        Poll::Ready(!self.ended)
    }

    /// What comes next of what was read.
    fn next(&mut self) -> Option<Option<Frame>> {
        let header: Vec<u8> = self.held.iter().take(8).copied().collect();
        let [k0, k1, k2, k3, length @ ..] = *header.first_chunk::<8>()?;
        if header == MARKER {
            return Some(None);
        }
        let length = u32::from_be_bytes(length) as usize;
        if self.held.len() < 8 + length {
            return None;
        }
        let payload: Vec<u8> = self.held.drain(..8 + length).skip(8).collect();
        Some(Some(Frame::new(u32::from_be_bytes([k0, k1, k2, k3]), payload)))
    }
}

impl Peer for Port {
    type Reader = Self;
    type Writer = Self;
    type Closer = Self;

    fn apart(self) -> (Self, Self, Self) {
        (self.clone(), self.clone(), self)
    }
}

impl Reads for Port {
    async fn read(&mut self) -> Result<Option<Frame>, Ending> {
        poll_fn(|cx| {
            let mut state = self.lock();
            loop {
                if let Some(item) = state.next() {
                    return Poll::Ready(Ok(item));
                }
                if !ready!(state.poll_read(cx)) {
                    return Poll::Ready(Err(Ending::WithoutMarker));
                }
            }
        })
        .await
    }
}

impl Writes for Port {
    async fn feed(&mut self, frame: Frame) -> bool {
        if self.lock().begun {
            return false;
        }
        self.write_queue().await;
        self.accept(&frame)
    }

    async fn flush(&mut self) {
        self.write_queue().await;
    }
}

impl Closes for Port {
    async fn shutdown(&self) -> Outcome {
        let is_first = {
            let mut state = self.lock();
            let is_first = !std::mem::replace(&mut state.begun, true);
            if is_first {
                state.queue.extend(MARKER);
            }
            is_first
        };
        if !is_first {
            return self.told().await;
        }
        if self.0.1 == Flaw::DrainsLate {
            self.write_queue().await;
        }
        let (mut finish, mut drain) = (pin!(self.finish()), pin!(self.read_ahead()));
        let mut drained = false;
        let outcome = poll_fn(|cx| {
            drained = drained || drain.as_mut().poll(cx).is_ready();
            finish.as_mut().poll(cx)
        })
        .await;
        self.lock().outcome = Some(outcome);
        outcome
    }
}
