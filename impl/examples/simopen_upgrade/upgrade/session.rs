//! A multiplexed connection, driven by a task of its own.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::{try_join, try_join_all};
use handfast::simopen::{self, DialError, Dialer, Role};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use tokio_util::task::AbortOnDropHandle;
use yamux::{Config, Connection, ConnectionError, Mode};

use super::PublicKey;

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

// What the ends of the example say to each other: each asks on some streams and answers on as many.

/// The longest question that is answered, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// What was said on one stream.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Asked {
    /// Its number: odd if the initiator opened it.
    pub stream: u32,
    /// The question, which was answered rightly.
    pub question: Vec<u8>,
}

/// What was said in both directions.
pub struct Exchanged {
    /// On streams that this end opened.
    pub asked: Vec<Asked>,
    /// On streams that the peer opened.
    pub answered: Vec<Asked>,
}

/// Asks each question on a stream of its own, checks the answers, answers as many questions of the peer, and ends the
/// connection when both ends have said everything.
pub async fn converse(mut session: Session, role: Role, questions: Vec<Vec<u8>>) -> Result<Exchanged, UpgradeError> {
    let count = questions.len();
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        streams.push(session.open().await?);
    }
    let asking = try_join_all(streams.into_iter().zip(questions).map(|(stream, question)| ask(stream, question)));
    let answering = async {
        let mut streams = Vec::with_capacity(count);
        for _ in 0..count {
            streams.push(session.accept().await?);
        }
        try_join_all(streams.into_iter().map(answer)).await
    };
    let (asked, answered) = try_join(asking, answering).await?;
    // Only whoever has heard that the other end has heard everything may close the connection.
    match role {
        Role::Initiator => {
            ask(session.open().await?, b"is that all?".to_vec()).await?;
            session.close().await?;
        }
        Role::Responder => {
            let last = session.accept().await?;
            answer(last).await?;
            session.closed().await?;
        }
    }
    Ok(Exchanged { asked, answered })
}

/// An answer to bytes is the same bytes with every bit turned over: a peer that only sends back what it gets is found out.
fn answer_to(question: &[u8]) -> Vec<u8> {
    question.iter().map(|byte| !byte).collect()
}

async fn ask(mut stream: Stream, question: Vec<u8>) -> Result<Asked, UpgradeError> {
    let id = stream.get_ref().id().val();
    stream.write_all(&question).await?;
    stream.shutdown().await?;
    let mut heard = Vec::with_capacity(question.len());
    (&mut stream).take(question.len() as u64 + 1).read_to_end(&mut heard).await?;
    if heard != answer_to(&question) {
        return Err(UpgradeError::WrongAnswer(id));
    }
    Ok(Asked { stream: id, question })
}

async fn answer(mut stream: Stream) -> Result<Asked, UpgradeError> {
    let id = stream.get_ref().id().val();
    let mut question = Vec::new();
    (&mut stream).take(LONGEST + 1).read_to_end(&mut question).await?;
    if question.len() as u64 > LONGEST {
        return Err(UpgradeError::TooLong(LONGEST));
    }
    stream.write_all(&answer_to(&question)).await?;
    stream.shutdown().await?;
    Ok(Asked { stream: id, question })
}

// Two ends that dial each other until they meet, which takes nobody's permission.

/// How long two ends look for each other.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection, and how often it was tried.
pub struct Met {
    /// The connection.
    pub stream: TcpStream,
    /// How often this end dialed.
    pub attempts: u32,
}

/// Dials `to` from `from` until somebody is there: listening, or dialing this end at the same moment.
pub async fn meet(from: SocketAddr, to: SocketAddr) -> Result<Met, UpgradeError> {
    let dialer = Dialer::new(Some(from));
    let begin = Instant::now();
    let mut attempts = 0;
    loop {
        attempts += 1;
        match dialer.connect(to).await {
            Ok(dialed) => return Ok(Met { stream: dialed.stream, attempts }),
            Err(DialError::Connect { source, .. }) if is_early(&source) && begin.elapsed() < PATIENCE => {
                if to.ip().is_loopback() {
                    // A SYN is on its way for microseconds there: two cross only if both ends keep at it, out of step.
                    (0..rand::random_range(0..1_000)).for_each(|_| std::hint::spin_loop());
                } else {
                    sleep(dialer.backoff.wait(attempts, rand::random())).await;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether nobody was there yet.
fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}

/// A port of the loopback that nobody has.
pub fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

// Why a connection is of no use.

/// Why there are no streams, or why a conversation on them failed.
#[derive(Debug, Error)]
pub enum UpgradeError {
    /// There is nobody to connect to.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// There is no agreement on who is the initiator, on the security protocol, or on the multiplexer.
    #[error(transparent)]
    Negotiation(#[from] simopen::Error),
    /// The peer does not do what Noise asks for.
    #[error("the peer's handshake is wrong")]
    Noise(#[from] snow::Error),
    /// The peer left in the middle of the handshake.
    #[error("the peer closed the connection during the handshake")]
    HungUp,
    /// The connection failed during the handshake.
    #[error("the connection failed during the handshake")]
    Handshake(#[source] io::Error),
    /// Somebody else is at the other end.
    #[error("the peer is {found}, and {expected} was dialed")]
    Impostor {
        /// Who was dialed.
        expected: PublicKey,
        /// Who is there.
        found: PublicKey,
    },
    /// It took too long.
    #[error("there were no streams before the deadline")]
    Deadline,
    /// The peer broke the multiplexer's rules, or the connection failed under it.
    #[error("the multiplexed connection failed")]
    Yamux(#[from] ConnectionError),
    /// The connection ended while streams were wanted.
    #[error("the connection ended")]
    Ended,
    /// A stream failed.
    #[error("a stream failed")]
    Stream(#[from] io::Error),
    /// The peer asked for more than anybody should.
    #[error("the peer sent more than {0} bytes on one stream")]
    TooLong(u64),
    /// The peer's answer is not the answer to what it was asked.
    #[error("the answer on stream {0} is wrong")]
    WrongAnswer(u32),
}
