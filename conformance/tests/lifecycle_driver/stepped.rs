//! A node on tokio whose every step waits for the test.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use conformance::log::Log;
use handfast::lifecycle::{self as product, Handshake, Node, NodeConfig, Reason, Report, Subscription};
use handfast_spec::Observation;
use handfast_spec::lifecycle::{Action, Event, Fact, Key, Ledger, Origin, Refusal, SessionId, SubscriberId};
use model::lifecycle::handfast::Config;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(1_000_000);
const PATIENCE: Duration = Duration::from_secs(1);

/// What the driver recorded of one step.
pub(crate) type Step = (Action, Observation<Fact, Refusal>);

/// A node on tokio whose every step waits for the test.
pub(crate) struct Stepped<'r> {
    runtime: &'r Runtime,
    node: Node<Key>,
    log: Log,
    /// By the specification's number; none if it was turned away.
    sessions: Vec<Option<Session>>,
    /// Sessions whose handshake was said to be complete.
    greeted: BTreeSet<SessionId>,
    subscribers: BTreeMap<SubscriberId, Subscription<Key>>,
    shutdown: Option<Task<Report>>,
    /// Whoever asked for the shutdown was told that it is complete.
    complete: bool,
}

struct Session {
    task: Option<Task<()>>,
    signal: Handshake<Key>,
    gate: Option<oneshot::Sender<()>>,
}

/// A future that is polled when it was woken and the test says so.
struct Task<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
    flag: Arc<Flag>,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<T> Task<T> {
    fn new(future: impl Future<Output = T> + 'static) -> Self {
        Self { future: Box::pin(future), flag: Arc::new(Flag(AtomicBool::new(true))) }
    }

    fn is_woken(&self) -> bool {
        self.flag.0.load(Ordering::Relaxed)
    }

    fn poll(&mut self, runtime: &Runtime) -> Poll<T> {
        let _entered = runtime.enter();
        self.flag.0.store(false, Ordering::Relaxed);
        self.future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&self.flag))))
    }
}

impl<'r> Stepped<'r> {
    /// A node as the model's is configured, with as many subscribers.
    pub(crate) fn new(runtime: &'r Runtime, config: &Config, subscribers: u8) -> Self {
        let registry = conformance::lifecycle::configured(config);
        let config =
            NodeConfig { registry, handshake_timeout: HANDSHAKE_TIMEOUT, patience: PATIENCE, grace: Duration::ZERO };
        let log = Log::default();
        let node = Node::recorded(config, log.clone()).expect("the model's configurations are sound");
        let header = log.take();
        assert!(header.starts_with(b"{\"protocol\":\"lifecycle\""), "a log begins with its header");
        let mut stepped = Self {
            runtime,
            node,
            log,
            sessions: Vec::new(),
            greeted: BTreeSet::new(),
            subscribers: BTreeMap::new(),
            shutdown: None,
            complete: false,
        };
        for subscriber in (0..u32::from(subscribers)).map(SubscriberId) {
            let told = Observation::Told(vec![Fact::Subscribed(subscriber, 0)]);
            assert_eq!(stepped.prod(Action::Subscribe { subscriber }), [(Action::Subscribe { subscriber }, told)]);
        }
        stepped
    }

    /// Brings about an action from outside and lets at most one task run. What was recorded: nothing if it cannot be
    /// brought about here.
    pub(crate) fn prod(&mut self, action: Action) -> Vec<Step> {
        match action {
            Action::Open { origin, .. } => self.open(&origin),
            Action::Greet { session, key } => {
                if let Some(state) = self.session(session) {
                    let _ = state.signal.established(key, ());
                }
                self.greeted.insert(session);
            }
            Action::Announce { session } => {
                if let Some(gate) = self.session(session).and_then(|session| session.gate.take()) {
                    let _ = gate.send(());
                }
                self.run(session);
            }
            Action::Disconnect { session } => {
                if let Some(session) = self.session(session).map(|session| session.signal.session()) {
                    let _ = self.node.disconnect(session, Reason::Local);
                }
            }
            Action::Expire { session } => {
                self.advance(HANDSHAKE_TIMEOUT);
                self.run(session);
            }
            Action::End { session } => self.run(session),
            Action::Abort { session } => drop(self.session(session).and_then(|session| session.task.take())),
            Action::Subscribe { subscriber } => self.subscribe(subscriber),
            Action::Unsubscribe { subscriber } => drop(self.subscribers.remove(&subscriber)),
            Action::Receive { subscriber } => return self.receive(subscriber),
            Action::Evict { .. } => return self.evict(),
            Action::Ban { key } => drop(self.node.ban(key)),
            Action::Unban { key } => drop(self.node.unban(&key)),
            Action::BanAddress { address } => drop(self.node.ban_address(address)),
            Action::UnbanAddress { address } => drop(self.node.unban_address(address)),
            Action::Shutdown => self.shut_down(),
            // The last guard finishes the shutdown; there is no cell and no selector; no step has a second half.
            Action::Finish | Action::Ahead { .. } | Action::Heed { .. } | Action::Stall | Action::Resume { .. } => {}
        }
        self.recorded()
    }

