//! Simultaneous opens on loopback, without privileges: two threads that dial each other until they meet.

use std::io;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use handfast::simopen::{Options, Role, accept, listen, negotiate};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Builder;

use crate::simopen::{err, talk};
use crate::support::{deadline, one_storm_at_a_time};

/// How many connections are to come about by a simultaneous open.
const OPENS: usize = 1_000;

/// After how many attempts two ends that did not meet are given up.
const ATTEMPTS: usize = 100_000;

/// A line that two threads start from at the same instant, because the moment in which they can meet is short. One of them
/// spins there, so that both have a processor when they start.
#[derive(Default)]
struct Line {
    arrived: AtomicUsize,
}

impl Line {
    /// How often one looks whether the other has come, before it starts alone.
    const LOOKS: usize = 1_000_000;

    fn start(&self) {
        let before = self.arrived.fetch_add(1, Ordering::AcqRel);
        let both = (before / 2 + 1) * 2;
        for _ in 0..Self::LOOKS {
            if self.arrived.load(Ordering::Acquire) >= both {
                return;
            }
            std::hint::spin_loop();
        }
    }
}

/// Gives this thread a processor that the other end does not use, if there are two: two that take turns on one never meet.
fn apart(index: usize) {
    let allowed = sched_getaffinity(None).expect("it can be asked");
    let mut processors = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor));
    if let Some(processor) = processors.nth(index) {
        let mut one = CpuSet::new();
        one.set(processor);
        sched_setaffinity(None, &one).expect("it is allowed");
    }
}

/// A port of one's own that nobody else is given.
fn port() -> SocketAddr {
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    std::net::TcpListener::bind(any).and_then(|listener| listener.local_addr()).expect("there is a free port")
}

async fn dial(ours: SocketAddr, theirs: SocketAddr) -> io::Result<TcpStream> {
    bound(ours)?.connect(theirs).await
}

fn bound(ours: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(ours)?;
    // A closed port leaves nothing behind that the next attempt would run into.
    socket.set_zero_linger()?;
    Ok(socket)
}

fn is_retried(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrInUse, AddrNotAvailable, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionRefused | ConnectionReset | AddrNotAvailable | AddrInUse)
}

/// Dials until the two meet. A connection that this end does not share with the other one is none.
async fn meet(ours: SocketAddr, theirs: SocketAddr, line: &Line) -> TcpStream {
    for _ in 0..ATTEMPTS {
        let socket = bound(ours).expect("the port is ours");
        line.start();
        match socket.connect(theirs).await {
            Ok(stream) => return stream,
            Err(error) if is_retried(&error) => {}
            Err(error) => panic!("{ours} cannot dial {theirs}: {error}"),
        }
    }
    panic!("{ours} and {theirs} did not meet in {ATTEMPTS} attempts")
}

fn current_thread() -> tokio::runtime::Runtime {
    Builder::new_current_thread().enable_all().build().expect("there is a runtime")
}

fn options() -> Options {
    Options::default().with_timeout(Duration::from_secs(20))
}

/// Nobody listens: each connection is one that both ends opened. Every one of them ends with opposite roles, one
/// protocol, and a stream that is exact.
#[test]
fn two_that_dial_each_other_settle_who_is_the_initiator() {
    let _storm = one_storm_at_a_time();
    let _deadline = deadline("two that dial each other to meet a thousand times");
    let (left, right) = (port(), port());
    let (start, line) = (Barrier::new(2), Line::default());
    let end = |ours: SocketAddr, theirs: SocketAddr, says: u8, hears: u8, protocols: [&'static str; 2]| {
        let runtime = current_thread();
        let mut settled = Vec::with_capacity(OPENS);
        for _ in 0..OPENS {
            start.wait();
            settled.push(runtime.block_on(async {
                let stream = meet(ours, theirs, &line).await;
                stream.set_zero_linger().expect("it can be set");
                let mut stream = negotiate(stream, &protocols, options()).await.expect("they agree");
                talk(&mut stream, says, hears).await;
                let settled = (stream.role(), stream.protocol().to_owned());
                // Both have heard everything before either leaves.
                start.wait();
                settled
            }));
        }
        settled
    };
    let (lefts, rights) = std::thread::scope(|scope| {
        let lefts = scope.spawn(|| {
            apart(0);
            end(left, right, b'l', b'r', ["/noise", "/tls"])
        });
        let rights = scope.spawn(|| {
            apart(1);
            end(right, left, b'r', b'l', ["/tls", "/noise"])
        });
        (lefts.join().expect("the left end is well"), rights.join().expect("the right end is well"))
    });
    let mut initiators = 0;
    for ((role, protocol), (other, same)) in lefts.into_iter().zip(rights) {
        assert_eq!((role, &protocol), (other.opposite(), &same), "SIM-1");
        assert_eq!(protocol == "/noise", role == Role::Initiator, "SIM-4: the initiator's first");
        initiators += usize::from(role == Role::Initiator);
    }
    println!("{OPENS} simultaneous opens; the left end was the initiator of {initiators}");
    assert!((OPENS / 4..OPENS * 3 / 4).contains(&initiators), "chance decides, and favours nobody");
}

