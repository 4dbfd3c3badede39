//! The same races with everything written down: of every execution that loom explores, the log is a behaviour of the
//! model. Equal logs are judged once.
//!
//! What the kernel does is done before the threads start, apart from openings, closes and what a taker has its poller
//! watch: loom does not schedule the kernel.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use conformance::ownership::families::Loom;
use conformance::ownership::record::actor::{Actor, Heard, RecordedTable};
use conformance::ownership::record::{Line, Scribe, explained, is_accepted};
use handfast::ownership::{Table, Token};
use handfast_spec::ownership::{Incarnation, Thread};
use loom::sync::Arc;
use loom::thread::{self, JoinHandle};

use crate::ownership::loom::support::complete;

/// One execution: the table, the calling thread, and a descriptor of which it holds a report.
struct Stage {
    scribe: std::sync::Arc<Scribe>,
    table: Arc<RecordedTable<Loom>>,
    actor: Actor<Loom>,
    heard: Heard,
    report: (Incarnation, Token),
}

impl Stage {
    fn new(scribe: &std::sync::Arc<Scribe>, shared: bool) -> Self {
        let table = Arc::new(Table::of_atomics(1));
        let actor = Actor::new(scribe, Thread(0));
        let (guard, heard) = actor.open(&table, shared).expect("the number is free");
        actor.leave(guard);
        scribe.arrive(heard.incarnation);
        let report = actor.poll()[0];
        Self { scribe: std::sync::Arc::clone(scribe), table, actor, heard, report }
    }

    /// Another thread.
    fn beside(
        &self,
        number: u16,
        does: impl Fn(&Actor<Loom>, &RecordedTable<Loom>, Heard) + 'static,
    ) -> JoinHandle<()> {
        let (scribe, table, heard) = (std::sync::Arc::clone(&self.scribe), Arc::clone(&self.table), self.heard);
        thread::spawn(move || does(&Actor::new(&scribe, Thread(number)), &table, heard))
    }

    /// Acts on the report.
    fn enter(&self) {
        if let Some(guard) = self.actor.enter(&self.table, self.report) {
            self.actor.work(&guard);
            self.actor.leave(guard);
        }
    }
}

fn takes_over(actor: &Actor<Loom>, table: &RecordedTable<Loom>, heard: Heard) {
    if let Some(guard) = actor.takeover(table, heard) {
        actor.work(&guard);
        actor.leave(guard);
    }
}

fn takes_over_to_close(actor: &Actor<Loom>, table: &RecordedTable<Loom>, heard: Heard) {
    if let Some(guard) = actor.takeover(table, heard) {
        actor.work(&guard);
        actor.delete_inside(guard);
    }
}

fn deletes(actor: &Actor<Loom>, table: &RecordedTable<Loom>, heard: Heard) {
    actor.delete(table, heard);
}

fn joins(actor: &Actor<Loom>, table: &RecordedTable<Loom>, heard: Heard) {
    if let Some(guard) = actor.join(table, heard) {
        actor.work(&guard);
        actor.leave(guard);
    }
}

/// Deletes, and opens another one as soon as the number is free, if it is by then.
fn deletes_and_opens(actor: &Actor<Loom>, table: &RecordedTable<Loom>, heard: Heard) {
    actor.delete(table, heard);
    opens(actor, table, heard);
}

fn opens(actor: &Actor<Loom>, table: &RecordedTable<Loom>, _: Heard) {
    if let Some((guard, _)) = actor.open(table, false) {
        actor.work(&guard);
        actor.leave(guard);
    }
}

type Does = fn(&Actor<Loom>, &RecordedTable<Loom>, Heard);

/// Every execution of these threads beside one that acts on a report.
fn accepted(name: &'static str, shared: bool, others: &'static [Does]) {
    let seen = std::sync::Arc::new(Mutex::new(HashSet::new()));
    let (distinct, lines) = (std::sync::Arc::clone(&seen), std::sync::Arc::new(AtomicUsize::new(0)));
    let counted = std::sync::Arc::clone(&lines);
    let executions = complete(name, move || {
        let (scribe, log) = execute(shared, others);
        let written = scribe.written(&log);
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.contains(&written) {
            counted.fetch_add(log.len(), Ordering::Relaxed);
            assert!(is_accepted(&written), "{name}: {:#?}\n{written}", explained(&written));
            seen.insert(written);
        }
    });
    let (distinct, lines) = (distinct.lock().expect("nobody panics with it").len(), lines.load(Ordering::Relaxed));
    println!("{name}: {executions} logs, {distinct} of them distinct, {lines} lines, all accepted");
}

fn execute(shared: bool, others: &[Does]) -> (std::sync::Arc<Scribe>, Vec<Line>) {
    let scribe = Scribe::begin(others.len() as u16 + 1, 1);
    let stage = Stage::new(&scribe, shared);
    let others: Vec<_> = (1..).zip(others).map(|(number, does)| stage.beside(number, *does)).collect();
    stage.enter();
    others.into_iter().for_each(|other| other.join().expect("it ends"));
    let log = scribe.end();
    (scribe, log)
}

macro_rules! accepted {
    ($($name:ident: $shared:literal, [$($does:ident),*];)*) => { $(
        #[test]
        fn $name() {
            accepted(stringify!($name), $shared, &[$($does),*]);
        }
    )* };
}

accepted! {
    a_takeover: false, [takes_over];
    a_deletion: false, [deletes];
    a_takeover_to_close: false, [takes_over_to_close];
    a_number_that_returns: false, [deletes_and_opens];
    a_shared_one_that_is_joined: true, [joins];
    a_shared_one_that_is_deleted: true, [deletes];
    a_takeover_and_a_deletion: false, [takes_over, deletes];
    two_takeovers: false, [takes_over, takes_over_to_close];
    a_number_that_returns_elsewhere: false, [deletes, opens];
}

/// A check that cannot fail is worthless: of logs with one line left out, nine in ten at least are no behaviours of
/// the model. Those that are lack a refusal, or the last thing that a thread does.
#[test]
fn a_log_that_was_tampered_with_is_refused() {
    let all = std::sync::Arc::new(Mutex::new(Vec::new()));
    let kept = std::sync::Arc::clone(&all);
    complete("tampered", move || {
        let (scribe, log) = execute(false, &[deletes_and_opens]);
        kept.lock().unwrap_or_else(PoisonError::into_inner).push((scribe, log));
    });
    let logs = std::mem::take(&mut *all.lock().expect("nobody panics with it"));
    let (mut tried, mut refused) = (0, 0);
    for (scribe, log) in logs.iter().take(50) {
        for left_out in 0..log.len() - 1 {
            let mut log = log.clone();
            log.remove(left_out);
            tried += 1;
            refused += usize::from(!is_accepted(&scribe.written(&log)));
        }
    }
    println!("a line left out: {refused} of {tried} refused");
    assert!(refused * 10 >= tried * 9, "the model accepts too much");
}
