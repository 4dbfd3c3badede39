//! Networks of addresses.

use core::net::IpAddr;
use core::str::FromStr;

use derive_more::Display;
use serde::{Deserialize, Serialize};

/// The addresses that begin with the same bits. A single address is a network of full length.
///
/// ```
/// # use handfast_spec::lifecycle::Network;
/// let network: Network = "192.0.2.77/24".parse().unwrap();
/// assert_eq!(network.to_string(), "192.0.2.0/24");
/// assert!(network.contains("192.0.2.200".parse().unwrap()));
/// assert!(!network.contains("192.0.3.1".parse().unwrap()) && !network.contains("::".parse().unwrap()));
/// ```
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[display("{address}/{length}")]
#[serde(into = "String", try_from = "String")]
pub struct Network {
    address: IpAddr,
    length: u8,
}

impl Network {
    /// Returns the network of this prefix length, in bits, that has the address. A length that the address does not have
    /// is its full length.
    pub const fn new(address: IpAddr, length: u8) -> Self {
        match address {
            IpAddr::V4(address) => {
                let length = if length > 32 { 32 } else { length };
                let mask = match u32::MAX.checked_shl(32 - length as u32) {
                    Some(mask) => mask,
                    None => 0,
                };
                Self { address: IpAddr::V4(core::net::Ipv4Addr::from_bits(address.to_bits() & mask)), length }
            }
            IpAddr::V6(address) => {
                let length = if length > 128 { 128 } else { length };
                let mask = match u128::MAX.checked_shl(128 - length as u32) {
                    Some(mask) => mask,
                    None => 0,
                };
                Self { address: IpAddr::V6(core::net::Ipv6Addr::from_bits(address.to_bits() & mask)), length }
            }
        }
    }

    /// Returns the network that has this address alone.
    pub const fn of(address: IpAddr) -> Self {
        Self::new(address, u8::MAX)
    }

    /// Returns its first address.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether the address is one of the network's.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && Self::new(address, self.length) == *self
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_no_network = || format!("{text} is no network: an address, a slash and a length are expected");
        let (address, length) = text.split_once('/').ok_or_else(is_no_network)?;
        let (address, length) = (address.parse(), length.parse());
        let (Ok(address), Ok(length)) = (address, length) else { return Err(is_no_network()) };
        Ok(Self::new(address, length))
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
