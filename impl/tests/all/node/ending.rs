//! The end of a node, and of its sessions.

use std::time::Duration;

use handfast::framed::Frame;
use handfast::lifecycle::{self, Reason, Report, SessionHandle};
use handfast::node::{Config, ConfigError, Node as AnyNode, Opening, framed, framed_with_report};
use handfast::simopen::{NameError, Options};
use tokio::io::duplex;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::node::admission::peer;
use crate::node::support::{
    Accounts, DRAIN, FRAMES, GRACE, HANDSHAKE, Heard, Node, Said, address, assert_empty, chatty, config, heard, idle,
    introduce, pass,
};

fn connect(one: &Node, other: &Node) -> SessionHandle {
    let (ours, theirs) = duplex(64);
    other.accept(theirs, address(1)).expect("there is a slot");
    one.dial_with(address(2), async { Ok(ours) }).expect("there is a slot")
}

/// The node's frames are under way when it is told to end, and so are the peers'.
#[tokio::test(start_paused = true)]
async fn a_shutdown_drains_frames_and_announces_every_down() {
    let accounts: [Accounts; 4] = Default::default();
    let nodes = [1, 2, 3, 4].map(|name| chatty(config(name), &accounts[name as usize - 1]));
    let mut events = nodes[0].registry().subscribe().unwrap();
    for other in &nodes[1..] {
        connect(&nodes[0], other);
    }
    while nodes[0].registry().peers().len() < 3 {
        tokio::task::yield_now().await;
    }
    let report = nodes[0].shutdown(Duration::from_secs(10)).await;
    assert_eq!(report, Report { drained: 3, aborted: 0 });
    let mut said = heard(&mut events);
    assert_eq!(said.pop(), Some(Heard::Closed));
    assert_eq!(said.len(), 6);
    assert_eq!(said.iter().filter(|heard| matches!(heard, Heard::Down(_, Reason::ShuttingDown))).count(), 3);
    idle().await;
    for (said, sent) in accounts[0].all() {
        assert_eq!(sent.report, Some(true), "{sent:?}");
        let theirs = accounts[1..].iter().flat_map(Accounts::all).find(|(it, _)| it.theirs == said.ours);
        let theirs = theirs.expect("the peer had the session").1;
        assert_eq!(theirs.delivered, sent.accepted);
        assert_eq!((theirs.report, theirs.accepted), (Some(true), sent.delivered));
        assert!(sent.accepted <= FRAMES);
    }
    nodes.iter().for_each(assert_empty);
    let (ours, _theirs) = duplex(64);
    assert_eq!(nodes[0].accept(ours, address(1)).err().map(|rejected| rejected.reason), Some(Reason::ShuttingDown));
}

/// It reads nothing after the upgrade, so that the node's frames fill what the connection holds.
#[tokio::test(start_paused = true)]
async fn a_peer_that_stalls_costs_the_drain_and_what_it_did_not_take_is_reported() {
    let timeout = Duration::from_secs(16);
    // A session's own end is bounded by its grace; that of the node's shutdown counts if it is earlier.
    for (timeout, elapsed) in [(timeout, DRAIN), (timeout / 4, timeout / 4 * 7 / 8)] {
        let accounts = Accounts::default();
        let node = chatty(config(1), &accounts);
        let mut events = node.registry().subscribe().unwrap();
        let (ours, theirs) = duplex(64);
        node.accept(ours, address(2)).unwrap();
        let stalls = peer(2, theirs).await;
        pass(Duration::from_secs(1)).await;
        let begin = Instant::now();
        assert_eq!(node.shutdown(timeout).await, Report { drained: 1, aborted: 0 });
        assert_eq!(begin.elapsed(), elapsed, "within its deadline");
        assert_eq!(heard(&mut events), [Heard::Up(2), Heard::Down(2, Reason::ShuttingDown), Heard::Closed]);
        let [(_, account)] = accounts.all()[..] else { panic!("one session") };
        assert_eq!((account.accepted, account.report), (FRAMES, Some(false)));
        assert_empty(&node);
        drop(stalls);
    }
}

/// A body that only writes learns from its writer that the session is to end.
#[tokio::test(start_paused = true)]
async fn a_body_that_only_writes_ends_when_its_session_is_told_to() {
    let body = framed(Default::default(), |mut session| async move {
        loop {
            match session.writer.write(Frame::new(1, "tick")).await {
                Ok(()) => pass(Duration::from_millis(100)).await,
                Err(error) if error.is_shutdown() => return Ok(Reason::RemoteClosed),
                Err(error) => return Err(error),
            }
        }
    });
    let node = Node::new(config(1), |stream| introduce(1, 1, stream), body).unwrap();
    let (ours, theirs) = duplex(4096);
    let session = node.accept(ours, address(2)).unwrap();
    let mut connected = peer(2, theirs).await;
    let reads = tokio::spawn(async move { tokio::io::copy(&mut connected, &mut tokio::io::sink()).await.map(drop) });
    pass(Duration::from_secs(1)).await;
    let begin = Instant::now();
    node.registry().disconnect(session.session(), Reason::Local).unwrap();
    assert_eq!(session.wait().await.reason, Reason::Local);
    reads.abort();
    assert!(begin.elapsed() < DRAIN, "it was not told that it cannot write any more: {:?}", begin.elapsed());
}

