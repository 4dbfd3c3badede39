//! What the designs differ in.

use serde::Serialize;

/// The choices that tell one design from another, each on its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Switches {
    /// How a thread with a report comes to run.
    pub enter: Enter,
    /// For whom it waits.
    pub wait: Wait,
    /// How it is decided who closes.
    pub closing: Closing,
    /// What keeps an entry while a thread works on it.
    pub reference: Reference,
    /// How the flags are written by a thread that runs.
    pub state: State,
    /// What is asked of a report before it is acted on.
    pub dispatch: Dispatch,
    /// How updates are queued.
    pub queue: Queue,
    /// How the list of a group's updates is walked.
    pub walk: Walk,
    /// When no thread can take a reference any more.
    pub drain: Drain,
    /// What is left in an entry.
    pub wipe: Wipe,
    /// Whether a taker sets its bit also if its swap fails.
    pub takes_over_busy: bool,
    /// Who clears the wish to be polled.
    pub stop: Stop,
    /// Whether a connection leaves its list before it is worked on.
    pub unlist: Unlist,
    /// How a thread of another group deletes.
    pub foreign: Foreign,
    /// How a thread of another group takes over.
    pub publish: Publish,
    /// Whether the group number is compared with the lock bit in it.
    pub lock_bit_hidden: bool,
    /// Whether a report that no thread can have asked for ends its registration.
    pub forgets_strays: bool,
    /// Whether a migration clears the masks of the old group.
    pub migrates_clean: bool,
}

/// How a thread with a report comes to run.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Enter {
    /// It looks until the masks agree, and then swaps its bit in.
    LooksThenSwaps,
    /// It sets its bit and then looks until the masks agree.
    AnnouncesThenLooks,
    /// The same, and it looks once.
    AnnouncesThenLooksOnce,
    /// The same as the first of these, without a look before.
    AnnouncesAtOnce,
    /// It looks, and sets its bit.
    LooksThenSets,
}

/// For whom a thread waits that has set its bit.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Wait {
    /// For all threads that run and are not allowed.
    ForAll,
    /// The same, as long as it is allowed itself.
    WhileAllowed,
}

/// How it is decided who closes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Closing {
    /// The thread that sees that it was the last.
    LastLeaver,
    /// Of those who see that they were the last, the one who clears the flag.
    Flag,
    /// A thread that has cleared its running bit looks whether none is allowed, then whether none runs, then clears the flag.
    Rule,
    /// The same, also of a thread that had no running bit to clear.
    RuleForAnyone,
    /// The same as the rule, but for the first question.
    RuleWithoutMask,
    /// The rule, and only the deleter looks.
    RuleAtDeletionOnly,
    /// The deleter waits until no other thread runs.
    Waits,
    /// The number is closed and the entry left as it is.
    Bypassed,
}

/// What keeps an entry while a thread works on it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Reference {
    /// Nothing.
    Absent,
    /// Every thread but the deleter holds a reference.
    NotForDeletion,
    /// Every thread holds one.
    Everybody,
}

/// How the flags are written by a thread that runs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum State {
    /// By a read and a write, if no other thread is allowed.
    Plain,
    /// The same, and before the thread has set its bit.
    PlainBefore,
    /// In one step.
    OneStep,
}

/// What is asked of a report before it is acted on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Dispatch {
    /// Nothing.
    Unchecked,
    /// Whether it is of the present generation and group, before a reference is taken.
    Before,
    /// Whether it is of the present generation, while a reference is held.
    Held,
}

/// How updates are queued.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Queue {
    /// Whenever none was noted.
    IfUnnoted,
    /// If none was noted, and none is queued.
    Once,
}

/// How the list of a group's updates is walked.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Walk {
    /// A reference is returned whatever is found.
    Returns,
    /// It is kept by a thread that finds nothing to do.
    Leaks,
}

/// When no thread can take a reference any more.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Drain {
    /// Before anything is wiped, and all are returned then.
    First,
    /// After everything is wiped.
    Last,
}

/// What is left in an entry.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Wipe {
    /// Nothing.
    Whole,
    /// The threads of which the poller watches it.
    KeepsPolled,
    /// Its place in the list of its group, if the thread that closes is of another group.
    KeepsForeignList,
}

/// Who clears the wish to be polled.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Stop {
    /// A thread that took over.
    Taker,
    /// A thread that tried.
    Everybody,
    /// No thread.
    Nobody,
}

/// Whether a connection leaves its list before it is worked on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Unlist {
    /// It does.
    Always,
    /// Not before it is used.
    NotForUse,
    /// Not before it is deleted.
    NotForDeletion,
}

/// How a thread of another group deletes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Foreign {
    /// It takes no part in the running mask, and looks at it.
    Looks,
    /// The same, and its look is ordered before its store.
    LooksEarly,
    /// It uses its own bit in the other group's mask.
    Mixes,
    /// It waits until every other thread is in its loop.
    Isolates,
}

/// How a thread of another group takes over.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Publish {
    /// The group is published, then the masks are cleared.
    ThenClears,
    /// The masks are cleared, then the group is published.
    AfterClearing,
}

impl Switches {
    /// The repair, at `cd8914bc5`.
    pub const SEED: Self = Self {
        enter: Enter::AnnouncesThenLooks,
        wait: Wait::ForAll,
        closing: Closing::Flag,
        reference: Reference::NotForDeletion,
        state: State::Plain,
        dispatch: Dispatch::Unchecked,
        queue: Queue::IfUnnoted,
        walk: Walk::Returns,
        drain: Drain::First,
        wipe: Wipe::Whole,
        takes_over_busy: false,
        stop: Stop::Taker,
        unlist: Unlist::Always,
        foreign: Foreign::Isolates,
        publish: Publish::ThenClears,
        lock_bit_hidden: false,
        forgets_strays: false,
        migrates_clean: false,
    };
    /// Before the repair.
    pub const BEFORE: Self = Self { enter: Enter::LooksThenSwaps, closing: Closing::LastLeaver, ..Self::SEED };
    /// What became of it, at `50872daa6`.
    pub const HEAD: Self =
        Self { wait: Wait::WhileAllowed, dispatch: Dispatch::Before, foreign: Foreign::Looks, ..Self::SEED };
    /// What would have been right.
    pub const CORRECTED: Self = Self {
        closing: Closing::Rule,
        reference: Reference::Everybody,
        state: State::OneStep,
        dispatch: Dispatch::Held,
        queue: Queue::Once,
        publish: Publish::AfterClearing,
        lock_bit_hidden: true,
        forgets_strays: true,
        migrates_clean: true,
        ..Self::HEAD
    };
}
