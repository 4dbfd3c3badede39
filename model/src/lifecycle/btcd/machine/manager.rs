//! The sync manager (B), `blockHandler`.

use handfast_spec::lifecycle::{Event as Heard, Output, Refusal, SELECTOR, SessionId};
use serde::Serialize;

use super::server::Server;
use super::session::Reader;
use super::{Bounds, Btcd, Message, Relay, Told, only_if};
use crate::lifecycle::btcd::switches::{Drain, Evictor};

/// The sync manager, as far as it knows its peers. Every peer is a candidate.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Manager {
    place: Place,
    /// `peerStates`.
    peers: [bool; Bounds::MOST_SESSIONS as usize],
    /// `syncPeer`.
    sync: Option<SessionId>,
}

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
enum Place {
    #[default]
    Idle,
    /// About to hand a block to the server loop.
    Relaying,
    Over,
}

/// Capacity of `relayInv`.
const RELAY_ROOM: u8 = 1;

impl Manager {
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self.place, Place::Idle | Place::Over)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.place == Place::Over
    }

    /// Nothing asks whether the peer is alive, and nothing remembers one that was unknown when its end came.
    fn new_peer(&mut self, id: SessionId) -> Vec<Output> {
        self.peers[id.index()] = true;
        let mut told = vec![Output::Heard(SELECTOR, Heard::Up(id)), Output::Heeded(id)];
        told.extend(self.start_sync());
        told
    }

    fn done_peer(&mut self, id: SessionId) -> Vec<Output> {
        self.peers[id.index()] = false;
        let mut told = vec![Output::Heard(SELECTOR, Heard::Down(id))];
        if self.sync == Some(id) {
            self.sync = None;
            told.push(self.start_sync().unwrap_or(Output::Active(None)));
        }
        told
    }

    /// btcd picks at random among the candidates; of two peers there is never more than one to pick from.
    fn start_sync(&mut self) -> Option<Output> {
        if self.sync.is_some() {
            return None;
        }
        let candidate = self.peers.iter().position(|known| *known)?;
        self.sync = u32::try_from(candidate).ok().map(SessionId);
        Some(Output::Active(self.sync))
    }
}

impl Btcd {
    pub(super) fn block(&mut self) -> Told {
        only_if(self.blocks > 0 && !self.stop.is_manager_stopping(), Refusal::NotNow)?;
        self.messages.push(Message::Block, self.bounds.messages)?;
        self.blocks -= 1;
        Ok(vec![])
    }

    pub(super) fn handle(&mut self, message: Message) -> Told {
        only_if(self.manager.place == Place::Idle, Refusal::NotNow)?;
        self.messages.pop(message)?;
        match message {
            Message::NewPeer(id) => Ok(self.manager.new_peer(id)),
            Message::DonePeer(id) => {
                let known = self.manager.peers[id.index()];
                let mut told = self.manager.done_peer(id);
                if known && self.switches.evictor == Evictor::Manager {
                    told.push(Output::Dropped(id));
                }
                Ok(told)
            }
            Message::Transaction(id) => self.orphan(id),
            Message::Block => {
                self.manager.place = Place::Relaying;
                Ok(vec![])
            }
            Message::IsCurrent => {
                self.server = Server::Idle;
                Ok(vec![])
            }
        }
    }

    /// A transaction of an unknown peer is thrown away; one of a known peer is kept under its tag.
    fn orphan(&mut self, id: SessionId) -> Told {
        let known = self.manager.peers[id.index()];
        let session = self.session_mut(id)?;
        if session.reader == Reader::Waiting {
            session.reader = Reader::Reading;
        }
        Ok(if known { vec![Output::Kept(id)] } else { vec![] })
    }

    pub(super) fn relay(&mut self) -> Told {
        only_if(self.manager.place == Place::Relaying, Refusal::NotNow)?;
        match self.switches.relay {
            Relay::Blocking | Relay::ReceivedWhileWaiting => only_if(self.relayed < RELAY_ROOM, Refusal::NoRoom)?,
            Relay::Unbounded => {}
        }
        self.relayed += 1;
        self.manager.place = Place::Idle;
        Ok(vec![])
    }

    /// btcd's select may leave messages behind; the corrected one handles them first.
    pub(super) fn manager_ends(&mut self) -> Told {
        let finished = match self.switches.drain {
            Drain::OneShot => true,
            Drain::UntilEmpty => self.messages.is_empty(),
        };
        let ends = self.stop.is_manager_stopping() && self.manager.place == Place::Idle && finished;
        only_if(ends, Refusal::NotNow)?;
        self.manager.place = Place::Over;
        Ok(vec![])
    }
}
