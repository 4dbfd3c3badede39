//! Against messages that are not the `bitcoin` crate's: `python3-bitcoinlib`, as Debian packages it, dials the node and is
//! dialed by it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use handfast::lifecycle::{Config, Direction, Duplicates, Event, Limits, NodeConfig, Origin, Reason};

use super::server::{Server, leaving_nothing};
use crate::support::{alone, skip};
use examples::bitcoin_node::peer;

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all/bitcoin/peer.py");

/// A Python that has the library. Debian's packages are the system's, whatever other Python comes first in the path.
fn python() -> Option<&'static str> {
    let has_it = |python: &&str| {
        let mut command = Command::new(python);
        command.args(["-c", "import bitcoin.messages"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let found = ["/usr/bin/python3", "python3"].into_iter().find(has_it);
    if found.is_none() {
        skip("no python3 has the package python3-bitcoinlib");
    }
    found
}

fn python_peer(python: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new(python);
    command.arg(PEER).args(arguments).stdout(Stdio::piped()).spawn().expect("Python runs")
}

fn small() -> NodeConfig<SocketAddr> {
    let limits = Limits::new(4, 4);
    NodeConfig::new(Config::new(limits, Duplicates::KeepNew))
}

#[test]
fn a_peer_of_another_implementation_is_accepted() {
    alone("a peer written in Python that dials the node", || {
        let Some(python) = python() else { return };
        leaving_nothing(async || {
            let server = Server::start(small()).await;
            let mut events = server.node.subscribe().expect("the node runs");
            let mut peer = python_peer(python, &["dial", &server.address.port().to_string()]);
            let Some(Event::Up(up)) = events.next().await else { panic!("nobody came") };
            assert_eq!(up.origin.direction, Direction::Inbound);
            assert!(up.info.user_agent.starts_with("/python-bitcoinlib:"), "{:?}", up.info);
            assert_eq!((up.info.version, up.info.start_height), (60002, 7));
            assert!(matches!(events.next().await, Some(Event::Down(_, Reason::RemoteClosed))));
            assert!(peer.wait().expect("it can be waited for").success(), "the other end is not content");
            drop(events);
            server.is_deserted_by(1).await;
            server.end().await.is_explained();
        });
    });
}

#[test]
fn a_peer_of_another_implementation_is_dialed() {
    alone("a peer written in Python that is dialed", || {
        let Some(python) = python() else { return };
        leaving_nothing(async || {
            let server = Server::start(small()).await;
            let mut events = server.node.subscribe().expect("the node runs");
            let mut peer = python_peer(python, &["listen"]);
            let mut port = String::new();
            BufReader::new(peer.stdout.take().expect("it is piped")).read_line(&mut port).expect("it says its port");
            let address = SocketAddr::from(([127, 0, 0, 1], port.trim().parse().expect("a port")));
            let (dialing, conversing) = (Arc::clone(&server.local), Arc::clone(&server.local));
            let session = server.node.open(
                Origin::outbound(Some(address.ip())),
                move |handshake| async move { peer::dial(&dialing, address, handshake).await },
                move |live, established| peer::converse(conversing, live, established),
            );
            let Some(Event::Up(up)) = events.next().await else { panic!("nobody answered") };
            assert_eq!((up.key, up.origin.direction), (address, Direction::Outbound));
            assert!(matches!(events.next().await, Some(Event::Down(_, Reason::RemoteClosed))));
            assert!(session.expect("there is a slot").wait().await.announced);
            assert!(peer.wait().expect("it can be waited for").success(), "the other end is not content");
            drop(events);
            server.is_deserted_by(1).await;
            server.end().await.is_explained();
        });
    });
}

/// Both ends of the connection find out, and both say so.
#[test]
fn a_node_that_dials_itself_finds_out() {
    alone("both ends of a connection to oneself to end", || {
        leaving_nothing(async || {
            let server = Server::start(small()).await;
            let (local, to) = (Arc::clone(&server.local), server.address);
            let session = server.node.open(
                Origin::outbound(Some(to.ip())),
                move |handshake| async move { peer::dial(&local, to, handshake).await },
                |_live, _connection| async { Reason::Local },
            );
            let ended = session.expect("there is a slot").wait().await;
            assert_eq!((ended.announced, ended.reason), (false, Reason::Myself));
            server.is_deserted_by(2).await;
            let remains = server.end().await;
            assert_eq!(remains.metrics.ended_unannounced, [("myself", 2)].into());
            assert_eq!(remains.heard, []);
            remains.is_explained();
        });
    });
}
