//! The log of a whole node: what each of its parts records, with the part and the session that it is of.

use std::io::{self, Write};
use std::sync::{Arc, PoisonError};

use handfast_spec::Protocol as _;
use handfast_spec::lifecycle::SessionId as Number;
use handfast_spec::log::Header;
use handfast_spec::node::{Configured, Over, Part, Tag};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Opening;
use crate::framed::{self, Connection, Transport};
use crate::lifecycle::SessionId;
use crate::runtime::sync::Mutex;
use crate::simopen::{self, Direction, Negotiated, Options, Recorder};

/// Where lines go, until one could not be written: a log with a torn line within it cannot be read.
type Out = Option<Box<dyn Write + Send>>;

/// The log of a node.
#[derive(Clone)]
pub(super) struct NodeLog(Arc<Mutex<Out>>);

/// What is recorded of one session.
#[derive(Clone)]
pub(super) struct SessionLog {
    log: NodeLog,
    session: Number,
}

impl NodeLog {
    pub(super) fn begin(out: impl Write + Send + 'static, opening: &Opening) -> Self {
        let log = Self(Arc::new(Mutex::new(Some(Box::new(out)))));
        let config = Configured { negotiates: matches!(opening, Opening::Negotiate { .. }) };
        // An error ends the log; the next flush returns one.
        let _ = log.line(&Header { protocol: handfast_spec::node::Node::NAME, config });
        log
    }

    /// Returns what the registry writes to.
    pub(super) fn registry(&self) -> impl Write + Send + 'static {
        PartLog { log: self.clone(), tag: Tag { part: Part::Lifecycle, session: None } }
    }

    pub(super) fn of(&self, session: SessionId) -> SessionLog {
        // The registry's record has ended before the numbers have.
        let session = Number(u32::try_from(session.number()).unwrap_or(u32::MAX));
        SessionLog { log: self.clone(), session }
    }

    fn line(&self, line: &impl Serialize) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.write(|out| out.write_all(&bytes))
    }

    fn write(&self, write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>) -> io::Result<()> {
        // No state of ours is half changed by what panics under it.
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = out.as_deref_mut().ok_or_else(|| io::Error::other("an earlier line could not be written"))?;
        let written = write(open);
        if written.is_err() {
            *out = None;
        }
        written
    }
}

impl SessionLog {
    fn part(&self, part: Part) -> PartLog {
        PartLog { log: self.log.clone(), tag: Tag { part, session: Some(self.session) } }
    }

    /// Negotiates as [`simopen::negotiate`] and [`simopen::accept`] do.
    pub(super) async fn negotiate<Io: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: Io,
        direction: Direction,
        protocols: &[String],
        options: Options,
    ) -> Result<Negotiated<Io>, simopen::Error> {
        let mut recorder = Recorder::new(self.part(Part::Simopen));
        match direction {
            Direction::Outbound => recorder.negotiate(io, protocols, options).await,
            Direction::Inbound => recorder.accept(io, protocols, options).await,
        }
    }

    pub(super) fn connection<T: Transport>(&self, transport: T, config: framed::Config) -> Connection<T> {
        Connection::recorded(transport, config, self.part(Part::Framed))
    }
}

/// What one part writes to. Each call has a whole line, which is an object. Dropping it says that the part is done: its
/// half of the log ends there, also where the model has no words for how.
struct PartLog {
    log: NodeLog,
    tag: Tag,
}

impl Write for PartLog {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut tagged = serde_json::to_vec(&self.tag)?;
        // `{"part":"framed","session":7}` and `{"action":…}` become one object.
        tagged.pop();
        tagged.push(b',');
        tagged.extend_from_slice(line.strip_prefix(b"{").unwrap_or(line));
        self.log.write(|out| out.write_all(&tagged))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.log.write(|out| out.flush())
    }
}

impl Drop for PartLog {
    fn drop(&mut self) {
        // An error ends the log; the next flush returns one.
        let _ = self.log.line(&Over { tag: self.tag, over: true });
    }
}