/// Of two calls the earlier end counts for the frames too, also if the later one was asked for last.
#[tokio::test(start_paused = true)]
async fn a_second_shutdown_with_more_time_leaves_the_frames_no_more() {
    let accounts = Accounts::default();
    let node = chatty(config(1), &accounts);
    let (ours, theirs) = duplex(64);
    node.accept(ours, address(2)).unwrap();
    let _stalls = peer(2, theirs).await;
    pass(Duration::from_secs(1)).await;
    let begin = Instant::now();
    let timeout = Duration::from_secs(4);
    let reports = tokio::join!(node.shutdown(timeout), node.shutdown(timeout * 100));
    assert_eq!(reports.0, Report { drained: 1, aborted: 0 }, "the session was still draining, and was aborted");
    assert_eq!((reports.1, begin.elapsed()), (reports.0, timeout * 7 / 8));
    let [(_, account)] = accounts.all()[..] else { panic!("one session") };
    assert_eq!(account.report, Some(false), "its frames are accounted for");
}

/// As the loser of a tie that its other end did not announce: all is acknowledged, and no body reads it.
#[tokio::test(start_paused = true)]
async fn what_a_peer_took_and_closed_without_a_marker_is_reported() {
    let accounts = Accounts::default();
    let node = chatty(config(1), &accounts);
    let (ours, theirs) = duplex(4096);
    let session = node.accept(ours, address(2)).unwrap();
    let connected = peer(2, theirs).await;
    idle().await;
    node.registry().disconnect(session.session(), Reason::Replaced).unwrap();
    idle().await;
    assert_eq!(session.ended(), None, "the peer's marker may come yet");
    drop(connected);
    assert_eq!(session.wait().await.reason, Reason::Replaced);
    let [(_, account)] = accounts.all()[..] else { panic!("one session") };
    assert_eq!((account.accepted, account.report), (FRAMES, Some(false)));
}

