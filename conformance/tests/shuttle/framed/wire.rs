//! A wire on shuttle's primitives, and the record of what is done on it.
//!
//! Each call moves one half of an item, as each step of the model does, and is written down at once, in the order in which
//! the calls are made. What the kernels cannot see is written down where it must have happened: that a frame was accepted
//! before its first half, and before the shutdown that is behind it; that a shutdown had begun before anything was read
//! ahead, and before the first half of the marker.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use conformance::framed::kernel::{Chunk, Got, Tcp, Wrote, item};
use handfast::environment::{self, Mutex, MutexGuard};
use handfast_spec::Protocol;
use handfast_spec::framed::{Action, End, FrameId, Framed, Half, History, Item, Moment, Output, Part, Shape};
use model::framed::Kernel;
use shuttle::current::{TaskId, me};
use shuttle::future::yield_now;
use tokio::io::ReadBuf;

use crate::framed::socket::Socket;

/// Longer than any pause between two questions what has arrived, and far from any deadline however often it is added.
const ASKED_AGAIN: Duration = Duration::from_millis(40);

/// Both kernels and the record. Clones are of the same.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Mutex<Inner>>);

pub(crate) struct Inner {
    pub(crate) tcp: Tcp,
    history: History,
    pub(crate) record: Vec<Action>,
    readers: HashMap<TaskId, End>,
    pub(crate) lines: [Line; 2],
    pub(crate) carriers: [Option<Waker>; 2],
}

#[derive(Default)]
pub(crate) struct Line {
    sending: VecDeque<Half>,
    pub(crate) reads: Vec<Waker>,
    pub(crate) writes: Vec<Waker>,
    pub(crate) dropped: u8,
    /// Frames that the record says were accepted.
    accepted: u32,
    /// Where the record says that the shutdown began.
    begun: Option<usize>,
    is_over: bool,
    /// One of its calls was told of a reset, which is the end of its shutdown in the same step.
    knows_of_reset: bool,
    /// Halves of the frame or marker that is being read.
    within: usize,
    /// Items that the reader's task completed, and those that it returned.
    completed: usize,
    returned: usize,
}

impl Wire {
    pub(crate) fn new(kernel: Kernel) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            tcp: Tcp::new(kernel),
            history: History::new(u16::MAX, u16::MAX, kernel.tells),
            record: Vec::new(),
            readers: HashMap::new(),
            lines: Default::default(),
            carriers: [None, None],
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("nothing panics under the lock")
    }

    pub(crate) fn socket(&self, end: End) -> Socket {
        Socket::new(self, end)
    }

    /// From now on this task is the one that reads for the application.
    pub(crate) fn i_am_the_reader(&self, end: End) {
        self.lock().readers.insert(me(), end);
    }

    pub(crate) fn tell(&self, output: Output) {
        self.lock().ledger_record(&output);
    }

    /// The reader's task was given something: a frame or an end.
    pub(crate) fn read_returned(&self, end: End, output: Output) {
        let mut inner = self.lock();
        let line = &mut inner.lines[end.index()];
        line.returned += 1;
        if line.returned > line.completed {
            line.completed = line.returned;
            inner.record.push(Action::Read { end });
        }
        inner.ledger_record(&output);
    }

    /// A shutdown has come to its end.
    pub(crate) fn is_over(&self, end: End, output: Output) {
        let mut inner = self.lock();
        inner.begins(end);
        let line = &mut inner.lines[end.index()];
        if !std::mem::replace(&mut line.is_over, true) && !line.knows_of_reset {
            inner.record.push(Action::Confirm { end });
        }
        inner.ledger_record(&output);
    }

    /// The application drops its reader, and what is done with that.
    pub(crate) fn leaves(&self, end: End) {
        let mut inner = self.lock();
        inner.record.push(Action::Leave { end });
        inner.ledger_record(&Output::Left(end));
    }

    /// Carries everything from an end, until its stream has ended or is reset; then moves the clock until its shutdown is over.
    pub(crate) async fn carry(&self, from: End) {
        while std::future::poll_fn(|cx| self.poll_carry(from, cx)).await {}
        // Nothing tells of an acknowledgement but the clock.
        while !self.lock().lines[from.index()].is_over {
            environment::advance(ASKED_AGAIN);
            yield_now().await;
        }
    }

    fn poll_carry(&self, from: End, cx: &Context<'_>) -> Poll<bool> {
        let mut inner = self.lock();
        let mut told = Vec::new();
        if inner.tcp.carry(from, &mut told).is_err() {
            if inner.tcp.is_reset(from) {
                return Poll::Ready(false);
            }
            inner.carriers[from.index()] = Some(cx.waker().clone());
            return Poll::Pending;
        }
        inner.record.push(Action::Carry { from });
        told.iter().for_each(|output| inner.ledger_record(output));
        let wakers = inner.all_wakers();
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
        Poll::Ready(!told.contains(&Output::Arrived(from)))
    }

    /// What was told in all, and what was done.
    pub(crate) fn come_to(&self) -> (History, Vec<Action>) {
        let inner = self.lock();
        (inner.history.clone(), inner.record.clone())
    }
}

