//! From a connection to streams: who is the initiator, then Noise, then yamux, each by the role that was settled first.
//!
//! ```text
//! connect or accept ── direction: whose peer is expected
//!        │
//! negotiate or accept ── role: settled once
//!        ├─ Noise XX     initiator or responder
//!        ├─ propose or accept, for the multiplexer
//!        └─ yamux        client (odd streams) or server (even streams)
//! ```
//!
//! Nothing below the first line looks at the direction, with one exception that is no question of roles: whoever dialed a
//! particular peer wants that peer.

mod noise;
mod session;

use std::time::Duration;

use handfast::simopen::{Direction, Negotiated, Options, Role, Side, accept, negotiate};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

pub use noise::{Identity, PublicKey};
pub use session::{Asked, Exchanged, Session, UpgradeError, converse, free_port, meet};

/// How long everything may take until there are streams.
const DEADLINE: Duration = Duration::from_secs(20);

/// The multiplexer's name.
const YAMUX: &str = "/yamux/1.0.0";

/// A connection with everything on it.
pub struct Upgraded {
    /// Its streams.
    pub session: Session,
    /// What this end is to every protocol on it.
    pub role: Role,
    /// Whether this end dialed: for limits and redialing, and for no protocol.
    pub direction: Direction,
    /// Who is at the other end.
    pub peer: PublicKey,
}

/// Upgrades a connection that this end dialed, and that the other end may have dialed too. The peer is to be `expected`,
/// whichever role this end has.
pub async fn dialed<Io>(
    io: Io,
    identity: &Identity,
    expected: Option<PublicKey>,
    options: Options,
) -> Result<Upgraded, UpgradeError>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    by_the_deadline(async {
        let stream = negotiate(io, &[noise::PROTOCOL], options).await?;
        upgrade(stream, identity, expected).await
    })
    .await
}

/// Upgrades a connection that this end accepted, from whomever.
pub async fn accepted<Io>(io: Io, identity: &Identity) -> Result<Upgraded, UpgradeError>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    by_the_deadline(async {
        let stream = accept(io, &[noise::PROTOCOL], Options::default()).await?;
        upgrade(stream, identity, None).await
    })
    .await
}

async fn by_the_deadline(
    upgrading: impl Future<Output = Result<Upgraded, UpgradeError>>,
) -> Result<Upgraded, UpgradeError> {
    timeout(DEADLINE, upgrading).await.unwrap_or(Err(UpgradeError::Deadline))
}

async fn upgrade<Io>(
    stream: Negotiated<Io>,
    identity: &Identity,
    expected: Option<PublicKey>,
) -> Result<Upgraded, UpgradeError>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let side = stream.side();
    let Side { role, direction } = side;
    let (secured, peer) = noise::handshake(stream, role, identity).await?;
    if let Some(expected) = expected.filter(|expected| *expected != peer) {
        return Err(UpgradeError::Impostor { expected, found: peer });
    }
    let stream = side.negotiate(secured, &[YAMUX], Options::default()).await?;
    Ok(Upgraded { session: Session::start(stream, role), role, direction, peer })
}
