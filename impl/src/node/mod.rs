//! The whole life of a connection: the four protocols together.
//!
//! ```text
//! listen, dial ── a slot first (lifecycle): limits and bans cost no negotiation
//!      │
//! simopen ─────── who is the initiator, also where both ends dialed
//!      │
//! the upgrade ─── who is there: Noise, TLS, or a few messages; the caller's
//!      │
//! lifecycle ───── of two sessions with one peer both ends keep the same one; Up
//!      │
//! framed ──────── the body, and an end that loses no frame, or says so
//!      │
//! lifecycle ───── Down; the peer is dialed again
//! ```
//!
//! There is no protocol here that the parts do not have, and each can be used alone, replaced, or left out: roles
//! [by direction](Opening::ByDirection) in place of `simopen`; any [body](Node::new) in place of [`framed()`]; another
//! [`Listener`] or [connection](Node::dial_with) in place of TCP; none of [`keep`](Node::keep).
//!
//! ```
//! use handfast::lifecycle::{Limits, Reason};
//! use handfast::node::{Config, ConfigError, Node, Stream, Upgraded, framed};
//! # use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! fn echo(name: u64) -> Result<Node<u64>, ConfigError> {
//!     let upgrade = move |mut stream: Stream<_>| async move {
//!         stream.write_u64(name).await?; // One that proves it has more to do.
//!         let peer = stream.read_u64().await?;
//!         Ok::<_, std::io::Error>(Upgraded::new(peer, (), stream))
//!     };
//!     let body = framed(Default::default(), |mut session| async move {
//!         while let Some(frame) = session.reader.read().await? {
//!             session.writer.write(frame).await?;
//!         }
//!         Ok(Reason::RemoteClosed)
//!     });
//!     Node::new(Config::new(Limits::by_direction(64, 8), name, "/echo/1"), upgrade, body)
//! }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use handfast::lifecycle::Event;
//! # let (one, other) = (echo(1)?, echo(2)?);
//! # let mut events = one.registry().subscribe()?;
//! let address = one.listen("127.0.0.1:0".parse()?)?;
//! other.keep(address);
//! # assert!(matches!(events.next().await, Some(Event::Up(peer)) if peer.key == 2));
//! let report = one.shutdown(std::time::Duration::from_secs(5)).await;
//! # assert_eq!(report.aborted, 0);
//! # Ok(())
//! # }
//! ```
//!
//! An echo reads and writes in turns, which is fine as long as its peer reads what it is sent. A body whose peer may write
//! much before it reads splits the two, or both wait for ever: see [`Writer::write`](crate::framed::Writer::write).
//!
//! # Which of two connections is kept
//!
//! Two nodes that dial each other may have two connections. Which one is kept is decided when the upgrade has proved the
//! key, by lifecycle's [`TieBreak`](crate::lifecycle::Duplicates::TieBreak): the one that the lesser key dialed, at both
//! ends; and before any other one a connection that [both dialed](Stream::both_dialed), because its direction tells
//! nothing. A session that was announced before it lost is told to end like any other: its frames are drained, and then
//! the winner is announced. A session that one end announced and the other did not has frames that no body reads: its
//! [report](Drained::is_clean) says so. Until the tie is broken each connection has its slot, for which limits are to
//! have room.
//!
//! A node that dials one peer at several addresses may have two connections of the same direction with it. Both ends then
//! keep the same one if its upgrade says which: [`Upgraded::rank`].

mod closing;
mod config;
mod framing;
#[expect(clippy::module_inception, reason = "the file is named as its type, as lifecycle's is")]
mod node;
mod open;
#[cfg_attr(not(feature = "record"), path = "unrecorded.rs")]
mod record;
mod redial;
mod stream;

pub use closing::Context;
pub use config::{Config, ConfigError, Opening, Redial};
pub use framing::{Drained, Reader, Session, framed, framed_with_report};
pub use node::{Listener, Node};
pub use open::Upgraded;
pub use redial::Kept;
pub use stream::Stream;
