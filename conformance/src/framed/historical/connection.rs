//! `frameconn.Conn`: reading, writing and shutting down.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard as StdGuard, PoisonError};
use std::task::Poll;

use handfast_spec::framed::{Action, End, Ending, FrameId, Given, Half, Item, Output, Part, Refusal, Shape};
use model::framed::Kernel;
use tokio::sync::{Mutex, MutexGuard};

use crate::framed::convert::{HALF, bytes, frame, given};
use crate::framed::kernel::{Chunk, Got, Tcp, Wrote, item};

/// One end of the original's connection. The names of steps are those of its description.
pub(super) struct Connection {
    end: End,
    os: FakeOs,
    begun: AtomicBool,
    write: Mutex<()>,
    read: Mutex<ReadAhead>,
}

/// What `readMtx` guards.
#[derive(Default)]
struct ReadAhead {
    /// A header that was read together with the payload before it.
    next: Option<Vec<Chunk>>,
    /// An error that came right behind a payload; told once.
    error: Option<Ending>,
}

/// Why a write returned an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NotWritten {
    /// `ErrShutdown`.
    ShutDown,
    /// Whatever the socket said; a prefix may be on the wire.
    Socket,
}

impl Connection {
    pub(super) fn new(end: End, os: FakeOs) -> Self {
        let (begun, write) = (AtomicBool::new(false), Mutex::new(()));
        Self { end, os, begun, write, read: Mutex::default() }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// `WriteFrame`.
    pub(super) async fn write_frame(&self, number: FrameId, shape: Shape) -> Result<(), NotWritten> {
        let step = Action::Send { end: self.end };
        // W1, and no second look behind the lock.
        if self.has_begun() {
            return Err(NotWritten::ShutDown);
        }
        // W2.
        let _writes = self.os.lock(step, &self.write).await;
        // W3; W4: after an error the connection is not marked as broken.
        for chunk in bytes(Item::Frame(number, shape)) {
            self.os.write(self.end, step, &chunk).await.map_err(|()| NotWritten::Socket)?;
        }
        Ok(())
    }

    /// `ReadFrame`.
    pub(super) async fn read_frame(&self) -> Result<Given, Ending> {
        let step = Action::Read { end: self.end };
        // R0.
        self.os.turn(step).await;
        if self.has_begun() {
            return Err(Ending::ShutDown);
        }
        // R1, and no second look.
        let mut ahead = self.os.lock(step, &self.read).await;
        if self.os.is_closed(self.end) {
            return Err(Ending::ShutDown);
        }
        let read = self.read_locked(&mut ahead).await;
        // R7.
        if read == Err(Ending::Marker) {
            self.begun.store(true, Ordering::SeqCst);
        }
        read
    }

    async fn read_locked(&self, ahead: &mut ReadAhead) -> Result<Given, Ending> {
        let step = Action::Read { end: self.end };
        // R2.
        if ahead.error.is_some() {
            self.os.turn_in_time(self.end, step).await?;
            return Err(ahead.error.take().expect("it is there"));
        }
        // R3: what was read before an error is forgotten.
        if ahead.next.is_none() {
            let mut header = Vec::new();
            self.fill(&mut header, 2).await.map_err(|error| match error {
                // `io.ReadFull` tells an end within the header apart.
                Ending::WithoutMarker if !header.is_empty() => Ending::Truncated,
                other => other,
            })?;
            if !is_header(&header) {
                return Ok(Given::Garbled);
            }
            ahead.next = Some(header);
        }
        let header = ahead.next.clone().expect("it was read just now");
        let announced = parsed(&header);
        // R5: without a payload nothing behind it is waited for.
        if !matches!(announced, Item::Frame(_, Shape::Full)) {
            self.os.turn_in_time(self.end, step).await?;
            ahead.next = None;
            return match announced {
                Item::Marker => Err(Ending::Marker),
                Item::Frame(..) => Ok(whole(&header)),
                // Every other type is given.
                Item::Forged(_) => Ok(Given::Reserved),
            };
        }
        // R6: the payload and the next header in one call, until both are full.
        let mut both = Vec::new();
        match self.fill(&mut both, 4).await {
            Ok(()) => {
                let next = both.split_off(2);
                ahead.next = is_header(&next).then_some(next);
            }
            // The end of the stream is a plain one wherever it is.
            Err(error) if both.len() == 2 => {
                ahead.next = None;
                ahead.error = Some(error);
            }
            // The header stays, and what was read of the payload is gone.
            Err(error) => return Err(error),
        }
        Ok(whole(&[header, both].concat()))
    }

    /// Reads so many halves.
    async fn fill(&self, into: &mut Vec<Chunk>, halves: usize) -> Result<(), Ending> {
        while into.len() < halves {
            match self.os.read(self.end, Action::Read { end: self.end }, Output::Took).await? {
                Read::Chunk(chunk) => into.push(chunk),
                Read::Reset => return Err(Ending::Reset),
                Read::End => return Err(Ending::WithoutMarker),
            }
        }
        Ok(())
    }

    /// `Shutdown`. Whether it returned no error; the deadline is the caller's.
    pub(super) async fn shutdown(&self) -> bool {
        let (end, step) = (self.end, Action::Finish { end: self.end });
        // S0 to S2; on a socket that is closed the deadline cannot be set.
        if self.os.is_closed(end) {
            return false;
        }
        self.begun.store(true, Ordering::SeqCst);
        // S3. The lock is held to the end.
        let _writes = self.os.lock_in_time(end, step, &self.write).await;
        if self.mark(step).await.is_ok() {
            // S6.
            let _reads = self.os.lock_in_time(end, step, &self.read).await;
            // S7: whatever comes is thrown away, however much, and how it ends is not looked at.
            let drains = Action::ReadAhead { end };
            while let Ok(Read::Chunk(_)) = self.os.read(end, drains, |end, _| Output::Discarded(end)).await {}
            self.os.close(end);
        } else {
            // What went wrong is dropped with the socket.
            self.os.close(end);
        }
        true
    }

    /// S4 and S5.
    async fn mark(&self, step: Action) -> Result<(), ()> {
        for chunk in bytes(Item::Marker) {
            self.os.write(self.end, step, &chunk).await?;
        }
        self.os.turn_in_time(self.end, step).await.map_err(|_| ())?;
        self.os.shut_write(self.end);
        Ok(())
    }
}

/// Whether these are the halves of one header. The original takes any eight bytes for one, and waits for as many as they
/// announce; how that goes on is not followed.
fn is_header(chunks: &[Chunk]) -> bool {
    let [Half { item, part }, Half { item: same, part: rest }] = [chunks[0].half, chunks[1].half];
    item == same && (part, rest) == (Part::Head, Part::HeadRest)
}

fn parsed(header: &[Chunk]) -> Item {
    let bytes = joined(header);
    item(bytes.first_chunk().expect("a header is of eight bytes"))
}

/// The frame that these bytes are.
fn whole(chunks: &[Chunk]) -> Given {
    let bytes = joined(chunks);
    let (header, payload) = bytes.split_at(2 * HALF);
    let number = u32::from_be_bytes(*header.first_chunk().expect("a header is of eight bytes"));
    let mut read = frame(FrameId(number), Shape::Empty);
    read.payload = payload.to_vec().into();
    given(&read).0
}

fn joined(chunks: &[Chunk]) -> Vec<u8> {
    chunks.iter().flat_map(|chunk| chunk.bytes.iter().copied()).collect()
}

// The operating system under the original: the kernels, the deadline of a connection, and the step that may be taken.

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
