//! Lines for an output that is perhaps not read.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that wait to be written.
const QUEUE: usize = 4096;

/// How long the last lines may take.
const LAST: Duration = Duration::from_secs(1);

/// Writes lines on a thread of its own. A pipe that is full loses lines, and one that is closed loses all: no request
/// waits for the log, or fails because of it.
#[derive(Clone)]
pub(crate) struct Console {
    lines: SyncSender<String>,
    lost: Arc<AtomicU64>,
}

/// The thread, which ends when there is no [`Console`] left.
pub(crate) struct Writer(Receiver<()>);

impl Console {
    /// Starts the thread.
    pub(crate) fn start(out: impl Write + Send + 'static) -> (Self, Writer) {
        let (lines, queue) = sync_channel(QUEUE);
        let (ends, has_ended) = sync_channel(0);
        let lost = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&lost);
        thread::spawn(move || {
            let _ends: SyncSender<()> = ends;
            write(queue, &count, out)
        });
        (Self { lines, lost }, Writer(has_ended))
    }

    /// Prints a line, if it can be printed.
    pub(crate) fn say(&self, line: impl Into<String>) {
        if self.lines.try_send(line.into()).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// For `tracing`, which writes a line at once.
impl Write for Console {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.say(String::from_utf8_lossy(line.trim_ascii_end()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Writer {
    /// Waits until the last line is written, for a moment at most.
    pub(crate) fn finish(self) {
        let _ = self.0.recv_timeout(LAST);
    }
}

fn write(lines: Receiver<String>, lost: &AtomicU64, mut out: impl Write) -> io::Result<()> {
    for line in lines {
        writeln!(out, "{line}")?;
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost != 0 {
            writeln!(out, "{lost} lines were lost")?;
        }
    }
    out.flush()
}
