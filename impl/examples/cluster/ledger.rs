//! What became of every frame.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
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

/// What the accounts add up to.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    accepted: u64,
    delivered: u64,
    reported: u64,
    silent: u64,
    out_of_order: u64,
}

/// The accounts of directions that an end may still add to, and what all others add up to.
#[derive(Default)]
struct Accounts {
    open: BTreeMap<u64, Account>,
    closed: Totals,
}

pub(crate) struct Ledger {
    /// Whether the other ends' accounts are elsewhere.
    is_alone: bool,
    accounts: Mutex<Accounts>,
    sessions: Mutex<Sessions>,
    delivered: AtomicU64,
    file: Mutex<Option<io::Result<File>>>,
}

impl Ledger {
    /// A ledger that also writes to a file in this directory, if there is one. Other processes may write to the same.
    pub(crate) fn new(is_alone: bool, directory: Option<&Path>) -> Result<Self, String> {
        let open = |directory: &Path| {
            let path = directory.join("ledger.txt");
            let file = OpenOptions::new().create(true).append(true).open(&path);
            file.map_err(|error| format!("cannot write {}: {error}", path.display()))
        };
        let file = Mutex::new(directory.map(open).transpose()?.map(Ok));
        let (accounts, sessions) = (Mutex::default(), Mutex::default());
        Ok(Self { is_alone, accounts, sessions, delivered: AtomicU64::new(0), file })
    }

    /// Writes what both directions of a session came to at this end: frames, their number, how many of them, and whether
    /// the sender knows that all have arrived, or the receiver has read to the marker. It is one call, so that a process
    /// that is killed has written both lines or none.
    fn write(&self, lines: &str) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(open)) = &mut *file
            && let Err(error) = open.write_all(lines.as_bytes())
        {
            *file = Some(Err(error));
        }
    }

    /// Returns the first error of the file.
    pub(crate) fn written(&self) -> Result<(), String> {
        match &*self.file.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Err(error)) => Err(format!("the ledger is not complete: {error}")),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn accepted(&self, frames: u64) {
        self.accounts().open.entry(frames).or_default().accepted += 1;
    }

    pub(crate) fn delivered_one(&self, frames: u64, number: u64) {
        let mut accounts = self.accounts();
        let account = accounts.open.entry(frames).or_default();
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
        let sent = accounts.open.entry(ours.frames).or_default();
        sent.sender_is_clean = Some(drained.is_clean());
        let sent = sent.accepted;
        let read = accounts.open.entry(theirs.frames).or_default();
        read.receiver_is_complete = Some(drained.peer_ended);
        let read = read.delivered;
        accounts.close(ours.frames, self.is_alone);
        accounts.close(theirs.frames, self.is_alone);
        drop(accounts);
        let (clean, complete) = (drained.is_clean(), drained.peer_ended);
        let (ours, theirs) = (ours.frames, theirs.frames);
        self.write(&format!("sent {ours} {sent} {clean}\nread {theirs} {read} {complete}\n"));
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        match role {
            Role::Initiator => sessions.initiators += 1,
            Role::Responder => sessions.responders += 1,
        }
        sessions.clean += u64::from(drained.is_clean());
    }

    /// Adds everything up, when every session is over.
    pub(crate) fn summary(&self) -> Summary {
        let sessions = *self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts = self.accounts();
        let mut totals = accounts.closed;
        accounts.open.values().for_each(|account| totals.add(account, self.is_alone));
        Summary { sessions, totals }
    }
}

impl Accounts {
    /// Adds an account up that no end adds to any more: a node that runs until it is told to end keeps none for ever.
    fn close(&mut self, frames: u64, is_alone: bool) {
        let is_over = |account: &Account| account.sender_is_clean.is_some() && account.receiver_is_complete.is_some();
        if self.open.get(&frames).is_some_and(|account| is_alone || is_over(account))
            && let Some(account) = self.open.remove(&frames)
        {
            self.closed.add(&account, is_alone);
        }
    }
}

impl Totals {
    fn add(&mut self, account: &Account, is_alone: bool) {
        self.accepted += account.accepted;
        self.delivered += account.delivered;
        self.out_of_order += account.out_of_order;
        let lost = account.accepted.saturating_sub(account.delivered);
        if is_alone {
            // Only this end's word is known.
            self.reported += if account.sender_is_clean == Some(false) { lost } else { 0 };
        } else if account.is_reported() {
            self.reported += lost;
        } else {
            self.silent += lost;
        }
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
    totals: Totals,
}

impl Summary {
    pub(crate) fn is_sound(&self) -> bool {
        self.totals.silent == 0 && self.totals.out_of_order == 0
    }

    pub(crate) fn lines(&self) -> [String; 3] {
        let Sessions { initiators, responders, clean } = self.sessions;
        let Totals { accepted, delivered, reported, silent, out_of_order } = self.totals;
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
