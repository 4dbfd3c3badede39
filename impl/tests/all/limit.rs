//! The end of a test that hangs, with its name.
//!
//! Where a task waits for what does not come, or never rests so that a paused clock stands still, no limit of the test's own
//! runs out: the thread is asleep or busy.

use std::io::{Write, stderr};
use std::process::exit;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How long a test may take. The slowest takes a few seconds on a machine that does nothing else.
const LIMIT: Duration = Duration::from_secs(120);

thread_local! {
    static RUNNING: Running = Running::begin();
}

/// Dropped with the thread of a test.
struct Running(#[expect(dead_code, reason = "its drop is the signal")] Sender<()>);

impl Running {
    fn begin() -> Self {
        let (runs, has_ended) = channel();
        // With one thread for all tests there is none whose end is that of a test.
        if let Some(test) = thread::current().name().filter(|name| *name != "main").map(str::to_owned) {
            thread::spawn(move || {
                if has_ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                    // Past the capture of the output, which would be lost.
                    let _ = writeln!(stderr(), "test {test} has not ended within {LIMIT:?}: it waits, or never rests");
                    exit(101);
                }
            });
        }
        Self(runs)
    }
}

/// Limits the test that runs on this thread. To be called by what its tests begin with.
pub(crate) fn limited() {
    RUNNING.with(|_| {});
}
