//! The selector of the one active peer.

use std::collections::{BTreeMap, BTreeSet};

use super::SessionId;

/// Names the one peer to synchronise from: none, or a session of which Up was heard and Down was not (PEER-7), that is
/// ahead of us and has not stalled. Of several it is the one with the oldest session. A peer that stalled is picked again
/// only when the caller has it [reconsidered](Self::reconsider), which it does after a while, where no other is ahead.
///
/// A pure state machine, fed with the events of a subscription, with what peers say, and with the verdict that the
/// active one makes no progress. A peer that is ahead becomes active as soon as no other is: nothing has to be waited
/// for, and nothing is thrown away for want of an active peer (PEER-24, PEER-25).
///
/// ```
/// # use handfast::lifecycle::{ActivePeer, Config, Core, Duplicates, Heard, Limits, Origin, Switch};
/// # let mut core = Core::<u8>::new(Config::new(Limits::new(2, 2), Duplicates::KeepOld))?;
/// # let (one, other) = (core.open(Origin::inbound(None))?, core.open(Origin::inbound(None))?);
/// let mut selector = ActivePeer::new();
/// assert_eq!(selector.up(one, false), None);
/// assert_eq!(selector.up(other, true), Some(Switch { from: None, to: Some(other) }));
/// assert_eq!(selector.ahead(one), Heard::Noted(None)); // a candidate, while another one is active
/// assert_eq!(selector.down(other), Some(Switch { from: Some(other), to: Some(one) }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ActivePeer {
    peers: BTreeMap<SessionId, Standing>,
    candidates: BTreeSet<SessionId>,
    active: Option<SessionId>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    Level,
    Ahead,
    Stalled,
}

/// Another peer became the active one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[must_use = "the synchronisation must change over to the new peer"]
pub struct Switch {
    /// The session that was active.
    pub from: Option<SessionId>,
    /// The session that is active.
    pub to: Option<SessionId>,
}

/// What became of the news that a peer is ahead.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[must_use = "the synchronisation must change over to the new peer"]
pub enum Heard {
    /// It was noted; the active peer changed, or did not.
    Noted(Option<Switch>),
    /// Up was not heard yet, or Down was. The caller keeps what the peer said and passes it on with Up, so that it is not lost.
    Unknown,
}

impl ActivePeer {
    /// Creates a selector that has heard of no peer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the active session.
    pub fn active(&self) -> Option<SessionId> {
        self.active
    }

    /// Notes that a peer has come; `ahead` is what its session knows of it by now.
    #[must_use = "the synchronisation must change over to the new peer"]
    pub fn up(&mut self, session: SessionId, ahead: bool) -> Option<Switch> {
        self.peers.insert(session, if ahead { Standing::Ahead } else { Standing::Level });
        if !ahead {
            return None;
        }
        self.candidates.insert(session);
        self.pick_if_idle()
    }

    /// Notes that a peer has gone. It is forgotten before another one is picked, so that it cannot be picked again.
    #[must_use = "the synchronisation must change over to the new peer"]
    pub fn down(&mut self, session: SessionId) -> Option<Switch> {
        self.peers.remove(&session);
        self.candidates.remove(&session);
        (self.active == Some(session)).then(|| self.pick())
    }

    /// Notes that a peer has something that we lack. A peer that stalled stays stalled.
    pub fn ahead(&mut self, session: SessionId) -> Heard {
        match self.peers.get_mut(&session) {
            None => return Heard::Unknown,
            Some(Standing::Stalled) => return Heard::Noted(None),
            Some(standing) => *standing = Standing::Ahead,
        }
        self.candidates.insert(session);
        Heard::Noted(self.pick_if_idle())
    }

    /// Notes that a peer has nothing any more that we lack. If it is active, another one is picked. A peer that stalled
    /// stays stalled.
    #[must_use = "the synchronisation must change over to the new peer"]
    pub fn level(&mut self, session: SessionId) -> Option<Switch> {
        let standing = self.peers.get_mut(&session).filter(|standing| **standing == Standing::Ahead)?;
        *standing = Standing::Level;
        self.candidates.remove(&session);
        (self.active == Some(session)).then(|| self.pick())
    }

    /// Notes that the active peer makes no progress: another one is picked, and this one not again before it is
    /// [reconsidered](Self::reconsider). The caller is to disconnect it, or to have it reconsidered after a while. None
    /// if no peer is active.
    #[must_use = "the synchronisation must change over to the new peer"]
    pub fn stalled(&mut self) -> Option<Switch> {
        let active = self.active?;
        self.peers.insert(active, Standing::Stalled);
        self.candidates.remove(&active);
        Some(self.pick())
    }

    /// Notes that a peer that stalled has rested. If it is ahead it becomes active, provided that no other is; where
    /// one is active, nothing changes. If it is not ahead it is a peer like all others again, that is level.
    #[must_use = "the synchronisation must change over to the new peer"]
    pub fn reconsider(&mut self, session: SessionId, ahead: bool) -> Option<Switch> {
        let standing = self.peers.get_mut(&session).filter(|standing| **standing == Standing::Stalled)?;
        if !ahead {
            *standing = Standing::Level;
            return None;
        }
        if self.active.is_some() {
            return None;
        }
        *standing = Standing::Ahead;
        self.candidates.insert(session);
        self.pick_if_idle()
    }

    /// Returns whether a peer stalled and was not reconsidered since.
    pub fn has_stalled(&self, session: SessionId) -> bool {
        self.peers.get(&session) == Some(&Standing::Stalled)
    }

    /// Forgets all peers, because the subscription ended.
    #[must_use = "the synchronisation must change over to the new peer"]
    pub fn forget_all(&mut self) -> Option<Switch> {
        self.peers.clear();
        self.candidates.clear();
        let from = self.active.take()?;
        Some(Switch { from: Some(from), to: None })
    }

    fn pick_if_idle(&mut self) -> Option<Switch> {
        self.active.is_none().then(|| self.pick())
    }

    fn pick(&mut self) -> Switch {
        let from = self.active;
        self.active = self.candidates.first().copied();
        Switch { from, to: self.active }
    }
}
