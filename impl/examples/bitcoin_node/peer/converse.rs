//! What is said once the handshake is done.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use bitcoin::p2p::message::NetworkMessage;
use futures_util::{SinkExt, StreamExt};
use handfast::lifecycle::{Handshake, Peer, Reason, SessionContext};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::follow::Follower;
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

/// The body of a session. It ends before its connection is closed, so that a peer that comes again at once is not turned
/// away as its own duplicate.
pub async fn converse(local: Arc<Local>, live: SessionContext<SocketAddr, About>, established: Established) -> Reason {
    // It is watched no longer than the session waits to be announced.
    let Some((mut connection, handshake)) = established.into_parts() else { return Reason::Failed };
    let reason = talk(&local, &live.peer, &mut connection, &handshake).await;
    live.end(reason);
    reason
}

/// Answers pings, sends some, asks for headers when it is the peer's turn, and reads everything else so that the peer is
/// not held up.
async fn talk(
    local: &Local,
    peer: &Peer<SocketAddr, About>,
    connection: &mut Connection,
    handshake: &Handshake<SocketAddr, About>,
) -> Reason {
    let answers_pings = peer.info.version > BEFORE_PONGS;
    let mut pings = interval_at(Instant::now() + local.ping_interval, local.ping_interval);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ping = Ping::None;
    let mut active = local.follower().map(|follower| follower.selector.watch());
    let conversation = Conversation { local, peer, handshake };
    loop {
        // All are cancel safe. A pong that has come counts, however late this task runs and whatever is before it: a ping
        // that is due is overdue first, and unanswered when nothing more comes.
        let read_before = connection.codec().read();
        let said = tokio::select! {
            biased;
            _ = pings.tick() => {
                ping = match ping {
                    Ping::None => {
                        let nonce = rand::random();
                        if let Err(reason) = say(local, connection, NetworkMessage::Ping(nonce)).await {
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
            message = connection.next() => match message {
                None => return Reason::RemoteClosed,
                Some(Err(error)) => return blame(peer, &error),
                Some(Ok(Message::Pong(nonce))) => {
                    ping = ping.answered(nonce);
                    continue;
                }
                Some(Ok(message)) => conversation.answer(message),
            },
            () = changed(&mut active) => Ok(conversation.question()),
            // The runtime asks the kernel what has come, and the read above is polled again. A read also waits when the task
            // is to let others run, as it is after a megabyte: while bytes come the pong may be behind them.
            () = yield_now(), if matches!(ping, Ping::Overdue(_)) => {
                if connection.codec().read() == read_before {
                    return PING_UNANSWERED;
                }
                continue;
            }
        };
        let said = match said {
            Ok(None) => Ok(()),
            Ok(Some(message)) => say(local, connection, message).await,
            Err(reason) => Err(reason),
        };
        if let Err(reason) = said {
            return reason;
        }
    }
}

/// The peer that is followed, if one is.
type Followed = Option<Arc<Peer<SocketAddr, About>>>;

/// Waits until another peer is followed.
async fn changed(active: &mut Option<watch::Receiver<Followed>>) {
    let Some(active) = active else { return pending().await };
    if active.changed().await.is_err() {
        // It has ended with the node.
        pending().await
    }
}

/// What is said to one peer.
struct Conversation<'a> {
    local: &'a Local,
    peer: &'a Peer<SocketAddr, About>,
    handshake: &'a Handshake<SocketAddr, About>,
}

impl Conversation<'_> {
    /// The question for headers, if it is the peer that is followed.
    fn question(&self) -> Option<NetworkMessage> {
        let follower = self.local.follower().filter(|follower| follower.is_followed(self.peer.session));
        follower.map(Follower::question)
    }

    /// What is answered to a message, if anything is.
    fn answer(&self, message: Message) -> Result<Option<NetworkMessage>, Reason> {
        let Peer { key, session, info, .. } = self.peer;
        match message {
            Message::Ping(nonce) => return Ok(Some(NetworkMessage::Pong(nonce))),
            // Nothing after the genesis block.
            Message::GetHeaders => return Ok(Some(NetworkMessage::Headers(Vec::new()))),
            Message::Headers(headers) => {
                let Some(follower) = self.local.follower() else { return Ok(None) };
                let more = follower.heard(*session, &info.height, &headers).map_err(|error| {
                    tracing::info!(peer = %key, %session, %error, "connection ended");
                    PROTOCOL_VIOLATED
                })?;
                return Ok(more.then(|| follower.question()));
            }
            Message::NewBlock => {
                let Some(follower) = self.local.follower() else { return Ok(None) };
                let was_followed = follower.is_followed(*session);
                follower.announced(*session, &info.height);
                // Who becomes the one that is followed only now is asked for that reason.
                return Ok(self.question().filter(|_| was_followed));
            }
            // Counted, and without effect.
            Message::Verack => {
                let _again = self.handshake.handshake_done(*key, info.clone());
            }
            Message::Dropped(flaw) => tracing::debug!(peer = %key, %session, %flaw, "message dropped"),
            Message::Pong(_) | Message::Version(_) | Message::Other => {}
        }
        Ok(None)
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

fn blame(peer: &Peer<SocketAddr, About>, error: &WireError) -> Reason {
    tracing::info!(peer = %peer.key, session = %peer.session, %error, "connection ended");
    match error {
        WireError::Io(_) | WireError::Truncated => Reason::Failed,
        WireError::WrongMagic | WireError::TooLong(_) | WireError::Malformed(_) | WireError::UserAgentTooLong(_) => {
            PROTOCOL_VIOLATED
        }
    }
}
