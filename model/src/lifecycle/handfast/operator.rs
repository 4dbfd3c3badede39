//! What the operator does under the lock: bans and the shutdown.

use std::net::IpAddr;

use handfast_spec::lifecycle::{Key, Output, Phase, Refusal};

use super::Flaw;
use super::machine::{Handfast, Outcome, Outputs, Session, Stage};

impl Handfast {
    pub(super) fn ban(&mut self, key: Key, outputs: &mut Outputs) -> Outcome {
        if self.banned.contains(key) || self.queued_ban == Some(key) {
            return Err(Refusal::AlreadyBanned);
        }
        if self.config.flaw == Flaw::BanIsQueued {
            self.queued_ban = Some(key);
        } else {
            self.banned.insert(key);
        }
        outputs.push(Output::Banned(key));
        for session in self.ids() {
            let state = self.session_mut(session);
            if state.key == key && state.stage == Stage::Up {
                self.tell_to_end(session, outputs);
            }
        }
        Ok(())
    }

    pub(super) fn unban(&mut self, key: Key, outputs: &mut Outputs) -> Outcome {
        if !self.banned.remove(key) {
            return Err(Refusal::NotBanned);
        }
        outputs.push(Output::Unbanned(key));
        Ok(())
    }

    /// PEER-13: whoever has the address and holds a slot is told to end, announced or not.
    pub(super) fn ban_address(&mut self, address: IpAddr, outputs: &mut Outputs) -> Outcome {
        if !self.banned_addresses.insert(address) {
            return Err(Refusal::AlreadyBanned);
        }
        outputs.push(Output::AddressBanned(address));
        for session in self.ids() {
            let Session { stage, origin, .. } = *self.session_mut(session);
            let is_pending = matches!(stage, Stage::Handshaking | Stage::HandshakeDone);
            let spared = is_pending && self.config.flaw == Flaw::AddressBanSparesPending;
            if origin.address == Some(address) && !spared {
                self.tell_to_end(session, outputs);
            }
        }
        Ok(())
    }

    pub(super) fn unban_address(&mut self, address: IpAddr, outputs: &mut Outputs) -> Outcome {
        if !self.banned_addresses.remove(&address) {
            return Err(Refusal::NotBanned);
        }
        outputs.push(Output::AddressUnbanned(address));
        Ok(())
    }

    /// PEER-18, PEER-28: whoever holds a slot is told to end.
    pub(super) fn shutdown(&mut self, outputs: &mut Outputs) -> Outcome {
        if self.phase != Phase::Open {
            return Err(Refusal::AlreadyClosing);
        }
        self.phase = Phase::Begun;
        outputs.push(Output::ShutdownBegun);
        for session in self.ids() {
            let told = match self.session_mut(session).stage {
                Stage::Unused | Stage::Ended => false,
                Stage::Handshaking => self.config.flaw != Flaw::StopForgetsPending,
                Stage::HandshakeDone => self.config.flaw != Flaw::StopForgetsGreeted,
                Stage::Up | Stage::Rejected | Stage::Half => true,
            };
            if told {
                self.tell_to_end(session, outputs);
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, outputs: &mut Outputs) -> Outcome {
        let waits_for = |session: &Session| match session.stage {
            Stage::Unused | Stage::Ended => false,
            Stage::Handshaking => self.config.flaw != Flaw::StopForgetsPending,
            Stage::Half => self.config.flaw != Flaw::DownAfterRelease,
            Stage::HandshakeDone | Stage::Up | Stage::Rejected => true,
        };
        let queued = self.queues.iter().any(|queue| !queue.events.is_empty());
        if self.phase != Phase::Begun
            || self.sessions.iter().any(waits_for)
            || (self.config.flaw == Flaw::StopWaitsForQueues && queued)
        {
            return Err(Refusal::NotFinished);
        }
        self.phase = Phase::Complete;
        outputs.push(Output::ShutdownComplete);
        Ok(())
    }
}
