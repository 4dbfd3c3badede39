//! Two nodes that dial each other.

use std::time::Duration;

use handfast::lifecycle::{Event, Limits, Reason};
use handfast::node::{Config, Node as TcpNode, Stream, Upgraded, framed_with_report};
use handfast::simopen::{Options, Role};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpStream;

use crate::node::support::{
    Account, Accounts, FRAMES, GRACE, HANDSHAKE, Node, Said, address, assert_empty, chatty, config, pass,
};

/// Has `from` dial `to`; each end gets its part of the connection after a time of its own.
fn dial(random: &mut StdRng, from: &Node, to: &Node) {
    let (ours, theirs) = duplex(random.random_range(1..2_000));
    let [before, after] = [(); 2].map(|()| Duration::from_millis(random.random_range(0..4)));
    let connect = async move {
        pass(before).await;
        Ok(ours)
    };
    from.dial_with(address(1), connect).expect("there is a slot");
    let to = to.clone();
    tokio::spawn(async move {
        pass(after).await;
        to.accept(theirs, address(2)).expect("there is a slot");
    });
}

/// Has both dial the same connection.
fn dial_each_other(random: &mut StdRng, one: &Node, other: &Node) {
    let (ours, theirs) = duplex(random.random_range(1..2_000));
    one.dial_with(address(1), async { Ok(ours) }).expect("there is a slot");
    other.dial_with(address(2), async { Ok(theirs) }).expect("there is a slot");
}

/// The one session that a node has.
fn only(node: &Node) -> Said {
    let peers = node.registry().peers();
    assert_eq!(peers.len(), 1, "{peers:?}");
    peers[0].info
}

/// What is known of the frames that one end sent: its own account, and that of the end that got them.
fn streams(ours: &Accounts, theirs: &Accounts) -> Vec<(Account, Option<Account>)> {
    let theirs = theirs.all();
    let peer = |said: Said| theirs.iter().find(|(it, _)| it.theirs == said.ours).map(|(_, account)| *account);
    ours.all().into_iter().map(|(said, account)| (account, peer(said))).collect()
}

#[derive(Debug, Default)]
struct Seen {
    /// Sessions that were announced, lost the tie, and were drained at both ends.
    drained: usize,
    /// Sessions that only one end announced, and whose frames it reported as lost.
    reported: usize,
    responders_that_dialed: usize,
}

impl Seen {
    /// No frame is silently lost: it was delivered, or its sender knows that it may not be.
    fn check(&mut self, sent: Account, got: Option<Account>) {
        let delivered = got.map_or(0, |account| account.delivered);
        assert!(delivered <= sent.accepted);
        let is_clean = sent.report.expect("each session that was announced is reported");
        assert!(!is_clean || delivered == sent.accepted, "{sent:?} {got:?}");
        if got.is_some_and(|account| account.peer_ended) {
            assert_eq!(delivered, sent.accepted, "the marker is behind the last frame");
        }
        self.reported += usize::from(!is_clean && delivered < sent.accepted);
    }
}

async fn cross(seed: u64, seen: &mut Seen) {
    let random = &mut StdRng::seed_from_u64(seed);
    let (low, high) = if random.random() { (1, 2) } else { (2, 1) };
    let accounts = [Accounts::default(), Accounts::default()];
    let (one, other) = (chatty(config(low), &accounts[0]), chatty(config(high), &accounts[1]));
    let simultaneous = random.random_range(0..4) == 0;
    if simultaneous {
        dial_each_other(random, &one, &other);
    } else {
        dial(random, &one, &other);
        if random.random() {
            // One of the two may be announced before the other begins.
            pass(Duration::from_millis(random.random_range(0..8))).await;
        }
        dial(random, &other, &one);
    }
    // Longer than the loser of the tie may take to end.
    pass(GRACE + Duration::from_secs(1)).await;
    let (ours, theirs) = (only(&one), only(&other));
    assert_eq!((ours.ours, ours.theirs), (theirs.theirs, theirs.ours), "one session, the same at both ends");
    assert_ne!(ours.role, theirs.role, "the ends have opposite roles (SIM-1)");
    seen.responders_that_dialed += usize::from(simultaneous);
    let lost = |node: &Node| node.registry().metrics().downs.get(Reason::Replaced.name()).copied().unwrap_or(0);
    let was_drained = lost(&one) > 0 && lost(&other) > 0;

    let time = Duration::from_secs(4);
    let (drained, too) = tokio::join!(one.shutdown(time), other.shutdown(time));
    assert_eq!((drained.aborted, too.aborted), (0, 0));
    for (sent, got) in streams(&accounts[0], &accounts[1]).into_iter().chain(streams(&accounts[1], &accounts[0])) {
        seen.check(sent, got);
        seen.drained += usize::from(was_drained && sent.report == Some(true));
    }
    let kept = accounts[0].all().into_iter().find(|(said, _)| *said == ours).expect("it was announced").1;
    assert_eq!((kept.accepted, kept.delivered, kept.report), (FRAMES, FRAMES, Some(true)), "nothing of it is lost");
    [one, other].iter().for_each(assert_empty);
}

