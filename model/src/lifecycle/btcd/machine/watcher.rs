//! The watcher (L), which is `peerDoneHandler`, later `peerLifecycleHandler`; and the reader (I).

use handfast_spec::lifecycle::{Output, Refusal, SessionId};

use super::session::{Ending, Reader, Session, Socket, Watcher};
use super::{Btcd, Message, Told, only_if};
use crate::lifecycle::btcd::switches::{Evictor, Select, Teller};
use crate::lifecycle::btcd::vocabulary::{Event, Ready};

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
