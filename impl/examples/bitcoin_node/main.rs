//! A Bitcoin node as far as its peers' coming and going: it shakes hands, answers pings, and knows no blocks.
//!
//! ```text
//! cargo run -p handfast --example bitcoin_node -- --listen 127.0.0.1:18444
//! cargo run -p handfast --example bitcoin_node -- --connect 127.0.0.1:18444
//! ```
//!
//! Each line of the standard output is a peer that came or went; with `--verbose` the standard error says why handshakes
//! failed. Ctrl-C ends the node.
//!
//! Other nodes find it with `bitcoind -regtest -connect=127.0.0.1:18444` or `btcd --simnet --connect=127.0.0.1:18444`.
//! It is written for those two from what they send and expect; what it was run with, in both directions, is bcoin 1.0.2, a
//! full node too, and python-bitcoinlib (`tests/tests/all/bitcoin/interop.rs`).
#![allow(unreachable_pub)] // `peer` is also part of a library, for tests: ../lib.rs

mod peer;

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bitcoin::p2p::Magic;
use clap::{ArgGroup, Parser, ValueEnum};
use handfast::lifecycle::{
    Config, Direction, Duplicates, Event, Limits, Node, NodeConfig, Origin, Peer, Reason, canonical,
};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

use peer::{About, Local, Peers};

/// How long it is waited before a peer that was lost is dialed again; doubled each time that it cannot be reached.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(64);

/// A Bitcoin node without blocks: it shakes hands, answers pings, and prints which peers come and go.
#[derive(Debug, Parser)]
#[command(group = ArgGroup::new("peers").args(["listen", "connect"]).required(true).multiple(true))]
struct Options {
    /// Accept peers at this address; port 0 is any free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Stay connected to the peer at this address; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    connect: Vec<SocketAddr>,
    #[arg(long, value_enum, default_value_t = Network::Regtest)]
    network: Network,
    /// Accepted peers, at most
    #[arg(long, value_name = "PEERS", default_value_t = 117)]
    max_inbound: u16,
    /// Dialed peers, at most
    #[arg(long, value_name = "PEERS", default_value_t = 8)]
    max_outbound: u16,
    /// Handshakes under way with accepted peers, at most
    #[arg(long, value_name = "PEERS", default_value_t = 32)]
    max_pending: u16,
    /// Handshakes under way with accepted peers of one /24 (IPv4) or /64 (IPv6), at most
    #[arg(long, value_name = "PEERS", default_value_t = 16)]
    max_pending_per_source: u16,
    /// Accepted peers of one IP address, at most
    #[arg(long, value_name = "PEERS", default_value_t = 32)]
    max_per_address: u16,
    /// How long dialing and the handshake may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    handshake_timeout: u64,
    /// How often peers are pinged; who has not answered by the next time is gone
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    ping_interval: u64,
    /// How long sessions may take to end after Ctrl-C
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=86_400))]
    deadline: u64,
    /// Say on the standard error why handshakes fail and connections end
    #[arg(long)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Network {
    Regtest,
    Simnet,
    Signet,
}

impl Network {
    fn magic(self) -> Magic {
        match self {
            Self::Regtest => Magic::REGTEST,
            Self::Signet => Magic::SIGNET,
            Self::Simnet => Magic::from_bytes([0x16, 0x1c, 0x14, 0x12]), // btcd's
        }
    }
}

