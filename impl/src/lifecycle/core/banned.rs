//! The networks that are banned.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Network;

/// The networks that are banned. An address is looked up once for each prefix length that is in use, so that it takes no
/// longer where many networks are banned.
#[derive(Debug, Default)]
pub(super) struct BannedNetworks {
    networks: BTreeSet<Network>,
    /// How many there are of each prefix length.
    lengths: BTreeMap<u8, usize>,
}

impl BannedNetworks {
    /// Adds a network. Returns whether it was not there.
    pub(super) fn insert(&mut self, network: Network) -> bool {
        let is_new = self.networks.insert(network);
        *self.lengths.entry(network.prefix_length()).or_default() += usize::from(is_new);
        is_new
    }

    /// Removes a network. Returns whether it was there.
    pub(super) fn remove(&mut self, network: Network) -> bool {
        let was_there = self.networks.remove(&network);
        if was_there && let Some(count) = self.lengths.get_mut(&network.prefix_length()) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&network.prefix_length());
            }
        }
        was_there
    }

    /// Returns those that have the address.
    pub(super) fn containing(&self, address: IpAddr) -> impl Iterator<Item = Network> {
        let address = address.to_canonical();
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let lengths = self.lengths.range(..=bits).map(|(&length, _)| length);
        lengths.map(move |length| Network::new(address, length)).filter(|network| self.networks.contains(network))
    }
}
