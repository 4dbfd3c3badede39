//! The selector of the one active peer, on tokio.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Node, Subscription};
use crate::lifecycle::{ActivePeer, Event, Heard, Peer, Reason, SessionId, StateError, Switch};
use crate::runtime::select;
use crate::runtime::sync::{Mutex, MutexGuard, Notify, watch};
use crate::runtime::task::{JoinHandle, spawn};
use crate::runtime::time::{Instant, sleep_until};

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
    /// It is told to end, with [`Reason::Stalled`].
    Disconnect,
    /// It stays, for what else it is good for.
    Keep,
}

/// Names the one peer to synchronise from, as [`ActivePeer`] does, and keeps the time: a handle that is cheap to clone.
///
/// Its task is a subscriber of the node. The active peer was heard to come and not to go (PEER-7). The task forgets all
/// peers and subscribes anew if it [lags](crate::lifecycle::Event::Lagged), and ends when the node's shutdown is complete.
/// When it ends or is dropped, no peer is active. `is_ahead` says whether a peer has something that we lack: it is asked
/// when a peer comes, when it is [looked at](Self::look_at), and before it is taken for stalled.
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
///     |mut context, ()| async move {
///         context.peer.info.store(8, Relaxed); // it has a new block
///         let _ = looks.look_at(context.peer.session);
///         context.told_to_end().await
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

struct Shared<K, I> {
    /// Taken before the node's lock where both are.
    state: Mutex<State<K, I>>,
    active: watch::Sender<Option<Arc<Peer<K, I>>>>,
    /// A peer became active, for which no timer runs yet.
    picked: Notify,
    is_ahead: Box<IsAhead<K, I>>,
    config: SelectorConfig,
}

struct State<K, I> {
    selector: ActivePeer,
    peers: BTreeMap<SessionId, Arc<Peer<K, I>>>,
    /// When the active peer became active or last made progress.
    progress: Instant,
}

impl<K: Clone + Ord, I> Selector<K, I> {
    /// Subscribes to the node, and returns the handle and the task, for the caller to spawn or to poll.
    ///
    /// `is_ahead` is called under the selector's lock: it must neither block nor call the selector. If it panics, so
    /// does the task, which then ends, or the caller of [`look_at`](Self::look_at).
    ///
    /// # Errors
    ///
    /// [`StateError::ShuttingDown`] if the node's shutdown is complete.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn prepare<F>(
        node: &Node<K, I>,
        config: SelectorConfig,
        is_ahead: F,
    ) -> Result<(Self, impl Future<Output = ()> + use<K, I, F>), StateError>
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
        let mut task = SelectorTask { node: node.clone(), shared: Arc::clone(&shared), subscription: None };
        task.subscribe()?;
        Ok((Self { shared }, task.run()))
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
    ) -> Result<(Self, JoinHandle<()>), StateError>
    where
        K: Send + Sync + 'static,
        I: Send + Sync + 'static,
    {
        let (selector, task) = Self::prepare(node, config, is_ahead)?;
        Ok((selector, spawn(task)))
    }

    /// Returns the active peer. By the time the caller looks at it, that may have changed.
    pub fn active(&self) -> Option<Arc<Peer<K, I>>> {
        self.shared.active.borrow().clone()
    }

    /// Watches the active peer, now and whenever it changes. A slow receiver sees the latest and skips what was between.
    pub fn watch(&self) -> watch::Receiver<Option<Arc<Peer<K, I>>>> {
        self.shared.active.subscribe()
    }

    /// Asks again whether a peer is ahead: to be called when it says something new, and when we have caught up with it.
    /// A peer that is ahead becomes active if none is; an active peer that is not ahead any more makes place.
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
    /// The state is changed after the caller's closure was asked, so that a panic of it leaves the state consistent.
    fn lock(&self) -> MutexGuard<'_, State<K, I>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes the active peer, under the lock, so that the last value is that of the last switch.
    fn publish(&self, state: &mut State<K, I>, switch: Option<Switch>) {
        let Some(Switch { from, to }) = switch else { return };
        state.progress = Instant::now();
        if from != to {
            self.active.send_replace(to.and_then(|to| state.peers.get(&to).cloned()));
            self.picked.notify_one();
        }
    }

    fn add(&self, state: &mut State<K, I>, peer: &Arc<Peer<K, I>>) {
        let ahead = (self.is_ahead)(peer);
        state.peers.insert(peer.session, Arc::clone(peer));
        let switch = state.selector.up(peer.session, ahead);
        self.publish(state, switch);
    }

    fn forget_all(&self, state: &mut State<K, I>) {
        state.peers.clear();
        let switch = state.selector.forget_all();
        self.publish(state, switch);
    }

    /// Returns when the time of the active peer is over.
    fn deadline(&self, state: &State<K, I>) -> Option<Instant> {
        state.selector.active().and_then(|_| state.progress.checked_add(self.config.stall_timeout))
    }
}

