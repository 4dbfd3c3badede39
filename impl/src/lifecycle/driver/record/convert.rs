//! The node's configuration, keys, reasons and errors in the words and numbers of the specification.

use std::collections::BTreeMap;

use handfast_spec::lifecycle::{self as spec, NO_LIMIT, Refusal};
use serde::Serialize;

use crate::lifecycle::{Config, Direction, Duplicates, Limits, Network, Origin, Reason, StateError};

/// A node's configuration in numbers, as the header of its record says it.
#[derive(Serialize)]
pub(super) struct Numbered {
    #[serde(flatten)]
    limits: spec::Limits,
    capacity: u64,
    duplicates: spec::Duplicates,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<spec::Key>,
    subscribers: u8,
}

/// Returns the configuration of a node, and the numbers of its keys.
pub(super) fn numbered<K: Clone + Ord>(config: &Config<K>) -> (Numbered, Keys<K>) {
    let duplicates = match config.duplicates {
        Duplicates::KeepOld => spec::Duplicates::KeepOld,
        Duplicates::KeepNew => spec::Duplicates::KeepNew,
        Duplicates::TieBreak => spec::Duplicates::TieBreak,
        Duplicates::Allow(most) => spec::Duplicates::Allow(number(most)),
    };
    let (local, keys) = match &config.local {
        Some(local) => (Some(OUR_OWN), Keys::around(local.clone())),
        None => (None, Keys::as_they_appear()),
    };
    let numbered = Numbered {
        limits: limits(&config.limits),
        capacity: config.capacity as u64,
        duplicates,
        local,
        subscribers: 0,
    };
    (numbered, keys)
}

/// Converts limits.
pub(super) fn limits(limits: &Limits) -> spec::Limits {
    spec::Limits {
        total: number(limits.total),
        pending_inbound: number(limits.pending_inbound),
        pending_outbound: number(limits.pending_outbound),
        inbound: number(limits.inbound),
        outbound: number(limits.outbound),
        pending_per_source: number(limits.pending_per_source),
        per_source: number(limits.per_source),
        per_address: number(limits.per_address),
        reserved: number(limits.reserved),
        source_v4: limits.source_v4,
        source_v6: limits.source_v6,
    }
}

/// Converts a network.
pub(super) fn network(network: Network) -> spec::Network {
    spec::Network::new(network.address(), network.prefix_length())
}

/// A record has fewer sessions than the model has numbers, so that a greater limit is none.
fn number(limit: usize) -> u32 {
    u32::try_from(limit).unwrap_or(NO_LIMIT)
}

/// The number of our own key: in the middle, so that there are as many below as above.
const OUR_OWN: spec::Key = spec::Key(1 << 31);

/// The numbers of keys. The model asks of two keys whether they are one, and of a key whether it is less than our own.
pub(super) struct Keys<K> {
    numbers: BTreeMap<K, spec::Key>,
    our_own: Option<K>,
    /// The last number that was given to a key less than our own.
    below: u32,
    /// The next number for any other one; none when they are used up.
    above: Option<u32>,
}

impl<K: Clone + Ord> Keys<K> {
    fn as_they_appear() -> Self {
        Self { numbers: BTreeMap::new(), our_own: None, below: 0, above: Some(0) }
    }

    fn around(our_own: K) -> Self {
        let numbers = BTreeMap::from([(our_own.clone(), OUR_OWN)]);
        Self { numbers, our_own: Some(our_own), below: OUR_OWN.0, above: OUR_OWN.0.checked_add(1) }
    }

    /// The number of a key; none when they are used up.
    pub(super) fn number(&mut self, key: &K) -> Option<spec::Key> {
        if let Some(number) = self.numbers.get(key) {
            return Some(*number);
        }
        let number = if self.our_own.as_ref().is_some_and(|our_own| key < our_own) {
            self.below = self.below.checked_sub(1)?;
            self.below
        } else {
            let number = self.above?;
            self.above = number.checked_add(1);
            number
        };
        self.numbers.insert(key.clone(), spec::Key(number));
        Some(spec::Key(number))
    }
}

/// Converts the origin of a connection.
pub(super) fn origin(origin: Origin) -> spec::Origin {
    let Origin { direction, address, privileged } = origin;
    let direction = match direction {
        Direction::Inbound => spec::Direction::Inbound,
        Direction::Outbound => spec::Direction::Outbound,
    };
    spec::Origin { direction, address: address.map(|address| address.to_canonical()), privileged }
}

/// Converts a reason to reject, if it is one.
pub(super) fn rejection(reason: Reason) -> Option<spec::Reason> {
    match reason {
        Reason::Full => Some(spec::Reason::Full),
        Reason::Pending => Some(spec::Reason::Pending),
        Reason::Reserved => Some(spec::Reason::Reserved),
        Reason::Inbound => Some(spec::Reason::Inbound),
        Reason::Outbound => Some(spec::Reason::Outbound),
        Reason::PendingFromSource => Some(spec::Reason::PendingFromSource),
        Reason::PerSource => Some(spec::Reason::PerSource),
        Reason::PerAddress => Some(spec::Reason::PerAddress),
        Reason::Myself => Some(spec::Reason::Myself),
        Reason::Banned => Some(spec::Reason::Banned),
        Reason::Duplicate => Some(spec::Reason::Duplicate),
        Reason::ShuttingDown => Some(spec::Reason::Closing),
        Reason::Evicted
        | Reason::Replaced
        | Reason::HandshakeTimeout
        | Reason::HandshakeFailed
        | Reason::RemoteClosed
        | Reason::Failed
        | Reason::Stalled
        | Reason::Local
        | Reason::Application(_)
        | Reason::Aborted
        | Reason::Panicked => None,
    }
}

/// Converts an error, where the specification has a refusal of the same meaning.
pub(super) fn refusal(error: StateError) -> Option<Refusal> {
    match error {
        StateError::WrongStage { .. } | StateError::AlreadyPrivileged(_) | StateError::NotShuttingDown => {
            Some(Refusal::NotNow)
        }
        StateError::Ending(_) => Some(Refusal::Ending),
        StateError::ShuttingDown => Some(Refusal::AlreadyClosing),
        StateError::NoSuchSession(_)
        | StateError::NoSuchSubscriber(_)
        | StateError::NotHolding(_)
        | StateError::AlreadyBanned
        | StateError::NotBanned => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_numbered_around_our_own() {
        let mut keys = Keys::around("m");
        let numbers: Vec<_> = ["m", "z", "a", "b", "n", "z"].into_iter().map(|key| keys.number(&key)).collect();
        let middle = OUR_OWN.0;
        let expected = [middle, middle + 1, middle - 1, middle - 2, middle + 2, middle + 1];
        assert_eq!(numbers, expected.map(|number| Some(spec::Key(number))));
    }

    #[test]
    fn numbers_end_and_are_never_given_twice() {
        let mut keys = Keys::as_they_appear();
        keys.above = Some(u32::MAX);
        assert_eq!(keys.number(&1), Some(spec::Key(u32::MAX)));
        assert_eq!((keys.number(&2), keys.number(&1)), (None, Some(spec::Key(u32::MAX))));
        let mut keys = Keys::around(5);
        keys.below = 0;
        assert_eq!((keys.number(&4), keys.number(&6)), (None, Some(spec::Key(OUR_OWN.0 + 1))));
    }
}
