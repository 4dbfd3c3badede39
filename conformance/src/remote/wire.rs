//! The tester's end of a connection, and everything that passed on it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::dice::Dice;

/// A connection of one case.
#[derive(Debug)]
pub enum Wire {
    /// To another process.
    Tcp(TcpStream),
    /// To a task of this process. It holds as many bytes as the case says.
    Memory(DuplexStream),
}

impl Wire {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut dyn Stream> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream),
            Self::Memory(stream) => Pin::new(stream),
        }
    }
}

/// What both kinds of wire are.
trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}

/// How the wire of a case treats what the tester sends.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Manner {
    /// The most bytes that are written at once. Nothing limits them if there is no number.
    pub piece: Option<usize>,
    /// Whether the tester lets time pass between two pieces.
    pub pauses: bool,
    /// How many bytes a connection in memory holds, and how small the buffers of a socket are made.
    pub capacity: Option<usize>,
    /// Whether the tester reads nothing while it writes.
    pub writes_first: bool,
}

impl Manner {
    /// Everything that is said together in one piece.
    pub const WHOLE: Self = Self { piece: None, pauses: false, capacity: None, writes_first: false };
    /// Byte by byte.
    pub const BYTES: Self = Self { piece: Some(1), ..Self::WHOLE };

    /// Draws a wire: whole, or in pieces of one to nine bytes; with pauses, or with buffers of `narrow` bytes, or without.
    pub(super) fn draw(dice: &mut Dice, narrow: usize) -> Self {
        let piece = (dice.roll(3) > 0).then(|| usize::from(dice.roll(9_u8)) + 1);
        let (pauses, capacity) = (dice.roll(8) == 0, (dice.roll(4) == 0).then_some(narrow));
        Self { piece, pauses, capacity, writes_first: false }
    }
}

/// How long the tester waits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long for something that must come. A slow implementation is not a wrong one.
    pub silence: Duration,
    /// How long for something that may come.
    pub grace: Duration,
    /// The total within which the implementation promises to end by itself, if it promises one.
    pub deadline: Option<Duration>,
}

impl Default for Limits {
    /// Ten seconds, 10 ms, and no promise.
    fn default() -> Self {
        Self { silence: Duration::from_secs(10), grace: Duration::from_millis(10), deadline: None }
    }
}

/// How long a pause between two pieces is.
pub const PAUSE: Duration = Duration::from_millis(5);

/// What the tester read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Heard {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The implementation has ended its direction.
    End,
    /// The connection was reset.
    Reset,
    /// Nothing within the limit.
    Nothing,
}

/// What became of a write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Written {
    /// All was taken.
    All,
    /// The implementation has closed the connection.
    Refused,
    /// Nothing was taken within the limit.
    Stuck,
}

/// Something that passed on the wire, in the order in which the tester saw it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Passed {
    /// Who did it: `tester`, `implementation` or `wire`.
    pub by: String,
    /// The bytes, in hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hex: String,
    /// The same as text, or what happened.
    pub text: String,
}

impl Passed {
    /// Bytes that the tester or the implementation sent.
    pub fn bytes(by: &str, bytes: &[u8]) -> Self {
        let shown = &bytes[..bytes.len().min(SHOWN)];
        let rest =
            if shown.len() < bytes.len() { format!(" (and {} more)", bytes.len() - SHOWN) } else { String::new() };
        let hex = shown.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { by: by.to_owned(), hex, text: format!("\"{}\"{rest}", shown.escape_ascii()) }
    }

    /// Something else that happened.
    pub fn event(by: &str, what: &str) -> Self {
        Self { by: by.to_owned(), hex: String::new(), text: what.to_owned() }
    }
}

/// How many bytes of one write are shown.
const SHOWN: usize = 256;

/// The tester's end, with the record of what passed.
#[derive(Debug)]
pub struct Link {
    wire: Wire,
    /// Everything that passed.
    pub trace: Vec<Passed>,
    /// How the implementation's direction ended, once that was read.
    end: Option<Heard>,
    /// Whether a write was told of a reset. The kernel tells it once, and a read behind it sees an ordinary end.
    was_reset: bool,
}

impl Link {
    /// Takes a connection on which nothing has passed.
    pub fn new(wire: Wire) -> Self {
        Self { wire, trace: Vec::new(), end: None, was_reset: false }
    }

