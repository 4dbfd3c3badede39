//! Why a connection is of no use.

use std::io;

use handfast::simopen;
use thiserror::Error;

use super::PublicKey;

/// Why there are no streams, or why a conversation on them failed.
#[derive(Debug, Error)]
pub enum UpgradeError {
    /// There is nobody to connect to.
    #[error(transparent)]
    Dial(#[from] simopen::DialError),
    /// There is no agreement on who is the initiator, on the security protocol, or on the multiplexer.
    #[error(transparent)]
    Negotiation(#[from] simopen::Error),
    /// The peer does not do what Noise asks for.
    #[error("the peer's handshake is wrong")]
    Noise(#[from] snow::Error),
    /// The peer left in the middle of the handshake.
    #[error("the peer closed the connection during the handshake")]
    HungUp,
    /// The connection failed during the handshake.
    #[error("the connection failed during the handshake")]
    Handshake(#[source] io::Error),
    /// Somebody else is at the other end.
    #[error("the peer is {found}, and {expected} was dialed")]
    Impostor {
        /// Who was dialed.
        expected: PublicKey,
        /// Who is there.
        found: PublicKey,
    },
    /// It took too long.
    #[error("there were no streams before the deadline")]
    Deadline,
    /// The peer broke the multiplexer's rules, or the connection failed under it.
    #[error("the multiplexed connection failed")]
    Yamux(#[from] yamux::ConnectionError),
    /// The connection ended while streams were wanted.
    #[error("the connection ended")]
    Ended,
    /// A stream failed.
    #[error("a stream failed")]
    Stream(#[from] io::Error),
    /// The peer asked for more than anybody should.
    #[error("the peer sent more than {0} bytes on one stream")]
    TooLong(u64),
    /// The peer's answer is not the answer to what it was asked.
    #[error("the answer on stream {0} is wrong")]
    WrongAnswer(u32),
}
