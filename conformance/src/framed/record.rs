//! What two drivers did, in the words of the protocol.

use handfast_spec::framed::{Action, End, Ending, Framed, Moment, Outcome, Output, Refusal};
use handfast_spec::log::Line;
use handfast_spec::{Observation, Protocol};
use model::checker::format::write_log;
use model::framed::Kernel;
use model::framed::handfast::Config;
use tokio::time::Instant;

/// What happened so far, a line for each step.
///
/// A shutdown's outcome is told when its caller is polled. What it says of a connection that broke was known in
/// the step that broke it, and is entered there.
pub(super) struct Record {
    lines: Vec<(Action, Observation<Output, Refusal>)>,
    /// When the earlier moment is.
    soon: Instant,
    has_passed: bool,
    ends: [Marks; 2],
}

/// The lines in which something happened at an end.
#[derive(Default)]
struct Marks {
    begun: Option<usize>,
    broken: Option<usize>,
    expired: bool,
    over: bool,
    /// The reader met the deadline before the caller of the shutdown did, at the same moment. What it was told.
    reader_was_first: Option<Ending>,
}

impl Record {
    pub(super) fn new(soon: Instant) -> Self {
        Self { lines: Vec::new(), soon, has_passed: false, ends: Default::default() }
    }

    pub(super) fn line(&mut self, action: Action, outputs: Vec<Output>) {
        self.enter(action, Observation::Accepted(outputs));
    }

    pub(super) fn refused(&mut self, action: Action, why: Refusal) {
        self.enter(action, Observation::Refused(why));
    }

    fn enter(&mut self, action: Action, observed: Observation<Output, Refusal>) {
        if Instant::now() >= self.soon && !std::mem::replace(&mut self.has_passed, true) {
            let moment = Moment::Soon;
            self.lines.push((Action::Pass { moment }, Observation::Accepted(vec![Output::Passed(moment)])));
        }
        self.lines.push((action, observed));
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn has_begun(&self, end: End) -> bool {
        self.ends[end.index()].begun.is_some()
    }

    /// Whether the application has a reader that was told of no end.
    pub(super) fn has_reader(&self, end: End) -> bool {
        let told = |outputs: &[Output]| {
            outputs.iter().any(|output| matches!(output, Output::Left(of) | Output::Ended(of, _) if *of == end))
        };
        !self.lines.iter().any(|(_, observed)| matches!(observed, Observation::Accepted(outputs) if told(outputs)))
    }

    pub(super) fn begun(&mut self, end: End) {
        if !self.has_begun(end) {
            let by = Moment::Soon;
            self.line(Action::Shutdown { end, by }, vec![Output::Begun(end, by)]);
            self.ends[end.index()].begun = Some(self.lines.len() - 1);
        }
    }

    pub(super) fn broke(&mut self, end: End) {
        self.ends[end.index()].broken.get_or_insert(self.lines.len() - 1);
    }

    /// What a reader gives in the step that has brought the last of it, if that was since then; else in a step of its own.
    pub(super) fn gave(&mut self, end: End, output: Output, since: usize) {
        match self.lines[since..].last_mut() {
            Some((Action::Read { end: of }, Observation::Accepted(outputs))) if *of == end => outputs.push(output),
            _ => self.line(Action::Read { end }, vec![output]),
        }
    }

    /// The timer of an end has fired, with what was told of its shutdown then.
    fn expired(&mut self, end: End, told: Vec<Output>) {
        if !std::mem::replace(&mut self.ends[end.index()].expired, true) {
            self.line(Action::Expire { end }, told);
        }
    }

    /// Whether a reader that was told of an end, and has read nothing since then, met the deadline of a shutdown.
    pub(super) fn is_late(&self, end: End, ending: Ending, since: usize) -> bool {
        let is_at_deadline = self.has_begun(end) && Instant::now() >= self.soon && self.lines.len() == since;
        ending == Ending::Deadline || ending == Ending::Reset && is_at_deadline
    }

    /// A reader met the deadline, and was told of that or of what had ended the connection before: in a step after that in
    /// which the shutdown was over.
    pub(super) fn reader_expired(&mut self, end: End, ending: Ending) {
        let marks = &mut self.ends[end.index()];
        if marks.over {
            self.expired(end, Vec::new());
            self.line(Action::Read { end }, vec![Output::Ended(end, ending)]);
        } else {
            marks.reader_was_first = Some(ending);
        }
    }

    pub(super) fn over(&mut self, end: End, outcome: Outcome) {
        self.enter_outcome(end, outcome);
        let marks = &mut self.ends[end.index()];
        marks.over = true;
        if let Some(ending) = marks.reader_was_first {
            self.reader_expired(end, ending);
        }
    }

    fn enter_outcome(&mut self, end: End, outcome: Outcome) {
        let told = Output::Over(end, outcome);
        let Marks { begun, broken, .. } = self.ends[end.index()];
        let known_since = broken.map(|line| line.max(begun.unwrap_or(0)));
        match (outcome, known_since) {
            (Outcome::Clean | Outcome::PeerGone, Some(line)) => {
                let Observation::Accepted(outputs) = &mut self.lines[line].1 else { panic!("that was no refusal") };
                // Before what the reader was told because of it.
                let at = outputs.iter().position(|output| matches!(output, Output::Ended(..))).unwrap_or(outputs.len());
                outputs.insert(at, told);
            }
            (Outcome::Clean | Outcome::PeerGone, None) => self.line(Action::Confirm { end }, vec![told]),
            (Outcome::Unconfirmed, _) if Instant::now() < self.soon => self.line(Action::Confirm { end }, vec![told]),
            (Outcome::Unconfirmed | Outcome::Unacknowledged | Outcome::DeadlineExceeded | Outcome::Failed, _) => {
                self.expired(end, vec![told])
            }
        }
    }

    /// The log that `model explain framed` reads.
    pub(super) fn log(&self, kernel: Kernel, frames: [u32; 2], keep: u16, discard: u16) -> String {
        let lines = self.lines.iter().map(|(action, observed)| Line::observed(action, observed));
        write_log(Framed::NAME, Config { kernel, frames, keep, discard, answer: [None, None] }, lines)
    }
}
