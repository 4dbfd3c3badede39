//! The drivers of `handfast::simopen` on connections that hold little and writes that are chopped: what is exhaustive is
//! said at each test.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use handfast::simopen::{Error, Negotiated, Options, Role, accept, negotiate};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};

/// Where the stream of what an end writes is cut.
#[derive(Clone, Copy, Debug)]
enum Cuts {
    /// After every so many bytes.
    Every(usize),
    /// After so many bytes, once or twice.
    At(usize, usize),
    /// Within the bytes from so many on, after each whose bit is set.
    Within(usize, u32),
}

impl Cuts {
    /// How many of `most` bytes are taken that come after the first `at`.
    fn allow(self, at: usize, most: usize) -> usize {
        let is_cut = |after: usize| match self {
            Self::Every(bytes) => after.is_multiple_of(bytes),
            Self::At(one, other) => after == one || after == other,
            Self::Within(from, bits) => after > from && after - from <= 32 && bits >> (after - from - 1) & 1 == 1,
        };
        (1..most).find(|&taken| is_cut(at + taken)).unwrap_or(most)
    }
}

/// A stream whose writes are cut. Every other task runs at each cut, so that what was written before it is read before
/// what comes after it.
#[derive(Debug)]
struct Chopped {
    io: DuplexStream,
    cuts: Cuts,
    written: usize,
    rests: bool,
    pieces: Arc<AtomicUsize>,
}

impl Chopped {
    fn new(io: DuplexStream, cuts: Cuts) -> Self {
        Self { io, cuts, written: 0, rests: false, pieces: Arc::default() }
    }
}

