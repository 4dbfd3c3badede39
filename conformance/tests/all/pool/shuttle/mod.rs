//! Tier 6: the pool's cores under schedules that shuttle draws: several workers that put, take, look, expire and stop,
//! and servers that close. What each was told is entered into the history of the specification, and judged by its rules
//! after every step.
//!
//! What a worker does is drawn from a seed, which is printed: with it and the schedule an execution can be had again.

mod kernel;
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conformance::dice::Dice;
use handfast_spec::ownership::Thread;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use kernel::{Connection, Counts};
use world::{Mistake, World};

/// The seed of the schedules, and of what workers do.
const SEED: u64 = 0x5eed;

/// How many things a worker does.
const TURNS: usize = 10;

/// How many executions of each kind.
const EXECUTIONS: usize = 10_000;

/// One worker's life: it takes turns, looks at what its poller woke it for, and stops.
fn work(world: &World, thread: Thread, workers: u16, mut dice: Dice) {
    let mut uses: Option<Connection> = None;
    let mut woken = Vec::new();
    let mut now = Duration::from_secs(1);
    for _ in 0..TURNS {
        match (dice.roll(8), uses.take()) {
            (0..=2, Some(connection)) => uses = world.put(thread, connection, now),
            (3, Some(connection)) => drop(connection),
            (0, None) => uses = Some(world.kernel.open(thread)),
            (1..=3, None) => {
                let from = Thread(dice.roll(workers));
                uses = world.take(thread, from, now);
            }
            (4, kept) => {
                uses = kept;
                world.kernel.server_closes(dice.roll(64));
            }
            (5, kept) => {
                uses = kept;
                woken.extend(world.kernel.poll(thread));
            }
            (6, kept) => {
                uses = kept;
                for (which, token) in woken.drain(..) {
                    world.look(thread, which, token);
                }
            }
            (_, kept) => {
                uses = kept;
                now += Duration::from_secs(6);
                world.expire(thread, now);
            }
        }
        if world.kernel.broken().is_some() {
            break;
        }
    }
    // What a worker still uses when it stops, it tries to put: it is declined.
    world.stop(thread);
    if let Some(connection) = uses {
        drop(world.put(thread, connection, now));
    }
}

/// Ids of the rules that were broken, with how many executions it took the first time; and what happened in all.
#[derive(Debug, Default)]
struct Found {
    broken: BTreeMap<&'static str, usize>,
    counts: Counts,
}

fn under_shuttle(scheduler: impl Scheduler + 'static, workers: u16, room: usize, mistake: Mistake) -> Found {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    config.max_steps = MaxSteps::FailAfter(100_000);
    let found = Arc::new(Mutex::new(Found::default()));
    let count = Arc::new(AtomicUsize::new(0));
    let (finds, counted) = (Arc::clone(&found), Arc::clone(&count));
    Runner::new(scheduler, config).run(move || {
        let number = counted.fetch_add(1, Ordering::Relaxed) + 1;
        let world = Arc::new(World::new(usize::from(workers), room, mistake));
        let threads: Vec<_> = (0..workers)
            .map(|thread| {
                let world = Arc::clone(&world);
                let dice = Dice::of_thread(SEED, number as u64, thread);
                shuttle::thread::spawn(move || work(&world, Thread(thread), workers, dice))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("a worker ends"));
        let mut finds = finds.lock().expect("nobody panics with it");
        let broken = world.kernel.broken();
        if let Some(id) = broken {
            finds.broken.entry(id).or_insert(number);
        }
        let counts = world.kernel.counts();
        finds.counts = sum(finds.counts, counts);
        if broken.is_none() && mistake == Mistake::None {
            assert_eq!(counts.opened, counts.closed, "execution {number}: each is closed once");
            assert_eq!(world.occupied(), 0, "execution {number}: every slot is free");
        }
    });
    Arc::into_inner(found).expect("the runner is gone").into_inner().expect("nobody panics with it")
}

fn sum(one: Counts, other: Counts) -> Counts {
    Counts {
        opened: one.opened + other.opened,
        closed: one.closed + other.closed,
        given: one.given + other.given,
        taken_over: one.taken_over + other.taken_over,
        late: one.late + other.late,
        busy: one.busy + other.busy,
        expired: one.expired + other.expired,
    }
}

#[test]
fn the_pool_keeps_its_rules_under_every_schedule_that_is_drawn() {
    for (workers, room) in [(2, 1), (2, 4), (3, 2)] {
        let random = under_shuttle(RandomScheduler::new_from_seed(SEED, EXECUTIONS), workers, room, Mistake::None);
        let pct = under_shuttle(PctScheduler::new_from_seed(SEED, 4, EXECUTIONS), workers, room, Mistake::None);
        println!("{workers} workers, room for {room}, seed {SEED:#x}: random {random:?}, PCT {pct:?}");
        for Found { broken, counts } in [random, pct] {
            assert!(broken.is_empty(), "a rule is broken: {broken:?}");
            let Counts { opened, given, taken_over, late, expired, .. } = counts;
            assert!(opened.min(given).min(taken_over).min(late).min(expired) > 0, "not all of it happened: {counts:?}");
        }
    }
}

/// A check that cannot fail is worthless.
#[test]
fn mistakes_are_found() {
    let mistakes = [
        (Mistake::ClosesWhatIsListed, "OWN-12"),
        (Mistake::LeavesBeforeListing, "OWN-16"),
        (Mistake::RehomesLater, "OWN-14"),
        (Mistake::DoesNotProbe, "OWN-15"),
    ];
    for (mistake, id) in mistakes {
        let random = under_shuttle(RandomScheduler::new_from_seed(SEED, EXECUTIONS), 2, 2, mistake);
        let pct = under_shuttle(PctScheduler::new_from_seed(SEED, 4, EXECUTIONS), 2, 2, mistake);
        println!("{mistake:?}, seed {SEED:#x}: random {:?}, PCT {:?}", random.broken, pct.broken);
        assert!(random.broken.contains_key(id) || pct.broken.contains_key(id), "{mistake:?} was not found");
    }
}
