//! Dialing, and when to dial again.

use std::net::SocketAddr;
use std::time::Duration;

use handfast::simopen::{Backoff, DialError, Dialer, Options, Role, accept, hole_punch_role};
use tokio::net::{TcpListener, TcpSocket};

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// A listener whose port can be dialed from.
fn listener() -> TcpListener {
    let socket = TcpSocket::new_v4().expect("there are sockets");
    socket.set_reuseaddr(true).expect("it can be set");
    #[cfg(unix)]
    socket.set_reuseport(true).expect("it can be set");
    socket.bind(loopback()).expect("there is a free port");
    socket.listen(16).expect("it is bound")
}

#[tokio::test]
async fn the_port_that_one_listens_on_is_dialed_from() {
    let (ours, theirs) = (listener(), TcpListener::bind(loopback()).await.expect("there is a free port"));
    let (from, peer) = (ours.local_addr().expect("bound"), theirs.local_addr().expect("bound"));
    let dialed = Dialer::new(Some(from)).connect(peer).await.expect("it listens");
    assert!(dialed.port_reused);
    assert_eq!(theirs.accept().await.expect("it was dialed").1, from);

    // The same two ports again: the connection exists, so that another port is taken.
    let again = Dialer::new(Some(from)).connect(peer).await.expect("it listens");
    assert!(!again.port_reused);
    assert_ne!(theirs.accept().await.expect("it was dialed").1, from);
}

#[tokio::test]
async fn a_dialer_agrees_with_a_listener() {
    let listening = listener();
    let peer = listening.local_addr().expect("bound");
    let accepted = async {
        let (stream, _) = listening.accept().await.expect("it is dialed");
        accept(stream, &["/noise"], Options::default()).await.expect("they agree")
    };
    let dialer = Dialer::new(None);
    let (dialed, accepted) = tokio::join!(dialer.open(peer, &["/noise"]), accepted);
    let dialed = dialed.expect("they agree");
    assert_eq!((dialed.role(), accepted.role()), (Role::Initiator, Role::Responder));
}

#[tokio::test]
async fn nobody_there_is_told_with_the_address() {
    let closed = TcpListener::bind(loopback()).await.expect("there is a free port").local_addr().expect("bound");
    let error = Dialer::new(None).connect(closed).await.expect_err("nobody listens");
    assert_eq!(error.to_string(), format!("cannot connect to {closed}"));
}

/// A port that dials itself meets itself: TCP allows it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn dialing_oneself_is_noticed() {
    let port = TcpListener::bind(loopback()).await.expect("there is a free port").local_addr().expect("bound");
    let error = Dialer::new(Some(port)).connect(port).await.expect_err("it is this end");
    assert!(matches!(error, DialError::Myself(myself) if myself == port), "{error}");
}

#[test]
fn waits_grow_and_are_random_parts_of_their_limits() {
    let backoff = Backoff { first: Duration::from_millis(100), most: Duration::from_secs(1), attempts: 10 };
    let limits: Vec<u128> = (1..=6).map(|attempts| backoff.limit(attempts).as_millis()).collect();
    assert_eq!(limits, [100, 200, 400, 800, 1000, 1000]);
    assert_eq!(backoff.limit(u32::MAX), backoff.most);
    for random in [0, 1, 1 << 40, u64::MAX] {
        assert!(backoff.wait(3, random) <= backoff.limit(3));
    }
    assert_ne!(backoff.wait(3, 1 << 20), backoff.wait(3, 1 << 21), "two ends that drew differently wait differently");
    let endless = Backoff { first: Duration::MAX, most: Duration::MAX, attempts: 2 };
    assert!(endless.wait(2, u64::MAX) <= Duration::MAX);
}

#[test]
fn hole_punching_settles_the_roles() {
    assert_eq!(hole_punch_role(true), Role::Responder);
    assert_eq!(hole_punch_role(false), Role::Initiator);
}
