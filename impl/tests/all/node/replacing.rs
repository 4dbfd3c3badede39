//! Each part can be left out, or replaced by another one.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use handfast::framed::Frame;
use handfast::lifecycle::{Limits, Reason, Report};
use handfast::node::{Config, Context, Node, Opening, Stream, Upgraded, framed};
use handfast::simopen::{Direction, Role, Side};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_util::codec::{Framed, LinesCodec};

use crate::node::support::{Heard, Pipe, address, config, heard, idle};

fn by_direction(name: u64) -> Config<u64> {
    let mut config = config(name);
    config.opening = Opening::ByDirection;
    config
}

/// The roles are those of the direction, and the first byte on the connection is the upgrade's.
#[tokio::test(start_paused = true)]
async fn without_simopen_the_end_that_dialed_is_the_initiator() {
    let sides = [(Direction::Outbound, Role::Initiator), (Direction::Inbound, Role::Responder)];
    for (direction, role) in sides {
        let upgrade = |mut stream: Stream<DuplexStream>| async move {
            assert_eq!((stream.protocol(), stream.address()), (None, Some(address(2))));
            stream.write_u8(1).await?;
            let (key, side) = (u64::from(stream.read_u8().await?), stream.side());
            Ok::<_, std::io::Error>(Upgraded::new(key, side, Pipe(stream)))
        };
        let body = framed(Default::default(), |mut session| async move {
            session.writer.write(Frame::new(5, vec![])).await?;
            while session.reader.read().await?.is_some() {}
            Ok(Reason::RemoteClosed)
        });
        let node: Node<u64, Side, DuplexStream> = Node::new(by_direction(1), upgrade, body).unwrap();
        let (ours, mut theirs) = duplex(64);
        match direction {
            Direction::Outbound => node.dial_with(address(2), async { Ok(ours) }).unwrap(),
            Direction::Inbound => node.accept(ours, address(2)).unwrap(),
        };
        theirs.write_u8(7).await.unwrap();
        let mut said = [0; 9];
        theirs.read_exact(&mut said).await.unwrap();
        assert_eq!(said, [1, 0, 0, 0, 5, 0, 0, 0, 0], "the upgrade, and a frame");
        assert_eq!(node.registry().peers()[0].info, Side { role, direction });
    }
}

/// Lines in place of frames; the body ends its connection by itself.
#[tokio::test(start_paused = true)]
async fn another_framing_is_another_body() {
    let upgrade =
        |stream| async move { Ok::<_, Infallible>(Upgraded::new(2, (), Framed::new(stream, LinesCodec::new()))) };
    let body = |mut context: Context<u64>, mut lines: Framed<Stream<DuplexStream>, LinesCodec>| async move {
        let reason = loop {
            tokio::select! {
                biased;
                (reason, by) = context.told_to_end() => {
                    let left = by - tokio::time::Instant::now();
                    let _ = lines.send(format!("{reason} within {left:?}")).await;
                    break reason;
                }
                line = lines.next() => match line {
                    Some(Ok(line)) if lines.send(line.to_uppercase()).await.is_ok() => {}
                    _ => break Reason::RemoteClosed,
                }
            }
        };
        // The connection is dropped when the session has ended.
        (reason, lines)
    };
    let node: Node<u64, (), DuplexStream> = Node::new(by_direction(1), upgrade, body).unwrap();
    let mut events = node.registry().subscribe().unwrap();
    let (ours, theirs) = duplex(64);
    node.accept(ours, address(2)).unwrap();
    let mut theirs = Framed::new(theirs, LinesCodec::new());
    theirs.send("hello").await.unwrap();
    assert_eq!(theirs.next().await.unwrap().unwrap(), "HELLO");
    let (report, last) = tokio::join!(node.shutdown(Duration::from_secs(4)), theirs.next());
    assert_eq!(report, Report { drained: 1, aborted: 0 });
    assert_eq!(last.unwrap().unwrap(), "shutting_down within 3.5s");
    assert_eq!(heard(&mut events), [Heard::Up(2), Heard::Down(2, Reason::ShuttingDown), Heard::Closed]);
}

