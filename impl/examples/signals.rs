//! Signals that end a program in order.

use std::convert::Infallible;
use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C, what a supervisor sends, and what a terminal sends when it closes. They are caught from the moment that this is
/// made, so that a program can be the first of its container, on which signals have no effect otherwise.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Call it in a runtime.
    pub(crate) fn new() -> io::Result<Self> {
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self { interrupt: interrupt?, terminate: terminate?, hangup: hangup? })
    }

    /// Waits for the next of them. Cancel safe.
    pub(crate) async fn end(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }

    /// Ends the process at the next of them, with status 1, wherever it is. Let a thread poll it that waits for nothing else.
    pub(crate) async fn exit(mut self) -> Infallible {
        self.end().await;
        process::exit(1)
    }
}
