//! Three ways to tell subscribers who has come and who has gone.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use conformance::lifecycle::historical::{Connection, Network};
use handfast::lifecycle::{
    Config, Duplicates, Event, Limits, Node, NodeConfig, Origin, Reason, SessionHandle, Subscription,
};
use model::lifecycle::btcd::{self, Switches};
use tokio::sync::{Notify, broadcast, oneshot};
use tokio::task::JoinSet;

/// How many events all subscribers heard, and who waits for that.
#[derive(Default)]
pub(crate) struct Tally {
    heard: AtomicU64,
    wanted: AtomicU64,
    reached: Notify,
}

impl Tally {
    fn enter(&self) {
        if self.heard.fetch_add(1, Ordering::SeqCst) + 1 == self.wanted.load(Ordering::SeqCst) {
            self.reached.notify_one();
        }
    }

    /// Waits until so many events were heard.
    pub(crate) async fn wait_for(&self, wanted: u64) {
        self.wanted.store(wanted, Ordering::SeqCst);
        while self.heard.load(Ordering::SeqCst) < wanted {
            self.reached.notified().await;
        }
    }
}

/// What a subscriber heard: of whom, and whether he has come.
pub(crate) type Told = (u64, bool);

/// A way to tell subscribers. What it spawned ends when it is dropped.
pub(crate) trait Rival: Sized {
    const NAME: &'static str;
    type Session: Send + 'static;

    /// With room for so many sessions, and with so many subscribers, each of which passes on what it hears.
    fn new(sessions: usize, subscribers: usize, hear: impl Fn(Told) + Clone + Send + 'static) -> Self;

    /// A session whose handshake completes at once.
    fn connect(&self, number: u32) -> Self::Session;

    fn disconnect(&self, session: Self::Session) -> impl Future<Output = ()> + Send;
}

/// Starts it with subscribers that count.
pub(crate) fn tallied<R: Rival>(sessions: usize, subscribers: usize) -> (R, Arc<Tally>) {
    let tally = Arc::new(Tally::default());
    let heard = Arc::clone(&tally);
    (R::new(sessions, subscribers, move |_| heard.enter()), tally)
}

/// handfast's node.
pub(crate) struct Own {
    node: Node<u32>,
    _subscribers: JoinSet<()>,
}

impl Rival for Own {
    const NAME: &'static str = "handfast";
    type Session = SessionHandle;

    fn new(sessions: usize, subscribers: usize, hear: impl Fn(Told) + Clone + Send + 'static) -> Self {
        let registry = Config::new(Limits::new(sessions, sessions), Duplicates::KeepOld);
        let node = Node::new(NodeConfig::new(registry)).expect("the configuration is sound");
        let listen = |mut events: Subscription<u32>| {
            let hear = hear.clone();
            async move {
                loop {
                    match events.next().await {
                        Some(Event::Up(peer)) => hear((peer.session.number(), true)),
                        Some(Event::Down(peer, _)) => hear((peer.session.number(), false)),
                        Some(Event::Lagged | Event::Closed) | None => return,
                    }
                }
            }
        };
        let subscribe = |_| listen(node.subscribe().expect("a new node can be subscribed to"));
        let subscribers = (0..subscribers).map(subscribe).collect();
        Self { node, _subscribers: subscribers }
    }

    fn connect(&self, number: u32) -> SessionHandle {
        let handshake = move |handshake: handfast::lifecycle::Handshake<u32>| async move {
            let _ = handshake.handshake_done(number, ());
            Ok::<_, Infallible>(())
        };
        let opened = self.node.open(Origin::inbound(None), handshake, |_live, ()| std::future::pending::<Reason>());
        opened.expect("there are as many slots as sessions")
    }

    async fn disconnect(&self, session: SessionHandle) {
        let _ = self.node.disconnect(session.session(), Reason::RemoteClosed);
    }
}

/// btcd before the repair: two event loops, two channels. Each subscriber is told what the sync manager is told.
pub(crate) struct TwoChannels {
    network: Network,
    _subscribers: JoinSet<()>,
}

impl Rival for TwoChannels {
    const NAME: &'static str = "two channels";
    type Session = Connection;

    fn new(sessions: usize, subscribers: usize, hear: impl Fn(Told) + Clone + Send + 'static) -> Self {
        let (network, inboxes) = Network::spawn(Switches::BEFORE, sessions, subscribers);
        let listen = |mut inbox: conformance::lifecycle::historical::Inbox<_>| {
            let hear = hear.clone();
            async move {
                while let Some(news) = inbox.receive().await {
                    let (number, event) = conformance::lifecycle::historical::News::read(&news);
                    hear((number.into(), event == btcd::Event::Add));
                }
            }
        };
        Self { network, _subscribers: inboxes.into_iter().map(listen).collect() }
    }

    fn connect(&self, _number: u32) -> Connection {
        let connection = self.network.connect();
        connection.complete_handshake();
        connection
    }

    async fn disconnect(&self, connection: Connection) {
        connection.disconnect().await;
    }
}

/// The same events through `tokio::sync::broadcast`: a task for each session sends both, and nothing else is kept. It
/// has as many places as are needed to lose nothing.
pub(crate) struct Broadcast {
    events: broadcast::Sender<Came>,
    _subscribers: JoinSet<()>,
}

/// Who, and whether he has come.
#[derive(Clone)]
pub(crate) struct Came(Arc<u32>, bool);

impl Rival for Broadcast {
    const NAME: &'static str = "broadcast";
    type Session = oneshot::Sender<()>;

    fn new(sessions: usize, subscribers: usize, hear: impl Fn(Told) + Clone + Send + 'static) -> Self {
        let events = broadcast::Sender::new(2 * sessions);
        let listen = |mut events: broadcast::Receiver<Came>| {
            let hear = hear.clone();
            async move {
                loop {
                    match events.recv().await {
                        Ok(Came(peer, came)) => hear((u64::from(*peer), came)),
                        Err(broadcast::error::RecvError::Lagged(_)) => {}
                        Err(broadcast::error::RecvError::Closed) => return,
                    }
                }
            }
        };
        let subscribers = (0..subscribers).map(|_| listen(events.subscribe())).collect();
        Self { events, _subscribers: subscribers }
    }

    fn connect(&self, number: u32) -> oneshot::Sender<()> {
        let (stop, stopped) = oneshot::channel();
        let events = self.events.clone();
        tokio::spawn(async move {
            let peer = Arc::new(number);
            let _ = events.send(Came(Arc::clone(&peer), true));
            let _ = stopped.await;
            let _ = events.send(Came(peer, false));
        });
        stop
    }

    async fn disconnect(&self, stop: oneshot::Sender<()>) {
        let _ = stop.send(());
    }
}
