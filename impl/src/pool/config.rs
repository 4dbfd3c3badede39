//! What a pool is made with.

use std::time::Duration;

use super::core::Limits;
use crate::setters::setters;

/// What a pool keeps.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
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
    /// From which workers' connections a taker chooses first.
    pub prefer: Prefer,
    /// By how much of the greatest [age](Limits::age), in percent, a connection's may fall short, each by a share of its own.
    /// Otherwise connections that were made together are closed together, and made together again.
    pub spread: u8,
}

impl Config {
    setters! { const:
        limits, with_limits: Limits;
        descriptors, with_descriptors: usize;
        probe, with_probe: bool;
        prefer, with_prefer: Prefer;
        spread, with_spread: u8;
    }
}

/// From which workers' idle connections a taker chooses first.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Prefer {
    /// The worker's own, which costs least.
    #[default]
    Own,
    /// Those of other workers. Each is a takeover: for tests and for measuring.
    Others,
    /// The worker's own, and no other's: for connections that cannot go to another worker, because a task of their own
    /// reads them there.
    OnlyOwn,
}

/// How long one connection may be kept, where its server has said so: the pool's [`Limits`] hold besides.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Keep {
    /// How long it may be idle, as in the `timeout` of a `Keep-Alive` header: less than what the server says by as much
    /// as a request may be on its way. [`Duration::MAX`] is no limit.
    pub idle: Duration,
    /// How old it may be. [`Duration::MAX`] is no limit.
    pub age: Duration,
}

impl Keep {
    setters! { const:
        idle, with_idle: Duration;
        age, with_age: Duration;
    }
}

impl Default for Keep {
    /// No limits besides the pool's.
    fn default() -> Self {
        Self { idle: Duration::MAX, age: Duration::MAX }
    }
}

impl Default for Config {
    /// 64 connections to one destination on each worker, and in all half as many as the process may have descriptors
    /// (`RLIMIT_NOFILE`), but no more than 1024; idle for at most 30 seconds and at most an hour old, less up to 10 percent;
    /// descriptors up to the process's limit, but no more than 65,536.
    fn default() -> Self {
        let descriptors = descriptors();
        let total = (descriptors / 2).min(MOST_IDLE);
        let limits = Limits::new(64, total);
        Self { limits, descriptors, probe: true, prefer: Prefer::Own, spread: 10 }
    }
}

const MOST_IDLE: usize = 1024;
const MOST_DESCRIPTORS: usize = 1 << 16;

fn descriptors() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).map_or(MOST_DESCRIPTORS, |limit| limit.min(MOST_DESCRIPTORS))
}
