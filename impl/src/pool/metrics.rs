//! What is counted.

use std::sync::atomic::{AtomicU64, Ordering};

use super::core::{Over, Why};

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// What a pool has done since it was made, over all its workers: each figure by itself is exact when nothing
        /// else happens meanwhile. Connections that were `put` and are not idle were reused, taken over, evicted, closed
        /// (`closed_` and the reason), `expired`, `cleared`, `suspected`, or had a takeover that failed.
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub struct Metrics {
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl Metrics {
            /// Returns each counter with its name, for a program that exports them all. None ever decreases.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }

            /// Returns what has happened since an earlier moment.
            #[must_use]
            pub fn since(&self, earlier: &Self) -> Self {
                Self { $($name: self.$name.wrapping_sub(earlier.$name),)* }
            }
        }

        #[cfg(feature = "metrics")]
        impl Metrics {
            /// Publishes these counters through the facade of the crate `metrics`, for the recorder of the program: each as
            /// `handfast_pool_`, the name of its field, and `_total`, with the label `pool`.
            ///
            /// Nothing is published by itself: call it as often as the counters are to be read, with a name that no
            /// other pool of the program has. The recorder runs within this call, and no lock is held.
            pub fn publish(&self, pool: &str) {
                $(metrics::counter!(concat!("handfast_pool_", stringify!($name), "_total"), "pool" => pool.to_owned())
                    .absolute(self.$name);)*
            }

            /// Describes the counters of [`publish`](Self::publish) to the recorder of the program: once, when it is
            /// installed.
            pub fn describe() {
                $(metrics::describe_counter!(
                    concat!("handfast_pool_", stringify!($name), "_total"),
                    concat!($($doc),*).trim_ascii_start()
                );)*
            }
        }

        /// One worker's, on cache lines of its own, which no other worker writes to.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)*
        }

        impl Counters {
            pub(super) fn add_to(&self, sum: &mut Metrics) {
                $(sum.$name += self.$name.0.load(Ordering::Relaxed);)*
            }
        }
    };
}

counters! {
    /// Connections that were put.
    put,
    /// Connections that were taken by the worker that put them.
    reused_local,
    /// Connections that another worker has taken over.
    taken_over,
    /// Attempts to take that found nothing.
    missed,
    /// Connections that were passed over because their worker was looking whether they had been closed.
    busy_skips,
    /// Connections that were closed because the server had closed them, had sent something, or because of an error,
    /// while they were idle: noticed by the worker that watches, or at the last moment by the one that takes.
    closed_while_idle,
    /// Connections that were closed because they were idle for too long, or too old.
    expired,
    /// Connections that were closed because their destination was cleared, or they were not to be retained.
    cleared,
    /// Connections that were closed because the server may have vanished.
    suspected,
    /// Connections that were closed because there were no descriptors left.
    closed_for_room,
    /// Connections that were closed because their worker has stopped.
    closed_by_stop,
    /// Connections that were closed in favour of newer ones.
    evicted,
    /// Connections that were not put, and were given back.
    refused,
    /// Reports about connections that had been taken or closed before their worker saw the report.
    late_reports,
    /// Takeovers that failed in the kernel, upon which the connection was closed.
    failed_takeovers,
    /// Connections that were closed because their own code panicked when they were looked at or taken.
    closed_by_panic,
    /// Panics in code of a connection or a key that the pool ran on its own: in a connection that it looked at, or in
    /// the `Drop` of one that it closed, which is counted with those that were closed for the same reason.
    panicked,
}

/// Counts; nothing is ordered by it. Mostly one thread's, but all threads of a runtime share those of its pool.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, more: usize) {
        if more != 0 {
            self.0.fetch_add(more as u64, Ordering::Relaxed);
        }
    }
}

impl Counters {
    /// Counts what was closed because its time was over.
    pub(super) fn over<G>(&self, over: &[Over<G>]) {
        for Over { why, .. } in over {
            match why {
                Why::Expired => self.expired.add(1),
                Why::Cleared => self.cleared.add(1),
                Why::Suspected => self.suspected.add(1),
            }
        }
    }
}
