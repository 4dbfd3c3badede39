//! What the participants of a simultaneous open were told.

use serde::{Deserialize, Serialize};

use super::{End, Failure, Kind, Name, Nonce, Output, Role, Token, scripts};

/// Everything that the participants were told, and who they are.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub struct History {
    /// Who is at the two ends.
    pub pair: Pair,
    /// What the left end was told.
    pub left: EndRecord,
    /// What the right end was told.
    pub right: EndRecord,
}

/// The two ends of a connection.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Pair {
    /// The left end.
    pub left: EndpointConfig,
    /// The right end.
    pub right: EndpointConfig,
    /// How many proposals an end declines before it gives up on its peer.
    pub patience: u8,
    /// Whether ends that keep to the protocol were given a deadline.
    pub timed: bool,
    /// How often time passes at an end before its deadline does. With 0, a deadline passes at any moment.
    #[serde(default)]
    pub ticks: u8,
}

/// Who is at one end.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct EndpointConfig {
    /// What it does with the connection.
    pub kind: Kind,
    /// The protocols that it supports, the preferred one first. Not empty for an honest end.
    pub protocols: Vec<Name>,
}

impl Pair {
    /// Who is at this end.
    pub fn endpoint(&self, end: End) -> &EndpointConfig {
        match end {
            End::Left => &self.left,
            End::Right => &self.right,
        }
    }

    /// What this end is.
    pub fn kind(&self, end: End) -> Kind {
        self.endpoint(end).kind
    }

    /// Whether this end supports a protocol.
    pub fn supports(&self, end: End, protocol: Name) -> bool {
        self.endpoint(end).protocols.contains(&protocol)
    }

    /// Whether the two ends are of these kinds, in whichever order.
    pub fn is_of(&self, one: Kind, other: Kind) -> bool {
        let kinds = (self.left.kind, self.right.kind);
        kinds == (one, other) || kinds == (other, one)
    }

    /// Whether both ends keep to some version of the protocol.
    pub fn is_honest(&self) -> bool {
        End::BOTH.into_iter().all(|end| self.kind(end).is_honest())
    }

    /// Whether the roles of these ends are promised to be opposite: both keep to the protocol, and they are not two
    /// dialers of whom neither knows the extension.
    pub fn is_promised(&self) -> bool {
        let unaware = End::BOTH.into_iter().all(|end| self.kind(end).is_unaware_dialer());
        let listeners = self.is_of(Kind::Listener, Kind::Listener);
        self.is_honest() && !unaware && !listeners
    }

    /// Whether a lazy dialer has sent its payload to a listener that will decline the protocol it belongs to.
    pub fn is_lost_bet(&self) -> bool {
        let loses = |end| self.kind(end) == Kind::Lazy && self.choice(end).is_none();
        End::BOTH.into_iter().any(loses)
    }

    /// What these two ends would agree on if this one is the initiator, and how many proposals are declined before.
    pub fn choice(&self, initiator: End) -> Option<(usize, Name)> {
        let (ours, theirs) = (&self.endpoint(initiator).protocols, &self.endpoint(initiator.peer()).protocols);
        choice(ours, theirs).filter(|(declined, _)| *declined <= usize::from(self.patience))
    }
}

/// The first of the initiator's protocols that the responder supports, and how many come before it.
pub fn choice(initiator: &[Name], responder: &[Name]) -> Option<(usize, Name)> {
    initiator.iter().copied().enumerate().find(|(_, name)| responder.contains(name))
}

impl History {
    /// The history of a connection between these two, of which nothing was told.
    pub fn between(pair: Pair) -> Self {
        Self { pair, ..Self::default() }
    }

    /// What this end was told.
    pub fn end(&self, end: End) -> &EndRecord {
        match end {
            End::Left => &self.left,
            End::Right => &self.right,
        }
    }

    fn end_mut(&mut self, end: End) -> &mut EndRecord {
        match end {
            End::Left => &mut self.left,
            End::Right => &mut self.right,
        }
    }

