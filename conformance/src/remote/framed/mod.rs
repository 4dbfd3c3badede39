//! Framed connections: the tester is the peer of an implementation that echoes frames, takes them, or sends its own.
//!
//! The implementation is the model's end beside a peer of which nothing is known
//! ([`OneEnd`](model::framed::handfast::OneEnd)), under the application that the harness is. What its callers are told of a
//! shutdown is not seen on a wire; what was lost is.

mod cases;
mod judge;
mod message;
mod run;
mod tested;

use std::collections::BTreeSet;

use clap::ValueEnum;
use derive_more::Display;
use serde::{Deserialize, Serialize};

pub use self::message::Message;
use super::suite::{Outline, Ran, Suite};
use super::target::{More, Part};
use super::wire::{Limits, Link};

/// What the application of an implementation does.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It sends each frame back, and answers the marker with a shutdown
    #[display("echo")]
    Echo,
    /// It takes frames, and answers the marker with a shutdown
    #[display("sink")]
    Sink,
    /// It sends numbered frames and shuts down, while it takes what comes
    #[display("source")]
    Source,
}

impl Answer {
    /// Each.
    pub const ALL: [Self; 3] = [Self::Echo, Self::Sink, Self::Source];
}

/// How many frames a source sends.
pub const FRAMES: u32 = 8;

/// What the tester does next. It waits then until the implementation has done what it must.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It sends these, together.
    Send(Vec<Message>),
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
    /// What the implementation does.
    pub answer: Answer,
    /// What the tester does.
    pub steps: Vec<Step>,
}

/// The cases for an implementation that does one of three things.
#[derive(Clone, Copy, Debug)]
pub struct Framed {
    /// What it does.
    pub answer: Answer,
}

impl Suite for Framed {
    const NAME: &'static str = "framed";
    type Case = Case;

    fn part(&self) -> Part {
        Part { role: self.answer.to_string(), protocols: Vec::new() }
    }

    fn cases(&self, seed: u64) -> Vec<Case> {
        cases::all(self.answer, seed)
    }

    fn outline(case: &Case) -> &Outline {
        &case.outline
    }

    fn part_of(case: &Case) -> Part {
        Part { role: case.answer.to_string(), protocols: Vec::new() }
    }

    async fn run(case: &Case, link: Link, _: &More, limits: Limits) -> Ran {
        run::run(case, link, limits).await
    }

    fn simpler(case: &Case) -> Vec<Case> {
        cases::simpler(case)
    }

    fn showable(&self) -> BTreeSet<String> {
        cases::edges(self.answer)
    }
}
