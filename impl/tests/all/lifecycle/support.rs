//! Sessions whose handshake and body are stepped by the test.

use std::time::Duration;

use handfast::lifecycle::{
    Config, Duplicates, Event, Handshake, Limits, NodeConfig, Origin, Reason, Rejected, SessionHandle, SessionId,
    Subscription,
};
use tokio::sync::oneshot;

pub(crate) type Node = handfast::lifecycle::Node<u32, ()>;

pub(crate) const HANDSHAKE: Duration = Duration::from_secs(30);
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Four slots, short queues, and the usual times.
pub(crate) fn config() -> NodeConfig<u32> {
    crate::limit::limited();
    let registry = Config::new(Limits::new(4, 4), Duplicates::KeepOld).with_capacity(8);
    NodeConfig::new(registry).with_handshake_timeout(HANDSHAKE).with_slow_subscriber_timeout(PATIENCE)
}

pub(crate) fn node(config: NodeConfig<u32>) -> Node {
    crate::limit::limited();
    Node::new(config).expect("the configuration is sound")
}

/// A session that waits for the test wherever it can.
pub(crate) struct Stepped {
    pub(crate) handle: SessionHandle,
    pub(crate) signal: Handshake<u32>,
    handshake: Option<oneshot::Sender<Result<(), ()>>>,
    body: Option<oneshot::Sender<Reason>>,
}

impl Stepped {
    pub(crate) fn open(node: &Node, origin: Origin) -> Result<Self, Rejected> {
        let (handshake, handshake_gate) = oneshot::channel::<Result<(), ()>>();
        let (body, body_gate) = oneshot::channel();
        let (hand_out, mut handed_out) = oneshot::channel();
        let handle = node.open(
            origin,
            |signal| {
                let _ = hand_out.send(signal);
                async { handshake_gate.await.unwrap_or(Err(())) }
            },
            |_live, ()| async { body_gate.await.unwrap_or(Reason::RemoteClosed) },
        )?;
        let signal = handed_out.try_recv().expect("the handshake is made at once");
        Ok(Self { handle, signal, handshake: Some(handshake), body: Some(body) })
    }

    pub(crate) fn id(&self) -> SessionId {
        self.handle.session()
    }

    /// The handshake completes.
    pub(crate) fn handshake_done(&mut self, key: u32) {
        let _ = self.signal.handshake_done(key, ());
        self.finish_handshake(Ok(()));
    }

    pub(crate) fn finish_handshake(&mut self, result: Result<(), ()>) {
        let gate = self.handshake.take().expect("a handshake ends once");
        let _ = gate.send(result);
    }

    pub(crate) fn finish_body(&mut self, reason: Reason) {
        let _ = self.body.take().expect("a body ends once").send(reason);
    }
}

/// An inbound session that is announced under a key.
pub(crate) async fn up(node: &Node, key: u32) -> Stepped {
    let mut session = shaking(node);
    session.handshake_done(key);
    idle().await;
    session
}

/// An inbound session whose handshake goes on.
pub(crate) fn shaking(node: &Node) -> Stepped {
    Stepped::open(node, Origin::inbound(None)).expect("there is a slot")
}

/// Lets everything run that can run. The clock of a paused runtime moves on only when all tasks wait.
pub(crate) async fn idle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// An event without what the test does not compare.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    Up(SessionId),
    Down(SessionId, Reason),
    Lagged,
    Closed,
}

/// What is queued.
pub(crate) fn heard(events: &mut Subscription<u32>) -> Vec<Heard> {
    let short = |event| match event {
        Event::Up(peer) => Heard::Up(peer.session),
        Event::Down(peer, reason) => Heard::Down(peer.session, reason),
        Event::Lagged => Heard::Lagged,
        Event::Closed => Heard::Closed,
    };
    std::iter::from_fn(|| events.try_next()).map(short).collect()
}

/// Nobody holds anything any more.
pub(crate) fn assert_empty(node: &Node) {
    let metrics = node.metrics();
    assert_eq!((metrics.sessions, metrics.pending), (0, 0));
    assert_eq!(node.peers().len(), 0);
    let ended: u64 = metrics.downs.values().chain(metrics.ended_unannounced.values()).sum();
    assert_eq!(ended, metrics.opened, "each session that was opened ended once");
    assert_eq!(metrics.downs.values().sum::<u64>(), metrics.announced, "each Up has its Down");
}
