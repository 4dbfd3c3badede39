//! What connections cost that come to nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use handfast::lifecycle::{Limits, Reason, Rejected};
use handfast::node::{Context, Listener, Stream, framed};
use handfast::simopen;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::node::support::{
    Accounts, HANDSHAKE, Heard, Node, Pipe, Said, address, assert_empty, chatty, config, heard, idle, introduce, pass,
};

/// A peer that does as it should until its upgrade is complete, and then waits.
pub(crate) async fn peer(name: u64, stream: DuplexStream) -> simopen::Negotiated<DuplexStream> {
    let mut stream = simopen::negotiate(stream, &["/test/1"], simopen::Options::default()).await.expect("it agrees");
    stream.write_u64(name).await.expect("it reads");
    stream.write_u64(1000 + name).await.expect("it reads");
    stream.read_u64().await.expect("its name");
    stream.read_u64().await.expect("its number");
    stream
}

fn refusal<T>(outcome: Result<T, Rejected>) -> Option<Reason> {
    outcome.err().map(|rejected| rejected.reason)
}

/// Tries to be accepted and to be dialed, which is refused for this reason, and costs nothing.
async fn costs_nothing(node: &Node, inbound: Reason, outbound: Reason) {
    let (ours, mut theirs) = duplex(1024);
    assert_eq!(refusal(node.accept(ours, address(9))), Some(inbound));
    let mut said = Vec::new();
    theirs.read_to_end(&mut said).await.expect("it is closed");
    assert_eq!(said, b"", "nothing was said");
    let dialed = node.dial_with(address(9), async { panic!("it was dialed") });
    assert_eq!(refusal(dialed), Some(outbound));
}

#[tokio::test(start_paused = true)]
async fn a_banned_address_costs_no_negotiation() {
    let node = chatty(config(1), &Accounts::default());
    node.registry().ban_address(address(9).ip()).unwrap();
    costs_nothing(&node, Reason::Banned, Reason::Banned).await;
    let metrics = node.registry().metrics();
    assert_eq!((metrics.opened, metrics.refused.get(Reason::Banned.name())), (0, Some(&2)));
}

#[tokio::test(start_paused = true)]
async fn limits_hold_before_the_handshake_and_after_it() {
    let mut config = config(1);
    config.registry.registry.limits = Limits::new(4, 4).with_inbound(1).with_outbound(1);
    let node = chatty(config, &Accounts::default());
    let (ours, theirs) = duplex(1024);
    let inbound = node.accept(ours, address(2)).unwrap();
    let outbound = node.dial_with(address(3), std::future::pending()).unwrap();
    costs_nothing(&node, Reason::Inbound, Reason::Outbound).await;
    let connected = peer(2, theirs).await;
    idle().await;
    assert_eq!(node.registry().peers().len(), 1);
    costs_nothing(&node, Reason::Inbound, Reason::Outbound).await;
    outbound.abort();
    drop(connected);
    assert_eq!((inbound.wait().await.reason, outbound.wait().await.reason), (Reason::Failed, Reason::Aborted));
    assert_empty(&node);
}

/// The node itself, known by its key at the other end, at whatever address it was dialed.
#[tokio::test(start_paused = true)]
async fn a_node_that_dials_itself_has_no_session() {
    let node = chatty(config(1), &Accounts::default());
    let mut events = node.registry().subscribe().unwrap();
    let (ours, theirs) = duplex(1024);
    let dialed = node.dial_with(address(1), async { Ok(ours) }).unwrap();
    let accepted = node.accept(theirs, address(1)).unwrap();
    for session in [dialed, accepted] {
        assert_eq!(session.wait().await.reason, Reason::Myself);
    }
    assert_eq!(heard(&mut events), []);
}

