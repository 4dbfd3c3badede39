//! The steps of HAProxy's threads, in words.

use core::fmt::{self, Display, Formatter};

use super::words::{Action, Step};

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
        f.write_str(match self {
            Self::Rest => "rests",
            Self::Ue1 => "UE1: looks at the generation and the group",
            Self::Ue2 => "UE2: takes a reference for its report",
            Self::Ue3 => "UE3: looks whether thread_mask has it",
            Self::Ue4 => "UE4: running_mask |= own",
            Self::Ue5 => "UE5: reads running_mask",
            Self::Ue6 => "UE6: reads thread_mask, and compares",
            Self::Ue7 => "UE7: running_mask &= ~own, having lost",
            Self::Ue8 => "UE8: returns its reference",
            Self::Ue10 => "UE10: reads state",
            Self::Ue11 => "UE11: writes state",
            Self::Ue12 => "UE12: runs the callback",
            Self::Callback => "UE12: ends the callback",
            Self::Ue13 => "UE13: takes a reference again",
            Self::Ue14 => "UE14: reads thread_mask",
            Self::Ue15 => "UE15: running_mask &= ~own",
            Self::Ue17 => "UE17: returns its reference",
            Self::Be1 => "B1: reads running_mask",
            Self::Be2 => "B2: reads thread_mask, and compares",
            Self::Be3 => "B3: swaps its bit into running_mask if that is as it was",
            Self::Cm1 => "CM1: clears MUST_CLOSE, and sees whether it was set",
            Self::Cm2 => "CM2: returns its reference",
            Self::Upd1 => "UPD1: update_mask |= own",
            Self::Upd2 => "UPD2: returns its reference",
            Self::K1 => "K1: looks whether thread_mask is empty",
            Self::K2 => "K2: looks whether running_mask is empty",
            Self::K3 => "K3: clears MUST_CLOSE, and sees whether it was set",
            Self::K4 => "K4: returns its reference",
            Self::T2 => "T2: takes a reference, or the lock of the entry",
            Self::T3 => "T3: swaps its bit into running_mask if that is empty",
            Self::T4 => "T4: thread_mask = own",
            Self::T4b => "T4b: publishes its group, and unlocks the entry",
            Self::T4c => "T4c: polled_mask = update_mask = 0",
            Self::T5 => "T5: clears ACTIVE",
            Self::T6 => "T6: running_mask &= ~own",
            Self::T7 => "T7: returns its reference, and unlocks the list",
            Self::T8 => "T8: gives up, and unlocks the list",
            Self::Mg1 => "MG1: locks the entry for the new group",
            Self::Mg2 => "MG2: thread_mask = the new owner",
            Self::Mg3 => "MG3: clears ACTIVE",
            Self::Mg4 => "MG4: unlocks the entry",
            Self::N3 => "N3: claims the entry for its group",
            Self::N5 => "N5: stores the descriptor",
            Self::N7 => "N7: returns its reference",
            Self::P0 => "P0: sets ACTIVE",
            Self::P4 => "P4: notes an update",
            Self::D0 => "D0: takes a reference",
            Self::D1 => "D1: running_mask |= own",
            Self::D2 => "D2: sets MUST_CLOSE",
            Self::D3 => "D3: thread_mask = 0",
            Self::D4 => "D4: running_mask &= ~own",
            Self::D5 => "D5: clears MUST_CLOSE, and sees whether it was set",
            Self::X0 => "X0: takes a reference, or stops the others",
            Self::X1 => "X1: sets MUST_CLOSE",
            Self::X2 => "X2: thread_mask = 0",
            Self::X3 => "X3: looks whether running_mask is empty",
            Self::X4 => "X4: clears MUST_CLOSE, and sees whether it was set",
            Self::X5 => "X5: returns its reference",
            Self::O3 => "O3: resets the group",
            Self::O4 => "O4: finds all references returned",
            Self::O6 => "O6: update_mask = 0",
            Self::O8 => "O8: wipes the entry",
            Self::O12 => "O12: closes the number",
            Self::U1 => "U1: takes a reference for an update",
            Self::U2 => "U2: update_mask &= ~own",
            Self::U3 => "U3: tells its poller",
            Self::U4 => "U4: returns its reference",
            Self::S1 => "S1: takes a reference for the list of its group",
            Self::S2 => "S2: update_mask &= ~own",
            Self::W => "W: has its poller report",
        })
    }
}
