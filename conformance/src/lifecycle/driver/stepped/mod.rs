//! A node on tokio of which every step waits for the test.

mod prods;
mod selecting;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::lifecycle::convert;
use crate::log::Log;
use handfast::lifecycle::{self as product, Handshake, Node, NodeConfig, Reason, Subscription};
use handfast_spec::lifecycle::{Action, History, Key, Lifecycle, Output, Refusal, SessionId, SubscriberId};
use handfast_spec::{Observation, Protocol};
use model::lifecycle::handfast::{Handfast, Header};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::lifecycle::driver::chooser::{Cell, Chooser, Habits, PATIENCE};
use crate::lifecycle::driver::task::{Pool, Task};
use selecting::Keys;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(1_000_000);
/// What passes from one session to the next, so that their timers fire one after the other.
const BETWEEN_SESSIONS: Duration = Duration::from_millis(1);

/// What the driver recorded of one step.
pub type Step = (Action, Observation<Output, Refusal>);

/// A node on tokio of which every step waits for the test.
pub(crate) struct Stepped<'r> {
    runtime: &'r Runtime,
    pool: &'r mut Pool,
    habits: Habits,
    tamper: fn(Step) -> Step,
    node: Node<Key, Cell>,
    log: Log,
    /// By the specification's number; none if it was turned away.
    sessions: Vec<Option<Session>>,
    /// Sessions that were said to have completed their handshake.
    greeted: BTreeSet<SessionId>,
    subscribers: BTreeMap<SubscriberId, Subscription<Key, Cell>>,
    /// Subscriber 0, where there is one.
    chooser: Option<Chooser>,
    /// What the record calls each subscriber, and what the model does.
    names: BTreeMap<SubscriberId, SubscriberId>,
    keys: Keys,
    shutdown: Option<Task>,
    /// Tasks of sessions that have ended, and are held before they drop their connection, and again before they complete the
    /// shutdown if it is for them to do.
    last_words: Vec<(SessionId, Task)>,
    /// Sessions that have dropped their connection.
    closed: BTreeSet<SessionId>,
}

struct Session {
    task: Task,
    signal: Handshake<Key, Cell>,
    cell: Cell,
    gate: Option<oneshot::Sender<()>>,
    news: News,
    /// Its guard has not run.
    lives: bool,
    /// It was told to end, or rejected.
    is_to_end: bool,
    /// When its timer fires.
    deadline: Option<Instant>,
}

/// What the peer said that the application passes on to the selector.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum News {
    None,
    Unheeded,
    Heeded,
}

impl<'r> Stepped<'r> {
    /// A node as the model's is configured, with as many subscribers.
    pub(crate) fn new(
        runtime: &'r Runtime,
        pool: &'r mut Pool,
        habits: Habits,
        model: &Handfast,
        tamper: fn(Step) -> Step,
    ) -> Self {
        let registry = crate::lifecycle::configured(model.config());
        let config = NodeConfig::new(registry)
            .with_handshake_timeout(HANDSHAKE_TIMEOUT)
            .with_slow_subscriber_timeout(PATIENCE)
            // The walk decides how long tasks are held, and each hold-up counts by itself.
            .with_slow_subscriber_window(Duration::ZERO)
            .with_overdue(Duration::MAX);
        let log = Log::default();
        let node = Node::recorded(config, log.clone()).expect("the model's configurations are sound");
        let header = log.take();
        let header: serde_json::Value = serde_json::from_slice(&header).expect("a log begins with its header");
        assert_eq!(header["protocol"], Lifecycle::NAME, "the header says which protocol the log is of");
        let mut stepped = Self {
            runtime,
            pool,
            habits,
            tamper,
            node,
            log,
            sessions: Vec::new(),
            greeted: BTreeSet::new(),
            subscribers: BTreeMap::new(),
            chooser: habits.selects.then(Chooser::default),
            names: BTreeMap::new(),
            keys: Keys::default(),
            shutdown: None,
            last_words: Vec::new(),
            closed: BTreeSet::new(),
        };
        let header: Header = serde_json::from_value(header).expect("a header says how the node is configured");
        if let Some((local, recorded)) = model.config().local.zip(header.local) {
            stepped.keys = Keys::around(local, recorded);
        }
        for subscriber in (0..u32::from(model.subscribers())).map(SubscriberId) {
            let told = Observation::Accepted(vec![Output::Subscribed(subscriber, 0)]);
            assert_eq!(stepped.prod(Action::Subscribe { subscriber }), [(Action::Subscribe { subscriber }, told)]);
        }
        stepped
    }

