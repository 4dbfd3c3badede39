//! Thousands of peers that come and go in every way there is.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitcoin::p2p::message::NetworkMessage;
use handfast::lifecycle::{Config, Duplicates, Limits, NodeConfig};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tokio::task::JoinSet;

use super::client::{Client, ClientError, version};
use super::conduct::{Conduct, Heard};
use super::server::{Remains, Server, leaving_nothing};
use crate::support::{STUCK, alone};

/// So many connect at the same time.
const CONCURRENCY: usize = 64;

/// Of each conduct so many: more than 5,000 connections in all.
const EACH: usize = 250;

/// With these limits nobody is turned away, not even if the node notices nobody's end until all have come.
fn roomy() -> Config<SocketAddr> {
    let limits = Limits::new(8_000, 8_000);
    Config::new(limits, Duplicates::KeepNew)
}

fn patient(registry: Config<SocketAddr>) -> NodeConfig<SocketAddr> {
    NodeConfig::new(registry).with_handshake_timeout(STUCK).with_slow_subscriber_timeout(STUCK)
}

/// What became of the clients.
#[derive(Debug, Default)]
struct Outcome {
    /// What went wrong for whom, of those that did nothing wrong, and of those who were not turned away as they should.
    errors: Vec<(Conduct, String)>,
    /// How often somebody with this address must have been announced, and how often at most.
    ups: BTreeMap<SocketAddr, (usize, usize)>,
}

impl Outcome {
    fn enter(&mut self, conduct: Conduct, address: Option<SocketAddr>, result: Result<(), ClientError>) {
        if let Err(error) = result {
            self.errors.push((conduct, error.to_string()));
        }
        let Some(address) = address else { return };
        let (least, most) = self.ups.entry(address).or_default();
        match conduct.heard() {
            Heard::Nothing => {}
            Heard::Perhaps => *most += 1,
            Heard::UpAndDown(_) => {
                *least += 1;
                *most += 1;
            }
        }
    }
}

/// Lets all of them come and go, `CONCURRENCY` at a time.
async fn storm(node: SocketAddr, conducts: Vec<Conduct>) -> Outcome {
    let (waiting, outcome) = (Arc::new(Mutex::new(VecDeque::from(conducts))), Arc::new(Mutex::new(Outcome::default())));
    let mut clients = JoinSet::new();
    for _ in 0..CONCURRENCY {
        let (waiting, outcome) = (Arc::clone(&waiting), Arc::clone(&outcome));
        clients.spawn(async move {
            let next = || waiting.lock().expect("no client panics").pop_front();
            while let Some(conduct) = next() {
                let (address, result) = conduct.act(node).await;
                outcome.lock().expect("no client panics").enter(conduct, address, result);
            }
        });
    }
    clients.join_all().await;
    Arc::into_inner(outcome).expect("all clients are gone").into_inner().expect("no client panics")
}

fn shuffled(seed: u64) -> Vec<Conduct> {
    let mut conducts = Conduct::ALL.repeat(EACH);
    conducts.shuffle(&mut StdRng::seed_from_u64(seed));
    conducts
}

fn count(conducts: &[Conduct], which: impl Fn(Conduct) -> bool) -> u64 {
    conducts.iter().filter(|&&conduct| which(conduct)).count() as u64
}

