//! A connection in memory that counts: calls, bytes, and how often what was said has to travel before an end is done.

use std::collections::VecDeque;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What one end has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Calls {
    /// Writes of at least one byte.
    pub(crate) writes: usize,
    /// What they wrote.
    pub(crate) bytes: usize,
    /// Reads that gave something.
    pub(crate) reads: usize,
    pub(crate) flushes: usize,
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    travelling: Vec<u8>,
    arrived: VecDeque<u8>,
    reader: Option<Waker>,
}

/// One end of the wire.
#[derive(Debug)]
pub(crate) struct End {
    ways: Arc<Mutex<[Way; 2]>>,
    /// Which way it writes; it reads the other one.
    side: usize,
    pub(crate) calls: Calls,
}

/// Two ends between which nothing arrives until everything is delivered.
pub(crate) fn wire() -> (End, End) {
    let ways = Arc::new(Mutex::new([Way::default(), Way::default()]));
    let end = |side| End { ways: Arc::clone(&ways), side, calls: Calls::default() };
    (end(0), end(1))
}

fn locked(ways: &Mutex<[Way; 2]>) -> MutexGuard<'_, [Way; 2]> {
    ways.lock().expect("nobody panics with it")
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let way = &mut locked(&this.ways)[1 - this.side];
        if way.arrived.is_empty() {
            way.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let length = way.arrived.len().min(buffer.remaining());
        way.arrived.drain(..length).for_each(|byte| buffer.put_slice(&[byte]));
        this.calls.reads += 1;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        locked(&this.ways)[this.side].travelling.extend_from_slice(bytes);
        this.calls.writes += usize::from(!bytes.is_empty());
        this.calls.bytes += bytes.len();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.calls.flushes += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// How many one-way trips it takes until the first end and until the second one is done. Everything that is under way when
/// neither end has anything more to do arrives at once, at both ends: that is one trip.
///
/// # Panics
///
/// If an end waits for what nobody says.
pub(crate) fn trips<O>(ways: &Ways, first: impl Future<Output = O>, second: impl Future<Output = O>) -> [usize; 2] {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let mut context = Context::from_waker(Waker::noop());
    let mut done = [None; 2];
    for trip in 0.. {
        if done[0].is_none() && first.as_mut().poll(&mut context).is_ready() {
            done[0] = Some(trip);
        }
        if done[1].is_none() && second.as_mut().poll(&mut context).is_ready() {
            done[1] = Some(trip);
        }
        if let [Some(first), Some(second)] = done {
            return [first, second];
        }
        assert!(ways.deliver(), "both ends wait, and nothing is under way");
    }
    unreachable!("it ends or panics")
}

/// What lies between two ends.
pub(crate) struct Ways(Arc<Mutex<[Way; 2]>>);

impl Ways {
    pub(crate) fn of(end: &End) -> Self {
        Self(Arc::clone(&end.ways))
    }

    /// Has memory for all that is said, so that none of it is anybody's allocation.
    pub(crate) fn reserve(&self) {
        for way in locked(&self.0).iter_mut() {
            way.travelling.reserve(4096);
            way.arrived.reserve(4096);
        }
    }

    /// Lets everything arrive that is under way; whether anything was.
    fn deliver(&self) -> bool {
        let mut any = false;
        for way in locked(&self.0).iter_mut() {
            any |= !way.travelling.is_empty();
            way.arrived.extend(way.travelling.drain(..));
            way.reader.take().into_iter().for_each(Waker::wake);
        }
        any
    }
}
