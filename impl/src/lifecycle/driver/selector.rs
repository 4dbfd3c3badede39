//! The selector of the one active peer, on tokio.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::discard::drop_contained;
use super::{Node, SelectorConfig, Stalled, Subscription};
use crate::lifecycle::{ActivePeer, Event, Heard, Peer, Reason, SessionId, StateError, Switch};
use crate::runtime::select;
use crate::runtime::sync::atomic::{AtomicU64, Ordering};
use crate::runtime::sync::{Mutex, Notify, watch};
use crate::runtime::task::{JoinHandle, spawn};
use crate::runtime::time::{Instant, sleep_until};

/// Names the one peer to synchronise from, as [`ActivePeer`] does, and keeps the time: a handle that is cheap to clone.
///
/// Its task is a subscriber of the node. The active peer was heard to come and not to go (PEER-7). The task forgets all
/// peers and subscribes anew if it [lags](crate::lifecycle::Event::Lagged), and ends when the node's shutdown is complete.
/// When it ends or is dropped, no peer is active. `is_ahead` says whether a peer has something that we lack: it is asked
/// when a peer comes, when it is [looked at](Self::look_at), before it is taken for stalled, and when it has rested.
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
/// let registry = Config::new(Limits::new(8, 4), Duplicates::KeepNew);
/// let node = Node::<&str, AtomicU32>::new(NodeConfig::new(registry))?;
/// let config = SelectorConfig::new(Duration::from_secs(180), Stalled::Disconnect);
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
    state: Mutex<State<K, I>>,
    active: watch::Sender<Option<Arc<Peer<K, I>>>>,
    /// The number of the switch that `active` has. Changes under the lock of `active` alone.
    published: AtomicU64,
    /// A peer became active, for which no timer runs yet.
    picked: Notify,
    is_ahead: Box<IsAhead<K, I>>,
    config: SelectorConfig,
}

struct State<K, I> {
    selector: ActivePeer,
    peers: BTreeMap<SessionId, Known<K, I>>,
    /// Since when the active peer is active, or when it last made progress after that.
    since: Instant,
    /// To be dropped when the lock is released.
    discarded: Vec<Arc<Peer<K, I>>>,
    switches: u64,
    /// To be published when the lock is released.
    publish: Option<Published<K, I>>,
}

/// The number of a switch, and who became active with it.
type Published<K, I> = (u64, Option<Arc<Peer<K, I>>>);

/// A peer that the selector has heard of.
struct Known<K, I> {
    peer: Arc<Peer<K, I>>,
    /// How often it was asked whether it is ahead. Only the answer to the last question counts.
    asked: u64,
    /// How long it was active since its last progress, the present time apart. That it makes place and comes back is no
    /// progress.
    unproductive: Duration,
    /// When it last stalled, if it stays.
    stalled_at: Option<Instant>,
}

/// A question whether a peer is ahead.
struct Question<K, I> {
    peer: Arc<Peer<K, I>>,
    number: u64,
}

impl<K: Clone + Ord, I> Selector<K, I> {
    /// Subscribes to the node, and returns the handle and the task, for the caller to spawn or to poll.
    ///
    /// `is_ahead` is called with no lock held, by the task and by callers of [`look_at`](Self::look_at). If it is asked of one
    /// peer from two threads at once, the answer to the later question counts. If it panics, so does the task, which then
    /// ends, or the caller.
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
        let (selector, since) = (ActivePeer::new(), Instant::now());
        let state =
            State { selector, peers: BTreeMap::new(), since, discarded: Vec::new(), switches: 0, publish: None };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            active: watch::channel(None).0,
            published: AtomicU64::new(0),
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
        self.shared.look_at(session)
    }

    /// Notes that the active peer made progress: its time begins anew. That of another one does too, for when it is
    /// active again.
    pub fn progress(&self, session: SessionId) {
        self.shared.step(|state| {
            if let Some(known) = state.peers.get_mut(&session) {
                known.unproductive = Duration::ZERO;
            }
            if state.selector.active() == Some(session) {
                state.since = Instant::now();
            }
        });
    }
}

impl<K, I> Shared<K, I> {
    /// Makes a step under the lock. When it has been released, the active peer is published and peers are dropped, because
    /// wakers and infos are the caller's.
    fn step<R>(&self, step: impl FnOnce(&mut State<K, I>) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = step(&mut state);
        let (mut discarded, publish) = (std::mem::take(&mut state.discarded), state.publish.take());
        drop(state);
        discarded.extend(publish.and_then(|publish| self.publish(publish)));
        drop_contained(discarded);
        result
    }

