//! `start` (S), the attachment of the connection, and the disconnect.

use handfast_spec::lifecycle::{Output, Refusal, SessionId};

use super::session::{Ending, Outcome, Reader, Socket, Start, Watcher};
use super::{Btcd, Told, only_if};
use crate::lifecycle::btcd::switches::{Attach, Spawn, StartWait};
use crate::lifecycle::btcd::vocabulary::Task;

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

    fn take_outcome(&mut self, id: SessionId, outcome: Outcome) -> Result<&mut super::session::Session, Refusal> {
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

    /// Whoever wants the connection to end: its peer, by closing it, or anybody on this side.
    pub(super) fn disconnected(&mut self, id: SessionId) -> Told {
        only_if(self.session(id)?.is_connected(), Refusal::Ending)?;
        self.begin_disconnect(id, Task::Reader, Output::Disconnecting(id))
    }

    /// The first half of `Disconnect()`. Whoever is first owes the second half; the others return.
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
