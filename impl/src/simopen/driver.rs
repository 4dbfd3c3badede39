//! The negotiation on a stream.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::core::{Failure, NameError, Negotiation, Protocol, Settled};
use super::record::{Record, Sink};
use super::{Direction, Negotiated, Side};
use crate::runtime::time::sleep;
use crate::setters::setters;

/// How to negotiate.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// How long it may take, from the call to the last byte, whatever the peer does.
    pub timeout: Duration,
    /// How many proposals a responder declines.
    pub proposals: u16,
    /// The number that decides between two that dialed. Drawn from the operating system if there is none; another source
    /// is for tests, because a peer that can guess it chooses its role.
    pub nonce: Option<u64>,
}

impl Options {
    setters! { const:
        timeout, with_timeout: Duration;
        proposals, with_proposals: u16;
        nonce, with_nonce: Option<u64>;
    }
}

impl Default for Options {
    /// Ten seconds, 32 proposals, and a number from the operating system.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), proposals: 32, nonce: None }
    }
}

/// Why a negotiation gave nothing. The stream is closed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller named no protocol.
    #[error("no protocol was named")]
    NoProtocols,
    /// The caller named something that cannot be a protocol.
    #[error("{name:?} cannot be negotiated")]
    Name {
        /// What was named.
        name: String,
        /// Why it cannot be.
        source: NameError,
    },
    /// The two ends did not agree, or the peer did not keep to the rules.
    #[error(transparent)]
    Negotiation(#[from] Failure),
    /// The operating system gave no random number, and the caller gave none. Nothing was said.
    #[error("the operating system gave no random number")]
    Random(#[source] io::Error),
    /// Nothing more could be read from the connection. A write that fails is no error by itself: what was said by a peer
    /// that has left counts.
    #[error("the connection failed during the negotiation")]
    Io(#[from] io::Error),
}

impl Error {
    /// Whether both ends drew the same number, so that another connection will do.
    pub fn is_tie(&self) -> bool {
        matches!(self, Self::Negotiation(Failure::Tie))
    }

    /// Whether the peer dialed too, and does not speak the extension.
    pub fn is_plain_dialer(&self) -> bool {
        matches!(self, Self::Negotiation(Failure::PlainDialer))
    }
}

/// Negotiates on a connection that this end dialed, and that the other end may have dialed too. The first protocol that
/// the responder speaks too is taken, in the order of the initiator.
///
/// Use it once for a connection, as the first thing on it; [`Side::negotiate`](super::Side::negotiate) is for what follows.
///
/// Not cancel safe in that a dropped future drops the stream: what was said cannot be unsaid. Nothing else is left.
///
/// # Errors
///
/// If the ends do not agree, the peer breaks the rules, the deadline passes or the connection fails; if the caller names no
/// protocol, or what cannot be one; if there is no random number. The stream is closed.
///
/// # Panics
///
/// If it is polled outside a tokio runtime, or in one without timers.
pub async fn negotiate<Io, P>(io: Io, protocols: &[P], options: Options) -> Result<Negotiated<Io>, Error>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    P: AsRef<str>,
{
    open(io, Part::Dialer, protocols, options, None).await
}

/// Negotiates on a connection that this end accepted: it is the responder.
///
/// Cancellation as for [`negotiate`].
///
/// # Errors
///
/// As [`negotiate`].
///
/// # Panics
///
/// As [`negotiate`].
pub async fn accept<Io, P>(io: Io, protocols: &[P], options: Options) -> Result<Negotiated<Io>, Error>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    P: AsRef<str>,
{
    open(io, Part::Listener(Direction::Inbound), protocols, options, None).await
}

/// Negotiates as the initiator on a connection with known roles that this end dialed. The other end
/// [accepts](accept).
///
/// On a connection that the other end may have dialed, use [`negotiate`]: two that propose may both believe that they
/// are the initiator.
///
/// Cancellation as for [`negotiate`].
///
/// # Errors
///
/// As [`negotiate`].
///
/// # Panics
///
/// As [`negotiate`].
pub async fn propose<Io, P>(io: Io, protocols: &[P], options: Options) -> Result<Negotiated<Io>, Error>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    P: AsRef<str>,
{
    open(io, Part::Proposer(Direction::Outbound), protocols, options, None).await
}

fn names<P: AsRef<str>>(protocols: &[P]) -> Result<Arc<[Protocol]>, Error> {
    if protocols.is_empty() {
        return Err(Error::NoProtocols);
    }
    let name = |name: &P| {
        let name = name.as_ref();
        Protocol::new(name).map_err(|source| Error::Name { name: name.to_owned(), source })
    };
    protocols.iter().map(name).collect()
}

fn random() -> io::Result<u64> {
    getrandom::u64().map_err(|error| io::Error::other(error.to_string()))
}

/// What an end is in the first place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Dialer,
    Proposer(Direction),
    Listener(Direction),
}

pub(super) async fn open<Io, P>(
    mut io: Io,
    part: Part,
    protocols: &[P],
    options: Options,
    sink: Option<Sink<'_>>,
) -> Result<Negotiated<Io>, Error>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    P: AsRef<str>,
{
    let protocols = names(protocols)?;
    let ours = Arc::clone(&protocols);
    let (negotiation, nonce, direction) = match part {
        Part::Dialer => {
            let nonce = options.nonce.map_or_else(random, Ok).map_err(Error::Random)?;
            (Negotiation::dial(ours, nonce), nonce, Direction::Outbound)
        }
        Part::Proposer(direction) => (Negotiation::propose(ours), 0, direction),
        Part::Listener(direction) => (Negotiation::accept(ours), 0, direction),
    };
    let negotiation = negotiation.with_proposal_limit(options.proposals);
    let record = sink.map(|sink| Record::begin(sink, part, nonce, &protocols, options, &negotiation));
    let mut exchange = Exchange { negotiation, record, unflushed: false, surplus: Vec::new() };
    let mut deadline = pin!(sleep(options.timeout));
    let outcome = poll_fn(|context| {
        // What is ready counts, also if the task is polled late.
        let polled = exchange.poll(Pin::new(&mut io), context);
        // SIM-43: one timer for all, which nothing that is read or written moves.
        if polled.is_pending() && deadline.as_mut().poll(context).is_ready() {
            exchange.record.as_mut().into_iter().for_each(Record::expired);
            // SIM-27: also if all is agreed, and the stream does not let go of what was said.
            return Poll::Ready(Err(Failure::Deadline.into()));
        }
        polled
    })
    .await;
    exchange.record.as_mut().into_iter().for_each(Record::flushed);
    let Settled { role, protocol } = outcome?;
    crate::trace::trace!(?role, %protocol, ?direction, "negotiated");
    let both_dialed = exchange.negotiation.both_dialed();
    Ok(Negotiated::new(io, exchange.surplus, protocol, Side { role, direction }, both_dialed))
}

/// A negotiation and what it has to do with a stream.
struct Exchange<'a> {
    negotiation: Negotiation,
    record: Option<Record<'a>>,
    /// Something was written since the stream was last flushed.
    unflushed: bool,
    /// What was read and is not the negotiation's.
    surplus: Vec<u8>,
}

