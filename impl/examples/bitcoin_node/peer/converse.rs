//! What is said once the handshake is done.

use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;

use bitcoin::p2p::message::NetworkMessage;
use futures_util::{SinkExt, StreamExt};
use handfast::lifecycle::{Reason, SessionContext};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::wire::{Message, WireError};
use super::{About, Connection, Established, Local, PING_UNANSWERED, PROTOCOL_VIOLATED};

/// The last version whose pings have no answer (BIP 31). Such a peer is gone when it takes nothing any more.
const BEFORE_PONGS: i32 = 60000;

/// The ping that the peer has not answered.
#[derive(Clone, Copy, Debug)]
enum Ping {
    None,
    Sent(u64),
    /// The next one is due.
    Overdue(u64),
}

impl Ping {
    fn answered(self, with: u64) -> Self {
        match self {
            Self::Sent(nonce) | Self::Overdue(nonce) if nonce == with => Self::None,
            other => other,
        }
    }
}

/// The body of a session: answers pings, sends some, and reads everything else so that the peer is not held up.
pub async fn converse(
    local: Arc<Local>,
    live: SessionContext<SocketAddr, About>,
    (mut connection, handshake): Established,
) -> Reason {
    let key = live.peer.key;
    let answers_pings = live.peer.info.version > BEFORE_PONGS;
    let mut pings = interval_at(Instant::now() + local.ping_interval, local.ping_interval);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ping = Ping::None;
    loop {
        // All are cancel safe. A pong that has come counts, however late this task runs: a ping that is due is overdue
        // first, and unanswered when nothing more is there to be read.
        let message = tokio::select! {
            biased;
            _ = pings.tick() => {
                ping = match ping {
                    Ping::None => {
                        let nonce = rand::random();
                        if let Err(reason) = say(&local, &mut connection, NetworkMessage::Ping(nonce)).await {
                            return reason;
                        }
                        if answers_pings { Ping::Sent(nonce) } else { Ping::None }
                    }
                    Ping::Sent(nonce) => Ping::Overdue(nonce),
                    // It has sent much else for as long again.
                    Ping::Overdue(_) => return PING_UNANSWERED,
                };
                continue;
            }
            message = connection.next() => message,
            () = ready(()), if matches!(ping, Ping::Overdue(_)) => return PING_UNANSWERED,
        };
        let answer = match message {
            None => return Reason::RemoteClosed,
            Some(Err(error)) => return blame(key, &error),
            Some(Ok(Message::Ping(nonce))) => NetworkMessage::Pong(nonce),
            Some(Ok(Message::GetHeaders)) => NetworkMessage::Headers(Vec::new()), // nothing after the genesis block
            Some(Ok(Message::Pong(nonce))) => {
                ping = ping.answered(nonce);
                continue;
            }
            Some(Ok(Message::Verack)) => {
                // Counted, and without effect.
                let _again = handshake.handshake_done(key, live.peer.info.clone());
                continue;
            }
            Some(Ok(Message::Dropped(flaw))) => {
                tracing::debug!(%key, %flaw, "message dropped");
                continue;
            }
            Some(Ok(Message::Version(_) | Message::Other)) => continue,
        };
        if let Err(reason) = say(&local, &mut connection, answer).await {
            return reason;
        }
    }
}

/// Says something to a peer that may take nothing.
async fn say(local: &Local, connection: &mut Connection, message: NetworkMessage) -> Result<(), Reason> {
    match timeout(local.ping_interval, connection.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Reason::Failed),
        Err(_elapsed) => Err(PING_UNANSWERED),
    }
}

fn blame(peer: SocketAddr, error: &WireError) -> Reason {
    tracing::info!(%peer, %error, "connection ended");
    match error {
        WireError::Io(_) | WireError::Truncated => Reason::Failed,
        WireError::WrongMagic | WireError::TooLong(_) | WireError::Malformed(_) | WireError::UserAgentTooLong(_) => {
            PROTOCOL_VIOLATED
        }
    }
}