/// Every counter is what the conducts make it, up to those where a reset was faster or was not.
fn is_accounted_for(remains: &Remains, conducts: &[Conduct], outcome: &Outcome) {
    let metrics = &remains.metrics;
    assert_eq!((metrics.opened, metrics.refused.len()), (conducts.len() as u64, 0));
    assert_eq!(metrics.duplicate_signals, count(conducts, |conduct| conduct == Conduct::SecondVerack));
    assert_eq!((metrics.evicted, metrics.pending, metrics.longest_queue), (0, 0, 0));

    let perhaps = count(conducts, |conduct| conduct.heard() == Heard::Perhaps);
    for reason in ["remote_closed", "failed", "protocol_violated"] {
        let least = count(conducts, |conduct| conduct.heard() == Heard::UpAndDown(reason));
        let most = if reason == "failed" { least + perhaps } else { least };
        let downs = metrics.downs[reason];
        assert!((least..=most).contains(&downs), "{downs} ended with {reason}, not {least} to {most}");
    }
    let downs: u64 = metrics.downs.values().sum();
    assert_eq!((metrics.downs.len(), metrics.announced), (3, downs), "{metrics:?}");
    let unannounced = &metrics.ended_unannounced;
    assert_eq!(unannounced.values().sum::<u64>(), metrics.opened - downs, "{unannounced:?}");
    let too_old = count(conducts, |conduct| conduct == Conduct::TooOld);
    assert_eq!(unannounced.get("version_too_old").copied().unwrap_or_default(), too_old);
    let known = ["handshake_failed", "protocol_violated", "remote_closed", "version_too_old"];
    assert!(unannounced.keys().all(|reason| known.contains(reason)), "{unannounced:?}");

    let ups = remains.ups();
    for (address, (least, most)) in &outcome.ups {
        let times = ups.get(address).copied().unwrap_or_default();
        assert!((*least..=*most).contains(&times), "{address} came {times} times, not {least} to {most}");
    }
    assert_eq!(ups.values().sum::<usize>() as u64, downs, "somebody came whom nobody sent");
}