/// What an upgrade does, by what the peer's first byte asks for.
async fn upgrade(mut stream: Stream<DuplexStream>) -> io::Result<handfast::node::Upgraded<u64, Said, Pipe>> {
    match stream.read_u8().await? {
        0 => introduce(1, 1, stream).await,
        1 => Err(io::ErrorKind::InvalidData.into()),
        4 => Err(io::ErrorKind::ConnectionReset.into()),
        2 => panic!("as it was asked to"),
        _ => std::future::pending().await,
    }
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_fails_panics_or_hangs_costs_its_slot_until_then_and_no_other_session() {
    let mut config = config(1);
    config.registry.registry.limits = Limits::by_direction(5, 0);
    let body = framed(Default::default(), |mut session| async move {
        while session.reader.read().await?.is_some() {}
        Ok(Reason::RemoteClosed)
    });
    let node = Node::new(config, upgrade, body).unwrap();
    let mut events = node.registry().subscribe().unwrap();
    let mut sessions = Vec::new();
    let mut ends = Vec::new();
    let begin = Instant::now();
    for kind in [0, 1, 2, 3, 4] {
        let (ours, theirs) = duplex(1024);
        sessions.push(node.accept(ours, address(kind)).unwrap());
        let options = simopen::Options::default();
        let mut end = simopen::negotiate(theirs, &["/test/1"], options).await.expect("it agrees");
        end.write_u8(kind).await.unwrap();
        if kind == 0 {
            end.write_u64(7).await.unwrap();
            end.write_u64(7).await.unwrap();
        }
        ends.push(end);
    }
    idle().await;
    assert_eq!(node.registry().metrics().sessions, 2, "those that failed and panicked have no slot any more");
    let [stays, fails, panics, hangs, resets] = &sessions[..] else { panic!("five") };
    let reason = |session: &handfast::lifecycle::SessionHandle| session.ended().map(|ended| ended.reason);
    assert_eq!((reason(fails), reason(panics)), (Some(Reason::HandshakeFailed), Some(Reason::Panicked)));
    assert_eq!(reason(resets), Some(Reason::RemoteClosed), "the upgrade's error says why");
    assert_eq!(hangs.wait().await.reason, Reason::HandshakeTimeout);
    assert_eq!(begin.elapsed(), HANDSHAKE);
    assert_eq!(reason(stays), None);
    assert_eq!(heard(&mut events), [Heard::Up(7)]);
}

/// A listener that gives what it is told to.
struct Told(tokio::sync::Mutex<mpsc::UnboundedReceiver<io::Result<DuplexStream>>>, Arc<Mutex<Vec<Instant>>>);

impl Listener for Told {
    type Io = DuplexStream;

    async fn accept(&self) -> io::Result<(DuplexStream, SocketAddr)> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        match self.0.lock().await.recv().await {
            Some(accepted) => Ok((accepted?, address(5))),
            None => std::future::pending().await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_listener_without_descriptors_pauses_and_lives_on() {
    let mut config = config(1);
    config.accept_pause = Duration::from_millis(250);
    let node = chatty(config, &Accounts::default());
    let (tell, told) = mpsc::unbounded_channel();
    let asked = Arc::<Mutex<Vec<Instant>>>::default();
    const EMFILE: i32 = 24;
    for _ in 0..3 {
        tell.send(Err(io::Error::from_raw_os_error(EMFILE))).unwrap();
    }
    let (ours, theirs) = duplex(1024);
    tell.send(Ok(ours)).unwrap();
    let begin = Instant::now();
    node.accept_from(Told(tokio::sync::Mutex::new(told), Arc::clone(&asked)));
    let connected = peer(2, theirs).await;
    let asked = asked.lock().unwrap().iter().map(|moment| (*moment - begin).as_millis()).collect::<Vec<_>>();
    assert_eq!(asked, [0, 250, 500, 750, 750]);
    idle().await;
    assert_eq!(node.registry().peers().len(), 1);
    let report = node.shutdown(Duration::from_secs(1));
    let (report, _) = tokio::join!(report, async { drop(connected) });
    assert_eq!(report.aborted, 0);
    assert!(tell.is_closed(), "the listener is closed when the shutdown is over");
}

/// One that comes while another one's body goes on is no trouble for it: bodies are tasks of their own.
#[tokio::test(start_paused = true)]
async fn a_body_that_panics_ends_its_session_alone() {
    let calls = Arc::new(AtomicU32::new(0));
    let body = move |mut context: Context<u64, Said>, _pipe: Pipe| {
        let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            assert!(!first, "the first one panics");
            context.told_to_end().await.0
        }
    };
    let node = Node::new(config(1), |stream| introduce(1, 1, stream), body).unwrap();
    let mut events = node.registry().subscribe().unwrap();
    let mut connected = Vec::new();
    for name in [2, 3] {
        let (ours, theirs) = duplex(1024);
        node.accept(ours, address(2)).unwrap();
        connected.push(peer(name, theirs).await);
        idle().await;
    }
    assert_eq!(heard(&mut events), [Heard::Up(2), Heard::Down(2, Reason::Panicked), Heard::Up(3)]);
    pass(HANDSHAKE * 2).await;
    assert_eq!(heard(&mut events), []);
}

/// BSD reports a client that resets before it is accepted: others do not wait for that.
#[tokio::test(start_paused = true)]
async fn a_connection_that_is_gone_before_it_is_accepted_keeps_nobody_waiting() {
    let node = chatty(config(1), &Accounts::default());
    let (tell, told) = mpsc::unbounded_channel();
    let asked = Arc::<Mutex<Vec<Instant>>>::default();
    let kinds = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::Interrupted];
    kinds.into_iter().for_each(|kind| tell.send(Err(kind.into())).unwrap());
    let begin = Instant::now();
    node.accept_from(Told(tokio::sync::Mutex::new(told), Arc::clone(&asked)));
    idle().await;
    let asked = asked.lock().unwrap().iter().map(|moment| (*moment - begin).as_millis()).collect::<Vec<_>>();
    assert_eq!(asked, [0; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_without_a_limit_waits_until_the_listener_is_closed() {
    let node = chatty(config(1), &Accounts::default());
    let (tell, told) = mpsc::unbounded_channel();
    node.accept_from(Told(tokio::sync::Mutex::new(told), Arc::default()));
    assert_eq!(node.shutdown(Duration::MAX).await.aborted, 0);
    assert!(tell.is_closed(), "the port is still bound");
}
