//! What is said once the handshake is done.

use std::net::SocketAddr;
use std::sync::Arc;

use bitcoin::p2p::message::NetworkMessage;
use futures_util::{SinkExt, StreamExt};
use handfast::lifecycle::{Reason, SessionContext};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::wire::{Message, WireError};
use super::{About, Connection, Established, Local, PING_UNANSWERED, PROTOCOL_VIOLATED};

/// The body of a session: answers pings, sends some, and reads everything else so that the peer is not held up.
pub async fn converse(
    local: Arc<Local>,
    live: SessionContext<SocketAddr, About>,
    (mut connection, handshake): Established,
) -> Reason {
    let key = live.peer.key;
    let mut pings = interval_at(Instant::now() + local.ping_interval, local.ping_interval);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unanswered = None;
    loop {
        // Both are cancel safe.
        let message = tokio::select! {
            message = connection.next() => message,
            _ = pings.tick() => {
                if unanswered.is_some() {
                    return PING_UNANSWERED;
                }
                let ping = rand::random();
                unanswered = Some(ping);
                match say(&local, &mut connection, NetworkMessage::Ping(ping)).await {
                    Ok(()) => continue,
                    Err(reason) => return reason,
                }
            }
        };
        let answer = match message {
            None => return Reason::RemoteClosed,
            Some(Err(error)) => return blame(key, &error),
            Some(Ok(Message::Ping(ping))) => NetworkMessage::Pong(ping),
            Some(Ok(Message::GetHeaders)) => NetworkMessage::Headers(Vec::new()), // nothing after the genesis block
            Some(Ok(Message::Pong(pong))) => {
                unanswered = unanswered.filter(|&ping| ping != pong);
                continue;
            }
            Some(Ok(Message::Verack)) => {
                // Counted, and without effect.
                let _again = handshake.handshake_done(key, live.peer.info.clone());
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
        WireError::WrongMagic
        | WireError::GarbledCommand
        | WireError::TooLong { .. }
        | WireError::WrongChecksum
        | WireError::Malformed(_)
        | WireError::UserAgentTooLong(_) => PROTOCOL_VIOLATED,
    }
}
