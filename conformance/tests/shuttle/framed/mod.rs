//! Tier 6: the driver of `handfast::framed` under schedules that shuttle chooses.
//!
//! handfast is built with `--cfg handfast_shuttle`, so that its locks, signals and timers are shuttle's: at each operation on any of
//! them the scheduler says who is next. At each end of a connection a task reads and a task writes, and in each
//! [environment](ends::Environment) something else races with them: a shutdown by a third task, operations that are dropped where
//! they wait, a reader that leaves. Of every execution the record must be a behaviour of the model, no rule may be
//! broken by what was told, every frame must have come, and no task may be left waiting, which shuttle calls a deadlock.
//!
//! A failure prints the schedule, which shuttle's `ReplayScheduler` takes. `HANDFAST_SCHEDULES` is how many executions there are
//! for each environment and each of two schedulers. Time stands still but for the questions what has arrived, so that no deadline passes
//! here. What is not explored: orderings of memory weaker than sequential consistency.
//!
//! A check that cannot fail is worthless: [`port`] has drivers that must be rejected.

mod ends;
mod port;
mod socket;
mod wire;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use handfast_spec::Protocol;
use handfast_spec::framed::{Action, End, Framed, History};
use handfast_spec::log::Line;
use model::checker::explain::explain;
use model::checker::format::write_log;
use model::framed::handfast::{Config, Handfast};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{MaxSteps, Runner};

use ends::{Environment, KERNEL, Own, Peer, run};
use port::{Flaw, Port};

const SEED: u64 = 0x5eed;

/// Changes of priority in an execution under PCT, plus one.
const PCT_DEPTH: usize = 5;

/// Executions for each environment and each scheduler, if `HANDFAST_SCHEDULES` says nothing else.
const SCHEDULES: usize = 2_000;

#[derive(Clone, Copy, Debug)]
enum Choice {
    Random,
    Pct,
}

/// What executions came to.
#[derive(Debug, Default)]
struct Explored {
    executions: usize,
    records: HashSet<Vec<Action>>,
    steps: usize,
    unexplained: usize,
    violated: BTreeMap<&'static str, usize>,
    complaint: Option<String>,
}

/// Whether the first complaint ends the exploration, so that shuttle prints its schedule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Aim {
    AllAreFine,
    Count,
}