    /// Asks without the lock whether a peer is ahead, and acts on the answer unless it was asked again in the meantime: the
    /// later answer is the newer one.
    fn look_at(&self, session: SessionId) -> Heard {
        let Some(question) = self.step(|state| state.question(session)) else { return Heard::Unknown };
        let is_ahead = (self.is_ahead)(&question.peer);
        self.step(|state| {
            match state.peers.get(&session) {
                None => return Heard::Unknown,
                Some(known) if known.asked != question.number => return Heard::Noted(None),
                Some(_) => {}
            }
            let heard = match is_ahead {
                true => state.selector.ahead(session),
                false => Heard::Noted(state.selector.level(session)),
            };
            if let Heard::Noted(switch) = heard {
                state.switched(switch);
            }
            heard
        })
    }

    /// Publishes the active peer as of this switch, unless a later one has been published. Wakers are the caller's code, so
    /// that this is done with no lock held. Returns what is to be dropped.
    fn publish(&self, (number, mut active): Published<K, I>) -> Option<Arc<Peer<K, I>>> {
        self.active.send_if_modified(|published| {
            let is_later = self.published.fetch_max(number, Ordering::Relaxed) < number;
            if is_later {
                std::mem::swap(published, &mut active);
            }
            is_later
        });
        self.picked.notify_one();
        active
    }

    /// Notes a peer that came. Until it has been asked it is level, so that what it says meanwhile is not lost.
    fn add(&self, peer: &Arc<Peer<K, I>>) {
        self.step(|state| {
            let known = Known { peer: Arc::clone(peer), asked: 0, unproductive: Duration::ZERO, stalled_at: None };
            state.peers.insert(peer.session, known);
            let switch = state.selector.up(peer.session, false);
            state.switched(switch);
        });
    }

    fn remove(&self, session: SessionId) {
        self.step(|state| {
            let switch = state.selector.down(session);
            state.switched(switch);
            state.discarded.extend(state.peers.remove(&session).map(|known| known.peer));
        });
    }

    fn forget_all(&self) {
        self.step(|state| {
            let switch = state.selector.forget_all();
            state.switched(switch);
            let peers = std::mem::take(&mut state.peers);
            state.discarded.extend(peers.into_values().map(|known| known.peer));
        });
    }

    /// Returns when the time of the active peer is over.
    fn deadline(&self, state: &State<K, I>) -> Option<Instant> {
        let known = state.peers.get(&state.selector.active()?)?;
        state.since.checked_add(self.config.stall_timeout.saturating_sub(known.unproductive))
    }

    /// Returns the peer that stalled first and when it has rested, while no peer is active.
    fn rested(&self, state: &State<K, I>) -> Option<(Instant, SessionId)> {
        if state.selector.active().is_some() {
            return None;
        }
        let rest = self.config.stall_timeout.max(SHORTEST_REST);
        let stalled = state.peers.iter().filter(|(session, _)| state.selector.has_stalled(**session));
        let rested = stalled.filter_map(|(&session, known)| Some((known.stalled_at?.checked_add(rest)?, session)));
        rested.min()
    }
}

/// How long a peer that stalled rests at least: a stall timeout of zero must not have it picked again and again.
const SHORTEST_REST: Duration = Duration::from_secs(1);

impl<K, I> State<K, I> {
    /// Notes a switch of the active peer, and how long the one before was active without progress.
    fn switched(&mut self, switch: Option<Switch>) {
        let Some(Switch { from, to }) = switch else { return };
        let now = Instant::now();
        if let Some(known) = from.and_then(|from| self.peers.get_mut(&from)) {
            known.unproductive += now.saturating_duration_since(self.since);
        }
        self.since = now;
        if from != to {
            self.switches += 1;
            let active = to.and_then(|to| self.peers.get(&to)).map(|known| Arc::clone(&known.peer));
            self.publish = Some((self.switches, active));
        }
    }

    fn question(&mut self, session: SessionId) -> Option<Question<K, I>> {
        let known = self.peers.get_mut(&session)?;
        known.asked += 1;
        Some(Question { peer: Arc::clone(&known.peer), number: known.asked })
    }

