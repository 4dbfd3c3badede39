//! The negotiation (N), and `OnVerAck`, which may have a second caller.

use handfast_spec::lifecycle::{Key, Output, Refusal, SessionId};

use super::session::{Ending, Negotiation, Outcome, Reader, Second, Session, Socket, Start, Watcher};
use super::{Btcd, Message, Told, only_if};
use crate::lifecycle::btcd::switches::{
    Adder, Attach, Channels, Evictor, Gate, Select, Signal, Spawn, StartWait, Teller,
};
use crate::lifecycle::btcd::vocabulary::{Event, Ready, Task};

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

    /// A second verack, as a caller of `OnVerAck` from the reader would see it. Where the negotiation sends
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

/// `start` (S), the attachment of the connection, and the disconnect.
impl Btcd {
    pub(super) fn attach(&mut self, id: SessionId) -> Told {
        let switches = self.switches;
        let session = self.session_mut(id)?;
        only_if(session.socket == Socket::Unattached, Refusal::NotNow)?;
        let too_late = !session.is_connected();
        *session = session.attached(&switches);
        match switches.attach {
            Attach::Checked if too_late => {
                session.socket = Socket::Closed;
                Ok(vec![Output::Closed(id)])
            }
            Attach::Checked | Attach::Unchecked => Ok(vec![]),
        }
    }

    pub(super) fn started(&mut self, id: SessionId) -> Told {
        let switches = self.switches;
        let session = self.take_outcome(id, Outcome::Succeeded)?;
        if session.transactions > 0 {
            session.reader = Reader::Reading;
        }
        if switches.spawn == Spawn::AfterStart {
            session.watcher = Watcher::spawned(&switches);
        }
        Ok(vec![])
    }

    pub(super) fn start_failed(&mut self, id: SessionId) -> Told {
        self.take_outcome(id, Outcome::Failed)?;
        self.begin_disconnect(id, Task::Start, Output::Disconnecting(id))
    }

    fn take_outcome(&mut self, id: SessionId, outcome: Outcome) -> Result<&mut Session, Refusal> {
        let session = self.session_mut(id)?;
        only_if(session.start == Start::Waiting && session.negotiated == Some(outcome), Refusal::NotNow)?;
        session.negotiated = None;
        session.start = Start::Over;
        Ok(session)
    }

    pub(super) fn expire(&mut self, id: SessionId) -> Told {
        let session = self.session_mut(id)?;
        only_if(session.start == Start::Waiting, Refusal::NotNow)?;
        session.start = Start::Over;
        self.begin_disconnect(id, Task::Start, Output::TimedOut(id))
    }

    pub(super) fn start_quits(&mut self, id: SessionId) -> Told {
        let wait = self.switches.start;
        let session = self.session_mut(id)?;
        let hears = wait == StartWait::Quit && session.ending == Ending::QuitClosed;
        only_if(session.start == Start::Waiting && hears, Refusal::NotNow)?;
        session.start = Start::Over;
        Ok(vec![])
    }

    /// The connection is to end: its peer closes it, or a task on this side asks for it.
    pub(super) fn disconnected(&mut self, id: SessionId) -> Told {
        only_if(self.session(id)?.is_connected(), Refusal::Ending)?;
        self.begin_disconnect(id, Task::Reader, Output::Disconnecting(id))
    }

    /// The first half of `Disconnect()`. The first caller owes the second half; the others return.
    pub(super) fn begin_disconnect(&mut self, id: SessionId, by: Task, output: Output) -> Told {
        let session = self.session_mut(id)?;
        match session.ending {
            Ending::Begun(_) | Ending::QuitClosed => Ok(vec![]),
            Ending::No => {
                session.ending = Ending::Begun(by);
                Ok(vec![output])
            }
        }
    }

    /// The second half of `Disconnect()`: the socket is closed, if there is one, and then the channel.
    pub(super) fn close_quit(&mut self, id: SessionId, by: Task) -> Told {
        let session = self.session_mut(id)?;
        only_if(session.ending == Ending::Begun(by), Refusal::NotNow)?;
        session.ending = Ending::QuitClosed;
        let told = match session.socket {
            Socket::Unattached | Socket::Closed => vec![],
            Socket::Open => {
                session.socket = Socket::Closed;
                vec![Output::Closed(id)]
            }
        };
        if by == Task::Server {
            self.server_goes_on(id);
        }
        Ok(told)
    }
}

