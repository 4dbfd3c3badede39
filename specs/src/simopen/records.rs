//! What is kept of each end.

use serde::Serialize;

use super::{Failure, Name, Nonce, Role, Token};

/// What one end was told.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub struct EndRecord {
    /// Its number, once it started.
    pub started: Option<Nonce>,
    /// What its negotiation said, in order.
    pub said: Vec<Token>,
    /// What its negotiation heard, in order.
    pub heard: Vec<Token>,
    /// What it took for its role.
    pub roles: Roles,
    /// What became of its negotiation.
    pub outcome: Outcome,
    /// What its upper layer did.
    pub upper: Upper,
    /// Whether its caller dropped the connection.
    pub closed: bool,
    /// Whether anything was said or heard here after it must not have been.
    pub late: bool,
}

/// What an end took for its role.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub enum Roles {
    /// It does not know yet.
    #[default]
    Unknown,
    /// This.
    One(Role),
    /// One after the other; this is the last.
    Several(Role),
}

/// What became of a negotiation.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub enum Outcome {
    /// It has not ended.
    #[default]
    Pending,
    /// It succeeded.
    Settled {
        /// With this role.
        role: Role,
        /// And this protocol.
        protocol: Name,
        /// After so many flights.
        flights: u8,
    },
    /// It failed.
    Failed(Failure),
}

/// What the layer above a negotiation did.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub struct Upper {
    /// In which role it sent its first bytes.
    pub sent: Option<Role>,
    /// Whether it sent them before the negotiation had ended.
    pub early: bool,
    /// What it received.
    pub received: Option<Token>,
}

impl EndRecord {
    /// Whether the end has started and nothing became of it yet: somebody waits.
    pub fn is_pending(&self) -> bool {
        self.started.is_some() && self.outcome == Outcome::Pending && !self.closed
    }

    /// Whether the end has started and its caller knows what became of it, or does not care.
    pub fn has_ended(&self) -> bool {
        self.started.is_some() && !self.is_pending()
    }

    /// Role and protocol, if the negotiation succeeded.
    pub fn settled(&self) -> Option<(Role, Name)> {
        match self.outcome {
            Outcome::Settled { role, protocol, .. } => Some((role, protocol)),
            Outcome::Pending | Outcome::Failed(_) => None,
        }
    }

    /// Why the negotiation failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        match self.outcome {
            Outcome::Failed(failure) => Some(failure),
            Outcome::Pending | Outcome::Settled { .. } => None,
        }
    }

    /// Whether something other than the protocol ended it: its caller, or its deadline.
    pub fn was_cut_short(&self) -> bool {
        self.closed || self.failure() == Some(Failure::Deadline)
    }

    /// The role that the end took last.
    pub fn role(&self) -> Option<Role> {
        match self.roles {
            Roles::Unknown => None,
            Roles::One(role) | Roles::Several(role) => Some(role),
        }
    }
}
