//! The ends of a connection, as streams.

use std::pin::Pin;

use handfast::framed::Transport;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Call, Cut, Delivery, End, Fin, Link, Poll, Sent, Waker, io};
use super::{Context, ErrorKind, Instant};

/// One end of a connection.
pub struct Socket {
    /// Both directions, of which only one is used as long as it is whole.
    half: Half,
}

/// One direction of an end, or both. The end is closed when both are dropped.
pub struct Half {
    link: Link,
    end: End,
    /// How many directions it is.
    counts: u8,
    /// A fault of a driver, put in here: a flush does nothing.
    forgets_flush: bool,
}

impl Link {
    /// Returns one end of it.
    pub fn socket(&self, end: End) -> Socket {
        Socket { half: Half { link: self.clone(), end, counts: 2, forgets_flush: false } }
    }

    fn poll_read(&self, end: End, cx: &Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        if self.pends(&mut state, end, Call::Read, cx) {
            return Poll::Pending;
        }
        let from = end.peer();
        let sent = &mut state.ways[from.index()];
        let bytes = (sent.carried - sent.read).min(sent.way.chop).min(into.remaining());
        if bytes > 0 {
            into.put_slice(&sent.bytes[sent.read..sent.read + bytes]);
            sent.read += bytes;
            let (now, read) = (Instant::now(), sent.read);
            sent.read_at.push((now, read));
            // What a waker was for has come.
            drop(state.waker(end, Call::Read));
            let writer = state.waker(from, Call::Write);
            drop(state);
            self.0.oracle.moved("bytes are read");
            writer.into_iter().for_each(Waker::wake);
            self.0.changed[from.index()].notify_one();
            return Poll::Ready(Ok(()));
        }
        let has_ended = sent.fin == Fin::Carried || matches!((sent.is_dead, sent.way.cut), (true, Some((_, Cut::End))));
        let knew = state.side(end).knows_of_reset;
        let failure = state.failure(end).filter(|_| !knew);
        if failure.is_some() || state.is_reset || has_ended {
            let side = &mut state.sides[end.index()];
            let is_news = failure.is_some() || !side.knows_of_end;
            side.knows_of_end |= failure.is_none();
            drop(state.waker(end, Call::Read));
            if is_news {
                self.0.oracle.moved("an end is told");
            }
            return Poll::Ready(failure.map_or(Ok(()), Err));
        }
        state.wait(end, Call::Read, cx);
        let sent = &mut state.ways[from.index()];
        let was = std::mem::replace(&mut sent.wanted, into.remaining());
        let is_rendezvous = sent.way.send == 0 && sent.way.receive == 0;
        let writer = if is_rendezvous && was == 0 { state.waker(from, Call::Write) } else { None };
        drop(state);
        writer.into_iter().for_each(Waker::wake);
        Poll::Pending
    }