/// Nothing but the registry: no negotiation, no upgrade, no framing.
#[tokio::test(start_paused = true)]
async fn without_an_upgrade_a_connection_goes_to_its_body_as_it_is() {
    let mut config = by_direction(1);
    config.registry.registry =
        handfast::lifecycle::Config::new(Limits::by_direction(2, 0), handfast::lifecycle::Duplicates::KeepNew)
            .with_duplicates(handfast::lifecycle::Duplicates::Allow(2));
    let upgrade = |stream: Stream<DuplexStream>| async { Ok::<_, Infallible>(Upgraded::new(0, (), stream)) };
    let body = |_context: Context<u64>, stream: Stream<DuplexStream>| async move {
        let (mut io, left) = stream.into_parts();
        assert!(left.is_empty());
        let mut byte = [0];
        while io.read(&mut byte).await.is_ok_and(|read| read > 0) && io.write_all(&byte).await.is_ok() {}
        (Reason::RemoteClosed, io)
    };
    let node: Node<u64, (), DuplexStream> = Node::new(config, upgrade, body).unwrap();
    let mut ends = Vec::new();
    for _ in 0..2 {
        let (ours, mut theirs) = duplex(64);
        node.accept(ours, address(2)).unwrap();
        theirs.write_all(b"abc").await.unwrap();
        let mut said = [0; 3];
        theirs.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"abc");
        ends.push(theirs);
    }
    assert_eq!(node.registry().sessions_of(&0).len(), 2);
    drop(ends);
    idle().await;
    assert_eq!(node.registry().metrics().sessions, 0);
}

/// What came with the last message of the negotiation is the session's, also where the transport is the connection itself.
#[cfg(unix)]
#[tokio::test]
async fn frames_that_came_with_the_negotiation_are_read_first() {
    use tokio::net::UnixStream;
    let (send, mut read) = tokio::sync::mpsc::unbounded_channel();
    let upgrade = |stream: Stream<UnixStream>| async { Ok::<_, Infallible>(Upgraded::new(2, (), stream)) };
    let body = framed(Default::default(), move |mut session| {
        let send = send.clone();
        async move {
            let _ = send.send(session.reader.read().await?);
            Ok(Reason::RemoteClosed)
        }
    });
    let node: Node<u64, (), UnixStream> = Node::new(config(1), upgrade, body).unwrap();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    node.accept(ours, address(2)).unwrap();
    theirs.write_all(b"\x13/multistream/1.0.0\n\x08/test/1\n\0\0\0\x05\0\0\0\x02hi").await.unwrap();
    let frame =
        tokio::time::timeout(Duration::from_secs(20), read.recv()).await.expect("the frame is read within 20 s");
    assert_eq!(frame, Some(Some(Frame::new(5, "hi"))));
}

/// From the port that the node listens on two that dial each other could meet in one connection, and both would be its
/// initiator.
#[tokio::test]
async fn without_simopen_no_peer_is_dialed_from_the_listening_port() {
    use std::net::{Ipv4Addr, SocketAddr};
    use tokio::net::TcpStream;
    let (send, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let [dials, listens] = [2, 1].map(|peer| {
        let send = send.clone();
        let upgrade = move |stream: Stream<TcpStream>| {
            let _ = send.send((stream.side().role, stream.address()));
            async move { Ok::<_, Infallible>(Upgraded::new(peer, (), stream)) }
        };
        let body = |mut context: Context<u64>, stream: Stream<TcpStream>| async move {
            (context.told_to_end().await.0, stream)
        };
        Node::<u64, (), TcpStream>::new(by_direction(3 - peer), upgrade, body).unwrap()
    });
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (from, to) = (dials.listen(loopback).unwrap(), listens.listen(loopback).unwrap());
    dials.dial(to).unwrap();
    let accepted = async {
        loop {
            let (role, address) = seen.recv().await.expect("the nodes live");
            if role == Role::Responder {
                break address.expect("TCP has addresses");
            }
        }
    };
    let address = tokio::time::timeout(Duration::from_secs(20), accepted).await.expect("it is accepted within 20 s");
    assert_ne!(address, from, "it was dialed from the port that this node listens on");
}
