//! Streams that flush when they like, drip, break and end: what becomes of a negotiation on them.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use handfast::simopen::core::Failure;
use handfast::simopen::{Error, Negotiated, Options, Role, accept, negotiate, propose};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, advance, sleep};

const H: &[u8] = b"\x13/multistream/1.0.0\n";
const S: &[u8] = b"\x1d/libp2p/simultaneous-connect\n";
const NA: &[u8] = b"\x03na\n";
const NOISE: &[u8] = b"\x07/noise\n";

fn with(nonce: u64) -> Options {
    crate::limit::limited();
    Options::default().with_nonce(Some(nonce))
}

fn failure<Io>(outcome: Result<Negotiated<Io>, Error>) -> Failure {
    match outcome {
        Err(Error::Negotiation(failure)) => failure,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it settled"),
    }
}

/// How many polls a flush takes that never ends.
const NEVER: usize = usize::MAX;

/// A stream that keeps what is written until it is flushed, which takes so many polls.
struct Buffered {
    io: DuplexStream,
    kept: Vec<u8>,
    pends: usize,
    pended: usize,
}

impl Buffered {
    fn new(io: DuplexStream, pends: usize) -> Self {
        Self { io, kept: Vec::new(), pends, pended: 0 }
    }
}

impl AsyncRead for Buffered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl AsyncWrite for Buffered {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.kept.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.pends {
            NEVER => return Poll::Pending,
            pends if self.pended < pends => {
                self.pended += 1;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            _ => {}
        }
        while !self.kept.is_empty() {
            let Self { io, kept, .. } = &mut *self;
            let written = std::task::ready!(Pin::new(io).poll_write(context, kept))?;
            self.kept.drain(..written);
        }
        self.pended = 0;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

/// SIM-12: what was written is settled when it was flushed, however often that has to wait, and however little fits.
#[tokio::test(start_paused = true)]
async fn nothing_is_settled_before_it_is_flushed() {
    for (pends, holds) in (0..5).flat_map(|pends| [1, 7, 1024].map(|holds| (pends, holds))) {
        let what = format!("{pends} waits, {holds} bytes");
        let streams = || {
            let (left, right) = duplex(holds);
            (Buffered::new(left, pends), Buffered::new(right, pends))
        };
        let flushed = |settled: &Negotiated<Buffered>| {
            assert!(settled.get_ref().kept.is_empty(), "{what}: a flush was forgotten");
        };
        for numbers in [[1, 2], [2, 1]] {
            let (left, right) = streams();
            let ends = tokio::try_join!(
                negotiate(left, &["/a", "/noise"], with(numbers[0])),
                negotiate(right, &["/noise"], with(numbers[1])),
            );
            let (left, right) = ends.unwrap_or_else(|error| panic!("{what}: {error}"));
            [&left, &right].into_iter().for_each(flushed);
        }
        let (left, right) = streams();
        let ends = tokio::try_join!(propose(left, &["/a", "/noise"], with(0)), accept(right, &["/noise"], with(0)));
        let (left, right) = ends.unwrap_or_else(|error| panic!("{what}: {error}"));
        [&left, &right].into_iter().for_each(flushed);
        // SIM-6: the number of a tie is flushed too, so that the peer hears it.
        let (left, right) = streams();
        let (left, right) = tokio::join!(negotiate(left, &["/noise"], with(5)), negotiate(right, &["/noise"], with(5)));
        assert_eq!([failure(left), failure(right)], [Failure::Tie, Failure::Tie], "{what}");
    }
}

/// SIM-27, where everything is agreed on and what was said is not gone.
#[tokio::test(start_paused = true)]
async fn a_stream_that_never_flushes_is_given_up_at_the_deadline() {
    let (left, mut right) = duplex(1024);
    right.write_all(&[H, NA, NOISE].concat()).await.expect("it fits");
    let before = Instant::now();
    assert_eq!(failure(negotiate(Buffered::new(left, NEVER), &["/noise"], with(1)).await), Failure::Deadline);
    assert_eq!(before.elapsed(), Options::default().timeout);
}

/// SIM-43: a deadline is a total. A byte that comes, or that is taken, every eight seconds moves it by nothing.
#[tokio::test(start_paused = true)]
async fn progress_does_not_move_the_deadline() {
    let timeout = Duration::from_secs(10);
    let every = Duration::from_secs(8);
    let options = with(1).with_timeout(timeout);
    for call in 0..3 {
        for drips_out in [false, true] {
            let (ours, mut theirs) = duplex(if drips_out { 1 } else { 1024 });
            let before = Instant::now();
            let end = async {
                let outcome = match call {
                    0 => negotiate(ours, &["/noise"], options).await,
                    1 => propose(ours, &["/noise"], options).await,
                    _ => accept(ours, &["/noise"], options).await,
                };
                (failure(outcome), before.elapsed())
            };
            let peer = async {
                let says = [H, S, NOISE].concat();
                for byte in says {
                    sleep(every).await;
                    if drips_out {
                        let _taken = theirs.read_u8().await;
                    } else {
                        let _said = theirs.write_u8(byte).await;
                    }
                }
            };
            tokio::select! {
                (failure, taken) = end => assert_eq!((failure, taken), (Failure::Deadline, timeout)),
                () = peer => panic!("call {call} went on for {:?}", before.elapsed()),
            }
        }
    }
}

/// What is there when the deadline passes counts, however late the task is polled.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_there_counts_although_the_task_is_polled_late() {
    let (ours, mut theirs) = duplex(1024);
    let mut end = pin!(negotiate(ours, &["/noise"], with(1)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(end.as_mut().poll(&mut context).is_pending());
    theirs.write_all(&[H, NA, NOISE].concat()).await.expect("it fits");
    advance(2 * Options::default().timeout).await;
    let Poll::Ready(settled) = end.as_mut().poll(&mut context) else { panic!("it waits on") };
    assert_eq!(settled.expect("it was agreed before anything ended").role(), Role::Initiator);
}

/// SIM-45, SIM-46: a peer may say all that it has to say, its payload too, and close before it hears anything.
#[tokio::test(start_paused = true)]
async fn a_peer_that_says_everything_and_closes_is_heard() {
    for holds in [64, 1024] {
        let (ours, mut theirs) = duplex(holds);
        theirs.write_all(&[H, NOISE, b"payload"].concat()).await.expect("it fits");
        drop(theirs);
        let mut settled = accept(ours, &["/noise"], with(0)).await.unwrap_or_else(|error| panic!("{error}"));
        let mut payload = Vec::new();
        settled.read_to_end(&mut payload).await.expect("the end is clean");
        assert_eq!((settled.role(), settled.protocol(), &payload[..]), (Role::Responder, "/noise", &b"payload"[..]));
    }
}

/// The same on TCP, where a kernel that was reset says so when it is next written to, and gives what arrived before.
#[tokio::test]
async fn a_peer_that_says_everything_and_closes_is_heard_on_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    let payload = vec![7; 4096];
    for resets in [false, true] {
        for _ in 0..200 {
            let mut theirs = TcpStream::connect(address).await.expect("it listens");
            let (ours, _) = listener.accept().await.expect("it was dialed");
            theirs.write_all(&[H, NOISE, &payload].concat()).await.expect("it fits");
            if resets {
                // Something that nothing reads makes the closing end reset the connection. Linux keeps what had arrived.
                ours.writable().await.expect("it is connected");
                assert_eq!(ours.try_write(b"x").expect("there is room"), 1);
            }
            drop(theirs);
            let settled = accept(ours, &["/noise"], with(0)).await;
            let mut settled = settled.unwrap_or_else(|error| panic!("reset: {resets}: {error:?}"));
            let mut heard = vec![0; payload.len()];
            settled.read_exact(&mut heard).await.expect("it arrived");
            assert!(heard == payload, "the payload is whole");
        }
    }
}

/// A stream that takes nothing, and gives what it has.
struct Broken(DuplexStream);

impl AsyncRead for Broken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Broken {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What arrives after a write has failed counts too: a kernel reports the failure before it gives what arrived earlier. An
/// end that waits in vain then is told at its deadline.
#[tokio::test(start_paused = true)]
async fn what_arrives_after_a_write_has_failed_is_heard() {
    let late = Duration::from_secs(3);
    for (says, expected) in [
        ([H, NOISE].concat(), None),
        ([H, b"\x03/x\n"].concat(), Some(Failure::NothingInCommon)),
        (H.to_vec(), Some(Failure::HungUp)),
        (Vec::new(), Some(Failure::HungUp)),
    ] {
        let (ours, mut theirs) = duplex(1024);
        let peer = async {
            sleep(late).await;
            theirs.write_all(&says).await.expect("it is read");
            drop(theirs);
        };
        let (outcome, ()) = tokio::join!(accept(Broken(ours), &["/noise"], with(0)), peer);
        match expected {
            None => assert_eq!(outcome.expect("all was heard").protocol(), "/noise"),
            Some(expected) => assert_eq!(failure(outcome), expected),
        }
    }
    let (ours, _silent) = duplex(1024);
    let before = Instant::now();
    assert_eq!(failure(negotiate(Broken(ours), &["/noise"], with(0)).await), Failure::Deadline);
    assert_eq!(before.elapsed(), Options::default().timeout);
}

/// What a peer said before it left counts, also where nothing can be written to it any more.
#[tokio::test(start_paused = true)]
async fn a_peer_that_is_gone_has_left_a_reason() {
    let says: [(Vec<u8>, Failure); 5] = [
        ([H, NOISE].concat(), Failure::PlainDialer),
        ([H, NA, NA].concat(), Failure::NothingInCommon),
        (b"\x05http\n".to_vec(), Failure::NotMultistream),
        ([H, S, NOISE, b"\x09select:1\n"].concat(), Failure::Tie),
        (Vec::new(), Failure::HungUp),
    ];
    for (says, expected) in says {
        let (left, mut right) = duplex(1024);
        right.write_all(&says).await.expect("it fits");
        drop(right);
        assert_eq!(failure(negotiate(left, &["/noise"], with(1)).await), expected);
    }
}

/// py-libp2p asks for a list before it proposes, and others say more that is no proposal: each is answered with `na`, as Go
/// does, and the negotiation goes on. (SIM-42)
#[tokio::test(start_paused = true)]
async fn a_query_is_declined_and_the_proposal_after_it_accepted() {
    let (ours, mut theirs) = duplex(1024);
    let peer = async {
        theirs.write_all(&[H, b"\x03ls\n"].concat()).await?;
        let mut answer = vec![0; H.len() + NA.len()];
        theirs.read_exact(&mut answer).await?;
        assert_eq!(answer, [H, NA].concat());
        theirs.write_all(NOISE).await?;
        let mut answer = vec![0; NOISE.len()];
        theirs.read_exact(&mut answer).await?;
        Ok::<_, Error>(answer)
    };
    let (settled, answer) = tokio::try_join!(accept(ours, &["/noise"], with(0)), peer).expect("they agree");
    assert_eq!((settled.protocol(), &answer[..]), ("/noise", NOISE));
}

/// js-libp2p 7.0.28 takes whatever does not accept its proposal for a refusal. With `/a` and `/noise` it takes a dialer's
/// pipelined `/noise` for the acceptance of its own, and believes that it is the initiator. This end knows better and
/// closes: what js-libp2p's next layer sees is the end of the stream.
#[tokio::test(start_paused = true)]
async fn a_dialer_that_takes_any_answer_for_a_refusal_is_left_with_a_closed_stream() {
    let (ours, mut theirs) = duplex(1024);
    let peer = async {
        theirs.write_all(&[H, b"\x03/a\n", NOISE].concat()).await?;
        let mut heard = vec![0; H.len() + S.len() + NOISE.len()];
        theirs.read_exact(&mut heard).await?;
        assert_eq!(heard, [H, S, NOISE].concat(), "the last is what it takes for an acceptance");
        theirs.read_to_end(&mut Vec::new()).await
    };
    let (outcome, more) = tokio::join!(negotiate(ours, &["/noise"], with(0)), peer);
    assert_eq!((failure(outcome), more.expect("it is closed")), (Failure::PlainDialer, 0));
}

/// A stream that takes nothing, and fails or ends when it is read for the second time.
struct Dead {
    writes: usize,
    has_pended: bool,
    read: Option<io::ErrorKind>,
}

impl Dead {
    fn new(read: Option<io::ErrorKind>) -> Self {
        Self { writes: 0, has_pended: false, read }
    }
}

impl AsyncRead for Dead {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.has_pended, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.read.map_or(Ok(()), |kind| Err(io::Error::new(kind, "the cable is cut"))))
    }
}

impl AsyncWrite for Dead {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        self.writes += 1;
        assert!(self.writes == 1, "a stream that takes nothing is written to again");
        Poll::Ready(Ok(0))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_takes_nothing_is_one_that_has_failed() {
    let outcome = negotiate(Dead::new(None), &["/noise"], with(1)).await;
    assert!(matches!(failure(outcome), Failure::HungUp), "its peer has said nothing and left");
}

/// The error of the stream is the error's source, and no end of the peer's.
#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_be_read_says_why() {
    use std::error::Error as _;
    let dead = Dead::new(Some(io::ErrorKind::ConnectionReset));
    let error = negotiate(dead, &["/noise"], with(1)).await.expect_err("nothing can be read");
    let Error::Io(source) = &error else { panic!("the stream's error became another one: {error:?}") };
    assert_eq!(source.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("the cable is cut"));
}

/// What takes several pieces in one call below does so above.
#[tokio::test(start_paused = true)]
async fn a_negotiated_stream_takes_several_pieces_where_the_one_below_does() {
    let (left, right) = duplex(1024);
    assert!(left.is_write_vectored());
    let ends = tokio::try_join!(propose(left, &["/noise"], with(0)), accept(right, &["/noise"], with(0)));
    let (mut left, mut right) = ends.expect("they agree");
    assert!(left.is_write_vectored() && right.is_write_vectored(), "each piece is a call of its own");
    let pieces = [io::IoSlice::new(b"one"), io::IoSlice::new(b"two")];
    assert_eq!(left.write_vectored(&pieces).await.expect("there is room"), 6, "both pieces are taken at once");
    let mut read = [0; 6];
    right.read_exact(&mut read).await.expect("it was written");
    assert_eq!(&read, b"onetwo");
}

/// What was not flushed was not said: the record has the deadline in place of the agreement.
#[tokio::test(start_paused = true)]
async fn the_record_of_an_agreement_that_was_not_flushed_in_time_ends_with_the_deadline() {
    let (left, mut right) = duplex(1024);
    right.write_all(&[H, NOISE].concat()).await.expect("there is room");
    let mut recorder = handfast::simopen::Recorder::new(Vec::new());
    let outcome = recorder.accept(Buffered::new(left, NEVER), &["/noise"], with(0)).await;
    assert!(matches!(failure(outcome), Failure::Deadline));
    let log = String::from_utf8(recorder.finish().expect("a vector takes everything")).expect("it is JSON");
    let last = log.lines().last().unwrap_or_default();
    assert!(last.contains(r#""expire""#) && !log.contains(r#""settled""#), "{log}");
}
