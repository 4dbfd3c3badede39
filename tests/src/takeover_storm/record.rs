//! What a storm's words went through, as a log that the model explains.
//!
//! A recorded word is one under a lock, so that the order in which transitions are noted is the order in which they
//! happened; which orderings real atomics need is not what such a run shows. Recording ends after so many transitions:
//! what is kept is the beginning of the storm. The log has a run for each slot, in which the word's transitions are as
//! they were noted. What the kernel does (a number is given, watched, reported, closed) was not noted, and is filled
//! in where the next transition needs it.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use handfast::ownership::core::{State, Word};
use handfast::ownership::{Sharing, Worker};

/// What a worker asked of the table.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Asked {
    #[default]
    Insert,
    Enter,
    Takeover,
}

/// One read-modify-write that changed a word, or one store.
#[derive(Clone, Copy, Debug)]
struct Transition {
    /// Which word: its address, which it keeps.
    word: usize,
    worker: u16,
    asked: Asked,
    before: u64,
    after: u64,
}

/// A transition that no step of the protocol makes.
#[derive(Debug, thiserror::Error)]
#[error("worker {worker} made of {before:?} {after:?}, which is no step")]
struct NoStep {
    worker: u16,
    before: Word,
    after: Word,
}

/// How many transitions are kept.
const MOST: usize = 20_000;

static NOTED: Mutex<Vec<Transition>> = Mutex::new(Vec::new());

thread_local! {
    static DOING: Cell<(u16, Asked)> = const { Cell::new((0, Asked::Insert)) };
}

/// The thread is this worker, and asks this of the table from now on.
pub(crate) fn doing(worker: usize, asked: Asked) {
    DOING.set((worker as u16, asked));
}

/// To be called while the word is locked.
pub(crate) fn note(word: usize, before: u64, after: u64) {
    let (worker, asked) = DOING.get();
    let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    if noted.len() < MOST {
        noted.push(Transition { word, worker, asked, before, after });
    }
}

/// Writes the log, after the storm.
pub(crate) fn write(path: &Path, workers: usize) -> io::Result<()> {
    std::fs::write(path, log(workers).map_err(io::Error::other)?)
}

fn log(workers: usize) -> Result<String, NoStep> {
    let mut runs: BTreeMap<usize, Vec<Transition>> = BTreeMap::new();
    for transition in std::mem::take(&mut *NOTED.lock().unwrap_or_else(PoisonError::into_inner)) {
        runs.entry(transition.word).or_default().push(transition);
    }
    let mut log = String::new();
    for transitions in runs.into_values() {
        // A string takes everything.
        let _ = writeln!(log, r#"{{"protocol":"ownership","design":"handfast","threads":{workers},"numbers":1}}"#);
        let mut run = Run { log: &mut log, incarnation: 0, watching: BTreeSet::new() };
        transitions.into_iter().try_for_each(|transition| run.follow(transition))?;
    }
    Ok(log)
}

/// One slot.
struct Run<'a> {
    log: &'a mut String,
    /// The last descriptor that was given the number, counted from 1.
    incarnation: u32,
    /// Whose pollers watch it.
    watching: BTreeSet<u16>,
}

impl Run<'_> {
    fn follow(&mut self, transition: Transition) -> Result<(), NoStep> {
        let Transition { worker, asked, before, after, .. } = transition;
        let (before, after) = (Word::from_bits(before), Word::from_bits(after));
        let ends = after.state() == State::Free;
        let generation = if ends { before.generation().next() } else { before.generation() };
        if after.generation() != generation {
            return Err(NoStep { worker, before, after });
        }
        match (before.state(), after.state()) {
            (State::Free, State::Held) => {
                self.incarnation += 1;
                self.watching.clear();
                self.about("open", worker);
                self.alone("claim", worker);
            }
            (State::Held, State::Live { sharing: Sharing::Exclusive(owner), runners: 1, closing: false }) => {
                self.line(&format!(r#""insert":{{"thread":{worker},"owner":{{"thread":{}}}}}"#, owner.number()), "");
                self.watch(worker);
            }
            (State::Live { runners: 0, .. }, State::Live { sharing, runners: 1, closing: false }) => {
                self.come_in(worker, asked, sharing);
            }
            (State::Live { closing, .. }, State::Live { closing: still, runners: 0, .. }) if closing == still => {
                self.alone("leave", worker);
            }
            (State::Live { closing: false, .. }, State::Held) => self.alone("delete_inside", worker),
            (State::Held, State::Free) => {
                self.alone("wipe", worker);
                self.alone("close", worker);
            }
            // Only what a storm asks for: nothing is shared, and whoever deletes is inside.
            (State::Free | State::Held | State::Live { .. }, State::Free | State::Held | State::Live { .. }) => {
                return Err(NoStep { worker, before, after });
            }
        }
        Ok(())
    }

    /// By a report, which the poller has had from somewhere, or by a takeover, after which the poller watches it.
    fn come_in(&mut self, worker: u16, asked: Asked, sharing: Sharing) {
        let is_owner = sharing == Sharing::Exclusive(Worker::new(worker));
        match asked {
            Asked::Takeover if is_owner => {
                self.about("takeover", worker);
                self.watch(worker);
            }
            Asked::Insert | Asked::Enter | Asked::Takeover => {
                let incarnation = self.incarnation - 1;
                self.line(&format!(r#""arrive":{{"incarnation":{incarnation}}}"#), "");
                self.alone("poll", worker);
                let told = format!(
                    r#","observation":{{"accepted":[{{"entered":[{worker},{incarnation},{incarnation}]}},{{"handled":[{worker},{incarnation}]}}]}}"#
                );
                self.line(&format!(r#""enter":{{"thread":{worker},"incarnation":{incarnation}}}"#), &told);
            }
        }
    }

    fn watch(&mut self, worker: u16) {
        if self.watching.insert(worker) {
            self.alone("watch", worker);
        }
    }

    fn alone(&mut self, action: &str, worker: u16) {
        self.line(&format!(r#""{action}":{{"thread":{worker}}}"#), "");
    }

    fn about(&mut self, action: &str, worker: u16) {
        let incarnation = self.incarnation - 1;
        self.line(&format!(r#""{action}":{{"thread":{worker},"incarnation":{incarnation}}}"#), "");
    }

    fn line(&mut self, action: &str, rest: &str) {
        // A string takes everything.
        let _ = writeln!(self.log, r#"{{"action":{{{action}}}{rest}}}"#);
    }
}
