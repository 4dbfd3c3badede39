//! The server loop (H), `peerHandler`.

use handfast_spec::lifecycle::{Output, Reason, Refusal, SessionId};
use serde::Serialize;

use super::session::Negotiation;
use super::{Btcd, Event, Message, Relay, Told, only_if};
use crate::lifecycle::btcd::switches::{Evictor, Guard, OnVersion, Retract, Teller};
use crate::lifecycle::btcd::vocabulary::{Task, Verdict};

/// Where the server loop is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) enum Server {
    /// At its select.
    Idle,
    /// At A0 of this peer.
    AtGuard(SessionId),
    /// At A1 to A5.
    Screening(SessionId),
    /// In `Disconnect()`, between its halves.
    Disconnecting(SessionId),
    /// At A6.
    Inserting(SessionId),
    /// At A8.
    TellingNew(SessionId),
    /// At A9.
    Asking(SessionId),
    /// At A9, until the sync manager answers.
    AwaitingAnswer,
    /// At D0 to D2.
    Deleting(SessionId),
    /// At the condition of D3.
    AtGate(SessionId),
    /// At D3.
    TellingDone(SessionId),
    /// At D4.
    Evicting(SessionId),
    /// Stopping: which peer is next to be disconnected.
    Sweeping(SessionId),
    /// Stopping: every peer that is to be disconnected is.
    Swept,
    /// Stopping: until the sync manager has ended.
    AwaitingManager,
    /// Ended.
    Over,
}

impl Server {
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self, Self::Idle | Self::Over)
    }

    /// Whether it waits for the sync manager: for room in its channel, for its answer or for its end.
    fn waits_for_manager(self) -> bool {
        matches!(
            self,
            Self::TellingNew(_) | Self::Asking(_) | Self::AwaitingAnswer | Self::TellingDone(_) | Self::AwaitingManager
        )
    }
}

impl Btcd {
    /// The server loop takes an event from its channel. *Add* is told here; *done* is told with its handling, because
    /// the map is the loop's own: nobody sees it between the two.
    pub(super) fn receive(&mut self, id: SessionId, event: Event) -> Told {
        self.session(id)?;
        only_if(self.server == Server::Idle, Refusal::NotNow)?;
        self.lifecycle.pop((id, event)).or_else(|_| self.done_peers.pop((id, event)))?;
        match event {
            Event::Add => {
                self.server = Server::AtGuard(id);
                Ok(vec![Output::Announced(id)])
            }
            Event::Done => {
                self.server = Server::Deleting(id);
                Ok(vec![])
            }
        }
    }

    pub(super) fn guard(&mut self, id: SessionId) -> Told {
        only_if(self.server == Server::AtGuard(id), Refusal::NotNow)?;
        let dropped = self.switches.guard == Guard::Present && !self.session(id)?.is_connected();
        let screens = self.bounds.screens();
        self.server = match (dropped, screens) {
            (true, _) => Server::Idle,
            (false, true) => Server::Screening(id),
            (false, false) => Server::Inserting(id),
        };
        Ok(vec![])
    }

    /// Once the node is to stop nobody is admitted (A2); before that, where rejects are looked at, anybody may be
    /// rejected.
    pub(super) fn screen(&mut self, id: SessionId, verdict: Verdict) -> Told {
        only_if(self.server == Server::Screening(id), Refusal::NotNow)?;
        let reason = match (verdict, self.stop.is_asked()) {
            (Verdict::Admit, true) => return Err(Refusal::AlreadyClosing),
            (Verdict::Admit, false) => {
                self.server = Server::Inserting(id);
                return Ok(vec![]);
            }
            (Verdict::Reject, true) => Reason::Closing,
            (Verdict::Reject, false) => {
                only_if(self.bounds.rejects.is_present(), Refusal::NotNow)?;
                Reason::Vetoed
            }
        };
        let mut told = vec![Output::Rejected(id, reason)];
        told.extend(self.disconnect_from_server(id)?);
        Ok(told)
    }

    pub(super) fn insert(&mut self, id: SessionId) -> Told {
        only_if(self.server == Server::Inserting(id), Refusal::NotNow)?;
        self.session_mut(id)?.in_map = true;
        self.server = Server::TellingNew(id);
        Ok(vec![Output::Registered(id)])
    }

