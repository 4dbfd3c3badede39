//! Lines between the step that they tell of, which is taken under a lock, and foreign code, which writes them under none.

use std::io::{self, Write};
use std::mem::{replace, take};

use super::{Line, Record};
use crate::record::Writer;
use crate::runtime::time::Instant;

type Out = Writer<Box<dyn Write + Send>>;

/// Lines that are not written, and what writes them.
pub(super) struct Queue {
    out: State,
    /// With the moments of their steps.
    lines: Vec<(Instant, Line)>,
    /// Why the record has ended, if it has.
    given_up: Option<&'static str>,
}

enum State {
    Ready(Out),
    /// A call writes lines.
    Busy,
    /// It has panicked.
    Lost,
}

impl Queue {
    pub(super) fn new(out: Out) -> Self {
        Self { out: State::Ready(out), lines: Vec::new(), given_up: None }
    }

    pub(super) fn push(&mut self, line: Line) {
        if self.given_up.is_none() && !matches!(self.out, State::Lost) {
            self.lines.push((Instant::now(), line));
        }
    }

    /// Ends the record. The first reason stays.
    pub(super) fn give_up(&mut self, why: &'static str) {
        self.given_up.get_or_insert(why);
    }

    /// Takes what writes, if no other call has it.
    fn take_out(&mut self) -> io::Result<Out> {
        match replace(&mut self.out, State::Busy) {
            State::Ready(out) => Ok(out),
            State::Busy => Err(io::Error::new(io::ErrorKind::WouldBlock, "another call is writing the record")),
            State::Lost => {
                self.out = State::Lost;
                Err(io::Error::other("the writer of the record has panicked"))
            }
        }
    }
}

impl Record {
    /// Writes the lines that were entered, unless another call is writing: then a later call does.
    pub(in super::super) fn write_out(&self) {
        let mut steps = self.steps().0;
        let queue = &mut steps.queue;
        if queue.lines.is_empty() && queue.given_up.is_none() {
            return;
        }
        let Ok(out) = queue.take_out() else { return };
        let (lines, given_up) = (take(&mut queue.lines), queue.given_up);
        drop(steps);
        self.call(out, |out| {
            lines.iter().for_each(|(moment, line)| out.write_at(*moment, line));
            given_up.into_iter().for_each(|why| out.give_up(why));
        });
    }

    /// Writes what was entered and flushes it.
    pub(in super::super) fn flush(&self) -> io::Result<()> {
        self.write_out();
        let out = self.steps().0.queue.take_out()?;
        self.call(out, Writer::flush)
    }

    /// Calls foreign code, under no lock, and puts it back unless it panics.
    fn call<R>(&self, mut out: Out, write: impl FnOnce(&mut Out) -> R) -> R {
        let mut returns = Returns { record: self, state: State::Lost };
        let written = write(&mut out);
        returns.state = State::Ready(out);
        written
    }
}

/// Says what has become of the writer that a call has taken.
struct Returns<'r> {
    record: &'r Record,
    state: State,
}

impl Drop for Returns<'_> {
    fn drop(&mut self) {
        self.record.steps().0.queue.out = replace(&mut self.state, State::Lost);
    }
}
