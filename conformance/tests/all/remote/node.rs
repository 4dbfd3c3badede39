//! A small Bitcoin node that accepts connections, with one mistake or none.

use std::collections::BTreeSet;
use std::future::pending;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bitcoin::hashes::{Hash as _, sha256d};
use conformance::remote::target::Part;
use conformance::remote::wire::Wire;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// A mistake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Flaw {
    /// It makes none.
    None,
    /// It says its version before it has heard one.
    SpeaksFirst,
    /// It says verack before its version.
    AcknowledgesFirst,
    /// It says no verack.
    NeverAcknowledges,
    /// It answers a ping before it has heard verack.
    AnswersEarly,
    /// It looks at no checksum.
    IgnoresChecksums,
    /// It takes any version.
    TakesOldVersions,
    /// It does not know its own nonces.
    TakesItself,
    /// The slot of a session that was up is not returned.
    LeaksSlotWhenUp,
    /// The slot of a session whose handshake fails is not returned.
    LeaksSlotBefore,
    /// It has no limit.
    Overfills,
    /// The end of a session ends the others too.
    EndsOthers,
    /// It ends both sessions of a peer that comes twice.
    EndsBoth,
    /// It keeps a connection open on which no message came.
    StaysOnViolation,
    /// It keeps a connection open of which the peer has ended its direction.
    StaysAtEnd,
    /// A second version is its end.
    DiesOfSecondVersion,
    /// A handshake may take for ever.
    NoDeadline,
    /// Every byte moves the deadline of a handshake.
    RestartsDeadline,
}

/// How many sessions the node accepts.
pub(super) const SLOTS: usize = 4;

/// How long a handshake may take.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(20);

const MAGIC: [u8; 4] = [0xfa, 0xbf, 0xb5, 0xda];
const NEVER: Duration = Duration::from_secs(1 << 30);

/// A node. Clones are of the same.
#[derive(Clone)]
pub(super) struct Node {
    flaw: Flaw,
    state: Arc<Mutex<State>>,
    ends: Arc<Notify>,
}

#[derive(Default)]
struct State {
    taken: usize,
    is_dead: bool,
    own_nonces: BTreeSet<u64>,
    peers: BTreeSet<u64>,
}

/// One connection, as far as its handshake.
struct Session {
    reader: ReadHalf<Wire>,
    writer: WriteHalf<Wire>,
    unread: Vec<u8>,
    until: Instant,
    peer: Option<u64>,
    is_up: bool,
}

