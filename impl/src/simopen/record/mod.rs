//! A record of what one end did, for the model to explain.

mod convert;
mod run;

use std::fmt::{self, Debug, Formatter};
use std::io::{self, Write};

use tokio::io::{AsyncRead, AsyncWrite};

use super::driver::{Part, open};
use super::{Direction, Error, Negotiated, Options};
pub(super) use run::{Record, Sink};

/// Negotiates as [`negotiate`](super::negotiate), [`accept`](super::accept) and [`propose`](super::propose) do, and writes
/// what this end did as newline-delimited JSON, which `model explain simopen` reads.
///
/// A log has one run for each negotiation. The other end is somebody who may say anything: a log is a behaviour of the model
/// if this end kept to its rules, whoever its peer was and whatever lay between. It has numbers in place of the names of
/// protocols; those of this end are in its first line, and every other name is the same number.
///
/// A message is recorded when it is written or read whole; the last one of an agreement when the stream was flushed. A stream
/// that fails is one that this end closes.
///
/// Not every negotiation can be recorded. The record ends, with an error that [`finish`](Self::finish) returns, where this
/// end has more than 255 protocols, or declines more proposals than that, or where a responder's peer leaves in the middle
/// of a message: the model has no words for these. What is negotiated does not change with it.
pub struct Recorder<W> {
    out: W,
    error: Option<io::Error>,
}

impl<W: Write + Send> Recorder<W> {
    /// A recorder that writes to `out`, within the negotiation: give it something that does not block.
    pub fn new(out: W) -> Self {
        Self { out, error: None }
    }

    /// As [`negotiate`](super::negotiate), with a record.
    ///
    /// # Errors
    ///
    /// As [`negotiate`](super::negotiate). An error of the record is not among them.
    ///
    /// # Panics
    ///
    /// As [`negotiate`](super::negotiate), and if writing the record panics.
    pub async fn negotiate<Io, P>(&mut self, io: Io, protocols: &[P], options: Options) -> Result<Negotiated<Io>, Error>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
        P: AsRef<str>,
    {
        open(io, Part::Dialer, protocols, options, Some(self.sink())).await
    }

    /// As [`accept`](super::accept), with a record.
    ///
    /// # Errors
    ///
    /// As [`accept`](super::accept). An error of the record is not among them.
    pub async fn accept<Io, P>(&mut self, io: Io, protocols: &[P], options: Options) -> Result<Negotiated<Io>, Error>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
        P: AsRef<str>,
    {
        open(io, Part::Listener(Direction::Inbound), protocols, options, Some(self.sink())).await
    }

    /// As [`propose`](super::propose), with a record.
    ///
    /// # Errors
    ///
    /// As [`propose`](super::propose). An error of the record is not among them.
    pub async fn propose<Io, P>(&mut self, io: Io, protocols: &[P], options: Options) -> Result<Negotiated<Io>, Error>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
        P: AsRef<str>,
    {
        open(io, Part::Proposer(Direction::Outbound), protocols, options, Some(self.sink())).await
    }

    /// Flushes what it wrote to, and gives it back.
    ///
    /// # Errors
    ///
    /// The first error of the record, after which nothing was written.
    pub fn finish(self) -> io::Result<W> {
        let Self { mut out, error } = self;
        match error {
            Some(error) => Err(error),
            None => out.flush().map(|()| out),
        }
    }

    fn sink(&mut self) -> Sink<'_> {
        Sink::new(&mut self.out, &mut self.error)
    }
}

impl<W> Debug for Recorder<W> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("error", &self.error).finish_non_exhaustive()
    }
}
