//! The detectors detect: the protocol as it was before the repair fails under shuttle and on real threads, and the
//! corrected one does not under the same schedules.
//!
//! A thread draws what it does from a seed, which is printed: with it and the schedule an execution can be had again.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use conformance::dice::Dice;
use conformance::ownership::families::Shuttle;
use conformance::ownership::haproxy::{Before, Corrected, Design, Family, Hand, Process, Step, Worker};
use handfast::ownership::Std;
use handfast_spec::ownership::Thread;
use model::ownership::haproxy::{Action, Bounds};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

/// The seed of the schedules, and of what threads do.
const SEED: u64 = 0x5eed;

/// How often a thread looks for something to do.
const TURNS: usize = 40;

/// A connection that is kept busy.
const BUSY: Bounds = Bounds { takeovers: 100, arrivals: 100, ..Bounds::ONE };

/// A hand that draws what it does.
struct Drawing<A: Family, D: Design> {
    process: Arc<Process<A, D>>,
    thread: Thread,
    dice: Dice,
    turns: usize,
    pause: fn(),
    slow: fn(),
}

impl<A: Family, D: Design> Hand for Drawing<A, D> {
    fn next(&mut self) -> Option<Action> {
        let thread = self.thread;
        while self.turns > 0 {
            self.turns -= 1;
            (self.pause)();
            if self.dice.roll(2) == 0 {
                let _ = self.process.arrive();
            }
            let can: Vec<Action> = {
                let around = self.process.around();
                if !around.broken.is_empty() {
                    return None;
                }
                if around.pollers[thread.index()].report.is_some() {
                    return Some(Action::Step(thread, Step::Ue2));
                }
                let all = [
                    Action::Open(thread),
                    Action::List(thread),
                    Action::Takeover(thread),
                    Action::Delete(thread),
                    Action::Poll(thread),
                ];
                all.into_iter().filter(|action| around.allows(action)).collect()
            };
            if !can.is_empty() {
                let which = self.dice.roll(can.len());
                return Some(can[which]);
            }
        }
        None
    }

    /// The places at which the repair's commit message has time wasted: where one of the masks has a thread and the
    /// other has not.
    fn reach(&mut self, step: Step) {
        let is_key = matches!(step, Step::Be3 | Step::Ue7 | Step::Ue8 | Step::Ue17 | Step::T7 | Step::O3 | Step::Cm1);
        if is_key && self.dice.roll(4) == 0 {
            (self.slow)();
        }
    }

    fn deletes(&mut self) -> bool {
        self.dice.roll(4) == 0
    }
}

fn hand<A: Family, D: Design>(process: &Arc<Process<A, D>>, thread: Thread, seed: u64, slow: fn()) -> Drawing<A, D> {
    let dice = Dice::of_thread(seed, 0, thread.0);
    Drawing { process: Arc::clone(process), thread, dice, turns: TURNS, pause: || (), slow }
}

