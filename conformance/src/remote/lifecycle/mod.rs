//! The peer lifecycle of a Bitcoin node that accepts connections: the tester is its peers.
//!
//! The registry and the subscribers of a node are not seen on a wire. What is seen is whether a session is *up*: the node
//! answers its ping. So a case says what the tester does on one connection or several, and where sessions must be up, may
//! have ended, or must have; the rules of `specs/lifecycle.md` that concern it are named with it. There is no set of model
//! states here: a node may say more than the model knows of, and whatever is none of the judge's concern is passed over.

mod cases;
mod message;
mod run;
mod session;

use std::collections::BTreeSet;

use clap::ValueEnum;
use derive_more::Display;
use serde::{Deserialize, Serialize};

pub use self::message::Message;
use super::suite::{Outline, Ran, Suite};
use super::target::{More, Part};
use super::wire::{Limits, Link};

/// The network that a node belongs to.
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Bitcoin Core's for tests on one machine
    #[default]
    #[display("regtest")]
    Regtest,
    /// The public one with signed blocks
    #[display("signet")]
    Signet,
    /// btcd's for tests on one machine
    #[display("simnet")]
    Simnet,
}

impl Network {
    /// Returns what every message of the network begins with.
    pub fn magic(self) -> [u8; 4] {
        match self {
            Self::Regtest => [0xfa, 0xbf, 0xb5, 0xda],
            Self::Signet => [0x0a, 0x03, 0xcf, 0x40],
            Self::Simnet => [0x16, 0x1c, 0x14, 0x12],
        }
    }
}

/// What the tester does next, or wants to see, on the connection that is the current one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It makes one more connection, which is the current one from now on.
    Connect {
        /// Whether its version has the nonce of the one before, as that of the same peer.
        same_peer: bool,
    },
    /// It goes back to the connection with this number, from 0 on.
    Session(usize),
    /// It sends these.
    Send(Vec<Message>),
    /// It sends a ping, which must be answered.
    Up,
    /// It sends a ping, which must be answered unless the node has closed the connection.
    UpOrClosed,
    /// It sends a ping on every connection. One of them at least must be answered.
    AnyUp,
    /// It listens for a moment. The node has nothing to say yet.
    Quiet,
    /// The node must close the connection.
    Closed,
    /// It ends its direction, and the node must close the connection.
    Leave,
    /// It makes so many connections, one after the other, and ends each in this way.
    Rounds(usize, Exit),
    /// It makes more connections, up to this number, all of which must be up; and one more, for which there is no slot.
    Fill(usize),
    /// It takes the connection that the node itself makes, and says on the current one what the node said there.
    BeItself,
    /// It stays silent, or sends a byte now and then, until the node ends the connection by its own deadline.
    Outlast {
        /// Whether it sends bytes meanwhile, those of a message that takes very long.
        drips: bool,
    },
}

/// How a session ends that the tester gives up.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// In order, when it is up.
    Up,
    /// In order, when the node has said its version.
    BeforeVerack,
    /// With a reset, when it is up.
    Reset,
    /// By the node, because of what is no message.
    Violation,
}

/// A case.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Case {
    /// What every case has.
    pub outline: Outline,
    /// The network of the node.
    pub network: Network,
    /// What the tester does and wants to see.
    pub steps: Vec<Step>,
}

/// How many sessions a node is taken to have room for if that is not said.
pub const SLOTS: usize = 32;

/// The cases for a node that accepts connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lifecycle {
    /// Its network.
    pub network: Network,
    /// How many sessions of one address it accepts, if that is known: two at least. No case can fill it otherwise.
    pub slots: Option<usize>,
}

impl Suite for Lifecycle {
    const NAME: &'static str = "lifecycle";
    type Case = Case;

    fn part(&self) -> Part {
        Part { role: "inbound".to_owned(), protocols: Vec::new() }
    }

    fn cases(&self, seed: u64) -> Vec<Case> {
        cases::all(self, seed)
    }

    fn outline(case: &Case) -> &Outline {
        &case.outline
    }

    fn part_of(_: &Case) -> Part {
        Self::default().part()
    }

    async fn run(case: &Case, link: Link, more: &More, limits: Limits) -> Ran {
        run::run(case, link, more, limits).await
    }

    fn simpler(case: &Case) -> Vec<Case> {
        cases::simpler(case)
    }

    fn showable(&self) -> BTreeSet<String> {
        self.cases(0).into_iter().map(|case| case.outline.name).collect()
    }
}
