//! A node that wakes up late.

use std::time::Duration;

use bitcoin::p2p::message::NetworkMessage;
use handfast::lifecycle::{Config, Duplicates, Limits, NodeConfig};

use super::client::{Client, ClientError};
use super::server::Server;
use crate::support::STUCK;

const INTERVAL: Duration = Duration::from_secs(120);
const PEERS: usize = 30;

async fn pinged(client: &mut Client) -> Result<u64, ClientError> {
    match client.receive().await? {
        NetworkMessage::Ping(nonce) => Ok(nonce),
        other => Err(ClientError::Unexpected(other.cmd())),
    }
}

/// Waits until the node has done all that it can.
async fn settle() {
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
}

/// Whether the node still answers.
async fn is_kept(client: &mut Client) -> Result<(), ClientError> {
    client.send(NetworkMessage::Ping(0x5eed)).await?;
    loop {
        match client.receive().await? {
            NetworkMessage::Pong(0x5eed) => return Ok(()),
            NetworkMessage::Ping(_) => {}
            other => return Err(ClientError::Unexpected(other.cmd())),
        }
    }
}

/// The next ping is due and the pong is there, both since before the node looked.
#[test]
fn a_pong_that_has_arrived_counts() {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime can be built").block_on(wake_up_late());
        let _ = done.send(());
    });
    // On a clock that stands still nothing else ends a wait.
    is_done.recv_timeout(STUCK).expect("a node that wakes up late, or what its thread says");
}

async fn wake_up_late() {
    // A clock that stands still does not jump while something runs.
    let awake = tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let limits = Limits { per_address: 32, pending_per_source: 32, ..Limits::new(32, 32) };
    let config = NodeConfig::new(Config { limits, capacity: 65, duplicates: Duplicates::KeepNew });
    let server = Server::start_pinging(config, INTERVAL).await;
    let mut clients = Vec::new();
    for _ in 0..PEERS {
        let mut client = Client::connect(server.address).await.expect("it listens");
        client.shake_hands().await.expect("it answers");
        client.ping().await.expect("it answers");
        clients.push(client);
    }
    tokio::time::advance(INTERVAL).await;
    for client in &mut clients {
        let nonce = pinged(client).await.expect("a ping");
        let pong = client.bytes(NetworkMessage::Pong(nonce));
        client.send_bytes(&pong).await.expect("the kernel takes it");
    }
    tokio::time::advance(INTERVAL).await;
    settle().await;
    for (number, client) in clients.iter_mut().enumerate() {
        let kept = is_kept(client).await;
        assert!(kept.is_ok(), "peer {number} of {PEERS}, whose pong was there, is gone: {kept:?}");
    }
    // Of a next ping there is no pong.
    for _ in 0..3 {
        tokio::time::advance(INTERVAL).await;
        settle().await;
    }
    for client in &mut clients {
        client.is_left().await.expect("the node closes");
    }
    awake.abort();
}
