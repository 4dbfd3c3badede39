//! A peer that goes while its session waits to be announced.

use std::time::{Duration, Instant};

use bitcoin::p2p::message::NetworkMessage;
use handfast::lifecycle::{Config, Duplicates, Limits, Metrics, NodeConfig};

use super::client::{Client, ClientError};
use super::server::{Server, leaving_nothing};
use crate::support::{STUCK, alone};

const HOUR: Duration = Duration::from_secs(3600);

async fn comes_to(server: &Server, what: &str, is_there: impl Fn(&Metrics) -> bool) {
    let begin = Instant::now();
    while !is_there(&server.node.metrics()) {
        assert!(begin.elapsed() < STUCK, "waited {STUCK:?} for {what}: {:?}", server.node.metrics());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn greeted(server: &Server) -> Result<Client, ClientError> {
    let mut peer = Client::connect(server.address).await?;
    peer.shake_hands().await?;
    Ok(peer)
}

/// A subscriber reads nothing, and its queue has no room. Neither the handshake timeout nor the subscriber's ends a wait.
#[test]
fn a_peer_that_goes_while_it_waits_for_room_keeps_no_slot() {
    alone("peers that wait for room to go", || {
        leaving_nothing(async || {
            let registry = Config::new(Limits::new(4, 4), Duplicates::KeepNew).with_capacity(9);
            let config = NodeConfig::new(registry).with_handshake_timeout(HOUR);
            let server = Server::start(config.with_slow_subscriber_timeout(HOUR)).await;
            let reads_nothing = server.node.subscribe().expect("the node runs");
            for _ in 0..4 {
                let mut peer = greeted(&server).await.expect("there is a slot");
                peer.ping().await.expect("there is room");
                drop(peer);
                comes_to(&server, "a peer to go", |metrics| metrics.sessions == 0).await;
            }
            let mut closes = greeted(&server).await.expect("there is a slot");
            let mut resets = greeted(&server).await.expect("there is a slot");
            comes_to(&server, "sessions to wait", |metrics| metrics.waits_for_room == 2).await;
            // What the node does not read is before the end.
            for peer in [&mut closes, &mut resets] {
                peer.send(NetworkMessage::Ping(1)).await.expect("the kernel takes it");
            }
            let silent = greeted(&server).await.expect("there is a slot");
            comes_to(&server, "a session to wait", |metrics| metrics.waits_for_room == 3).await;
            drop((silent, closes));
            resets.reset().expect("it can be reset");
            comes_to(&server, "slots to be given back", |metrics| metrics.sessions == 0).await;
            drop(reads_nothing);
            server.is_deserted_by(7).await;
            let remains = server.end().await;
            assert_eq!(remains.metrics.ended_unannounced, [("remote_closed", 3)].into());
            remains.is_explained();
        });
    });
}