/// Ids of the rules that were broken, with how many executions it took the first time; and how many there were.
fn under_shuttle<D: Design>(
    scheduler: impl Scheduler + 'static,
    bounds: Bounds,
) -> (BTreeMap<&'static str, usize>, usize) {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    // A protocol that is broken may go round for ever.
    config.max_steps = MaxSteps::ContinueAfter(20_000);
    let broken = Arc::new(Mutex::new(BTreeMap::new()));
    let count = Arc::new(AtomicUsize::new(0));
    let (found, counted) = (Arc::clone(&broken), Arc::clone(&count));
    let executions = Runner::new(scheduler, config).run(move || {
        let number = counted.fetch_add(1, Ordering::Relaxed) + 1;
        let process = Process::<Shuttle, D>::new(bounds);
        let threads: Vec<_> = bounds
            .each()
            .map(|thread| {
                let mut hand = hand(&process, thread, SEED + number as u64, || ());
                hand.pause = shuttle::thread::yield_now;
                let worker = Worker::new(Arc::clone(&process), thread, hand);
                shuttle::thread::spawn(move || drop(worker.run()))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("a thread ends"));
        let mut found = found.lock().expect("nobody panics with it");
        for id in process.around().broken.drain(..) {
            found.entry(id).or_insert(number);
        }
    });
    let broken = broken.lock().expect("nobody panics with it").clone();
    (broken, executions)
}

const EXECUTIONS: usize = 40_000;

/// Both races of the repair: two owners, and two closers or a close under a callback.
#[test]
fn before_the_repair_fails_under_shuttle() {
    let random = under_shuttle::<Before>(RandomScheduler::new_from_seed(SEED, EXECUTIONS), BUSY);
    let pct = under_shuttle::<Before>(PctScheduler::new_from_seed(SEED, 4, EXECUTIONS), BUSY);
    println!("before, seed {SEED:#x}: random {random:?}, PCT {pct:?} (rule: first execution; executions)");
    assert!(random.0.contains_key("OWN-1") || pct.0.contains_key("OWN-1"), "two owners");
    let second = |found: &BTreeMap<&str, usize>| found.contains_key("OWN-3") || found.contains_key("OWN-2");
    assert!(second(&random.0) || second(&pct.0), "a close that is not the closer's");
}

#[test]
fn the_corrected_one_does_not() {
    let busy_pair = Bounds { takeovers: 100, arrivals: 100, ..Bounds::PAIR };
    let three = Bounds { groups: [1, 1, 1], ..busy_pair };
    for bounds in [BUSY, busy_pair, three, Bounds::SOCKET, Bounds::LISTENER, Bounds::FOREIGN] {
        let random = under_shuttle::<Corrected>(RandomScheduler::new_from_seed(SEED, EXECUTIONS / 20), bounds);
        let pct = under_shuttle::<Corrected>(PctScheduler::new_from_seed(SEED, 4, EXECUTIONS / 20), bounds);
        println!("corrected, seed {SEED:#x}: random {random:?}, PCT {pct:?}");
        assert!(random.0.is_empty() && pct.0.is_empty(), "a rule is broken");
    }
}

/// The loop of the commit message, which wastes time without giving the processor away; and then gives it away, because
/// there may be fewer processors than threads.
fn stretch() {
    let mut left = 10_000_u32;
    while black_box(left) != 0 {
        left -= 1;
    }
    std::thread::yield_now();
}

/// The most rounds that are raced before giving up.
const ROUNDS: u64 = 100_000;

/// How many rounds the corrected one is raced for.
const CONTROL: u64 = 2_000;

/// Real threads, round after round, until a rule is broken: which, in which round. Threads of a round in which one is are
/// left to themselves: what is broken may go round for ever.
fn on_real_threads<D: Design>(rounds: u64) -> Option<(Vec<&'static str>, u64)> {
    (0..rounds).find_map(|round| {
        let process = Process::<Std, D>::new(BUSY);
        let ended = Arc::new(AtomicUsize::new(0));
        for thread in BUSY.each() {
            let worker = Worker::new(Arc::clone(&process), thread, hand(&process, thread, SEED + round, stretch));
            let ended = Arc::clone(&ended);
            std::thread::spawn(move || {
                drop(worker.run());
                ended.fetch_add(1, Ordering::Release);
            });
        }
        while ended.load(Ordering::Acquire) < 2 && process.around().broken.is_empty() {
            std::thread::yield_now();
        }
        let broken = process.around().broken.clone();
        (!broken.is_empty()).then_some((broken, round))
    })
}

#[test]
fn before_the_repair_fails_on_real_threads() {
    let began = Instant::now();
    let found = on_real_threads::<Before>(ROUNDS);
    let (broken, round) = found.expect("nothing noticed");
    println!("before, seed {:#x}: {broken:?} in round {round}, after {:?}", SEED + round, began.elapsed());
}

/// The same rounds, with nothing to find.
#[test]
fn the_corrected_one_does_not_on_real_threads() {
    let began = Instant::now();
    assert_eq!(on_real_threads::<Corrected>(CONTROL), None);
    println!("corrected, from seed {SEED:#x}: {CONTROL} rounds, {:?}", began.elapsed());
}
