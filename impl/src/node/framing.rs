//! Bodies of sessions that send and receive frames.

use std::convert::Infallible;
use std::fmt::{self, Debug, Formatter};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use super::Context;
use super::closing::begun;
use crate::framed::{self, Closer, Connection, Error, Frame, Outcome, Transport, Writer};
use crate::lifecycle::{Peer, Reason};
use crate::runtime::sync::atomic::{AtomicBool, Ordering};
use crate::runtime::{panicking, select};

/// A session that is announced, with its frames.
///
/// When it is told to end, also because it lost a tie, [writing](Writer::feed) fails with [`Error::ShutDown`] from then on,
/// while what was accepted is drained and what the peer still sends is to be [read](Reader::read) on, until its marker.
/// That ends by itself: a body that reads until there is no frame needs to do nothing else.
#[non_exhaustive]
pub struct Session<K, I, T: Transport> {
    /// The peer at the other end.
    pub peer: Arc<Peer<K, I>>,
    /// The frames that come.
    pub reader: Reader<T>,
    /// The frames that go.
    pub writer: Writer<T>,
}

/// The half of a connection that reads, which notes that the peer has ended in order.
pub struct Reader<T: Transport> {
    reader: framed::Reader<T>,
    ended: Arc<AtomicBool>,
}

impl<T: Transport> Reader<T> {
    /// Waits for the next frame; none behind the peer's marker. See [`framed::Reader::read`]. Cancel safe.
    ///
    /// # Errors
    ///
    /// As [`framed::Reader::read`].
    pub async fn read(&mut self) -> Result<Option<Frame>, Error> {
        let read = self.reader.read().await;
        if matches!(read, Ok(None)) {
            // Nothing else is published by it; the report follows in the same task.
            self.ended.store(true, Ordering::Relaxed);
        }
        read
    }
}

/// What is known of the frames of a session when it is over.
#[must_use = "it says whether frames were lost"]
#[non_exhaustive]
pub struct Drained<K, I = ()> {
    /// The peer at the other end.
    pub peer: Arc<Peer<K, I>>,
    /// What is known of our frames. None if the session was aborted before its connection had ended.
    pub outcome: Option<Outcome>,
    /// Whether the body has read the peer's marker, so that no frame of the peer's is missing.
    pub peer_ended: bool,
}

impl<K, I> Drained<K, I> {
    /// Whether every frame that was accepted has arrived at a peer that has ended its own direction in order. Otherwise
    /// some may be lost: those of a session that the peer did not announce, as of the loser of a tie, are acknowledged by
    /// its kernel and read by no body. On a transport that does not tell what arrives, no session is.
    pub fn is_clean(&self) -> bool {
        // NODE-5: the kernel alone may have acknowledged what no body reads.
        self.peer_ended && self.outcome.is_some_and(Outcome::is_clean)
    }
}

/// What is left of a body, to be dropped when the session has ended: the connection.
type Ending<T> = Pin<Box<dyn Future<Output = (Reason, Closer<T>)> + Send>>;

/// Makes a body for [`Node::new`](super::Node::new) of one that sends and receives frames. What the upgrade returns is the
/// transport.
///
/// `body` returns why the session ends; an error counts as [`Reason::Failed`]. When it returns, and as soon as the session
/// is told to end, the connection is [shut down](Closer::shutdown): what was accepted is drained within seven eighths of
/// the [grace](crate::lifecycle::NodeConfig::grace), and of the time of the node's shutdown. Down follows the drain.
pub fn framed<K, I, T, B, BF>(
    config: framed::Config,
    body: B,
) -> impl Fn(Context<K, I>, T) -> Ending<T> + Send + Sync + 'static
where
    K: Send + Sync + 'static,
    I: Send + Sync + 'static,
    T: Transport + Send + 'static,
    B: Fn(Session<K, I, T>) -> BF + Send + Sync + 'static,
    BF: Future<Output = Result<Reason, Error>> + Send + 'static,
{
    framed_with_report(config, body, |drained| {
        crate::trace::debug!(session = %drained.peer.session, outcome = ?drained.outcome, drained.peer_ended, "session drained");
    })
}