#[test]
fn of_thousands_that_come_and_go_in_every_way_nothing_is_left() {
    alone("thousands of peers to come and go", || {
        let seed = rand::random();
        println!("seed {seed}: set HANDFAST_SEED to repeat the order");
        let seed = std::env::var("HANDFAST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(seed);
        let conducts = shuffled(seed);
        let mut remains = None;
        leaving_nothing(async || {
            let server = Server::start(patient(roomy())).await;
            let outcome = storm(server.address, conducts.clone()).await;
            assert_eq!(outcome.errors, [], "of {} clients {} had errors", conducts.len(), outcome.errors.len());
            server.is_deserted_by(conducts.len()).await;
            let left = server.end().await;
            is_accounted_for(&left, &conducts, &outcome);
            remains = Some(left);
        });
        let remains = remains.expect("the test has run");
        println!("{} connections, {:?}", conducts.len(), remains.metrics);
        remains.is_explained();
    });
}

/// Peers that say nothing, or a byte now and then, are not waited for longer than the handshake timeout; a peer that
/// shook hands before stays.
#[test]
fn the_silent_are_turned_away_in_time() {
    alone("silent peers to be turned away", || {
        const SILENT: usize = 3 * CONCURRENCY;
        leaving_nothing(async || {
            let registry = roomy();
            // Short, but not for those who are to complete their handshake: they have done so before.
            let server = Server::start(patient(registry).with_handshake_timeout(Duration::from_secs(1))).await;
            let mut guest = loop {
                let mut guest = Client::connect(server.address).await.expect("the node listens");
                if guest.shake_hands().await.is_ok() && guest.ping().await.is_ok() {
                    break guest;
                }
            };
            let mut clients = JoinSet::new();
            for index in 0..SILENT {
                let address = server.address;
                clients.spawn(async move {
                    let mut client = Client::connect(address).await?;
                    match index % 3 {
                        0 => client.is_closed().await,
                        1 => {
                            let _late = client.send(NetworkMessage::Version(version())).await;
                            client.is_left().await
                        }
                        _ => drip(client).await,
                    }
                });
            }
            for result in clients.join_all().await {
                assert_eq!(result.map_err(|error| error.to_string()), Ok(()));
            }
            guest.ping().await.expect("the guest stays");
            drop(guest);
            server.is_deserted_by(SILENT + 1).await;
            let remains = server.end().await;
            let timeouts = remains.metrics.ended_unannounced["handshake_timeout"];
            assert!(timeouts >= SILENT as u64, "{:?}", remains.metrics);
            assert_eq!(remains.heard.len(), 2);
            remains.is_explained();
        });
    });
}

/// Sends its version a byte at a time and never to the end, until the node has had enough.
async fn drip(mut client: Client) -> Result<(), ClientError> {
    let bytes = client.bytes(NetworkMessage::Version(version()));
    for byte in bytes[..bytes.len() - 1].iter().cycle() {
        tokio::select! {
            closed = client.is_turned_away() => return closed,
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        if client.send_bytes(&[*byte]).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Where there are few slots most are turned away; no slot is lost or taken twice by that.
#[test]
fn slots_that_are_fought_for_come_back() {
    alone("slots to come back", || {
        const SLOTS: usize = 6;
        const CONNECTIONS: usize = 20 * CONCURRENCY;
        leaving_nothing(async || {
            let limits = Limits::new(SLOTS, 4);
            let registry = Config::new(limits, Duplicates::KeepNew);
            let server = Server::start(patient(registry)).await;
            let outcome = storm(server.address, vec![Conduct::Polite; CONNECTIONS]).await;
            server.is_deserted_by(CONNECTIONS).await;
            // Now there is room, for as many as there are slots and no more.
            let mut guests = Vec::new();
            for _ in 0..SLOTS {
                let mut guest = Client::connect(server.address).await.expect("the node listens");
                guest.shake_hands().await.expect("there is a slot");
                guest.ping().await.expect("there is a slot");
                guests.push(guest);
            }
            let mut late = Client::connect(server.address).await.expect("the node listens");
            late.is_turned_away().await.expect("all slots are taken");
            drop((guests, late));
            server.is_deserted_by(CONNECTIONS + SLOTS + 1).await;
            let remains = server.end().await;
            let metrics = &remains.metrics;
            let refused: u64 = metrics.refused.values().sum();
            println!("{refused} of {CONNECTIONS} turned away: {:?}", metrics.refused);
            assert_eq!(metrics.opened + refused, (CONNECTIONS + SLOTS + 1) as u64);
            assert_eq!(outcome.errors.len() as u64, refused - 1, "whoever got a slot was served");
            assert_eq!(metrics.announced, metrics.opened);
            remains.is_explained();
        });
    });
}

/// Whoever answers pings stays; whoever does not is gone when the next one is due.
#[test]
fn pings_find_out_who_is_gone() {
    alone("a peer that does not answer to be given up", || {
        leaving_nothing(async || {
            let server = Server::start_pinging(patient(roomy()), Duration::from_secs(2)).await;
            let mut alive = Client::connect(server.address).await.expect("the node listens");
            let mut dead = Client::connect(server.address).await.expect("the node listens");
            alive.shake_hands().await.expect("there is a slot");
            dead.shake_hands().await.expect("there is a slot");
            let mut answered = 0;
            while answered < 2 {
                let Ok(NetworkMessage::Ping(ping)) = alive.expect("ping").await else {
                    panic!("no ping after {answered}")
                };
                alive.send(NetworkMessage::Pong(ping)).await.expect("the node listens");
                answered += 1;
            }
            dead.expect("ping").await.expect("it is pinged too");
            dead.is_closed().await.expect("it did not answer");
            alive.ping().await.expect("it did");
            drop((alive, dead));
            server.is_deserted_by(2).await;
            let remains = server.end().await;
            assert_eq!(remains.metrics.downs, [("ping_unanswered", 1), ("remote_closed", 1)].into());
            remains.is_explained();
        });
    });
}

/// A ban of an address ends whoever has it, turns away whoever comes with it, and can be taken back.
#[test]
fn a_banned_address_is_gone_and_stays_away() {
    alone("peers with a banned address to go", || {
        leaving_nothing(async || {
            let server = Server::start(patient(roomy())).await;
            let mut peers = Vec::new();
            for _ in 0..8 {
                let mut peer = Client::connect(server.address).await.expect("the node listens");
                peer.shake_hands().await.expect("there is a slot");
                peer.ping().await.expect("there is a slot");
                peers.push(peer);
            }
            server.node.ban_address(server.address.ip()).expect("it is not banned yet");
            for peer in &mut peers {
                peer.is_closed().await.expect("it is told to go");
            }
            let mut late = Client::connect(server.address).await.expect("the node listens");
            late.is_turned_away().await.expect("it is banned");
            server.node.unban_address(server.address.ip()).expect("it is banned");
            assert!(Conduct::Polite.act(server.address).await.1.is_ok());
            server.is_deserted_by(10).await;
            let remains = server.end().await;
            assert_eq!(remains.metrics.downs, [("banned", 8), ("remote_closed", 1)].into());
            assert_eq!(remains.metrics.refused, [("banned", 1)].into());
            remains.is_explained();
        });
    });
}
