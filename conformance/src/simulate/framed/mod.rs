//! Framed connections: both ends are drivers, each with an application that does as it likes.

mod canary;
mod checks;
mod end;
mod wire;

use std::rc::Rc;
use std::time::Duration;

use handfast::framed::{Config, Drain, Error, Idle, Outcome};
use rand::Rng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::executor::{Executor, TaskId};
use super::oracle::{BALANCE, Oracle};
use super::transport::{End, Link, Way};
use super::{Plan, World, maybe, one_of};
use crate::framed::judge::judge;
pub use canary::Canary;
use end::Endpoint;
pub use wire::Forgery;

/// The time that everything has at the end to come to its end.
const LAST: Duration = Duration::from_secs(60);

/// tokio's budget pays for 8,192 steps of the driver, of which a call is one; and one turn may end what it has begun.
const MOST_CALLS: u32 = 8_192 + 256;

/// The world of framed connections.
#[derive(Clone, Copy, Debug)]
pub struct Framed;

/// What stays as it is throughout a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Setup {
    max_frame: u32,
    heartbeat: Option<u64>,
    tells: bool,
    ends: [Settings; 2],
    ways: [Way; 2],
}

/// How one end is configured; times are in milliseconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Settings {
    write_buffer: usize,
    keep: usize,
    discard: u64,
    linger: u64,
    idle: Option<(u64, usize)>,
    answer: Option<u64>,
}

/// What is done next. `patience` is how often the call may pend before it is dropped.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names say it.
pub enum Step {
    Feed { end: End, length: usize, patience: Option<u32> },
    Write { end: End, length: usize, patience: Option<u32> },
    Flush { end: End, patience: Option<u32> },
    Read { end: End, times: u32, patience: Option<u32> },
    Shutdown { end: End, within: u64, patience: Option<u32> },
    Heartbeats { end: End, patience: Option<u32> },
    Leave { end: End },
    Abandon { end: End },
    Stall { from: End, is_stalled: bool },
    Reset,
    Forge { from: End, forgery: Forgery },
    Pass { time: u64 },
    Jump { time: u64 },
}

fn settings(random: &mut StdRng) -> Settings {
    Settings {
        write_buffer: one_of(random, &[1, 40, 1_000, 1 << 18]),
        keep: one_of(random, &[0, 8, 100, 1 << 20]),
        discard: one_of(random, &[0, 60, 1 << 20]),
        linger: one_of(random, &[0, 10, 100]),
        idle: maybe(random, 3, |random| (one_of(random, &[50, 200, 1_000]), one_of(random, &[1, 16, 4_096]))),
        answer: maybe(random, 4, |random| one_of(random, &[0, 50, 1_000])),
    }
}

fn step(random: &mut StdRng, max_frame: u32) -> Step {
    let end = one_of(random, &End::BOTH);
    let patience = maybe(random, 4, |random| random.random_range(1..4));
    let length = match random.random_range(0..6) {
        0 => 0,
        1 => max_frame as usize,
        2 => random.random_range(0..=max_frame as usize),
        3 if random.random_ratio(1, 8) => max_frame as usize + 1,
        _ => random.random_range(0..40.min(max_frame as usize)),
    };
    match random.random_range(0..100) {
        0..15 => Step::Feed { end, length, patience },
        15..35 => Step::Write { end, length, patience },
        35..42 => Step::Flush { end, patience },
        42..62 => Step::Read { end, times: random.random_range(1..8), patience },
        62..70 => Step::Shutdown { end, within: one_of(random, &[0, 5, 50, 500, 10_000]), patience },
        70..74 => Step::Heartbeats { end, patience },
        74..76 => Step::Leave { end },
        76..77 => Step::Abandon { end },
        77..80 => Step::Stall { from: end, is_stalled: random.random() },
        80 => Step::Reset,
        81..83 => {
            let all = [
                Forgery::Reserved,
                Forgery::TooLong,
                Forgery::LoadedMarker,
                Forgery::Torn,
                Forgery::Flood,
                Forgery::Marker,
            ];
            Step::Forge { from: end, forgery: one_of(random, &all) }
        }
        83..98 => Step::Pass { time: one_of(random, &[1, 5, 20, 100, 500, 3_000]) },
        _ => Step::Jump { time: one_of(random, &[1, 30, 400, 5_000]) },
    }
}

