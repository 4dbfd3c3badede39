//! A wire between two drivers that takes, delivers and tells one half at a time, and only when it is told to.
//! (long because: it is one kernel, which is what it lets happen and the calls that it answers)

mod socket;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use handfast::framed::Delivery;
use handfast_spec::framed::{Action, End, Forgery, Half, Item, Output, Part, Refusal};
use model::framed::Kernel;
use tokio::io::ReadBuf;

use super::convert::{HALF, forged};
use super::kernel::{Chunk, Got, Tcp, Wrote, item};
use super::record::Record;
pub(super) use socket::Socket;

/// Behind this half nothing follows.
const LAST: Half = Half { item: Item::Marker, part: Part::HeadRest };

/// Who calls the kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Caller {
    Writer,
    Reader,
    /// A task that drives a shutdown; whether what it reads is kept for a reader.
    Shutdown {
        keeps: bool,
    },
}

/// What a kernel lets an end do, once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Call {
    Write,
    /// By the reader, or by the shutdown.
    Read {
        ahead: bool,
    },
    Finish,
    Confirm,
    /// The first question what has arrived comes before the timer has fired.
    Expire {
        asked: bool,
    },
}

/// Both kernels. Clones are of the same.
#[derive(Clone)]
pub(super) struct Wire(Arc<Mutex<Inner>>);

struct Inner {
    tcp: Tcp,
    tells: bool,
    /// What is let happen next, at one of the ends.
    granted: Option<(End, Call)>,
    caller: Caller,
    told: Vec<Output>,
    ends: [Line; 2],
    /// Where everything may happen, what did.
    record: Option<Record>,
}

/// What is known of one end's calls.
#[derive(Default)]
struct Line {
    /// What is left of the item that is being handed over.
    sending: VecDeque<Half>,
    /// What an end that does not keep to the protocol puts before the rest.
    forged: VecDeque<Chunk>,
    reads: Option<Waker>,
    writes: Option<Waker>,
    /// It has handed over the last of its marker.
    has_handed_marker: bool,
    /// How many of its two directions were dropped.
    dropped: u8,
    /// What was forged could not be sent, which its driver could not know and is told when it reads.
    forger_knows: bool,
    /// Its driver was told that the connection is gone, so that every later call may be told so, too.
    knows_of_reset: bool,
}

impl Wire {
    pub(super) fn new(kernel: Kernel) -> Self {
        Self::with(kernel, None)
    }

    /// A wire that lets everything happen that kernels would, and remembers it.
    pub(super) fn recorded(kernel: Kernel, record: Record) -> Self {
        Self::with(kernel, Some(record))
    }

