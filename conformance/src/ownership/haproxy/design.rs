//! What the three protocols differ in.

use std::fmt::Debug;
use std::sync::atomic::Ordering;

/// A protocol: its rules, and the ordering of each of its accesses; where it says nothing, the rules are those of both
/// commits.
pub trait Design: Debug + Send + Sync + 'static {
    /// How accesses are ordered.
    type Orders: Orders;
    /// How a thread with a report comes to run.
    const ENTER: Enter;
    /// How it is decided who closes.
    const CLOSING: Closing;
    /// Whether a thread that has announced itself goes on waiting when it is not allowed any more.
    const WAITS_FOR_ALL: bool = true;
    /// Whether who deletes holds a reference.
    const DELETER_HOLDS: bool = false;
    /// Whether the only thread that is allowed changes the flags by a read and a write.
    const WRITES_FLAGS: bool = true;
    /// Whether a report is compared with the entry's generation, and a registration that no mask knows of is ended.
    const CHECKS_REPORTS: bool = false;
    /// Whether an update is queued only if it is not in the queue, whatever the mask says.
    const QUEUES_ONCE: bool = false;
    /// Whether who inserts sees itself that the entry was wiped, and does not rest on the kernel's having given the number
    /// again. Where threads take turns it is the same.
    const CLAIMS_WIPED: bool = false;
}

/// How a thread with a report comes to run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Enter {
    /// It looks until the masks agree, and then swaps its bit in.
    LooksThenSwaps,
    /// It sets its bit, and then looks until the masks agree.
    AnnouncesThenLooks,
}

/// How it is decided who closes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Closing {
    /// The thread that sees that it was the last.
    LastLeaver,
    /// Of those who see that they were the last, the one who clears the flag.
    Flag,
    /// A thread that has cleared its running bit looks whether none is allowed, then whether none runs, then clears the
    /// flag.
    Rule,
}

/// Before `cd8914bc5`: a thread that sees itself alone enters, and one that sees itself alone closes.
#[derive(Debug)]
pub enum Before {}

impl Design for Before {
    type Orders = Literal;
    const ENTER: Enter = Enter::LooksThenSwaps;
    const CLOSING: Closing = Closing::LastLeaver;
}

/// The repair, `cd8914bc5`.
#[derive(Debug)]
pub enum Seed {}

impl Design for Seed {
    type Orders = Literal;
    const ENTER: Enter = Enter::AnnouncesThenLooks;
    const CLOSING: Closing = Closing::Flag;
}

/// What would have been right: the closing rule of `specs/ownership.md`.
#[derive(Debug)]
pub enum Corrected {}

impl Design for Corrected {
    type Orders = Named;
    const ENTER: Enter = Enter::AnnouncesThenLooks;
    const CLOSING: Closing = Closing::Rule;
    const WAITS_FOR_ALL: bool = false;
    const DELETER_HOLDS: bool = true;
    const WRITES_FLAGS: bool = false;
    const CHECKS_REPORTS: bool = true;
    const QUEUES_ONCE: bool = true;
    const CLAIMS_WIPED: bool = true;
}

/// The ordering of each access; by default what C11 asks of [`Corrected`].
pub trait Orders: Debug + Send + Sync + 'static {
    /// Taking a reference: what was done to the entry before the last one was returned is seen.
    const GRAB: Ordering = Ordering::Acquire;
    /// Returning it: what was done under it is seen by the thread that wipes the entry.
    const DROP: Ordering = Ordering::Release;
    /// Resetting the group, to close.
    const RESET: Ordering = Ordering::AcqRel;
    /// Waiting for all references.
    const DRAIN: Ordering = Ordering::Acquire;
    /// Claiming the entry: it was wiped before.
    const CLAIM: Ordering = Ordering::AcqRel;
    /// The owner is stored: it is there for its readers; and is wiped.
    const OWNER: Ordering = Ordering::Release;
    /// The owner is read.
    const READ_OWNER: Ordering = Ordering::Acquire;
    /// A running bit is set, by a thread with a report or one that deletes.
    const ANNOUNCE: Ordering = Ordering::AcqRel;
    /// Who else runs?
    const RUNNING: Ordering = Ordering::Acquire;
    /// Who is allowed?
    const ALLOWED: Ordering = Ordering::Acquire;
    /// A running bit is cleared.
    const CLEAR: Ordering = Ordering::AcqRel;
    /// The running mask is swapped from empty to a taker's bit.
    const TAKE: Ordering = Ordering::AcqRel;
    /// Another one is allowed.
    const ALLOW: Ordering = Ordering::Release;
    /// No thread is allowed any more.
    const FORBID: Ordering = Ordering::Release;
    /// Does no thread run, in order to close? See [`Orders::ASK_BY_CHANGING`].
    const ASK: Ordering = Ordering::AcqRel;
    /// Whether that is asked by a read-modify-write that changes nothing, so that it has a place among those of the
    /// others; or by a load.
    const ASK_BY_CHANGING: bool = true;
    /// A close is owed, and is taken.
    const OWE: Ordering = Ordering::AcqRel;
    /// The other flags.
    const FLAGS: Ordering = Ordering::AcqRel;
    /// Updates, and the threads of which the poller was told.
    const NOTE: Ordering = Ordering::AcqRel;
}

/// What [`Corrected`] asks for.
#[derive(Debug)]
pub enum Named {}

impl Orders for Named {}

/// What is written in HAProxy, at either commit. A load there is a compiler's barrier where it is one at all.
#[derive(Debug)]
pub enum Literal {}

impl Orders for Literal {
    const GRAB: Ordering = Ordering::Relaxed;
    const DROP: Ordering = Ordering::SeqCst;
    const RESET: Ordering = Ordering::SeqCst;
    const DRAIN: Ordering = Ordering::Relaxed;
    const CLAIM: Ordering = Ordering::Relaxed;
    const OWNER: Ordering = Ordering::Relaxed;
    const READ_OWNER: Ordering = Ordering::Relaxed;
    const ANNOUNCE: Ordering = Ordering::SeqCst;
    const RUNNING: Ordering = Ordering::Relaxed;
    const ALLOWED: Ordering = Ordering::Relaxed;
    const CLEAR: Ordering = Ordering::Relaxed;
    const TAKE: Ordering = Ordering::SeqCst;
    const ASK: Ordering = Ordering::Acquire;
    const ASK_BY_CHANGING: bool = false;
    const OWE: Ordering = Ordering::SeqCst;
    const FLAGS: Ordering = Ordering::SeqCst;
    const NOTE: Ordering = Ordering::Relaxed;
}
