//! A node, what is done with it, and what it must come to.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use handfast::lifecycle::{
    Ended, Heard, Node, Peer, Reason, Selector, SelectorConfig, SessionHandle, SessionId, Stalled,
};
use tokio::time::Instant;

use super::canary::{self, Canary};
use super::subscriber::{Beliefs, listen};
use super::users::{Info, Key, Recording, Shakes, Users, body, handshake};
use super::{How, Opening, Pace, Setup, Step, address};
use crate::lifecycle::judge::judge;
use crate::log::Log;
use crate::simulate::Plan;
use crate::simulate::executor::{Executor, Injected, TaskId};
use crate::simulate::oracle::{BALANCE, DEADLINE, LOCK, OWED, Oracle, PANIC, TRUTH};

/// How long everything has at the end to come to its end.
const LAST: Duration = Duration::from_secs(1);

/// A session that got a slot.
struct Session {
    handle: SessionHandle,
    opened_at: Instant,
    told_at: Option<Instant>,
}

/// What is to be counted.
#[derive(Default)]
struct Counts {
    refused: BTreeMap<&'static str, u64>,
    /// Sessions that panicked in their handshake before there was a handle to them.
    panicked_at_once: u64,
}

/// The active peer, since when it is seen to be, and its progress.
#[derive(Default)]
struct Watched {
    active: Option<(SessionId, Instant)>,
    progress: Option<Instant>,
}

pub(super) struct Run {
    pub(super) executor: Executor,
    pub(super) oracle: Oracle,
    node: Node<Key, Info>,
    setup: Setup,
    canary: Option<Canary>,
    users: Arc<Users>,
    log: Log,
    sessions: Vec<Session>,
    subscribers: Vec<Rc<RefCell<Beliefs>>>,
    selector: Option<Selector<Key, Info>>,
    watched: Watched,
    counts: Counts,
    shutdowns: Vec<TaskId>,
    /// How many sessions there were when the shutdown began, once it has.
    shut_down: Rc<Cell<Option<usize>>>,
    deadline: Option<Instant>,
}

impl Run {
    pub(super) fn new(plan: &Plan<super::Lifecycle>, mut executor: Executor) -> Self {
        let oracle = executor.oracle().clone();
        let (users, log) = (Users::new(&oracle), Log::default());
        let config = plan.setup.config();
        let recording = Recording { log: log.clone(), users: Arc::clone(&users), canary: plan.canary, lines: 0 };
        let node = if plan.setup.is_recorded { Node::recorded(config, recording) } else { Node::new(config) };
        let node = node.expect("the configuration is sound");
        if plan.setup.calls_back || plan.canary == Some(Canary::CallsUnderLock) {
            let asked = node.clone();
            users.lock.watch(move |_| drop(asked.metrics()));
        }
        let selector = plan.setup.selector.map(|(timeout, disconnects)| {
            let stalled = if disconnects { Stalled::Disconnect } else { Stalled::Keep };
            let config = SelectorConfig::new(Duration::from_millis(timeout), stalled);
            let is_ahead = |peer: &Peer<Key, Info>| peer.info.is_ahead.load(Relaxed);
            let (selector, task) = Selector::prepare(&node, config, is_ahead).expect("the node is open");
            executor.spawn("the selector", None, task);
            selector
        });
        Self {
            executor,
            oracle,
            node,
            setup: plan.setup.clone(),
            canary: plan.canary,
            users,
            log,
            sessions: Vec::new(),
            subscribers: Vec::new(),
            selector,
            watched: Watched::default(),
            counts: Counts::default(),
            shutdowns: Vec::new(),
            shut_down: Rc::default(),
            deadline: None,
        }
    }

    fn session(&mut self, at: usize) -> Option<&mut Session> {
        // Those that came last are those that live.
        let at = self.sessions.len().checked_sub(at + 1)?;
        self.sessions.get_mut(at)
    }