/// The task of a selector. However it ends, no peer is active after it.
struct SelectorTask<K: Clone + Ord, I> {
    node: Node<K, I>,
    shared: Arc<Shared<K, I>>,
    /// None after it was evicted.
    subscription: Option<Subscription<K, I>>,
}

impl<K: Clone + Ord, I> SelectorTask<K, I> {
    /// Each turn is one step under the lock.
    async fn run(mut self) {
        loop {
            if let Some(session) = self.find_stalled() {
                tracing::debug!(%session, "active peer stalled");
                match self.shared.config.stalled {
                    // A session that was told before, or has ended, is going already.
                    Stalled::Disconnect => drop(self.node.disconnect(session, Reason::Stalled)),
                    Stalled::Keep => {}
                }
            } else if self.subscription.is_none() {
                if self.subscribe().is_err() {
                    return;
                }
                tracing::debug!("selector subscribed again");
            } else {
                match self.take_event() {
                    Some(Event::Closed) => return,
                    Some(Event::Lagged) => tracing::debug!("selector lagged"),
                    Some(Event::Up(peer) | Event::Down(peer, _)) => {
                        tracing::trace!(session = %peer.session, "selector took an event")
                    }
                    None => self.wait().await,
                }
            }
        }
    }

    fn subscribe(&mut self) -> Result<(), StateError> {
        let mut state = self.shared.lock();
        let subscription = self.node.subscribe()?;
        subscription.snapshot().iter().for_each(|peer| self.shared.add(&mut state, peer));
        self.subscription = Some(subscription);
        Ok(())
    }

    /// Takes the next event if there is one, and acts on it in the same step.
    fn take_event(&mut self) -> Option<Event<K, I>> {
        let mut state = self.shared.lock();
        let event = self.subscription.as_mut()?.try_next()?;
        match &event {
            Event::Up(peer) => self.shared.add(&mut state, peer),
            Event::Down(peer, _) => {
                let switch = state.selector.down(peer.session);
                self.shared.publish(&mut state, switch);
                state.peers.remove(&peer.session);
            }
            Event::Lagged | Event::Closed => {
                self.subscription = None;
                self.shared.forget_all(&mut state);
            }
        }
        Some(event)
    }

    /// Returns the session that was active for too long without progress, when another one has been picked.
    fn find_stalled(&self) -> Option<SessionId> {
        let mut state = self.shared.lock();
        let active = state.selector.active()?;
        self.shared.deadline(&state).filter(|deadline| *deadline <= Instant::now())?;
        let is_ahead = state.peers.get(&active).is_some_and(|peer| (self.shared.is_ahead)(peer));
        let switch = if is_ahead { state.selector.stalled() } else { state.selector.level(active) };
        self.shared.publish(&mut state, switch);
        is_ahead.then_some(active)
    }

    /// Waits until there may be an event, or the active peer's time is over, or another peer was picked.
    async fn wait(&self) {
        let deadline = self.shared.deadline(&self.shared.lock());
        let passed = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let readable = async {
            match &self.subscription {
                Some(subscription) => subscription.readable().await,
                None => std::future::pending().await,
            }
        };
        select! {
            biased;
            () = passed => {}
            () = readable => {}
            () = self.shared.picked.notified() => {}
        }
    }
}

impl<K: Clone + Ord, I> Drop for SelectorTask<K, I> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        drop(self.subscription.take());
        self.shared.forget_all(&mut state);
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
