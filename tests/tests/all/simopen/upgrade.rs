//! The example `simopen_upgrade`: what is above a simultaneous open, on loopback.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use handfast::simopen::{Direction, Options, Role};
use tokio::io::{AsyncWriteExt, duplex};
use tokio::runtime::Builder;

use crate::support::{STUCK, deadline, finished};
use examples::simopen_upgrade::upgrade::{
    Asked, Exchanged, Identity, PublicKey, UpgradeError, Upgraded, accepted, converse, dialed, free_port, meet,
};

/// How many connections there are of each kind.
const ROUNDS: usize = 8;

/// One end, from the connection to the last byte.
struct End {
    role: Role,
    direction: Direction,
    peer: PublicKey,
    said: Exchanged,
}

async fn go_on(upgraded: Upgraded, questions: Vec<Vec<u8>>) -> Result<End, UpgradeError> {
    let Upgraded { session, role, direction, peer } = upgraded;
    Ok(End { role, direction, peer, said: converse(session, role, questions).await? })
}

/// Questions that no other end and no other round asks: none but a short one, one of several packets, one that is longer than
/// a message of Noise and than a window of yamux.
fn questions(seed: usize) -> Vec<Vec<u8>> {
    let question = |length: usize| (0..length).map(|at| (at * 31 + at / 251 + seed * 7 + length) as u8).collect();
    [1, 5_000 + seed, 300_000 + seed].map(question).to_vec()
}

fn on_a_thread<T>(work: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().expect("there is a runtime").block_on(work)
}

/// Each payload came, whole, on a stream whose number says who opened it; and nothing else came.
fn check(end: &End, own: Vec<Vec<u8>>, others: Vec<Vec<u8>>) {
    let opened = |said: &[Asked], by: Role| said.iter().all(|asked| (asked.stream % 2 == 1) == (by == Role::Initiator));
    assert!(opened(&end.said.asked, end.role), "the initiator has the odd streams");
    assert!(opened(&end.said.answered, end.role.opposite()), "the responder has the even streams");
    let said = |said: &[Asked]| {
        let mut questions: Vec<_> = said.iter().map(|asked| asked.question.clone()).collect();
        questions.sort();
        questions
    };
    let sorted = |mut questions: Vec<Vec<u8>>| {
        questions.sort();
        questions
    };
    assert!(said(&end.said.asked) == sorted(own), "every question of this end is answered");
    assert!(said(&end.said.answered) == sorted(others), "every question of the other end came as it was asked");
}

/// Nobody listens: each connection was opened by both ends, and chance says which of them has which role.
#[test]
fn two_that_dial_each_other_have_streams_both_ways() {
    let _deadline = deadline("two that dial each other to exchange their questions");
    let identities = [(); 2].map(|()| Identity::generate().expect("there are keys"));
    let [left, right] = &identities;
    let mut initiators = 0;
    for round in 0..ROUNDS {
        let ports = [(); 2].map(|()| free_port().expect("there is a port"));
        let end = |from: SocketAddr, to, identity, expected: &Identity, seed| {
            on_a_thread(async {
                let met = meet(from, to).await?;
                assert_eq!(met.stream.local_addr()?, from, "it is the port that the other end dials");
                assert!(met.attempts > 0);
                go_on(dialed(met.stream, identity, Some(expected.public()), Options::default()).await?, questions(seed))
                    .await
            })
        };
        let (ours, theirs) = std::thread::scope(|scope| {
            let other = scope.spawn(|| end(ports[1], ports[0], right, left, 2 * round + 1));
            (end(ports[0], ports[1], left, right, 2 * round), other.join().expect("the other end is well"))
        });
        let (ours, theirs) = (ours.expect("it is upgraded"), theirs.expect("it is upgraded"));
        assert_eq!(ours.role, theirs.role.opposite());
        assert_eq!([ours.direction, theirs.direction], [Direction::Outbound; 2]);
        assert_eq!((ours.peer, theirs.peer), (right.public(), left.public()));
        check(&ours, questions(2 * round), questions(2 * round + 1));
        check(&theirs, questions(2 * round + 1), questions(2 * round));
        initiators += usize::from(ours.role == Role::Initiator);
    }
    println!("{ROUNDS} simultaneous opens were upgraded; one end was the initiator of {initiators}");
}

