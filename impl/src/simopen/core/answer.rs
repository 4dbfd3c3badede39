//! What a responder says to proposals.

use super::{Failure, Message, Protocol};

/// A responder that waits for a proposal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Answering {
    /// Nothing was proposed yet, so that a dialer may ask whether this end dialed too.
    may_be_asked: bool,
    /// How many proposals may still be declined.
    declines: u16,
    limit: u16,
}

pub(super) enum Reply {
    Accept(Protocol),
    Decline,
}

impl Answering {
    /// Of a connection that was accepted.
    pub(super) fn listener(limit: u16) -> Self {
        Self { may_be_asked: true, declines: limit, limit }
    }

    /// Of a connection where both ends dialed.
    pub(super) fn responder(limit: u16) -> Self {
        Self { may_be_asked: false, declines: limit, limit }
    }

    /// SIM-9, SIM-10: one reply to each proposal, and no more than so many that decline.
    pub(super) fn answer(&mut self, ours: &[Protocol], message: Message) -> Result<Reply, Failure> {
        let asked = std::mem::replace(&mut self.may_be_asked, false);
        match message {
            Message::Extension if asked => Ok(Reply::Decline),
            Message::Protocol(protocol) if ours.contains(&protocol) => Ok(Reply::Accept(protocol)),
            Message::Protocol(_) => {
                self.declines = self.declines.checked_sub(1).ok_or(Failure::TooManyProposals(self.limit))?;
                Ok(Reply::Decline)
            }
            Message::Extension | Message::Header | Message::NotAvailable | Message::Select(_) | Message::Role(_) => {
                Err(Failure::Unexpected(Box::new(message)))
            }
        }
    }
}
