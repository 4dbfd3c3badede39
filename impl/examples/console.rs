//! Lines for an output that is perhaps not read.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Lines that wait to be written.
const QUEUE: usize = 4096;

/// How long the last lines may take.
const LAST: Duration = Duration::from_secs(1);

/// Writes lines on a thread of its own. A pipe that is full loses lines, and one that is closed loses all: no request
/// waits for the log, or fails because of it. How many were lost is said where they would have been.
#[derive(Clone)]
pub(crate) struct Console(Arc<Shared>);

/// The thread, which ends when it is [finished](Self::finish) or its output is closed.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    has_ended: Receiver<()>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// What a line about lost lines begins with.
    prefix: fn() -> String,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<String>,
    /// Lines that were lost since the last one that is in the queue.
    lost: u64,
    is_finished: bool,
}

impl Console {
    /// Starts the thread. A line that the console says itself begins with `prefix`, such as the time.
    pub(crate) fn start(out: impl Write + Send + 'static, prefix: fn() -> String) -> (Self, Writer) {
        let (ends, has_ended) = sync_channel(0);
        let shared = Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new(), prefix });
        let lines = Arc::clone(&shared);
        thread::spawn(move || {
            let _ends: SyncSender<()> = ends;
            write(&lines, out)
        });
        (Self(Arc::clone(&shared)), Writer { shared, has_ended })
    }

    /// Prints a line, if it can be printed.
    pub(crate) fn say(&self, line: impl Into<String>) {
        let line = line.into();
        let mut queue = self.0.lock();
        let queue = &mut *queue;
        // Room for two: the count of those that were lost comes first.
        if queue.lines.len() + 1 < QUEUE {
            queue.lines.extend(self.0.count_of_lost(&mut queue.lost));
            queue.lines.push_back(line);
            self.0.changed.notify_one();
        } else {
            queue.lost += 1;
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
    /// Waits until all that was said is written, for a moment at most.
    pub(crate) fn finish(self) {
        self.shared.lock().is_finished = true;
        self.shared.changed.notify_one();
        let _ = self.has_ended.recv_timeout(LAST);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_of_lost(&self, lost: &mut u64) -> Option<String> {
        let lost = std::mem::take(lost);
        (lost != 0).then(|| format!("{}{lost} lines were lost", (self.prefix)()))
    }

    /// Waits for the next line. None after the last one.
    fn next(&self) -> Option<String> {
        let mut queue = self.lock();
        loop {
            let line = queue.lines.pop_front();
            // Nothing came after those that were lost.
            if let Some(line) = line.or_else(|| self.count_of_lost(&mut queue.lost)) {
                return Some(line);
            }
            if queue.is_finished {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn write(shared: &Shared, mut out: impl Write) -> io::Result<()> {
    while let Some(line) = shared.next() {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
