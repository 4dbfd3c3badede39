//! Models of framed connections.

pub mod handfast;
mod tcp;
pub mod zrepl;

pub use tcp::Kernel;

use handfast_spec::framed::{Action, End, EndRecord, Framed, History, Moment, Violations};

use crate::checker::catalogue::{Entry, LeftOut, Rules, Scope, Variant};
use crate::checker::design::Flow;
use crate::checker::explain;
use crate::checker::target::{Instances, Target};
use crate::in_parts;

/// Framed connections in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "framed",
    about: "a framed connection ends without losing a frame, or says that it could not",
    document: "specs/framed.md",
    rules: Rules::of::<Framed>,
    own,
    variants,
    left_out: LEFT_OUT,
    explain: |log| explain::explain_either::<handfast::Handfast, handfast::OneEnd>(log),
};

fn own(scope: Scope) -> Box<dyn Target> {
    Box::new(Instances::new("handfast", handfast::instances(scope)))
}

/// The designs of zrepl first, then the mutants of handfast's.
fn variants() -> Vec<Variant> {
    zrepl::variants().into_iter().chain(handfast::variants()).collect()
}

in_parts!(History { ends: [EndRecord; 2] } and {
    now: Option<Moment>, keeps: u16, discards: u16, tells: bool, violations: Violations
});

/// What lies between the kernels of the two ends, as a lane.
const NETWORK: &str = "network";

/// The lanes of a connection's behaviours.
fn lanes() -> Vec<String> {
    [End::Left.to_string(), NETWORK.to_owned(), End::Right.to_string()].into()
}

/// Who takes an action, and whether something crosses between an end and the network.
fn flow(action: &Action) -> Flow {
    match *action {
        Action::Send { end } | Action::Finish { end } => Flow::send(end.to_string(), NETWORK),
        Action::Carry { from } => Flow::send(NETWORK, from.peer().to_string()),
        Action::Write { end, .. }
        | Action::Forge { end, .. }
        | Action::DropWrite { end }
        | Action::Read { end }
        | Action::DropRead { end }
        | Action::Leave { end }
        | Action::Abandon { end }
        | Action::Shutdown { end, .. }
        | Action::ReadAhead { end }
        | Action::Confirm { end }
        | Action::Expire { end }
        | Action::Close { end } => Flow::within(end.to_string()),
        Action::Pass { .. } => Flow::within("clock"),
    }
}

/// Mistakes of the reference list that are not modelled, and why.
const LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        name: "M13, a blocked write dies although heartbeats come",
        reason: "the model has no durations; heartbeats and the idle timeout are tested under a paused clock",
    },
    LeftOut {
        name: "M14, a drip of bytes lives for ever",
        reason: "the model has no durations; that the idle timeout counts frames is tested under a paused clock",
    },
    LeftOut {
        name: "M17, lengths of 4 GiB and more are cut off",
        reason: "arithmetic on one number, no race; the length is checked where a frame is accepted",
    },
    LeftOut {
        name: "M28, the layer above forgets to close",
        reason: "a mistake of the user; what the connection can do about it is that its peer does not depend on it (FRM-15)",
    },
    LeftOut {
        name: "M29, errors of close other than a reset",
        reason: "what close(2) answers is not modelled: it closes, and handfast makes nothing of the answer",
    },
    LeftOut {
        name: "M30, TLS overrides the deadline",
        reason: "there is no layer between the connection and TCP here",
    },
    LeftOut {
        name: "M31, a marker that was prefetched is not acted on",
        reason: "handfast does not prefetch (FRM-14); a reader that nobody calls learns of nothing",
    },
    LeftOut {
        name: "M32 to M35, the layers above: draining channels, limits of messages, goroutines",
        reason: "handfast has no such layers",
    },
    LeftOut {
        name: "M36, a buffer that is returned twice aliases two frames",
        reason: "a payload is owned; the compiler rules it out",
    },
];
