//! When peers are dialed that are to stay connected.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use handfast::lifecycle::Reason;
use handfast::node::Kept;
use handfast::simopen::Backoff;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::node::admission::peer;
use crate::node::support::{Accounts, Node, address, chatty, config, idle, pass};

/// The number that chooses every wait.
const RANDOM: u64 = 0x9e37_79b9_7f4a_7c15;

fn backoff() -> Backoff {
    Backoff::default()
        .with_first(Duration::from_millis(400))
        .with_most(Duration::from_millis(3000))
        .with_attempts(u32::MAX)
}

const STAYED: Duration = Duration::from_secs(10);

fn node(attempts: u32) -> Node {
    let mut config = config(1);
    config.redial.backoff = backoff().with_attempts(attempts);
    config.redial.random = Some(RANDOM);
    config.redial.stayed = STAYED;
    chatty(config, &Accounts::default())
}

fn wait(failures: u32) -> Duration {
    backoff().wait(failures, RANDOM)
}

/// When a peer was dialed, and the other ends of the connections; without a peer it refuses.
struct Dials {
    moments: Arc<Mutex<Vec<Instant>>>,
    connected: mpsc::UnboundedReceiver<DuplexStream>,
    kept: Kept,
    begin: Instant,
}

impl Dials {
    fn begin(node: &Node, refuses: bool) -> Self {
        let moments = Arc::<Mutex<Vec<Instant>>>::default();
        let (connects, connected) = mpsc::unbounded_channel();
        let noted = Arc::clone(&moments);
        let kept = node.keep_with(address(9), move || {
            let (noted, connects) = (Arc::clone(&noted), connects.clone());
            async move {
                noted.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
                if refuses {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                let (ours, theirs) = duplex(1024);
                connects.send(theirs).map_err(io::Error::other)?;
                Ok(ours)
            }
        });
        Self { moments, connected, kept, begin: Instant::now() }
    }

    /// How long after the beginning the peer was dialed each time.
    fn moments(&self) -> Vec<Duration> {
        self.moments.lock().unwrap().iter().map(|moment| *moment - self.begin).collect()
    }
}

/// The moments of dials with these waits between them.
fn after(waits: impl IntoIterator<Item = Duration>) -> Vec<Duration> {
    let mut moment = Duration::ZERO;
    let later = waits.into_iter().map(|wait| {
        moment += round(wait);
        moment
    });
    [Duration::ZERO].into_iter().chain(later).collect()
}

/// tokio's timers have milliseconds, and are never early.
fn round(wait: Duration) -> Duration {
    Duration::from_millis(wait.as_nanos().div_ceil(1_000_000) as u64)
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_cannot_be_reached_is_dialed_at_growing_intervals() {
    let node = node(u32::MAX);
    let dials = Dials::begin(&node, true);
    pass(Duration::from_secs(60)).await;
    let moments = dials.moments();
    assert!(moments.len() > 20);
    assert_eq!(moments, after((1..).map(wait).take(moments.len() - 1)));
    assert!(wait(9) > wait(1) * 4 && (1..100).all(|failures| wait(failures) <= backoff().most));
    dials.kept.stop();
    pass(Duration::from_secs(60)).await;
    assert_eq!(dials.moments(), moments, "it is dialed no more");
}

#[tokio::test(start_paused = true)]
async fn a_peer_is_given_up_after_so_many_failures_in_a_row() {
    let dials = Dials::begin(&node(4), true);
    pass(Duration::from_secs(60)).await;
    assert_eq!(dials.moments(), after((1..4).map(wait)));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stayed_is_dialed_again_soon_and_one_that_did_not_later() {
    let node = node(u32::MAX);
    let mut dials = Dials::begin(&node, false);
    let mut expected = vec![Duration::ZERO];
    for (failures, lasts) in [(1, Duration::ZERO), (2, Duration::from_secs(1)), (1, STAYED), (1, Duration::ZERO)] {
        let connected = dials.connected.recv().await.expect("it dials");
        let begin = Instant::now();
        let connected = peer(2, connected).await;
        pass(lasts).await;
        assert!(node.registry().peers().len() <= 1);
        drop(connected);
        idle().await;
        // The session ends at the moment at which the peer is gone.
        let lasted = begin.elapsed() - Duration::from_millis(1);
        expected.push(expected[expected.len() - 1] + lasted + round(wait(failures)));
    }
    dials.connected.recv().await.expect("it dials");
    assert_eq!(dials.moments(), expected);
}

/// The time counts from the announcement: that of the connection and of the upgrade is none in which it stayed.
#[tokio::test(start_paused = true)]
async fn a_peer_that_was_slow_to_introduce_itself_has_not_stayed_for_that() {
    let node = node(u32::MAX);
    let mut dials = Dials::begin(&node, false);
    let mut expected = vec![Duration::ZERO];
    for failures in 1..=3 {
        let connected = dials.connected.recv().await.expect("it dials");
        let begin = Instant::now();
        pass(STAYED - Duration::from_secs(1)).await;
        let connected = peer(2, connected).await;
        pass(Duration::from_secs(1)).await;
        assert_eq!(node.registry().peers().len(), 1);
        drop(connected);
        idle().await;
        let lasted = begin.elapsed() - Duration::from_millis(1);
        expected.push(expected[expected.len() - 1] + lasted + round(wait(failures)));
    }
    dials.connected.recv().await.expect("it dials");
    assert_eq!(dials.moments(), expected, "a session of a second was taken for one that stayed");
}

#[tokio::test(start_paused = true)]
async fn no_peer_is_dialed_while_it_is_banned_nor_after_the_shutdown_has_begun() {
    let node = node(u32::MAX);
    node.registry().ban_address_for(address(9).ip(), Duration::from_secs(5));
    let mut dials = Dials::begin(&node, false);
    pass(Duration::from_millis(4999)).await;
    assert_eq!(dials.moments(), []);
    let connected = dials.connected.recv().await.expect("it dials once the ban is over");
    let banned_for = (1..).map(wait).map(round);
    let mut moment = Duration::ZERO;
    let first = banned_for.map(|wait| {
        moment += wait;
        moment
    });
    let first = first.into_iter().find(|moment| *moment >= Duration::from_secs(5)).expect("it goes on");
    assert_eq!(dials.moments(), [first]);
    drop(connected);
    let _ = node.shutdown(Duration::from_secs(1)).await;
    pass(Duration::from_secs(60)).await;
    assert_eq!(dials.moments(), [first]);
}

/// Its own dial loses the tie for as long as the other session is there.
#[tokio::test(start_paused = true)]
async fn a_peer_is_not_dialed_while_a_session_that_beat_the_dial_goes_on() {
    // The greater key: what the peer dialed is kept.
    let mut config = config(9);
    config.redial.backoff = backoff();
    config.redial.random = Some(RANDOM);
    let node = chatty(config, &Accounts::default());
    let (ours, theirs) = duplex(1024);
    let kept = node.accept(ours, address(9)).unwrap();
    let kept_peer = peer(2, theirs).await;
    idle().await;
    let mut dials = Dials::begin(&node, false);
    let dialed = dials.connected.recv().await.expect("it does not know yet who is there");
    let mut accepts = handfast::simopen::accept(dialed, &["/test/1"], Default::default()).await.expect("it agrees");
    tokio::io::AsyncWriteExt::write_all(&mut accepts, &[2u64.to_be_bytes(), [7; 8]].concat()).await.unwrap();
    pass(Duration::from_secs(3600)).await;
    assert_eq!(dials.moments().len(), 1);
    assert_eq!(node.registry().metrics().ended_unannounced.get(Reason::Duplicate.name()), Some(&1));
    drop(kept_peer);
    kept.wait().await;
    let ended = dials.begin.elapsed();
    dials.connected.recv().await.expect("it dials again");
    assert!(dials.begin.elapsed() - ended <= round(wait(1)), "as soon as it looks again");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_turns_out_to_be_this_node_is_dialed_no_more() {
    let node = node(u32::MAX);
    let mut dials = Dials::begin(&node, false);
    let _itself = peer(1, dials.connected.recv().await.expect("it dials")).await;
    pass(Duration::from_secs(3600)).await;
    assert_eq!(dials.moments(), [Duration::ZERO]);
    assert_eq!(node.registry().metrics().ended_unannounced.get(Reason::Myself.name()), Some(&1));
}

/// Failures before it count no more: the peer is there.
#[tokio::test(start_paused = true)]
async fn a_session_that_beat_the_dial_ends_the_row_of_failures() {
    let mut config = config(9);
    config.redial.backoff = backoff();
    config.redial.random = Some(RANDOM);
    let node = chatty(config, &Accounts::default());
    let (ours, theirs) = duplex(1024);
    let kept = node.accept(ours, address(9)).unwrap();
    let kept_peer = peer(2, theirs).await;
    idle().await;
    let mut dials = Dials::begin(&node, false);
    for _ in 0..3 {
        drop(dials.connected.recv().await.expect("it dials"));
    }
    let dialed = dials.connected.recv().await.expect("it does not know yet who is there");
    let mut accepts = handfast::simopen::accept(dialed, &["/test/1"], Default::default()).await.expect("it agrees");
    tokio::io::AsyncWriteExt::write_all(&mut accepts, &[2u64.to_be_bytes(), [7; 8]].concat()).await.unwrap();
    pass(Duration::from_secs(60)).await;
    assert_eq!(dials.moments().len(), 4, "it is not dialed while it is there");
    drop(kept_peer);
    kept.wait().await;
    for _ in 0..2 {
        drop(dials.connected.recv().await.expect("it dials again"));
    }
    let moments = dials.moments();
    assert_eq!(moments[5] - moments[4], round(wait(1)), "its first failure in a row");
}

/// A body may pass on what its peer said of itself: that says nothing of this node.
#[tokio::test(start_paused = true)]
async fn a_peer_whose_session_ends_because_it_shuts_down_is_dialed_again() {
    let node = node(u32::MAX);
    let mut dials = Dials::begin(&node, false);
    for reason in [Reason::ShuttingDown, Reason::Myself] {
        let connected = peer(2, dials.connected.recv().await.expect("it dials")).await;
        idle().await;
        let session = node.registry().peers()[0].session;
        node.registry().disconnect(session, reason).expect("it is up");
        drop(connected);
        idle().await;
    }
    dials.connected.recv().await.expect("it dials again");
    assert!(!dials.kept.is_over());
    let _ = node.shutdown(Duration::from_secs(1)).await;
    assert!(dials.kept.is_over());
}

/// There is one attempt at least, as in one call of a dialer: a session that stayed is no failure.
#[tokio::test(start_paused = true)]
async fn a_peer_that_stayed_is_not_given_up_for_want_of_attempts() {
    let node = node(0);
    let mut dials = Dials::begin(&node, false);
    let connected = peer(2, dials.connected.recv().await.expect("it dials")).await;
    pass(STAYED).await;
    drop(connected);
    drop(dials.connected.recv().await.expect("it dials again"));
    pass(Duration::from_secs(60)).await;
    assert!(dials.kept.is_over() && dials.moments().len() == 2, "that failed");
}