    /// Brings about an action from outside and lets at most one task run. What was recorded: nothing if it cannot be
    /// brought about here.
    pub(crate) fn prod(&mut self, action: Action) -> Vec<Step> {
        self.bring_about(action).into_iter().map(self.tamper).collect()
    }

    fn bring_about(&mut self, action: Action) -> Vec<Step> {
        match action {
            Action::Open { origin, .. } => self.open(&origin),
            Action::GrantPrivilege { session } => {
                let _ = self.session(session).map(|session| session.signal.grant_privilege());
            }
            Action::Rank { session, rank } => {
                let _ = self.session(session).map(|session| session.signal.set_rank(rank));
            }
            Action::HandshakeDone { session, key } => {
                if let Some(state) =
                    self.sessions.get_mut(session.index()).and_then(Option::as_mut).filter(|state| state.lives)
                {
                    self.keys.see(key);
                    let _ = state.signal.handshake_done(key, Cell::clone(&state.cell));
                }
                self.greeted.insert(session);
            }
            Action::Announce { session } => return self.attempt(session),
            Action::Disconnect { session } => {
                if let Some(session) = self.session(session).map(|session| session.signal.session()) {
                    let _ = self.node.disconnect(session, Reason::Local);
                }
            }
            Action::Expire { session } => {
                if let Some(deadline) = self.session(session).and_then(|session| session.deadline) {
                    self.advance_to(deadline);
                }
                return self.go_on(session);
            }
            Action::End { session } => return self.go_on(session),
            Action::Abort { session } => return self.die(session),
            Action::Close { session } => return self.close(session),
            Action::Subscribe { subscriber } if self.chosen_by(subscriber) => return self.select(),
            Action::Subscribe { subscriber } => self.subscribe(subscriber),
            Action::Unsubscribe { subscriber } if self.chosen_by(subscriber) => return self.select_no_more(),
            Action::Unsubscribe { subscriber } => {
                drop(self.subscribers.remove(&subscriber));
                let steps = self.recorded();
                self.names.retain(|_, name| *name != subscriber);
                return steps;
            }
            Action::Receive { subscriber } if self.chosen_by(subscriber) => return self.select(),
            Action::Receive { subscriber } => return self.receive(subscriber),
            Action::Evict { subscriber } => return self.evict(subscriber),
            Action::Ban { key } => {
                self.keys.see(key);
                let _ = self.node.ban(key);
            }
            Action::Unban { key } => {
                self.keys.see(key);
                let _ = self.node.unban(&key);
            }
            Action::BanNetwork { network } => drop(self.node.ban_address(convert::network(&network))),
            Action::UnbanNetwork { network } => drop(self.node.unban_address(convert::network(&network))),
            Action::SetLimits { limits } => drop(self.node.set_limits(convert::limits(&limits))),
            Action::Shutdown => return self.shut_down(),
            Action::Finish => return self.finish(),
            Action::PeerAhead { session } => return self.get_ahead(session),
            Action::NotifySelector { session } => return self.notify_selector(session),
            Action::Stall => return self.stall(),
            Action::Reconsider { .. } => return self.reconsider(),
        }
        self.recorded()
    }

