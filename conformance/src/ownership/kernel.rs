//! The kernel around the words: numbers, pollers, reports.

use std::collections::{BTreeMap, BTreeSet};

use handfast_spec::ownership::{Incarnation, Output, Refusal, Thread};

use super::core::{At, CoreMachine, Outcome};

/// An open descriptor.
pub(super) struct Descriptor {
    pub(super) number: usize,
    pub(super) data: bool,
    arrivals: u8,
    /// What each poller that watches it was given with it.
    pub(super) watchers: BTreeMap<Thread, u64>,
    /// Whose pollers have something to report of it.
    due: BTreeSet<Thread>,
}

impl CoreMachine {
    pub(super) fn open(&mut self, thread: Thread, incarnation: Incarnation) -> Outcome {
        self.rests(thread)?;
        if incarnation.0 != self.next {
            return Err(Refusal::NotNext);
        }
        let taken: BTreeSet<usize> = self.open.values().map(|descriptor| descriptor.number).collect();
        let number = (0..self.slots.len()).find(|number| !taken.contains(number)).ok_or(Refusal::NoNumber)?;
        self.next += 1;
        let (watchers, due) = (BTreeMap::new(), BTreeSet::new());
        self.open.insert(incarnation, Descriptor { number, data: false, arrivals: 0, watchers, due });
        self.go(thread, At::Opened(incarnation));
        Ok(vec![Output::Opened(thread, incarnation)])
    }

    pub(super) fn watch(&mut self, thread: Thread) -> Outcome {
        let At::Inside(incarnation, token) = self.at(thread) else { return Err(Refusal::NotNow) };
        let descriptor = self.open.get_mut(&incarnation).ok_or(Refusal::Gone)?;
        if descriptor.watchers.contains_key(&thread) {
            return Err(Refusal::Watching);
        }
        descriptor.watchers.insert(thread, token.to_user_data());
        if descriptor.data {
            descriptor.due.insert(thread);
        }
        Ok(vec![Output::Watched(thread, incarnation)])
    }

    pub(super) fn arrive(&mut self, incarnation: Incarnation) -> Outcome {
        let descriptor = self.open.get_mut(&incarnation).ok_or(Refusal::Gone)?;
        if descriptor.data || descriptor.arrivals == self.config.arrivals {
            return Err(Refusal::NothingNew);
        }
        descriptor.data = true;
        descriptor.arrivals += 1;
        descriptor.due = descriptor.watchers.keys().copied().collect();
        Ok(vec![Output::Arrived(incarnation)])
    }

    pub(super) fn poll(&mut self, thread: Thread) -> Outcome {
        self.rests(thread)?;
        let poller = self.threads.entry(thread).or_default();
        if !poller.reports.is_empty() {
            return Err(Refusal::NotNow);
        }
        for (incarnation, descriptor) in &mut self.open {
            if descriptor.due.remove(&thread) {
                poller.reports.insert(*incarnation, descriptor.watchers[&thread]);
            }
        }
        let outputs: Vec<Output> = poller.reports.keys().map(|about| Output::Reported(thread, *about)).collect();
        if outputs.is_empty() { Err(Refusal::NothingNew) } else { Ok(outputs) }
    }

    pub(super) fn close(&mut self, thread: Thread) -> Outcome {
        let At::Wiped(incarnation) = self.at(thread) else { return Err(Refusal::NotNow) };
        self.open.remove(&incarnation);
        self.go(thread, At::Rest);
        Ok(vec![Output::Closed(thread, incarnation), Output::Returned(thread)])
    }

    pub(super) fn forget(&mut self, thread: Thread) -> Outcome {
        let At::Deregistering(meant) = self.at(thread) else { return Err(Refusal::NotNow) };
        self.go(thread, At::Rest);
        // A closed descriptor is watched by nobody; and what has its number now, this thread would have to have had
        // watched since it was turned away.
        let Some(descriptor) = self.open.get_mut(&meant) else { return Ok(Vec::new()) };
        descriptor.due.remove(&thread);
        let watched = descriptor.watchers.remove(&thread);
        Ok(watched.map(|_| Output::Forgotten(thread, meant, meant)).into_iter().collect())
    }
}
