//! What the operator does.

use std::net::IpAddr;

use handfast_spec::Observation;
use handfast_spec::lifecycle::{Action, Output, Refusal};

use super::Record;
use crate::lifecycle::{Misuse, SessionId};

impl<K: Clone + Ord> Record<K> {
    pub(in super::super) fn banned(&mut self, key: &K, outcome: Result<(), Misuse>, told_to_end: &[SessionId]) {
        let Some(key) = self.key(key) else { return };
        let observation = match outcome {
            Ok(()) => Observation::Accepted(
                [Output::Banned(key)].into_iter().chain(self.disconnecting(told_to_end)).collect(),
            ),
            Err(_) => Observation::Refused(Refusal::AlreadyBanned),
        };
        self.line(Action::Ban { key }, observation);
    }

    pub(in super::super) fn unbanned(&mut self, key: &K, outcome: Result<(), Misuse>) {
        let Some(key) = self.key(key) else { return };
        let observation = match outcome {
            Ok(()) => Observation::Accepted(vec![Output::Unbanned(key)]),
            Err(_) => Observation::Refused(Refusal::NotBanned),
        };
        self.line(Action::Unban { key }, observation);
    }

    pub(in super::super) fn address_banned(
        &mut self,
        address: IpAddr,
        outcome: Result<(), Misuse>,
        told_to_end: &[SessionId],
    ) {
        let address = address.to_canonical();
        let observation = match outcome {
            Ok(()) => Observation::Accepted(
                [Output::AddressBanned(address)].into_iter().chain(self.disconnecting(told_to_end)).collect(),
            ),
            Err(_) => Observation::Refused(Refusal::AlreadyBanned),
        };
        self.line(Action::BanAddress { address }, observation);
    }

    pub(in super::super) fn address_unbanned(&mut self, address: IpAddr, outcome: Result<(), Misuse>) {
        let address = address.to_canonical();
        let observation = match outcome {
            Ok(()) => Observation::Accepted(vec![Output::AddressUnbanned(address)]),
            Err(_) => Observation::Refused(Refusal::NotBanned),
        };
        self.line(Action::UnbanAddress { address }, observation);
    }

    /// To the model the end of all sessions of a key is as many disconnects, one after the other.
    pub(in super::super) fn all_disconnected(&mut self, told_to_end: &[SessionId]) {
        told_to_end.iter().for_each(|&session| self.disconnected(session, Ok(())));
    }

    pub(in super::super) fn shutting_down(&mut self, told_to_end: &[SessionId]) {
        let told = [Output::ShutdownBegun].into_iter().chain(self.disconnecting(told_to_end)).collect::<Vec<_>>();
        self.told(Action::Shutdown, told);
    }
}
