//! What must hold whenever all workers are at rest.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::Canary;
use super::run::{APART, Counts, Idle, NONE, Run, locked};
use crate::simulate::oracle::{DEADLINE, REST, TRUTH};

impl Run {
    /// What must hold whenever all workers are at rest.
    pub(super) fn check(&mut self) {
        let Some(pool) = self.pool.clone() else { return };
        let (mut idle, mut closed) = (0, 0);
        for server in &self.servers {
            let state = server.state();
            let Some((owner, since)) = state.idle else { continue };
            if state.is_dropped {
                closed += 1;
                continue;
            }
            idle += 1;
            let id = state.id;
            let is_noticed = state.not_idle.is_none() || !state.is_reported;
            self.oracle.holds(is_noticed, REST, || {
                format!("connection {id} is idle on worker {owner}, whose poller has told of its end")
            });
            let (time, age) = (self.now - since, self.now - state.created_at);
            let is_young = time <= self.setup.idle + APART && age <= self.setup.age + APART;
            self.oracle.holds(is_young, DEADLINE, || format!("connection {id} is idle for {time} s and {age} s old"));
        }
        let told = pool.idle() + usize::from(self.canary == Some(Canary::Miscounts));
        self.oracle.holds(told == idle, TRUTH, || format!("{told} are said to be idle, and {idle} are"));
        self.oracle
            .holds(idle <= self.setup.total, TRUTH, || format!("{idle} are idle, of {} at most", self.setup.total));
        let metrics = pool.metrics();
        let missed = metrics.missed - self.probed.iter().map(|probed| probed.load(Relaxed)).sum::<u64>();
        let counts = Counts {
            put: metrics.put,
            refused: metrics.refused,
            local: metrics.reused_local,
            over: metrics.taken_over,
            missed,
        };
        self.oracle
            .holds(counts == self.counts, TRUTH, || format!("{counts:?} is counted, and {:?} happened", self.counts));
        let reasons = metrics.closed_while_idle + metrics.expired + metrics.evicted + metrics.failed_takeovers;
        self.oracle.holds(reasons == closed, TRUTH, || format!("{closed} were closed while idle: {metrics:?}"));
        for (count, event) in [
            (metrics.closed_while_idle, "a connection is closed while it is idle"),
            (metrics.expired, "a connection expires"),
            (metrics.evicted, "a connection is evicted"),
            (metrics.failed_takeovers, "a connection cannot be moved"),
        ] {
            if count > 0 {
                self.oracle.saw(event);
            }
        }
        self.watch_lock(&pool);
    }

    /// From the first step on the drop of a connection takes a lock of the pool, on another worker.
    fn watch_lock(&self, pool: &Idle) {
        let Some(workers) = self.workers.as_ref().map(Arc::downgrade) else { return };
        let (pool, probed, len) = (pool.clone(), Arc::clone(&self.probed), self.ended.len());
        self.lock.watch(move |thread| {
            let Some(workers) = workers.upgrade().filter(|_| len > 1) else { return };
            // The worker on which something is dropped waits for the answer, and cannot give it.
            let own = thread.rsplit_once('-').and_then(|(_, number)| number.parse::<usize>().ok());
            let other = own.map_or(0, |own| (own + 1) % len);
            let (pool, probed) = (pool.clone(), Arc::clone(&probed));
            let asked = locked(&workers).spawn(other, move |here| async move {
                probed[other].fetch_add(1, Relaxed);
                drop(pool.local(&here).take(&NONE));
            });
            if let Ok(asked) = asked {
                let _ = asked.wait();
            }
        });
    }
}
