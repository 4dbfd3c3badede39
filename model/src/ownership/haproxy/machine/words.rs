//! The state in HAProxy's words, and where its steps happen.

use handfast_spec::ownership::Thread;
use handfast_spec::{Machine, Observation};

use super::{Conn, Flags, Haproxy, Slot, Worker};
use crate::checker::design::Flow;
use crate::ownership::haproxy::vocabulary::{Action, Step};

/// The entry of the number in the table, as a lane.
const ENTRY: &str = "fdtab entry";
const KERNEL: &str = "kernel";

impl Haproxy {
    fn threads(&self) -> impl Iterator<Item = (Thread, &Worker)> {
        let there = self.bounds.groups.iter().map(|&group| group != 0);
        let threads = (0..).map(Thread).zip(&self.workers).zip(there);
        threads.filter(|(_, is_there)| *is_there).map(|(thread, _)| thread)
    }

    pub(super) fn drawn_lanes(&self) -> Vec<String> {
        let threads = self.threads().map(|(thread, _)| thread.to_string());
        threads.chain([ENTRY, KERNEL].map(str::to_owned)).collect()
    }

    pub(super) fn drawn(action: Action) -> Flow {
        match action {
            Action::Open(thread) => Flow::receive(KERNEL, thread.to_string()),
            Action::Arrive => Flow::within(KERNEL),
            Action::Poll(thread) | Action::Step(thread, Step::W) => Flow::receive(KERNEL, thread.to_string()),
            Action::Step(thread, Step::O12 | Step::U3) => Flow::send(thread.to_string(), KERNEL),
            Action::Step(thread, Step::Ue12 | Step::Callback | Step::Rest) => Flow::within(thread.to_string()),
            // Every other step is an access to the entry.
            Action::Step(thread, _) => Flow::send(thread.to_string(), ENTRY),
            Action::Takeover(thread)
            | Action::Use(thread)
            | Action::List(thread)
            | Action::Migrate(thread, _)
            | Action::Delete(thread) => Flow::within(thread.to_string()),
        }
    }

    pub(super) fn described(&self) -> Vec<String> {
        let Slot { running, threads, refs, flags: Flags { active, must_close }, owner, .. } = self.slot;
        let mut entry = match owner {
            Some(which) => format!("{ENTRY}: {which}"),
            None => format!("{ENTRY}: free"),
        };
        entry += &format!("; thread_mask {}, running_mask {}", mask(threads), mask(running));
        entry += if active { ", ACTIVE" } else { "" };
        entry += if must_close { ", MUST_CLOSE" } else { "" };
        entry += &if refs > 0 { format!(", {refs} references") } else { String::new() };
        let open = match self.open {
            Some(which) => format!("{KERNEL}: the number is {which}"),
            None => format!("{KERNEL}: the number is closed"),
        };
        let data = if self.data { ", something to read" } else { "" };
        let mut lines = vec![entry, format!("{open}{data}"), format!("connection: {}", self.conn.in_words())];
        lines.extend(self.threads().map(|(thread, worker)| format!("{thread}: {}", worker.in_words())));
        lines
    }

    /// A thread waits if its next step is refused.
    pub(super) fn waiting(&self) -> Vec<String> {
        let wait = |(thread, worker): (Thread, &Worker)| {
            let refused = self.clone().step(&Action::Step(thread, worker.at));
            match refused {
                Observation::Refused(refusal) if worker.at != Step::Rest => {
                    Some(format!("{thread}: waits before {}: {refusal}", worker.at))
                }
                Observation::Refused(_) | Observation::Accepted(_) => None,
            }
        };
        self.threads().filter_map(wait).collect()
    }
}

impl Conn {
    fn in_words(self) -> String {
        match self {
            Self::Gone => "none".to_owned(),
            Self::Used(thread) => format!("used by {thread}"),
            Self::Listed(thread) => format!("idle, in the list of {thread}"),
            Self::Sent(thread) => format!("on its way to {thread}"),
            Self::Anybodys => "a socket, which any thread deletes".to_owned(),
        }
    }
}

impl Worker {
    fn in_words(&self) -> String {
        let mut words = match self.at {
            Step::Rest => "in its loop".to_owned(),
            at => format!("next {at}"), // every step has its own words
        };
        words += if self.inside { "; believes that it may run" } else { "" };
        words.extend(self.report.map(|which| format!("; has a report of {which}")));
        words.extend(self.watched.map(|which| format!("; its poller watches {which}")));
        words
    }
}

/// A mask as the threads of which it has the bits.
fn mask(bits: u8) -> String {
    let bits: Vec<String> = (0..8).filter(|bit| bits & (1 << bit) != 0).map(|bit: u8| bit.to_string()).collect();
    format!("{{{}}}", bits.join(", "))
}