impl AsyncRead for Chopped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl AsyncWrite for Chopped {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.rests {
            self.rests = false;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = self.cuts.allow(self.written, bytes.len());
        let written = Pin::new(&mut self.io).poll_write(context, &bytes[..length]);
        if let Poll::Ready(Ok(written)) = written {
            self.written += written;
            self.rests = written < bytes.len();
            self.pieces.fetch_add(1, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

/// Who meets.
#[derive(Clone, Copy, Debug)]
enum Pair {
    /// Two dialers; the left one wins, or the right one.
    Dialers([u64; 2]),
    /// A dialer and a listener that declines its first protocol.
    Listener,
}

const PAIRS: [Pair; 3] = [Pair::Dialers([2, 1]), Pair::Dialers([1, 2]), Pair::Listener];

/// Longer than what a dialer says in any of these: 58 bytes, then 10, 11, and 8 or 12; or 58, then 12.
const MOST: usize = 96;

const BOTH: [&str; 2] = ["/noise", "/tls/1.0.0"];

fn with(nonce: u64) -> Options {
    Options::default().with_nonce(Some(nonce)).with_timeout(Duration::from_secs(10))
}

async fn agreed<L, R>(left: L, right: R) -> Result<[Negotiated<Chopped>; 2], Error>
where
    L: Future<Output = Result<Negotiated<Chopped>, Error>>,
    R: Future<Output = Result<Negotiated<Chopped>, Error>>,
{
    tokio::try_join!(left, right).map(|(left, right)| [left, right])
}

/// Two ends settle, and what each says next is what the other one hears. How many pieces that took.
async fn meet(pair: Pair, holds: usize, cuts: [Cuts; 2]) -> usize {
    let (left, right) = duplex(holds);
    let (left, right) = (Chopped::new(left, cuts[0]), Chopped::new(right, cuts[1]));
    let pieces = [&left, &right].map(|end| Arc::clone(&end.pieces));
    let ends = match pair {
        Pair::Dialers([ours, theirs]) => {
            agreed(negotiate(left, &BOTH, with(ours)), negotiate(right, &BOTH, with(theirs))).await
        }
        Pair::Listener => agreed(negotiate(left, &BOTH, with(1)), accept(right, &BOTH[1..], with(0))).await,
    };
    let what = || format!("{pair:?} on {holds} bytes, cut {cuts:?}");
    let [mut left, mut right] = ends.unwrap_or_else(|error| panic!("{}: {error}", what()));
    let (role, protocol) = match pair {
        Pair::Dialers([1, 2]) => (Role::Responder, BOTH[0]),
        Pair::Dialers(_) => (Role::Initiator, BOTH[0]),
        Pair::Listener => (Role::Initiator, BOTH[1]),
    };
    assert_eq!((left.role(), left.protocol()), (role, protocol), "{}", what());
    assert_eq!((right.role(), right.protocol()), (role.opposite(), protocol), "{}", what());
    let (mut to_left, mut to_right) = ([0; 3], [0; 3]);
    let said = tokio::try_join!(left.write_all(b"one"), right.read_exact(&mut to_right));
    said.unwrap_or_else(|error| panic!("{}: {error}", what()));
    let said = tokio::try_join!(right.write_all(b"two"), left.read_exact(&mut to_left));
    said.unwrap_or_else(|error| panic!("{}: {error}", what()));
    assert_eq!((&to_right, &to_left), (b"one", b"two"), "{}", what());
    pieces.iter().map(|pieces| pieces.load(Ordering::Relaxed)).sum()
}

/// Exhaustive: every connection that holds 1 to 64 bytes, with writes of every size from 1 to 64 bytes at both ends.
#[tokio::test(start_paused = true)]
async fn pieces_of_one_size() {
    let (mut runs, mut pieces) = (0, 0);
    for pair in PAIRS {
        for holds in 1..=64 {
            for bytes in 1..=64 {
                let taken = meet(pair, holds, [Cuts::Every(bytes); 2]).await;
                if let (Pair::Dialers(_), 1) = (pair, bytes) {
                    assert_eq!(taken, 2 * (58 + 10 + 11 + 8 + 3), "a piece for each byte that is said");
                }
                (runs, pieces) = (runs + 1, pieces + taken);
            }
        }
    }
    println!("{runs} negotiations, {pieces} pieces");
}

/// Exhaustive: every connection that holds 1 to 64 bytes, with what one end says cut anywhere, once, and what the other one
/// says not at all.
#[tokio::test(start_paused = true)]
async fn one_cut_anywhere() {
    const NONE: Cuts = Cuts::At(0, 0);
    let mut runs = 0;
    for pair in PAIRS {
        for holds in 1..=64 {
            for at in 1..MOST {
                meet(pair, holds, [Cuts::At(at, at), NONE]).await;
                meet(pair, holds, [NONE, Cuts::At(at, at)]).await;
                runs += 2;
            }
        }
    }
    println!("{runs} negotiations");
}

/// Exhaustive: on a connection that holds everything, what each end says cut anywhere, twice.
#[tokio::test(start_paused = true)]
async fn two_cuts_anywhere() {
    let mut runs = 0;
    for pair in PAIRS {
        for one in 1..MOST {
            for other in one + 1..MOST {
                meet(pair, 1024, [Cuts::At(one, other), Cuts::At(other, one)]).await;
                runs += 1;
            }
        }
    }
    println!("{runs} negotiations");
}

/// Exhaustive: every way to cut each of the short messages: of the eight bytes of a proposal, the ten of a number, the eleven
/// of a role, in the stream of a dialer that says all of them; of the four of `na` and the twelve of an acceptance, in that
/// of a listener. The header and the extension are too long for that: they are cut at most twice.
#[tokio::test(start_paused = true)]
async fn every_way_to_cut_a_short_message() {
    // From which byte on, of how many, in the stream of which pair's which end.
    let dialer = [(50, 8), (58, 10), (68, 11), (79, 8)].map(|message| (Pair::Dialers([2, 1]), 0, message));
    let listener = [(20, 4), (24, 4), (28, 12)].map(|message| (Pair::Listener, 1, message));
    let mut runs = 0;
    for (pair, end, (from, length)) in dialer.into_iter().chain(listener) {
        for bits in 0..1 << (length - 1) {
            let mut cuts = [Cuts::At(from, from + length); 2];
            cuts[end] = Cuts::Within(from, bits);
            meet(pair, 1024, cuts).await;
            runs += 1;
        }
    }
    println!("{runs} negotiations");
}

const H: &str = "\x13/multistream/1.0.0\n";
const S: &str = "\x1d/libp2p/simultaneous-connect\n";
const NOISE: &str = "\x07/noise\n";

/// What a peer says, one thing after the other and not waiting, and then what follows the negotiation. Exhaustive: in
/// pieces of every size, and cut anywhere, once and twice. Nothing of what follows is lost, and nothing is added.
#[tokio::test(start_paused = true)]
async fn what_follows_the_negotiation_is_handed_on_however_it_comes() {
    let conversations: [(bool, Role, &[&str]); 4] = [
        (true, Role::Initiator, &[H, "\x03na\n", NOISE]),
        (true, Role::Initiator, &[H, S, NOISE, "\x09select:1\n", "\x0aresponder\n", NOISE]),
        (true, Role::Responder, &[H, S, NOISE, "\x09select:9\n", "\x0ainitiator\n", NOISE]),
        (false, Role::Responder, &[H, S, "\x03/x\n", NOISE]),
    ];
    let mut runs = 0;
    for (dials, role, says) in conversations {
        let says = [says.concat().as_bytes(), b"\x05what follows, which is no message"].concat();
        let cuts = (1..says.len()).flat_map(|one| (one..says.len()).map(move |other| Cuts::At(one, other)));
        let cuts: Vec<_> = cuts.chain((1..=says.len()).map(Cuts::Every)).collect();
        for cuts in cuts {
            let (ours, theirs) = duplex(1024);
            let mut theirs = Chopped::new(theirs, cuts);
            let end = async {
                let ours = Chopped::new(ours, Cuts::At(0, 0));
                let settled = match dials {
                    true => negotiate(ours, &["/noise"], with(5)).await,
                    false => accept(ours, &["/noise"], with(5)).await,
                };
                let mut settled = settled.unwrap_or_else(|error| panic!("{role:?}, {cuts:?}: {error}"));
                assert_eq!(settled.role(), role);
                let mut heard = Vec::new();
                settled.read_to_end(&mut heard).await.map(|_| heard)
            };
            let peer = async {
                theirs.write_all(&says).await?;
                theirs.shutdown().await
            };
            let (heard, ()) = tokio::try_join!(end, peer).expect("the connection is whole");
            assert_eq!(heard, b"\x05what follows, which is no message", "{role:?}, {cuts:?}");
            runs += 1;
        }
    }
    println!("{runs} conversations");
}
