//! What belongs to one connection: the places of its tasks, and the flags and channels that they share.

use serde::Serialize;

use super::{Bounds, Part, Switches};
use crate::lifecycle::btcd::switches::{Adder, OnVersion, Spawn};
use crate::lifecycle::btcd::vocabulary::Task;

/// One connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Session {
    pub(super) socket: Socket,
    pub(super) ending: Ending,
    pub(super) start: Start,
    pub(super) negotiation: Negotiation,
    pub(super) watcher: Watcher,
    pub(super) reader: Reader,
    pub(super) second: Second,
    /// `negotiateErr`, a channel with one place.
    pub(super) negotiated: Option<Outcome>,
    /// `verAckReceived`.
    pub(super) verack: bool,
    /// `verAckCh` is closed.
    pub(super) signalled: bool,
    /// `peerAdded`.
    pub(super) peer_added: bool,
    /// The server loop has sent `NewPeer`.
    pub(super) told: bool,
    /// The server loop has it in its map.
    pub(super) in_map: bool,
    /// The server loop has handled its *done*.
    pub(super) done: bool,
    /// Transactions that the peer may still send.
    pub(super) transactions: u8,
}

/// The connection itself.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) enum Socket {
    Unattached,
    Open,
    Closed,
}

/// `disconnect` and `quit`: the flag decides who closes the socket and the channel.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) enum Ending {
    No,
    Begun(Task),
    QuitClosed,
}

/// Where `start` (S) is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) enum Start {
    Unspawned,
    Waiting,
    Over,
}

/// Where the negotiation (N) is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) enum Negotiation {
    Unspawned,
    /// It tells the sync manager of the peer's version.
    OnVersion,
    Reading,
    VerackRead,
    /// About to call `OnVerAck`.
    Calling,
    /// In `OnVerAck`, having found the channel open.
    Closing,
    Adding,
    Reporting(Outcome),
    Over,
}

/// What the negotiation reports to `start`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) enum Outcome {
    Succeeded,
    Failed,
}

/// Where the watcher (L) is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) enum Watcher {
    Unspawned,
    /// Waits for the handshake or the end (L0).
    Selecting,
    Adding,
    Marking,
    /// Waits for the end (L3).
    Waiting,
    Ending,
    AtGate,
    Telling,
    Evicting,
    Over,
}

/// Where the reader (I) is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) enum Reader {
    Unspawned,
    Reading,
    Queueing,
    /// Waits until the sync manager has handled its transaction.
    Waiting,
    Over,
}

/// A second caller of `OnVerAck`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) enum Second {
    Absent,
    Possible,
    Calling,
    Closing,
    Over,
}

impl Session {
    pub(super) fn new(switches: &Switches, bounds: &Bounds) -> Self {
        let unattached = Self {
            socket: Socket::Unattached,
            ending: Ending::No,
            start: Start::Unspawned,
            negotiation: Negotiation::Unspawned,
            watcher: Watcher::Unspawned,
            reader: Reader::Unspawned,
            second: match bounds.second_verack {
                Part::Absent => Second::Absent,
                Part::Present => Second::Possible,
            },
            negotiated: None,
            verack: false,
            signalled: false,
            peer_added: false,
            told: false,
            in_map: false,
            done: false,
            transactions: bounds.transactions,
        };
        match bounds.attachment {
            Part::Present => unattached,
            Part::Absent => unattached.attached(switches),
        }
    }

    /// The connection is there: `start`, the negotiation and the watcher are spawned.
    pub(super) fn attached(self, switches: &Switches) -> Self {
        Self {
            socket: Socket::Open,
            start: Start::Waiting,
            negotiation: match switches.version {
                OnVersion::Tells => Negotiation::OnVersion,
                OnVersion::Silent => Negotiation::Reading,
            },
            watcher: match switches.spawn {
                Spawn::AfterStart => Watcher::Unspawned,
                Spawn::Always => Watcher::spawned(switches),
            },
            ..self
        }
    }

    /// `Connected()`.
    pub(super) fn is_connected(&self) -> bool {
        match self.ending {
            Ending::No => true,
            Ending::Begun(_) | Ending::QuitClosed => false,
        }
    }

    /// Whether every task has ended, or was never spawned, or waits for the peer.
    pub(super) fn is_at_rest(&self) -> bool {
        !matches!(self.ending, Ending::Begun(_))
            && matches!(self.start, Start::Unspawned | Start::Over)
            && matches!(self.negotiation, Negotiation::Unspawned | Negotiation::Reading | Negotiation::Over)
            && matches!(self.watcher, Watcher::Unspawned | Watcher::Over)
            && matches!(self.reader, Reader::Unspawned | Reader::Reading | Reader::Over)
            && matches!(self.second, Second::Absent | Second::Possible | Second::Over)
    }
}

impl Watcher {
    /// A watcher that has just been spawned. Where it does not send *add*, it waits for the end only.
    pub(super) fn spawned(switches: &Switches) -> Self {
        match switches.adder {
            Adder::Negotiation => Self::Waiting,
            Adder::Watcher | Adder::Both => Self::Selecting,
        }
    }
}
