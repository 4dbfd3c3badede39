//! The selector of the one active peer.
//!
//! It hears Up and Down in the order of its queue and is told by a session when its peer is ahead. What a peer said
//! before the selector heard of it is not lost: the session keeps it in a cell that the selector reads at Up.

use handfast_spec::lifecycle::{Output, Refusal, SessionId, Table};
use serde::Serialize;

use super::Flaw;

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    #[default]
    Unknown,
    /// It has nothing that we lack.
    Level,
    /// A candidate.
    Ahead,
    /// It was active and made no progress.
    Stalled,
    /// It was level once and never counts again: what a flawed selector does.
    WrittenOff,
}

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Selector {
    peers: Table<Standing, 3>,
    active: Option<SessionId>,
}

impl Selector {
    pub(super) fn up(&mut self, session: SessionId, ahead: bool, flaw: Flaw, outputs: &mut Vec<Output>) {
        *self.peers.entry(session.index()) = match (ahead, flaw) {
            (true, _) => Standing::Ahead,
            (false, Flaw::LevelPeersWrittenOff) => Standing::WrittenOff,
            (false, _) => Standing::Level,
        };
        if ahead {
            outputs.push(Output::Heeded(session));
        }
        self.pick(outputs);
    }

    pub(super) fn down(&mut self, session: SessionId, flaw: Flaw, outputs: &mut Vec<Output>) {
        if flaw == Flaw::PickBeforeDelete {
            if self.active == Some(session) {
                self.active = None;
                self.pick(outputs);
            }
            *self.peers.entry(session.index()) = Standing::Unknown;
            return;
        }
        *self.peers.entry(session.index()) = Standing::Unknown;
        if self.active == Some(session) {
            self.replace(outputs);
        }
    }

    /// A session says that its peer is ahead.
    pub(super) fn notify_selector(&mut self, session: SessionId, flaw: Flaw, outputs: &mut Vec<Output>) {
        match self.peers.get(session.index()) {
            Standing::Unknown if flaw == Flaw::HeedsTheUnheard => {}
            Standing::Unknown => return outputs.push(Output::Deferred(session)),
            Standing::WrittenOff | Standing::Stalled => return outputs.push(Output::Heeded(session)),
            Standing::Level if flaw == Flaw::OnlyActiveIsHeard && self.active.is_none() => {
                return outputs.push(Output::Ignored(session));
            }
            Standing::Level | Standing::Ahead => {}
        }
        *self.peers.entry(session.index()) = Standing::Ahead;
        outputs.push(Output::Heeded(session));
        if flaw != Flaw::NoPickWhenIdle {
            self.pick(outputs);
        }
    }

    /// The active peer made no progress.
    pub(super) fn stall(&mut self, outputs: &mut Vec<Output>) -> Result<(), Refusal> {
        let active = self.active.ok_or(Refusal::NoneActive)?;
        *self.peers.entry(active.index()) = Standing::Stalled;
        outputs.push(Output::Stalled(active));
        self.replace(outputs);
        Ok(())
    }

    /// The subscription ended: nobody is known any more.
    pub(super) fn forget(&mut self, outputs: &mut Vec<Output>) {
        self.peers = Table::default();
        if self.active.take().is_some() {
            outputs.push(Output::Active(None));
        }
    }

    fn replace(&mut self, outputs: &mut Vec<Output>) {
        self.active = self.candidate();
        outputs.push(Output::Active(self.active));
    }

    fn pick(&mut self, outputs: &mut Vec<Output>) {
        if self.active.is_none() && self.candidate().is_some() {
            self.replace(outputs);
        }
    }

    /// The candidate with the oldest session.
    fn candidate(&self) -> Option<SessionId> {
        let position = self.peers.iter().position(|standing| *standing == Standing::Ahead);
        position.map(|index| SessionId(index as u32))
    }
}
