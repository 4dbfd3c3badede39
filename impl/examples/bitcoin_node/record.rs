//! A record that no session waits for, however slow its file is.
//!
//! The node writes its record under its lock, so that nothing may block there. Lines wait in a queue, and a thread writes
//! them. A log with a gap cannot be explained: where a line cannot be queued or written the record ends, and says so.

use std::io::{self, Write};
use std::thread;

use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};
use tokio::sync::oneshot;

/// Lines that may wait to be written: some ten megabytes.
pub const QUEUE: usize = 65_536;

const TOO_SLOW: &str = "its file is too slow";

enum Job {
    Line(Vec<u8>),
    End,
}

/// The node's end of the queue. It never blocks.
pub struct Lines(Sender<Job>);

/// The thread that writes.
pub struct Recording {
    jobs: Sender<Job>,
    outcome: oneshot::Receiver<io::Result<()>>,
}

/// Starts the thread.
pub fn start(out: impl Write + Send + 'static) -> (Lines, Recording) {
    let (jobs, queue) = channel(QUEUE);
    let (ended, outcome) = oneshot::channel();
    thread::spawn(move || {
        let written = write(queue, out);
        if let Err(error) = &written {
            tracing::error!(%error, "the record ends here");
        }
        // It may not be waited for any more.
        let _ = ended.send(written);
    });
    (Lines(jobs.clone()), Recording { jobs, outcome })
}

fn write(mut queue: Receiver<Job>, mut out: impl Write) -> io::Result<()> {
    while let Some(Job::Line(line)) = queue.blocking_recv() {
        out.write_all(&line)?;
        // All is in the file when there is nothing to do, however the program ends then.
        if queue.is_empty() {
            out.flush()?;
        }
    }
    out.flush()
}

/// A call of [`write`](Write::write) is a line. An error is final: the node ends its record.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.0.try_send(Job::Line(line.to_vec())) {
            Ok(()) => Ok(line.len()),
            Err(TrySendError::Full(_)) => {
                tracing::error!(error = TOO_SLOW, "the record ends here");
                Err(io::Error::other(TOO_SLOW))
            }
            // The thread has said why.
            Err(TrySendError::Closed(_)) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Recording {
    /// Waits until all that was queued is written.
    ///
    /// # Errors
    ///
    /// The error of the file.
    pub async fn finish(self) -> io::Result<()> {
        // A thread that has ended already has said why.
        let _ = self.jobs.send(Job::End).await;
        self.outcome.await.unwrap_or_else(|_| Err(io::Error::other("its thread has panicked")))
    }
}
