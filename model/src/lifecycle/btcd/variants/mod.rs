//! The designs, by name.

mod historical;
mod mutants;

use super::bounds::{Bounds, Part, alphabet};
use super::machine::Btcd;
use super::switches::{Guard, Switches};
use crate::checker::catalogue::{Kind, Row};
use crate::checker::design::Checked;

/// A design with the bounds at which it is looked at, and what it violates there.
pub type Variant = Row<Switches, Bounds>;

/// A design at an bounds, to be explored.
pub fn checked(switches: Switches, bounds: Bounds) -> Checked<Btcd> {
    Checked::new(vec![Btcd::recorded(switches, bounds)], alphabet(&bounds))
}

/// Every variant: the designs of the event channels, those of the node around them, the corrected design, its mutants.
pub fn variants() -> impl Iterator<Item = &'static Variant> {
    [historical::HISTORICAL, historical::NODE, historical::CORRECTED, mutants::VARIANTS].into_iter().flatten()
}

/// The same design, without the look at the connection before a peer is admitted.
const fn unguarded(switches: Switches) -> Switches {
    Switches { guard: Guard::Absent, ..switches }
}

/// One peer, and a server loop that may reject it.
const REJECTING: Bounds = Bounds { rejects: Part::Present, ..Bounds::BASE };

/// One peer, and blocks that the sync manager relays through the server loop: as many as fill the way back.
const RELAYING: Bounds = Bounds { blocks: 2, ..Bounds::BASE };

/// One peer that sends an orphan, and room for a message before the one that tells of its end.
const ORPHANS: Bounds = Bounds { transactions: 1, ..Bounds::ROOMY };

/// One peer that may be disconnected before it is given its connection.
const ATTACHING: Bounds = Bounds { attachment: Part::Present, ..Bounds::BASE };

/// One peer, and an operator who disconnects it.
const OPERATED: Bounds = Bounds { operator: Part::Present, ..Bounds::BASE };

/// One peer, the handshake of which is reported twice.
const SIGNALLED_TWICE: Bounds = Bounds { second_verack: Part::Present, ..Bounds::BASE };

/// One peer, and a node that stops.
const STOPPING: Bounds = Bounds { shutdown: Part::Present, ..Bounds::BASE };
