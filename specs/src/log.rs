//! A log: what a real run did, for a model to explain.
//!
//! It is newline-delimited JSON. A [header](Header) says which protocol it is of and how the machine was configured; then
//! each [line](Line) is one step. Another header begins another run.

use serde::{Deserialize, Serialize};

use crate::{Observation, Protocol};

/// The first line of a run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Header<C> {
    /// The name of the protocol.
    pub protocol: &'static str,
    /// How the machine was configured, in fields beside that.
    #[serde(flatten)]
    pub config: C,
}

/// One step.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Line<A, O> {
    /// What was done.
    pub action: A,
    /// What was observed, if that was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observation: Option<O>,
}

/// A step of a protocol.
pub type LineOf<P> = Line<<P as Protocol>::Action, Observation<<P as Protocol>::Output, <P as Protocol>::Refusal>>;

impl<A, O> Line<A, O> {
    /// A step with what was observed.
    pub fn observed(action: A, observation: O) -> Self {
        Self { action, observation: Some(observation) }
    }

    /// A step of which it was not recorded what was observed.
    pub fn taken(action: A) -> Self {
        Self { action, observation: None }
    }
}

impl<A, P: PartialEq, R: PartialEq> Line<A, Observation<P, R>> {
    /// Whether this is what the step of a machine shows. Where nothing was recorded, that is all but a refusal.
    pub fn is_explained_by(&self, observed: &Observation<P, R>) -> bool {
        match &self.observation {
            Some(recorded) => observed == recorded,
            None => !observed.is_refused(),
        }
    }
}