#[tokio::test(start_paused = true)]
async fn two_that_dial_each_other_end_with_one_session_and_lose_no_frame_silently() {
    let mut seen = Seen::default();
    for seed in 0..400 {
        cross(seed, &mut seen).await;
    }
    // Otherwise it would hold for want of anything happening.
    assert!(seen.drained > 10 && seen.reported > 10 && seen.responders_that_dialed > 10, "{seen:?}");
}

/// Beside a connection that both dialed there is another one, as where nodes listen at two addresses.
async fn cross_beside_another(seed: u64) {
    let random = &mut StdRng::seed_from_u64(seed);
    let accounts = [Accounts::default(), Accounts::default()];
    let [one, other] = [1, 2].map(|name| chatty(config(name), &accounts[name as usize - 1]));
    let (from, to) = if random.random() { (&one, &other) } else { (&other, &one) };
    if random.random() {
        dial(random, from, to);
        pass(Duration::from_millis(random.random_range(0..4))).await;
        dial_each_other(random, &one, &other);
    } else {
        dial_each_other(random, &one, &other);
        pass(Duration::from_millis(random.random_range(0..4))).await;
        dial(random, from, to);
    }
    pass(GRACE + Duration::from_secs(1)).await;
    let (ours, theirs) = (only(&one), only(&other));
    assert_eq!((ours.ours, ours.theirs), (theirs.theirs, theirs.ours), "one session, the same at both ends (NODE-2)");
    assert_ne!(ours.role, theirs.role);
}

#[tokio::test(start_paused = true)]
async fn of_two_connections_of_which_both_dialed_one_both_keep_the_same() {
    for seed in 0..200 {
        cross_beside_another(seed).await;
    }
}

/// Each is dialed again until both agree, whatever is lost on the way.
#[tokio::test(start_paused = true)]
async fn nodes_that_keep_each_other_come_to_one_session_and_stop_dialing() {
    for seed in 0..20 {
        let random = &mut StdRng::seed_from_u64(seed);
        let accounts = [Accounts::default(), Accounts::default()];
        let [one, other] = [1, 2].map(|name| chatty(config(name), &accounts[name as usize - 1]));
        for (from, to) in [(&one, &other), (&other, &one)] {
            let (to, delay) = (to.clone(), Duration::from_millis(random.random_range(0..3)));
            from.keep_with(address(1), move || {
                let to = to.clone();
                async move {
                    pass(delay).await;
                    let (ours, theirs) = duplex(64);
                    to.accept(theirs, address(2)).map_err(std::io::Error::other)?;
                    Ok(ours)
                }
            });
        }
        pass(HANDSHAKE).await;
        let opened = one.registry().metrics().opened;
        pass(Duration::from_secs(600)).await;
        assert_eq!(one.registry().metrics().opened, opened, "the node whose dial lost dials no more");
        assert_eq!(only(&one).ours, only(&other).theirs);
        let time = Duration::from_secs(4);
        let (drained, too) = tokio::join!(one.shutdown(time), other.shutdown(time));
        assert_eq!((drained.aborted, too.aborted), (0, 0));
    }
}

