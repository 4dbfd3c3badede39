//! handfast's node on trial.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

use handfast::lifecycle::{
    self as product, ActivePeer, Config, Duplicates, Handshake, Limits, NodeConfig, Origin, Reason, Report,
    Subscription, Switch,
};
use handfast_spec::lifecycle::{self as spec, Component, History, Key, Lifecycle, Output, SELECTOR, SessionId};
use handfast_spec::log::LineOf;
use handfast_spec::{Observation, Protocol};
use model::lifecycle::btcd::{Action, Historical};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::yield_now;

use super::{Node, Observed};
use crate::log::Log;
use crate::paused::Task;

type Boxed<T> = Task<Pin<Box<dyn Future<Output = T>>>>;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// handfast's node: one task for each session, which is polled only when a test lets it and only when it was woken; one
/// subscriber, which takes one event at a time and feeds the selector.
pub struct Own<'r> {
    runtime: &'r Runtime,
    node: product::Node<Key>,
    log: Log,
    /// In the order in which they were made; none where a connection was turned away.
    sessions: Vec<Option<Session>>,
    events: Subscription<Key>,
    selector: ActivePeer,
    believed: BTreeSet<SessionId>,
    shutdown: Option<Boxed<Report>>,
    history: History,
}

struct Session {
    task: Option<Boxed<()>>,
    signal: Handshake<Key>,
    verack: Option<oneshot::Sender<()>>,
    /// Whether the clock was moved past its handshake timer.
    overdue: bool,
}

impl<'r> Own<'r> {
    /// A node with so many slots. Its clock is that of a [paused](crate::paused::runtime) runtime.
    ///
    /// # Panics
    ///
    /// If there are no slots, or more than a record has numbers for.
    pub fn new(runtime: &'r Runtime, slots: usize) -> Self {
        let registry = Config::new(Limits::new(slots, slots), Duplicates::KeepOld).with_capacity(slots + 1);
        let config = NodeConfig::new(registry)
            .with_handshake_timeout(HANDSHAKE_TIMEOUT)
            .with_slow_subscriber_timeout(Duration::from_secs(3600));
        let log = Log::default();
        let node = product::Node::recorded(config, log.clone()).expect("the configuration is sound");
        let events = node.subscribe().expect("a new node can be subscribed to");
        let slots = u32::try_from(slots).expect("a record has numbers for so many");
        let mut own = Self {
            runtime,
            node,
            log,
            sessions: Vec::new(),
            events,
            selector: ActivePeer::new(),
            believed: BTreeSet::new(),
            shutdown: None,
            history: History::configured(spec::Limits::new(slots, slots), spec::Duplicates::KeepOld, None),
        };
        let header = own.log.take();
        let begin = header.iter().position(|byte| *byte == b'\n').map_or(header.len(), |end| end + 1);
        own.read(&header[begin..]);
        own
    }

    /// Enters what was recorded into the history; whether that was anything.
    fn told(&mut self) -> bool {
        let lines = self.log.take();
        self.read(&lines);
        !lines.is_empty()
    }

    fn read(&mut self, lines: &[u8]) {
        for line in serde_json::Deserializer::from_slice(lines).into_iter::<LineOf<Lifecycle>>() {
            if let Some(Observation::Accepted(outputs)) = line.expect("a line is a step").observation {
                self.tell(&outputs);
            }
        }
    }

    fn tell(&mut self, outputs: &[Output]) {
        outputs.iter().for_each(|output| self.history.record(output));
    }

    fn session(&mut self, session: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(session.index())?.as_mut()
    }

    /// Polls a session's task once, if it was woken; whether it was.
    fn run(&mut self, session: SessionId) -> bool {
        let runtime = self.runtime;
        let Some(session) = self.session(session) else { return false };
        let _entered = runtime.enter();
        let Some(polled) = session.task.as_mut().and_then(Task::poll) else { return false };
        if polled.is_ready() {
            session.task = None;
        }
        self.told();
        true
    }

    /// The subscriber takes its next event and passes it on to the selector.
    fn receive(&mut self) -> bool {
        let Some(event) = self.events.try_next() else { return false };
        self.told();
        let switch = match event {
            product::Event::Up(peer) => {
                let session = number(peer.session);
                self.believed.insert(session);
                self.tell(&[Output::Heeded(session)]);
                self.selector.up(peer.session, true)
            }
            product::Event::Down(peer, _) => {
                self.believed.remove(&number(peer.session));
                self.selector.down(peer.session)
            }
            product::Event::Lagged | product::Event::Closed => {
                self.believed.clear();
                self.selector.forget_all()
            }
        };
        if let Some(Switch { to, .. }) = switch {
            self.tell(&[Output::Active(to.map(number))]);
        }
        true
    }
}

