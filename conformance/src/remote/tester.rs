//! What the testers of all protocols do alike: write in pieces, read, and hand what they read to a judge.

use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::suite::Unexplained;
use super::wire::{Heard, Limits, Link, Manner, PAUSE, Written};

/// Follows what passes with the states of a model.
pub trait Judges {
    /// The implementation sent these bytes.
    ///
    /// # Errors
    ///
    /// If no state explains them.
    fn hears(&mut self, bytes: &[u8]) -> Result<(), Unexplained>;

    /// The implementation closed the connection, in order or with a reset.
    ///
    /// # Errors
    ///
    /// If no state explains it.
    fn ends(&mut self, in_order: bool) -> Result<(), Unexplained>;

    /// The implementation has been silent for so long that it waits for the tester.
    ///
    /// # Errors
    ///
    /// If no state explains it.
    fn is_silent(&mut self) -> Result<(), Unexplained>;

    /// Whether the implementation has something to do that the tester must see.
    fn must_act(&self) -> bool;

    /// Whether the implementation may do something that the tester would see.
    fn may_act(&self) -> bool;

    /// Whether the implementation may have failed, so that it takes nothing more.
    fn may_have_failed(&self) -> bool;
}

/// A tester at work.
#[derive(Debug)]
pub struct Tester<J> {
    /// Its end of the connection.
    pub link: Link,
    /// The judge.
    pub judge: J,
    /// How long it waits.
    pub limits: Limits,
    manner: Manner,
}

/// Why the cases of an implementation's own deadline are skipped.
pub const NO_PROMISE: &str =
    "it is not known within what total the implementation promises to end: say --deadline SECONDS";

/// Waits for the end that the implementation promises for `limits.deadline` after it `began`. Returns whether it came: at
/// any time before, and as late behind it as the tester waits for anything. Meanwhile these bytes are sent, one by one, often
/// enough that a deadline which every byte renews is renewed each time; what comes is handed to `hears`.
///
/// # Errors
///
/// If `hears` cannot explain what came.
pub async fn outlast(
    link: &mut Link,
    limits: Limits,
    began: Instant,
    bytes: Vec<u8>,
    mut hears: impl FnMut(&[u8]) -> Result<(), Unexplained>,
) -> Result<bool, Unexplained> {
    let deadline = limits.deadline.unwrap_or_default();
    let until = began + deadline + limits.silence;
    let (mut bytes, pause) = (bytes.into_iter(), deadline / 4);
    let mut next = Instant::now() + pause;
    loop {
        let now = Instant::now();
        if until <= now {
            return Ok(false);
        }
        match link.read(until.min(next).saturating_duration_since(now)).await {
            Heard::Bytes(heard) => hears(&heard)?,
            Heard::End | Heard::Reset => return Ok(true),
            Heard::Nothing => {}
        }
        // Also to an implementation that goes on talking.
        if next <= Instant::now() {
            next += pause;
            if let Some(byte) = bytes.next() {
                // Where it is not taken the connection has ended, which is read next.
                link.write(&[byte], None, limits.silence).await;
            }
        }
    }
}

/// Whether the connection goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Connection {
    /// It does.
    Open,
    /// The implementation has closed it, and takes nothing more.
    Closed,
}

impl<J: Judges> Tester<J> {
    /// A tester on a connection on which nothing has passed.
    pub fn new(link: Link, judge: J, limits: Limits, manner: Manner) -> Self {
        Self { link, judge, limits, manner }
    }

    /// How many bytes are written at once, of so many.
    pub fn piece(&self, of: usize) -> usize {
        self.manner.piece.unwrap_or(of).clamp(1, of.max(1))
    }

    /// Whether the tester reads nothing while it writes.
    pub fn writes_first(&self) -> bool {
        self.manner.writes_first
    }

    /// Writes bytes, and reads meanwhile unless it is not to.
    ///
    /// # Errors
    ///
    /// If no state explains what was read, or that nothing was taken; the ids are `stuck` then.
    pub async fn write(&mut self, bytes: &[u8], reads: bool, stuck: &str) -> Result<Connection, Unexplained> {
        let mut heard = Vec::new();
        let written = self.link.write(bytes, reads.then_some(&mut heard), self.limits.silence).await;
        if !heard.is_empty() {
            self.judge.hears(&heard)?;
        }
        if self.manner.pauses {
            sleep(PAUSE).await;
        } else {
            // A task of this process is to see the pieces one by one.
            yield_now().await;
        }
        match written {
            Written::All => Ok(Connection::Open),
            // What the implementation has said, and that it has closed, is heard next.
            Written::Refused => Ok(Connection::Closed),
            Written::Stuck if self.judge.may_have_failed() => Ok(Connection::Closed),
            Written::Stuck => {
                let why = "it reads no more, although it has not failed".to_owned();
                Err(Unexplained { rules: [stuck.to_owned()].into(), why })
            }
        }
    }

    /// Waits until the implementation has done what it must, and a moment for what it may do.
    ///
    /// # Errors
    ///
    /// If no state explains what it did, or that it did nothing.
    pub async fn listen(&mut self) -> Result<Connection, Unexplained> {
        loop {
            let must = self.judge.must_act();
            if !must && !self.judge.may_act() {
                return Ok(Connection::Open);
            }
            match self.link.read(if must { self.limits.silence } else { self.limits.grace }).await {
                Heard::Nothing if must => self.judge.is_silent()?,
                Heard::Nothing => return Ok(Connection::Open),
                Heard::Bytes(bytes) => self.judge.hears(&bytes)?,
                Heard::End => {
                    self.judge.ends(true)?;
                    return Ok(Connection::Closed);
                }
                Heard::Reset => {
                    self.judge.ends(false)?;
                    return Ok(Connection::Closed);
                }
            }
        }
    }
}
