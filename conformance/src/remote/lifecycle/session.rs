//! One connection to the node, and what it may say there.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::message::{Incoming, Message, first, ping};
use crate::remote::suite::Unexplained;
use crate::remote::wire::{Heard, Limits, Link, Manner, Written};

/// What a node says to a peer only whose handshake is complete.
const CONVERSATION: [&str; 8] = ["addr", "getblocks", "getdata", "getheaders", "headers", "inv", "ping", "pong"];

/// A connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) link: Link,
    pub(super) magic: [u8; 4],
    /// The nonce of the tester's versions.
    pub(super) nonce: u64,
    limits: Limits,
    manner: Manner,
    /// When it was there.
    pub(super) began: Instant,
    /// Whether the node made it.
    pub(super) is_dialed: bool,
    has_introduced: bool,
    has_acknowledged: bool,
    /// What came and is not a whole message yet.
    unread: Vec<u8>,
    heard: Vec<Incoming>,
    /// The nonces of pings that must not be answered.
    ignored: BTreeSet<u64>,
    pings: u64,
}

/// A state of the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// The node has done what was waited for.
    Done,
    /// It has closed the connection.
    Closed,
    /// It does nothing.
    Silent,
}

/// An offence against these rules; against those of the case, if there are none.
pub(super) fn unexplained(rules: &[&str], why: impl Into<String>) -> Unexplained {
    Unexplained { rules: rules.iter().map(|rule| (*rule).to_owned()).collect(), why: why.into() }
}

impl Session {
    pub(super) fn new(link: Link, magic: [u8; 4], nonce: u64, limits: Limits, manner: Manner) -> Self {
        Self {
            link,
            magic,
            nonce,
            limits,
            manner,
            began: Instant::now(),
            is_dialed: false,
            has_introduced: false,
            has_acknowledged: false,
            unread: Vec::new(),
            heard: Vec::new(),
            ignored: BTreeSet::new(),
            pings: 0,
        }
    }

    pub(super) async fn send(&mut self, message: &Message) -> Result<(), Unexplained> {
        let is_ping = matches!(message, Message::Ping | Message::Corrupt(_));
        let nonce = if is_ping { self.next_ping() } else { self.nonce };
        self.ignored.extend(is_ping.then_some(nonce));
        let bytes = message.bytes(self.magic, nonce);
        self.has_introduced |= message.introduces();
        self.has_acknowledged |= *message == Message::Verack && self.has_introduced;
        self.write(&bytes).await
    }

    fn next_ping(&mut self) -> u64 {
        self.pings += 1;
        self.pings
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Unexplained> {
        for piece in bytes.chunks(self.manner.piece.unwrap_or(bytes.len()).max(1)) {
            let mut heard = Vec::new();
            let written = self.link.write(piece, Some(&mut heard), self.limits.silence).await;
            self.take(&heard)?;
            match written {
                Written::All => {}
                // That it has closed is read next.
                Written::Refused => return Ok(()),
                Written::Stuck => return Err(unexplained(&[], "it reads no more")),
            }
        }
        Ok(())
    }

    /// Judges what has come.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Unexplained> {
        self.unread.extend_from_slice(bytes);
        while let Some(message) = first(&mut self.unread, self.magic).map_err(|why| unexplained(&[], why))? {
            self.judge(&message)?;
            self.heard.push(message);
        }
        Ok(())
    }

    fn judge(&self, message: &Incoming) -> Result<(), Unexplained> {
        let command = message.command.as_str();
        let is_first = |known: &str| !self.heard.iter().any(|heard| heard.command == known);
        let is_answer = command == "pong" && message.nonce().is_some_and(|nonce| self.ignored.contains(&nonce));
        if is_answer {
            Err(unexplained(&["PEER-6"], "it answers a ping that must not count"))
        } else if !self.is_dialed && !self.has_introduced {
            Err(unexplained(&["PEER-5"], format!("it says {command} to a peer of which it has no version")))
        } else if is_first("version") != (command == "version") {
            let what = if command == "version" { "once more" } else { "before its version" };
            Err(unexplained(&["PEER-5"], format!("it says {command} {what}")))
        } else if CONVERSATION.contains(&command) && is_first("verack") {
            Err(unexplained(&["PEER-5"], format!("it says {command} before its verack")))
        } else if !self.has_acknowledged && CONVERSATION.contains(&command) {
            Err(unexplained(&["PEER-5"], format!("it says {command} to a peer that has not said verack")))
        } else {
            Ok(())
        }
    }

    /// Reads until this holds of what was heard, the node closes the connection, or is silent.
    async fn until(&mut self, holds: impl Fn(&[Incoming]) -> bool) -> Result<State, Unexplained> {
        self.within(self.limits.silence, holds).await
    }

    async fn within(&mut self, limit: Duration, holds: impl Fn(&[Incoming]) -> bool) -> Result<State, Unexplained> {
        let until = Instant::now() + limit;
        loop {
            if holds(&self.heard) {
                return Ok(State::Done);
            }
            match self.link.read(until.saturating_duration_since(Instant::now())).await {
                Heard::Bytes(bytes) => self.take(&bytes)?,
                Heard::End | Heard::Reset => return Ok(State::Closed),
                Heard::Nothing => return Ok(State::Silent),
            }
        }
    }

    /// Sends a ping and waits for its answer.
    pub(super) async fn is_up(&mut self) -> Result<State, Unexplained> {
        let nonce = self.next_ping();
        self.write(&ping(self.magic, nonce)).await?;
        let answers = |one: &Incoming| one.command == "pong" && one.nonce() == Some(nonce);
        self.until(|heard| heard.iter().any(answers)).await
    }

    /// Waits for the node's version, and returns its nonce.
    pub(super) async fn version(&mut self) -> Result<Option<u64>, Unexplained> {
        let is_version = |one: &&Incoming| one.command == "version";
        self.until(|heard| heard.iter().any(|one| is_version(&one))).await?;
        Ok(self.heard.iter().find(is_version).and_then(Incoming::nonce))
    }

    /// Judges what comes within a moment.
    pub(super) async fn listens(&mut self) -> Result<(), Unexplained> {
        self.within(self.limits.grace, |_| false).await.map(drop)
    }

    /// Waits until the node closes the connection. That it does not breaks these rules, or those of the case.
    pub(super) async fn closes(&mut self, rules: &[&str]) -> Result<(), Unexplained> {
        match self.until(|_| false).await? {
            State::Closed => Ok(()),
            State::Done | State::Silent => Err(unexplained(rules, "it keeps the connection open")),
        }
    }
}