impl Options {
    fn node_config(&self) -> NodeConfig<SocketAddr> {
        let (inbound, outbound) = (usize::from(self.max_inbound), usize::from(self.max_outbound));
        let limits = Limits {
            pending_inbound: self.max_pending.into(),
            pending_per_source: self.max_pending_per_source.into(),
            per_address: self.max_per_address.into(),
            ..Limits::by_direction(inbound, outbound)
        };
        let registry = Config::new(limits, Duplicates::KeepNew);
        NodeConfig { handshake_timeout: Duration::from_secs(self.handshake_timeout), ..NodeConfig::new(registry) }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let level = if options.verbose { tracing::Level::DEBUG } else { tracing::Level::WARN };
    tracing_subscriber::fmt().with_writer(io::stderr).with_max_level(level).init();

    let node: Peers = Node::new(options.node_config())?;
    let local = Arc::new(Local::new(options.network.magic(), Duration::from_secs(options.ping_interval)));
    let printer = tokio::spawn(print_events(node.clone()));

    let mut tasks = JoinSet::new();
    tokio::select! {
        biased; // Ctrl-C is listened for before anything begins
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        failed = begin(&node, &local, &options, &mut tasks) => failed?,
    }

    let report = node.shutdown(Duration::from_secs(options.deadline)).await;
    tasks.shutdown().await;
    printer.await?;
    print(format_args!("shut down: {} sessions ended, {} were aborted", report.drained, report.aborted));
    Ok(())
}

/// Listens and dials, and returns only if it cannot listen.
async fn begin(
    node: &Peers,
    local: &Arc<Local>,
    options: &Options,
    tasks: &mut JoinSet<()>,
) -> Result<(), Box<dyn Error>> {
    if let Some(address) = options.listen {
        let listener =
            TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
        print(format_args!("listening on {}", listener.local_addr()?));
        let (node, local) = (node.clone(), Arc::clone(local));
        tasks.spawn(async move { peer::accept_peers(&node, &local, &listener).await });
    }
    for address in options.connect.iter().copied().map(canonical).collect::<BTreeSet<_>>() {
        tasks.spawn(stay_connected(node.clone(), Arc::clone(local), address));
    }
    std::future::pending().await
}

/// Dials until the node shuts down, or finds that it dialed itself.
async fn stay_connected(node: Peers, local: Arc<Local>, address: SocketAddr) {
    let mut pause = FIRST_PAUSE;
    loop {
        let (dialing, conversing) = (Arc::clone(&local), Arc::clone(&local));
        let opened = node.open(
            Origin::outbound(Some(address.ip())),
            move |handshake| async move { peer::logged(address, peer::dial(&dialing, address, handshake).await) },
            move |live, established| peer::converse(conversing, live, established),
        );
        match opened {
            Ok(session) => {
                let ended = session.wait().await;
                match ended.reason {
                    Reason::ShuttingDown => return,
                    Reason::Myself => return print(format_args!("not dialing {address}: it is this node")),
                    _ if ended.announced => pause = FIRST_PAUSE,
                    _ => print(format_args!("cannot connect to {address}: {}", ended.reason)),
                }
            }
            Err(rejected) if rejected.reason == Reason::ShuttingDown => return,
            Err(rejected) => print(format_args!("not dialing {address}: {}", rejected.reason)),
        }
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(2 * pause);
    }
}

/// Subscribes again whenever it was too slow, and begins with who is there.
async fn print_events(node: Peers) {
    while let Ok(mut events) = node.subscribe() {
        events.snapshot().iter().for_each(|peer| print_peer("here", peer, ""));
        while let Some(event) = events.next().await {
            match event {
                Event::Up(peer) => print_peer("up", &peer, ""),
                Event::Down(peer, reason) => print_peer("down", &peer, &reason.to_string()),
                Event::Lagged => print(format_args!("missed some; who is here:")),
                Event::Closed => return,
            }
        }
    }
}

fn print_peer(what: &str, peer: &Peer<SocketAddr, About>, why: &str) {
    let direction = match peer.origin.direction {
        Direction::Inbound => "from",
        Direction::Outbound => "to",
    };
    let About { version, user_agent, start_height } = &peer.info;
    let colon = if why.is_empty() { "" } else { ": " };
    // What a peer calls itself is escaped: it may hold anything that ends a line or moves a cursor.
    print(format_args!(
        "{what} {direction} {} {user_agent:?} version {version} height {start_height}{colon}{why}",
        peer.key
    ));
}

/// Prints a line, and goes on if nobody reads it.
fn print(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}
