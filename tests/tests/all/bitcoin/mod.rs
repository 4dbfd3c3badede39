//! The Bitcoin node of the examples: in storms on loopback, against another implementation, and as a program.

mod client;
mod codec;
mod conduct;
mod interop;
mod program;
mod server;
mod storm;

use std::time::Duration;

/// How long a test may take that has a process of its own.
const LIMIT: Duration = Duration::from_secs(300);
