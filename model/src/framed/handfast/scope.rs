//! How much of the design is explored.

use handfast_spec::Recorded;
use handfast_spec::framed::{Action, End, Forgery, Ledger, Moment, Shape};

use super::super::tcp::Kernel;
use super::{Config, Flaw, Handfast};
use crate::catalogue::Scope;
use crate::design::Checked;
use crate::subject::Setting;

/// What is explored: how many of everything there are, and what the environment may do. Of pairs, the left end's is first.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
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
    /// Until when each end may be shut down.
    pub shutdowns: [&'static [Moment]; 2],
    /// Whose readers may be dropped.
    pub leaves: &'static [End],
    /// Whose connections may be dropped.
    pub abandons: &'static [End],
    /// What each end may forge.
    pub forgeries: [&'static [Forgery]; 2],
    /// Whether reads and writes are dropped.
    pub cancels: bool,
    /// Which moments pass.
    pub moments: &'static [Moment],
}

const SOON: &[Moment] = &[Moment::Soon];
const TWICE: &[Moment] = &[Moment::Soon, Moment::Late];
const LINUX: Kernel = Kernel { send: 1, receive: 1, purges: false, tells: true };

/// One empty frame each way, queues of one half, and both shut down.
pub(super) const BOTH: Extent = Extent {
    frames: [1, 1],
    shapes: &[Shape::Empty],
    kernel: LINUX,
    keep: 2,
    discard: 2,
    shutdowns: [SOON, SOON],
    leaves: &[],
    abandons: &[],
    forgeries: [&[], &[]],
    cancels: true,
    moments: SOON,
};

/// Two frames one way; one end shuts down twice, it may vanish
/// instead; the other end may drop its reader. What has arrived has room in the kernel, so that it is clean before it was read.
pub(super) const ONE_WAY: Extent = Extent {
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
pub(super) const LEAVING: Extent = Extent {
    kernel: Kernel { send: 3, receive: 3, ..LINUX },
    discard: 1,
    shutdowns: [SOON, &[]],
    leaves: &[End::Left],
    abandons: &[End::Right],
    ..BOTH
};

/// One end does not keep to the protocol.
pub(super) const HOSTILE: Extent = Extent {
    frames: [1, 0],
    shutdowns: [SOON, &[]],
    forgeries: [&[], &[Forgery::Reserved, Forgery::TooLong, Forgery::LoadedMarker]],
    abandons: &[End::Right],
    ..BOTH
};

/// A kernel that does not tell what has arrived, and takes away what was not read when a reset comes.
pub(super) const SILENT: Extent =
    Extent { frames: [1, 0], kernel: Kernel { purges: true, tells: false, ..LINUX }, leaves: &[End::Left], ..BOTH };

const ROOMY: Kernel = Kernel { send: 2, receive: 2, ..LINUX };

/// As *both*, with payloads.
const FULL: Extent = Extent { shapes: &[Shape::Full], ..BOTH };

/// As *both*, with queues of two halves.
const WIDE: Extent = Extent { kernel: ROOMY, ..BOTH };

/// As *both*, with two frames one way.
const LONG: Extent = Extent { frames: [2, 1], ..BOTH };

/// As *leaving*, with frames and shutdowns both ways.
const LEAVING_BOTH: Extent = Extent { kernel: LINUX, discard: 2, shutdowns: [SOON, SOON], ..LEAVING };

/// As *one way*, with frames both ways.
const EVERYTHING: Extent = Extent { frames: [2, 1], kernel: ROOMY, ..ONE_WAY };

/// The settings of a scope.
pub fn settings(scope: Scope, flaw: Flaw) -> Vec<Setting<Handfast>> {
    let extents: &[(&'static str, Extent)] = match scope {
        Scope::Small => {
            &[("both", BOTH), ("one-way", ONE_WAY), ("leaving", LEAVING), ("hostile", HOSTILE), ("silent", SILENT)]
        }
        Scope::Default => &DEFAULT,
        Scope::Large => &LARGE,
    };
    extents.iter().map(|(name, extent)| Setting { name, checked: checked(extent, flaw) }).collect()
}

/// The design, or a mutant of it, at an extent.
pub fn checked(extent: &Extent, flaw: Flaw) -> Checked<Handfast> {
    let &Extent { kernel, frames, keep, discard, .. } = extent;
    let machine = Handfast::new(Config { kernel, frames, keep, discard, flaw });
    let initial = vec![Recorded { machine, ledger: Ledger::new(discard, kernel.tells) }];
    Checked::new(initial, alphabet(extent)).in_parts()
}

/// Every action that may be attempted at this extent.
fn alphabet(extent: &Extent) -> Vec<Action> {
    let mut alphabet = Vec::new();
    for end in End::BOTH {
        let index = end.index();
        if extent.frames[index] > 0 {
            alphabet.extend(extent.shapes.iter().map(|&shape| Action::Write { end, shape }));
        }
        alphabet.extend(extent.forgeries[index].iter().map(|&forgery| Action::Forge { end, forgery }));
        if extent.leaves.contains(&end) {
            alphabet.push(Action::Leave { end });
        }
        if extent.abandons.contains(&end) {
            alphabet.push(Action::Abandon { end });
        }
        if extent.cancels && extent.frames[index] > 0 {
            alphabet.push(Action::DropWrite { end });
        }
        if extent.cancels && extent.frames[end.peer().index()] > 0 {
            alphabet.push(Action::DropRead { end });
        }
        alphabet.extend([Action::Send { end }, Action::Read { end }, Action::Carry { from: end }]);
        if !extent.shutdowns[index].is_empty() {
            alphabet.extend(extent.shutdowns[index].iter().map(|&by| Action::Shutdown { end, by }));
            alphabet.extend([
                Action::ReadAhead { end },
                Action::Finish { end },
                Action::Confirm { end },
                Action::Expire { end },
                Action::Close { end },
            ]);
        }
    }
    alphabet.extend(extent.moments.iter().map(|&moment| Action::Pass { moment }));
    alphabet
}

const DEFAULT: [(&str, Extent); 6] = [
    ("both", FULL),
    ("wide", WIDE),
    ("leaving", LEAVING_BOTH),
    ("one-way", ONE_WAY),
    ("hostile", HOSTILE),
    ("silent", SILENT),
];

const LARGE: [(&str, Extent); 6] = [
    ("long", LONG),
    ("everything", EVERYTHING),
    ("roomy", Extent { kernel: ROOMY, keep: 4, frames: [2, 1], ..FULL }),
    // Whose witnesses the others have not.
    ("leaving", LEAVING_BOTH),
    ("hostile", HOSTILE),
    ("silent", SILENT),
];
