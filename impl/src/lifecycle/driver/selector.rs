//! The selector of the one active peer, on tokio.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Node;
use super::listener::Listener;
use crate::lifecycle::{ActivePeer, Heard, Misuse, Peer, SessionId, Switch};
use crate::runtime::sync::{Mutex, MutexGuard, Notify, watch};
use crate::runtime::task::{JoinHandle, spawn};
use crate::runtime::time::Instant;

/// How a [`Selector`] deals with a peer that makes no progress.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SelectorConfig {
    /// How long the active peer may be ahead without any [progress](Selector::progress).
    pub stall_timeout: Duration,
    /// What becomes of a peer that took longer.
    pub stalled: Stalled,
}

/// What becomes of a peer that stalled, beside that it is not picked again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stalled {
    /// It is told to end, with [`Reason::Stalled`](crate::lifecycle::Reason::Stalled).
    Disconnect,
    /// It stays, for what else it is good for.
    Keep,
}

/// Names the one peer to synchronise from, as [`ActivePeer`] does, and keeps the time: a handle that is cheap to clone.
///
/// Its task is a subscriber of the node. Whoever is active was heard to come and not to go (PEER-7); the task forgets
/// everybody and subscribes anew if it [lags](crate::lifecycle::Event::Lagged), and ends when the node's shutdown is
/// complete. When it
/// ends or is dropped, nobody is active. Whoever has something that we lack is said by `is_ahead`, which is asked when a
/// peer comes, when it is [looked at](Self::look_at), and before it is taken for stalled.
///
/// ```
/// use handfast::lifecycle::{Config, Duplicates, Limits, Node, NodeConfig, Origin, Reason};
/// use handfast::lifecycle::{Selector, SelectorConfig, Stalled};
/// use std::convert::Infallible;
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Config { limits: Limits::new(8, 4), capacity: 32, duplicates: Duplicates::KeepNew };
/// let node = Node::<&str, AtomicU32>::new(NodeConfig::new(registry))?;
/// let config = SelectorConfig { stall_timeout: Duration::from_secs(180), stalled: Stalled::Disconnect };
/// let our_height = 7;
/// let (selector, _task) = Selector::spawn(&node, config, move |peer| peer.info.load(Relaxed) > our_height)?;
/// let mut active = selector.watch();
///
/// let looks = selector.clone();
/// node.open(
///     Origin::inbound(None),
///     |handshake| async move {
///         let _ = handshake.handshake_done("02ab…", AtomicU32::new(7));
///         Ok::<_, Infallible>(())
///     },
///     |mut live, ()| async move {
///         live.peer.info.store(8, Relaxed); // it has a new block
///         let _ = looks.look_at(live.peer.session);
///         live.told_to_end().await
///     },
/// )?;
///
/// active.wait_for(|peer| peer.as_ref().is_some_and(|peer| peer.key == "02ab…")).await?;
/// let _ = node.shutdown(Duration::from_secs(1)).await;
/// active.wait_for(|peer| peer.is_none()).await?;
/// # Ok(())
/// # }
/// ```
pub struct Selector<K, I = ()> {
    shared: Arc<Shared<K, I>>,
}

type IsAhead<K, I> = dyn Fn(&Peer<K, I>) -> bool + Send + Sync;

pub(super) struct Shared<K, I> {
    /// Taken before the node's lock where both are.
    state: Mutex<State<K, I>>,
    active: watch::Sender<Option<Arc<Peer<K, I>>>>,
    /// Somebody became active, for whom no timer runs yet.
    pub(super) picked: Notify,
    pub(super) is_ahead: Box<IsAhead<K, I>>,
    pub(super) config: SelectorConfig,
}

pub(super) struct State<K, I> {
    pub(super) selector: ActivePeer,
    pub(super) peers: BTreeMap<SessionId, Arc<Peer<K, I>>>,
    /// When the active peer became active or last made progress.
    progress: Instant,
}

