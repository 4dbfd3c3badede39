//! Dialing, and when to dial again.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use handfast::simopen::core::Failure;
use handfast::simopen::{Backoff, DialError, Dialer, Error, Options, Role, accept, hole_punch_role, listen};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// A listener whose port can be dialed from, and its address.
fn listener(at: SocketAddr) -> (TcpListener, SocketAddr) {
    crate::limit::limited();
    let listener = listen(at, 16).expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

/// A dialer that hardly waits between its attempts.
fn dialer(attempts: u32) -> Dialer {
    let backoff = Backoff::default()
        .with_first(Duration::from_micros(1))
        .with_most(Duration::from_micros(1))
        .with_attempts(attempts);
    Dialer::new(None).with_backoff(backoff)
}

#[tokio::test]
async fn the_port_that_one_listens_on_is_dialed_from() {
    let (_ours, from) = listener(loopback());
    let (theirs, peer) = listener(loopback());
    let dialed = Dialer::new(Some(from)).connect(peer).await.expect("it listens");
    assert!(dialed.port_reused);
    assert_eq!(theirs.accept().await.expect("it was dialed").1, from);

    // The same two ports again: the connection exists, so that another port is taken.
    let again = Dialer::new(Some(from)).connect(peer).await.expect("it listens");
    assert!(!again.port_reused);
    assert_ne!(theirs.accept().await.expect("it was dialed").1, from);
}

/// A listener at `[::]` is at every address of IPv4 too, and so is one at a mapped address; one at `[::1]` is not.
#[tokio::test]
async fn the_family_of_the_peer_is_dialed() {
    let Ok(any) = listen((Ipv6Addr::UNSPECIFIED, 0).into(), 16) else { return eprintln!("skipped: there is no IPv6") };
    let port = any.local_addr().expect("it is bound").port();
    let (theirs, peer) = listener(loopback());
    let mapped = |address: SocketAddr| SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), address.port()));
    let (_at_mapped, other) = listener(loopback());
    let cases = [
        (SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), peer, Some(port)),
        (mapped(other), peer, Some(other.port())),
        (SocketAddr::from((Ipv6Addr::LOCALHOST, port)), peer, None),
        (SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), peer, None),
        (SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), mapped(peer), None),
    ];
    let mut held = Vec::new();
    for (from, peer, expected) in cases {
        let dialed = Dialer::new(Some(from)).connect(peer).await.expect("it listens");
        let (_, seen) = theirs.accept().await.expect("it was dialed");
        let to = dialed.stream.peer_addr().expect("it is connected");
        assert!(to.is_ipv4(), "{to}: a mapped address is dialed as IPv4");
        // The last pair of ports is that of the first, which is still open.
        assert_eq!((dialed.port_reused, dialed.port_reused.then_some(seen.port())), (expected.is_some(), expected));
        held.push(dialed);
    }
}

/// An address from which nothing can be dialed is no reason not to dial.
#[tokio::test]
async fn another_port_is_taken_where_the_listeners_cannot_be() {
    let (theirs, peer) = listener(loopback());
    // Of a network for documentation, of one link that does not exist, and one that another socket has for itself.
    let exclusive = TcpSocket::new_v4().expect("there are sockets");
    exclusive.bind(loopback()).expect("there is a free port");
    let taken = exclusive.local_addr().expect("it is bound");
    let elsewhere: SocketAddr = (Ipv4Addr::new(192, 0, 2, 1), 4001).into();
    let linked = SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), 4001, 0, 9_999);
    for from in [elsewhere, linked.into(), taken] {
        let dialed = Dialer::new(Some(from)).connect(peer).await.unwrap_or_else(|error| panic!("{from}: {error}"));
        assert!(!dialed.port_reused, "{from}");
        theirs.accept().await.expect("it was dialed");
    }
}