impl World for Framed {
    const NAME: &'static str = "framed";
    const CANARIES: &'static [Canary] = canary::CANARIES;
    const EVENTS: &'static [&'static str] = &[
        "a frame is given",
        "a marker is told",
        "a call that writes is done",
        "a call pends without need",
        "a flush pends",
        "a heartbeat is sent",
        "a future is dropped where it waits",
        "a record is explained",
        "a reader leaves",
        "a connection is abandoned",
        "a connection is reset",
        "a close resets the connection",
        "the clock jumps",
        "told: shut down",
        "told: deadline exceeded",
        "told: violation",
        "told: truncated",
        "told: ended without marker",
        "told: unresponsive",
        "told: transport",
        "outcome: clean",
        "outcome: unconfirmed",
        "outcome: unacknowledged",
        "outcome: deadline exceeded",
        "outcome: peer gone",
    ];
    type Setup = Setup;
    type Step = Step;
    type Canary = Canary;

    fn plan(random: &mut StdRng) -> (Setup, Vec<Step>) {
        let max_frame = one_of(random, &[16, 300, 5_000]);
        let setup = Setup {
            max_frame,
            heartbeat: maybe(random, 3, |random| one_of(random, &[20, 90])),
            tells: random.random_ratio(3, 4),
            ends: [settings(random), settings(random)],
            ways: [Way::random(random), Way::random(random)],
        };
        let steps = random.random_range(4..40);
        (setup, (0..steps).map(|_| step(random, max_frame)).collect())
    }

    async fn run(plan: &Plan<Self>, executor: Executor) {
        let mut run = Run::new(plan, executor);
        for step in &plan.steps {
            run.oracle.step();
            run.step(step).await;
            run.executor.settle().await;
            run.check_waits();
            if matches!(step, Step::Pass { .. }) {
                run.probe().await;
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
    /// Tasks of each end, and those of them that shut down.
    tasks: [Vec<TaskId>; 2],
    shutdowns: [Vec<TaskId>; 2],
    kinds: u32,
}

impl Run {
    fn new(plan: &Plan<Framed>, mut executor: Executor) -> Self {
        let Setup { max_frame, heartbeat, tells, ends, ways } = &plan.setup;
        let oracle = executor.oracle().clone();
        let link = Link::new(&mut executor, plan.seed, *ways, *tells, MOST_CALLS);
        let end = |end: End| {
            let Settings { write_buffer, keep, discard, linger, idle, answer } = ends[end.index()].clone();
            let idle =
                idle.map(|(timeout, progress)| Idle::after(Duration::from_millis(timeout)).with_progress(progress));
            let config = Config::default()
                .with_max_frame(*max_frame)
                .with_write_buffer(write_buffer)
                .with_drain(
                    Drain::default().with_keep(keep).with_discard(discard).with_linger(Duration::from_millis(linger)),
                )
                .with_idle(idle)
                .with_heartbeat(heartbeat.map(Duration::from_millis))
                .with_answer(answer.map(Duration::from_millis));
            Endpoint::new(&link, end, &oracle, config, plan.canary)
        };
        let ends = [end(End::Left), end(End::Right)];
        Self { executor, oracle, link, ends, tasks: Default::default(), shutdowns: Default::default(), kinds: 0 }
    }

    fn end(&self, end: End) -> Rc<Endpoint> {
        Rc::clone(&self.ends[end.index()])
    }

    fn task(
        &mut self,
        end: End,
        name: &str,
        patience: Option<u32>,
        future: impl Future<Output = ()> + 'static,
    ) -> TaskId {
        let task = self.executor.spawn(format!("{end:?}'s {name}"), patience, future);
        self.tasks[end.index()].push(task);
        task
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Feed { end, length, patience } => {
                let (own, kind) = (self.end(end), self.next_kind());
                self.task(end, "feed", patience, async move { own.feed(kind, length).await });
            }
            Step::Write { end, length, patience } => {
                let (own, kind) = (self.end(end), self.next_kind());
                self.task(end, "write", patience, async move { own.write(kind, length).await });
            }
            Step::Flush { end, patience } => {
                let own = self.end(end);
                self.task(end, "flush", patience, async move { own.flush().await });
            }
            Step::Read { end, times, patience } => self.read(end, times, patience),
            Step::Shutdown { end, within, patience } => self.shut_down(end, Duration::from_millis(within), patience),
            Step::Heartbeats { end, patience } => {
                let own = self.end(end);
                if own.config.heartbeat.is_some() {
                    self.task(end, "heartbeats", patience, async move { own.send_heartbeats().await });
                }
            }
            Step::Leave { end } => {
                let own = self.end(end);
                self.task(end, "leave", None, async move { own.leave().await });
            }
            Step::Abandon { end } => self.abandon(end),
            Step::Stall { from, is_stalled } => self.link.stall(from, is_stalled),
            Step::Reset => {
                self.oracle.saw("a connection is reset");
                self.link.reset();
            }
            Step::Forge { from, forgery } => {
                self.end(from).known.borrow_mut().is_forged = true;
                self.link.forge(from, &forgery.bytes());
            }
            Step::Pass { time } => self.executor.pass(Duration::from_millis(time)).await,
            Step::Jump { time } => {
                self.executor.jump(Duration::from_millis(time)).await;
                End::BOTH.iter().for_each(|&end| self.end(end).wait_anew());
            }
        }
    }

    fn next_kind(&mut self) -> u32 {
        self.kinds += 1;
        self.kinds
    }

    fn read(&mut self, end: End, times: u32, patience: Option<u32>) {
        let (own, peer) = (self.end(end), self.end(end.peer()));
        self.task(end, "read", patience, async move {
            for _ in 0..times {
                own.read(&peer).await;
            }
        });
    }

    fn shut_down(&mut self, end: End, within: Duration, patience: Option<u32>) {
        let own = self.end(end);
        let deadline = Instant::now() + within;
        let Some(due) = own.earliest(deadline) else { return };
        let task = self.task(end, "shutdown", patience, async move { own.shut_down(deadline).await });
        self.shutdowns[end.index()].push(task);
        for task in &self.shutdowns[end.index()] {
            self.executor.due(*task, due);
        }
    }

    /// Polls what waits once more. A task that waits for a flush may write what was accepted meanwhile, and need not.
    async fn probe(&mut self) {
        for end in End::BOTH {
            let known = self.ends[end.index()].known.borrow();
            if known.matched < known.offered.len() {
                self.tasks[end.index()].iter().for_each(|task| self.executor.nudge(*task));
            }
        }
        self.executor.settle().await;
        self.executor.probe().await;
    }

    fn abandon(&mut self, end: End) {
        let own = self.end(end);
        let left = std::mem::take(&mut self.tasks[end.index()]);
        left.into_iter().for_each(|task| self.executor.cancel(task));
        if own.has_connection() {
            self.oracle.saw("a connection is abandoned");
        }
        own.known.borrow_mut().is_abandoned = true;
        own.drop_all();
    }

    fn check_waits(&self) {
        for end in End::BOTH {
            self.end(end).check_waits(&self.end(end.peer()));
        }
    }

    /// The network gives no trouble any more, both ends shut down and read to the end: then everything must have come.
    async fn come_to_an_end(&mut self) {
        self.oracle.step();
        self.link.calm_down();
        let was_over = self.ends.each_ref().map(|end| end.known.borrow().deadline.is_some());
        for end in End::BOTH {
            let (own, peer) = (self.end(end), self.end(end.peer()));
            self.task(end, "read to the end", None, async move {
                while own.read(&peer).await {}
                own.read(&peer).await;
            });
            self.shut_down(end, LAST, None);
        }
        self.executor.pass(LAST / 2).await;
        self.check_waits();
        self.probe().await;
        if was_over == [false, false] && !self.oracle.has_found() {
            self.check_peaceful_end();
        }
        self.executor.pass(LAST).await;
        self.executor.expect_all_over();
        self.check_frames();
    }

    /// Where nothing went wrong a shutdown does not need its deadline.
    fn check_peaceful_end(&self) {
        let is_peaceful = self.link.look(|state| !state.is_broken())
            && self.ends.iter().all(|end| {
                let known = end.known.borrow();
                // A shutdown that answers the peer's may have had a deadline of its own.
                let had_time = known.deadline.is_some_and(|deadline| deadline > Instant::now());
                had_time
                    && !known.is_forged
                    && !known.is_abandoned
                    && !known.was_unresponsive
                    && !matches!(known.ending, Some(Err(_)))
            });
        if !is_peaceful {
            return;
        }
        self.oracle.saw("an end in peace");
        for end in &self.ends {
            let outcome = end.known.borrow().outcome.map(|(outcome, _)| outcome);
            let is_fine = matches!(outcome, Some(Outcome::Clean | Outcome::Unconfirmed { peer_ended: true }));
            // An end that may throw nothing more away does not see the end of its peer, which is all that some kernels tell.
            let (tells, read) = self.link.look(|state| (state.tells(), state.from(end.end.peer()).read));
            let thrown = end.known.borrow().left_at.map_or(0, |left_at| read - left_at);
            let sees_no_end = !tells && thrown >= end.drain_limit();
            self.oracle.holds(is_fine || sees_no_end, "FRM-15", || {
                format!("{:?}'s shutdown is {outcome:?} in peace", end.end)
            });
        }
    }

    /// After a clean shutdown the peer that read to the end was given everything. One that met its own deadline did not read
    /// to the end, whatever it was told of: that is what it knew first.
    fn check_frames(&self) {
        for end in End::BOTH {
            let (own, peer) = (self.end(end), self.end(end.peer()));
            let (own, peer) = (own.known.borrow(), peer.known.borrow());
            let is_clean = matches!(own.outcome, Some((Outcome::Clean, _)));
            if !is_clean || own.is_forged || peer.is_abandoned || peer.was_told_late {
                continue;
            }
            let accepted = own.sent.frames_within(usize::MAX);
            let was_told = match &peer.ending {
                None => continue,
                Some(Err(Error::DeadlineExceeded | Error::Unresponsive { .. } | Error::Violation(_))) => continue,
                Some(told) => format!("{told:?}"),
            };
            let given = peer.given;
            self.oracle.holds(given == accepted, "FRM-1", || {
                format!("{end:?}'s shutdown was clean, its peer was told {was_told} after {given} of {accepted} frames")
            });
        }
    }

    /// Everything is dropped: nothing of it may be left.
    fn close(mut self) {
        self.executor.drop_all();
        self.ends.iter().for_each(|end| end.drop_all());
        for end in End::BOTH {
            let is_closed = self.link.look(|state| state.is_closed(end));
            self.oracle
                .holds(is_closed, BALANCE, || format!("{end:?}'s transport is open when all handles are dropped"));
        }
        self.executor.expect_no_wakers();
        self.check_records();
    }

    /// What each driver recorded, to the closing of its transport, is a behaviour of the model.
    fn check_records(&self) {
        for end in &self.ends {
            let log = end.log.take();
            if self.oracle.has_found() {
                continue;
            }
            self.oracle.saw("a record is explained");
            if let Some((rule, fault)) = judge(&log) {
                let log = String::from_utf8_lossy(&log);
                self.oracle.broken(rule, format_args!("{:?}'s record: {fault}\n{log}", end.end));
            }
        }
    }
}
