//! What the proxy is told on its command line.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};

/// A reverse proxy that reuses connections on all of its threads
#[derive(Clone, Debug, Parser)]
pub(crate) struct Options {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// A backend; may be given several times
    #[arg(long, required = true)]
    pub(crate) backend: Vec<SocketAddr>,
    /// How many threads; as many as there are cores if not given
    #[arg(long)]
    pub(crate) workers: Option<NonZeroU16>,
    /// Which requests may go over a connection that has been used
    #[arg(long, value_enum, default_value_t = Reuse::Safe)]
    pub(crate) reuse: Reuse,
    /// The proxy's name in `Via`, which no other proxy on the way may have; a random one if not given
    #[arg(long)]
    pub(crate) via: Option<String>,
    /// Prints a line for each request
    #[arg(long)]
    pub(crate) log: bool,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// Which requests may go over a connection that has been used. Its backend may close it at that very moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Reuse {
    /// None
    Never,
    /// Those that can be repeated if that happens
    Safe,
    /// All
    Always,
}

/// Bounds of everything that a client or a backend can make the proxy keep or wait for. Times are in seconds.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Limits (times in seconds)")]
pub(crate) struct Limits {
    /// Clients at once, the others wait to be accepted; as many as there are descriptors for if not given
    #[arg(long)]
    pub(crate) clients: Option<usize>,
    /// Bytes of a head, of a request or a response
    #[arg(long, default_value_t = 32 << 10)]
    pub(crate) head_bytes: usize,
    /// Until a client has sent the head of its next request
    #[arg(long, default_value = "30", value_parser = seconds)]
    pub(crate) client_head: Duration,
    /// While a client sends nothing of its request's body
    #[arg(long, default_value = "30", value_parser = seconds)]
    pub(crate) client_body: Duration,
    /// While a client takes nothing of its answer
    #[arg(long, default_value = "60", value_parser = seconds)]
    pub(crate) client_takes: Duration,
    /// Until a backend has accepted a connection
    #[arg(long, default_value = "5", value_parser = seconds)]
    pub(crate) connect: Duration,
    /// While a backend's host acknowledges nothing of what it was sent; only on Linux
    #[arg(long, default_value = "5", value_parser = seconds)]
    pub(crate) unacknowledged: Duration,
    /// While a backend takes nothing of a request, or does not begin to answer it
    #[arg(long, default_value = "60", value_parser = seconds)]
    pub(crate) answer: Duration,
    /// While a backend sends nothing of its response's body
    #[arg(long, default_value = "60", value_parser = seconds)]
    pub(crate) answer_body: Duration,
    /// For one request and its answer in all
    #[arg(long, default_value = "3600", value_parser = seconds)]
    pub(crate) exchange: Duration,
    /// Until a client that has been answered for the last time has closed its end
    #[arg(long, default_value = "2", value_parser = seconds)]
    pub(crate) linger: Duration,
    /// When the proxy stops: until a client without a request is closed
    #[arg(long, default_value = "1", value_parser = seconds)]
    pub(crate) idle_grace: Duration,
    /// When the proxy stops: until requests that have begun are broken off
    #[arg(long, default_value = "10", value_parser = seconds)]
    pub(crate) grace: Duration,
}

/// What is added to the time of a clock, which has an end.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text} is not a number of seconds"))?;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    if duration <= LONGEST { Ok(duration) } else { Err(format!("{text} seconds are more than ten years")) }
}
