//! Networks of addresses.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The addresses that begin with the same bits: what is banned, and what counts as one source. A single address is a
/// network of full length.
///
/// An IPv4 address that is mapped to IPv6 is that IPv4 address, and `::ffff:192.0.2.0/120` is `192.0.2.0/24`. A shorter
/// prefix of IPv6 has no address of IPv4 in it.
///
/// ```
/// use handfast::lifecycle::Network;
///
/// let network: Network = "192.0.2.77/24".parse()?;
/// assert_eq!(network.to_string(), "192.0.2.0/24");
/// assert!(network.contains("::ffff:192.0.2.1".parse()?) && !network.contains("192.0.3.1".parse()?));
/// assert_eq!("192.0.2.1".parse::<Network>()?.to_string(), "192.0.2.1/32");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(into = "String", try_from = "String")
)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

impl Network {
    /// Returns the network that has the address and this prefix length, in bits. A length that the address does not have
    /// is its full length.
    pub fn new(address: IpAddr, length: u8) -> Self {
        match (address, address.to_canonical()) {
            (IpAddr::V6(_), IpAddr::V4(mapped)) if length >= 96 => Self::of_v4(mapped, length - 96),
            (IpAddr::V4(address), _) => Self::of_v4(address, length),
            (IpAddr::V6(address), _) => {
                let length = length.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                Self { address: Ipv6Addr::from_bits(address.to_bits() & mask).into(), length }
            }
        }
    }

    fn of_v4(address: Ipv4Addr, length: u8) -> Self {
        let length = length.min(32);
        let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        Self { address: Ipv4Addr::from_bits(address.to_bits() & mask).into(), length }
    }

    /// Returns its first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Returns its prefix length, in bits.
    pub fn prefix_length(&self) -> u8 {
        self.length
    }

    /// Whether the address is one of the network's.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && Self::new(address, self.length) == *self
    }

    /// Returns its last address.
    pub(super) fn last(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => {
                let host = u32::MAX.checked_shr(self.length.into()).unwrap_or(0);
                Ipv4Addr::from_bits(address.to_bits() | host).into()
            }
            IpAddr::V6(address) => {
                let host = u128::MAX.checked_shr(self.length.into()).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() | host).into()
            }
        }
    }
}

impl From<IpAddr> for Network {
    /// Returns the network that has this address alone.
    fn from(address: IpAddr) -> Self {
        Self::new(address.to_canonical(), u8::MAX)
    }
}

impl Display for Network {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

/// A text is no network.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no network: an address is expected, or an address, a slash and a prefix length of at most its bits")]
pub struct ParseNetworkError(String);

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseNetworkError(text.to_owned());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u8>().map_err(|_| error())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        match length {
            Some(length) if length > bits => Err(error()),
            Some(length) => Ok(Self::new(address, length)),
            None => Ok(Self::from(address)),
        }
    }
}

impl TryFrom<String> for Network {
    type Error = ParseNetworkError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Returns the one form of an address that has two: an IPv4 address that is mapped to IPv6, as an IPv6 listener shows it,
/// is returned as IPv4. A node that has addresses for keys must compare them in this form.
///
/// ```
/// use handfast::lifecycle::canonical;
///
/// assert_eq!(canonical("[::ffff:192.0.2.1]:8333".parse()?), "192.0.2.1:8333".parse()?);
/// assert_eq!(canonical("[2001:db8::1]:8333".parse()?), "[2001:db8::1]:8333".parse()?);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::new(v4.into(), address.port()),
        IpAddr::V6(_) => address,
    }
}
