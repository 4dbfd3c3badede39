//! Simultaneous open: two ends negotiate on a bad connection, or one does with a peer that says what it likes.

mod canary;
mod end;

use std::rc::Rc;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::executor::{Executor, TaskId};
use super::oracle::{BALANCE, OWED, Oracle};
use super::transport::{End, Link, Way};
use super::{Plan, World, maybe, one_of};
pub use canary::Canary;
pub use end::Word;
use end::{Endpoint, Part, Settings, payload};

/// Longer than any segment is carried for.
const CARRIED: Duration = Duration::from_millis(60);

/// A negotiation has some hundred bytes, of which a call brings one.
const MOST_CALLS: u32 = 256;

/// The world of simultaneous open.
#[derive(Clone, Copy, Debug)]
pub struct Simopen;

/// What stays as it is throughout a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Setup {
    ends: [Settings; 2],
    ways: [Way; 2],
}

/// What is done next. `patience` is how often the call may pend before it is dropped.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names say it.
pub enum Step {
    Begin { end: End, patience: Option<u32> },
    Say { end: End, word: Word },
    HangUp { end: End },
    Stall { from: End, is_stalled: bool },
    Reset,
    Pass { time: u64 },
    Jump { time: u64 },
}

fn settings(random: &mut StdRng) -> Settings {
    let part = match random.random_range(0..16) {
        0..7 => Part::Dialer { nonce: if random.random_ratio(1, 3) { 7 } else { random.random() } },
        7..11 => Part::Listener,
        11..13 => Part::Proposer,
        13 => Part::Lazy,
        _ => Part::Script { reads: random.random() },
    };
    let count = random.random_range(1..4);
    Settings {
        part,
        names: (0..count).map(|_| random.random_range(0..4)).collect(),
        timeout: one_of(random, &[20, 300, 2_000, 10_000]),
        proposals: one_of(random, &[0, 1, 32]),
        is_recorded: random.random(),
    }
}

/// Two ends that can agree, on a connection that does not break.
fn make_fair(random: &mut StdRng, setup: &mut Setup) {
    let dialer = |random: &mut StdRng| Part::Dialer { nonce: random.random() };
    let parts = match random.random_range(0..4) {
        0 => [dialer(random), dialer(random)],
        1 => [dialer(random), Part::Listener],
        2 => [Part::Listener, dialer(random)],
        _ => [Part::Proposer, Part::Listener],
    };
    let common = random.random_range(0..4);
    for (end, part) in setup.ends.iter_mut().zip(parts) {
        end.part = part;
        end.names.push(common);
        (end.timeout, end.proposals) = (10_000, 32);
    }
    setup.ways.iter_mut().for_each(|way| way.cut = None);
}

fn word(random: &mut StdRng) -> Word {
    match random.random_range(0..12) {
        0..3 => Word::Header,
        3 => Word::Extension,
        4 => Word::NotAvailable,
        5 => Word::Select(if random.random() { 7 } else { random.random() }),
        6 => Word::Initiator,
        7 => Word::Responder,
        8..10 => Word::Name(random.random_range(0..4)),
        10 => one_of(random, &[Word::Torn, Word::Garbage]),
        _ => Word::Ls,
    }
}

fn step(random: &mut StdRng) -> Step {
    let end = one_of(random, &End::BOTH);
    match random.random_range(0..40) {
        0..4 => Step::Begin { end, patience: maybe(random, 4, |random| random.random_range(1..12)) },
        4..12 => Step::Say { end, word: word(random) },
        12 => Step::HangUp { end },
        13..16 => Step::Stall { from: end, is_stalled: random.random() },
        16 if random.random_ratio(1, 3) => Step::Reset,
        17..19 => Step::Jump { time: one_of(random, &[1, 30, 400, 5_000]) },
        _ => Step::Pass { time: one_of(random, &[1, 5, 20, 100, 500, 3_000]) },
    }
}

