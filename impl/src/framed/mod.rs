//! How does a framed connection end without losing a frame?
//!
//! Frames have a header of eight bytes, a kind and a length, both big-endian; a frame of kind `1 << 28` without payload is
//! the *marker* behind the last one. A peer that reads until the marker has every frame; a peer that meets the end of the
//! stream before it knows that it has not.
//!
//! A close of a TCP socket with unread input throws away its send queue on Linux, however many frames were written with
//! success. So a [shutdown](Closer::shutdown) goes on reading, waits until the peer's kernel has acknowledged everything,
//! and says in its [`Outcome`] what is known.
//!
//! - [`ReadCursor`], [`WriteCursor`] and [`CloseState`] are the protocol as pure state machines.
//! - [`Connection`] is their driver on tokio, over anything that carries bytes in both directions ([`Transport`]).
//! - `Messages`, behind the feature `codec`, has typed messages in its frames, by a codec of `tokio-util`.
//!
//! ```
//! use std::time::Duration;
//!
//! use handfast::framed::{Config, Connection, Frame, Outcome};
//! use tokio::net::{TcpListener, TcpStream};
//! use tokio::time::Instant;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let dialed = TcpStream::connect(listener.local_addr()?).await?;
//! let (accepted, _) = listener.accept().await?;
//!
//! let mut one = Connection::new(dialed, Config::default());
//! for number in 0..40u32 {
//!     one.feed(Frame::new(1, number.to_be_bytes().to_vec())).await?;
//! }
//! let shutdown = tokio::spawn(one.shutdown(Instant::now() + Duration::from_secs(5)));
//!
//! let mut other = Connection::new(accepted, Config::default());
//! let mut frames = 0;
//! while let Some(frame) = other.read().await? {
//!     assert_eq!(frame.kind, 1);
//!     frames += 1;
//! }
//! assert_eq!(frames, 40);
//! # drop(other);
//! # if cfg!(target_os = "linux") {
//! assert_eq!(shutdown.await?, Outcome::Clean);
//! # }
//! # Ok(())
//! # }
//! ```

mod core;
mod driver;
#[cfg(feature = "codec")]
mod messages;
mod socket;
mod transport;

pub use core::{
    CloseState, Delivery, Error, Frame, Next, NextStep, Outcome, ReadCursor, Violation, WriteCursor, WriteLimits,
};
pub use driver::{Closer, Config, Connection, Drain, Idle, Reader, ReuniteError, Writer};
#[cfg(feature = "codec")]
pub use messages::{MessageError, Messages};
pub use socket::SocketWriteHalf;
pub use transport::{Fault, Opaque, Transport};