    fn poll_write(&self, end: End, cx: &Context<'_>, slices: &[&[u8]]) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        if let Some(error) = state.failure(end) {
            self.0.oracle.moved("an error is told");
            return Poll::Ready(Err(error));
        }
        if state.from(end).fin != Fin::Open {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        if self.pends(&mut state, end, Call::Write, cx) {
            return Poll::Pending;
        }
        let sent = &mut state.ways[end.index()];
        if sent.room() == 0 && sent.flush() {
            self.0.changed[end.index()].notify_one();
        }
        let mut left = sent.room().min(sent.way.chop);
        let before = sent.bytes.len();
        for slice in slices {
            let taken = left.min(slice.len());
            sent.bytes.extend_from_slice(&slice[..taken]);
            left -= taken;
        }
        let taken = sent.bytes.len() - before;
        if taken == 0 && slices.iter().any(|slice| !slice.is_empty()) {
            state.wait(end, Call::Write, cx);
            return Poll::Pending;
        }
        let all = sent.bytes.len();
        sent.taken_at.push((Instant::now(), all));
        let is_direct = sent.hand_over();
        drop(state.waker(end, Call::Write));
        let reader = if is_direct { state.waker(end.peer(), Call::Read) } else { None };
        drop(state);
        self.0.oracle.moved("bytes are taken");
        reader.into_iter().for_each(Waker::wake);
        self.0.changed[end.index()].notify_one();
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(&self, end: End, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        if let Some(error) = state.failure(end) {
            return Poll::Ready(Err(error));
        }
        if self.pends(&mut state, end, Call::Write, cx) {
            if !self.is_probing() {
                self.0.oracle.saw("a flush pends");
            }
            return Poll::Pending;
        }
        let sent = &mut state.ways[end.index()];
        if sent.flush() {
            self.0.oracle.moved("bytes are flushed");
            self.0.changed[end.index()].notify_one();
        }
        if sent.flushed < sent.bytes.len() {
            state.wait(end, Call::Write, cx);
            return Poll::Pending;
        }
        sent.is_flush_owed = false;
        drop(state.waker(end, Call::Write));
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&self, end: End, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if self.look(|state| state.from(end).fin == Fin::Open)
            && let Poll::Pending | Poll::Ready(Err(_)) = self.poll_flush(end, cx)
            && !self.look(|state| state.is_reset)
        {
            return Poll::Pending;
        }
        let mut state = self.state();
        let reader = state.end(end);
        drop(state);
        self.0.oracle.moved("a direction is ended");
        reader.into_iter().for_each(Waker::wake);
        self.0.changed[end.index()].notify_one();
        Poll::Ready(Ok(()))
    }

    fn drop_directions(&self, end: End, count: u8) {
        let mut state = self.state();
        let side = &mut state.sides[end.index()];
        side.dropped += count;
        let mut woken = Vec::new();
        if side.dropped >= 2 {
            side.wakers = [None, None];
            let is_unread = state.from(end.peer()).carried > state.from(end.peer()).read;
            if is_unread {
                self.0.oracle.saw("a close resets the connection");
                woken = state.reset();
            } else {
                woken.extend(state.end(end));
            }
        }
        drop(state);
        self.0.oracle.moved("an end is dropped");
        woken.into_iter().for_each(Waker::wake);
        self.0.changed.iter().for_each(tokio::sync::Notify::notify_one);
    }
}

impl super::State {
    /// Ends a direction. Returns the waker of a reader that may go on.
    fn end(&mut self, end: End) -> Option<Waker> {
        let sent = &mut self.ways[end.index()];
        if sent.fin != Fin::Open {
            return None;
        }
        let is_direct = sent.way.send == 0 && sent.carried == sent.flushed;
        sent.fin = if is_direct { Fin::Carried } else { Fin::Queued };
        if is_direct { self.waker(end.peer(), Call::Read) } else { None }
    }
}

impl Sent {
    /// Hands over what was kept back, as far as there is room. Returns whether that is anything.
    fn flush(&mut self) -> bool {
        let room = self.way.send.saturating_sub(self.flushed - self.carried);
        let flushed = room.min(self.bytes.len() - self.flushed);
        self.flushed += flushed;
        flushed > 0
    }

    /// Hands over what is not kept back. Returns whether it is with the reader already.
    fn hand_over(&mut self) -> bool {
        self.is_flush_owed = true;
        if self.way.is_buffered {
            return false;
        }
        self.flushed = self.bytes.len();
        let is_direct = self.way.send == 0;
        if is_direct {
            self.carried = self.flushed;
            self.wanted = 0;
        }
        is_direct
    }
}

impl Socket {
    /// The same with a fault: its flushes do nothing.
    pub fn that_forgets_flush(mut self) -> Self {
        self.half.forgets_flush = true;
        self
    }
}

impl Transport for Socket {
    type Read = Half;
    type Write = Half;

    fn split(mut self) -> (Half, Half) {
        let half = &mut self.half;
        half.counts = 0;
        let of = || Half { link: half.link.clone(), end: half.end, counts: 1, forgets_flush: half.forgets_flush };
        (of(), of())
    }

    fn delivery(write: &Half) -> io::Result<Delivery> {
        write.link.delivery(write.end)
    }
}

impl AsyncRead for Half {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.link.poll_read(self.end, cx, into)
    }
}

impl AsyncWrite for Half {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.link.poll_write(self.end, cx, &[bytes])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let slices: Vec<&[u8]> = slices.iter().map(|slice| &**slice).collect();
        self.link.poll_write(self.end, cx, &slices)
    }

    fn is_write_vectored(&self) -> bool {
        // The ends differ, so that both ways of writing are taken.
        self.end == End::Left
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.forgets_flush { Poll::Ready(Ok(())) } else { self.link.poll_flush(self.end, cx) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.poll_shutdown(self.end, cx)
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        if self.counts > 0 {
            self.link.drop_directions(self.end, self.counts);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.half).poll_read(cx, into)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.half).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.half).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.half).poll_shutdown(cx)
    }
}