    fn with(kernel: Kernel, record: Option<Record>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            tcp: Tcp::new(kernel),
            tells: kernel.tells,
            granted: None,
            caller: Caller::Writer,
            told: Vec::new(),
            ends: Default::default(),
            record,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn socket(&self, end: End) -> Socket {
        Socket { wire: self.clone(), end }
    }

    /// Lets an end do something once, and wakes who waits for that.
    pub(super) fn grant(&self, end: End, call: Call) {
        let mut inner = self.lock();
        inner.granted = Some((end, call));
        let line = &mut inner.ends[end.index()];
        let waker = match call {
            Call::Write | Call::Finish => line.writes.take(),
            Call::Read { .. } => line.reads.take(),
            // No task is woken by that.
            Call::Confirm | Call::Expire { .. } => None,
        };
        drop(inner);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Takes back what was not done. Whether it was done.
    pub(super) fn revoke(&self) -> bool {
        self.lock().granted.take().is_none()
    }

    pub(super) fn called_by(&self, caller: Caller) {
        self.lock().caller = caller;
    }

    /// Whether an end was given the last of the peer's marker since [`told`](Self::told) was last called.
    pub(super) fn took_marker(&self, end: End) -> bool {
        self.lock().told.contains(&Output::Took(end, LAST))
    }

    /// Whether an end has handed over the last of its own marker.
    pub(super) fn has_handed_marker(&self, end: End) -> bool {
        self.lock().ends[end.index()].has_handed_marker
    }

    /// What was told since this was last called.
    pub(super) fn told(&self) -> Vec<Output> {
        std::mem::take(&mut self.lock().told)
    }

    pub(super) fn carry(&self, from: End) -> Result<(), Refusal> {
        let inner = &mut *self.lock();
        inner.tcp.carry(from, &mut inner.told)?;
        inner.note(Action::Carry { from });
        Ok(())
    }

    /// What is remembered.
    pub(super) fn record<T>(&self, look: impl FnOnce(&mut Record) -> T) -> T {
        look(self.lock().record.as_mut().expect("this wire remembers"))
    }

    pub(super) fn is_closed(&self, end: End) -> bool {
        self.lock().tcp.is_closed(end)
    }

    pub(super) fn forge(&self, end: End, forgery: Forgery) {
        self.lock().ends[end.index()].forged.extend(forged(forgery));
    }

    pub(super) fn has_forged(&self, end: End) -> bool {
        !self.lock().ends[end.index()].forged.is_empty()
    }

    /// Sends the next half of what was forged.
    pub(super) fn send_forged(&self, end: End) -> bool {
        let inner = &mut *self.lock();
        let Some(chunk) = inner.ends[end.index()].forged.front().cloned() else { return false };
        let half = chunk.half;
        match inner.tcp.write(end, chunk) {
            Wrote::Full => return false,
            Wrote::Taken => {
                inner.ends[end.index()].forged.pop_front();
                inner.told.push(Output::Handed(end, half));
            }
            Wrote::Gone => {
                let line = &mut inner.ends[end.index()];
                line.forged.clear();
                line.forger_knows = true;
                inner.told.push(Output::WriteFailed(end));
            }
        }
        true
    }
}

impl Inner {
    fn is_granted(&self, end: End, call: Call) -> bool {
        self.record.is_some() || self.granted == Some((end, call))
    }

    /// Remembers what was told in a step, and wakes every task that may go on after it.
    fn note(&mut self, action: Action) {
        let Some(record) = &mut self.record else { return };
        record.line(action, std::mem::take(&mut self.told));
        let wakers = self.ends.iter_mut().flat_map(|line| [line.reads.take(), line.writes.take()]);
        wakers.flatten().for_each(Waker::wake);
    }

    /// Whether an end may do this now, which it then has done.
    fn may(&mut self, end: End, call: Call) -> bool {
        let may = self.is_granted(end, call);
        if may {
            self.granted = None;
        }
        may
    }

    fn write(&mut self, end: End, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.ends[end.index()].knows_of_reset {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        if !self.is_granted(end, Call::Write) {
            return Poll::Pending;
        }
        let line = &mut self.ends[end.index()];
        if line.sending.is_empty() {
            let header = bytes.first_chunk().expect("a writer that begins an item offers its header");
            line.sending.extend(Half::of(item(header)));
        }
        let half = line.sending[0];
        match self.tcp.write(end, Chunk { half, bytes: bytes[..HALF].to_vec() }) {
            Wrote::Full => return Poll::Pending,
            Wrote::Taken => {
                line.sending.pop_front();
                line.has_handed_marker |= half == LAST;
                self.granted = None;
                self.told.push(Output::Handed(end, half));
                self.note(Action::Send { end });
            }
            Wrote::Gone => {
                line.knows_of_reset = true;
                self.granted = None;
                self.told.push(Output::WriteFailed(end));
                self.note(Action::Send { end });
                self.broke(end);
                return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
            }
        }
        Poll::Ready(Ok(HALF))
    }

    fn read(&mut self, end: End, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (ahead, keeps) = match self.caller {
            Caller::Writer => panic!("a writer does not read"),
            Caller::Reader => (false, true),
            Caller::Shutdown { keeps } => (true, keeps),
        };
        if !self.is_granted(end, Call::Read { ahead }) {
            return Poll::Pending;
        }
        let got = self.tcp.read(end);
        if !matches!(got, Got::Nothing) {
            self.granted = None;
        }
        let step = if ahead { Action::ReadAhead { end } } else { Action::Read { end } };
        match got {
            Got::Nothing => return Poll::Pending,
            Got::Chunk(Chunk { half, bytes }) => {
                into.put_slice(&bytes);
                self.told.push(match (ahead, keeps) {
                    (false, _) => Output::Took(end, half),
                    (true, true) => Output::Kept(end, half),
                    (true, false) => Output::Discarded(end),
                });
                self.note(step);
            }
            Got::End if !self.ends[end.index()].forger_knows => self.note(step),
            Got::Reset | Got::End => {
                let line = &mut self.ends[end.index()];
                line.knows_of_reset = true;
                // Who waits to write is told as well.
                line.writes.take().into_iter().for_each(Waker::wake);
                self.note(step);
                self.broke(end);
                return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// That an end was told of a reset in the step that was noted last.
    fn broke(&mut self, end: End) {
        if let Some(record) = &mut self.record {
            record.broke(end);
        }
    }

    fn delivery(&mut self, end: End) -> io::Result<Delivery> {
        let not_yet = Ok(if self.tells { Delivery::Outstanding(1) } else { Delivery::Unknown });
        let knows_of_reset = self.ends[end.index()].knows_of_reset;
        let is_last_chance = match self.granted {
            Some((of, Call::Expire { asked: false })) if of == end => {
                self.granted = Some((end, Call::Expire { asked: true }));
                return not_yet;
            }
            Some((of, Call::Expire { asked: true })) => of == end,
            Some((_, Call::Expire { asked: false })) => false,
            Some((_, Call::Write | Call::Read { .. } | Call::Finish | Call::Confirm)) | None => false,
        };
        if !is_last_chance && !knows_of_reset && !self.may(end, Call::Confirm) {
            return Ok(Delivery::Outstanding(1));
        }
        match self.tcp.outstanding(end) {
            Some(0) => Ok(Delivery::Outstanding(0)),
            _ if self.tcp.is_reset(end) && !is_last_chance => Err(ErrorKind::ConnectionReset.into()),
            Some(halves) => Ok(Delivery::Outstanding(halves)),
            None => Ok(Delivery::Unknown),
        }
    }

    fn drop_direction(&mut self, end: End) {
        let line = &mut self.ends[end.index()];
        line.dropped += 1;
        if line.dropped == 2 {
            let abandons = self.record.as_ref().is_some_and(|record| !record.has_begun(end));
            if abandons {
                self.told.push(Output::Abandoned(end));
            }
            let Self { tcp, told, .. } = self;
            tcp.close(end, told);
            self.note(if abandons { Action::Abandon { end } } else { Action::Close { end } });
        }
    }
}