    fn open(&mut self, origin: &Origin) {
        let (gate, closed) = oneshot::channel();
        let (hand_out, mut handed_out) = oneshot::channel();
        let prepared = self.node.prepare(
            conformance::lifecycle::origin(origin),
            |handshake| {
                let _ = hand_out.send(handshake);
                async { closed.await.map_err(drop) }
            },
            |_live, ()| std::future::pending(),
        );
        let session = prepared.ok().map(|(_, task)| {
            let signal = handed_out.try_recv().expect("the handshake is made at once");
            let mut task = Task::new(task);
            assert!(task.poll(self.runtime).is_pending(), "the handshake waits for the test");
            Session { task: Some(task), signal, gate: Some(gate) }
        });
        self.sessions.push(session);
    }

    /// A record gives the least free number: whoever is not to get it does not subscribe.
    fn subscribe(&mut self, subscriber: SubscriberId) {
        let is_next = (0..subscriber.0).all(|lower| self.subscribers.contains_key(&SubscriberId(lower)));
        if is_next && let Ok(subscription) = self.node.subscribe() {
            self.subscribers.insert(subscriber, subscription);
        }
    }

    fn receive(&mut self, subscriber: SubscriberId) -> Vec<Step> {
        let event = self.subscribers.get_mut(&subscriber).and_then(Subscription::try_next);
        let steps = self.recorded();
        let heard = match event {
            Some(product::Event::Up(peer)) => Some(Event::Up(number(peer.session))),
            Some(product::Event::Down(peer, _)) => Some(Event::Down(number(peer.session))),
            Some(product::Event::Lagged) => Some(Event::Lagged),
            Some(product::Event::Closed) => Some(Event::Closed),
            None => None,
        };
        if matches!(heard, Some(Event::Lagged | Event::Closed)) {
            self.subscribers.remove(&subscriber);
        }
        let recorded = steps.first().and_then(|(_, observation)| match observation {
            Observation::Told(facts) => facts.first().copied(),
            Observation::Refused(_) => None,
        });
        assert_eq!(recorded, heard.map(|event| Fact::Heard(subscriber, event)), "what was heard is what was recorded");
        steps
    }

    /// Lets those wait for room who can, and then lets their patience pass. It does not begin before somebody waits.
    fn evict(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for session in self.greeted.clone() {
            if let Some(gate) = self.session(session).and_then(|session| session.gate.take()) {
                let _ = gate.send(());
            }
            steps.extend(self.run_if_woken(session));
            if steps.iter().any(|(_, observation)| !observation.is_refused()) {
                return steps;
            }
        }
        self.advance(PATIENCE);
        for session in self.greeted.clone() {
            steps.extend(self.run_if_woken(session));
        }
        steps
    }

    fn run_if_woken(&mut self, session: SessionId) -> Vec<Step> {
        self.run(session);
        self.recorded()
    }

    fn shut_down(&mut self) {
        if self.shutdown.is_none() {
            let node = self.node.clone();
            self.shutdown = Some(Task::new(async move { node.shutdown(Duration::MAX).await }));
            self.complete = self.says_that_it_is_complete();
        }
    }

    /// Runs everything that was woken, again and again, until all wait.
    pub(crate) fn run_to_rest(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        loop {
            let before = steps.len();
            for session in (0..self.sessions.len() as u32).map(SessionId) {
                steps.extend(self.run_if_woken(session));
            }
            if steps.len() == before {
                return steps;
            }
        }
    }

    /// Whether whoever asked for the shutdown is told that it is complete.
    pub(crate) fn says_that_it_is_complete(&mut self) -> bool {
        let runtime = self.runtime;
        let told = |task: &mut Task<Report>| task.is_woken() && task.poll(runtime).is_ready();
        self.complete = self.complete || self.shutdown.as_mut().is_some_and(told);
        self.complete
    }

    /// What can be seen without the record agrees with what the model's participants were told.
    pub(crate) fn agrees_with(&self, ledger: &Ledger) {
        let peers: Vec<SessionId> = self.node.peers().iter().map(|peer| number(peer.session)).collect();
        let registered = ledger.sessions.iter().enumerate().filter(|(_, session)| session.registered);
        assert_eq!(peers, registered.map(|(number, _)| SessionId(number as u32)).collect::<Vec<_>>());
        let metrics = self.node.metrics();
        assert_eq!((metrics.sessions, metrics.pending), (ledger.slots_held(), ledger.pending()));
        for (index, session) in self.sessions.iter().enumerate() {
            let lives = session.as_ref().is_some_and(|session| session.task.is_some());
            assert_eq!(lives, ledger.sessions.get(index).holds_slot(), "a task lives as long as its session");
        }
    }

    fn session(&mut self, session: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(session.index())?.as_mut()
    }

    /// Polls a session's task once, if it was woken: who would wait for ever on an executor waits here too.
    fn run(&mut self, session: SessionId) {
        let runtime = self.runtime;
        let Some(session) = self.session(session) else { return };
        let over = match &mut session.task {
            Some(task) if task.is_woken() => task.poll(runtime).is_ready(),
            Some(_) | None => false,
        };
        if over {
            session.task = None;
        }
    }

    fn advance(&self, by: Duration) {
        self.runtime.block_on(tokio::time::advance(by));
    }

    fn recorded(&self) -> Vec<Step> {
        #[derive(serde::Deserialize)]
        struct Line {
            action: Action,
            observation: Observation<Fact, Refusal>,
        }
        let lines = self.log.take();
        let lines = serde_json::Deserializer::from_slice(&lines).into_iter::<Line>();
        lines.map(|line| line.map(|line| (line.action, line.observation)).expect("a line is a step")).collect()
    }
}

fn number(session: product::SessionId) -> SessionId {
    SessionId(u32::try_from(session.number()).expect("a model has few sessions"))
}