impl Node for Own<'_> {
    fn connect(&mut self) -> SessionId {
        let session = SessionId(u32::try_from(self.sessions.len()).expect("tests have few connections"));
        let (verack, arrived) = oneshot::channel();
        let (hand_out, mut handed_out) = oneshot::channel();
        let key = Key(session.0);
        let handshake = move |signal: Handshake<Key>| {
            let _ = hand_out.send(signal.clone());
            async move {
                arrived.await.map_err(drop)?;
                yield_now().await;
                let _ = signal.handshake_done(key, ()).map_err(drop)?;
                yield_now().await;
                Ok::<_, ()>(())
            }
        };
        let prepared =
            self.node.prepare(Origin::inbound(None), handshake, |_live, ()| std::future::pending::<Reason>());
        self.sessions.push(prepared.ok().map(|(handle, task)| {
            assert_eq!(number(handle.session()), session, "ids are given in order");
            let signal = handed_out.try_recv().expect("the handshake is made at once");
            Session { task: Some(Task::new(Box::pin(task))), signal, verack: Some(verack), overdue: false }
        }));
        self.told();
        // From here on its timer runs.
        self.run(session);
        session
    }

    fn complete_handshake(&mut self, session: SessionId) -> bool {
        let sent = self.session(session).and_then(|session| session.verack.take());
        let sent = sent.is_some_and(|verack| verack.send(()).is_ok());
        if sent {
            self.tell(&[Output::PeerAhead(session)]);
        }
        sent
    }

    fn complete_again(&mut self, session: SessionId) -> bool {
        // Who says it first is somebody else's business; there is a second only after a first.
        let greeted = self.history.sessions.get(session.index()).key.is_some();
        let signal = self.session(session).map(|session| session.signal.clone()).filter(|_| greeted);
        signal.is_some_and(|signal| signal.handshake_done(Key(session.0), ()).is_ok()) && self.told()
    }

    fn disconnect(&mut self, session: SessionId) -> bool {
        let id = self.session(session).map(|session| session.signal.session());
        id.is_some_and(|id| self.node.disconnect(id, Reason::RemoteClosed).is_ok()) && self.told()
    }

    fn time_out(&mut self, session: SessionId) -> bool {
        let waits = |session: &mut Session| session.task.is_some() && !std::mem::replace(&mut session.overdue, true);
        let waits = self.session(session).is_some_and(waits);
        if waits {
            self.runtime.block_on(tokio::time::advance(HANDSHAKE_TIMEOUT));
            self.run(session);
        }
        waits
    }

    fn refuse(&mut self, session: SessionId) -> bool {
        let _ = self.node.ban(Key(session.0));
        self.told()
    }

    fn stop(&mut self) -> bool {
        if self.shutdown.is_some() {
            return false;
        }
        let node = self.node.clone();
        let mut shutdown = Boxed::new(Box::pin(async move { node.shutdown(Duration::MAX).await }));
        let _ = {
            let _entered = self.runtime.enter();
            shutdown.poll()
        };
        self.shutdown = Some(shutdown);
        self.told()
    }

    fn turn(&mut self, step: Action) -> bool {
        match Historical::component(&step) {
            Some(
                Component::Session(session)
                | Component::Timer(session)
                | Component::Handshake(session)
                | Component::Watcher(session)
                | Component::Reader(session),
            ) => self.run(session),
            Some(Component::Subscriber(SELECTOR)) => self.receive(),
            // What btcd's server loop does is done here by whoever holds the lock.
            Some(Component::Registry | Component::Subscriber(_) | Component::Patience(_) | Component::Shutdown) => {
                false
            }
            None => false,
        }
    }

    fn take_any(&mut self, draw: &mut dyn FnMut(usize) -> usize) -> bool {
        let sessions = self.sessions.len();
        let first = draw(sessions + 1);
        let mut order = (0..=sessions).map(|index| (first + index) % (sessions + 1));
        order.any(|index| if index == sessions { self.receive() } else { self.run(SessionId(index as u32)) })
    }

    fn history(&self) -> &History {
        &self.history
    }

    fn observed(&self) -> Observed {
        Observed {
            registered: self.node.peers().iter().map(|peer| number(peer.session)).collect(),
            believed: self.believed.clone(),
            active: self.selector.active().map(number),
        }
    }
}

fn number(session: product::SessionId) -> SessionId {
    SessionId(u32::try_from(session.number()).expect("tests have few connections"))
}