    /// The ends that keep to some version of the protocol.
    pub fn honest(&self) -> impl Iterator<Item = End> {
        End::BOTH.into_iter().filter(|end| self.pair.kind(*end).is_honest())
    }

    /// The end with the greater number, once both have started with different ones.
    pub fn winner(&self) -> Option<End> {
        let (left, right) = (self.left.started?, self.right.started?);
        match left.cmp(&right) {
            core::cmp::Ordering::Less => Some(End::Right),
            core::cmp::Ordering::Equal => None,
            core::cmp::Ordering::Greater => Some(End::Left),
        }
    }

    /// Whether a caller or a deadline ended something at either end.
    pub fn was_cut_short(&self) -> bool {
        self.left.was_cut_short() || self.right.was_cut_short()
    }

    /// Whether an end that serves proposals declines a message. That it heard one is kept, and not which word it was: to
    /// the rules all are one, and there are too many of them.
    fn declines(&self, end: End, output: &Output) -> bool {
        let Output::Heard(_, token) = *output else { return false };
        let is_declined = match token {
            Token::Protocol(name) => !self.pair.supports(end, name),
            Token::Simopen => self.end(end).heard.len() > 1,
            Token::Header | Token::Word | Token::Na | Token::Select(_) | Token::BadSelect | Token::Role(_) => true,
            Token::Garbage | Token::Payload(_) => false,
        };
        is_declined && scripts::served(self, end).is_some()
    }

    /// Enters one output. Of ends that are not honest nothing is kept: nothing is promised to them.
    pub fn record(&mut self, output: &Output) {
        let (Output::Started(end, _)
        | Output::Said(end, _)
        | Output::Heard(end, _)
        | Output::Broken(end)
        | Output::Ticked(end)
        | Output::Assumed(end, _)
        | Output::Settled { end, .. }
        | Output::Failed(end, _)
        | Output::Closed(end)
        | Output::Sent(end, _)
        | Output::Received(end, _)) = *output;
        if !self.pair.kind(end).is_honest() {
            return;
        }
        let most = scripts::most(&self.pair, end) + 1;
        let ticks = self.pair.ticks + 1;
        let is_declined = self.declines(end, output);
        let record = self.end_mut(end);
        let over = record.outcome != Outcome::Pending || record.closed;
        match *output {
            Output::Started(_, nonce) => record.started = Some(nonce),
            Output::Said(_, token) => {
                record.late |= over;
                keep(&mut record.said, token, most);
            }
            Output::Heard(_, token) => {
                record.late |= over;
                keep(&mut record.heard, if is_declined { Token::Word } else { token }, most);
            }
            Output::Broken(_) => record.broken = true,
            // One more than there are is enough to tell that it was too late.
            Output::Ticked(_) => record.ticks = (record.ticks + 1).min(ticks),
            Output::Assumed(_, role) => {
                record.roles = match record.roles {
                    Roles::Unknown => Roles::One(role),
                    Roles::One(_) | Roles::Several(_) => Roles::Several(role),
                }
            }
            Output::Settled { role, protocol, flights, .. } => {
                record.late |= over;
                record.outcome = Outcome::Settled { role, protocol, flights };
            }
            Output::Failed(_, failure) => {
                record.late |= over;
                record.outcome = Outcome::Failed(failure);
            }
            Output::Closed(_) => record.closed = true,
            Output::Sent(_, role) => {
                record.late |= record.closed || record.failure().is_some();
                record.upper.early |= !over;
                record.upper.sent = Some(role);
            }
            Output::Received(_, token) => record.upper.received = Some(token),
        }
    }
}

/// One more than any end may say or hear is enough to tell that it was too much.
fn keep(transcript: &mut Vec<Token>, token: Token, most: usize) {
    if transcript.len() < most {
        transcript.push(token);
    }
}

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
    /// Whether its negotiation learned that nothing more that it says is taken.
    pub broken: bool,
    /// How often time passed at it while it negotiated.
    pub ticks: u8,
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
    /// Whether the end has started and nothing became of it yet: its caller waits.
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
