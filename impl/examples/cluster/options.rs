//! What the cluster is told on its command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Nodes that dial each other all at once, gossip, and are killed and restarted.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Nodes in this process
    #[arg(long, value_name = "NODES", default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=64))]
    nodes: u32,
    /// Be one node of several processes, at this address
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["nodes", "kill_every", "kills"])]
    pub(crate) listen: Option<SocketAddr>,
    /// A node of another process to stay connected to; may be given several times
    #[arg(long, value_name = "ADDRESS", requires = "listen")]
    pub(crate) connect: Vec<SocketAddr>,
    /// End when so many frames were delivered; without it a signal ends it
    #[arg(long, value_name = "FRAMES")]
    frames: Option<u64>,
    /// Kill and restart a node so often; each fourth time all of them together
    #[arg(long, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    kill_every: Option<u64>,
    /// End only after so many kills
    #[arg(long, value_name = "KILLS", default_value_t = 0, requires = "kill_every")]
    kills: u64,
    /// How often a node sends a frame to each of its peers
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    interval: u64,
    /// Take a peer for dead of which nothing has come for so long
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    idle: u64,
    /// Say who is there instead of proving it by Noise XX
    #[arg(long)]
    pub(crate) plain: bool,
    /// Write what happens to files in this directory: the log of each node, for `model explain node FILE`, and what became
    /// of the frames of each session that is over, in `ledger.txt`
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) record: Option<PathBuf>,
}

impl Options {
    /// Whether the other nodes are in other processes.
    pub(crate) fn is_alone(&self) -> bool {
        self.listen.is_some()
    }

    pub(crate) fn nodes(&self) -> u32 {
        if self.is_alone() { 1 } else { self.nodes }
    }

    pub(crate) fn kill_every(&self) -> Option<Duration> {
        self.kill_every.map(Duration::from_millis)
    }

    pub(crate) fn interval(&self) -> Duration {
        Duration::from_millis(self.interval)
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_millis(self.idle)
    }

    pub(crate) fn is_done(&self, delivered: u64, kills: u64) -> bool {
        self.frames.is_some_and(|frames| delivered >= frames) && kills >= self.kills
    }
}
