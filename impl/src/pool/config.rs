//! What a pool is made with.

use std::time::Duration;

use super::core::Limits;

/// What a pool keeps.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Config {
    /// How much is kept, and for how long.
    pub limits: Limits,
    /// One more than the greatest number of a descriptor that can be kept. The table has one slot for each, of one or
    /// two cache lines and the connection with its payload.
    pub descriptors: usize,
    /// Whether the kernel is asked once more, with one system call, when a connection is taken: that finds those that
    /// the server has closed since the worker's poller looked last, and those of which the former worker's poller was told between
    /// the look at what it knows and the takeover, so that no worker reads it (OWN-15). A server may always close in the moment after.
    pub probe: bool,
    /// Whose connections are taken first.
    pub prefer: Prefer,
}

/// Whose idle connections are taken first.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Prefer {
    /// The worker's own, which costs least.
    #[default]
    Own,
    /// Those of other workers. Each is a takeover: for tests and for measuring.
    Others,
}

impl Default for Config {
    /// 64 connections to one destination on each worker and 1024 in all, idle for at most 30 seconds and at most an
    /// hour old; descriptors up to the process's limit, but no more than 65,536.
    fn default() -> Self {
        let limits = Limits { per_key: 64, total: 1024, idle: Duration::from_secs(30), age: Duration::from_secs(3600) };
        Self { limits, descriptors: descriptors(), probe: true, prefer: Prefer::Own }
    }
}

const MOST_DESCRIPTORS: usize = 1 << 16;

fn descriptors() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).map_or(MOST_DESCRIPTORS, |limit| limit.min(MOST_DESCRIPTORS))
}
