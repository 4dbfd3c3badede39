//! A slot that a connection has taken, and the session that begins in it.

use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::handle::EndOverdue;
use super::node::Node;
use super::session::{self, Closed, Guard};
use super::signals::Signals;
use super::{BodyOutput, Handshake, SessionContext, SessionHandle};
use crate::lifecycle::{Origin, Reason, Rejected, SessionId};
use crate::runtime::task;

/// What is said to a peer that is not announced: see [`Slot::open_with_farewell`].
pub type Farewell<'c> = Pin<Box<dyn Future<Output = ()> + Send + 'c>>;

/// In place of a farewell where nothing is said.
type Silent<C> = for<'c> fn(&'c mut C, Reason) -> Farewell<'c>;

/// A slot that a connection has taken. Its session begins with [`open`](Self::open) or [`prepare`](Self::prepare); dropping
/// the slot ends it as an abort does.
///
/// A connection that gets no slot stays with the caller, who can say why before closing it:
///
/// ```
/// # use handfast::lifecycle::{Config, Duplicates, Limits, Node, NodeConfig, Origin, Reason};
/// # use tokio::{io::AsyncWriteExt, net::TcpStream};
/// # async fn accepted(node: &Node<u64>, mut stream: TcpStream) -> std::io::Result<()> {
/// let slot = match node.take_slot(Origin::inbound(Some(stream.peer_addr()?.ip()))) {
///     Ok(slot) => slot,
///     Err(rejected) => return stream.write_all(format!("goodbye: {}\n", rejected.reason).as_bytes()).await,
/// };
/// slot.open_with_farewell(
///     |handshake| async move {
///         let _ = handshake.handshake_done(7, ());
///         Ok::<_, std::io::Error>(stream)
///     },
///     |stream, reason| {
///         Box::pin(async move {
///             let _ = stream.write_all(format!("goodbye: {reason}\n").as_bytes()).await;
///         })
///     },
///     |mut context, _stream| async move { context.told_to_end().await },
/// );
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// If a drop of the caller's panics that the end of the session causes, as of an info that nobody else has, the drop of the
/// slot does, when everything else has been done.
#[must_use = "dropping it ends the session"]
pub struct Slot<K: Clone + Ord, I = ()> {
    // Dropped first: it runs before anything else of the session is gone.
    guard: Guard<K, I>,
    closed: Closed<K, I>,
    signals: Arc<Signals>,
    session: SessionId,
    node: Node<K, I>,
}

impl<K: Clone + Ord, I> Node<K, I> {
    /// Takes a slot for a connection, which the caller still has: if there is none, it can say so to the other end.
    ///
    /// # Errors
    ///
    /// If there is no slot, the address is banned, or the node shuts down (PEER-9, PEER-10).
    pub fn take_slot(&self, origin: Origin) -> Result<Slot<K, I>, Rejected> {
        let opened = self.shared.step_of_newcomer(|state| state.open(origin));
        if let Err(rejected) = &opened {
            crate::trace::debug!(session = %rejected.session, reason = %rejected.reason, "connection turned away");
        }
        let (session, signals) = opened?;
        // From here on the guard runs whatever happens, also if the closure of the handshake panics.
        let closed = Closed::new(session, Arc::clone(&self.shared), Arc::clone(&signals));
        let guard = Guard::new(session, Arc::clone(&self.shared), Arc::clone(&signals));
        Ok(Slot { guard, closed, signals, session, node: self.clone() })
    }
}

impl<K: Clone + Ord, I> Slot<K, I> {
    /// Returns the session.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Returns the session's task, as [`Node::prepare`] does.
    pub fn prepare<C, E, H, HF, B, BF>(
        self,
        handshake: H,
        body: B,
    ) -> (SessionHandle, impl Future<Output = ()> + use<K, I, C, E, H, HF, B, BF>)
    where
        Reason: for<'e> From<&'e E>,
        H: FnOnce(Handshake<K, I>) -> HF,
        HF: Future<Output = Result<C, E>>,
        B: FnOnce(SessionContext<K, I>, C) -> BF,
        BF: Future<Output: BodyOutput>,
    {
        let handle = SessionHandle::new(self.session, Arc::clone(&self.signals), None);
        (handle, self.run(handshake, None::<Silent<C>>, body))
    }

