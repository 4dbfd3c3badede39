//! Lines for the standard output, which nobody may be reading.

use std::io::Write;
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
    pub(crate) fn start() -> (Self, Writer) {
        let (lines, queue) = sync_channel(QUEUE);
        let (_writes, has_written) = sync_channel(0);
        let lost = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&lost);
        thread::spawn(move || {
            // Dropped when this thread ends.
            let _writes: SyncSender<()> = _writes;
            write(queue, &count)
        });
        (Self { lines, lost }, Writer(has_written))
    }

    /// Prints a line, if it can be printed.
    pub(crate) fn say(&self, line: String) {
        if self.lines.try_send(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Writer {
    /// Waits until the last line is written, for a moment at most.
    pub(crate) fn finish(self) {
        let _ = self.0.recv_timeout(LAST);
    }
}

fn write(lines: Receiver<String>, lost: &AtomicU64) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    for line in lines {
        writeln!(out, "{line}")?;
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost != 0 {
            writeln!(out, "{lost} lines were lost")?;
        }
    }
    out.flush()
}
