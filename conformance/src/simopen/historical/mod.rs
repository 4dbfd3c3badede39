//! Two implementations of simultaneous open that hang where the connection holds little, on tokio: what the models
//! `go-multistream-0-4-1` and `rust-libp2p-2066` are models of, in bytes.
//!
//! Written from their description in the specification (`specs/simopen.md`), step by step: who waits for
//! which write before it reads what. How they parse and what they accept is theirs too, so that they can be told from one
//! another by what is said to them. Neither has a deadline.

mod go;
mod rust;
mod tokens;

use handfast::simopen::Role;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};

use tokens::TokenError;
pub use tokens::encode;

/// What an implementation came to: the role and the protocol.
pub type Agreed = (Role, String);

/// Why an implementation gave up.
#[derive(Debug, Error)]
pub enum Error {
    /// The peer's bytes are no message, or the connection failed.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The connection failed while something was written.
    #[error("the connection failed")]
    Write(#[source] std::io::Error),
    /// The peer's first message is another.
    #[error("received mismatch in protocol id: {0}")]
    NotMultistream(String),
    /// The peer said something that has no place there.
    #[error("unexpected response: {0}")]
    Unexpected(String),
    /// Both numbers are equal.
    #[error("failed client selection; identical nonces")]
    Tie,
    /// None of this end's protocols was accepted, or the peer has no more to propose.
    #[error("protocols not supported")]
    NotSupported,
}

/// One of the two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Implementation {
    /// go-multistream 0.4.1, `SelectWithSimopenOrFail`.
    Go041,
    /// The branch that rust-libp2p did not merge (PR 2066), `Version::V1SimultaneousOpen`.
    Rust2066,
}

impl Implementation {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Go041, Self::Rust2066];

    /// Negotiates as a dialer with the extension. `draw` gives its number; and another one to an implementation that tries
    /// again where both are equal.
    ///
    /// # Errors
    ///
    /// If the ends do not agree. The caller that has the error closes the connection, as the callers of the originals
    /// do.
    pub async fn negotiate<Io>(self, io: Io, protocols: &[&str], mut draw: impl FnMut() -> u64) -> Result<Agreed, Error>
    where
        Io: AsyncRead + AsyncWrite + Send + 'static,
    {
        match self {
            Self::Go041 => go::select_with_simopen_or_fail(io, protocols, draw()).await,
            Self::Rust2066 => rust::dialer_select_proto(io, protocols, draw).await,
        }
    }
}

const HEADER: &str = "/multistream/1.0.0";
const SIMOPEN: &str = "/libp2p/simultaneous-connect";
const INITIATOR: &str = "initiator";
const RESPONDER: &str = "responder";
const NA: &str = "na";
const SELECT: &str = "select:";

fn role_message(role: Role) -> &'static str {
    match role {
        Role::Initiator => INITIATOR,
        Role::Responder => RESPONDER,
    }
}
