//! The handle of a node: where connections come from, and where they go.

use std::fmt::{self, Debug, Formatter};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use super::closing::{Closing, after, begun};
use super::open::{ConnectError, Connecting, OpenError, establish};
use super::record::NodeLog;
use super::redial::{Kept, keep};
use super::{Config, ConfigError, Context, Opening, Stream, Upgraded};
use crate::lifecycle::{self, BodyOutput, Origin, Reason, Rejected, Report, SessionHandle, Slot};
use crate::runtime::sync::OnceLock;
use crate::runtime::time::{sleep, sleep_until};
use crate::runtime::{select, task};
use crate::simopen::{self, Dialer, Direction};

/// The whole life of a program's connections: a handle that is cheap to clone.
///
/// `K` is who a peer is, `I` what else the upgrade says of it, and `Io` what connections are made of. Each connection has
/// one task that takes, in this order, a slot, the connection, the negotiation, the upgrade, the announcement, and the
/// body. What a connection may not get a slot for costs nothing more than its acceptance, and is not dialed at all.
///
/// The [registry](Self::registry) has the sessions: subscriptions, bans, limits, metrics. Dropping all handles changes
/// nothing; see [`shutdown`](Self::shutdown).
pub struct Node<K: Clone + Ord, I = (), Io = TcpStream> {
    inner: Arc<Inner<K, I, Io>>,
}

/// Begins the session of a connection.
type Open<K, I, Io> = dyn Fn(Slot<K, I>, Connecting<K, Io>) -> SessionHandle + Send + Sync;

pub(super) struct Inner<K: Clone + Ord, I, Io> {
    pub(super) registry: lifecycle::Node<K, I>,
    pub(super) config: Config<K>,
    pub(super) closing: Arc<Closing>,
    open: Box<Open<K, I, Io>>,
    /// Where the node listens first, and dials from.
    listens_at: OnceLock<SocketAddr>,
}

/// A session that was begun for a connection to be made.
pub(super) struct Dialed<K> {
    pub(super) session: SessionHandle,
    /// Who is at the other end, once the upgrade has proved it.
    pub(super) key: Arc<OnceLock<K>>,
}

/// Where connections come from. A node accepts until its shutdown begins; then it drops this.
pub trait Listener: Send + Sync + 'static {
    /// What connections are made of.
    type Io;

    /// Waits for the next connection, and returns it with the address that it is from. To be cancel safe.
    ///
    /// # Errors
    ///
    /// If there is none for now. The node [pauses](Config::accept_pause) and tries again; at once where the error says that
    /// the connection was aborted or reset, or the call interrupted.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Io, SocketAddr)>> + Send;
}

/// Whether an error of a listener tells of one connection and not of the listener: BSD reports a client that resets its
/// connection before it is accepted, which any client can do at will.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

impl Listener for TcpListener {
    type Io = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, from) = TcpListener::accept(self).await?;
        // The messages of an upgrade wait for each other otherwise. It fails for a connection that is gone already, which
        // the negotiation finds out.
        let _ = stream.set_nodelay(true);
        Ok((stream, from))
    }
}

