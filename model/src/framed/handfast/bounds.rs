//! How much of the design is explored.

use handfast_spec::Recorded;
use handfast_spec::framed::{Action, End, Forgery, History, Moment, Shape};

use super::super::tcp::Kernel;
use super::{Config, Handfast};
use crate::checker::catalogue::Scope;
use crate::checker::design::Checked;
use crate::checker::target::Instance;

/// What is explored: how many of everything there are, and what the environment may do. Of pairs, the left end's is first.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many frames each application writes.
    pub frames: [u32; 2],
    /// What they are like.
    pub shapes: &'static [Shape],
    /// How the kernels behave.
    pub kernel: Kernel,
    /// How many halves are read ahead and kept.
    pub keep: u16,
    /// How many halves are thrown away.
    pub discard: u16,
    /// Until when each end answers the peer's marker, if it does.
    pub answer: [Option<Moment>; 2],
    /// Until when each end may be shut down.
    pub shutdowns: [&'static [Moment]; 2],
    /// The ends where the reader may be dropped.
    pub leaves: &'static [End],
    /// The ends where the connection may be dropped.
    pub abandons: &'static [End],
    /// What each end may forge.
    pub forgeries: [&'static [Forgery]; 2],
    /// Whether reads and writes are dropped.
    pub cancels: bool,
    /// Which moments pass.
    pub moments: &'static [Moment],
}

const SOON: &[Moment] = &[Moment::Soon];
pub(super) const TWICE: &[Moment] = &[Moment::Soon, Moment::Late];
const LINUX: Kernel = Kernel { send: 1, receive: 1, purges: false, tells: true };

/// One empty frame each way, queues of one half, and both shut down.
pub(super) const BOTH: Bounds = Bounds {
    frames: [1, 1],
    shapes: &[Shape::Empty],
    kernel: LINUX,
    keep: 2,
    discard: 2,
    answer: [None, None],
    shutdowns: [SOON, SOON],
    leaves: &[],
    abandons: &[],
    forgeries: [&[], &[]],
    cancels: true,
    moments: SOON,
};

/// Two frames one way; one end shuts down twice, it may vanish
/// instead; the other end may drop its reader. What has arrived has room in the kernel, so that it is clean before it was read.
pub(super) const ONE_WAY: Bounds = Bounds {
    frames: [2, 0],
    shapes: &[Shape::Full, Shape::Empty],
    shutdowns: [TWICE, &[]],
    leaves: &[End::Right],
    abandons: &[End::Left],
    moments: TWICE,
    kernel: Kernel { receive: 3, ..LINUX },
    ..BOTH
};

/// One end drops its reader and shuts down while the other one writes. A frame and a marker fit into one kernel, nearly.
pub(super) const LEAVING: Bounds = Bounds {
    kernel: Kernel { send: 3, receive: 3, ..LINUX },
    discard: 1,
    shutdowns: [SOON, &[]],
    leaves: &[End::Left],
    abandons: &[End::Right],
    ..BOTH
};

/// One end drops its reader and shuts down, and all that it sent has room in the kernel of the other one, which shuts down
/// without having read it.
pub(super) const UNREAD: Bounds = Bounds {
    frames: [1, 0],
    kernel: Kernel { send: 1, receive: 4, ..LINUX },
    keep: 0,
    shutdowns: [SOON, SOON],
    abandons: &[],
    ..LEAVING
};

/// One end does not keep to the protocol.
pub(super) const HOSTILE: Bounds = Bounds {
    frames: [1, 0],
    shutdowns: [SOON, &[]],
    forgeries: [&[], &[Forgery::Reserved, Forgery::TooLong, Forgery::LoadedMarker]],
    abandons: &[End::Right],
    ..BOTH
};

/// A kernel that does not tell what has arrived, and takes away what was not read when a reset comes.
pub(super) const SILENT: Bounds =
    Bounds { frames: [1, 0], kernel: Kernel { purges: true, tells: false, ..LINUX }, leaves: &[End::Left], ..BOTH };

/// One end shuts down, and the other one answers, with a frame that fills its queue. It may drop its reader meanwhile.
pub(super) const ANSWERING: Bounds = Bounds {
    frames: [0, 1],
    answer: [None, Some(Moment::Soon)],
    shutdowns: [SOON, &[]],
    leaves: &[End::Right],
    abandons: &[End::Left],
    ..BOTH
};

const ROOMY: Kernel = Kernel { send: 2, receive: 2, ..LINUX };

/// As *both*, with payloads.
const FULL: Bounds = Bounds { shapes: &[Shape::Full], ..BOTH };

/// As *both*, with queues of two halves.
const WIDE: Bounds = Bounds { kernel: ROOMY, ..BOTH };

/// As *both*, with two frames one way.
const LONG: Bounds = Bounds { frames: [2, 1], ..BOTH };

/// As *leaving*, with frames and shutdowns both ways.
const LEAVING_BOTH: Bounds = Bounds { kernel: LINUX, discard: 2, shutdowns: [SOON, SOON], ..LEAVING };

/// As *one way*, with frames both ways.
const EVERYTHING: Bounds = Bounds { frames: [2, 1], kernel: ROOMY, ..ONE_WAY };

pub(super) const SMALL: [(&str, Bounds); 7] = [
    ("both", BOTH),
    ("one-way", ONE_WAY),
    ("leaving", LEAVING),
    ("unread", UNREAD),
    ("hostile", HOSTILE),
    ("silent", SILENT),
    ("answering", ANSWERING),
];

/// The instances of a scope.
pub fn instances(scope: Scope) -> Vec<Instance<Handfast>> {
    let bounds: &[(&'static str, Bounds)] = match scope {
        Scope::Small => &SMALL,
        Scope::Default => &DEFAULT,
        Scope::Large => &LARGE,
    };
    bounds.iter().map(|(name, bounds)| Instance { name, checked: checked(bounds) }).collect()
}

/// The design within these bounds.
pub fn checked(bounds: &Bounds) -> Checked<Handfast> {
    let initial = vec![Recorded { machine: Handfast::new(bounds.config()), history: bounds.history() }];
    Checked::new(initial, alphabet(bounds)).in_parts()
}

impl Bounds {
    pub(super) fn config(&self) -> Config {
        let &Self { kernel, frames, keep, discard, answer, .. } = self;
        Config { kernel, frames, keep, discard, answer }
    }

    pub(super) fn history(&self) -> History {
        History::new(self.keep, self.discard, self.kernel.tells)
    }
}

/// Every action that may be attempted within these bounds.
pub(super) fn alphabet(bounds: &Bounds) -> Vec<Action> {
    let mut alphabet = Vec::new();
    for end in End::BOTH {
        let index = end.index();
        if bounds.frames[index] > 0 {
            alphabet.extend(bounds.shapes.iter().map(|&shape| Action::Write { end, shape }));
        }
        alphabet.extend(bounds.forgeries[index].iter().map(|&forgery| Action::Forge { end, forgery }));
        if bounds.leaves.contains(&end) {
            alphabet.push(Action::Leave { end });
        }
        if bounds.abandons.contains(&end) {
            alphabet.push(Action::Abandon { end });
        }
        if bounds.cancels && bounds.frames[index] > 0 {
            alphabet.push(Action::DropWrite { end });
        }
        if bounds.cancels && bounds.frames[end.peer().index()] > 0 {
            alphabet.push(Action::DropRead { end });
        }
        alphabet.extend([Action::Send { end }, Action::Read { end }, Action::Carry { from: end }]);
        alphabet.extend(bounds.shutdowns[index].iter().map(|&by| Action::Shutdown { end, by }));
        if !bounds.shutdowns[index].is_empty() || bounds.answer[index].is_some() {
            alphabet.extend([
                Action::ReadAhead { end },
                Action::Finish { end },
                Action::Confirm { end },
                Action::Expire { end },
                Action::Close { end },
            ]);
        }
    }
    alphabet.extend(bounds.moments.iter().map(|&moment| Action::Pass { moment }));
    alphabet
}

const DEFAULT: [(&str, Bounds); 8] = [
    ("both", FULL),
    ("wide", WIDE),
    ("leaving", LEAVING_BOTH),
    ("unread", UNREAD),
    ("one-way", ONE_WAY),
    ("hostile", HOSTILE),
    ("silent", SILENT),
    ("answering", ANSWERING),
];

const LARGE: [(&str, Bounds); 8] = [
    ("long", LONG),
    ("everything", EVERYTHING),
    ("roomy", Bounds { kernel: ROOMY, keep: 4, frames: [2, 1], ..FULL }),
    // They have witnesses that the others have not.
    ("answering", Bounds { shapes: &[Shape::Full], ..ANSWERING }),
    ("leaving", LEAVING_BOTH),
    ("unread", UNREAD),
    ("hostile", HOSTILE),
    ("silent", SILENT),
];
