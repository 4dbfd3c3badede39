//! The server loop (H), `peerHandler`.

use handfast_spec::lifecycle::{Event as Heard, Output, Reason, Refusal, SELECTOR, SessionId};
use serde::Serialize;

use super::session::{Negotiation, Reader};
use super::{Bounds, Btcd, Event, Message, Relay, Told, only_if};
use crate::lifecycle::btcd::switches::{Drain, Evictor, Guard, OnVersion, Retract, Teller};
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
    /// the map is the loop's own: no other task sees it between the two.
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

    /// Once the node is to stop no peer is admitted (A2); before that, where rejects are looked at, any peer may be
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

    /// The loop disconnects a peer, in two steps if no task has done so before.
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

// The sync manager (B), `blockHandler`.

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
    pub(super) fn in_words(&self) -> String {
        let place = match self.place {
            Place::Idle => "at its select",
            Place::Relaying => "is to relay a block",
            Place::Over => "has ended",
        };
        let known = (0..).map(SessionId).zip(self.peers).filter(|(_, is_known)| *is_known);
        let known: String = known.map(|(id, _)| format!(", knows {id}")).collect();
        let sync = self.sync.map(|id| format!(", syncs from {id}")).unwrap_or_default();
        format!("{place}{known}{sync}")
    }

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

// How the node stops.

/// How far the stop is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) enum Stop {
    No,
    /// `shutdown` is set and `quit` is closed.
    Asked,
    /// The server loop disconnects peers.
    Sweeping,
    /// The server loop serves until every *done* has come.
    Draining,
    /// The sync manager is to stop.
    Manager,
    Complete,
}

impl Stop {
    pub(super) fn is_asked(self) -> bool {
        self != Self::No
    }

    pub(super) fn is_manager_stopping(self) -> bool {
        matches!(self, Self::Manager | Self::Complete)
    }
}

impl Btcd {
    pub(super) fn stop(&mut self) -> Told {
        only_if(self.bounds.shutdown.is_present() && self.stop == Stop::No, Refusal::AlreadyClosing)?;
        self.stop = Stop::Asked;
        Ok(vec![Output::ShutdownBegun])
    }

    pub(super) fn stop_server(&mut self) -> Told {
        only_if(self.server == Server::Idle && self.stop == Stop::Asked, Refusal::NotNow)?;
        self.stop = Stop::Sweeping;
        self.server = Server::Sweeping(SessionId(0));
        Ok(vec![])
    }

    /// btcd disconnects the peers of its map, and so misses those that have not completed their handshake and those
    /// whose *add* is queued.
    pub(super) fn sweep(&mut self, id: SessionId) -> Told {
        only_if(self.server == Server::Sweeping(id), Refusal::NotNow)?;
        let swept = match self.switches.drain {
            Drain::OneShot => self.session(id)?.in_map,
            Drain::UntilEmpty => !self.session(id)?.done,
        };
        if swept {
            return self.disconnect_from_server(id);
        }
        self.server_goes_on(id);
        Ok(vec![])
    }

    /// The server loop is through with the disconnect of this peer.
    pub(super) fn server_goes_on(&mut self, id: SessionId) {
        self.server = match self.stop {
            Stop::No | Stop::Asked | Stop::Draining | Stop::Manager | Stop::Complete => Server::Idle,
            Stop::Sweeping => self.after_sweep_of(id),
        };
    }

    /// The corrected loop goes back to its select after the sweep.
    fn after_sweep_of(&mut self, id: SessionId) -> Server {
        let next = SessionId(id.0 + 1);
        match self.switches.drain {
            Drain::OneShot | Drain::UntilEmpty if self.session(next).is_ok() => Server::Sweeping(next),
            Drain::OneShot => Server::Swept,
            Drain::UntilEmpty => {
                self.stop = Stop::Draining;
                Server::Idle
            }
        }
    }

    /// btcd stops the sync manager after the sweep; the corrected loop when it has handled the *done* of every peer.
    pub(super) fn stop_manager(&mut self) -> Told {
        let due = match self.switches.drain {
            Drain::OneShot => self.server == Server::Swept,
            Drain::UntilEmpty => {
                let idle = self.server == Server::Idle && self.stop == Stop::Draining;
                idle && self.live().all(|session| session.done)
            }
        };
        only_if(due, Refusal::NotFinished)?;
        self.stop = Stop::Manager;
        self.server = Server::AwaitingManager;
        Ok(vec![])
    }

    pub(super) fn server_ends(&mut self) -> Told {
        only_if(self.server == Server::AwaitingManager && self.manager.has_ended(), Refusal::NotNow)?;
        self.lifecycle.clear();
        self.done_peers.clear();
        self.relayed = 0;
        self.stop = Stop::Complete;
        self.server = Server::Over;
        Ok(vec![Output::ShutdownComplete])
    }
}
