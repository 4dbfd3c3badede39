//! The instances in which zrepl's design is looked at, and what it violates there.

use handfast_spec::Recorded;
use handfast_spec::framed::{Action, End, History, Moment, Shape};

use super::super::tcp::Kernel;
use super::Zrepl;
use crate::checker::catalogue::{Kind, Variant};
use crate::checker::design::Checked;
use crate::checker::target::{Instance, Instances};

struct Historical {
    name: &'static str,
    source: &'static str,
    about: &'static str,
    /// The rule that it is known to violate.
    known_for: &'static str,
    frames: [u32; 2],
    shapes: &'static [Shape],
    more: &'static [Action],
    violates: &'static [&'static str],
}

const KERNEL: Kernel = Kernel { send: 1, receive: 1, purges: false, tells: true };

/// More is thrown away than this by any drain that is not bounded.
const DISCARDS: u16 = 2;

const LEFT_BY_SOON: Action = Action::Shutdown { end: End::Left, by: Moment::Soon };
const RIGHT_BY_SOON: Action = Action::Shutdown { end: End::Right, by: Moment::Soon };
const LEFT_BY_LATE: Action = Action::Shutdown { end: End::Left, by: Moment::Late };

const ALL: &[Historical] = &[
    Historical {
        name: "zrepl",
        source: "zrepl/zrepl b93a06d, internal/rpc/dataconn/frameconn (M8, M21 to M26)",
        about: "one frame each way, and both ends may shut down, as frameconn does it",
        known_for: "FRM-1",
        frames: [1, 1],
        shapes: &[Shape::Empty],
        more: &[LEFT_BY_SOON, RIGHT_BY_SOON],
        violates: &["FRM-1", "FRM-4", "FRM-6", "FRM-7", "FRM-10", "FRM-13", "FRM-15", "FRM-29"],
    },
    Historical {
        name: "zrepl-payload",
        source: "zrepl/zrepl b93a06d, readFrame: payload and next header in one readv (M5, M6, M8)",
        about: "two frames with payloads one way; the peer may vanish, and reads until the connection ends",
        known_for: "FRM-14",
        frames: [2, 0],
        shapes: &[Shape::Full],
        more: &[LEFT_BY_SOON, Action::Abandon { end: End::Left }],
        violates: &["FRM-1", "FRM-3", "FRM-4", "FRM-6", "FRM-7", "FRM-14", "FRM-15"],
    },
    Historical {
        name: "zrepl-timeout",
        source: "zrepl/zrepl b93a06d, WriteFrame after a timeout (M16)",
        about: "a write that makes no progress times out, and the application writes again or shuts down",
        known_for: "FRM-5",
        frames: [1, 0],
        shapes: &[Shape::Full],
        more: &[LEFT_BY_SOON, Action::DropWrite { end: End::Left }],
        violates: &["FRM-1", "FRM-3", "FRM-4", "FRM-5", "FRM-6", "FRM-7", "FRM-14", "FRM-15"],
    },
    Historical {
        name: "zrepl-twice",
        source: "zrepl/zrepl b93a06d, Shutdown called twice (M15, M27)",
        about: "a second shutdown moves the deadline, and fails when the first one is over",
        known_for: "FRM-12",
        frames: [1, 0],
        shapes: &[Shape::Empty],
        more: &[LEFT_BY_SOON, LEFT_BY_LATE, Action::Pass { moment: Moment::Late }],
        violates: &["FRM-6", "FRM-7", "FRM-12", "FRM-13", "FRM-15"],
    },
];

/// Every instance, as a design of its own, because each shows something else.
pub fn variants() -> Vec<Variant> {
    let variant = |historical: &Historical| {
        let Historical { name, source, about, known_for, violates, .. } = *historical;
        let instance = Instance { name: "zrepl", checked: checked(historical) };
        let target = Box::new(Instances::new(name, vec![instance]));
        Variant { name, kind: Kind::Historical(known_for), source, about, violates, target }
    };
    ALL.iter().map(variant).collect()
}

/// Every instance, for what is held to it.
pub fn instances() -> Vec<Instance<Zrepl>> {
    ALL.iter().map(|historical| Instance { name: historical.name, checked: checked(historical) }).collect()
}

fn checked(historical: &Historical) -> Checked<Zrepl> {
    let Historical { frames, shapes, more, .. } = *historical;
    let machine = Zrepl::new(KERNEL, frames);
    let mut alphabet = more.to_vec();
    for end in End::BOTH {
        if frames[end.index()] > 0 {
            alphabet.extend(shapes.iter().map(|&shape| Action::Write { end, shape }));
        }
        alphabet.extend([
            Action::Send { end },
            Action::Read { end },
            Action::Finish { end },
            Action::ReadAhead { end },
            Action::Expire { end },
            Action::Carry { from: end },
        ]);
    }
    alphabet.push(Action::Pass { moment: Moment::Soon });
    Checked::new(vec![Recorded { machine, history: History::new(0, DISCARDS, true) }], alphabet)
}