    /// What can be seen without the record agrees with what the model's participants were told.
    pub(crate) fn agrees_with(&self, history: &History) {
        let peers: Vec<SessionId> = self.node.peers().iter().map(|peer| number(peer.session)).collect();
        let registered = history.sessions.iter().enumerate().filter(|(_, session)| session.registered);
        assert_eq!(peers, registered.map(|(number, _)| SessionId(number as u32)).collect::<Vec<_>>());
        let metrics = self.node.metrics();
        assert_eq!((metrics.sessions, metrics.pending), (history.slots_held(), history.pending()));
        for (index, session) in self.sessions.iter().enumerate() {
            let lives = session.as_ref().is_some_and(|session| session.lives);
            assert_eq!(lives, history.sessions.get(index).holds_slot(), "a task lives as long as its session");
        }
    }

    fn session(&mut self, session: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(session.index())?.as_mut().filter(|session| session.lives)
    }

    /// Lets a session's task go on until it has recorded a step, waits, or is over. Who would wait for ever on an
    /// executor waits here too.
    fn go_on(&mut self, session: SessionId) -> Vec<Step> {
        let mut steps = self.recorded();
        while steps.is_empty() && self.session(session).is_some_and(|session| session.can_go_on()) {
            self.poll(session);
            steps = self.recorded();
        }
        self.note_end(session, &steps);
        steps
    }

    fn poll(&mut self, session: SessionId) {
        let now = self.runtime.block_on(async { Instant::now() });
        let Some(session) = self.sessions.get_mut(session.index()).and_then(Option::as_mut) else { return };
        session.deadline.get_or_insert(now + HANDSHAKE_TIMEOUT);
        session.task.go_on(self.pool);
    }

    fn die(&mut self, session: SessionId) -> Vec<Step> {
        let Some(state) = self.sessions.get_mut(session.index()).and_then(Option::as_mut) else { return Vec::new() };
        state.task.die(self.pool);
        let steps = self.recorded();
        self.note_end(session, &steps);
        steps
    }

    fn note_end(&mut self, session: SessionId, steps: &[Step]) {
        let ended = |(action, _): &Step| matches!(action, Action::End { session: ended } | Action::Abort { session: ended } if *ended == session);
        if !steps.iter().any(ended) {
            return;
        }
        if let Some(state) = self.session(session) {
            state.lives = false;
            let task = std::mem::replace(&mut state.task, Task::over());
            self.last_words.push((session, task));
        }
    }

    fn step_of(&mut self, task: &mut Task) -> Vec<Step> {
        let mut steps = self.recorded();
        while steps.is_empty() && task.can_go_on() {
            task.go_on(self.pool);
            steps = self.recorded();
        }
        steps
    }

    /// Moves the clock; the active peer makes progress.
    fn advance(&self, by: Duration) {
        self.runtime.block_on(tokio::time::advance(by));
        let _entered = self.runtime.enter();
        self.chooser.iter().for_each(Chooser::progress);
    }

    fn advance_to(&self, moment: Instant) {
        let by = self.runtime.block_on(async { moment.saturating_duration_since(Instant::now()) });
        self.advance(by);
    }

    fn recorded(&mut self) -> Vec<Step> {
        #[derive(serde::Deserialize)]
        struct Line {
            action: Action,
            observation: Observation<Output, Refusal>,
        }
        let lines = self.log.take();
        let lines = serde_json::Deserializer::from_slice(&lines).into_iter::<Line>();
        let step = |line: Line| (self.renamed(line.action), self.renamed_in(line.observation));
        let steps: Vec<Step> = lines.map(|line| line.map(step).expect("a line is a step")).collect();
        let outputs = steps.iter().flat_map(|(_, observation)| match observation {
            Observation::Accepted(outputs) => outputs.as_slice(),
            Observation::Refused(_) => &[],
        });
        for output in outputs {
            if let Output::Closed(session) = output {
                self.closed.insert(*session);
            }
            if let Output::Disconnecting(session) | Output::TimedOut(session) | Output::Rejected(session, _) = output
                && let Some(session) = self.session(*session)
            {
                session.is_to_end = true;
            }
        }
        steps
    }
}

impl Session {
    fn can_go_on(&self) -> bool {
        self.lives && self.task.can_go_on()
    }
}

pub(crate) fn number(session: product::SessionId) -> SessionId {
    SessionId(u32::try_from(session.number()).expect("a model has few sessions"))
}
