//! Mutants of handfast's design: one mistake each, made by somebody in a real system, or likely to be.

mod roles;
mod selection;

use super::variants::Other;
use crate::checker::catalogue::LeftOut;

/// Every mutant.
pub(super) fn mutants() -> impl Iterator<Item = &'static Other> {
    [roles::MUTANTS, selection::MUTANTS].into_iter().flatten()
}

/// What of the reference list is not modelled, and why. M41 is M08, against a reflection.
pub(super) const LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        name: "M16",
        reason: "how often two ends draw the same number is a matter of the generator, and of statistics; a model has every number",
    },
    LeftOut { name: "M17", reason: "the encoding of numbers is the codec's; the messages of the model are decoded" },
    LeftOut {
        name: "M28",
        reason: "identities are known after the security handshake; that the expected peer is compared in both roles is the upgrade's",
    },
    LeftOut { name: "M31", reason: "the exchange that gives roles from outside is another protocol" },
    LeftOut {
        name: "M39",
        reason: "that two ends redial in lockstep, or ever miss each other, is a matter of probability; no weak fairness gives it",
    },
    LeftOut { name: "M40", reason: "EADDRNOTAVAIL comes before there is a connection; it is tested on real sockets" },
    LeftOut { name: "M44", reason: "limits of frames are the codec's; a malformed frame is one message of the model" },
    LeftOut { name: "M45", reason: "it takes two connections; the model has one" },
    LeftOut { name: "M48", reason: "limits on accepted connections are the application's" },
];
