//! The handle of a node: sessions, subscriptions, and the shutdown.

use std::fmt::{self, Debug, Formatter};
use std::future::{Future, pending};
#[cfg(feature = "record")]
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::record::{Out, Record};
use super::signals::Signals;
use super::state::{Shared, State, Timing};
use super::{BodyOutput, Handshake, Metrics, NodeConfig, Report, SessionContext, SessionHandle, Subscription};
use crate::lifecycle::{ConfigError, Core, Origin, Peer, Reason, Rejected, SessionId, StateError};
use crate::runtime::select;
use crate::runtime::time::{Instant, sleep_until};

/// A node's registry of peers on tokio: a handle that is cheap to clone.
///
/// Each session is one task that does, in this order: the handshake, the announcement, the body; and a guard that runs
/// however the task ends. `K` is who a peer is, `I` what else its handshake says. Dropping all handles changes nothing:
/// sessions go on until they end; see [`shutdown`](Self::shutdown).
///
/// No method blocks for longer than a step of the [`Core`] takes; none of them holds the lock across an `await`.
///
/// Of the caller's code this runs under the lock, must not panic and must not call the node: the order of keys (`Ord` and
/// `Eq`) wherever a key is looked up, and the clone of a key, where the node is recorded and where a
/// session asks to be announced while bans that are over are not lifted yet. All other code of the caller runs outside of
/// it and may call the node: the drop of keys and infos, the closures and futures of a session, and what asks a
/// [`Selector`](super::Selector)'s peers. A drop that panics does so in the call or the session's task that it happens
/// in, when everything else has been done.
///
/// ```
/// use handfast::lifecycle::{Config, Duplicates, Event, Limits, Node, NodeConfig, Origin, Reason};
/// use std::convert::Infallible;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Config::new(Limits::by_direction(6, 2), Duplicates::KeepNew);
/// let node = Node::new(NodeConfig::new(registry))?;
/// let mut events = node.subscribe()?;
///
/// let session = node.open(
///     Origin::inbound(None),
///     |handshake| async move {
///         let _ = handshake.handshake_done("02ab…", "what it calls itself");
///         Ok::<_, Infallible>("the connection")
///     },
///     |_context, connection| async move { (Reason::RemoteClosed, connection) },
/// )?;
///
/// assert!(matches!(events.next().await, Some(Event::Up(peer)) if peer.key == "02ab…"));
/// assert!(matches!(events.next().await, Some(Event::Down(_, Reason::RemoteClosed))));
/// assert!(session.wait().await.announced);
/// assert_eq!(node.shutdown(Duration::from_secs(1)).await.aborted, 0);
/// # Ok(())
/// # }
/// ```
pub struct Node<K, I = ()> {
    pub(super) shared: Arc<Shared<K, I>>,
}

impl<K: Clone + Ord, I> Node<K, I> {
    /// Creates a node without sessions.
    ///
    /// # Errors
    ///
    /// If the configuration could never announce a session in the last slot, or any of some kind.
    pub fn new(config: NodeConfig<K>) -> Result<Self, ConfigError> {
        Self::build(config, None)
    }

    /// Creates a node that writes what happens to `out`, as newline-delimited JSON that `model explain lifecycle`
    /// reads.
    ///
    /// Each step is written under the lock, so that the order of lines is the order of steps: give it something that
    /// does not block and does not panic. Every configuration can be recorded. The record keeps a number for each key that
    /// it has seen; the log has these numbers, and addresses as they are. It ends, with an error that
    /// [`flush_record`](Self::flush_record) returns, after 2³²-1 connections, those included that were turned away: that
    /// is a log of some terabyte.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[cfg(feature = "record")]
    pub fn recorded(config: NodeConfig<K>, out: impl Write + Send + 'static) -> Result<Self, ConfigError> {
        Self::build(config, Some(Box::new(out)))
    }

    fn build(config: NodeConfig<K>, out: Option<Out>) -> Result<Self, ConfigError> {
        if config.handshake_timeout.is_zero() {
            return Err(ConfigError::NoTimeForHandshake);
        }
        let NodeConfig {
            registry,
            handshake_timeout,
            slow_subscriber_timeout,
            slow_subscriber_window,
            grace,
            overdue,
            farewell,
        } = config;
        let timing =
            Timing { handshake_timeout, slow_subscriber_timeout, slow_subscriber_window, grace, overdue, farewell };
        let core = Core::new(registry.clone())?;
        let record = out.map(|out| Box::new(Record::begin(out, &registry)));
        Ok(Self { shared: Arc::new(Shared::new(core, timing, record)) })
    }

    /// Flushes the record.
    ///
    /// # Errors
    ///
    /// The first error of writing it; what came after that is not in it.
    #[cfg(feature = "record")]
    pub fn flush_record(&self) -> io::Result<()> {
        self.shared.step(|state| state.record.as_mut().map_or(Ok(()), |record| record.flush()))
    }

