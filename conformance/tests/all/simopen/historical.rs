//! The deadlocks of go-multistream 0.4.1 and of rust-libp2p's PR 2066, on connections that hold so many bytes and no
//! more; and what handfast does there.

use std::time::Duration;

use conformance::simopen::historical::{Agreed, Error, Implementation};
use handfast::simopen::{Options, Role, negotiate};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex, join, simplex};
use tokio::time::timeout;

/// The clock is paused: it moves when all tasks wait.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// More than an end has to say before it hears anything.
const MOST: usize = 80;

/// Numbers with the greater one at either end, of ten bytes each on the wire.
const NUMBERS: [[u64; 2]; 2] = [[1, 2], [2, 1]];

/// Who is at an end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Who {
    Handfast,
    Original(Implementation),
}

const HANDFAST: [Who; 2] = [Who::Handfast; 2];
const GO: [Who; 2] = [Who::Original(Implementation::Go041); 2];
const RUST: [Who; 2] = [Who::Original(Implementation::Rust2066); 2];

async fn dial<Io>(who: Who, io: Io, protocols: &[&str], nonce: u64) -> Result<Agreed, String>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    match who {
        Who::Handfast => {
            let options = Options::default().with_nonce(Some(nonce)).with_timeout(2 * FOR_EVER);
            let agreed = negotiate(io, protocols, options).await.map_err(|error| error.to_string())?;
            Ok((agreed.role(), agreed.protocol().to_owned()))
        }
        Who::Original(original) => original.negotiate(io, protocols, || nonce).await.map_err(|error| error.to_string()),
    }
}

/// Whether two ends settle, on opposite roles and one protocol; they do not if both wait for ever. The connection holds so
/// many bytes on the way to the right end, and so many on the way to the left one.
async fn settles(whos: [Who; 2], holds: [usize; 2], protocols: &[&str], numbers: [u64; 2]) -> bool {
    let [(right_reads, left_writes), (left_reads, right_writes)] = holds.map(simplex);
    let left = dial(whos[0], join(left_reads, left_writes), protocols, numbers[0]);
    let right = dial(whos[1], join(right_reads, right_writes), protocols, numbers[1]);
    let Ok(both) = timeout(FOR_EVER, async { tokio::try_join!(left, right) }).await else { return false };
    let (left, right) = both.unwrap_or_else(|error| panic!("{whos:?}, {holds:?}: {error}"));
    let initiator = if numbers[0] > numbers[1] { Role::Initiator } else { Role::Responder };
    assert_eq!((left.0, right.0), (initiator, initiator.opposite()), "{whos:?}, {holds:?}");
    assert_eq!((left.1.as_str(), right.1.as_str()), (protocols[0], protocols[0]), "{whos:?}, {holds:?}");
    true
}

/// The same on `tokio::io::duplex`, which holds as much each way.
async fn settles_on_duplex(whos: [Who; 2], holds: usize, protocol: &str, numbers: [u64; 2]) -> bool {
    let (left, right) = duplex(holds);
    let protocols = [protocol];
    let (left, right) = (dial(whos[0], left, &protocols, numbers[0]), dial(whos[1], right, &protocols, numbers[1]));
    match timeout(FOR_EVER, async { tokio::try_join!(left, right) }).await {
        Ok(both) => both.is_ok_and(|(left, right)| left.0 == right.0.opposite() && left.1 == right.1),
        Err(_) => false,
    }
}

/// The smallest connection on which two ends settle: they do on every greater one, and on no smaller one.
async fn least(whos: [Who; 2], protocol: &str) -> usize {
    let mut hangs = Vec::new();
    for holds in 1..=MOST {
        for numbers in NUMBERS {
            if !settles_on_duplex(whos, holds, protocol, numbers).await {
                hangs.push(holds);
            }
        }
    }
    let least = hangs.last().map_or(1, |most| most + 1);
    let below: Vec<_> = (1..least).flat_map(|holds| [holds; 2]).collect();
    assert_eq!(hangs, below, "whoever wins, and only below");
    least
}

