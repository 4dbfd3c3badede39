//! What the facade of the crate `metrics` is given is what the snapshots say.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use handfast::lifecycle;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit, with_local_recorder};

/// Keeps each figure by its name and labels, and each description by its name.
#[derive(Default)]
struct Kept {
    counters: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    gauges: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    described: Mutex<BTreeMap<String, String>>,
}

fn entry(figures: &Mutex<BTreeMap<String, Arc<AtomicU64>>>, key: &Key) -> Arc<AtomicU64> {
    let labels = key.labels().map(|label| format!(" {}={}", label.key(), label.value()));
    let name = key.name().to_owned() + &labels.collect::<String>();
    Arc::clone(figures.lock().unwrap().entry(name).or_default())
}

impl Kept {
    fn describe(&self, name: &KeyName, what: &SharedString) {
        self.described.lock().unwrap().insert(name.as_str().to_owned(), what.to_string());
    }

    fn counters(&self) -> BTreeMap<String, u64> {
        let counters = self.counters.lock().unwrap();
        counters.iter().map(|(name, value)| (name.clone(), value.load(Ordering::Relaxed))).collect()
    }

    fn gauges(&self) -> BTreeMap<String, f64> {
        let gauges = self.gauges.lock().unwrap();
        gauges.iter().map(|(name, value)| (name.clone(), f64::from_bits(value.load(Ordering::Relaxed)))).collect()
    }

    /// What is published without a description. Names only: labels are left out.
    fn undescribed(&self) -> Vec<String> {
        let described = self.described.lock().unwrap();
        let published = self.counters().into_keys().chain(self.gauges().into_keys());
        let names = published.map(|name| name.split(' ').next().unwrap_or_default().to_owned());
        names.filter(|name| described.get(name).is_none_or(String::is_empty)).collect()
    }
}

impl Recorder for Kept {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, what: SharedString) {
        self.describe(&name, &what);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, what: SharedString) {
        self.describe(&name, &what);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        panic!("{} is no histogram", name.as_str());
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(entry(&self.counters, key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(entry(&self.gauges, key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        panic!("{key} is no histogram");
    }
}

#[test]
fn a_node_publishes_every_figure_of_its_snapshot() {
    let mut snapshot = lifecycle::Metrics::default();
    (snapshot.sessions, snapshot.pending, snapshot.subscribers, snapshot.bans, snapshot.longest_queue) =
        (1, 2, 3, 4, 5);
    (snapshot.opened, snapshot.greeted, snapshot.duplicate_signals, snapshot.announced) = (6, 7, 8, 9);
    (snapshot.waits_for_room, snapshot.evicted) = (10, 11);
    snapshot.refused = [("full", 12), ("banned", 13)].into();
    snapshot.downs = [("stalled", 14)].into();
    snapshot.ended_unannounced = [("timeout", 15)].into();
    let kept = Kept::default();
    with_local_recorder(&kept, || {
        lifecycle::Metrics::describe();
        // The last snapshot is the one that counts.
        lifecycle::Metrics::default().publish("one");
        snapshot.publish("one");
    });

    let expected = |figures: &[(&str, &str, u64)]| -> BTreeMap<String, u64> {
        let named =
            figures.iter().map(|(name, labels, value)| (format!("handfast_lifecycle_{name} node=one{labels}"), *value));
        named.collect()
    };
    let gauges = [("sessions", 1), ("pending", 2), ("subscribers", 3), ("bans", 4), ("longest_queue", 5)];
    let gauges: BTreeMap<String, f64> =
        gauges.into_iter().map(|(name, value)| (format!("handfast_lifecycle_{name} node=one"), value.into())).collect();
    assert_eq!(kept.gauges(), gauges);
    let counters = expected(&[
        ("opened_total", "", 6),
        ("greeted_total", "", 7),
        ("duplicate_signals_total", "", 8),
        ("announced_total", "", 9),
        ("waits_for_room_total", "", 10),
        ("evicted_total", "", 11),
        ("refused_total", " reason=full", 12),
        ("refused_total", " reason=banned", 13),
        ("downs_total", " reason=stalled", 14),
        ("ended_unannounced_total", " reason=timeout", 15),
    ]);
    assert_eq!(kept.counters(), counters);
    assert_eq!(kept.undescribed(), Vec::<String>::new());
    // A figure that is added to the snapshot and not here would not be published.
    let fields = format!("{snapshot:?}").matches(": ").count() - 4;
    assert_eq!(fields, kept.described.lock().unwrap().len(), "each field of the snapshot is described: {snapshot:?}");
}

#[cfg(unix)]
#[test]
fn a_pool_publishes_every_counter_of_its_snapshot() {
    use handfast::pool::Metrics;

    let mut snapshot = Metrics::default();
    (snapshot.put, snapshot.taken_over, snapshot.panicked) = (1, 2, 3);
    let kept = Kept::default();
    with_local_recorder(&kept, || {
        Metrics::describe();
        snapshot.publish("backends");
    });

    let named = snapshot.iter().map(|(name, value)| (format!("handfast_pool_{name}_total pool=backends"), value));
    assert_eq!(kept.counters(), named.collect());
    assert_eq!(kept.counters()["handfast_pool_taken_over_total pool=backends"], 2);
    assert_eq!(kept.undescribed(), Vec::<String>::new());
    assert!(kept.gauges().is_empty());
}