    pub(super) fn new_peer(&mut self, id: SessionId, by: Task) -> Told {
        match by {
            Task::Server => {
                only_if(self.server == Server::TellingNew(id), Refusal::NotNow)?;
                self.send_message(Message::NewPeer(id))?;
                self.session_mut(id)?.told = true;
                self.server = if self.bounds.blocks > 0 { Server::Asking(id) } else { Server::Idle };
            }
            Task::Negotiation => {
                let tells = self.switches.version == OnVersion::Tells;
                only_if(tells && self.session(id)?.negotiation == Negotiation::OnVersion, Refusal::NotNow)?;
                self.send_message(Message::NewPeer(id))?;
                self.session_mut(id)?.negotiation = Negotiation::Reading;
            }
            Task::Start | Task::Watcher | Task::Reader => return Err(Refusal::NotNow),
        }
        Ok(vec![])
    }

    pub(super) fn ask(&mut self, id: SessionId) -> Told {
        only_if(self.server == Server::Asking(id), Refusal::NotNow)?;
        self.send_message(Message::IsCurrent)?;
        self.server = Server::AwaitingAnswer;
        Ok(vec![])
    }

    pub(super) fn delete(&mut self, id: SessionId) -> Told {
        only_if(self.server == Server::Deleting(id), Refusal::NotNow)?;
        let (teller, retract) = (self.switches.teller, self.switches.retract);
        let session = self.session_mut(id)?;
        let was_in_map = core::mem::replace(&mut session.in_map, false);
        session.done = true;
        self.server = match (teller, retract) {
            (Teller::Watcher, Retract::Always | Retract::IfPresent) => Server::Idle,
            (Teller::Server, Retract::IfPresent) if !was_in_map => Server::Idle,
            (Teller::Server, Retract::Always | Retract::IfPresent) => Server::AtGate(id),
        };
        let mut told = vec![Output::Ended(id)];
        told.extend(was_in_map.then_some(Output::Removed(id)));
        Ok(told)
    }

    pub(super) fn server_gate(&mut self, id: SessionId) -> Told {
        only_if(self.server == Server::AtGate(id), Refusal::NotNow)?;
        self.server = if self.gate(id)? { Server::TellingDone(id) } else { Server::Idle };
        Ok(vec![])
    }

    pub(super) fn done_peer(&mut self, id: SessionId, by: Task) -> Told {
        match by {
            Task::Server => {
                only_if(self.server == Server::TellingDone(id), Refusal::NotNow)?;
                self.send_message(Message::DonePeer(id))?;
                let evicts = self.switches.evictor == Evictor::Server && self.bounds.transactions > 0;
                self.server = if evicts { Server::Evicting(id) } else { Server::Idle };
                Ok(vec![])
            }
            Task::Watcher => {
                only_if(self.session(id)?.is_watcher_telling(), Refusal::NotNow)?;
                self.send_message(Message::DonePeer(id))?;
                self.watcher_has_told(id)
            }
            Task::Start | Task::Negotiation | Task::Reader => Err(Refusal::NotNow),
        }
    }

    pub(super) fn evict(&mut self, id: SessionId, by: Task) -> Told {
        match by {
            Task::Server => {
                only_if(self.server == Server::Evicting(id), Refusal::NotNow)?;
                self.server = Server::Idle;
                Ok(vec![Output::Dropped(id)])
            }
            Task::Watcher => self.watcher_has_evicted(id),
            Task::Start | Task::Negotiation | Task::Reader => Err(Refusal::NotNow),
        }
    }

    /// The operator's request is served: the map entry goes at once, long before *done* comes. The entry is the loop's
    /// own, so that the write of the flag is all that others see.
    pub(super) fn disconnect_node(&mut self, id: SessionId) -> Told {
        let offered = self.bounds.operator.is_present() && self.server == Server::Idle;
        only_if(offered && self.session(id)?.in_map, Refusal::NotNow)?;
        self.session_mut(id)?.in_map = false;
        let mut told = self.disconnect_from_server(id)?;
        told.push(Output::Removed(id));
        Ok(told)
    }

    /// The loop disconnects a peer, in two steps if nobody has done so before.
    pub(super) fn disconnect_from_server(&mut self, id: SessionId) -> Told {
        let told = self.begin_disconnect(id, Task::Server, Output::Disconnecting(id))?;
        if told.is_empty() {
            self.server_goes_on(id);
        } else {
            self.server = Server::Disconnecting(id);
        }
        Ok(told)
    }

    pub(super) fn receive_relay(&mut self) -> Told {
        let receives = match self.switches.relay {
            Relay::Blocking | Relay::Unbounded => self.server == Server::Idle,
            Relay::ReceivedWhileWaiting => self.server == Server::Idle || self.server.waits_for_manager(),
        };
        only_if(receives, Refusal::NotNow)?;
        self.relayed = self.relayed.checked_sub(1).ok_or(Refusal::Empty)?;
        Ok(vec![])
    }
}