impl Node {
    pub(super) fn new(flaw: Flaw) -> Self {
        Self { flaw, state: Arc::default(), ends: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under it")
    }

    /// Does the node's part on a connection that it accepted, or made.
    pub(super) async fn serve(self, wire: Wire, part: Part) {
        let limit = if self.flaw == Flaw::NoDeadline { NEVER } else { HANDSHAKE };
        let (reader, writer) = split(wire);
        let until = Instant::now() + limit;
        let mut session = Session { reader, writer, unread: Vec::new(), until, peer: None, is_up: false };
        if part.role == "outbound" {
            let nonce = 0xd1a1;
            self.state().own_nonces.insert(nonce);
            let _said = session.say("version", &version(nonce)).await;
            let _ended = session.message(self.flaw).await;
            self.state().own_nonces.remove(&nonce);
            return;
        }
        {
            let mut state = self.state();
            if state.is_dead || state.taken >= SLOTS && self.flaw != Flaw::Overfills {
                return;
            }
            state.taken += 1;
        }
        let ended = tokio::select! {
            ended = self.converse(&mut session) => ended,
            () = self.ends.notified() => Ok(()),
        };
        let is_kept = if session.is_up { Flaw::LeaksSlotWhenUp } else { Flaw::LeaksSlotBefore } == self.flaw;
        self.state().taken -= usize::from(!is_kept);
        if let Some(peer) = session.peer {
            self.state().peers.remove(&peer);
        }
        if self.flaw == Flaw::EndsOthers {
            self.ends.notify_waiters();
        }
        match ended.map_err(|error| error.kind()) {
            Err(ErrorKind::InvalidData) if self.flaw == Flaw::StaysOnViolation => pending().await,
            Err(ErrorKind::UnexpectedEof) if self.flaw == Flaw::StaysAtEnd => pending().await,
            Ok(()) | Err(_) => {}
        }
    }

    async fn converse(&self, session: &mut Session) -> io::Result<()> {
        if self.flaw == Flaw::SpeaksFirst {
            session.say("version", &version(1)).await?;
        }
        loop {
            let (command, payload) = session.message(self.flaw).await?;
            match command.as_str() {
                "version" if session.peer.is_none() => self.greet(session, &payload).await?,
                "version" if self.flaw == Flaw::DiesOfSecondVersion => {
                    self.state().is_dead = true;
                    return Ok(());
                }
                "verack" if session.peer.is_none() => return Ok(()),
                "verack" => {
                    session.is_up = true;
                    session.until = Instant::now() + NEVER;
                }
                "ping" if session.is_up || self.flaw == Flaw::AnswersEarly && session.peer.is_some() => {
                    session.say("pong", &payload).await?;
                }
                _ => {} // It has no use for anything else.
            }
        }
    }

    async fn greet(&self, session: &mut Session, payload: &[u8]) -> io::Result<()> {
        let number = i32::from_le_bytes(*payload.first_chunk().ok_or(ErrorKind::InvalidData)?);
        let nonce = payload.get(72..).and_then(<[u8]>::first_chunk).ok_or(ErrorKind::InvalidData)?;
        let nonce = u64::from_le_bytes(*nonce);
        let is_old = number < 31800 && self.flaw != Flaw::TakesOldVersions;
        let is_itself = self.state().own_nonces.contains(&nonce) && self.flaw != Flaw::TakesItself;
        if is_old || is_itself {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        session.peer = Some(nonce);
        let is_second = !self.state().peers.insert(nonce);
        if is_second && self.flaw == Flaw::EndsBoth {
            self.ends.notify_waiters();
            return Err(ErrorKind::ConnectionRefused.into());
        }
        let says: &[&str] = match self.flaw {
            Flaw::SpeaksFirst => &["verack"],
            Flaw::AcknowledgesFirst => &["verack", "version"],
            Flaw::NeverAcknowledges => &["version"],
            _ => &["version", "verack"],
        };
        let version = version(1);
        for command in says {
            session.say(command, if *command == "version" { &version } else { &[] }).await?;
        }
        Ok(())
    }
}

/// A version message's payload: no more of it is looked at than its number and its nonce.
fn version(nonce: u64) -> [u8; 86] {
    let mut payload = [0; 86];
    payload[..4].copy_from_slice(&70016_i32.to_le_bytes());
    payload[72..80].copy_from_slice(&nonce.to_le_bytes());
    payload
}

fn checksum(payload: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = *sha256d::Hash::hash(payload).as_byte_array();
    [a, b, c, d]
}

impl Session {
    async fn say(&mut self, command: &str, payload: &[u8]) -> io::Result<()> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(command.bytes());
        bytes.resize(16, 0);
        bytes.extend((payload.len() as u32).to_le_bytes());
        bytes.extend(checksum(payload));
        bytes.extend(payload);
        self.writer.write_all(&bytes).await
    }

    /// The next message whose checksum is right.
    async fn message(&mut self, flaw: Flaw) -> io::Result<(String, Vec<u8>)> {
        loop {
            self.fill(24, flaw).await?;
            let header: Vec<u8> = self.unread.drain(..24).collect();
            let length = u32::from_le_bytes([header[16], header[17], header[18], header[19]]) as usize;
            if header[..4] != MAGIC || length > 4_000_000 {
                return Err(ErrorKind::InvalidData.into());
            }
            self.fill(length, flaw).await?;
            let payload: Vec<u8> = self.unread.drain(..length).collect();
            if header[20..] == checksum(&payload) || flaw == Flaw::IgnoresChecksums {
                let command = String::from_utf8_lossy(&header[4..16]).trim_end_matches('\0').to_owned();
                return Ok((command, payload));
            }
        }
    }

    /// Reads until there are so many bytes.
    async fn fill(&mut self, count: usize, flaw: Flaw) -> io::Result<()> {
        while self.unread.len() < count {
            let mut bytes = [0; 1024];
            let read = timeout_at(self.until, self.reader.read(&mut bytes)).await??;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.unread.extend_from_slice(&bytes[..read]);
            if flaw == Flaw::RestartsDeadline && !self.is_up {
                self.until = Instant::now() + HANDSHAKE;
            }
        }
        Ok(())
    }
}