// The watcher (L), which is `peerDoneHandler`, later `peerLifecycleHandler`; and the reader (I).

/// The watcher.
impl Btcd {
    pub(super) fn wake(&mut self, id: SessionId, on: Ready) -> Told {
        let select = self.switches.select;
        let session = self.session_mut(id)?;
        session.watcher = match on {
            Ready::VerAck => {
                only_if(session.watcher == Watcher::Selecting && session.signalled, Refusal::NotNow)?;
                Watcher::Adding
            }
            Ready::Quit => {
                let overruled = select == Select::Biased && session.signalled;
                only_if(session.ending == Ending::QuitClosed, Refusal::NotNow)?;
                if session.watcher == Watcher::Waiting {
                    Watcher::Ending
                } else {
                    only_if(session.watcher == Watcher::Selecting && !overruled, Refusal::NotNow)?;
                    Watcher::Waiting
                }
            }
        };
        Ok(vec![])
    }

    pub(super) fn set_added(&mut self, id: SessionId) -> Told {
        let session = self.session_mut(id)?;
        only_if(session.watcher == Watcher::Marking, Refusal::NotNow)?;
        session.peer_added = true;
        session.watcher = Watcher::Waiting;
        Ok(vec![])
    }

    pub(super) fn send_done(&mut self, id: SessionId) -> Told {
        only_if(self.session(id)?.watcher == Watcher::Ending, Refusal::NotNow)?;
        self.send_event(id, Event::Done)?;
        let next = match self.switches.teller {
            Teller::Watcher => Watcher::AtGate,
            Teller::Server => self.watcher_evicts(),
        };
        self.session_mut(id)?.watcher = next;
        Ok(vec![])
    }

    pub(super) fn watcher_gate(&mut self, id: SessionId) -> Told {
        only_if(self.session(id)?.watcher == Watcher::AtGate, Refusal::NotNow)?;
        let passes = self.gate(id)?;
        self.session_mut(id)?.watcher = if passes { Watcher::Telling } else { Watcher::Over };
        Ok(vec![])
    }

    pub(super) fn watcher_has_told(&mut self, id: SessionId) -> Told {
        let next = self.watcher_evicts();
        self.session_mut(id)?.watcher = next;
        Ok(vec![])
    }

    pub(super) fn watcher_has_evicted(&mut self, id: SessionId) -> Told {
        let session = self.session_mut(id)?;
        only_if(session.watcher == Watcher::Evicting, Refusal::NotNow)?;
        session.watcher = Watcher::Over;
        Ok(vec![Output::Dropped(id)])
    }

    fn watcher_evicts(&self) -> Watcher {
        match self.switches.evictor {
            Evictor::Watcher if self.bounds.transactions > 0 => Watcher::Evicting,
            Evictor::Watcher | Evictor::Server | Evictor::Manager => Watcher::Over,
        }
    }
}

impl Session {
    pub(super) fn is_watcher_adding(&self) -> bool {
        self.watcher == Watcher::Adding
    }

    pub(super) fn is_watcher_telling(&self) -> bool {
        self.watcher == Watcher::Telling
    }

    pub(super) fn watcher_has_added(&mut self, marks: bool) {
        self.watcher = if marks { Watcher::Marking } else { Watcher::Waiting };
    }
}

/// The reader.
impl Btcd {
    pub(super) fn transaction(&mut self, id: SessionId) -> Told {
        let session = self.session_mut(id)?;
        let readable = session.reader == Reader::Reading && session.socket == Socket::Open;
        only_if(readable && session.transactions > 0, Refusal::NotNow)?;
        session.transactions -= 1;
        session.reader = Reader::Queueing;
        Ok(vec![])
    }

    pub(super) fn queue(&mut self, id: SessionId) -> Told {
        only_if(self.session(id)?.reader == Reader::Queueing, Refusal::NotNow)?;
        let skips = self.stop.is_manager_stopping();
        self.send_message(Message::Transaction(id))?;
        self.session_mut(id)?.reader = if skips { Reader::Reading } else { Reader::Waiting };
        Ok(vec![])
    }

    pub(super) fn reader_ends(&mut self, id: SessionId) -> Told {
        let session = self.session_mut(id)?;
        only_if(session.reader == Reader::Reading && !session.is_connected(), Refusal::NotNow)?;
        session.reader = Reader::Over;
        Ok(vec![])
    }
}