/// 8 bytes are `/noise` with its length and its newline. It is the proposal that counts, and nothing else: with a longer one
/// the original hangs on more connections.
#[tokio::test(start_paused = true)]
async fn go_hangs_where_the_connection_holds_less_than_the_pipelined_proposal() {
    assert_eq!(least(GO, "/noise").await, 8);
    assert_eq!(least(GO, "/tls/1.0.0").await, 12);
    assert_eq!(least(GO, "/").await, 3);
}

/// 58 bytes are the first flight with `/noise`.
#[tokio::test(start_paused = true)]
async fn rust_hangs_where_the_connection_holds_less_than_the_first_flight() {
    assert_eq!(least(RUST, "/noise").await, 58);
    assert_eq!(least(RUST, "/tls/1.0.0").await, 62);
    assert_eq!(least(RUST, "/").await, 53);
}

/// SIM-24, from a connection that holds one byte to one that holds more than all there is to say.
#[tokio::test(start_paused = true)]
async fn handfast_settles_however_little_the_connection_holds() {
    for protocol in ["/noise", "/tls/1.0.0", "/"] {
        assert_eq!(least(HANDFAST, protocol).await, 1);
    }
}

/// Connections that hold more one way than the other. The original in Go hangs if and only if both ways hold too little; one
/// that holds enough sets the other one free.
#[tokio::test(start_paused = true)]
async fn each_way_counts_for_itself() {
    let mut settled = [0; 3];
    for to_right in 1..=100 {
        for to_left in 1..=100 {
            let (holds, numbers) = ([to_right, to_left], NUMBERS[(to_right + to_left) % 2]);
            let (more, less) = (to_right.max(to_left), to_right.min(to_left));
            let handfast = settles(HANDFAST, holds, &["/noise"], numbers).await;
            let go = settles(GO, holds, &["/noise"], numbers).await;
            let rust = settles(RUST, holds, &["/noise"], numbers).await;
            assert!(handfast, "{holds:?}");
            assert_eq!(go, more >= 8, "{holds:?}");
            assert_eq!(rust, rust_settles(more, less), "{holds:?}");
            settled =
                [settled[0] + usize::from(handfast), settled[1] + usize::from(go), settled[2] + usize::from(rust)];
        }
    }
    println!("of 10000 connections: handfast settles on {}, Go on {}, Rust on {}", settled[0], settled[1], settled[2]);
}

/// The end that has room for its first flight reads, up to the extension; then it flushes its number, of ten bytes, behind
/// that flight. If there is room for both, it goes on reading. If not, the other end has to be through with its first flight,
/// of which 50 bytes were read.
fn rust_settles(more: usize, less: usize) -> bool {
    more >= 58 + 10 || more >= 58 && less >= 8
}

/// One end of handfast's reads while it writes, and neither hangs.
#[tokio::test(start_paused = true)]
async fn one_end_of_handfast_is_enough() {
    for original in Implementation::ALL.map(Who::Original) {
        for holds in 1..=64 {
            for numbers in NUMBERS {
                for whos in [[Who::Handfast, original], [original, Who::Handfast]] {
                    assert!(settles(whos, [holds, holds], &["/noise", "/tls"], numbers).await, "{whos:?}, {holds}");
                }
            }
        }
    }
}

/// SIM-6: Go's end is told the number that equals its own, whatever the connection holds, and reports what it is.
#[tokio::test(start_paused = true)]
async fn a_tie_is_told_to_the_original() {
    for holds in 1..=MOST {
        let (left, right) = duplex(holds);
        let options = Options::default().with_nonce(Some(7));
        let (ours, theirs) = tokio::join!(
            negotiate(left, &["/noise"], options),
            Implementation::Go041.negotiate(right, &["/noise"], || 7)
        );
        assert!(ours.is_err_and(|error| error.is_tie()), "{holds} bytes");
        assert!(matches!(theirs, Err(Error::Tie)), "{holds} bytes: {theirs:?}");
    }
}

