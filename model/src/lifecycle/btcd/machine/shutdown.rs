//! How the node stops.

use handfast_spec::lifecycle::{Output, Refusal, SessionId};
use serde::Serialize;

use super::server::Server;
use super::{Btcd, Told, only_if};
use crate::lifecycle::btcd::switches::Drain;

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