#[tokio::test]
async fn a_dialer_agrees_with_a_listener_and_says_from_which_port() {
    for reuses in [true, false] {
        let (_ours, from) = listener(loopback());
        let (theirs, peer) = listener(loopback());
        let accepted = async {
            let (stream, seen) = theirs.accept().await.expect("it is dialed");
            assert_eq!(seen == from, reuses);
            accept(stream, &["/noise"], Options::default()).await.expect("they agree")
        };
        let dialer = Dialer::new(reuses.then_some(from));
        let (opened, accepted) = tokio::join!(dialer.open(peer, &["/noise"]), accepted);
        let opened = opened.expect("they agree");
        assert_eq!((opened.stream.role(), accepted.role()), (Role::Initiator, Role::Responder));
        assert_eq!((opened.port_reused, opened.attempts), (reuses, 1));
    }
}

#[tokio::test]
async fn a_peer_that_refuses_is_told_with_its_address_and_the_reason() {
    let closed = TcpListener::bind(loopback()).await.expect("there is a free port").local_addr().expect("bound");
    let (_ours, from) = listener(loopback());
    for from in [None, Some(from)] {
        let error = Dialer::new(from).connect(closed).await.expect_err("nothing listens");
        let DialError::Connect { source, .. } = &error else { panic!("{error}") };
        assert_eq!(source.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(error.to_string(), format!("cannot connect to {closed}: {source}"));
    }
}

/// A listener whose queue is full drops what comes: the kernel would try for two minutes.
#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_dial_ends_at_its_limit() {
    let (_full, peer) = {
        let listening = listen(loopback(), 0).expect("there is a free port");
        let address = listening.local_addr().expect("it is bound");
        (listening, address)
    };
    let (_ours, from) = listener(loopback());
    let _first = TcpStream::connect(peer).await.expect("there is room for one");
    for from in [None, Some(from)] {
        let dialer = Dialer::new(from).with_timeout(Duration::from_millis(300));
        let before = Instant::now();
        let error = dialer.connect(peer).await.expect_err("there is no room");
        assert!(matches!(error, DialError::TimedOut { .. }), "{error}");
        assert_eq!(error.to_string(), format!("{peer} did not answer within 300ms"));
        let taken = before.elapsed();
        assert!((300..=301).contains(&taken.as_millis()), "both ports together take as long as one: {taken:?}");
    }
}

/// Silence on the listener's port leaves the other half of the time for another one.
#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn another_port_is_dialed_after_half_of_the_time() {
    let full = listen(loopback(), 0).expect("there is a free port");
    let peer = full.local_addr().expect("it is bound");
    let (_ours, from) = listener(loopback());
    let _first = TcpStream::connect(peer).await.expect("there is room for one");
    let limit = Duration::from_millis(300);
    // The kernel sends a dropped segment again after a second of real time: only a new attempt finds the room.
    let makes_room = async {
        tokio::time::sleep(limit / 2 - Duration::from_millis(10)).await;
        full.accept().await.expect("one waits")
    };
    let dialer = Dialer::new(Some(from)).with_timeout(limit);
    let (dialed, _accepted) = tokio::join!(dialer.connect(peer), makes_room);
    let dialed = dialed.expect("there is room for another port");
    assert!(!dialed.port_reused, "the listener's port had met silence");
}