/// The same steps, with an end that accepts.
#[test]
fn one_that_dials_and_one_that_listens_have_streams_both_ways() {
    let _deadline = deadline("a dialer and a listener to exchange their questions");
    let identities = [(); 2].map(|()| Identity::generate().expect("there are keys"));
    let [us, them] = &identities;
    for round in 0..ROUNDS {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a port");
        let address = listener.local_addr().expect("it is bound");
        listener.set_nonblocking(true).expect("it can be set");
        let (ours, theirs) = std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                on_a_thread(async {
                    let (stream, _) = tokio::net::TcpListener::from_std(listener)?.accept().await?;
                    go_on(accepted(stream, them).await?, questions(2 * round + 1)).await
                })
            });
            let ours = on_a_thread(async {
                let met = meet(free_port()?, address).await?;
                go_on(dialed(met.stream, us, Some(them.public()), Options::default()).await?, questions(2 * round))
                    .await
            });
            (ours, other.join().expect("the other end is well"))
        });
        let (ours, theirs) = (ours.expect("it is upgraded"), theirs.expect("it is upgraded"));
        assert_eq!((ours.role, ours.direction), (Role::Initiator, Direction::Outbound));
        assert_eq!((theirs.role, theirs.direction), (Role::Responder, Direction::Inbound));
        assert_eq!((ours.peer, theirs.peer), (them.public(), us.public()));
        check(&ours, questions(2 * round), questions(2 * round + 1));
        check(&theirs, questions(2 * round + 1), questions(2 * round));
    }
}

/// SIM-19: whoever dialed a peer wants that peer, as the initiator and as the responder.
#[tokio::test(start_paused = true)]
async fn somebody_else_is_found_out_in_either_role() {
    let identities = [(); 3].map(|()| Identity::generate().expect("there are keys"));
    let [us, them, wanted] = &identities;
    for (nonce, other) in [(1, 2), (2, 1)] {
        let (ours, theirs) = duplex(64);
        let (ours, theirs) = tokio::join!(
            dialed(ours, us, Some(wanted.public()), with(nonce)),
            dialed(theirs, them, Some(us.public()), with(other)),
        );
        match ours.map(drop) {
            Err(UpgradeError::Impostor { expected, found }) => {
                assert_eq!((expected, found), (wanted.public(), them.public()));
            }
            other => panic!("somebody else is taken for the peer, or not found out: {other:?}"),
        }
        // The other end, which found whom it expected, is told nothing but that the connection is gone.
        assert!(matches!(theirs, Err(UpgradeError::Negotiation(_) | UpgradeError::HungUp)));
    }
}

fn with(nonce: u64) -> Options {
    Options::default().with_nonce(Some(nonce))
}

/// A peer that goes silent anywhere in the upgrade is given up at the deadline.
#[tokio::test(start_paused = true)]
async fn a_peer_that_goes_silent_is_given_up() {
    let identity = Identity::generate().expect("there are keys");
    let nothing: &[u8] = b"";
    // An acceptance, and then nothing, or half of a message of Noise.
    for more in [nothing, b"\x00\x60half"] {
        let (ours, mut theirs) = duplex(1024);
        theirs.write_all(b"\x13/multistream/1.0.0\n\x03na\n").await.expect("it fits");
        theirs.write_all(b"\x1d/handfast-example/noise-xx/1\n").await.expect("it fits");
        theirs.write_all(more).await.expect("it fits");
        let given_up = dialed(ours, &identity, None, Options::default()).await.map(drop);
        assert!(matches!(given_up, Err(UpgradeError::Deadline)), "{given_up:?}");
    }
}

/// A peer that speaks something else after the agreement, or leaves, is an error that says so.
#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_none_is_refused() {
    let identity = Identity::generate().expect("there are keys");
    let outcome = async |more: &[u8]| {
        let (ours, mut theirs) = duplex(1024);
        theirs.write_all(b"\x13/multistream/1.0.0\n\x03na\n").await.expect("it fits");
        theirs.write_all(b"\x1d/handfast-example/noise-xx/1\n").await.expect("it fits");
        theirs.write_all(more).await.expect("it fits");
        theirs.shutdown().await.expect("it can be closed");
        dialed(ours, &identity, None, Options::default()).await.map(drop)
    };
    let noise = outcome(&[&[0, 96], [7; 96].as_slice()].concat()).await;
    assert!(matches!(noise, Err(UpgradeError::Noise(_))), "{noise:?}");
    let long = outcome(b"\xff\xff").await;
    assert!(matches!(long, Err(UpgradeError::Handshake(_))), "{long:?}");
    let gone = outcome(b"").await;
    assert!(matches!(gone, Err(UpgradeError::HungUp)), "{gone:?}");
}

/// The program, as users run it.
#[test]
fn the_example_shows_both_ways() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_simopen_upgrade"));
    let run = finished(&mut program, STUCK, "both ways of an upgrade");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let said = String::from_utf8(run.stdout).expect("it writes text");
    print!("{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 6, "{said}");
    let counted = |line: &str, words: &str| line.matches(words).count();
    let both = lines[1..3].concat();
    assert_eq!((counted(&both, "Outbound, Initiator"), counted(&both, "Outbound, Responder")), (1, 1), "{said}");
    assert_eq!(counted(lines[4], "Outbound, Initiator"), 1, "{said}");
    assert_eq!(counted(lines[5], "Inbound, Responder"), 1, "{said}");
    assert_eq!(counted(&said, "asked 501000 bytes on streams "), 4, "{said}");
    assert_eq!(counted(&said, "answered 501000 bytes on streams "), 4, "{said}");
}
