//! The ends of a connection, and what their applications do.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use conformance::framed::{ending, outcome};
use handfast::environment::Instant;
use handfast::framed::{Closer, Config, Connection, Drain, Frame, Reader, Writer};
use handfast_spec::framed::{Action, End, Ending, FrameId, Given, History, Outcome, Output};
use model::framed::Kernel;
use shuttle::future::{JoinHandle, block_on, spawn, yield_now};

use crate::framed::socket::Socket;
use crate::framed::wire::Wire;

/// The least that queues can hold.
pub(crate) const KERNEL: Kernel = Kernel { send: 1, receive: 1, purges: false, tells: true };

/// How often an operation is dropped where it waits.
const DROPS: usize = 3;

/// What races at each end. The writer and the reader are two tasks, unless it says otherwise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Environment {
    /// The writer shuts down.
    Both,
    /// A third task shuts down while the writer writes, and then the writer does, too.
    ThirdTask,
    /// Reads, flushes and shutdowns are dropped where they wait.
    Cancelled,
    /// The reader of the right end leaves.
    Leaving,
    /// There is one task: it shuts down without a flush, and reads when that is over.
    ReadsLater,
}

impl Environment {
    /// How many frames each end writes.
    pub(crate) fn frames(self) -> usize {
        match self {
            Self::Both | Self::Leaving | Self::ReadsLater => 1,
            Self::ThirdTask | Self::Cancelled => 2,
        }
    }
}

pub(crate) trait Reads: Send + 'static {
    fn read(&mut self) -> impl Future<Output = Result<Option<Frame>, Ending>> + Send;
}

pub(crate) trait Writes: Send + 'static {
    /// Whether the frame was accepted. Dropped before that, it was not.
    fn feed(&mut self, frame: Frame) -> impl Future<Output = bool> + Send;
    fn flush(&mut self) -> impl Future<Output = ()> + Send;
}

pub(crate) trait Closes: Send + Sync + 'static {
    fn shutdown(&self) -> impl Future<Output = Outcome> + Send;
}

/// An end, to be taken apart.
pub(crate) trait Peer: 'static {
    type Reader: Reads;
    type Writer: Writes;
    type Closer: Closes + Clone;

    fn apart(self) -> (Self::Reader, Self::Writer, Self::Closer);
}

/// handfast's.
pub(crate) struct Own(Connection<Socket>);

impl Own {
    pub(crate) fn new(socket: Socket) -> Self {
        let drain = Drain::default().with_keep(4_000).with_discard(4_000);
        Self(Connection::new(socket, Config::default().with_max_frame(4).with_write_buffer(1).with_drain(drain)))
    }
}

impl Peer for Own {
    type Reader = Reader<Socket>;
    type Writer = Writer<Socket>;
    type Closer = Closer<Socket>;

    fn apart(self) -> (Reader<Socket>, Writer<Socket>, Closer<Socket>) {
        let closer = self.0.closer();
        let (reader, writer) = self.0.into_split();
        (reader, writer, closer)
    }
}

impl Reads for Reader<Socket> {
    async fn read(&mut self) -> Result<Option<Frame>, Ending> {
        Reader::read(self).await.map_err(|error| ending(&error))
    }
}

impl Writes for Writer<Socket> {
    async fn feed(&mut self, frame: Frame) -> bool {
        Writer::feed(self, frame).await.is_ok()
    }

    async fn flush(&mut self) {
        // What it says is said by the shutdown, too.
        drop(Writer::flush(self).await);
    }
}

impl Closes for Closer<Socket> {
    async fn shutdown(&self) -> Outcome {
        let deadline = Instant::now() + Duration::from_secs(1_000_000);
        let outcome = outcome(Closer::shutdown(self, deadline).await);
        // Time does not move as far as the deadline.
        assert!(matches!(outcome, Outcome::Clean | Outcome::PeerGone), "without a deadline it came to this: {outcome}");
        outcome
    }
}