impl World for Simopen {
    const NAME: &'static str = "simopen";
    const CANARIES: &'static [Canary] = canary::CANARIES;
    const EVENTS: &'static [&'static str] = &[
        "settled",
        "both settled",
        "the layer above reads",
        "an end in peace",
        "a lazy dialer closes",
        "a call pends without need",
        "a flush pends",
        "a future is dropped where it waits",
        "a connection is reset",
        "a close resets the connection",
        "the clock jumps",
        "failed: the connection",
        "failed: malformed",
        "failed: not multistream",
        "failed: plain dialer",
        "failed: unexpected",
        "failed: tie",
        "failed: too many proposals",
        "failed: nothing in common",
        "failed: hung up",
        "failed: deadline",
    ];
    type Setup = Setup;
    type Step = Step;
    type Canary = Canary;

    fn plan(random: &mut StdRng) -> (Setup, Vec<Step>) {
        let mut setup =
            Setup { ends: [settings(random), settings(random)], ways: [Way::random(random), Way::random(random)] };
        let is_fair = random.random_ratio(1, 2);
        if is_fair {
            make_fair(random, &mut setup);
        }
        let begin = |random: &mut StdRng, end| {
            let patience = maybe(random, 8, |random| random.random_range(1..20)).filter(|_| !is_fair);
            Step::Begin { end, patience }
        };
        let first = End::BOTH.map(|end| begin(random, end));
        let rest = if is_fair { random.random_range(0..3) } else { random.random_range(2..16) };
        let steps = first.into_iter().chain((0..rest).map(|_| step(random))).collect();
        (setup, steps)
    }

    async fn run(plan: &Plan<Self>, executor: Executor) {
        let mut run = Run::new(plan, executor);
        for step in &plan.steps {
            run.oracle.step();
            run.step(step).await;
            run.executor.settle().await;
            run.go_on().await;
            if matches!(step, Step::Pass { .. }) {
                run.executor.probe().await;
            }
            if run.oracle.has_found() {
                return run.close();
            }
        }
        run.come_to_an_end().await;
        run.close();
    }
}

struct Run {
    executor: Executor,
    oracle: Oracle,
    link: Link,
    ends: [Rc<Endpoint>; 2],
    tasks: [Option<TaskId>; 2],
    /// Tasks of the layers above.
    above: [Option<TaskId>; 2],
    /// Something was done to the connection or to an end that may keep two ends from agreeing.
    is_disturbed: bool,
    /// The earliest deadline of an end.
    deadline: Option<Instant>,
}

impl Run {
    fn new(plan: &Plan<Simopen>, mut executor: Executor) -> Self {
        let Setup { ends, ways } = &plan.setup;
        let oracle = executor.oracle().clone();
        let link = Link::new(&mut executor, plan.seed, *ways, true, MOST_CALLS);
        let end = |end: End| Endpoint::new(&link, end, &oracle, ends[end.index()].clone(), plan.canary);
        let ends = [end(End::Left), end(End::Right)];
        let (tasks, above) = Default::default();
        Self { executor, oracle, link, ends, tasks, above, is_disturbed: false, deadline: None }
    }

