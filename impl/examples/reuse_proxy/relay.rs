//! One request and its response on a connection, after which the connection may be idle.

use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use handfast::pool::Pooled;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{Connection, Parts, SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::backend::{Connected, Home};
use crate::forward::Sent;

/// A response's body, which drives its connection while it is read. When it is dropped, read to its end, the
/// connection goes home.
pub(crate) struct Relay {
    body: Incoming,
    /// A body without a length says that it has ended once, and not when it is asked.
    has_ended: bool,
    /// `None` when it went home.
    exchange: Option<Exchange>,
}

struct Exchange {
    sender: SendRequest<Sent>,
    connection: Connection<TokioIo<TcpStream>, Sent>,
    has_ended: bool,
    home: Home,
    created_at: Instant,
    uses: u64,
}

/// Sends a request and waits for the head of its response.
pub(crate) async fn exchange(connected: Connected, request: Request<Sent>) -> Result<Response<Relay>, Box<dyn Error>> {
    let Connected { pooled: Pooled { connection, created_at, uses }, home } = connected;
    let (sender, connection) = handshake(TokioIo::new(connection)).await?;
    let mut exchange = Exchange { sender, connection, has_ended: false, home, created_at, uses };
    let response = {
        let mut response = pin!(exchange.sender.send_request(request));
        let (connection, has_ended) = (&mut exchange.connection, &mut exchange.has_ended);
        poll_fn(|cx| {
            drive(connection, has_ended, cx);
            response.as_mut().poll(cx)
        })
        .await?
    };
    Ok(response.map(|body| Relay { body, has_ended: false, exchange: Some(exchange) }))
}

/// Reads and writes what can be; how a connection ends is told to whoever waits for its response.
fn drive(connection: &mut Connection<TokioIo<TcpStream>, Sent>, has_ended: &mut bool, cx: &mut Context<'_>) {
    if !*has_ended {
        *has_ended = connection.poll_without_shutdown(cx).is_ready();
    }
}

impl Exchange {
    /// The connection, if there is nothing more to come.
    fn settle(mut self) {
        let cx = &mut Context::from_waker(Waker::noop());
        drive(&mut self.connection, &mut self.has_ended, cx);
        if self.has_ended || !matches!(self.sender.poll_ready(cx), Poll::Ready(Ok(()))) {
            return;
        }
        let Parts { io, read_buf, .. } = self.connection.into_parts();
        if read_buf.is_empty() {
            self.home.put(Pooled { connection: io.into_inner(), created_at: self.created_at, uses: self.uses });
        }
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        if let Some(exchange) = &mut this.exchange {
            drive(&mut exchange.connection, &mut exchange.has_ended, cx);
        }
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        this.has_ended |= frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let has_ended = self.has_ended || self.body.is_end_stream();
        if let Some(exchange) = self.exchange.take().filter(|_| has_ended) {
            exchange.settle();
        }
    }
}