impl<K, I, Io> Node<K, I, Io>
where
    K: Clone + Ord + Send + Sync + 'static,
    I: Send + Sync + 'static,
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    /// Creates a node without connections.
    ///
    /// `upgrade` says who is at the other end of a connection, and what the body gets: by Noise, TLS, or nothing but a few
    /// messages. It begins when the roles are settled. One that fails, panics or hangs costs its slot until then, until the
    /// handshake timeout at the latest, and no other session. A stream that its error holds is closed when the session has
    /// ended (PEER-49).
    ///
    /// `body` is the session, from its Up to its Down. [`framed`](super::framed()) makes one that has frames; any other one
    /// may do what it likes with what the upgrade returned, until it is [told to end](Context::told_to_end).
    ///
    /// An error of the upgrade says why the session ends: [`Reason`] converts from a reference to it. It does so from those
    /// of `std::io::Error`, [`StateError`](lifecycle::StateError), `()` and `Infallible`; for another one, such as that of
    /// a Noise or TLS library, write a type of your own with `impl From<&MyError> for Reason`.
    ///
    /// # Errors
    ///
    /// If the configuration could never announce some session.
    pub fn new<C, E, U, UF, B, BF>(config: Config<K>, upgrade: U, body: B) -> Result<Self, ConfigError>
    where
        C: Send + 'static,
        E: Send + 'static,
        Reason: for<'e> From<&'e E>,
        U: Fn(Stream<Io>) -> UF + Send + Sync + 'static,
        UF: Future<Output = Result<Upgraded<K, I, C>, E>> + Send + 'static,
        B: Fn(Context<K, I>, C) -> BF + Send + Sync + 'static,
        BF: Future<Output: BodyOutput<Rest: Send>> + Send + 'static,
    {
        let registry = lifecycle::Node::new(config.registry.clone())?;
        Self::with_registry(registry, config, None, upgrade, body)
    }

    /// Creates a node that writes what happens to `out`, as newline-delimited JSON that `model explain node` reads.
    ///
    /// One log has what the registry records, each negotiation, and the frames of each session whose body is made by
    /// [`framed`](super::framed()): see [`lifecycle::Node::recorded`], [`simopen::Recorder`] and
    /// [`Connection::recorded`](crate::framed::Connection::recorded), also for what cannot be recorded. Each line says of
    /// which part and session it is; its moment counts from the beginning of that part. Lines of one part are in the order
    /// of its steps. Those of frames may come later than lines of other parts that were written after them.
    ///
    /// A lock is held while `out` is called, the registry's among them: give it something that does not block, does not
    /// panic and does not call the node. Its first error ends the log;
    /// [`flush_record`](lifecycle::Node::flush_record) then returns one. A log of frames has several lines for each: at
    /// many frames a second it is what the node spends its time with.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[cfg(feature = "record")]
    pub fn recorded<C, E, U, UF, B, BF>(
        config: Config<K>,
        out: impl io::Write + Send + 'static,
        upgrade: U,
        body: B,
    ) -> Result<Self, ConfigError>
    where
        C: Send + 'static,
        E: Send + 'static,
        Reason: for<'e> From<&'e E>,
        U: Fn(Stream<Io>) -> UF + Send + Sync + 'static,
        UF: Future<Output = Result<Upgraded<K, I, C>, E>> + Send + 'static,
        B: Fn(Context<K, I>, C) -> BF + Send + Sync + 'static,
        BF: Future<Output: BodyOutput<Rest: Send>> + Send + 'static,
    {
        let log = NodeLog::begin(out, &config.opening);
        let registry = lifecycle::Node::recorded(config.registry.clone(), log.registry())?;
        Self::with_registry(registry, config, Some(log), upgrade, body)
    }

    fn with_registry<C, E, U, UF, B, BF>(
        registry: lifecycle::Node<K, I>,
        config: Config<K>,
        log: Option<NodeLog>,
        upgrade: U,
        body: B,
    ) -> Result<Self, ConfigError>
    where
        C: Send + 'static,
        E: Send + 'static,
        Reason: for<'e> From<&'e E>,
        U: Fn(Stream<Io>) -> UF + Send + Sync + 'static,
        UF: Future<Output = Result<Upgraded<K, I, C>, E>> + Send + 'static,
        B: Fn(Context<K, I>, C) -> BF + Send + Sync + 'static,
        BF: Future<Output: BodyOutput<Rest: Send>> + Send + 'static,
    {
        config.validate()?;
        let closing = Arc::new(Closing::new(config.registry.grace));
        let (upgrade, body, opening) = (Arc::new(upgrade), Arc::new(body), Arc::new(config.opening.clone()));
        let ends = Arc::clone(&closing);
        let open = move |slot: Slot<K, I>, connecting| {
            let (upgrade, body, opening, closing) =
                (Arc::clone(&upgrade), Arc::clone(&body), Arc::clone(&opening), Arc::clone(&ends));
            let log = log.as_ref().map(|log| log.of(slot.session()));
            let negotiated = log.clone();
            slot.open::<_, OpenError, _, _, _, _>(
                move |handshake| establish(handshake, connecting, opening, upgrade, negotiated),
                move |session, connection| body(Context::new(session, closing, log), connection),
            )
        };
        let listens_at = OnceLock::new();
        Ok(Self { inner: Arc::new(Inner { registry, config, closing, open: Box::new(open), listens_at }) })
    }

    /// Begins the session of a connection that was accepted elsewhere.
    ///
    /// # Errors
    ///
    /// If there is no slot, the address is banned, or the node shuts down; nothing was said. The connection is closed.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn accept(&self, io: Io, from: SocketAddr) -> Result<SessionHandle, Rejected> {
        let slot = self.inner.registry.take_slot(Origin::inbound(Some(from.ip())))?;
        let io = Box::pin(async move { Ok(io) });
        let (direction, address, key) = (Direction::Inbound, Some(from), Arc::new(OnceLock::new()));
        Ok((self.inner.open)(slot, Connecting { io, direction, address, key }))
    }

    /// Accepts what comes from a listener, until the node's shutdown begins: see [`Node::listen`] for TCP.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn accept_from(&self, listener: impl Listener<Io = Io>) {
        let node = self.clone();
        let mut closing = self.inner.closing.hold();
        task::spawn(async move {
            // In its place, so that the listener is closed before the shutdown learns that this task is over.
            let listener = listener;
            select! {
                biased;
                () = begun(&mut closing) => {}
                () = node.accept_each(&listener) => {}
            }
            drop(listener);
        });
    }

    async fn accept_each(&self, listener: &impl Listener<Io = Io>) {
        loop {
            match listener.accept().await {
                // It is counted in the registry's metrics.
                Ok((io, from)) => drop(self.accept(io, from)),
                // The next one is not kept waiting for a connection that was gone before it was accepted.
                Err(error) if is_of_one_connection(&error) => task::yield_now().await,
                Err(error) => {
                    crate::trace::warn!(%error, "cannot accept");
                    sleep(self.inner.config.accept_pause).await;
                }
            }
        }
    }

    /// Makes a connection, once there is a slot for it, and begins its session: see [`Node::dial`] for TCP. `address` is
    /// where it leads to, for limits and bans; `connect` is polled in the session's task.
    ///
    /// # Errors
    ///
    /// If there is no slot, the address is banned, or the node shuts down; nothing was dialed.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn dial_with<F>(&self, address: SocketAddr, connect: F) -> Result<SessionHandle, Rejected>
    where
        F: Future<Output = io::Result<Io>> + Send + 'static,
    {
        Ok(self.begin(address, async move { Ok(connect.await?) })?.session)
    }

    /// Keeps a connection with a peer, which is made by the futures that `connect` returns: see [`Node::keep`] for TCP.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn keep_with<F, CF>(&self, address: SocketAddr, connect: F) -> Kept
    where
        F: Fn() -> CF + Send + Sync + 'static,
        CF: Future<Output = io::Result<Io>> + Send + 'static,
    {
        let node = self.clone();
        self.keep_by(address, move || {
            let connecting = connect();
            node.begin(address, async move { Ok(connecting.await?) })
        })
    }

    fn keep_by(
        &self,
        address: SocketAddr,
        dial: impl Fn() -> Result<Dialed<K>, Rejected> + Send + Sync + 'static,
    ) -> Kept {
        let dial = move || dial().map_err(|rejected| rejected.reason);
        Kept(task::spawn(keep(Arc::clone(&self.inner), address, dial)).abort_handle())
    }

    fn begin<F>(&self, address: SocketAddr, connect: F) -> Result<Dialed<K>, Rejected>
    where
        F: Future<Output = Result<Io, ConnectError>> + Send + 'static,
    {
        let slot = self.inner.registry.take_slot(Origin::outbound(Some(address.ip())))?;
        let key = Arc::new(OnceLock::new());
        let (direction, learned) = (Direction::Outbound, Arc::clone(&key));
        let connecting = Connecting { io: Box::pin(connect), direction, address: Some(address), key: learned };
        Ok(Dialed { session: (self.inner.open)(slot, connecting), key })
    }

    /// Returns the registry of the sessions: who subscribes, bans, and counts does it there.
    pub fn registry(&self) -> &lifecycle::Node<K, I> {
        &self.inner.registry
    }

    /// Shuts the node down: no connection is accepted or dialed any more, and every session is told to end. Waits until
    /// their frames are drained, their Downs are announced, and every connection and listener is closed, for `timeout` at
    /// most; then the sessions that are left are aborted.
    ///
    /// As for [`lifecycle::Node::shutdown`], it may be called several times, and the earliest end counts, also for frames that
    /// are drained already.
    ///
    /// Cancel safe in that a shutdown that has begun goes on when its caller goes away; what is closed after the last Down is
    /// then not waited for, and without a call that waits nothing bounds it.
    pub async fn shutdown(&self, timeout: Duration) -> Report {
        // NODE-11, NODE-15: every session ends by then, and behind the last Down the last connection is closed.
        let deadline = after(timeout);
        self.inner.closing.begin(timeout);
        let report = self.inner.registry.shutdown(timeout).await;
        select! {
            biased;
            () = self.inner.closing.released() => {}
            () = sleep_until(deadline) => {}
        }
        report
    }
}