    /// Writes bytes. What is read meanwhile, unless nothing is to be, is added to `heard`.
    pub async fn write(&mut self, bytes: &[u8], heard: Option<&mut Vec<u8>>, limit: Duration) -> Written {
        self.trace.push(Passed::bytes("tester", bytes));
        let mut rest = bytes;
        let mut meanwhile = Vec::new();
        let reads = heard.is_some();
        let had_ended = self.end.is_some();
        let written = loop {
            if rest.is_empty() {
                break Written::All;
            }
            match timeout(limit, self.write_or_read(rest, reads)).await {
                Err(_) => break Written::Stuck,
                Ok(Progress::Wrote(count)) => rest = &rest[count..],
                Ok(Progress::Read(Heard::Bytes(read))) => meanwhile.extend(read),
                // What the end is must be known to the next read, which hands it to the judge.
                Ok(Progress::Read(end)) => self.end = Some(end),
                Ok(Progress::Failed) => break Written::Refused,
            }
        };
        if written != Written::All {
            self.trace.push(Passed::event("wire", &format!("{} of these bytes were not taken", rest.len())));
        }
        if !meanwhile.is_empty() {
            self.enter(&Heard::Bytes(meanwhile.clone()));
        }
        if let Some(end) = self.end.clone().filter(|_| !had_ended) {
            self.enter(&end);
        }
        if let Some(heard) = heard {
            heard.extend(meanwhile);
        }
        written
    }

    async fn write_or_read(&mut self, bytes: &[u8], reads: bool) -> Progress {
        let reads = reads && self.end.is_none();
        poll_fn(|context| {
            match Pin::new(&mut self.wire).poll_write(context, bytes) {
                Poll::Ready(Ok(count @ 1..)) => return Poll::Ready(Progress::Wrote(count)),
                Poll::Ready(Err(error)) => {
                    self.was_reset |= error.kind() == io::ErrorKind::ConnectionReset;
                    return Poll::Ready(Progress::Failed);
                }
                Poll::Ready(Ok(0)) => return Poll::Ready(Progress::Failed),
                Poll::Pending => {}
            }
            if reads { self.poll_heard(context).map(Progress::Read) } else { Poll::Pending }
        })
        .await
    }

    fn poll_heard(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        let mut bytes = [0; 16 << 10];
        let mut buffer = ReadBuf::new(&mut bytes);
        Pin::new(&mut self.wire).poll_read(context, &mut buffer).map(|read| match (read, buffer.filled()) {
            (Err(_), _) => Heard::Reset,
            (Ok(()), []) if self.was_reset => Heard::Reset,
            (Ok(()), []) => Heard::End,
            (Ok(()), bytes) => Heard::Bytes(bytes.to_vec()),
        })
    }

    /// Reads what comes next. Behind the end of the implementation's direction it is that end, again and again.
    pub async fn read(&mut self, limit: Duration) -> Heard {
        if let Some(end) = self.end.clone() {
            return end;
        }
        let heard = timeout(limit, poll_fn(|context| self.poll_heard(context))).await.unwrap_or(Heard::Nothing);
        self.enter(&heard);
        self.end = Some(heard.clone()).filter(|heard| matches!(heard, Heard::End | Heard::Reset));
        heard
    }

    /// Enters what was read into the record.
    fn enter(&mut self, heard: &Heard) {
        self.trace.extend(match heard {
            Heard::Bytes(bytes) => Some(Passed::bytes("implementation", bytes)),
            Heard::End => Some(Passed::event("implementation", "ends its direction")),
            Heard::Reset => Some(Passed::event("implementation", "resets the connection")),
            Heard::Nothing => None,
        });
    }

    /// Ends the tester's direction. It goes on reading.
    pub async fn finish(&mut self) {
        self.trace.push(Passed::event("tester", "ends its direction"));
        // Where it fails the implementation has left, which is read next.
        let _left = self.wire.shutdown().await;
    }

    /// Closes the connection with a reset, where there is such a thing.
    pub fn reset(self) -> Vec<Passed> {
        let Self { wire, mut trace, .. } = self;
        trace.push(Passed::event("tester", "resets the connection"));
        if let Wire::Tcp(stream) = wire {
            // Where it fails the connection is closed in order, which every case allows for.
            let _set = stream.set_zero_linger();
        }
        trace
    }
}

/// One step of a write.
enum Progress {
    Wrote(usize),
    Read(Heard),
    Failed,
}