/// A shutdown that begins while a session drains leaves it no more time than the node has.
#[tokio::test(start_paused = true)]
async fn a_shutdown_shortens_the_drain_of_a_session_that_ends_already() {
    let (reports, mut reported) = mpsc::unbounded_channel();
    let body = framed_with_report(
        Default::default(),
        |mut session| async move {
            session.writer.feed(Frame::new(1, vec![0; 1000])).await?;
            while session.reader.read().await?.is_some() {}
            Ok(Reason::RemoteClosed)
        },
        move |drained| reports.send(drained.outcome).expect("the test looks"),
    );
    let node = Node::new(config(1), |stream| introduce(1, 1, stream), body).unwrap();
    let (ours, theirs) = duplex(64);
    let session = node.accept(ours, address(2)).unwrap();
    let stalls = peer(2, theirs).await;
    pass(Duration::from_secs(1)).await;
    node.registry().disconnect(session.session(), Reason::Local).unwrap();
    pass(Duration::from_secs(1)).await;
    let begin = Instant::now();
    assert_eq!(node.shutdown(Duration::from_secs(2)).await, Report { drained: 1, aborted: 0 });
    assert_eq!(begin.elapsed(), Duration::from_secs(2) * 7 / 8);
    let outcome = reported.recv().await.expect("it is reported").expect("it is known");
    assert!(matches!(outcome, handfast::framed::Outcome::DeadlineExceeded { .. }), "{outcome:?}");
    drop(stalls);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_return_is_dropped_and_reported() {
    let (reports, mut reported) = mpsc::unbounded_channel();
    let body = framed_with_report(
        Default::default(),
        |_session| std::future::pending(),
        move |drained: handfast::node::Drained<u64, Said>| reports.send(drained.is_clean()).expect("the test looks"),
    );
    let node = Node::new(config(1), |stream| introduce(1, 1, stream), body).unwrap();
    let mut events = node.registry().subscribe().unwrap();
    let (ours, theirs) = duplex(1024);
    node.accept(ours, address(2)).unwrap();
    let _connected = peer(2, theirs).await;
    idle().await;
    let begin = Instant::now();
    assert_eq!(node.shutdown(Duration::from_secs(4)).await, Report { drained: 0, aborted: 1 });
    assert_eq!(begin.elapsed(), Duration::from_secs(4));
    assert_eq!(heard(&mut events), [Heard::Up(2), Heard::Down(2, Reason::ShuttingDown), Heard::Closed]);
    assert_eq!(reported.recv().await, Some(false));
    assert_empty(&node);
}

/// The session of a peer that ends is drained before its Down, and its key is free when the peer sees the end.
#[tokio::test(start_paused = true)]
async fn a_peer_that_ends_in_order_gets_what_was_accepted() {
    let (told, mut tells) = mpsc::unbounded_channel();
    let body = framed(Default::default(), move |mut session: handfast::node::Session<u64, Said, _>| {
        let told = told.clone();
        async move {
            while let Some(frame) = session.reader.read().await? {
                session.writer.feed(frame).await?; // Accepted, and not flushed.
            }
            told.send(()).expect("the test looks");
            Ok(Reason::RemoteClosed)
        }
    });
    let node: Node = AnyNode::new(config(1), |stream| introduce(1, 1, stream), body).unwrap();
    for _ in 0..2 {
        let (ours, theirs) = duplex(64);
        let session = node.accept(ours, address(2)).unwrap();
        let mut connection = handfast::framed::Connection::over(peer(2, theirs).await, Default::default());
        for number in 0..9u8 {
            connection.write(Frame::new(1, vec![number])).await.unwrap();
        }
        let closer = connection.closer();
        let shutdown = closer.shutdown(Instant::now() + GRACE);
        let read = async {
            let mut frames = 0;
            while let Some(frame) = connection.read().await.expect("it ends in order") {
                assert_eq!(frame.payload[..], [frames]);
                frames += 1;
            }
            frames
        };
        let (_, frames) = tokio::join!(shutdown, read);
        assert_eq!(frames, 9);
        drop((connection, closer));
        tells.recv().await.expect("the body returns");
        let ended = session.wait().await;
        assert_eq!((ended.announced, ended.reason), (true, Reason::RemoteClosed));
    }
}

/// A drain that outlasts the handshake of the session that replaces it, and names that cannot be negotiated.
#[test]
fn configurations_that_cannot_work_are_refused() {
    let refused = |change: fn(&mut Config<u64>)| {
        let mut config = config(1);
        change(&mut config);
        let body = framed(Default::default(), |_session| async { Ok(Reason::Local) });
        Node::new(config, |stream| introduce(1, 1, stream), body).err()
    };
    let too_long = ConfigError::GraceTooLong { grace: HANDSHAKE, handshake_timeout: HANDSHAKE };
    assert_eq!(refused(|config| config.registry.grace = HANDSHAKE), Some(too_long));
    assert_eq!(refused(|config| config.opening = negotiates(&[])), Some(ConfigError::NoProtocols));
    let name = ConfigError::Name { name: "test".to_owned(), source: NameError::NoSlash };
    assert_eq!(refused(|config| config.opening = negotiates(&["/test", "test"])), Some(name));
    let no_time = |time| Some(ConfigError::NoTime { time });
    assert_eq!(refused(|config| config.connect_timeout = Duration::ZERO), no_time("connect_timeout"));
    assert_eq!(refused(|config| config.redial.backoff.first = Duration::ZERO), no_time("redial.backoff.first"));
    assert_eq!(refused(|config| config.redial.backoff.most = Duration::ZERO), no_time("redial.backoff.most"));
    assert_eq!(refused(|config| config.accept_pause = Duration::ZERO), no_time("accept_pause"));
    let nobody = |config: &mut Config<u64>| config.registry.registry.local = None;
    assert_eq!(refused(nobody), Some(ConfigError::Registry(lifecycle::ConfigError::NoLocalKey)));
    assert_eq!(refused(|_| {}), None);
}

fn negotiates(protocols: &[&str]) -> Opening {
    let protocols = protocols.iter().map(|&name| name.to_owned()).collect();
    Opening::Negotiate { protocols, options: Options::default() }
}

/// Sessions that drain already hear of a second shutdown that is shorter: their end is in order and accounted for.
#[tokio::test(start_paused = true)]
async fn a_second_shutdown_shortens_the_drain_of_the_first() {
    let mut config = config(1);
    config.registry.handshake_timeout = Duration::from_secs(120);
    config.registry.grace = Duration::from_secs(60);
    let accounts = Accounts::default();
    let node = chatty(config, &accounts);
    let (ours, theirs) = duplex(64);
    node.accept(ours, address(2)).unwrap();
    let _stalls = peer(2, theirs).await;
    pass(Duration::from_secs(1)).await;
    let begin = Instant::now();
    let timeout = Duration::from_secs(2);
    let second = async {
        pass(Duration::from_secs(1)).await;
        node.shutdown(timeout).await
    };
    let (first, second) = tokio::join!(node.shutdown(Duration::from_secs(60)), second);
    assert_eq!(first, Report { drained: 1, aborted: 0 }, "the session was still draining, and was aborted");
    assert_eq!((second, begin.elapsed()), (first, Duration::from_secs(1) + timeout * 7 / 8));
    let [(_, account)] = accounts.all()[..] else { panic!("one session") };
    assert_eq!(account.report, Some(false), "its frames are accounted for");
}
