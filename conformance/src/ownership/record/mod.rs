//! What threads do to a table under a checker, written down as a log that the model accepts or not.
//!
//! Every access to a word that changes it is a line, in the order in which they are made: the [family](family::Recorded) of
//! atomics writes them down, and says what they were tried for from what the [actor](actor::Actor) intends. A refusal changes
//! nothing and is a line where the word had the value that was seen, which under loom need not be the last one. The
//! scribe's own lock is the standard library's, which no checker knows: it is no place where another thread goes first,
//! and orders nothing that the table could profit from.
//!
//! The kernel is here, too, since the model has one: numbers, pollers, reports. What is asked of it is answered at once.

pub mod actor;
pub mod family;

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use handfast::ownership::Refused;
use handfast::ownership::core::{State, Word};
use handfast_spec::log::LineOf;
use handfast_spec::ownership::{Action, Away, Incarnation, Output, Ownership, Refusal, Thread};
use handfast_spec::{Observation, Protocol};
use model::checker::explain::{Explanation, explain};
use model::checker::format::write_log;
use model::ownership::handfast::{Handfast, Header};

use actor::Kernel;

/// A step, and what was observed of it, if that is the table's to say and not the kernel's.
pub type Line = LineOf<Ownership>;

/// Where in the log: after which change; and of those who saw the same, who came first.
type Place = (u64, u64);

/// Writes down what the threads of one execution do.
#[derive(Debug)]
pub struct Scribe {
    threads: u16,
    numbers: u8,
    book: Mutex<Book>,
}

/// A thread, as far as the scribe knows it.
#[derive(Debug, Default)]
struct Known {
    /// What the checker calls it.
    id: Option<u64>,
    /// What it is about to do to the word, first things first.
    intends: Vec<Action>,
    inside: Option<Incarnation>,
    /// Its last line, and where that is.
    line: usize,
    last: Place,
    /// Where it has last seen a word that it did not change.
    saw: Option<u64>,
    /// Whether there was something to read when it entered.
    read: bool,
}

#[derive(Debug)]
struct Book {
    lines: Vec<(Place, Line)>,
    clock: u64,
    threads: Vec<Known>,
    kernel: Kernel,
    /// Nothing more is written down.
    closed: bool,
}

thread_local! {
    /// A checker runs all threads of an execution on one of the system's.
    static SCRIBE: RefCell<Option<Arc<Scribe>>> = const { RefCell::new(None) };
}

/// The scribe of the execution that is running.
fn with<R>(to: impl FnOnce(&Scribe) -> R) -> Option<R> {
    let scribe = SCRIBE.with_borrow(|scribe| scribe.clone())?;
    Some(to(&scribe))
}

impl Scribe {
    /// Of the execution that begins now, with as many threads and numbers.
    pub fn begin(threads: u16, numbers: u8) -> Arc<Self> {
        let known = (0..threads).map(|_| Known::default()).collect();
        let kernel = Kernel::new(numbers);
        let book = Book { lines: Vec::new(), clock: 0, threads: known, kernel, closed: false };
        let scribe = Arc::new(Self { threads, numbers, book: Mutex::new(book) });
        SCRIBE.set(Some(Arc::clone(&scribe)));
        scribe
    }

    /// Ends the log, and gives it.
    pub fn end(&self) -> Vec<Line> {
        let mut book = self.book();
        book.closed = true;
        let mut lines = std::mem::take(&mut book.lines);
        lines.sort_by_key(|(place, _)| *place);
        lines.into_iter().map(|(_, line)| line).collect()
    }

