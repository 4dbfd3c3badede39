//! A node that wakes up late.

use std::future::Future;
use std::time::Duration;

use bitcoin::p2p::message::{CommandString, NetworkMessage};
use handfast::lifecycle::{Config, Duplicates, Limits, NodeConfig};

use super::client::{Client, ClientError};
#[cfg(unix)]
use super::program::{listening, rest};
use super::server::Server;
use crate::support::STUCK;

const INTERVAL: Duration = Duration::from_secs(120);

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
            // Those of pings that it sent earlier come first.
            NetworkMessage::Ping(_) | NetworkMessage::Pong(_) => {}
            other => return Err(ClientError::Unexpected(other.cmd())),
        }
    }
}

/// The next ping is due and the pong is there, both since before the node looked.
#[test]
fn a_pong_that_has_arrived_counts() {
    on_a_clock_that_stands_still(wake_up_late(30, |_, _| Vec::new()));
}

/// A task reads and writes 128 times and then lets others run, whether there is more to be read or not. For one of these
/// peers that is when the pong is next.
#[test]
fn a_pong_behind_much_else_counts() {
    let behind_pings = |number: usize, client: &Client| {
        let answered = client.bytes(NetworkMessage::Ping(1)).repeat(90 + number);
        // It takes several reads, of 8 KiB each, so that one comes next when the task is to let others run.
        let command = CommandString::try_from_static("other").expect("it is short");
        [answered, client.bytes(NetworkMessage::Unknown { command, payload: vec![0; 3 * 8192] })].concat()
    };
    on_a_clock_that_stands_still(wake_up_late(60, behind_pings));
}

/// Its runtime looks for what has arrived, hears that it was interrupted, and looks at its timers.
#[cfg(unix)]
#[test]
fn a_pong_that_arrives_while_the_process_is_stopped_counts() -> Result<(), ClientError> {
    let _deadline = crate::support::deadline("a node that was stopped");
    let interval = Duration::from_secs(4);
    let (node, address) = listening(&["--ping-interval", &interval.as_secs().to_string()]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut client = runtime.block_on(Client::connect(address.parse().expect("an address")))?;
    let nonce = runtime.block_on(async {
        client.shake_hands().await?;
        pinged(&mut client).await
    })?;
    node.stop();
    runtime.block_on(client.send(NetworkMessage::Pong(nonce)))?;
    // External process: its clock goes on while it is stopped, and the next ping becomes due.
    std::thread::sleep(interval + Duration::from_millis(200));
    node.signal(rustix::process::Signal::CONT);
    runtime.block_on(is_kept(&mut client))?;
    drop(client);
    node.interrupt();
    rest(node);
    Ok(())
}

fn on_a_clock_that_stands_still(test: impl Future<Output = ()> + Send + 'static) {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime can be built").block_on(test);
        let _ = done.send(());
    });
    // Nothing else ends a wait.
    is_done.recv_timeout(STUCK).expect("a node that wakes up late, or what its thread says");
}

/// Peers answer their pings, each after what `first` makes for it.
async fn wake_up_late(peers: usize, first: impl Fn(usize, &Client) -> Vec<u8> + Send) {
    // A clock that stands still does not jump while something runs.
    let awake = tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let limits = Limits::new(64, 64).with_per_address(64).with_pending_per_source(64);
    let config = NodeConfig::new(Config::new(limits, Duplicates::KeepNew).with_capacity(129));
    let server = Server::start_pinging(config, INTERVAL).await;
    let mut clients = Vec::new();
    for _ in 0..peers {
        let mut client = Client::connect(server.address).await.expect("it listens");
        client.shake_hands().await.expect("it answers");
        client.ping().await.expect("it answers");
        clients.push(client);
    }
    tokio::time::advance(INTERVAL).await;
    let mut answers = Vec::new();
    for (number, client) in clients.iter_mut().enumerate() {
        let nonce = pinged(client).await.expect("a ping");
        answers.push([first(number, client), client.bytes(NetworkMessage::Pong(nonce))].concat());
    }
    settle().await;
    // The node runs when all are there.
    for (client, answer) in clients.iter_mut().zip(&answers) {
        client.send_bytes(answer).await.expect("the kernel takes it");
    }
    tokio::time::advance(INTERVAL).await;
    settle().await;
    for (number, client) in clients.iter_mut().enumerate() {
        let kept = is_kept(client).await;
        assert!(kept.is_ok(), "peer {number} of {peers}, whose pong was there, is gone: {kept:?}");
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
