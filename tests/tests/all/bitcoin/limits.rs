//! How many peers the example accepts from one source, as a process. All of 127.0.0.0/8 is loopback.

use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::client::{Client, ClientError};
use super::program::{listening, rest};
use crate::support::deadline;

/// A peer that comes from this address.
async fn from(source: Ipv4Addr, to: SocketAddr) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there is a descriptor");
    socket.bind(&SocketAddr::from((source, 0)).into()).expect("it is loopback's");
    socket.connect(&to.into()).expect("it listens");
    socket.set_nonblocking(true).expect("it can be set");
    Client::over(TcpStream::from_std(socket.into()).expect("there is a runtime"))
}

/// So many peers of one /24 are up, from as many addresses as it takes. The next is turned away, and one of another /24 not.
async fn accepts_of_one_source(to: SocketAddr, limit: u8, of_each: u8) -> Result<(), ClientError> {
    let mut peers = Vec::new();
    for number in 0..limit {
        let mut peer = from(Ipv4Addr::new(127, 0, 7, 1 + number / of_each), to).await;
        peer.shake_hands().await?;
        peer.ping().await?;
        peers.push(peer);
    }
    match from(Ipv4Addr::new(127, 0, 7, 99), to).await.introduce().await {
        Err(ClientError::Receive(_) | ClientError::Send(_)) => {}
        other => panic!("one more is not turned away: {other:?}"),
    }
    let mut other = from(Ipv4Addr::new(127, 0, 8, 1), to).await;
    other.shake_hands().await?;
    other.ping().await
}

#[test]
fn peers_of_one_source_are_limited() {
    let _deadline = deadline("peers of one source");
    let runtime = Runtime::new().expect("a runtime");
    for (arguments, limit) in [(&[][..], 32), (&["--max-per-source", "3"], 3)] {
        let (node, address) = listening(arguments);
        let address = address.parse().expect("an address");
        let result = runtime.block_on(accepts_of_one_source(address, limit, 8));
        assert!(result.is_ok(), "{arguments:?}: {result:?}");
        node.interrupt();
        rest(node);
    }
}
