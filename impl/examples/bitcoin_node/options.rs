//! What the node is told on its command line.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::BufWriter;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bitcoin::BlockHash;
use bitcoin::block::Header;
use bitcoin::constants::genesis_block;
use bitcoin::p2p::Magic;
use clap::{ArgGroup, Parser, ValueEnum};
use handfast::lifecycle::{Config, Duplicates, Limits, Network as Banned, Node, NodeConfig};

use crate::peer::Peers;
use crate::record::{self, Recording};

/// A Bitcoin node without blocks: it shakes hands, answers pings, and prints which peers come and go.
#[derive(Debug, Parser)]
#[command(group = ArgGroup::new("peers").args(["listen", "connect"]).required(true).multiple(true))]
pub(crate) struct Options {
    /// Accept peers at this address; port 0 is any free one; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Stay connected to this peer, a name or an address, with a port or at the network's; may be given several times
    #[arg(long, value_name = "PEER", value_parser = target)]
    pub(crate) connect: Vec<Target>,
    #[arg(long, value_enum, default_value_t = Network::Regtest)]
    pub(crate) network: Network,
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
    /// Accepted peers of one /24 (IPv4) or /64 (IPv6), at most
    #[arg(long, value_name = "PEERS", default_value_t = 32)]
    max_per_source: u16,
    /// How long dialing and the handshake may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    handshake_timeout: u64,
    /// How often peers are pinged; who has not answered by the next time is gone
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    ping_interval: u64,
    /// How long sessions, and the record, may take to end after a signal
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=86_400))]
    grace: u64,
    /// Have nothing to do with this address or network, such as 192.0.2.0/24; may be given several times
    #[arg(long, value_name = "NETWORK")]
    pub(crate) ban: Vec<Banned>,
    /// Follow the headers of the longest chain, asking one peer at a time
    #[arg(long)]
    pub(crate) follow: bool,
    /// How long a peer that is asked for headers may take to send some
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    stall_timeout: u64,
    /// Write what happens to this file, for `model explain lifecycle FILE`; the record ends if the file is too slow
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Say on the standard error why handshakes fail and connections end
    #[arg(long)]
    pub(crate) verbose: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Network {
    Regtest,
    Simnet,
    Signet,
}

/// A peer that is dialed.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Target {
    host: String,
    port: Option<u16>,
}

impl Network {
    pub(crate) fn magic(self) -> Magic {
        match self {
            Self::Regtest => Magic::REGTEST,
            Self::Signet => Magic::SIGNET,
            Self::Simnet => Magic::from_bytes([0x16, 0x1c, 0x14, 0x12]), // btcd's
        }
    }

    pub(crate) fn genesis(self) -> BlockHash {
        match self {
            Self::Regtest => genesis_block(bitcoin::Network::Regtest).block_hash(),
            Self::Signet => genesis_block(bitcoin::Network::Signet).block_hash(),
            // btcd's: regtest's with a time of its own.
            Self::Simnet => {
                Header { time: 1_401_292_357, ..genesis_block(bitcoin::Network::Regtest).header }.block_hash()
            }
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Regtest => 18444,
            Self::Signet => 38333,
            Self::Simnet => 18555,
        }
    }
}

impl Options {
    /// Creates the node, and the file of its record.
    pub(crate) fn node(&self) -> Result<(Peers, Option<Recording>), Box<dyn Error>> {
        let Some(path) = &self.record else { return Ok((Node::new(self.node_config())?, None)) };
        let file = File::create(path).map_err(|error| format!("cannot record to {}: {error}", path.display()))?;
        let (lines, recording) = record::start(BufWriter::new(file));
        Ok((Node::recorded(self.node_config(), lines)?, Some(recording)))
    }

    fn node_config(&self) -> NodeConfig<SocketAddr> {
        let (inbound, outbound) = (usize::from(self.max_inbound), usize::from(self.max_outbound));
        let limits = Limits::by_direction(inbound, outbound)
            .with_pending_inbound(self.max_pending.into())
            .with_pending_per_source(self.max_pending_per_source.into())
            .with_per_address(self.max_per_address.into())
            .with_per_source(self.max_per_source.into());
        let registry = Config::new(limits, Duplicates::KeepNew);
        NodeConfig::new(registry).with_handshake_timeout(self.handshake_timeout())
    }

    pub(crate) fn handshake_timeout(&self) -> Duration {
        Duration::from_secs(self.handshake_timeout)
    }

    pub(crate) fn ping_interval(&self) -> Duration {
        Duration::from_secs(self.ping_interval)
    }

    pub(crate) fn stall_timeout(&self) -> Duration {
        Duration::from_secs(self.stall_timeout)
    }

    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.grace)
    }
}

impl Target {
    /// Returns the host and its port, which is the network's if none was said.
    pub(crate) fn on(&self, network: Network) -> (&str, u16) {
        (&self.host, self.port.unwrap_or_else(|| network.port()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.host.contains(':')) {
            (Some(port), true) => write!(f, "[{}]:{port}", self.host),
            (Some(port), false) => write!(f, "{}:{port}", self.host),
            (None, _) => f.write_str(&self.host),
        }
    }
}

fn target(text: &str) -> Result<Target, String> {
    // `::ffff:127.0.0.1` and `127.0.0.1` are one peer.
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Target { host: address.ip().to_canonical().to_string(), port: Some(address.port()) });
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Target { host: address.to_canonical().to_string(), port: None });
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let port = port.map(|port| port.parse().map_err(|_| format!("{port:?} is not a port"))).transpose()?;
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if host.is_empty() || !is_name(host) {
        return Err("it is neither an address nor a name".to_owned());
    }
    Ok(Target { host: host.to_owned(), port })
}