impl<K: Clone + Ord, I> Selector<K, I> {
    /// Subscribes to the node, and returns the handle and the task, for the caller to spawn or to poll.
    ///
    /// `is_ahead` is called under the selector's lock: it must neither block nor call the selector. If it panics, so
    /// does whoever asked: the task, which then ends, or the caller of [`look_at`](Self::look_at).
    ///
    /// # Errors
    ///
    /// [`Misuse::ShuttingDown`] if the node's shutdown is complete.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn prepare<F>(
        node: &Node<K, I>,
        config: SelectorConfig,
        is_ahead: F,
    ) -> Result<(Self, impl Future<Output = ()> + use<K, I, F>), Misuse>
    where
        F: Fn(&Peer<K, I>) -> bool + Send + Sync + 'static,
    {
        let state = State { selector: ActivePeer::new(), peers: BTreeMap::new(), progress: Instant::now() };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            active: watch::channel(None).0,
            picked: Notify::new(),
            is_ahead: Box::new(is_ahead),
            config,
        });
        let mut listener = Listener { node: node.clone(), shared: Arc::clone(&shared), subscription: None };
        listener.subscribe()?;
        Ok((Self { shared }, listener.run()))
    }

    /// [Prepares](Self::prepare) a selector and spawns its task. Dropping the join handle changes nothing; aborting the
    /// task is the way to do without the selector before the node shuts down.
    ///
    /// # Errors
    ///
    /// As [`prepare`](Self::prepare).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn spawn(
        node: &Node<K, I>,
        config: SelectorConfig,
        is_ahead: impl Fn(&Peer<K, I>) -> bool + Send + Sync + 'static,
    ) -> Result<(Self, JoinHandle<()>), Misuse>
    where
        K: Send + Sync + 'static,
        I: Send + Sync + 'static,
    {
        let (selector, task) = Self::prepare(node, config, is_ahead)?;
        Ok((selector, spawn(task)))
    }

    /// Who is active. By the time the caller looks at it, that may have changed.
    pub fn active(&self) -> Option<Arc<Peer<K, I>>> {
        self.shared.active.borrow().clone()
    }

    /// Who is active, now and whenever that changes. A receiver that is slow sees the latest and skips what was between.
    pub fn watch(&self) -> watch::Receiver<Option<Arc<Peer<K, I>>>> {
        self.shared.active.subscribe()
    }

    /// Asks again whether a peer is ahead: to be called when it says something new, and when we have caught up with it.
    /// Whoever is ahead becomes active if nobody is; whoever was active and is not ahead any more makes place.
    ///
    /// [`Heard::Unknown`] is no loss: the selector has not heard of the peer yet, and asks when it does; or the peer is
    /// gone.
    pub fn look_at(&self, session: SessionId) -> Heard {
        let mut state = self.shared.lock();
        let Some(peer) = state.peers.get(&session).cloned() else { return Heard::Unknown };
        if (self.shared.is_ahead)(&peer) {
            let heard = state.selector.ahead(session);
            if let Heard::Noted(switch) = heard {
                self.shared.publish(&mut state, switch);
            }
            return heard;
        }
        let switch = state.selector.level(session);
        self.shared.publish(&mut state, switch);
        Heard::Noted(switch)
    }

    /// The active peer made progress: its time begins anew. Nothing happens if it is another one by now.
    pub fn progress(&self, session: SessionId) {
        let mut state = self.shared.lock();
        if state.selector.active() == Some(session) {
            state.progress = Instant::now();
        }
    }
}

impl<K, I> Shared<K, I> {
    /// What is under the lock is changed after the caller's closure was asked, so that a panic of it leaves nothing half
    /// done.
    pub(super) fn lock(&self) -> MutexGuard<'_, State<K, I>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says who is active, under the lock, so that the last that is said is the last that happened.
    pub(super) fn publish(&self, state: &mut State<K, I>, switch: Option<Switch>) {
        let Some(Switch { from, to }) = switch else { return };
        state.progress = Instant::now();
        if from != to {
            self.active.send_replace(to.and_then(|to| state.peers.get(&to).cloned()));
            self.picked.notify_one();
        }
    }

    pub(super) fn comes(&self, state: &mut State<K, I>, peer: &Arc<Peer<K, I>>) {
        let ahead = (self.is_ahead)(peer);
        state.peers.insert(peer.session, Arc::clone(peer));
        let switch = state.selector.up(peer.session, ahead);
        self.publish(state, switch);
    }

    pub(super) fn forget_all(&self, state: &mut State<K, I>) {
        state.peers.clear();
        let switch = state.selector.forget_all();
        self.publish(state, switch);
    }

    /// When the time of the active peer is over.
    pub(super) fn deadline(&self, state: &State<K, I>) -> Option<Instant> {
        state.selector.active().and_then(|_| state.progress.checked_add(self.config.stall_timeout))
    }
}

impl<K, I> Clone for Selector<K, I> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K, I> Debug for Selector<K, I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let active = self.shared.active.borrow().as_ref().map(|peer| peer.session);
        f.debug_struct("Selector").field("active", &active).finish_non_exhaustive()
    }
}