    fn end(&self, end: End) -> Rc<Endpoint> {
        Rc::clone(&self.ends[end.index()])
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Begin { end, patience } => self.begin(end, patience),
            Step::Say { end, word } => {
                if let (Part::Script { .. }, Some(_)) = (self.end(end).settings.part, self.tasks[end.index()]) {
                    self.link.forge(end, &word.bytes());
                }
            }
            Step::HangUp { end } => {
                self.is_disturbed = true;
                let above = self.above[end.index()].take();
                if let Some(task) = self.tasks[end.index()].into_iter().chain(above).next_back() {
                    self.executor.cancel(task);
                }
            }
            Step::Stall { from, is_stalled } => {
                self.is_disturbed |= is_stalled;
                self.link.stall(from, is_stalled);
            }
            Step::Reset => {
                self.is_disturbed = true;
                self.oracle.saw("a connection is reset");
                self.link.reset();
            }
            Step::Pass { time } => self.executor.pass(Duration::from_millis(time)).await,
            Step::Jump { time } => self.executor.jump(Duration::from_millis(time)).await,
        }
    }

    fn begin(&mut self, end: End, patience: Option<u32>) {
        if self.tasks[end.index()].is_some() {
            return;
        }
        let (own, peer) = (self.end(end), self.end(end.peer()));
        own.known.borrow_mut().begun_at = Some(Instant::now());
        self.is_disturbed |= patience.is_some();
        let due = Instant::now() + own.timeout();
        let task = match own.settings.part {
            Part::Dialer { .. } | Part::Listener | Part::Proposer => {
                let negotiating = async move { own.negotiate(&peer).await };
                let task = self.executor.spawn(format!("{end:?}'s negotiation"), patience, negotiating);
                self.executor.due(task, due);
                self.deadline = Some(self.deadline.map_or(due, |deadline| deadline.min(due)));
                task
            }
            Part::Lazy => self.executor.spawn_world(format!("{end:?}"), async move { own.say_everything().await }),
            Part::Script { reads } => {
                self.executor.spawn_world(format!("{end:?}"), async move { own.listen(reads).await })
            }
        };
        self.tasks[end.index()] = Some(task);
    }

    /// Who has settled goes on with the layer above.
    async fn go_on(&mut self) {
        for end in End::BOTH {
            let (own, peer) = (self.end(end), self.end(end.peer()));
            if own.known.borrow().negotiated.is_none() {
                continue;
            }
            let says = (peer.is_driver() || peer.settings.part == Part::Lazy).then(|| payload(end.peer()));
            let task =
                self.executor.spawn(format!("{end:?}'s layer above"), None, async move { own.go_on(says).await });
            self.above[end.index()] = Some(task);
        }
        self.executor.settle().await;
    }

    /// The network gives no trouble any more: then both are through.
    async fn come_to_an_end(&mut self) {
        self.oracle.step();
        self.link.calm_down();
        for end in End::BOTH {
            self.begin(end, None);
        }
        self.executor.settle().await;
        self.go_on().await;
        // What the network had begun to carry comes later.
        let is_in_time = self.deadline.is_none_or(|deadline| deadline > Instant::now() + CARRIED);
        if is_in_time {
            self.executor.pass(CARRIED).await;
            self.go_on().await;
        }
        if is_in_time && !self.is_disturbed && !self.oracle.has_found() {
            self.check_peaceful_end();
        }
        for end in End::BOTH {
            if let (false, Some(task)) = (self.end(end).is_driver(), self.tasks[end.index()]) {
                self.executor.cancel(task);
            }
        }
        self.executor.pass(Duration::from_secs(11)).await;
        self.go_on().await;
        self.executor.probe().await;
        self.check_tasks();
        self.check_records();
    }

    /// Where nothing went wrong two ends that can agree have agreed.
    fn check_peaceful_end(&self) {
        let [left, right] = &self.ends;
        let could = match (left.settings.part, right.settings.part) {
            (Part::Dialer { nonce }, Part::Dialer { nonce: other }) => nonce != other,
            (Part::Dialer { .. } | Part::Proposer, Part::Listener) => true,
            (Part::Listener, Part::Dialer { .. } | Part::Proposer) => true,
            (Part::Listener, Part::Lazy | Part::Listener | Part::Script { .. }) => false,
            (Part::Dialer { .. } | Part::Proposer, Part::Proposer | Part::Lazy | Part::Script { .. }) => false,
            (Part::Proposer, Part::Dialer { .. }) => false,
            (Part::Lazy | Part::Script { .. }, _) => false,
        };
        let proposals = |end: &Endpoint| end.settings.proposals == 32;
        let common = left.names().iter().any(|name| right.names().contains(name));
        if !could || !common || !proposals(left) || !proposals(right) || self.link.look(|state| state.is_broken()) {
            return;
        }
        self.oracle.saw("an end in peace");
        for end in &self.ends {
            let outcome = end.known.borrow().outcome.clone();
            let is_fine = matches!(outcome, Some(Ok(_)));
            self.oracle.holds(is_fine, OWED, || format!("{:?} can agree and came to {outcome:?}", end.end));
        }
    }

    /// Every negotiation is over. A layer above may wait for a peer that never settles.
    fn check_tasks(&self) {
        for end in End::BOTH {
            let is_over = self.tasks[end.index()].is_none_or(|task| self.executor.is_over(task));
            self.oracle.holds(is_over, OWED, || format!("{end:?}'s negotiation is not over"));
        }
    }

    fn check_records(&self) {
        for end in &self.ends {
            let log = end.take_log();
            if log.is_empty() || self.oracle.has_found() {
                continue;
            }
            self.oracle.saw("a record is explained");
            if let Some((rule, fault)) = crate::simopen::judge::judge(&log) {
                let log = String::from_utf8_lossy(&log);
                self.oracle.broken(rule, format_args!("{:?}'s record: {fault}\n{log}", end.end));
            }
        }
    }

    fn close(mut self) {
        self.executor.drop_all();
        for end in &self.ends {
            drop(end.known.borrow_mut().negotiated.take());
            let has_begun = self.tasks[end.end.index()].is_some();
            let is_closed = self.link.look(|state| state.is_closed(end.end));
            self.oracle
                .holds(is_closed || !has_begun, BALANCE, || format!("{:?}'s stream is open at the end", end.end));
        }
        self.executor.expect_no_wakers();
    }
}
