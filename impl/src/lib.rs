//! The four moments in a connection's life where two parties must agree and usually race.
//!
//! | moment | question | module |
//! |---|---|---|
//! | open | both sides dialed: who is the initiator? | [`simopen`] |
//! | announce | who hears of a peer's coming and going, in which order? | [`lifecycle`] |
//! | own | which thread may touch a descriptor, and who closes it? | [`ownership`] |
//! | leave | how does a framed connection end without losing a frame? | [`framed`] |
//! | all | one connection's whole life: the four together | [`node`] |
//!
//! On [`ownership`] stands [`pool`]: idle connections that any of a program's workers may take.
//!
//! Each protocol is a sans-IO core, without clock, tasks or sockets, and a driver for tokio over it. The rules that the
//! documentation cites by their ids, as `PEER-1`, are those of the crate `handfast-spec`, whose documents say why they
//! hold. Each protocol is modelled and explored exhaustively in `model/`, and this implementation is held to its model
//! in `conformance/`.
//!
//! ```
//! use handfast::framed::{Config, Connection, Frame, Outcome};
//! use tokio::time::{Duration, Instant};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let stream = tokio::net::TcpStream::connect(listener.local_addr()?).await?;
//! # let accepted = listener.accept().await?.0;
//! # let peer = tokio::spawn(async move {
//! #     let mut peer = Connection::new(accepted, Config::default());
//! #     while let Ok(Some(_)) = peer.read().await {}
//! # });
//! let mut connection = Connection::new(stream, Config::default());
//! connection.feed(Frame::new(1, "the last words")).await?;
//! match connection.shutdown(Instant::now() + Duration::from_secs(5)).await {
//!     Outcome::Clean => println!("every frame has arrived"),
//!     outcome => println!("{outcome:?}: what is known to be lost, or not known to have arrived"),
//! }
//! # peer.await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Features and platforms
//!
//! Each module is a feature of its name, and on by default, as is `tracing`. `codec` adds typed messages over
//! [`framed`] by a codec of tokio-util; `record` adds logs of what the drivers do, which the model explains; `serde`
//! reads and writes the bans of [`lifecycle`]; `metrics` publishes the counters of [`lifecycle`] and [`pool`] by the
//! facade of that name. No feature changes what another one does.
//!
//! Linux has everything. Elsewhere an [`Outcome`](framed::Outcome) is never `Clean`, because what the peer's kernel has
//! is not known; [`pool`] is there on Unix alone; and on Windows [`simopen`] does not dial from the listening port.
//!
//! # Examples
//!
//! `simopen_upgrade` negotiates, then runs Noise and yamux in the roles that were agreed on; `echo` and `bitcoin_node`
//! keep peers; `reuse_proxy` is a reverse proxy over [`pool`]; `cluster` is a number of [`node`]s that dial each other.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "lifecycle", feature = "simopen"))]
mod direction;
#[cfg(feature = "framed")]
pub mod framed;
#[cfg(feature = "lifecycle")]
pub mod lifecycle;
#[cfg(feature = "node")]
pub mod node;
#[cfg(feature = "ownership")]
pub mod ownership;
#[cfg(all(unix, feature = "pool"))]
pub mod pool;
// In a build without records each driver has a record of which there is no value, so that no call of it has a `cfg`.
#[cfg_attr(not(feature = "record"), path = "unrecorded.rs")]
#[cfg(any(feature = "framed", feature = "lifecycle", feature = "simopen"))]
mod record;
#[cfg(any(feature = "framed", feature = "lifecycle", feature = "simopen"))]
mod runtime;
#[cfg(any(feature = "framed", feature = "lifecycle", feature = "pool", feature = "simopen"))]
mod setters;
#[cfg(feature = "simopen")]
pub mod simopen;
#[cfg_attr(not(feature = "tracing"), path = "untraced.rs")]
#[cfg(any(feature = "framed", feature = "lifecycle", feature = "simopen"))]
mod trace;

/// Its example is tested with the others.
#[cfg(all(doctest, feature = "framed"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// What tests do around a driver that was built on shuttle.
#[cfg(handfast_shuttle)]
#[doc(hidden)]
pub use runtime::on_shuttle::environment;

/// Longer than anything waits, and short enough for every clock: thirty years. A caller's [`Duration::MAX`] means this.
///
/// [`Duration::MAX`]: std::time::Duration::MAX
#[cfg(any(feature = "framed", feature = "pool"))]
const FOREVER: std::time::Duration = std::time::Duration::from_secs(30 * 365 * 24 * 60 * 60);