/// As [`framed`](framed()), and calls `report` once for each session when it is over, before its Down, or after it where
/// the session is aborted. No lock is held. A `report` that panics does so in the session's task, unless that panics
/// already.
pub fn framed_with_report<K, I, T, B, BF, R>(
    config: framed::Config,
    body: B,
    report: R,
) -> impl Fn(Context<K, I>, T) -> Ending<T> + Send + Sync + 'static
where
    K: Send + Sync + 'static,
    I: Send + Sync + 'static,
    T: Transport + Send + 'static,
    B: Fn(Session<K, I, T>) -> BF + Send + Sync + 'static,
    BF: Future<Output = Result<Reason, Error>> + Send + 'static,
    R: Fn(Drained<K, I>) + Send + Sync + 'static,
{
    let shared = Arc::new((body, report));
    move |context, transport| {
        let shared = Arc::clone(&shared);
        let connection = match context.log() {
            Some(log) => log.connection(transport, config.clone()),
            None => Connection::new(transport, config.clone()),
        };
        Box::pin(async move {
            let (body, report) = &*shared;
            live(context, connection, body, report).await
        })
    }
}

/// NODE-12: a session that is told to end sends its marker, and its deadline ends the wait for the peer's.
async fn live<K, I, T, BF>(
    mut context: Context<K, I>,
    connection: Connection<T>,
    body: impl Fn(Session<K, I, T>) -> BF,
    report: impl Fn(Drained<K, I>),
) -> (Reason, Closer<T>)
where
    T: Transport,
    BF: Future<Output = Result<Reason, Error>>,
{
    let closer = connection.closer();
    let ended = Arc::new(AtomicBool::new(false));
    let peer = Arc::clone(context.peer());
    // Dropped however this ends, also where it waits.
    let account = Account { peer: Arc::clone(&peer), closer: closer.clone(), ended: Arc::clone(&ended), report };
    let (reader, writer) = connection.into_split();
    let session = Session { peer, reader: Reader { reader, ended }, writer };
    let closing = Arc::clone(context.closing());
    let told = async {
        let (_, deadline) = context.told_to_end().await;
        closer.shutdown(deadline).await
    };
    // A session that ends already has less time from now on, and less again when a second shutdown is shorter.
    let shortened = async {
        let mut changes = closing.hold();
        begun(&mut changes).await;
        loop {
            drop(changes.borrow_and_update());
            select! {
                biased;
                changed = changes.changed() => if changed.is_err() { pending::<()>().await },
                _outcome = closer.shutdown(closing.drained_by()) => pending().await,
            }
        }
    };
    let work = async {
        let reason = body(session).await.unwrap_or(Reason::Failed);
        // FRM-6: the same outcome for each of the three, and the earliest deadline for all.
        let _outcome = closer.shutdown(closing.drained_by()).await;
        reason
    };
    let reason = select! {
        biased;
        never = and_never_end(told) => match never {},
        never = shortened => match never {},
        reason = work => reason,
    };
    drop(account);
    (reason, closer)
}

async fn and_never_end(shutdown: impl Future<Output = Outcome>) -> Infallible {
    // The body's own call has the outcome too.
    let _outcome = shutdown.await;
    pending().await
}

/// Reports what is known of a session's frames when it is dropped.
struct Account<K, I, T: Transport, R: Fn(Drained<K, I>)> {
    peer: Arc<Peer<K, I>>,
    closer: Closer<T>,
    ended: Arc<AtomicBool>,
    report: R,
}

impl<K, I, T: Transport, R: Fn(Drained<K, I>)> Drop for Account<K, I, T, R> {
    fn drop(&mut self) {
        let peer_ended = self.ended.load(Ordering::Relaxed);
        let drained = Drained { peer: Arc::clone(&self.peer), outcome: self.closer.outcome(), peer_ended };
        if panicking() {
            // A second panic would end the process; its payload could panic once more.
            let _ = catch_unwind(AssertUnwindSafe(|| (self.report)(drained))).map_err(std::mem::forget);
        } else {
            (self.report)(drained);
        }
    }
}

impl<K, I, T: Transport> Debug for Session<K, I, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { peer, reader, writer } = self;
        f.debug_struct("Session")
            .field("session", &peer.session)
            .field("reader", reader)
            .field("writer", writer)
            .finish_non_exhaustive()
    }
}

impl<T: Transport> Debug for Reader<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { reader, ended } = self;
        f.debug_struct("Reader").field("reader", reader).field("ended", ended).finish()
    }
}

impl<K, I> Debug for Drained<K, I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { peer, outcome, peer_ended } = self;
        f.debug_struct("Drained")
            .field("session", &peer.session)
            .field("outcome", outcome)
            .field("peer_ended", peer_ended)
            .finish()
    }
}
