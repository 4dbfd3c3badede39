//! A connection to a backend with hyper's state of it, and one exchange on it.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use handfast::pool::{Carrying, Local, Pooled};
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::clock::{Clock, Progress};
use crate::options::Limits;
use crate::slot::{Slot, Turn, Upload};

/// What a backend is sent.
pub(crate) type Sent = Either<Upload, Empty<Bytes>>;

/// An idle connection, with which hyper's state stays: its buffers and channels are not made anew for each request.
pub(crate) type Idle = Carrying<TcpStream, Box<Http>>;

/// hyper's state of a connection.
pub(crate) struct Http {
    sender: SendRequest<Sent>,
    driver: Connection<TokioIo<Slot>, Sent>,
    slot: Slot,
}

/// A connection that is used.
pub(crate) struct Link {
    http: Box<Http>,
    has_ended: bool,
    home: Home,
    created_at: Instant,
    uses: u64,
}

/// Where a connection goes when it is idle.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) address: SocketAddr,
    /// `None` if connections are not kept.
    pub(crate) pool: Option<Local<SocketAddr, Idle>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the connection had been closed before anything was sent")]
    NotSent(Box<Request<Sent>>),
    #[error("the connection broke before there was an answer: {0}")]
    Broken(#[source] hyper::Error),
    #[error("the backend's host was not heard of")]
    Vanished,
    #[error("the backend did not answer in time")]
    Silent,
    #[error("the client did not send its body in time")]
    ClientStalled,
    #[error("the client's body is malformed, or broke off: {0}")]
    ClientBroke(#[source] hyper::Error),
}

impl Link {
    /// Makes a link of a new connection.
    pub(crate) async fn new(stream: TcpStream, home: Home, limits: &Limits) -> hyper::Result<Self> {
        let slot = Slot::default();
        slot.fill(stream);
        let mut builder = Builder::new();
        builder.max_header_size(limits.head_bytes);
        // Nothing is sent, so that this does not wait.
        let (sender, driver) = builder.handshake(TokioIo::new(slot.clone())).await?;
        let http = Box::new(Http { sender, driver, slot });
        Ok(Self { http, has_ended: false, home, created_at: Instant::now(), uses: 0 })
    }

    /// Makes a link of a connection that was idle.
    pub(crate) fn resume(pooled: Pooled<Idle>, home: Home) -> Self {
        let Pooled { connection: Carrying { stream, payload: http }, created_at, uses } = pooled;
        http.slot.fill(stream);
        Self { http, has_ended: false, home, created_at, uses }
    }

    pub(crate) fn slot(&self) -> &Slot {
        &self.http.slot
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.home.address
    }

    /// Whether it has been used before.
    pub(crate) fn is_reused(&self) -> bool {
        self.uses != 0
    }

    /// Sends a request and waits for the head of its response.
    ///
    /// A client has `client_body` for each next piece of its body and a backend has `answer` to take it or to begin its
    /// answer, and the exchange ends when `clock` says so.
    pub(crate) async fn exchange(
        mut self,
        request: Request<Sent>,
        limits: &Limits,
        clock: &Clock,
    ) -> Result<(Response<Incoming>, Self), Failure> {
        let mut response = pin!(self.http.sender.try_send_request(request));
        let mut progress = Progress::new(self.http.slot.moved());
        let response = poll_fn(|cx| {
            self.drive(cx);
            if let Poll::Ready(result) = response.as_mut().poll(cx) {
                return Poll::Ready(result.map_err(|error| self.failure(error)));
            }
            let slot = self.slot();
            let (limit, failure) = match slot.turn() {
                Turn::Client => (limits.client_body, Failure::ClientStalled),
                Turn::Backend => (limits.answer, Failure::Silent),
            };
            progress.poll(slot.moved(), limit, clock, cx).map(|()| Err(failure))
        });
        let response = response.await?;
        Ok((response, self))
    }

    /// Reads and writes what can be. How a connection ends is told to the future of its response.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.has_ended {
            self.has_ended = self.http.driver.poll_without_shutdown(cx).is_ready();
        }
    }

    fn failure(&self, mut error: TrySendError<Request<Sent>>) -> Failure {
        if let Some(request) = error.take_message() {
            return Failure::NotSent(Box::new(request));
        }
        match (error.into_error(), self.slot().error()) {
            (error, _) if error.is_user() => Failure::ClientBroke(error),
            (_, Some(io::ErrorKind::TimedOut)) => Failure::Vanished,
            (error, _) => Failure::Broken(error),
        }
    }

    /// Keeps the connection for the next request if there is nothing more to come on it, and closes it otherwise.
    pub(crate) fn put(mut self) {
        let Some(pool) = self.home.pool.clone() else { return };
        let cx = &mut Context::from_waker(Waker::noop());
        // hyper reads once more, and ends the connection if there is anything.
        self.drive(cx);
        if self.has_ended || !matches!(self.http.sender.poll_ready(cx), Poll::Ready(Ok(()))) {
            return;
        }
        let Some(stream) = self.http.slot.empty() else { return };
        let connection = Carrying { stream, payload: self.http };
        // What is not wanted is closed.
        let _ = pool.put(self.home.address, Pooled { connection, created_at: self.created_at, uses: self.uses });
    }
}

impl Failure {
    /// Returns what a client is told.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotSent(_) | Self::Broken(_) => StatusCode::BAD_GATEWAY,
            Self::Vanished | Self::Silent => StatusCode::GATEWAY_TIMEOUT,
            Self::ClientStalled => StatusCode::REQUEST_TIMEOUT,
            Self::ClientBroke(_) => StatusCode::BAD_REQUEST,
        }
    }
}
