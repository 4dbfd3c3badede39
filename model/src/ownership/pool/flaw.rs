//! The switches that turn the pool into a mutant of it.

use serde::Serialize;

use crate::ownership::handfast;

/// One mistake that somebody made in a real system, or nearly, made in the pool.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// None: the design as it is.
    #[default]
    None,
    /// Who finds a connection closed closes it without taking it off the shelf.
    ClosesWhatIsListed,
    /// A taker leaves it to the former owner to have its poller forget the number, when that reports it.
    DeregistersLate,
    /// Whoever is woken acts on the connection that it was to look at, without asking whether it is there still.
    TrustsItsWake,
    /// What has expired is closed, without asking whether somebody took it over meanwhile.
    ClosesWhatHasExpired,
    /// A taker asks no poller what it has noted.
    DoesNotAsk,
    /// A taker does not ask the kernel.
    DoesNotProbe,
    /// A taker asks neither.
    TakesBlindly,
    /// A taker is given the connection before it has its own poller watch it.
    RehomesLater,
    /// A connection is put on the shelf and left, and watched then.
    ListsBeforeWatching,
    /// Nobody is woken when a poller reports an idle connection.
    DoesNotWatch,
    /// Who is woken looks whether there is anything and forgets to say that it is to be woken again.
    WatchesOnce,
    /// A stopped worker leaves on its shelf what is there.
    StopForgets,
    /// A connection is put on the shelf of a worker that has stopped.
    ListsAfterStop,
    /// A taker takes a connection off the shelf that it could not have.
    CutsBusy,
    /// A taker takes the connection off the shelf after it has unlocked it.
    CutsLater,
    /// A connection is left, and put on the shelf then.
    LeavesBeforeListing,
    /// The word lets a taker in while somebody is inside.
    TakesOverBusy,
    /// A wake-up of an earlier connection is taken for one of whatever has the number now.
    NoGeneration,
    /// A connection is closed before its slot is free.
    ClosesBeforeFreeing,
    /// A connection is closed, and then its poller is told to forget the number.
    ClosesBeforeDeregistering,
    /// What a taker has met and found too old is not closed.
    LeaksTheOld,
}

impl Flaw {
    /// Every mistake.
    pub const MISTAKES: [Self; 21] = [
        Self::ClosesWhatIsListed,
        Self::DeregistersLate,
        Self::TrustsItsWake,
        Self::ClosesWhatHasExpired,
        Self::DoesNotAsk,
        Self::DoesNotProbe,
        Self::TakesBlindly,
        Self::RehomesLater,
        Self::ListsBeforeWatching,
        Self::DoesNotWatch,
        Self::WatchesOnce,
        Self::StopForgets,
        Self::ListsAfterStop,
        Self::CutsBusy,
        Self::CutsLater,
        Self::LeavesBeforeListing,
        Self::TakesOverBusy,
        Self::NoGeneration,
        Self::ClosesBeforeFreeing,
        Self::ClosesBeforeDeregistering,
        Self::LeaksTheOld,
    ];

    /// The mistake in the word.
    pub(super) fn of_the_word(self) -> handfast::Flaw {
        if self == Self::TakesOverBusy {
            handfast::Flaw::TakesOverBusy
        } else if self == Self::NoGeneration {
            handfast::Flaw::NoGeneration
        } else {
            handfast::Flaw::None
        }
    }
}