/// One execution: what was told, and what was done.
pub(crate) fn run<P: Peer>(environment: Environment, start: impl Fn(Socket) -> P) -> (History, Vec<Action>) {
    let wire = Wire::new(KERNEL);
    block_on(async {
        let carriers = End::BOTH.map(|end| {
            let wire = wire.clone();
            spawn(async move { wire.carry(end).await })
        });
        let tasks: Vec<_> = End::BOTH.iter().flat_map(|&end| apply(environment, &wire, end, &start)).collect();
        for task in tasks {
            task.await.expect("no task is aborted");
        }
        carriers.into_iter().for_each(|carrier| carrier.abort());
    });
    wire.come_to()
}

/// The tasks of one end.
fn apply<P: Peer>(
    environment: Environment,
    wire: &Wire,
    end: End,
    start: &impl Fn(Socket) -> P,
) -> Vec<JoinHandle<()>> {
    let (reader, writer, closer) = start(wire.socket(end)).apart();
    let wire = wire.clone();
    if environment == Environment::ReadsLater {
        return vec![spawn(async move {
            writes(&wire, end, writer, environment).await;
            shuts_down(&wire, end, &closer).await;
            drop(closer);
            wire.i_am_the_reader(end);
            reads(&wire, end, reader, 0).await;
        })];
    }
    let (of_reader, of_third, third) = (wire.clone(), wire.clone(), closer.clone());
    let drops = if environment == Environment::Cancelled { DROPS } else { 0 };
    let mut tasks = vec![spawn(async move {
        of_reader.i_am_the_reader(end);
        if environment == Environment::Leaving && end == End::Right {
            yield_now().await;
            of_reader.leaves(end);
            drop(reader);
        } else {
            reads(&of_reader, end, reader, drops).await;
        }
    })];
    if environment == Environment::ThirdTask {
        tasks.push(spawn(async move { shuts_down(&of_third, end, &third).await }));
    }
    tasks.push(spawn(async move {
        writes(&wire, end, writer, environment).await;
        for _ in 0..drops {
            let _ = once(closer.shutdown()).await;
            yield_now().await;
        }
        shuts_down(&wire, end, &closer).await;
    }));
    tasks
}

async fn reads(wire: &Wire, end: End, mut reader: impl Reads, mut drops: usize) {
    loop {
        let read = match drops {
            0 => reader.read().await,
            _ => match once(reader.read()).await {
                Some(read) => read,
                None => {
                    drops -= 1;
                    yield_now().await;
                    continue;
                }
            },
        };
        match read {
            Ok(Some(frame)) => {
                let is_whole = frame == self::frame(frame.kind);
                let given = if is_whole { Given::Frame(FrameId(frame.kind)) } else { Given::Garbled };
                wire.read_returned(end, Output::Delivered(end, given));
            }
            Ok(None) => return wire.read_returned(end, Output::Ended(end, Ending::Marker)),
            Err(ending) => return wire.read_returned(end, Output::Ended(end, ending)),
        }
    }
}

async fn writes(wire: &Wire, end: End, mut writer: impl Writes, environment: Environment) {
    let drops = if environment == Environment::Cancelled { DROPS } else { 0 };
    for number in 0..environment.frames() as u32 {
        if !writer.feed(frame(number)).await {
            return;
        }
        wire.tell(Output::Accepted(end, FrameId(number)));
        for _ in 0..drops {
            let _ = once(writer.flush()).await;
            yield_now().await;
        }
        if environment != Environment::ReadsLater {
            writer.flush().await;
        }
    }
}

async fn shuts_down(wire: &Wire, end: End, closer: &impl Closes) {
    let outcome = closer.shutdown().await;
    wire.is_over(end, Output::Over(end, outcome));
}

/// The frame with this number.
fn frame(number: u32) -> Frame {
    Frame::new(number, vec![number as u8, 0xa1, 0xb2, 0xc3])
}

/// Polls a future once, and drops it.
async fn once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
