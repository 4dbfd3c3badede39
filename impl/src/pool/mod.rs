//! Idle connections that any worker may take, without a lock around any I/O.
//!
//! A program that runs one thread for each core has its connections spread over as many pollers. Idle connections to
//! a server are worth keeping, and worth the more the more workers may use them.
//!
//! - [`Workers`] are threads that each run futures on a tokio runtime, and a poller, of their own.
//! - [`Pool`] keeps idle connections by destination. [`put`](Shard::put) leaves one with the worker it is on;
//!   [`take`](Shard::take) gives the worker's own, otherwise *takes over* another worker's.
//! - While a connection is idle, its worker's poller watches it: a server that closes it, or sends what was not
//!   asked for, ends it.
//! - [`RuntimePool`] is the same for an ordinary tokio program: one runtime, of one thread or of many, and no workers.
//!   [`take_or_connect`](RuntimePool::take_or_connect) gives a [`Lease`], which goes back by itself.
//!
//! # Who owns a connection
//!
//! The worker that hears of a close and the worker that takes the connection over race. Each idle connection is in an
//! [`ownership`](crate::ownership) table, and one read-modify-write of its word says who has it: the owner *enters*
//! with its poller's report, the taker *takes over*, a worker that closes it for its age or a limit *claims* it in the
//! same way. The others are turned away. What was taken is out of the table before it is used, so that a late report, which
//! carries its token, finds it gone.
//!
//! # Who chooses keys
//!
//! Strangers may, as the clients of a proxy do. Keys are spread over the table by a hash that is keyed at random, so that
//! they cannot be made to meet. The number of keys that are kept is bounded by that of connections, and 64 more on each
//! worker. A key's `Hash`, `Eq` and `Drop` run under no lock; a panic in them costs
//! the connection that was being put.
//!
//! # How long it is kept
//!
//! Until its time is over: by [`Limits`], or by a limit of its own ([`Keep`]); until room is needed, or descriptors
//! ([`Pool::close_oldest`]); until its destination is [cleared](Pool::clear) or [suspected](Pool::suspect), or it is not
//! [retained](Pool::retain). Where many end at once, few are closed at a time. A server that vanishes without a word is
//! noticed by the kernel alone, if that is asked to look: [`Liveness`].
//!
//! # Where it is registered
//!
//! An idle connection stays registered with the poller of the worker that put it, so that putting and taking on one
//! worker need no system call. A taker removes it from there before it registers it with its own poller
//! ([`Connection::reregister`]); both are calls that any thread may make, and the former worker takes no part. A descriptor
//! is closed by the owner of the stream, after its registration is removed, so that none outlives it.
//!
//! ```
//! use std::num::NonZeroU16;
//! use std::time::Duration;
//!
//! use handfast::pool::{Config, Pool, Pooled, Workers};
//! use tokio::net::UnixStream;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let workers = Workers::start(NonZeroU16::new(2).ok_or("none")?)?;
//! let pool: Pool<&str, UnixStream> = Pool::new(&workers, Config::default())?;
//!
//! let on_first = pool.clone();
//! let server = workers.spawn(0, async move |here| {
//!     let (ours, theirs) = UnixStream::pair()?;
//!     on_first.local(&here).put("server", Pooled::new(ours)).map_err(|error| error.reason).expect("it is idle");
//!     Ok::<_, std::io::Error>(theirs)
//! })?;
//! let server = server.wait()??;
//!
//! let on_second = pool.clone();
//! let taken = workers.spawn(1, async move |here| on_second.local(&here).take(&"server").is_some())?;
//! assert!(taken.wait()?);
//! assert_eq!(pool.metrics().taken_over, 1);
//!
//! drop(server);
//! assert!(workers.stop(Duration::from_secs(1)).is_clean());
//! # Ok(())
//! # }
//! ```

pub mod core;

mod config;
mod connection;
mod contain;
mod idle;
mod lease;
mod liveness;
mod local;
mod metrics;
mod quota;
mod shared;
mod watch;
mod workers;

pub use self::core::{Closed, Limits};
pub use config::{Config, Keep, Prefer};
pub use connection::{Carrying, Connection, NotIdle};
pub use idle::{IdleTimes, Pool, Pooled, PutError, PutRefused};
pub use lease::Lease;
pub use liveness::Liveness;
pub use local::{Local, NoRuntime, RuntimePool, Shard};
pub use metrics::Metrics;
pub use workers::{Builder, Ended, JoinError, JoinHandle, Report, Stopped, WorkerEnd, WorkerHandle, Workers};
