//! Two ends on a connection that holds little.

use std::time::Duration;

use handfast::simopen::core::Failure;
use handfast::simopen::{Direction, Error, Negotiated, Options, Role, accept, negotiate, propose};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex};
use tokio::time::Instant;

fn with(nonce: u64) -> Options {
    Options::default().with_nonce(Some(nonce))
}

/// Says something both ways, to see that neither end took a byte too many.
async fn talk<Io: AsyncRead + AsyncWrite + Unpin>(mut left: Negotiated<Io>, mut right: Negotiated<Io>) {
    let (mut to_left, mut to_right) = ([0; 4], [0; 4]);
    let said = tokio::try_join!(async { left.write_all(b"ping").await }, async {
        right.read_exact(&mut to_right).await.map(drop)
    },);
    said.expect("the connection is whole");
    let said = tokio::try_join!(async { right.write_all(b"pong").await }, async {
        left.read_exact(&mut to_left).await.map(drop)
    },);
    said.expect("the connection is whole");
    assert_eq!((&to_right, &to_left), (b"ping", b"pong"));
}

/// A dialer that became the responder stays a dialer, and a responder, above the security protocol.
#[tokio::test(start_paused = true)]
async fn layers_above_keep_role_and_direction() {
    for (ours, theirs) in [(1, 2), (2, 1)] {
        let (left, right) = duplex(64);
        let (left, right) =
            tokio::try_join!(negotiate(left, &["/noise"], with(ours)), negotiate(right, &["/noise"], with(theirs)),)
                .expect("they agree");
        let sides = [left.side(), right.side()];
        let (left, right) = tokio::try_join!(
            left.side().negotiate(left, &["/yamux", "/mplex"], Options::default()),
            right.side().negotiate(right, &["/yamux", "/mplex"], Options::default()),
        )
        .expect("they agree again");
        assert_eq!([left.side(), right.side()], sides);
        assert_eq!(sides[0].role, sides[1].role.opposite());
        assert!(sides.iter().all(|side| side.direction == Direction::Outbound));
        talk(left, right).await;
    }
}

/// SIM-1, SIM-14, SIM-24: no deadlock however little the connection holds: the originals hang below 8 and below 58 bytes.
#[tokio::test(start_paused = true)]
async fn two_dialers_agree_however_little_the_connection_holds() {
    for capacity in 1..=64 {
        for (ours, theirs, role) in [(1, 2, Role::Responder), (2, 1, Role::Initiator)] {
            let (left, right) = duplex(capacity);
            let (left, right) = tokio::try_join!(
                negotiate(left, &["/noise", "/tls/1.0.0"], with(ours)),
                negotiate(right, &["/tls/1.0.0", "/noise"], with(theirs)),
            )
            .unwrap_or_else(|error| panic!("{capacity} bytes: {error}"));
            assert_eq!((left.role(), right.role()), (role, role.opposite()));
            let preferred = if role == Role::Initiator { "/noise" } else { "/tls/1.0.0" };
            assert_eq!((left.protocol(), right.protocol()), (preferred, preferred), "SIM-4");
            assert_eq!((left.direction(), right.direction()), (Direction::Outbound, Direction::Outbound));
            talk(left, right).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dialer_and_a_listener_agree_however_little_the_connection_holds() {
    for capacity in 1..=64 {
        let (left, right) = duplex(capacity);
        let (left, right) = tokio::try_join!(
            negotiate(left, &["/a", "/b", "/c"], Options::default()),
            accept(right, &["/c"], Options::default()),
        )
        .unwrap_or_else(|error| panic!("{capacity} bytes: {error}"));
        assert_eq!((left.role(), right.role()), (Role::Initiator, Role::Responder));
        assert_eq!((left.protocol(), right.protocol()), ("/c", "/c"));
        assert_eq!((left.direction(), right.direction()), (Direction::Outbound, Direction::Inbound));
        talk(left, right).await;
    }
}

#[tokio::test(start_paused = true)]
async fn roles_that_are_known_need_no_question() {
    let (left, right) = duplex(3);
    let (left, right) = tokio::try_join!(
        propose(left, &["/yamux/1.0.0"], Options::default()),
        accept(right, &["/yamux/1.0.0"], Options::default()),
    )
    .expect("they agree");
    assert_eq!((left.role(), right.role()), (Role::Initiator, Role::Responder));
    talk(left, right).await;
}

/// What the next protocol says with its first bytes comes with the last ones of the negotiation, and is not lost.
#[tokio::test(start_paused = true)]
async fn surplus_is_handed_on() {
    let (left, mut right) = duplex(1024);
    right.write_all(b"\x13/multistream/1.0.0\n\x03na\n\x07/noise\nand more").await.expect("it fits");
    let mut left = negotiate(left, &["/noise"], Options::default()).await.expect("the listener agrees");
    let mut more = [0; 4];
    left.read_exact(&mut more).await.expect("it is there");
    assert_eq!(&more, b"and ");
    let (_stream, rest) = left.into_parts();
    assert_eq!(rest, b"more");
}

/// SIM-6: both ends fail, and say why.
#[tokio::test(start_paused = true)]
async fn a_tie_is_a_tie_at_both_ends() {
    for capacity in 1..=96 {
        let (left, right) = duplex(capacity);
        let (left, right) = tokio::join!(negotiate(left, &["/noise"], with(5)), negotiate(right, &["/noise"], with(5)));
        for end in [left, right] {
            let error = end.expect_err("neither wins");
            assert!(error.is_tie(), "{capacity} bytes: {error}");
        }
    }
}

/// SIM-22: where nothing is in common both ends hear of it.
#[tokio::test(start_paused = true)]
async fn nothing_in_common_is_nothing_in_common() {
    let (left, right) = duplex(64);
    let (left, right) = tokio::join!(negotiate(left, &["/a"], with(2)), negotiate(right, &["/b"], with(1)));
    for end in [left, right] {
        let error = end.expect_err("they have nothing in common");
        assert!(matches!(error, Error::Negotiation(Failure::NothingInCommon)), "{error}");
    }
}

/// A peer that does not answer is given up, also if it does not take what is said.
#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_given_up_at_the_deadline() {
    for capacity in [1, 1024] {
        let (left, _silent) = duplex(capacity);
        let options = Options::default().with_timeout(Duration::from_secs(3));
        let before = Instant::now();
        let error = negotiate(left, &["/noise"], options).await.expect_err("nobody answers");
        assert!(matches!(error, Error::Negotiation(Failure::Deadline)), "{error}");
        assert_eq!(before.elapsed(), options.timeout);
    }
}

#[tokio::test(start_paused = true)]
async fn the_callers_mistakes_are_the_callers() {
    let (left, _right) = duplex(64);
    assert!(matches!(negotiate(left, &[] as &[&str], Options::default()).await, Err(Error::NoProtocols)));
    let (left, _right) = duplex(64);
    let error = negotiate(left, &["noise"], Options::default()).await.expect_err("it is no name");
    assert_eq!(error.to_string(), "\"noise\" cannot be negotiated");
}

/// A dropped future closes the stream and leaves nothing.
#[tokio::test(start_paused = true)]
async fn a_dropped_negotiation_closes_the_stream() {
    let (left, mut right) = duplex(1024);
    {
        let negotiation = negotiate(left, &["/noise"], Options::default());
        tokio::select! {
            biased;
            _ = negotiation => unreachable!("nobody answers"),
            () = std::future::ready(()) => {}
        }
    }
    let mut said = Vec::new();
    right.read_to_end(&mut said).await.expect("it is closed");
    assert_eq!(said.len(), 58, "the first flight");
}