impl Inner {
    pub(crate) fn ledger_record(&mut self, output: &Output) {
        Framed::record(&mut self.history, output);
    }

    pub(crate) fn all_wakers(&mut self) -> Vec<Waker> {
        let carriers = self.carriers.iter_mut().filter_map(Option::take);
        carriers
            .chain(self.lines.iter_mut().flat_map(|line| line.reads.drain(..).chain(line.writes.drain(..))))
            .collect()
    }

    /// The shutdown has begun at the latest now.
    fn begins(&mut self, end: End) {
        if self.lines[end.index()].begun.is_none() {
            self.lines[end.index()].begun = Some(self.record.len());
            self.record.push(Action::Shutdown { end, by: Moment::Soon });
            self.ledger_record(&Output::Begun(end, Moment::Soon));
        }
    }

    /// A frame was accepted at the latest now, and before the shutdown in any case.
    fn accepts(&mut self, end: End, frame: FrameId, shape: Shape) {
        if frame.0 < self.lines[end.index()].accepted {
            return;
        }
        self.lines[end.index()].accepted += 1;
        let at = self.lines[end.index()].begun.unwrap_or(self.record.len());
        self.record.insert(at, Action::Write { end, shape });
        let moved = |begun: usize| if begun >= at { begun + 1 } else { begun };
        self.lines.iter_mut().for_each(|line| line.begun = line.begun.map(moved));
    }

    pub(crate) fn write(&mut self, end: End, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.lines[end.index()].sending.is_empty() {
            let header = bytes.first_chunk().expect("a writer that begins an item offers its header");
            self.lines[end.index()].sending.extend(Half::of(item(header)));
        }
        let half = self.lines[end.index()].sending[0];
        let length = match half.part {
            Part::Head | Part::HeadRest => 4,
            Part::Body | Part::BodyRest => 2,
        };
        let wrote = self.tcp.write(end, Chunk { half, bytes: bytes[..length].to_vec() });
        if matches!(wrote, Wrote::Full) {
            return Poll::Pending;
        }
        match half.item {
            Item::Frame(frame, shape) => self.accepts(end, frame, shape),
            Item::Marker => self.begins(end),
            Item::Forged(_) => {}
        }
        if !self.lines[end.index()].knows_of_reset {
            self.record.push(Action::Send { end });
        }
        if matches!(wrote, Wrote::Gone) {
            self.lines[end.index()].knows_of_reset = true;
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.lines[end.index()].sending.pop_front();
        self.ledger_record(&Output::Handed(end, half));
        Poll::Ready(Ok(length))
    }

    pub(crate) fn read(&mut self, end: End, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let got = self.tcp.read(end);
        // In the model a shutdown is over when it is told of a reset. The task that drives it here may look once more, for the reader.
        let knows_of_reset = self.lines[end.index()].knows_of_reset;
        let by_shutdown = self.readers.get(&me()) != Some(&end);
        let ahead = by_shutdown && !knows_of_reset;
        match got {
            Got::Nothing => return Poll::Pending,
            Got::End if by_shutdown && knows_of_reset => return Poll::Ready(Ok(())),
            Got::Chunk(_) | Got::Reset | Got::End => {}
        }
        if ahead {
            self.begins(end);
            self.record.push(Action::ReadAhead { end });
        } else {
            self.record.push(Action::Read { end });
        }
        match got {
            Got::Nothing => {}
            Got::Reset => {
                self.lines[end.index()].knows_of_reset = true;
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            Got::End if ahead => {}
            Got::End => self.lines[end.index()].completed += 1,
            Got::Chunk(Chunk { half, bytes }) => {
                into.put_slice(&bytes);
                let line = &mut self.lines[end.index()];
                line.within += 1;
                if line.within == half.item.halves() {
                    line.within = 0;
                    line.completed += usize::from(!ahead);
                }
                self.ledger_record(&if ahead { Output::Kept(end, half) } else { Output::Took(end, half) });
            }
        }
        Poll::Ready(Ok(()))
    }
}