/// A port that dials itself meets itself: TCP allows it. So does one that dials the listener from another port.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn dialing_oneself_is_noticed_from_any_port() {
    let unused = TcpListener::bind(loopback()).await.expect("there is a free port").local_addr().expect("bound");
    let (_listens, at_address) = listener(loopback());
    let (_anywhere, everywhere) = listener((Ipv4Addr::UNSPECIFIED, 0).into());
    let at_loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, everywhere.port()));
    for (from, peer) in [(unused, unused), (at_address, at_address), (everywhere, at_loopback)] {
        // The second time the port is in use, and another is dialed from.
        let first = Dialer::new(Some(from)).connect(peer).await;
        let _held = TcpSocket::new_v4().and_then(|socket| socket.bind(loopback()).map(|()| socket));
        for outcome in [first, Dialer::new(Some(from)).connect(peer).await] {
            let error = outcome.expect_err("it is this end");
            assert!(matches!(error, DialError::Myself(myself) if myself == peer), "{from} to {peer}: {error}");
        }
    }
    // While the port is connected to itself, it is from another one that the listener is dialed.
    let itself = TcpSocket::new_v4().expect("there are sockets");
    itself.set_reuseaddr(true).and_then(|()| itself.set_reuseport(true)).expect("Linux has these options");
    itself.bind(at_loopback).expect("the listener allows it");
    let _itself = itself.connect(at_loopback).await.expect("TCP allows it");
    let error = Dialer::new(Some(everywhere)).connect(at_loopback).await.expect_err("its own listener answers");
    assert!(matches!(error, DialError::Myself(myself) if myself == at_loopback), "from another port: {error}");
    let from_another_port = Dialer::new(Some(everywhere));
    let (ours, theirs) = (TcpListener::bind(loopback()).await.expect("there is a free port"), at_loopback.port());
    let other = SocketAddr::from((Ipv4Addr::LOCALHOST, ours.local_addr().expect("bound").port()));
    let dialed = from_another_port.connect(other).await.expect("another listener is no reason");
    assert_ne!(dialed.stream.peer_addr().expect("connected").port(), theirs);
}

/// What a peer does with the connections that it accepts, one after the other.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// It sends everything back: its number equals this end's.
    Reflects,
    /// It proposes, as a dialer without the extension.
    Proposes,
    Agrees,
    /// It declines everything.
    Declines,
    /// It closes.
    Leaves,
}

/// Accepts as many connections as there are things to do, and says how many came.
async fn serve(listener: TcpListener, does: Vec<Does>) -> usize {
    let mut served = 0;
    for what in does {
        let (mut stream, _) = listener.accept().await.expect("it is dialed");
        served += 1;
        match what {
            Does::Reflects => {
                let (mut reader, mut writer) = stream.split();
                let _reset = tokio::io::copy(&mut reader, &mut writer).await;
            }
            Does::Proposes => {
                stream.write_all(b"\x13/multistream/1.0.0\n\x07/noise\n").await.expect("it fits");
                let _reset = stream.read_to_end(&mut Vec::new()).await;
            }
            Does::Agrees => drop(accept(stream, &["/noise"], Options::default()).await.expect("they agree")),
            Does::Declines => drop(accept(stream, &["/other"], Options::default()).await),
            Does::Leaves => drop(stream),
        }
    }
    served
}

/// Ties and dialers without the extension are dialed again, as often as there are attempts; nothing else is.
#[tokio::test]
async fn a_dialer_dials_again_where_another_connection_may_do() {
    use Does::{Agrees, Declines, Leaves, Proposes, Reflects};
    let is_tie = |failure: &Failure| matches!(failure, Failure::Tie);
    let is_plain = |failure: &Failure| matches!(failure, Failure::PlainDialer);
    let is_nothing = |failure: &Failure| matches!(failure, Failure::NothingInCommon);
    type Ends = Option<fn(&Failure) -> bool>;
    let cases: [(u32, &[Does], Ends); 8] = [
        (5, &[Agrees], None),
        (5, &[Reflects, Proposes, Agrees], None),
        (3, &[Proposes, Reflects, Agrees], None),
        (3, &[Reflects; 3], Some(is_tie)),
        (2, &[Proposes; 2], Some(is_plain)),
        (1, &[Reflects], Some(is_tie)),
        (0, &[Proposes], Some(is_plain)),
        (5, &[Reflects, Declines], Some(is_nothing)),
    ];
    for (attempts, does, ends) in cases {
        let (listener, peer) = listener(loopback());
        let dialer = dialer(attempts);
        let server = tokio::spawn(serve(listener, does.to_vec()));
        let opened = dialer.open(peer, &["/noise"]).await;
        let what = format!("{attempts} attempts, {does:?}");
        match (opened, ends) {
            (Ok(opened), None) => {
                assert_eq!((opened.attempts as usize, opened.port_reused), (does.len(), false), "{what}");
                assert_eq!((opened.stream.role(), opened.stream.protocol()), (Role::Initiator, "/noise"), "{what}");
            }
            (Err(DialError::Negotiation { peer: at, attempts, source: Error::Negotiation(failure) }), Some(ends)) => {
                assert_eq!((at, attempts as usize), (peer, does.len()), "{what}");
                assert!(ends(&failure), "{what}: {failure}");
            }
            (outcome, _) => panic!("{what}: {outcome:?}"),
        }
        let served = tokio::time::timeout(Duration::from_secs(20), server).await;
        let served = served.unwrap_or_else(|_| panic!("{what}: it did not dial so often within 20 s"));
        assert_eq!(served.expect("no panic"), does.len(), "{what}");
    }
    let (listener, peer) = listener(loopback());
    let dialer = dialer(5);
    let (opened, served) = tokio::join!(dialer.open(peer, &["/noise"]), serve(listener, vec![Leaves]));
    assert!(matches!(opened, Err(DialError::Negotiation { attempts: 1, .. })), "{opened:?}");
    assert_eq!(served, 1);
}

