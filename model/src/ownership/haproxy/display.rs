//! The steps of HAProxy's threads, in words.

use core::fmt::{self, Display, Formatter};

use super::vocabulary::{Action, Step};

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Open(thread) => write!(f, "{thread} is given the number"),
            Self::Arrive => f.write_str("something arrives"),
            Self::Takeover(thread) => write!(f, "{thread} locks the list of the idle connection"),
            Self::Use(thread) => write!(f, "{thread} uses its connection"),
            Self::List(thread) => write!(f, "{thread} lists its connection as idle"),
            Self::Migrate(thread, to) => write!(f, "{thread} hands its connection to {to}"),
            Self::Delete(thread) => write!(f, "{thread} sets out to delete the descriptor"),
            Self::Poll(thread) => write!(f, "{thread} polls"),
            Self::Step(thread, step) => write!(f, "{thread} {step}"),
        }
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let found = SHOWN.iter().find(|(step, _)| step == self);
        f.write_str(found.map_or("rests", |(_, words)| words))
    }
}

impl Step {
    /// Every step that a thread can take.
    pub fn all() -> impl Iterator<Item = Self> {
        SHOWN.iter().map(|(step, _)| *step)
    }
}

/// Every step but rest, in words. A step that is not here is taken by nobody.
const SHOWN: [(Step, &str); 69] = [
    (Step::Ue1, "UE1: looks at the generation and the group"),
    (Step::Ue2, "UE2: takes a reference for its report"),
    (Step::Ue3, "UE3: looks whether thread_mask has it"),
    (Step::Ue4, "UE4: running_mask |= own"),
    (Step::Ue5, "UE5: reads running_mask"),
    (Step::Ue6, "UE6: reads thread_mask, and compares"),
    (Step::Ue7, "UE7: running_mask &= ~own, having lost"),
    (Step::Ue8, "UE8: returns its reference"),
    (Step::Ue10, "UE10: reads state"),
    (Step::Ue11, "UE11: writes state"),
    (Step::Ue12, "UE12: runs the callback"),
    (Step::Callback, "UE12: ends the callback"),
    (Step::Ue13, "UE13: takes a reference again"),
    (Step::Ue14, "UE14: reads thread_mask"),
    (Step::Ue15, "UE15: running_mask &= ~own"),
    (Step::Ue17, "UE17: returns its reference"),
    (Step::Be1, "B1: reads running_mask"),
    (Step::Be2, "B2: reads thread_mask, and compares"),
    (Step::Be3, "B3: swaps its bit into running_mask if that is as it was"),
    (Step::Cm1, "CM1: clears MUST_CLOSE, and sees whether it was set"),
    (Step::Cm2, "CM2: returns its reference"),
    (Step::Upd1, "UPD1: update_mask |= own"),
    (Step::Upd2, "UPD2: returns its reference"),
    (Step::K1, "K1: looks whether thread_mask is empty"),
    (Step::K2, "K2: looks whether running_mask is empty"),
    (Step::K3, "K3: clears MUST_CLOSE, and sees whether it was set"),
    (Step::K4, "K4: returns its reference"),
    (Step::T2, "T2: takes a reference, or the lock of the entry"),
    (Step::T3, "T3: swaps its bit into running_mask if that is empty"),
    (Step::T4, "T4: thread_mask = own"),
    (Step::T4b, "T4b: publishes its group, and unlocks the entry"),
    (Step::T4c, "T4c: polled_mask = update_mask = 0"),
    (Step::T5, "T5: clears ACTIVE"),
    (Step::T6, "T6: running_mask &= ~own"),
    (Step::T7, "T7: returns its reference, and unlocks the list"),
    (Step::T8, "T8: gives up, and unlocks the list"),
    (Step::Mg1, "MG1: locks the entry for the new group"),
    (Step::Mg2, "MG2: thread_mask = the new owner"),
    (Step::Mg3, "MG3: clears ACTIVE"),
    (Step::Mg4, "MG4: unlocks the entry"),
    (Step::N3, "N3: claims the entry for its group"),
    (Step::N5, "N5: stores the descriptor"),
    (Step::N7, "N7: returns its reference"),
    (Step::P0, "P0: sets ACTIVE"),
    (Step::P4, "P4: notes an update"),
    (Step::D0, "D0: takes a reference"),
    (Step::D1, "D1: running_mask |= own"),
    (Step::D2, "D2: sets MUST_CLOSE"),
    (Step::D3, "D3: thread_mask = 0"),
    (Step::D4, "D4: running_mask &= ~own"),
    (Step::D5, "D5: clears MUST_CLOSE, and sees whether it was set"),
    (Step::X0, "X0: takes a reference, or stops the others"),
    (Step::X1, "X1: sets MUST_CLOSE"),
    (Step::X2, "X2: thread_mask = 0"),
    (Step::X3, "X3: looks whether running_mask is empty"),
    (Step::X4, "X4: clears MUST_CLOSE, and sees whether it was set"),
    (Step::X5, "X5: returns its reference"),
    (Step::O3, "O3: resets the group"),
    (Step::O4, "O4: finds all references returned"),
    (Step::O6, "O6: update_mask = 0"),
    (Step::O8, "O8: wipes the entry"),
    (Step::O12, "O12: closes the number"),
    (Step::U1, "U1: takes a reference for an update"),
    (Step::U2, "U2: update_mask &= ~own"),
    (Step::U3, "U3: tells its poller"),
    (Step::U4, "U4: returns its reference"),
    (Step::S1, "S1: takes a reference for the list of its group"),
    (Step::S2, "S2: update_mask &= ~own"),
    (Step::W, "W: has its poller report"),
];