    /// The log as `model explain` reads it.
    pub fn written(&self, lines: &[Line]) -> String {
        let header = Header { threads: self.threads, numbers: self.numbers };
        write_log(Ownership::NAME, header, lines.iter().cloned())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calling thread is this one.
    fn introduce(&self, thread: Thread, id: u64) {
        self.book().threads[thread.index()].id = Some(id);
    }

    fn intends(&self, thread: Thread, actions: &[Action]) {
        self.book().threads[thread.index()].intends = actions.to_vec();
    }

    /// A word was changed. Where in the log it is.
    fn changed(&self, id: u64, before: Word, after: Word) -> u64 {
        self.book().changed(id, before, after)
    }

    /// A word was seen: as it is, or as it was at an earlier place.
    fn saw(&self, id: u64, earlier: Option<u64>) {
        let mut book = self.book();
        if let Some(thread) = book.thread(id) {
            book.threads[thread.index()].saw = earlier;
        }
    }

    /// What the thread's last change came to, as the table told it.
    fn told(&self, thread: Thread, found: Incarnation) {
        let mut book = self.book();
        let known = &mut book.threads[thread.index()];
        known.inside = Some(found);
        let (line, read) = (known.line, known.read);
        let Some((_, Line { action, observation })) = book.lines.get_mut(line) else { return };
        let taken = matches!(action, Action::Takeover { .. }).then_some(found);
        let meant = about(action).unwrap_or(found);
        let outputs = taken.map(|which| Output::TakenOver(thread, which)).into_iter();
        let outputs = outputs.chain([Output::Entered(thread, found, meant)]);
        *observation =
            Some(Observation::Accepted(outputs.chain(read.then_some(Output::Handled(thread, found))).collect()));
    }

    /// The thread has inserted it, and is inside.
    fn inserted(&self, thread: Thread, which: Incarnation) {
        self.book().threads[thread.index()].inside = Some(which);
    }

    /// The thread was refused what it intended.
    fn refused(&self, thread: Thread, refused: Refused) {
        let mut book = self.book();
        let known = &mut book.threads[thread.index()];
        let (saw, last) = (known.saw.take(), known.last);
        let Some(action) = known.intends.pop() else { return };
        let observation = match action {
            Action::Enter { incarnation, .. } => {
                Observation::Accepted(vec![Output::TurnedAway(thread, incarnation, away(refused))])
            }
            // Every other refusal is told as such.
            _ => Observation::Refused(refusal(refused)),
        };
        let now = book.tick();
        // Not before what it did itself.
        let place = saw.map_or((now, 0), |seen| (seen.max(last.0), now));
        book.write(thread, place, Line { action, observation: Some(observation) });
    }
}

impl Book {
    fn thread(&self, id: u64) -> Option<Thread> {
        let index = self.threads.iter().position(|known| known.id == Some(id))?;
        Some(Thread(index as u16))
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn write(&mut self, thread: Thread, place: Place, line: Line) {
        if self.closed {
            return;
        }
        let known = &mut self.threads[thread.index()];
        known.last = known.last.max(place);
        known.line = self.lines.len();
        self.lines.push((place, line));
    }

    fn now(&mut self, thread: Thread, action: Action, observation: Option<Observation<Output, Refusal>>) {
        let place = (self.tick(), 0);
        self.write(thread, place, Line { action, observation });
    }

    fn changed(&mut self, id: u64, before: Word, after: Word) -> u64 {
        let Some(thread) = self.thread(id) else { return self.tick() };
        let known = &mut self.threads[thread.index()];
        let inside = known.inside;
        let wiped = after.state() == State::Free;
        let intended = if wiped || known.intends.is_empty() { None } else { Some(known.intends.remove(0)) };
        let action = intended.unwrap_or(Action::Wipe { thread });
        let holds = after.state() == State::Held;
        let closes = |which| holds.then_some([Output::Called(thread), Output::MustClose(thread, which)]);
        let told = |outputs: Vec<Output>, which| {
            Observation::Accepted(outputs.into_iter().chain(closes(which).into_iter().flatten()).collect())
        };
        let observation = match (action, inside) {
            (Action::Delete { incarnation, .. }, _) => {
                Some(told(vec![Output::Deleting(thread, incarnation)], incarnation))
            }
            (Action::Leave { .. }, Some(which)) => Some(told(vec![Output::Left(thread, which)], which)),
            (Action::DeleteInside { .. }, Some(which)) => {
                let first = matches!(before.state(), State::Live { closing: false, .. });
                let asked = first.then_some(Output::Deleting(thread, which));
                Some(told(asked.into_iter().chain([Output::Left(thread, which)]).collect(), which))
            }
            // What is told of these is known when the table returns; of others nothing is its to say.
            _ => None,
        };
        known.read = match action {
            Action::Enter { incarnation, .. } => self.kernel.read(incarnation),
            // Nothing else has the callback run.
            _ => false,
        };
        self.now(thread, action, observation);
        self.clock
    }
}

fn about(action: &Action) -> Option<Incarnation> {
    match *action {
        Action::Enter { incarnation, .. } | Action::Join { incarnation, .. } | Action::Takeover { incarnation, .. } => {
            Some(incarnation)
        }
        // Nothing else enters.
        _ => None,
    }
}

fn away(refused: Refused) -> Away {
    match refused {
        Refused::Closing => Away::Closing,
        Refused::NotOwner { .. } => Away::NotOwner,
        Refused::Busy => Away::Busy,
        Refused::Shared => Away::Shared,
        // The product may learn more reasons; none of them means that the thread may enter.
        _ => Away::Gone,
    }
}

fn refusal(refused: Refused) -> Refusal {
    match away(refused) {
        Away::Gone => Refusal::Gone,
        Away::Closing => Refusal::Closing,
        Away::NotOwner => Refusal::NotOwner,
        Away::Busy => Refusal::Busy,
        Away::Shared => Refusal::Shared,
    }
}

/// What the model says of a log.
///
/// # Panics
///
/// If it is no log.
pub fn explained(log: &str) -> Explanation {
    explain::<Handfast>(&mut log.as_bytes()).expect("a scribe writes what can be read")
}

/// Whether the model accepts a log and no rule is broken at its end.
pub fn is_accepted(log: &str) -> bool {
    let explanation = explained(log);
    explanation.rejection.is_none() && explanation.violated.is_empty()
}