    pub(super) async fn step(&mut self, step: &Step) {
        let until = |time: Option<u64>| time.map(Duration::from_millis);
        match step {
            Step::Open(opening) => self.open(opening),
            Step::Abort { session } => {
                if let Some(session) = self.session(*session) {
                    session.handle.abort();
                }
            }
            Step::Disconnect { session } => self.disconnect(*session),
            Step::DisconnectKey { key } => drop(self.node.disconnect_key(key, Reason::Local)),
            Step::Ban { key, time } => match until(*time) {
                Some(time) => self.node.ban_for(*key, time),
                None => drop(self.node.ban(*key).is_ok()),
            },
            Step::Unban { key } => drop(self.node.unban(key).is_ok()),
            Step::BanAddress { address: number, time } => match until(*time) {
                Some(time) => self.node.ban_address_for(address(*number), time),
                None => drop(self.node.ban_address(address(*number)).is_ok()),
            },
            Step::UnbanAddress { address: number } => drop(self.node.unban_address(address(*number)).is_ok()),
            Step::Subscribe(pace) => self.subscribe(*pace),
            Step::LookAt { session, is_ahead } => self.look_at(*session, *is_ahead),
            Step::Progress { session } => self.progress(*session),
            Step::Shutdown { within, patience } => self.shut_down(Duration::from_millis(*within), *patience),
            Step::Pass { time } => self.executor.pass(Duration::from_millis(*time)).await,
            Step::Jump { time } => self.executor.jump(Duration::from_millis(*time)).await,
        }
    }