fn explore<P: Peer>(
    environment: Environment,
    choice: Choice,
    executions: usize,
    aim: Aim,
    start: impl Fn(socket::Socket) -> P + Copy + Send + Sync + 'static,
) -> Explored {
    let explored = Arc::new(Mutex::new(Explored::default()));
    let noted = Arc::clone(&explored);
    let execution = move || {
        let (history, record) = run(environment, start);
        let mut explored = noted.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut explored, environment, &history, record);
        if let (Some(complaint), Aim::AllAreFine) = (&explored.complaint, aim) {
            panic!("{environment:?}: {complaint}");
        }
    };
    let mut config = shuttle::Config::new();
    config.stack_size = 0x2_0000;
    config.max_steps = MaxSteps::FailAfter(100_000);
    config.silence_warnings = true;
    match choice {
        Choice::Random => Runner::new(RandomScheduler::new_from_seed(SEED, executions), config).run(execution),
        Choice::Pct => Runner::new(PctScheduler::new_from_seed(SEED, PCT_DEPTH, executions), config).run(execution),
    };
    std::mem::take(&mut *explored.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Judges what was told, and asks the model about the record if it is a new one.
fn note(explored: &mut Explored, environment: Environment, history: &History, record: Vec<Action>) {
    explored.executions += 1;
    let violated: BTreeSet<_> =
        Framed::INVARIANTS.iter().filter(|rule| !(rule.holds)(history)).map(|rule| rule.id).collect();
    for id in &violated {
        *explored.violated.entry(id).or_default() += 1;
    }
    if !violated.is_empty() {
        explored.complaint = Some(format!("{violated:?}: {record:?}"));
    }
    if explored.records.contains(&record) {
        return;
    }
    let log = log(environment, &record);
    let explanation = explain::<Handfast>(&mut log.as_bytes()).expect("the record can be read");
    if let Some(rejection) = explanation.rejection {
        explored.unexplained += 1;
        explored.complaint = Some(format!("{rejection:?}: {log}"));
    }
    explored.steps += record.len();
    explored.records.insert(record);
}

fn log(environment: Environment, record: &[Action]) -> String {
    let frames = environment.frames() as u32;
    let config = Config { kernel: KERNEL, frames: [frames, frames], keep: 1000, discard: 1000, answer: [None, None] };
    write_log(Framed::NAME, config, record.iter().map(Line::<_, ()>::taken))
}

fn is_held_to_the_model(environment: Environment) {
    let schedules = std::env::var("HANDFAST_SCHEDULES").ok();
    let schedules = schedules.map_or(SCHEDULES, |number| number.parse().expect("HANDFAST_SCHEDULES is a number"));
    for choice in [Choice::Random, Choice::Pct] {
        let Explored { executions, records, steps, .. } =
            explore(environment, choice, schedules, Aim::AllAreFine, Own::new);
        println!(
            "{environment:?}, {choice:?}: {executions} executions, {} different records of {steps} steps",
            records.len()
        );
        assert_eq!(executions, schedules);
        assert!(records.len() > 1);
    }
}

#[test]
fn both_shut_down() {
    is_held_to_the_model(Environment::Both);
}

#[test]
fn shut_down_by_a_third_task() {
    is_held_to_the_model(Environment::ThirdTask);
}

#[test]
fn dropped_where_they_wait() {
    is_held_to_the_model(Environment::Cancelled);
}

#[test]
fn a_reader_leaves() {
    is_held_to_the_model(Environment::Leaving);
}

/// The model is what it is held to, too: a record with two steps in the wrong order, or without one, is none of its own.
#[test]
fn a_corrupted_record_is_rejected() {
    let explored = explore(Environment::Both, Choice::Random, 20, Aim::AllAreFine, Own::new);
    let mut rejected = 0;
    for record in &explored.records {
        let sends =
            record.iter().position(|action| *action == Action::Send { end: End::Left }).expect("something is sent");
        let mut without = record.clone();
        without.remove(sends);
        let log = log(Environment::Both, &without);
        rejected += usize::from(explain::<Handfast>(&mut log.as_bytes()).expect("it can be read").rejection.is_some());
    }
    assert_eq!(rejected, explored.records.len());
}

#[test]
fn a_port_without_a_flaw_is_accepted() {
    for choice in [Choice::Random, Choice::Pct] {
        let explored =
            explore(Environment::ThirdTask, choice, 500, Aim::AllAreFine, |socket| Port::new(socket, Flaw::None));
        assert!(explored.records.len() > 1);
    }
}

/// What a broken driver must be seen to do under one of the schedulers: changes of priority alone are too few for some.
fn is_rejected(
    environment: Environment,
    start: impl Fn(socket::Socket) -> Port + Copy + Send + Sync + 'static,
    breaks: &str,
) {
    let (mut broken, mut not_explained) = (0, 0);
    for choice in [Choice::Random, Choice::Pct] {
        let Explored { violated, unexplained, records, .. } = explore(environment, choice, 500, Aim::Count, start);
        println!("{choice:?}: {violated:?}; {unexplained} of {} different records unexplained", records.len());
        broken += violated.get(breaks).unwrap_or(&0);
        not_explained += unexplained;
    }
    assert!(broken > 0, "{breaks} must be broken");
    assert!(not_explained > 0, "the model must not explain it");
}

#[test]
fn m19_checking_in_one_step_and_accepting_in_another_breaks_frm_2() {
    is_rejected(Environment::ThirdTask, |socket| Port::new(socket, Flaw::ChecksThenAccepts), "FRM-2");
}

#[test]
fn m21_closing_behind_the_marker_breaks_frm_6() {
    is_rejected(Environment::Both, |socket| Port::new(socket, Flaw::DoesNotAsk), "FRM-6");
}

#[test]
fn m22_reading_only_when_the_marker_is_written_is_a_deadlock() {
    for choice in [Choice::Random, Choice::Pct] {
        let start = |socket| Port::new(socket, Flaw::DrainsLate);
        let stuck = catch_unwind(AssertUnwindSafe(|| explore(Environment::ReadsLater, choice, 500, Aim::Count, start)));
        let panic = stuck.expect_err("two ends with full queues wait for each other");
        let said = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        assert!(said.contains("deadlock"), "{said}");
    }
}

/// The same applications on the driver of handfast.
#[test]
fn full_queues_and_nobody_who_reads_before_the_shutdown_is_over() {
    is_held_to_the_model(Environment::ReadsLater);
}