    /// Returns the session's task, as [`Node::prepare`] does, which says `farewell` to a peer that is not announced: see
    /// [`open_with_farewell`](Self::open_with_farewell).
    pub fn prepare_with_farewell<C, E, H, HF, F, B, BF>(
        self,
        handshake: H,
        farewell: F,
        body: B,
    ) -> (SessionHandle, impl Future<Output = ()> + use<K, I, C, E, H, HF, F, B, BF>)
    where
        Reason: for<'e> From<&'e E>,
        H: FnOnce(Handshake<K, I>) -> HF,
        HF: Future<Output = Result<C, E>>,
        F: for<'c> FnOnce(&'c mut C, Reason) -> Farewell<'c>,
        B: FnOnce(SessionContext<K, I>, C) -> BF,
        BF: Future<Output: BodyOutput>,
    {
        let handle = SessionHandle::new(self.session, Arc::clone(&self.signals), None);
        (handle, self.run(handshake, Some(farewell), body))
    }

    /// Spawns the session's task, as [`Node::open`] does.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime; the slot is then returned.
    pub fn open<C, E, H, HF, B, BF>(self, handshake: H, body: B) -> SessionHandle
    where
        K: Send + Sync + 'static,
        I: Send + Sync + 'static,
        C: Send + 'static,
        E: Send + 'static,
        Reason: for<'e> From<&'e E>,
        H: FnOnce(Handshake<K, I>) -> HF + Send + 'static,
        HF: Future<Output = Result<C, E>> + Send + 'static,
        B: FnOnce(SessionContext<K, I>, C) -> BF + Send + 'static,
        BF: Future<Output: BodyOutput<Rest: Send>> + Send + 'static,
    {
        let (session, signals, node) = (self.session, Arc::clone(&self.signals), self.node.clone());
        spawned(session, signals, node, self.run(handshake, None::<Silent<C>>, body))
    }

    /// Spawns the session's task, as [`Node::open`] does, which says `farewell` to a peer that is not announced.
    ///
    /// It is called when the handshake has returned the connection and the session is not announced, with the connection
    /// and the reason: that it is rejected, was told to end while it waited, or has timed out. What it returns may take the
    /// time [`NodeConfig::farewell`](super::NodeConfig::farewell), and is then dropped where it waits. The session holds
    /// its slot for that long, so that there are no more farewells at a time than slots. It leaves the connection open: it
    /// is dropped when the session has ended (PEER-49).
    ///
    /// # Panics
    ///
    /// As [`open`](Self::open).
    pub fn open_with_farewell<C, E, H, HF, F, B, BF>(self, handshake: H, farewell: F, body: B) -> SessionHandle
    where
        K: Send + Sync + 'static,
        I: Send + Sync + 'static,
        C: Send + 'static,
        E: Send + 'static,
        Reason: for<'e> From<&'e E>,
        H: FnOnce(Handshake<K, I>) -> HF + Send + 'static,
        HF: Future<Output = Result<C, E>> + Send + 'static,
        F: for<'c> FnOnce(&'c mut C, Reason) -> Farewell<'c> + Send + 'static,
        B: FnOnce(SessionContext<K, I>, C) -> BF + Send + 'static,
        BF: Future<Output: BodyOutput<Rest: Send>> + Send + 'static,
    {
        let (session, signals, node) = (self.session, Arc::clone(&self.signals), self.node.clone());
        spawned(session, signals, node, self.run(handshake, Some(farewell), body))
    }

    fn run<C, E, H, HF, F, B, BF>(
        self,
        handshake: H,
        farewell: Option<F>,
        body: B,
    ) -> impl Future<Output = ()> + use<K, I, C, E, H, HF, F, B, BF>
    where
        Reason: for<'e> From<&'e E>,
        H: FnOnce(Handshake<K, I>) -> HF,
        HF: Future<Output = Result<C, E>>,
        F: for<'c> FnOnce(&'c mut C, Reason) -> Farewell<'c>,
        B: FnOnce(SessionContext<K, I>, C) -> BF,
        BF: Future<Output: BodyOutput>,
    {
        // In this order, so that the guard is dropped first if the closure panics.
        let Self { closed, guard, .. } = self;
        let handshake = handshake(guard.handshake());
        session::run(guard, handshake, farewell, body, closed)
    }
}

fn spawned<K, I>(
    session: SessionId,
    signals: Arc<Signals>,
    node: Node<K, I>,
    run: impl Future<Output = ()> + Send + 'static,
) -> SessionHandle
where
    K: Clone + Ord + Send + Sync + 'static,
    I: Send + Sync + 'static,
{
    let task = task::spawn(run);
    // It cannot be set already: a slot is opened once.
    let _ = signals.task.set(task.abort_handle());
    let overdue: Arc<dyn EndOverdue> = node.shared;
    SessionHandle::new(session, signals, Some(overdue))
}

impl<K: Clone + Ord, I> Debug for Slot<K, I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("session", &self.session).finish_non_exhaustive()
    }
}
