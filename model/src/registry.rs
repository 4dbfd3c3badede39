//! The one list of the protocols that are modelled.

use crate::checker::catalogue::Entry;
use crate::{framed, lifecycle, node, ownership, simopen};

/// Every protocol, in the order in which `check` goes through them.
///
/// It is no constant, because a crate that names a constant compiles the functions again that the constant names.
pub static ENTRIES: &[Entry] = &[simopen::ENTRY, lifecycle::ENTRY, ownership::ENTRY, framed::ENTRY, node::ENTRY];

/// Returns the protocol with a name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}