/// Over TCP, with `TCP_NODELAY`: small messages do not wait for each other.
impl<K, I> Node<K, I>
where
    K: Clone + Ord + Send + Sync + 'static,
    I: Send + Sync + 'static,
{
    /// Listens at an address and accepts, until the node's shutdown begins. Peers are dialed from the first address that
    /// the node listens at, unless roles go [by direction](Opening::ByDirection). Returns the address with its port.
    ///
    /// # Errors
    ///
    /// As [`simopen::listen`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn listen(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        let listener = simopen::listen(address, self.inner.config.backlog)?;
        let address = listener.local_addr()?;
        // The first one stays.
        let _ = self.inner.listens_at.set(address);
        self.accept_from(listener);
        Ok(address)
    }

    /// Dials a peer once there is a slot for it.
    ///
    /// # Errors
    ///
    /// If there is no slot, the address is banned, or the node shuts down; nothing was dialed. Why a connection failed that
    /// was dialed is for [`failures`](lifecycle::Node::failures) to say, and for the log.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn dial(&self, peer: SocketAddr) -> Result<SessionHandle, Rejected> {
        Ok(self.begin_tcp(peer)?.session)
    }

    /// Keeps a connection with a peer: dials it now, and again after a [wait](Config::redial) whenever it could not be
    /// reached or is lost, until the node's shutdown begins or the peer turns out to be this node. It is not dialed while
    /// another session with it is kept, which both ends prefer.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn keep(&self, peer: SocketAddr) -> Kept {
        let node = self.clone();
        self.keep_by(peer, move || node.begin_tcp(peer))
    }

    fn begin_tcp(&self, peer: SocketAddr) -> Result<Dialed<K>, Rejected> {
        let from = match self.inner.config.opening {
            Opening::Negotiate { .. } => self.inner.listens_at.get().copied(),
            Opening::ByDirection => None,
        };
        let dialer = Dialer { timeout: self.inner.config.connect_timeout, ..Dialer::new(from) };
        self.begin(peer, async move {
            let stream = dialer.connect(peer).await?.stream;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }
}

impl<K: Clone + Ord, I, Io> Clone for Node<K, I, Io> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K: Clone + Ord, I, Io> Debug for Node<K, I, Io> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("listens_at", &self.inner.listens_at.get()).finish_non_exhaustive()
    }
}