    fn open(&mut self, opening: &Opening) {
        let Opening { how, handing, .. } = opening;
        let handshake = handshake(Arc::clone(&self.users), handing.clone());
        let body = body(handing.clone());
        let (node, origin) = (self.node.clone(), opening.origin());
        let opened = catch_unwind(AssertUnwindSafe(|| match how {
            How::Open => node.open(origin, handshake, body).map(|handle| (handle, None)),
            How::Prepare { .. } | How::Drop => {
                let prepared = node.prepare(origin, handshake, body);
                prepared
                    .map(|(handle, task)| (handle, Some(Box::pin(task) as std::pin::Pin<Box<dyn Future<Output = ()>>>)))
            }
        }));
        let (handle, task) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(rejected)) => {
                self.oracle.saw("a connection is turned away");
                return *self.counts.refused.entry(rejected.reason.name()).or_default() += 1;
            }
            Err(payload) => {
                let is_meant = payload.is::<Injected>() && handing.shakes == Shakes::PanicsAtOnce;
                self.oracle.holds(is_meant, PANIC, || "opening a session panicked".to_owned());
                return self.counts.panicked_at_once += 1;
            }
        };
        self.oracle.saw("a session gets a slot");
        let session = handle.session();
        self.sessions.push(Session { handle, opened_at: Instant::now(), told_at: None });
        let Some(task) = task else { return };
        match how {
            _ if self.canary == Some(Canary::LosesSlots) && session.number() % 5 == 4 => std::mem::forget(task),
            How::Prepare { patience } => drop(self.executor.spawn(session.to_string(), *patience, task)),
            How::Open | How::Drop => {
                let dropped = catch_unwind(AssertUnwindSafe(|| drop(task)));
                self.oracle.holds(dropped.is_ok(), PANIC, || format!("dropping the task of {session} panicked"));
            }
        }
    }

    fn disconnect(&mut self, at: usize) {
        let (node, canary) = (self.node.clone(), self.canary);
        let Some(session) = self.session(at) else { return };
        let told = match canary {
            Some(Canary::IgnoresOrders) => session.handle.ended().is_none(),
            _ => node.disconnect(session.handle.session(), Reason::Local).is_ok(), // the others tell it
        };
        if told {
            session.told_at.get_or_insert_with(Instant::now);
        }
    }

    fn subscribe(&mut self, pace: Pace) {
        let subscribed = match pace.patience {
            Some(patience) => self.node.subscribe_with_timeout(Duration::from_millis(patience)),
            None => self.node.subscribe(),
        };
        let Ok(subscription) = subscribed else {
            let has_begun = self.shut_down.get().is_some();
            return self.oracle.holds(has_begun, TRUTH, || "an open node takes no subscriber".to_owned());
        };
        let beliefs = Rc::<RefCell<Beliefs>>::default();
        self.subscribers.push(Rc::clone(&beliefs));
        let listening = listen(subscription, beliefs, pace, self.oracle.clone(), self.canary);
        let number = self.subscribers.len();
        self.executor.spawn(format!("subscriber {number}"), pace.drops, listening);
    }

    fn look_at(&mut self, at: usize, is_ahead: bool) {
        let Some(session) = self.session(at).map(|session| session.handle.session()) else { return };
        let Some(peer) = self.node.peers().into_iter().find(|peer| peer.session == session) else { return };
        peer.info.is_ahead.store(is_ahead, Relaxed);
        if let Some(Heard::Noted(Some(_))) = self.selector.as_ref().map(|selector| selector.look_at(session)) {
            self.watched.active = None;
        }
    }

    fn progress(&mut self, at: usize) {
        let Some(session) = self.session(at).map(|session| session.handle.session()) else { return };
        if let Some(selector) = &self.selector {
            selector.progress(session);
            if self.watched.active.is_some_and(|(active, _)| active == session) {
                self.watched.progress = Some(Instant::now());
            }
        }
    }

    fn shut_down(&mut self, within: Duration, patience: Option<u32>) {
        let (node, canary, oracle) = (self.node.clone(), self.canary, self.oracle.clone());
        let alive = self.sessions.iter().filter(|session| session.handle.ended().is_none()).count();
        if self.shut_down.get().is_none() {
            self.shut_down.set(Some(alive));
            let now = Instant::now();
            self.sessions.iter_mut().for_each(|session| _ = session.told_at.get_or_insert(now));
        }
        let begun = Rc::clone(&self.shut_down);
        let task = self.executor.spawn("a shutdown", patience, async move {
            let report = canary::shut_down(canary, &node, within).await;
            oracle.saw(if report.aborted > 0 { "a shutdown aborts" } else { "a shutdown is over" });
            let (sum, alive) = (report.drained + report.aborted, begun.get().unwrap_or(0));
            oracle.holds(sum == alive, TRUTH, || format!("{report:?} of a shutdown that found {alive} sessions"));
        });
        self.shutdowns.push(task);
        // A call that is dropped takes its deadline with it.
        let due = Instant::now() + within;
        self.executor.due(task, due);
        if patience.is_none() {
            self.deadline = Some(self.deadline.map_or(due, |deadline| deadline.min(due)));
            self.shutdowns.iter().for_each(|task| self.executor.due(*task, due));
        }
    }

    /// What must hold whenever all tasks wait.
    pub(super) fn check(&mut self) {
        if self.oracle.has_found() {
            return;
        }
        let peers: Vec<SessionId> = self.node.peers().iter().map(|peer| peer.session).collect();
        self.check_metrics(&peers);
        self.check_sessions(&peers);
        for (number, beliefs) in self.subscribers.iter().enumerate() {
            let beliefs = beliefs.borrow();
            let is_right = !beliefs.is_up_to_date || beliefs.peers.iter().eq(&peers);
            self.oracle.holds(is_right, "PEER-8", || {
                format!("subscriber {} believes in {:?}, and there are {peers:?}", number + 1, beliefs.peers)
            });
            for (session, reason) in &beliefs.gone {
                let ended = self.sessions.iter().find(|known| known.handle.session() == *session);
                let ended = ended.and_then(|known| known.handle.ended());
                let is_it = ended.is_none_or(|ended| ended.announced && ended.reason == *reason);
                self.oracle.holds(is_it, TRUTH, || format!("Down of {session} says {reason:?}, and it {ended:?}"));
            }
        }
        self.check_selector(&peers);
    }

    fn check_metrics(&self, peers: &[SessionId]) {
        let metrics = canary::metrics(self.canary, &self.node);
        let ended: Vec<Ended> = self.sessions.iter().filter_map(|session| session.handle.ended()).collect();
        let count = |announced: bool| {
            let mut counts = BTreeMap::new();
            for ended in ended.iter().filter(|ended| ended.announced == announced) {
                *counts.entry(ended.reason.name()).or_default() += 1;
            }
            counts
        };
        let (downs, mut unannounced): (_, BTreeMap<&str, u64>) = (count(true), count(false));
        if self.counts.panicked_at_once > 0 {
            *unannounced.entry(Reason::Panicked.name()).or_default() += self.counts.panicked_at_once;
        }
        let alive = self.sessions.len() - ended.len();
        let announced = downs.values().sum::<u64>() + peers.len() as u64;
        let subscribers = self.subscribers.iter().filter(|beliefs| !beliefs.borrow().is_over).count();
        let of_selector = usize::from(self.selector.is_some());
        let expect = |is: bool, what: &str| {
            self.oracle.holds(is, TRUTH, || format!("{what} is not what happened in {metrics:?}"));
        };
        expect(metrics.opened == self.sessions.len() as u64 + self.counts.panicked_at_once, "opened");
        expect(metrics.refused == self.counts.refused, "refused");
        expect(metrics.greeted == self.users.greeted.load(Relaxed), "greeted");
        expect(metrics.duplicate_signals == self.users.duplicates.load(Relaxed), "duplicate_signals");
        expect(metrics.sessions == alive, &format!("sessions, which are {alive},"));
        expect(metrics.pending == alive - peers.len().min(alive), "pending");
        expect(metrics.announced == announced, "announced");
        expect(metrics.downs == downs, &format!("downs, which are {downs:?},"));
        expect(metrics.ended_unannounced == unannounced, &format!("ended_unannounced, which is {unannounced:?},"));
        expect(metrics.subscribers <= subscribers + of_selector, "subscribers");
        expect(metrics.sessions <= self.setup.total, "a limit");
    }

    /// How long a session may take.
    fn check_sessions(&self, peers: &[SessionId]) {
        let now = Instant::now();
        let handshake = Duration::from_millis(self.setup.handshake);
        let grace = Duration::from_millis(self.setup.grace);
        for Session { handle, opened_at, told_at } in &self.sessions {
            if handle.ended().is_some() {
                continue;
            }
            let (session, is_announced) = (handle.session(), peers.contains(&handle.session()));
            let is_late = !is_announced && now > *opened_at + handshake;
            self.oracle.holds(!is_late, DEADLINE, || {
                format!("{session} is neither announced nor over {:?} after it was opened", now - *opened_at)
            });
            if let Some(told_at) = told_at {
                self.oracle.holds(now <= *told_at + grace, DEADLINE, || {
                    format!("{session} is not over {:?} after it was told to end", now - *told_at)
                });
            }
        }
    }

    /// The active peer is announced and makes progress.
    fn check_selector(&mut self, peers: &[SessionId]) {
        let (Some(selector), Some((timeout, _))) = (&self.selector, self.setup.selector) else { return };
        let now = Instant::now();
        let active = selector.active().map(|peer| peer.session);
        if let Some(active) = active {
            self.oracle.holds(peers.contains(&active), "PEER-7", || format!("{active} is active and not announced"));
        }
        let before = self.watched.active.map(|(session, _)| session);
        if active != before {
            self.watched.active = active.map(|active| (active, now));
            self.watched.progress = None;
            if active.is_some() {
                self.oracle.saw("a peer becomes active");
            }
        }
        if let Some((active, since)) = self.watched.active {
            let last = self.watched.progress.map_or(since, |progress| progress.max(since));
            let is_stalled = now > last + Duration::from_millis(timeout);
            self.oracle.holds(!is_stalled, DEADLINE, || {
                format!("{active} is active {:?} after its last progress, and may be {timeout} ms", now - last)
            });
        }
        // A session that is younger than the time that a peer may be active cannot have stalled.
        let is_young = |session: SessionId| {
            let session = self.sessions.iter().find(|known| known.handle.session() == session);
            session.is_some_and(|session| now < session.opened_at + Duration::from_millis(timeout))
        };
        let waits = |peer: &Arc<Peer<Key, Info>>| peer.info.is_ahead.load(Relaxed) && is_young(peer.session);
        let is_idle = active.is_none() && self.node.peers().iter().any(waits);
        self.oracle.holds(!is_idle, "PEER-25", || "a peer is ahead and none is active".to_owned());
    }

    pub(super) async fn come_to_an_end(&mut self) {
        self.oracle.step();
        self.executor.pass(LAST / 4).await;
        self.check();
        self.shut_down(LAST, None);
        self.executor.pass(60 * LAST).await;
        self.executor.probe().await;
        self.check();
        self.executor.expect_all_over();
        let left = self.sessions.iter().find(|session| session.handle.ended().is_none());
        self.oracle.holds(left.is_none(), OWED, || {
            format!("{} is not over after the shutdown", left.expect("there is one").handle.session())
        });
        for announced in self.sessions.iter().filter_map(|session| session.handle.ended()) {
            self.oracle.saw(if announced.announced {
                "a session ends announced"
            } else {
                "a session ends unannounced"
            });
        }
        let log = self.log.take();
        if self.setup.is_recorded && !self.oracle.has_found() {
            self.oracle.saw("a record is judged");
            let verdict = judge(&log);
            self.oracle.holds(verdict.is_fine(), TRUTH, || {
                format!("the record: {verdict:?}\n{}", String::from_utf8_lossy(&log))
            });
        }
    }

    /// Everything is dropped: no info and no connection is left.
    pub(super) fn close(mut self) {
        self.executor.drop_all();
        self.users.lock.forget();
        let (users, oracle) = (Arc::clone(&self.users), self.oracle.clone());
        let Self { executor, node, sessions, subscribers, selector, .. } = self;
        let dropped = catch_unwind(AssertUnwindSafe(move || drop((sessions, subscribers, selector, node))));
        oracle.holds(dropped.is_ok_and(|()| true) || oracle.has_found(), LOCK, || {
            "dropping the node panicked".to_owned()
        });
        // Tasks of the runtime have the node too, and end with the runtime.
        if executor.waiting() == 0 && !oracle.has_found() {
            let (infos, connections) = (users.infos.load(Relaxed), users.connections.load(Relaxed));
            oracle.holds(infos == 0 && connections == 0, BALANCE, || {
                format!("{infos} infos and {connections} connections are left when everything is dropped")
            });
        }
        executor.expect_no_wakers();
    }
}
