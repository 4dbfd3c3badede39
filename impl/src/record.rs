//! The writer of a record: a log in the words of the specification, which `model explain` reads.

use std::fmt::{self, Debug, Formatter};
use std::io::{self, Write};

use serde::Serialize;

use crate::runtime::time::Instant;

/// Writes lines of JSON, until the first error: a log with a gap cannot be explained.
pub(crate) struct Writer<W: ?Sized> {
    begun: Instant,
    error: Option<io::Error>,
    out: W,
}

/// A line with the moment of its step, in microseconds since the log was begun.
#[derive(Serialize)]
struct Timed<'a, L> {
    at: u64,
    #[serde(flatten)]
    line: &'a L,
}

impl<W> Writer<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { begun: Instant::now(), error: None, out }
    }
}

impl<W: ?Sized> Debug for Writer<W> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("error", &self.error).finish_non_exhaustive()
    }
}

#[cfg(feature = "simopen")]
impl<W: Write> Writer<W> {
    /// Flushes the log and returns what it was written to, or the first error.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.flush().map(|()| self.out)
    }
}

impl<W: Write + ?Sized> Writer<W> {
    pub(crate) fn write(&mut self, line: &impl Serialize) {
        self.write_at(Instant::now(), line);
    }

    /// Writes a line of which the step was taken before.
    pub(crate) fn write_at(&mut self, moment: Instant, line: &impl Serialize) {
        if self.error.is_some() {
            return;
        }
        let at = moment.saturating_duration_since(self.begun).as_micros();
        let at = u64::try_from(at).unwrap_or(u64::MAX);
        let written = serde_json::to_vec(&Timed { at, line }).map_err(io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            self.out.write_all(&bytes)
        });
        self.error = written.err();
    }

    /// Ends the log, because the model has no words for what follows.
    pub(crate) fn give_up(&mut self, why: &'static str) {
        self.error.get_or_insert_with(|| io::Error::other(why));
    }

    /// Flushes the log, or returns the first error, of which it keeps the text.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self.error.take() {
            Some(error) => {
                self.error = Some(io::Error::new(error.kind(), error.to_string()));
                Err(error)
            }
            None => self.out.flush(),
        }
    }
}
