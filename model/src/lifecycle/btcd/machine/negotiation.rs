//! The negotiation (N), and `OnVerAck`, which may have a second caller.

use handfast_spec::lifecycle::{Key, Output, Refusal, SessionId};

use super::session::{Negotiation, Outcome, Second, Session, Socket};
use super::{Btcd, Told, only_if};
use crate::lifecycle::btcd::switches::{Adder, Channels, Gate, Signal};
use crate::lifecycle::btcd::vocabulary::{Event, Task};

impl Btcd {
    pub(super) fn read_verack(&mut self, id: SessionId) -> Told {
        let session = self.session_mut(id)?;
        only_if(session.negotiation == Negotiation::Reading && session.socket == Socket::Open, Refusal::NotNow)?;
        session.negotiation = Negotiation::VerackRead;
        Ok(vec![])
    }

    pub(super) fn read_error(&mut self, id: SessionId) -> Told {
        let session = self.session_mut(id)?;
        only_if(session.negotiation == Negotiation::Reading && session.socket == Socket::Closed, Refusal::NotNow)?;
        session.negotiation = Negotiation::Reporting(Outcome::Failed);
        Ok(vec![])
    }

    /// The panic may come anywhere between two steps; it is recovered, and nothing is reported to `start`.
    pub(super) fn panic(&mut self, id: SessionId) -> Told {
        only_if(self.bounds.panics.is_present(), Refusal::NotNow)?;
        let session = self.session_mut(id)?;
        match session.negotiation {
            Negotiation::Unspawned | Negotiation::Reporting(_) | Negotiation::Over => Err(Refusal::NotNow),
            Negotiation::OnVersion
            | Negotiation::Reading
            | Negotiation::VerackRead
            | Negotiation::Calling
            | Negotiation::Closing
            | Negotiation::Adding => {
                session.negotiation = Negotiation::Over;
                self.begin_disconnect(id, Task::Negotiation, Output::Disconnecting(id))
            }
        }
    }

    /// The handshake is complete. Every peer of this model claims more blocks than this node has; its version said so,
    /// and is told with the flag.
    pub(super) fn set_flag(&mut self, id: SessionId) -> Told {
        let adder = self.switches.adder;
        let session = self.session_mut(id)?;
        only_if(session.negotiation == Negotiation::VerackRead, Refusal::NotNow)?;
        session.verack = true;
        session.negotiation = match adder {
            Adder::Negotiation => Negotiation::Adding,
            Adder::Watcher | Adder::Both => Negotiation::Calling,
        };
        Ok(vec![Output::HandshakeDone(id, Key(id.0)), Output::PeerAhead(id)])
    }

    /// A second verack, as somebody would see it who calls `OnVerAck` from the reader. Where the negotiation sends
    /// *add* itself there is no signal to be given twice.
    pub(super) fn read_verack_again(&mut self, id: SessionId) -> Told {
        let adder = self.switches.adder;
        let session = self.session_mut(id)?;
        let possible = session.verack && session.second == Second::Possible;
        only_if(possible && adder != Adder::Negotiation, Refusal::NotNow)?;
        session.second = Second::Calling;
        Ok(vec![])
    }

    pub(super) fn on_verack(&mut self, id: SessionId, by: Task) -> Told {
        let (adder, signal) = (self.switches.adder, self.switches.signal);
        let session = self.session_mut(id)?;
        only_if(session.is_calling(by), Refusal::NotNow)?;
        match (signal, session.signalled) {
            (Signal::Check, false) => {
                session.found_open(by);
                Ok(vec![])
            }
            (Signal::Bare | Signal::Once, false) => {
                session.signalled = true;
                session.has_called(by, adder);
                Ok(vec![])
            }
            (Signal::Check | Signal::Once, true) => {
                session.has_called(by, adder);
                Ok(vec![Output::HandshakeDoneTwice(id)])
            }
            (Signal::Bare, true) => self.closed_twice(id, by),
        }
    }

    pub(super) fn close_verack(&mut self, id: SessionId, by: Task) -> Told {
        let adder = self.switches.adder;
        let session = self.session_mut(id)?;
        only_if(session.is_closing(by), Refusal::NotNow)?;
        if session.signalled {
            return self.closed_twice(id, by);
        }
        session.signalled = true;
        session.has_called(by, adder);
        Ok(vec![])
    }

    /// The runtime panics when a closed channel is closed; the task recovers by a disconnect and ends.
    fn closed_twice(&mut self, id: SessionId, by: Task) -> Told {
        let session = self.session_mut(id)?;
        match by {
            Task::Negotiation => session.negotiation = Negotiation::Over,
            Task::Reader => session.second = Second::Over,
            Task::Start | Task::Watcher | Task::Server => return Err(Refusal::NotNow),
        }
        let mut told = vec![Output::Panicked(id)];
        told.extend(self.begin_disconnect(id, by, Output::Disconnecting(id))?);
        Ok(told)
    }

    pub(super) fn send_add(&mut self, id: SessionId, by: Task) -> Told {
        let session = self.session(id)?;
        match by {
            Task::Negotiation => only_if(session.negotiation == Negotiation::Adding, Refusal::NotNow)?,
            Task::Watcher => only_if(session.is_watcher_adding(), Refusal::NotNow)?,
            Task::Start | Task::Reader | Task::Server => return Err(Refusal::NotNow),
        }
        self.send_event(id, Event::Add)?;
        let marks = self.switches.gate == Gate::PeerAdded;
        let session = self.session_mut(id)?;
        if by == Task::Negotiation {
            session.negotiation = Negotiation::Reporting(Outcome::Succeeded);
        } else {
            session.watcher_has_added(marks);
        }
        Ok(vec![])
    }

    pub(super) fn send_event(&mut self, id: SessionId, event: Event) -> Result<(), Refusal> {
        let room = self.bounds.events;
        match (self.switches.channels, event) {
            (Channels::One, _) | (Channels::Two, Event::Add) => self.lifecycle.push((id, event), room),
            (Channels::Two, Event::Done) => self.done_peers.push((id, event), room),
        }
    }

    pub(super) fn report(&mut self, id: SessionId) -> Told {
        let session = self.session_mut(id)?;
        let Negotiation::Reporting(outcome) = session.negotiation else { return Err(Refusal::NotNow) };
        session.negotiated = Some(outcome);
        session.negotiation = Negotiation::Over;
        Ok(vec![])
    }
}

impl Session {
    fn is_calling(&self, by: Task) -> bool {
        match by {
            Task::Negotiation => self.negotiation == Negotiation::Calling,
            Task::Reader => self.second == Second::Calling,
            Task::Start | Task::Watcher | Task::Server => false,
        }
    }

    fn is_closing(&self, by: Task) -> bool {
        match by {
            Task::Negotiation => self.negotiation == Negotiation::Closing,
            Task::Reader => self.second == Second::Closing,
            Task::Start | Task::Watcher | Task::Server => false,
        }
    }

    fn found_open(&mut self, by: Task) {
        if by == Task::Negotiation {
            self.negotiation = Negotiation::Closing;
        } else {
            self.second = Second::Closing;
        }
    }

    fn has_called(&mut self, by: Task, adder: Adder) {
        if by != Task::Negotiation {
            self.second = Second::Over;
            return;
        }
        self.negotiation = match adder {
            Adder::Both => Negotiation::Adding,
            Adder::Negotiation | Adder::Watcher => Negotiation::Reporting(Outcome::Succeeded),
        };
    }
}
