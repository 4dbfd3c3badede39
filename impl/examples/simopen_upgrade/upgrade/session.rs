//! A multiplexed connection, driven by a task of its own.

use std::future::poll_fn;
use std::task::{Context, Poll};

use handfast::simopen::Role;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use tokio_util::task::AbortOnDropHandle;
use yamux::{Config, Connection, ConnectionError, Mode};

use super::UpgradeError;

/// How many streams there may be at once.
const STREAMS: usize = 16;
/// How many bytes the peer may have under way on each.
const WINDOW: usize = 256 * 1024;

/// A stream of a session.
pub(super) type Stream = Compat<yamux::Stream>;

/// Streams to and from the peer. Dropped, it is gone, and the connection with it.
pub struct Session {
    opens: mpsc::Sender<oneshot::Sender<yamux::Stream>>,
    accepted: mpsc::Receiver<yamux::Stream>,
    driver: AbortOnDropHandle<Result<(), ConnectionError>>,
}

impl Session {
    /// The initiator is yamux's client.
    pub fn start<Io>(io: Io, role: Role) -> Self
    where
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mode = match role {
            Role::Initiator => Mode::Client,
            Role::Responder => Mode::Server,
        };
        let mut config = Config::default();
        config.set_max_num_streams(STREAMS).set_max_connection_receive_window(Some(STREAMS * WINDOW));
        let (opens, asked) = mpsc::channel(1);
        let (accept, accepted) = mpsc::channel(STREAMS);
        let connection = Connection::new(io.compat(), config, mode);
        let mut driver = Driver { connection, asked, waiting: None, accept };
        let driver = tokio::spawn(async move { poll_fn(|context| driver.poll(context)).await });
        Self { opens, accepted, driver: AbortOnDropHandle::new(driver) }
    }

    /// Opens a stream. The peer learns of it with the first bytes on it.
    pub async fn open(&self) -> Result<Stream, UpgradeError> {
        let (reply, opened) = oneshot::channel();
        self.opens.send(reply).await.map_err(|_| UpgradeError::Ended)?;
        Ok(opened.await.map_err(|_| UpgradeError::Ended)?.compat())
    }

    /// The next stream that the peer opens.
    pub async fn accept(&mut self) -> Result<Stream, UpgradeError> {
        Ok(self.accepted.recv().await.ok_or(UpgradeError::Ended)?.compat())
    }

    /// Says that there is nothing more to come, and closes the connection.
    pub async fn close(self) -> Result<(), UpgradeError> {
        let Self { opens, accepted: _accepted, driver } = self;
        drop(opens);
        ended(driver).await
    }

    /// Waits until the peer closes the connection.
    pub async fn closed(self) -> Result<(), UpgradeError> {
        let Self { opens: _opens, accepted: _accepted, driver } = self;
        ended(driver).await
    }
}

async fn ended(driver: AbortOnDropHandle<Result<(), ConnectionError>>) -> Result<(), UpgradeError> {
    match driver.await {
        Ok(ended) => Ok(ended?),
        Err(_) => Err(UpgradeError::Ended),
    }
}

/// What polls the connection, without which nothing moves on any stream.
struct Driver<Io> {
    connection: Connection<Compat<Io>>,
    /// Who wants a stream; closed when nobody will.
    asked: mpsc::Receiver<oneshot::Sender<yamux::Stream>>,
    waiting: Option<oneshot::Sender<yamux::Stream>>,
    accept: mpsc::Sender<yamux::Stream>,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Driver<Io> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        loop {
            if self.waiting.is_none() {
                match self.asked.poll_recv(context) {
                    Poll::Ready(Some(reply)) => self.waiting = Some(reply),
                    Poll::Ready(None) => return self.connection.poll_close(context),
                    Poll::Pending => {}
                }
            }
            if let Some(reply) = self.waiting.take() {
                match self.connection.poll_new_outbound(context) {
                    Poll::Ready(opened) => {
                        // Whoever asked may have gone.
                        let _ = reply.send(opened?);
                        continue;
                    }
                    Poll::Pending => self.waiting = Some(reply),
                }
            }
            match self.connection.poll_next_inbound(context) {
                // There is room for as many as there may be; more than that are refused.
                Poll::Ready(Some(opened)) => drop(self.accept.try_send(opened?)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
