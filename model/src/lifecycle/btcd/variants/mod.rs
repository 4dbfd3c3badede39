//! The designs, by name.

mod corrected;
mod historical;
mod mutants;
mod node;

use super::alphabet::alphabet;
use super::extent::{Extent, Part};
use super::machine::Btcd;
use super::switches::{Guard, Switches};
use crate::catalogue::Kind;
use crate::design::Checked;
use crate::history::Row;

/// A design with the extent at which it is looked at, and what it violates there.
pub type Variant = Row<Switches, Extent>;

/// A design at an extent, to be explored.
pub fn checked(switches: Switches, extent: Extent) -> Checked<Btcd> {
    Checked::new(vec![Btcd::recorded(switches, extent)], alphabet(&extent))
}

/// Every variant: the designs of the event channels, those of the node around them, the corrected design, its mutants.
pub fn variants() -> impl Iterator<Item = &'static Variant> {
    [historical::VARIANTS, node::VARIANTS, corrected::VARIANTS, mutants::VARIANTS].into_iter().flatten()
}

/// The same design, without the look at the connection before a peer is admitted.
const fn unguarded(switches: Switches) -> Switches {
    Switches { guard: Guard::Absent, ..switches }
}

/// One peer, and a server loop that may reject it.
const REJECTING: Extent = Extent { rejects: Part::Present, ..Extent::BASE };

/// One peer, and blocks that the sync manager relays through the server loop: as many as fill the way back.
const RELAYING: Extent = Extent { blocks: 2, ..Extent::BASE };

/// One peer that sends an orphan, and room for a message before the one that tells of its end.
const ORPHANS: Extent = Extent { transactions: 1, ..Extent::ROOMY };

/// One peer that may be disconnected before it is given its connection.
const ATTACHING: Extent = Extent { attachment: Part::Present, ..Extent::BASE };

/// One peer, and an operator who disconnects it.
const OPERATED: Extent = Extent { operator: Part::Present, ..Extent::BASE };

/// One peer whose handshake is reported twice.
const SIGNALLED_TWICE: Extent = Extent { second_verack: Part::Present, ..Extent::BASE };

/// One peer, and a node that stops.
const STOPPING: Extent = Extent { shutdown: Part::Present, ..Extent::BASE };
