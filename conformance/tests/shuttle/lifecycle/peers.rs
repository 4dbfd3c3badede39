//! What is raced: a node, or something that claims to be one.

use std::future::Future;
use std::time::Duration;

use conformance::log::Log;
use handfast::environment;
use handfast::lifecycle::{self as product, Handshake, Node, NodeConfig, Origin, Reason, SessionHandle, Subscription};
use handfast_spec::lifecycle::{Event, SessionId};
use shuttle::future::{spawn, yield_now};

/// How a node is configured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) total: usize,
    pub(crate) pending: usize,
    pub(crate) capacity: usize,
    pub(crate) keep_new: bool,
    /// How long a body may go on when it was told to end.
    pub(crate) grace: Duration,
}

/// How long a handshake may take, and how long a subscriber may hold up an announcement, on a clock that moves when an
/// environment moves it.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(100);
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What a session does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) key: u32,
    pub(crate) greets: Greets,
    pub(crate) shake: Shake,
    pub(crate) body: Body,
}

impl Plan {
    /// A peer that shakes hands and stays until it is told to go.
    pub(crate) fn stays(key: u32) -> Self {
        Self { key, greets: Greets::Once, shake: Shake::Completes, body: Body::Heeds }
    }
}

/// How the handshake is said to be complete.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Greets {
    Never,
    Once,
    /// Twice in a row, the second time with the next key.
    Twice,
    /// By two tasks at once, one of them with the next key.
    FromTwoTasks,
}

/// What the handshake comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shake {
    Completes,
    Fails,
    Hangs,
}

/// What the body does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// The peer closes the connection.
    Returns,
    /// It ends when it is told to.
    Heeds,
    /// It is dropped where it waits.
    Hangs,
    Panics,
}

/// What is raced. Sessions are tasks of its own.
pub(crate) trait Peers: Clone + Send + Sync + 'static {
    type Session: Send + Sync + 'static;
    type Events: Send + 'static;

    fn open(&self, plan: Plan) -> Option<Self::Session>;
    /// Waits for the end of a session; whether it was announced.
    fn was_announced(&self, session: &Self::Session) -> impl Future<Output = bool> + Send;
    fn abort(&self, session: &Self::Session);
    fn disconnect(&self, session: &Self::Session);
    fn ban(&self, key: u32);
    fn unban(&self, key: u32);
    /// A subscription and its snapshot; none if the node is shut down.
    fn subscribe(&self) -> Option<(Vec<SessionId>, Self::Events)>;
    fn next(events: &mut Self::Events) -> impl Future<Output = Option<Event>> + Send;
    fn shutdown(&self, deadline: Duration) -> impl Future<Output = ()> + Send;
    /// Tasks that are not over.
    fn live_tasks(&self) -> usize;
    /// Sessions and subscribers that are left.
    fn left(&self) -> (usize, usize);
}

impl Peers for Node<u32> {
    type Session = SessionHandle;
    type Events = Subscription<u32>;

    fn open(&self, plan: Plan) -> Option<SessionHandle> {
        let handshake = move |signal: Handshake<u32>| async move {
            handshake_done(signal, plan).await;
            match plan.shake {
                Shake::Completes => Ok(()),
                Shake::Fails => Err(()),
                Shake::Hangs => std::future::pending().await,
            }
        };
        let body = move |mut live: product::SessionContext<u32>, ()| async move {
            yield_now().await;
            match plan.body {
                Body::Returns => Reason::RemoteClosed,
                Body::Heeds => live.told_to_end().await,
                Body::Hangs => std::future::pending().await,
                Body::Panics => environment::fail(),
            }
        };
        Node::open(self, Origin::inbound(None), handshake, body).ok()
    }

    async fn was_announced(&self, session: &SessionHandle) -> bool {
        session.wait().await.announced
    }

    fn abort(&self, session: &SessionHandle) {
        session.abort();
    }

    fn disconnect(&self, session: &SessionHandle) {
        let _ = Node::disconnect(self, session.session(), Reason::Local);
    }

    fn ban(&self, key: u32) {
        let _ = Node::ban(self, key);
    }

    fn unban(&self, key: u32) {
        let _ = Node::unban(self, &key);
    }

    fn subscribe(&self) -> Option<(Vec<SessionId>, Subscription<u32>)> {
        let events = Node::subscribe(self).ok()?;
        Some((events.snapshot().iter().map(|peer| number(peer.session)).collect(), events))
    }

    async fn next(events: &mut Subscription<u32>) -> Option<Event> {
        Some(match events.next().await? {
            product::Event::Up(peer) => Event::Up(number(peer.session)),
            product::Event::Down(peer, _) => Event::Down(number(peer.session)),
            product::Event::Lagged => Event::Lagged,
            product::Event::Closed => Event::Closed,
        })
    }

    async fn shutdown(&self, deadline: Duration) {
        let _ = Node::shutdown(self, deadline).await;
    }

    fn live_tasks(&self) -> usize {
        environment::live_tasks()
    }

    fn left(&self) -> (usize, usize) {
        let metrics = self.metrics();
        (metrics.sessions, metrics.subscribers)
    }
}

async fn handshake_done(signal: Handshake<u32>, plan: Plan) {
    yield_now().await;
    match plan.greets {
        Greets::Never => {}
        Greets::Once => {
            let _ = signal.handshake_done(plan.key, ());
        }
        Greets::Twice => {
            let _ = (signal.handshake_done(plan.key, ()), signal.handshake_done(plan.key + 1, ()));
        }
        Greets::FromTwoTasks => {
            let other = signal.clone();
            let other = spawn(async move { other.handshake_done(plan.key + 1, ()) });
            let _ = signal.handshake_done(plan.key, ());
            let _ = other.await;
        }
    }
}

/// A node that is held to the model by what it records.
pub(crate) fn node(setup: Setup, log: &Log) -> Node<u32> {
    let duplicates = if setup.keep_new { product::Duplicates::KeepNew } else { product::Duplicates::KeepOld };
    let limits = product::Limits::new(setup.total, setup.pending);
    let config = NodeConfig::new(product::Config::new(limits, duplicates).with_capacity(setup.capacity))
        .with_handshake_timeout(HANDSHAKE_TIMEOUT)
        .with_slow_subscriber_timeout(PATIENCE)
        .with_grace(setup.grace);
    Node::recorded(config, log.clone()).expect("the configuration is sound and one of the model's")
}

fn number(session: product::SessionId) -> SessionId {
    SessionId(u32::try_from(session.number()).expect("there are few sessions"))
}
