//! A node's metrics for the facade of the crate `metrics`.

use std::collections::BTreeMap;

use super::Metrics;

/// The name of a figure, what it is, and its value.
type Figure<V> = (&'static str, &'static str, V);

impl Metrics {
    /// Publishes this snapshot through the facade of the crate `metrics`, for the recorder of the program: each figure as
    /// `handfast_lifecycle_` and the name of its field, with the label `node`; counters end in `_total`, and those that are
    /// kept by reason have the label `reason` too.
    ///
    /// Nothing is published by itself: call it as often as the figures are to be read, with a name that no other node of
    /// the program has. The recorder runs within this call, and no lock is held.
    ///
    /// ```
    /// # use handfast::lifecycle::{Config, Duplicates, Limits, Metrics, Node, NodeConfig};
    /// # let registry = Config::new(Limits::by_direction(6, 2), Duplicates::KeepNew);
    /// # let node = Node::<u32>::new(NodeConfig::new(registry))?;
    /// Metrics::describe();
    /// node.metrics().publish("p2p");
    /// # Ok::<(), handfast::lifecycle::ConfigError>(())
    /// ```
    pub fn publish(&self, node: &str) {
        for (name, _, value) in self.gauges() {
            metrics::gauge!(name, "node" => node.to_owned()).set(value as f64);
        }
        for (name, _, value) in self.counters() {
            metrics::counter!(name, "node" => node.to_owned()).absolute(value);
        }
        for (name, _, values) in self.by_reason() {
            for (&reason, &value) in values {
                metrics::counter!(name, "node" => node.to_owned(), "reason" => reason).absolute(value);
            }
        }
    }

    /// Describes the figures of [`publish`](Self::publish) to the recorder of the program: once, when it is installed.
    pub fn describe() {
        let none = Self::default();
        none.gauges().into_iter().for_each(|(name, what, _)| metrics::describe_gauge!(name, what));
        none.counters().into_iter().for_each(|(name, what, _)| metrics::describe_counter!(name, what));
        none.by_reason().into_iter().for_each(|(name, what, _)| metrics::describe_counter!(name, what));
    }

    fn gauges(&self) -> [Figure<usize>; 5] {
        [
            ("handfast_lifecycle_sessions", "Sessions that hold a slot", self.sessions),
            ("handfast_lifecycle_pending", "Sessions that hold a slot and are not announced", self.pending),
            ("handfast_lifecycle_subscribers", "Subscribers", self.subscribers),
            ("handfast_lifecycle_bans", "Bans", self.bans),
            ("handfast_lifecycle_longest_queue", "Events queued for the slowest subscriber", self.longest_queue),
        ]
    }

    fn counters(&self) -> [Figure<u64>; 6] {
        [
            ("handfast_lifecycle_opened_total", "Connections that got a slot", self.opened),
            ("handfast_lifecycle_greeted_total", "Handshakes that completed", self.greeted),
            (
                "handfast_lifecycle_duplicate_signals_total",
                "Handshakes that were reported complete again",
                self.duplicate_signals,
            ),
            ("handfast_lifecycle_announced_total", "Sessions that were announced", self.announced),
            ("handfast_lifecycle_waits_for_room_total", "Announcements that had to wait", self.waits_for_room),
            ("handfast_lifecycle_evicted_total", "Subscribers that were evicted", self.evicted),
        ]
    }

    fn by_reason(&self) -> [Figure<&BTreeMap<&'static str, u64>>; 3] {
        [
            ("handfast_lifecycle_refused_total", "Connections that got no slot", &self.refused),
            ("handfast_lifecycle_downs_total", "Announced sessions that ended", &self.downs),
            (
                "handfast_lifecycle_ended_unannounced_total",
                "Sessions that ended and were not announced",
                &self.ended_unannounced,
            ),
        ]
    }
}