    fn is_answered_by(&self, question: &Question<K, I>) -> bool {
        self.peers.get(&question.peer.session).is_some_and(|known| known.asked == question.number)
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
    /// Each turn is one step.
    async fn run(mut self) {
        loop {
            if let Some(session) = self.find_stalled() {
                crate::trace::debug!(%session, "active peer stalled");
                match self.shared.config.stalled {
                    // A session that was told before, or has ended, is going already.
                    Stalled::Disconnect => drop(self.node.disconnect(session, Reason::Stalled)),
                    Stalled::Keep => {}
                }
            } else if self.subscription.is_none() {
                if self.subscribe().is_err() {
                    return;
                }
                crate::trace::debug!("selector subscribed again");
            } else {
                match self.take_event() {
                    Some(Event::Closed) => return,
                    Some(Event::Lagged) => crate::trace::debug!("selector lagged"),
                    Some(Event::Up(peer) | Event::Down(peer, _)) => {
                        crate::trace::trace!(session = %peer.session, "selector took an event");
                        drop_contained([peer]);
                    }
                    None => match self.reconsider() {
                        Some(session) => crate::trace::debug!(%session, "stalled peer looked at again"),
                        None => self.wait().await,
                    },
                }
            }
        }
    }

    fn subscribe(&mut self) -> Result<(), StateError> {
        let subscription = self.subscription.insert(self.node.subscribe()?);
        let peers = subscription.snapshot();
        peers.iter().for_each(|peer| self.shared.add(peer));
        for peer in peers {
            let _ = self.shared.look_at(peer.session);
        }
        Ok(())
    }

    /// Takes the next event if there is one, and acts on it.
    fn take_event(&mut self) -> Option<Event<K, I>> {
        let event = self.subscription.as_mut()?.try_next()?;
        match &event {
            Event::Up(peer) => {
                self.shared.add(peer);
                let _ = self.shared.look_at(peer.session);
            }
            Event::Down(peer, _) => self.shared.remove(peer.session),
            Event::Lagged | Event::Closed => {
                self.shared.forget_all();
                drop_contained(self.subscription.take());
            }
        }
        Some(event)
    }

    /// Returns the session that was active for too long without progress, when another one has been picked. One that is
    /// level by then is not taken for stalled, but has had its time as if it were kept: it rests.
    fn find_stalled(&self) -> Option<SessionId> {
        let shared = &self.shared;
        let is_over = |state: &State<K, I>| shared.deadline(state).is_some_and(|deadline| deadline <= Instant::now());
        let overdue = |state: &State<K, I>| state.selector.active().filter(|_| is_over(state));
        let question = shared.step(|state| overdue(state).and_then(|active| state.question(active)))?;
        let active = question.peer.session;
        let is_ahead = (shared.is_ahead)(&question.peer);
        shared.step(|state| {
            // It made progress, made place, or was asked again: the next turn looks anew.
            if overdue(state) != Some(active) || !state.is_answered_by(&question) {
                return None;
            }
            let switch = state.selector.stalled();
            state.switched(switch);
            let ends = is_ahead && shared.config.stalled == Stalled::Disconnect;
            let known = state.peers.get_mut(&active)?;
            (known.unproductive, known.stalled_at) = (Duration::ZERO, (!ends).then(Instant::now));
            is_ahead.then_some(active)
        })
    }

    /// Looks again at a kept peer that stalled, when it has rested and no peer is active (PEER-24). Returns it, if there was
    /// one. What is queued comes first: it may be a better one.
    fn reconsider(&self) -> Option<SessionId> {
        let shared = &self.shared;
        let rested = |state: &State<K, I>| shared.rested(state).filter(|(moment, _)| *moment <= Instant::now());
        let question = shared.step(|state| rested(state).and_then(|(_, session)| state.question(session)))?;
        let session = question.peer.session;
        let is_ahead = (shared.is_ahead)(&question.peer);
        shared.step(|state| {
            if state.is_answered_by(&question) {
                let switch = state.selector.reconsider(session, is_ahead);
                state.switched(switch);
            }
        });
        Some(session)
    }

    /// Waits until there may be an event, or a peer's time is over, or another peer was picked.
    async fn wait(&self) {
        let shared = &self.shared;
        let moment =
            shared.step(|state| shared.deadline(state).or_else(|| shared.rested(state).map(|(moment, _)| moment)));
        let passed = async {
            match moment {
                Some(moment) => sleep_until(moment).await,
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
            () = shared.picked.notified() => {}
        }
    }
}

impl<K: Clone + Ord, I> Drop for SelectorTask<K, I> {
    fn drop(&mut self) {
        self.shared.forget_all();
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
