//! Simultaneous open: the tester is the peer of an implementation that negotiates and then echoes.
//!
//! The implementation is an end of the model beside a peer that may say anything. The [judge] keeps every state of it that
//! explains what was seen, so that the freedom that the specification leaves is left. Cases come from the [graph] of what a
//! tester can show to such an end, and from the [cases] that were found to matter.

mod cases;
mod graph;
mod judge;
mod message;
mod run;
mod tested;

use std::collections::BTreeSet;

use clap::ValueEnum;
use derive_more::Display;
use handfast_spec::simopen::Kind;
use serde::{Deserialize, Serialize};

pub use self::message::{Malformed, Message, Number};
use super::suite::{Outline, Ran, Suite};
use super::target::{More, Part};
use super::wire::{Limits, Link};
use graph::Graph;

/// The part that an implementation plays.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It dialed, and knows nothing of the extension; it may be lazy
    #[display("dialer")]
    Dialer,
    /// It accepted
    #[display("listener")]
    Listener,
    /// It dialed, and speaks the extension
    #[display("simultaneous")]
    Simultaneous,
}

impl Role {
    /// Every part.
    pub const ALL: [Self; 3] = [Self::Dialer, Self::Listener, Self::Simultaneous];

    /// What it is in the model. Whether a dialer is lazy is seen by what it says.
    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Dialer => &[Kind::Plain, Kind::Lazy],
            Self::Listener => &[Kind::Listener],
            Self::Simultaneous => &[Kind::Simopen],
        }
    }
}

/// What the tester does next. It waits then until the implementation has done what it must.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It says these messages, together.
    Say(Vec<Message>),
    /// It says so many proposals that are not supported, one after the other is answered.
    Flood(usize),
    /// It stays silent, or sends a byte now and then, until the implementation ends by its own deadline.
    Outlast {
        /// Whether it sends bytes meanwhile, those of a message that never ends.
        drips: bool,
    },
    /// It ends its direction.
    Finish,
    /// It resets the connection. Nothing more is seen on it.
    Reset,
}

/// A case.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Case {
    /// What every case has.
    pub outline: Outline,
    /// The part of the implementation.
    pub role: Role,
    /// What it supports.
    pub protocols: Vec<String>,
    /// What the tester does.
    pub steps: Vec<Step>,
}

/// The cases for one part.
#[derive(Clone, Debug)]
pub struct Simopen {
    /// The part of the implementation.
    pub role: Role,
    /// What it supports, the preferred one first: one at least.
    pub protocols: Vec<String>,
}

impl Simopen {
    /// What an implementation is told to support unless it is said.
    pub fn default_protocols() -> Vec<String> {
        ["/noise", "/tls/1.0.0"].map(str::to_owned).into()
    }

    fn edges(&self) -> BTreeSet<String> {
        let graphs = self.role.kinds().iter().map(|kind| Graph::of(*kind, &self.protocols));
        graphs.flat_map(|graph| graph.edges).map(edge_name).collect()
    }
}

/// The name of an edge of the graph.
fn edge_name((place, word): graph::Edge) -> String {
    format!("{place}/{word}")
}

impl Suite for Simopen {
    const NAME: &'static str = "simopen";
    type Case = Case;

    fn part(&self) -> Part {
        Part { role: self.role.to_string(), protocols: self.protocols.clone() }
    }

    fn cases(&self, seed: u64) -> Vec<Case> {
        cases::all(self, seed)
    }

    fn outline(case: &Case) -> &Outline {
        &case.outline
    }

    fn part_of(case: &Case) -> Part {
        Part { role: case.role.to_string(), protocols: case.protocols.clone() }
    }

    async fn run(case: &Case, link: Link, _: &More, limits: Limits) -> Ran {
        run::run(case, link, limits).await
    }

    fn simpler(case: &Case) -> Vec<Case> {
        cases::simpler(case)
    }

    fn showable(&self) -> BTreeSet<String> {
        self.edges()
    }
}