/// Between two attempts it waits for a part of the limit, so that two ends do not dial in lockstep.
#[tokio::test(start_paused = true)]
async fn a_dialer_waits_before_it_dials_again() {
    let limit = Duration::from_secs(3_600);
    let (listener, peer) = listener(loopback());
    let dialer = dialer(2).with_backoff(Backoff::default().with_first(limit).with_most(limit).with_attempts(2));
    let before = Instant::now();
    let server = tokio::spawn(serve(listener, vec![Does::Proposes, Does::Agrees]));
    let opened = dialer.open(peer, &["/noise"]).await;
    assert_eq!(opened.expect("the second agrees").attempts, 2);
    assert_eq!(server.await.expect("no panic"), 2);
    // The clock is paused: nothing else takes time. That the number drawn is 0 is not to be expected.
    assert!(before.elapsed() > Duration::ZERO && before.elapsed() <= limit + Duration::from_millis(1));
}

/// The limit of each wait is twice that of the one before. The twelve waits are drawn: that all of them together are no
/// longer than twelve of the first is less likely than one in a million.
#[tokio::test(start_paused = true)]
async fn a_dialer_waits_longer_after_each_attempt() {
    const WAITS: u32 = 12;
    let first = Duration::from_secs(60);
    let (listener, peer) = listener(loopback());
    let backoff = Backoff::default().with_first(first).with_most(Duration::MAX).with_attempts(WAITS + 1);
    let does = [vec![Does::Proposes; WAITS as usize], vec![Does::Agrees]].concat();
    let server = tokio::spawn(serve(listener, does));
    let before = Instant::now();
    let opened = dialer(WAITS).with_backoff(backoff).open(peer, &["/noise"]).await.expect("the last agrees");
    assert_eq!(opened.attempts, WAITS + 1);
    assert_eq!(server.await.expect("no panic"), WAITS as usize + 1);
    assert!(before.elapsed() > first * WAITS, "the limits do not grow: all waits took {:?}", before.elapsed());
}

#[test]
fn waits_grow_and_are_random_parts_of_their_limits() {
    let backoff =
        Backoff::default().with_first(Duration::from_millis(100)).with_most(Duration::from_secs(1)).with_attempts(10);
    let limits: Vec<u128> = (1..=6).map(|attempts| backoff.limit(attempts).as_millis()).collect();
    assert_eq!(limits, [100, 200, 400, 800, 1000, 1000]);
    assert_eq!(backoff.limit(u32::MAX), backoff.most);
    for random in [0, 1, 1 << 40, u64::MAX] {
        assert!(backoff.wait(3, random) <= backoff.limit(3));
    }
    assert_ne!(backoff.wait(3, 1 << 20), backoff.wait(3, 1 << 21), "two ends that drew differently wait differently");
    let endless = Backoff::default().with_first(Duration::MAX).with_most(Duration::MAX).with_attempts(2);
    assert!(endless.wait(2, u64::MAX) <= Duration::MAX);
}

#[test]
fn hole_punching_settles_the_roles() {
    assert_eq!(hole_punch_role(true), Role::Responder);
    assert_eq!(hole_punch_role(false), Role::Initiator);
}
