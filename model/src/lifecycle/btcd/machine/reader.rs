//! The reader (I).

use handfast_spec::lifecycle::{Refusal, SessionId};

use super::session::{Reader, Socket};
use super::{Btcd, Message, Told, only_if};

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