/// How much is read at a time: as much as one negotiation usually takes, twice over.
const READ: usize = 256;

impl Exchange<'_> {
    /// Writes and reads as much as goes. The two never wait for each other, however little the connection holds.
    fn poll<Io>(&mut self, mut io: Pin<&mut Io>, context: &mut Context<'_>) -> Poll<Result<Settled, Error>>
    where
        Io: AsyncRead + AsyncWrite,
    {
        loop {
            if let Some(outcome) = self.outcome() {
                return Poll::Ready(outcome.map_err(Error::from));
            }
            let wrote = self.poll_write(io.as_mut(), context);
            let read = self.poll_read(io.as_mut(), context)?;
            if wrote.is_pending() && read.is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// What the negotiation came to. What it said last is flushed before, where the peer is to hear it: an agreement, and
    /// by SIM-6 the number of a tie. After any other failure nothing is waited for.
    fn outcome(&self) -> Option<Result<Settled, Failure>> {
        match self.negotiation.outcome()? {
            Ok(_) | Err(Failure::Tie) if self.unflushed => None,
            outcome => Some(outcome.clone()),
        }
    }

    /// Ready if something was written or flushed, or if nothing more can be.
    fn poll_write<Io: AsyncWrite>(&mut self, mut io: Pin<&mut Io>, context: &mut Context<'_>) -> Poll<()> {
        if self.negotiation.pending().is_empty() {
            if !self.unflushed {
                return Poll::Pending;
            }
            // If it fails, so does the next write, if there is one.
            let _flushed = ready!(io.poll_flush(context));
            self.unflushed = false;
            return Poll::Ready(());
        }
        match ready!(io.as_mut().poll_write(context, self.negotiation.pending())) {
            Ok(0) => self.write_failed(&io::ErrorKind::WriteZero.into()),
            Ok(written) => self.wrote(written),
            Err(error) => self.write_failed(&error),
        }
        Poll::Ready(())
    }

    fn wrote(&mut self, written: usize) {
        self.unflushed = true;
        match &mut self.record {
            None => self.negotiation.written(written),
            Some(record) => {
                let bytes = self.negotiation.pending()[..written].to_vec();
                self.negotiation.written(written);
                record.wrote(&bytes, &self.negotiation);
            }
        }
    }

    /// SIM-45: the peer may have said all that is needed before it left. It is read to the end, because a kernel reports
    /// the failed write before it reports what arrived earlier.
    fn write_failed(&mut self, error: &io::Error) {
        crate::trace::trace!(%error, "nothing more can be written");
        self.unflushed = false;
        self.negotiation.write_failed();
        self.record.as_mut().into_iter().for_each(|record| record.write_failed(&self.negotiation));
    }

    /// Ready if something was read.
    fn poll_read<Io: AsyncRead>(&mut self, io: Pin<&mut Io>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.negotiation.wants_input() {
            return Poll::Pending;
        }
        let mut bytes = [0; READ];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(io.poll_read(context, &mut buffer))?;
        let read = buffer.filled();
        if read.is_empty() {
            self.negotiation.hung_up();
            self.record.as_mut().into_iter().for_each(|record| record.hung_up(&self.negotiation));
            return Poll::Ready(Ok(()));
        }
        let taken = match &mut self.record {
            None => self.negotiation.received(read),
            Some(record) => record.received(read, &mut self.negotiation),
        };
        self.surplus.extend_from_slice(&read[taken..]);
        Poll::Ready(Ok(()))
    }
}
