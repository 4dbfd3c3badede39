//! Both sides dialed at once: who is the initiator?
//!
//! A TCP connection may come about because both ends called `connect`, and no end can tell from the connection that it
//! did: what it sees may be what an ordinary client sees. Above TCP one end must go first. libp2p's answer is to ask, in
//! the first negotiation on the connection: a dialer says with its first bytes that it dialed; an end that accepted
//! declines, and nothing has been lost; an end that dialed too says the same, both draw a number, and the greater one is
//! the initiator's. Byte for byte this is multistream-select 1.0 with its simultaneous-connect extension.
//!
//! - [`negotiate`] is what an end does that dialed, [`accept`] what an end does that accepted. Both take the stream and
//!   give it back, with the protocol and the [`Role`], positioned exactly where the protocol begins.
//! - [`Negotiation`](core::Negotiation) is the same without a stream, for other runtimes and for tests.
//! - [`Dialer`] opens the connection from the listening port, which is what makes ends meet, and tries again
//!   where both drew the same number. [`listen`] makes a listener that leaves its port free to dial from.
//!
//! # Role and direction
//!
//! They are two things. *Direction* is who called `connect`: limits, bookkeeping and the retry are its business. The *role*
//! is everything above: who is the client of the security protocol, who proposes the multiplexer, who has the odd stream
//! numbers. A dialer can be the responder. [`Negotiated`] carries both; nothing above may compute one from the other, and a
//! [`Side`] takes both to the layers above.
//! An end that dialed a particular peer expects that peer at the other end, in either role.
//!
//! # What is not promised
//!
//! - A peer that sends its number last chooses its role. It cannot make two honest ends disagree, or one end
//!   believe in a role that its own words did not say; but it can make a dialer the responder, which in Noise XX and TLS
//!   1.3 is the end that shows its identity first.
//! - Everything is in the clear, until the security protocol that was agreed on begins. An attacker on the path can break
//!   the connection.
//! - A dialer that does not speak the extension may believe that it agreed with this end, which fails with
//!   [`Failure::PlainDialer`] and closes: js-libp2p takes this end's proposal for an acceptance, if it comes second in its own
//!   list. Its security handshake then meets the end of the stream.
//!
//! ```
//! use handfast::simopen::{Options, Role, accept, negotiate};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), handfast::simopen::Error> {
//! let (ours, theirs) = tokio::io::duplex(1);
//! let (ours, theirs) = tokio::try_join!(
//!     negotiate(ours, &["/noise", "/tls/1.0.0"], Options::default()),
//!     accept(theirs, &["/tls/1.0.0"], Options::default()),
//! )?;
//! assert_eq!((ours.role(), ours.protocol()), (Role::Initiator, "/tls/1.0.0"));
//! assert_eq!((theirs.role(), theirs.protocol()), (Role::Responder, "/tls/1.0.0"));
//! # Ok(())
//! # }
//! ```

pub mod core;

mod driver;
mod negotiated;
mod open;
#[cfg_attr(not(feature = "record"), path = "unrecorded.rs")]
mod record;

pub use self::core::{Failure, NameError, Role};
pub use crate::direction::Direction;
pub use driver::{Error, Options, accept, negotiate, propose};
pub use negotiated::{Negotiated, Side};
pub use open::{Backoff, DialError, Dialed, Dialer, Opened, hole_punch_role, listen};
#[cfg(feature = "record")]
pub use record::Recorder;