/// Protocols that one end does not speak are declined, and the initiator's order decides.
#[tokio::test(start_paused = true)]
async fn the_originals_agree_where_the_connection_holds_enough() {
    for original in Implementation::ALL {
        for (numbers, agreed) in [([2, 1], "/b"), ([1, 2], "/c")] {
            let (left, right) = duplex(58);
            let left = original.negotiate(left, &["/a", "/b", "/c"], || numbers[0]);
            let right = original.negotiate(right, &["/d", "/c", "/b"], || numbers[1]);
            let (left, right) = tokio::try_join!(left, right).expect("they have protocols in common");
            assert_eq!((left.0, left.1.as_str()), (right.0.opposite(), agreed));
            assert_eq!(left.1, right.1);
        }
        let (left, right) = duplex(58);
        let (left, right) = tokio::join!(
            original.negotiate(left, &["/a"], || 1), //
            original.negotiate(right, &["/b"], || 2)
        );
        assert!(matches!((left, right), (Err(Error::NotSupported), Err(Error::NotSupported))), "{original:?}");
    }
}

/// What both originals were found to answer to what a peer says, and by what each is known: `H` is the header and `S` the
/// extension. Their number is in the middle.
#[tokio::test(start_paused = true)]
async fn the_originals_accept_what_they_were_found_to_accept() {
    const MOST: &str = "select:18446744073709551615";
    let conversations: &[(&[&str], bool, bool)] = &[
        (&["H", "na", "/noise"], true, true),
        (&["H", "na", "na", "/tls"], true, true),
        (&["H", "S", "/noise", MOST, "initiator", "/noise"], true, true),
        (&["H", "S", "/noise", "select:0", "responder", "/noise"], true, true),
        (&["H", "S", "/noise", "select:007", "responder", "/noise"], true, true),
        (&["H", "S", "/noise", "select:+5", "responder", "/noise"], false, true),
        (&["H", "na", "S", MOST, "initiator", "/noise"], false, true),
        (&["S", "/noise", MOST, "initiator", "/noise"], false, true),
        (&["H", "H", "na", "/noise"], false, true),
        (&["H", "S", MOST, "initiator", "/noise"], false, true),
        (&["H", "S", "/a", "/b", "/c", MOST, "initiator", "/noise"], false, true),
        (&["H", "S", "/noise", "select:0", "responder", "S", "/noise", MOST, "initiator", "/noise"], false, true),
        (&["H", "S", "/noise", MOST, "responder"], false, false),
        (&["H", "S", "/noise", "select:"], false, false),
        (&["H", "S", "/noise", "select:18446744073709551616"], false, false),
        (&["H", "na", "/tls"], false, false),
    ];
    for (says, go, rust) in conversations {
        for (original, accepts) in [(Implementation::Go041, *go), (Implementation::Rust2066, *rust)] {
            let (io, mut peer) = duplex(4096);
            for text in *says {
                let text = match *text {
                    "H" => "/multistream/1.0.0",
                    "S" => "/libp2p/simultaneous-connect",
                    text => text,
                };
                peer.write_all(&[&[text.len() as u8 + 1], text.as_bytes(), b"\n"].concat()).await.expect("it fits");
            }
            let answer = timeout(FOR_EVER, original.negotiate(io, &["/noise", "/tls"], || 1 << 63)).await;
            let answer = answer.unwrap_or_else(|_| panic!("{original:?} waits for more than {says:?}"));
            assert_eq!(answer.is_ok(), accepts, "{original:?}, {says:?}: {answer:?}");
        }
    }
}

/// A peer that sends everything back has the same number: an error to one, and no end to the other.
#[tokio::test(start_paused = true)]
async fn a_reflection_is_a_tie_or_goes_on_for_ever() {
    const ENOUGH: usize = 100_000;
    for original in Implementation::ALL {
        let (io, peer) = duplex(4096);
        let mut numbers = 0..;
        let end = original.negotiate(io, &["/noise"], || numbers.next().unwrap_or_default());
        let reflected = async {
            let (mut heard, mut says) = tokio::io::split(peer);
            let (mut total, mut bytes) = (0, [0; 256]);
            while total < ENOUGH {
                let read = heard.read(&mut bytes).await.expect("the connection is whole");
                if read == 0 || says.write_all(&bytes[..read]).await.is_err() {
                    break;
                }
                total += read;
            }
            total
        };
        tokio::select! {
            biased;
            answer = end => {
                assert_eq!(original, Implementation::Go041);
                assert!(matches!(answer, Err(Error::Tie)), "{answer:?}");
            }
            total = reflected => {
                assert_eq!(original, Implementation::Rust2066);
                assert!(total >= ENOUGH);
            }
        }
    }
}