/// How a round came about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Opened {
    Dialed,
    Accepted,
}

/// libp2p's shape: both listen on the port that they dial from. Whoever's connect fails has been dialed: there is one
/// connection, never two and never none. (D1)
#[test]
fn two_that_listen_and_dial_have_one_connection() {
    let _deadline = deadline("two that listen and dial to have one connection");
    const ROUNDS: usize = 300;
    let (left, right) = (port(), port());
    let start = Barrier::new(2);
    let end = |ours: SocketAddr, theirs: SocketAddr, says: u8, hears: u8| {
        let runtime = current_thread();
        let listener = runtime.block_on(async { listen(ours, 16) }).expect("the port is free");
        (0..ROUNDS)
            .map(|_| {
                start.wait();
                let round = runtime.block_on(async {
                    let (stream, opened) = match dial(ours, theirs).await {
                        Ok(stream) => (stream, Opened::Dialed),
                        Err(error) if is_retried(&error) => {
                            let accepted = tokio::time::timeout(Duration::from_secs(20), listener.accept()).await;
                            let (stream, from) = accepted.expect("it was dialed").expect("it can be accepted");
                            assert_eq!(from, theirs);
                            (stream, Opened::Accepted)
                        }
                        Err(error) => panic!("{ours} cannot dial {theirs}: {error}"),
                    };
                    stream.set_zero_linger().expect("it can be set");
                    let negotiated = match opened {
                        Opened::Dialed => negotiate(stream, &["/noise"], options()).await,
                        Opened::Accepted => accept(stream, &["/noise"], options()).await,
                    };
                    let mut stream = negotiated.expect("they agree");
                    talk(&mut stream, says, hears).await;
                    let round = (opened, stream.role());
                    start.wait();
                    round
                });
                // The connection is gone at both ends before the next round.
                start.wait();
                round
            })
            .collect::<Vec<_>>()
    };
    let (lefts, rights) = std::thread::scope(|scope| {
        let lefts = scope.spawn(|| end(left, right, b'l', b'r'));
        let rights = scope.spawn(|| end(right, left, b'r', b'l'));
        (lefts.join().expect("the left end is well"), rights.join().expect("the right end is well"))
    });
    let mut simultaneous = 0;
    for ((opened, role), (by_other, other)) in lefts.into_iter().zip(rights) {
        assert_eq!(role, other.opposite());
        match (opened, by_other) {
            (Opened::Dialed, Opened::Dialed) => simultaneous += 1,
            (Opened::Dialed, Opened::Accepted) => assert_eq!(role, Role::Initiator),
            (Opened::Accepted, Opened::Dialed) => assert_eq!(role, Role::Responder),
            (Opened::Accepted, Opened::Accepted) => panic!("nobody dialed"),
        }
    }
    println!("{simultaneous} of {ROUNDS} connections were opened by both ends");
}

/// SIM-13: a connection to oneself draws the number that it drew.
#[tokio::test]
async fn a_connection_to_oneself_is_a_tie() {
    let _deadline = deadline("a connection to oneself");
    let ours = port();
    let stream = dial(ours, ours).await.expect("TCP allows it");
    assert_eq!(stream.local_addr().expect("connected"), stream.peer_addr().expect("connected"));
    let error = err(negotiate(stream, &["/noise"], options()).await, "nobody else is there");
    assert!(error.is_tie(), "{error}");
}
