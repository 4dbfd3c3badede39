//! A small driver over a model, to be mistaken on purpose.
//!
//! Each session is a task and everything is done under one lock, as in the driver of handfast; but the registry is the
//! model's machine, with one of its flaws or without. What a flaw splits into two steps is asked for in two critical
//! sections, with every other task between them; without the flaw the second one is refused. Waiting is done by asking again, so often; after that the port gives up, and
//! what it owes stays owed.

mod peers;

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use conformance::log::Log;
use handfast_spec::lifecycle::{Action, Key, Lifecycle, Limits, Output, Refusal, SessionId, SubscriberId};
use handfast_spec::log::{Header, Line};
use handfast_spec::{Machine, Observation, Protocol};
use model::checker::design::Design;
use model::lifecycle::handfast::{Config, Duplicates, Flaw, Handfast, Mutated};
use serde::Serialize;
use shuttle::future::yield_now;
use shuttle::sync::{Mutex, MutexGuard};

use crate::lifecycle::peers::{Body, Greets, Plan, Setup, Shake};

/// How often one asks again.
const ATTEMPTS: usize = 80;

/// How often a session asks for room before the subscriber that has none is cut off, and how long it shakes hands.
const PATIENCE: usize = 10;

#[derive(Clone)]
pub(crate) struct Port(Arc<Mutex<State>>);

struct State {
    machine: Box<dyn Machine<Protocol = Lifecycle> + Send>,
    log: Log,
    next: u32,
    told_to_end: BTreeSet<SessionId>,
    announced: BTreeSet<SessionId>,
    ended: BTreeSet<SessionId>,
    subscribers: BTreeSet<SubscriberId>,
    live_tasks: usize,
}

type Observed = Observation<Output, Refusal>;

/// A port with a flaw, or with none.
pub(crate) fn port(setup: Setup, flaw: Option<Flaw>, log: &Log) -> Port {
    let limits = Limits::new(setup.total as u32, setup.pending as u32);
    let duplicates = if setup.keep_new { Duplicates::KeepNew } else { Duplicates::KeepOld };
    let machine = Handfast::new(Config { limits, capacity: setup.capacity as u64, duplicates, local: None });
    let header = Header { protocol: Lifecycle::NAME, config: machine.header() };
    log.clone().write_all(&line(&header)).expect("memory takes everything");
    let state = State {
        machine: match flaw {
            None => Box::new(machine),
            Some(flaw) => Box::new(Mutated::new(machine, flaw)),
        },
        log: log.clone(),
        next: 0,
        told_to_end: BTreeSet::new(),
        announced: BTreeSet::new(),
        ended: BTreeSet::new(),
        subscribers: BTreeSet::new(),
        live_tasks: 0,
    };
    Port(Arc::new(Mutex::new(state)))
}

/// A line of the log.
fn line(line: &impl Serialize) -> Vec<u8> {
    format!("{}\n", serde_json::to_string(line).expect("words are plain data")).into_bytes()
}

impl State {
    fn step(&mut self, action: Action) -> Observed {
        let observation = self.machine.step(&action);
        if let Observation::Accepted(outputs) = &observation {
            for output in outputs {
                let _ = match *output {
                    Output::Disconnecting(session) | Output::TimedOut(session) | Output::Rejected(session, _) => {
                        self.told_to_end.insert(session)
                    }
                    Output::Announced(session) => self.announced.insert(session),
                    Output::Ended(session) => self.ended.insert(session),
                    _ => false,
                };
            }
            let line = line(&Line::observed(action, &observation));
            self.log.write_all(&line).expect("memory takes everything");
        }
        observation
    }
}

impl Port {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics under the lock")
    }

    /// One critical section.
    fn step(&self, action: Action) -> Observed {
        self.lock().step(action)
    }

    fn is_told_to_end(&self, session: SessionId) -> bool {
        self.lock().told_to_end.contains(&session)
    }

    async fn shake(&self, session: SessionId, plan: Plan) -> bool {
        yield_now().await;
        let greet = |key| self.step(Action::HandshakeDone { session, key: Key(key) });
        match plan.greets {
            Greets::Never => {}
            Greets::Once => drop(greet(plan.key)),
            Greets::Twice | Greets::FromTwoTasks => drop((greet(plan.key), greet(plan.key + 1))),
        }
        match plan.shake {
            Shake::Completes => true,
            Shake::Fails => false,
            Shake::Hangs => {
                for _ in 0..PATIENCE {
                    yield_now().await;
                }
                let _ = self.step(Action::Expire { session });
                false
            }
        }
    }

    /// Asks to be announced, again and again. Whether the session is up.
    async fn be_announced(&self, session: SessionId) -> bool {
        for attempt in 0..ATTEMPTS {
            let told = |observed: &Observed| match observed {
                Observation::Accepted(outputs) => outputs.contains(&Output::Announced(session)),
                Observation::Refused(_) => false,
            };
            if told(&self.step(Action::Announce { session })) {
                return true;
            }
            if self.is_told_to_end(session) {
                return false;
            }
            if attempt == PATIENCE {
                for subscriber in (0..4).map(SubscriberId) {
                    let _ = self.step(Action::Evict { subscriber });
                }
            }
            yield_now().await;
        }
        let _ = self.step(Action::Expire { session });
        false
    }

    async fn live(&self, session: SessionId, body: Body) {
        for _ in 0..ATTEMPTS {
            yield_now().await;
            match body {
                Body::Returns | Body::Panics => return,
                Body::Heeds | Body::Hangs if self.is_told_to_end(session) => return,
                Body::Heeds | Body::Hangs => {}
            }
        }
    }
}

/// Runs when the task ends, however it ends.
struct Guard {
    port: Port,
    session: SessionId,
    in_order: bool,
}

impl Guard {
    async fn live(mut self, plan: Plan) {
        let (port, session) = (&self.port, self.session);
        if port.shake(session, plan).await && port.be_announced(session).await {
            port.live(session, plan.body).await;
        }
        self.in_order = !matches!(plan.body, Body::Panics);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let session = self.session;
        if self.in_order {
            let _ = self.port.step(Action::Disconnect { session });
            for _ in 0..ATTEMPTS {
                match self.port.step(Action::End { session }) {
                    Observation::Refused(Refusal::NoRoom) => shuttle::thread::yield_now(),
                    Observation::Refused(_) | Observation::Accepted(_) => break,
                }
            }
        } else {
            let _ = self.port.step(Action::Abort { session });
        }
        let _ = self.port.step(Action::End { session });
        self.port.lock().live_tasks -= 1;
    }
}
