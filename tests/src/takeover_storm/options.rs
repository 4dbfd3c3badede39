//! What the storm is told.

use std::fmt::{self, Display, Formatter};
use std::num::{NonZeroU16, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};

/// Takes connections over while their servers close them.
#[derive(Clone, Debug, Parser)]
#[command(name = "takeover-storm", version)]
pub(crate) struct Options {
    /// What is under test
    #[arg(long, value_enum, default_value_t = SubjectName::Word)]
    pub(crate) subject: SubjectName,
    /// For how long, in seconds, over all phases
    #[arg(long, default_value_t = NonZeroU64::new(30).unwrap_or(NonZeroU64::MIN))]
    pub(crate) seconds: NonZeroU64,
    /// End after so many takeovers, or connections that were taken from the pool; `--seconds` is then the most that they
    /// may take
    #[arg(long)]
    pub(crate) takeovers: Option<NonZeroU64>,
    /// How many threads with a poller each
    #[arg(long, default_value_t = NonZeroU16::new(20).unwrap_or(NonZeroU16::MIN))]
    pub(crate) workers: NonZeroU16,
    /// How many servers
    #[arg(long, default_value_t = NonZeroU16::new(4).unwrap_or(NonZeroU16::MIN))]
    pub(crate) servers: NonZeroU16,
    /// When a server closes a connection, in microseconds after its last response; the rate is one request in that time
    #[arg(long, default_value_t = NonZeroU64::new(1000).unwrap_or(NonZeroU64::MIN))]
    pub(crate) timeout: NonZeroU64,
    /// What decides where time is wasted and for how long, and which servers are asked
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How time is wasted between the steps of a protocol
    #[arg(long, value_enum, default_value_t = Points::Yield)]
    pub(crate) points: Points,
    /// How long a response may take, in milliseconds; five times that is a lost event
    #[arg(long, default_value_t = NonZeroU64::new(1000).unwrap_or(NonZeroU64::MIN))]
    pub(crate) patience: NonZeroU64,
    /// Writes what the first 20,000 transitions of words were, for `model explain ownership`; of `word` only, whose
    /// words are under locks for that
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Says nothing while it runs
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// What is under test.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SubjectName {
    /// `handfast::ownership`: one word for each descriptor
    Word,
    /// HAProxy's two masks before their repair of March 2023
    Before,
    /// `handfast::pool` on tokio
    Pool,
}

/// How time is wasted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Points {
    /// Not at all
    None,
    /// With the seed's loop of 10,000 decrements, which needs a core for each worker
    Spin,
    /// By letting others run, as suits a machine with fewer cores than workers
    Yield,
}

/// One part of the storm: so many times one request in each timeout of each server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Load {
    Times(f64),
    Saturation,
}

/// The phases, of the same length.
pub(crate) const PHASES: [Load; 6] =
    [Load::Times(0.90), Load::Times(0.95), Load::Times(1.00), Load::Times(1.05), Load::Times(1.10), Load::Saturation];

/// How many bits a mask has.
const MASK: u16 = 64;

/// How many workers there can be.
const MOST: u16 = 256;

impl Options {
    /// What goes with what.
    pub(crate) fn check(&self) -> Result<(), clap::Error> {
        let most = match self.subject {
            SubjectName::Before => MASK,
            SubjectName::Word | SubjectName::Pool => MOST,
        };
        if self.record.is_some() && self.subject != SubjectName::Word {
            let message = format!("there are no words to record of `{}`", self.subject);
            return Err(Self::command().error(ErrorKind::ArgumentConflict, message));
        }
        if self.workers.get() <= most {
            return Ok(());
        }
        let message = format!("there can be {most} workers of `{}`", self.subject);
        Err(Self::command().error(ErrorKind::ValueValidation, message))
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_micros(self.timeout.get())
    }

    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience.get())
    }

    pub(crate) fn phase(&self) -> Duration {
        Duration::from_secs(self.seconds.get()) / PHASES.len() as u32
    }

    /// How long one worker waits from one request to the next.
    pub(crate) fn interval(&self, load: Load) -> Duration {
        match load {
            Load::Times(times) => {
                let share = f64::from(self.workers.get()) / f64::from(self.servers.get());
                self.timeout().mul_f64(share / times)
            }
            Load::Saturation => Duration::ZERO,
        }
    }
}

impl Display for SubjectName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Word => "word",
            Self::Before => "before",
            Self::Pool => "pool",
        })
    }
}

impl Display for Load {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(f, "{times:.2}"),
            Self::Saturation => f.write_str("all"),
        }
    }
}

impl Display for Options {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { subject, seconds, workers, servers, timeout, seed, points, .. } = self;
        write!(
            f,
            "{subject}: {workers} workers, {servers} servers that close after {timeout} us, {seconds} s, points \
             {points:?}, seed {seed}"
        )
    }
}
