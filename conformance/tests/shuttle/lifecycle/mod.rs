//! Tier 6: the driver of `handfast::lifecycle` under schedules that shuttle chooses.
//!
//! handfast is built with `--cfg handfast_shuttle`, so that its tasks, locks, signals and timers are shuttle's: at each
//! operation on any of them the scheduler says who is next. In each [environment](environments::Environment) two to four
//! sessions race with what is done to them. Of every execution the record must be a behaviour of the model, what was
//! told must break no rule, what each subscriber heard must be paired, and no session and no subscriber may be
//! left. Two tasks that wait for each other, or a task that nobody wakes, fail the execution: shuttle calls it a deadlock.
//!
//! A failure prints the schedule. To run that one execution again, give it with the name of its test:
//!
//! ```text
//! HANDFAST_REPLAY=9103… RUSTFLAGS="--cfg handfast_shuttle" CARGO_TARGET_DIR=target/shuttle \
//!     cargo test -p conformance --test shuttle lifecycle::slow -- --nocapture
//! ```
//!
//! `HANDFAST_SCHEDULES` is how many executions there are for each environment and each of two schedulers;
//! `SHUTTLE_RANDOM_SEED` gives others. What is not explored: orderings of memory weaker than sequential consistency, which
//! shuttle does not know and locks do not need; and schedules of tokio's own inside.
//!
//! A check that cannot fail is worthless: [`broken`] has drivers that must be rejected.

mod broken;
mod environments;
mod explore;
mod peers;
mod port;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use conformance::log::Log;
use handfast::environment;
use handfast::lifecycle::{Handshake, Origin, Reason};

use shuttle::Runner;
use shuttle::scheduler::RandomScheduler;

use environments::Environment;
use explore::{Aim, Choice, Explored, SEED, config, explore};
use peers::node;

/// Executions for each environment and each scheduler, if `HANDFAST_SCHEDULES` says nothing else.
const SCHEDULES: usize = 10_000;

fn is_held_to_the_model(environment: Environment) {
    let setup = environment.setup();
    let schedules = std::env::var("HANDFAST_SCHEDULES").ok();
    let schedules = schedules.map_or(SCHEDULES, |number| number.parse().expect("HANDFAST_SCHEDULES is a number"));
    let mut happened: BTreeMap<&str, usize> = BTreeMap::new();
    for choice in Choice::ALL {
        let explored = explore(environment, choice, schedules, Aim::AllAreFine, move |log| node(setup, log));
        let Explored { executions, records, steps, words, .. } = explored;
        println!("{environment:?}, {choice:?}: {executions} executions, {records} different records of {steps} steps");
        words.into_iter().for_each(|(word, times)| *happened.entry(word).or_default() += times);
    }
    println!("{environment:?}: {happened:?}");
    let is_missing = |word: &&&str| !happened.contains_key(**word);
    let missing: Vec<_> = environment.expected().iter().filter(is_missing).collect();
    // One schedule, or few, need not show everything.
    assert!(missing.is_empty() || schedules < SCHEDULES || std::env::var("HANDFAST_REPLAY").is_ok(), "no {missing:?}");
}

#[test]
fn handshake_done() {
    is_held_to_the_model(Environment::Established);
}

#[test]
fn ended_from_all_sides() {
    is_held_to_the_model(Environment::EndedFromAllSides);
}

#[test]
fn aborted() {
    is_held_to_the_model(Environment::Aborted);
}

#[test]
fn panicked() {
    is_held_to_the_model(Environment::Panicked);
}

#[test]
fn banned() {
    is_held_to_the_model(Environment::Banned);
}

#[test]
fn keep_new() {
    is_held_to_the_model(Environment::KeepNew);
}

#[test]
fn keep_old() {
    is_held_to_the_model(Environment::KeepOld);
}

#[test]
fn slow() {
    is_held_to_the_model(Environment::Slow);
}

#[test]
fn waiting() {
    is_held_to_the_model(Environment::Waiting);
}

#[test]
fn coming_and_going() {
    is_held_to_the_model(Environment::ComingAndGoing);
}

#[test]
fn shut_down() {
    is_held_to_the_model(Environment::ShutDown);
}

#[test]
fn timed_out() {
    is_held_to_the_model(Environment::TimedOut);
}

/// Without this no schedule could be replayed.
#[test]
fn the_same_seed_gives_the_same_executions() {
    for environment in Environment::ALL {
        let setup = environment.setup();
        for choice in Choice::ALL {
            let run = || explore(environment, choice, 50, Aim::Count, move |log| node(setup, log)).digest;
            assert_eq!(run(), run(), "{environment:?}, {choice:?}");
        }
    }
}

/// All tasks share a thread: while one of them unwinds, the others must not be taken for panicked.
#[test]
fn a_panic_is_told_apart_from_an_abort() {
    let setup = Environment::Panicked.setup();
    let execution = move || {
        let node = node(setup, &Log::default());
        let open = |key, panics: bool| {
            let shakes = move |signal: Handshake<u32>| async move { signal.handshake_done(key, ()).map(drop) };
            let lives = move |_, ()| async move {
                shuttle::future::yield_now().await;
                if panics { environment::fail() } else { std::future::pending::<Reason>().await }
            };
            node.open(Origin::inbound(None), shakes, lives).expect("there are slots")
        };
        let (panics, hangs) = (open(1, true), open(2, false));
        shuttle::future::block_on(async {
            hangs.abort();
            assert_eq!(hangs.wait().await.reason, Reason::Aborted);
            assert_eq!(panics.wait().await.reason, Reason::Panicked);
            let _ = node.shutdown(Duration::MAX).await;
        });
    };
    let executed = Runner::new(RandomScheduler::new_from_seed(SEED, 2_000), config()).run(execution);
    assert_eq!(executed, 2_000);
}
