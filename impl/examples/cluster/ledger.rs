//! What became of every frame.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use handfast::node::Drained;
use handfast::simopen::Role;

use crate::noise::PublicKey;
use crate::upgrade::About;

/// The frames of one direction of one session.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// Frames that the sender's connection accepted.
    accepted: u64,
    /// Frames that the receiver read.
    delivered: u64,
    /// Frames that were not the next one.
    out_of_order: u64,
    /// Whether the sender knows that all have arrived, once its session is over.
    sender_is_clean: Option<bool>,
    /// Whether the receiver has read the sender's marker, once its session is over.
    receiver_is_complete: Option<bool>,
}

/// How often sessions were announced, and in which role.
#[derive(Clone, Copy, Debug, Default)]
struct Sessions {
    initiators: u64,
    responders: u64,
    clean: u64,
}

#[derive(Default)]
pub(crate) struct Ledger {
    accounts: Mutex<BTreeMap<u64, Account>>,
    sessions: Mutex<Sessions>,
    delivered: AtomicU64,
}

impl Ledger {
    fn accounts(&self) -> MutexGuard<'_, BTreeMap<u64, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn accepted(&self, frames: u64) {
        self.accounts().entry(frames).or_default().accepted += 1;
    }

    pub(crate) fn delivered_one(&self, frames: u64, number: u64) {
        let mut accounts = self.accounts();
        let account = accounts.entry(frames).or_default();
        account.out_of_order += u64::from(number != account.delivered);
        account.delivered += 1;
        drop(accounts);
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    /// Frames that were delivered in all.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    pub(crate) fn drained(&self, drained: &Drained<PublicKey, About>) {
        let About { ours, theirs, role } = drained.peer.info;
        let mut accounts = self.accounts();
        accounts.entry(ours.frames).or_default().sender_is_clean = Some(drained.is_clean());
        accounts.entry(theirs.frames).or_default().receiver_is_complete = Some(drained.peer_ended);
        drop(accounts);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        match role {
            Role::Initiator => sessions.initiators += 1,
            Role::Responder => sessions.responders += 1,
        }
        sessions.clean += u64::from(drained.is_clean());
    }

    /// Adds everything up, when every session is over. `is_alone` says that the other ends' accounts are elsewhere.
    pub(crate) fn summary(&self, is_alone: bool) -> Summary {
        let sessions = *self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut summary = Summary { sessions, accepted: 0, delivered: 0, reported: 0, silent: 0, out_of_order: 0 };
        for account in self.accounts().values() {
            summary.accepted += account.accepted;
            summary.delivered += account.delivered;
            summary.out_of_order += account.out_of_order;
            let lost = account.accepted.saturating_sub(account.delivered);
            if is_alone {
                // Only this end's word is known.
                summary.reported += if account.sender_is_clean == Some(false) { lost } else { 0 };
            } else if account.is_reported() {
                summary.reported += lost;
            } else {
                summary.silent += lost;
            }
        }
        summary
    }
}

impl Account {
    /// Whether one of the ends knows that frames may be lost. The marker is behind the last frame, so that a receiver that
    /// has read it has no excuse.
    fn is_reported(&self) -> bool {
        match self.receiver_is_complete {
            Some(true) => false,
            Some(false) => true,
            None => self.sender_is_clean == Some(false),
        }
    }
}

pub(crate) struct Summary {
    sessions: Sessions,
    accepted: u64,
    delivered: u64,
    reported: u64,
    silent: u64,
    out_of_order: u64,
}

impl Summary {
    pub(crate) fn is_sound(&self) -> bool {
        self.silent == 0 && self.out_of_order == 0
    }

    pub(crate) fn lines(&self) -> [String; 3] {
        let Self { sessions, accepted, delivered, reported, silent, out_of_order } = self;
        let Sessions { initiators, responders, clean } = sessions;
        [
            format!("session ends {}, of which {clean} clean", initiators + responders),
            format!("roles {initiators} initiators, {responders} responders"),
            format!(
                "frames {accepted} accepted, {delivered} delivered, {reported} reported lost, {silent} silently lost, \
                 {out_of_order} out of order"
            ),
        ]
    }
}