/// The end that dialed can be the responder, and both its session and the other's are of the one connection.
#[tokio::test(start_paused = true)]
async fn a_connection_that_both_dialed_has_one_initiator() {
    for (nonces, role) in [((1, 2), Role::Responder), ((2, 1), Role::Initiator)] {
        let accounts = Accounts::default();
        let node = |name, nonce| {
            let mut config = config(name);
            let options = Options::default().with_nonce(Some(nonce));
            config.opening = handfast::node::Opening::Negotiate { protocols: vec!["/test/1".to_owned()], options };
            chatty(config, &accounts)
        };
        let (one, other) = (node(1, nonces.0), node(2, nonces.1));
        dial_each_other(&mut StdRng::seed_from_u64(0), &one, &other);
        pass(Duration::from_secs(1)).await;
        assert_eq!(only(&one).role, role);
        assert_ne!(only(&other).role, role);
    }
}

type Tcp = TcpNode<u64, Role>;

fn over_tcp(name: u64, reports: tokio::sync::mpsc::UnboundedSender<(u64, bool)>) -> Tcp {
    let upgrade = move |mut stream: Stream<TcpStream>| async move {
        stream.write_u64(name).await?;
        let (peer, role) = (stream.read_u64().await?, stream.side().role);
        Ok::<_, std::io::Error>(Upgraded::new(peer, role, stream))
    };
    let body = move |mut session: handfast::node::Session<_, _, Stream<TcpStream>>| async move {
        session.writer.write(handfast::framed::Frame::new(1, name.to_be_bytes().to_vec())).await?;
        let mut frames = 0;
        while session.reader.read().await?.is_some() {
            frames += 1;
        }
        assert_eq!(frames, 1, "what the peer sent");
        Ok(Reason::RemoteClosed)
    };
    let body = framed_with_report(Default::default(), body, move |drained| {
        let _ = reports.send((drained.peer.key, drained.is_clean()));
    });
    Tcp::new(Config::new(Limits::by_direction(4, 4), name, "/test/1"), upgrade, body).expect("it is sound")
}

/// Each listens, and dials the other from that port.
#[tokio::test]
async fn two_on_tcp_keep_one_session_and_end_clean() {
    let (reports, mut reported) = tokio::sync::mpsc::unbounded_channel();
    let (one, other) = (over_tcp(1, reports.clone()), over_tcp(2, reports));
    let mut events = [one.registry().subscribe().unwrap(), other.registry().subscribe().unwrap()];
    let local = "127.0.0.1:0".parse().unwrap();
    let addresses = [&one, &other].map(|node| node.listen(local).expect("loopback"));
    let _kept = [one.keep(addresses[1]), other.keep(addresses[0])];
    let limit = Duration::from_secs(60);
    let agreed = async {
        // Until the loser of a tie has ended, one end may have a session that the other has not.
        loop {
            let [at_one, at_other] = &mut events;
            let event = tokio::select! {
                event = at_one.next() => event,
                event = at_other.next() => event,
            };
            assert!(!matches!(event, None | Some(Event::Lagged | Event::Closed)));
            let [ours, theirs] = [&one, &other].map(|node| node.registry().sessions());
            if let ([ours], [theirs]) = (&ours[..], &theirs[..])
                && let (Some(ours), Some(theirs)) = (&ours.peer, &theirs.peer)
                && ours.info != theirs.info
            {
                return;
            }
        }
    };
    tokio::time::timeout(limit, agreed).await.expect("waited for one session, the same at both ends");
    let (report, _) = tokio::join!(one.shutdown(limit), other.shutdown(limit));
    assert_eq!(report.aborted, 0);
    let mut last = Vec::new();
    while let Ok(report) = reported.try_recv() {
        last.push(report);
    }
    if cfg!(target_os = "linux") {
        assert!(last.ends_with(&[(1, true), (2, true)]) || last.ends_with(&[(2, true), (1, true)]), "{last:?}");
    }
    for address in addresses {
        let bound = std::net::TcpListener::bind(address);
        assert!(bound.is_ok(), "no listener is left at {address}: {bound:?}");
    }
}
