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

/// How long the tester waits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long for something that must come. A slow implementation is not a wrong one.
    pub silence: Duration,
    /// How long for something that may come.
    pub grace: Duration,
}

impl Default for Limits {
    /// Ten seconds, and 10 ms.
    fn default() -> Self {
        Self { silence: Duration::from_secs(10), grace: Duration::from_millis(10) }
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
    has_ended: bool,
}

impl Link {
    /// Takes a connection on which nothing has passed.
    pub fn new(wire: Wire) -> Self {
        Self { wire, trace: Vec::new(), has_ended: false }
    }

    /// Writes bytes. What is read meanwhile, unless nothing is to be, is added to `heard`.
    pub async fn write(&mut self, bytes: &[u8], heard: Option<&mut Vec<u8>>, limit: Duration) -> Written {
        self.trace.push(Passed::bytes("tester", bytes));
        let mut rest = bytes;
        let mut meanwhile = Vec::new();
        let reads = heard.is_some();
        let written = loop {
            if rest.is_empty() {
                break Written::All;
            }
            match timeout(limit, self.write_or_read(rest, reads)).await {
                Err(_) => break Written::Stuck,
                Ok(Progress::Wrote(count)) => rest = &rest[count..],
                Ok(Progress::Read(Heard::Bytes(read))) => meanwhile.extend(read),
                Ok(Progress::Read(_)) => self.has_ended = true,
                Ok(Progress::Failed) => break Written::Refused,
            }
        };
        if written != Written::All {
            self.trace.push(Passed::event("wire", &format!("{} of these bytes were not taken", rest.len())));
        }
        if let Some(heard) = heard {
            heard.extend(meanwhile);
        }
        written
    }

    async fn write_or_read(&mut self, bytes: &[u8], reads: bool) -> Progress {
        let reads = reads && !self.has_ended;
        poll_fn(|context| {
            if let Poll::Ready(written) = Pin::new(&mut self.wire).poll_write(context, bytes) {
                return Poll::Ready(match written {
                    Ok(count @ 1..) => Progress::Wrote(count),
                    Ok(0) | Err(_) => Progress::Failed,
                });
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
            (Ok(()), []) => Heard::End,
            (Ok(()), bytes) => Heard::Bytes(bytes.to_vec()),
        })
    }

    /// Reads what comes next.
    pub async fn read(&mut self, limit: Duration) -> Heard {
        if self.has_ended {
            return Heard::End;
        }
        let heard = timeout(limit, poll_fn(|context| self.poll_heard(context))).await.unwrap_or(Heard::Nothing);
        self.enter(&heard);
        self.has_ended = matches!(heard, Heard::End | Heard::Reset);
        heard
    }

    /// Enters what was read into the record.
    pub fn enter(&mut self, heard: &Heard) {
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