    /// Takes a slot for a connection and returns its session's task, for the caller to spawn or to poll. Dropping the
    /// task at any time, also before it is first polled, ends the session as an abort does.
    ///
    /// The task runs the future that `handshake` makes. When it has returned and
    /// [`Handshake::handshake_done`] was called, the session is announced, if it is not rejected; then the future that
    /// `body` makes of what the handshake returned runs, and what it returns is the reason for the end, alone or with the
    /// connection ([`BodyOutput`]).
    ///
    /// - When the session is told to end, the handshake is dropped where it waits; the body has the configured grace.
    /// - Where the handshake has completed and the session has been told to end, it is not announced: always, not by
    ///   chance.
    /// - The handshake timeout begins with the first poll, bounds the handshake and the wait for the announcement, and
    ///   counts as the last thing if other things are ready at the same moment. A task that is not polled does not hear of
    ///   it: its session gives way to newcomers when it is [overdue](NodeConfig::overdue), which counts from the slot.
    /// - A handshake that fails ends the session with the reason that its error is converted into
    ///   (`impl From<&Error> for Reason`); one that returns without having said who it is, with [`Reason::HandshakeFailed`].
    /// - A panic of the handshake or of the body ends the session with [`Reason::Panicked`] and goes on to the caller that
    ///   polls the task.
    /// - The guard runs before the connection is dropped (PEER-49): who sees it close and comes again is not turned away
    ///   because of this session. For that a body returns the connection beside its reason, and a handshake that fails
    ///   in its error; or they call [`SessionContext::end`] or [`Handshake::end`] before they close it.
    ///
    /// # Errors
    ///
    /// If there is no slot, the address is banned, or the node shuts down (PEER-9, PEER-10). Neither closure is called: to
    /// keep a connection that one of them would have, [take the slot](Self::take_slot) first.
    pub fn prepare<C, E, H, HF, B, BF>(
        &self,
        origin: Origin,
        handshake: H,
        body: B,
    ) -> Result<(SessionHandle, impl Future<Output = ()> + use<K, I, C, E, H, HF, B, BF>), Rejected>
    where
        Reason: for<'e> From<&'e E>,
        H: FnOnce(Handshake<K, I>) -> HF,
        HF: Future<Output = Result<C, E>>,
        B: FnOnce(SessionContext<K, I>, C) -> BF,
        BF: Future<Output: BodyOutput>,
    {
        Ok(self.take_slot(origin)?.prepare(handshake, body))
    }

    /// [Prepares](Self::prepare) a session and spawns its task.
    ///
    /// # Errors
    ///
    /// As [`prepare`](Self::prepare).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime; the slot is then returned.
    pub fn open<C, E, H, HF, B, BF>(&self, origin: Origin, handshake: H, body: B) -> Result<SessionHandle, Rejected>
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
        Ok(self.take_slot(origin)?.open(handshake, body))
    }

    /// Subscribes: who is announced now, and everything that happens from now on (PEER-8).
    ///
    /// # Errors
    ///
    /// [`StateError::ShuttingDown`] if the shutdown is complete.
    pub fn subscribe(&self) -> Result<Subscription<K, I>, StateError> {
        Subscription::new(&self.shared, self.shared.timing.slow_subscriber_timeout)
    }

    /// [Subscribes](Self::subscribe) with a timeout of its own, in place of the
    /// [configured](NodeConfig::slow_subscriber_timeout) one: longer for a subscriber that the node cannot do without,
    /// shorter for one that only looks on.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    pub fn subscribe_with_timeout(&self, slow_subscriber_timeout: Duration) -> Result<Subscription<K, I>, StateError> {
        Subscription::new(&self.shared, slow_subscriber_timeout)
    }

    /// Returns the announced peers, in order of their sessions.
    pub fn peers(&self) -> Vec<Arc<Peer<K, I>>> {
        self.shared.step(|state| state.core.peers().cloned().collect())
    }

    /// Returns what was counted, and what there is.
    pub fn metrics(&self) -> Metrics {
        self.shared.step(|state| Metrics {
            sessions: state.core.slots_held(),
            pending: state.core.pending(),
            subscribers: state.core.subscribers(),
            longest_queue: state.core.longest_queue(),
            bans: state.bans.len(),
            ..state.metrics.clone()
        })
    }

    /// Shuts the node down: no session gets a slot or is announced any more, and every session is told to end (PEER-28).
    /// Waits until all have ended and their connections are dropped, for `timeout` at most; then aborts the tasks that are
    /// left and runs their guards for them, so that it ends even if a task never comes to an `await`. Subscribers then hear
    /// [`Closed`](crate::lifecycle::Event::Closed) after what is queued for them, and are not waited for.
    ///
    /// It may be called several times and from several tasks; it begins once, each caller waits for its end, and
    /// the earliest end counts.
    ///
    /// Cancel safe in that a shutdown that has begun goes on: it completes when the last session has ended. Without a
    /// call that waits nothing bounds it.
    pub async fn shutdown(&self, timeout: Duration) -> Report {
        let deadline = Instant::now().checked_add(timeout);
        let begun = self.shared.step(State::shut_down);
        if begun {
            crate::trace::debug!("shutdown begun");
        }
        // Otherwise the last task finishes it; without sessions there is none.
        self.shared.step(State::finish_if_closed);
        let mut complete = self.shared.complete.subscribe();
        let passed = async {
            match deadline {
                Some(deadline) if deadline > Instant::now() => sleep_until(deadline).await,
                Some(_) => {}
                None => pending().await,
            }
        };
        select! {
            biased;
            _ = complete.wait_for(|complete| *complete) => {}
            () = passed => self.abort_the_rest(),
        }
        self.shared.step(|state| Report { drained: state.drained, aborted: state.aborted })
    }

    /// A task that does not come to an `await` would keep its slot, and its subscribers waiting, for ever.
    fn abort_the_rest(&self) {
        let left: Vec<SessionId> = self.shared.step(|state| state.sessions.keys().copied().collect());
        self.shared.end_all(left, Reason::ShuttingDown);
        let closing: Vec<Arc<Signals>> = self.shared.step(|state| {
            state.finish();
            state.closing.values().cloned().collect()
        });
        closing.iter().for_each(|signals| signals.abort());
    }
}

impl<K, I> Clone for Node<K, I> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K, I> Debug for Node<K, I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}
