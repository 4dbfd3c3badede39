//! Logs of real runs.

use core::fmt::{self, Debug, Formatter};

use handfast_spec::Recorded;
use handfast_spec::ownership::{Action, Incarnation, Owner, Thread, Threads};
use serde::{Deserialize, Serialize};

use super::kernel::Registration;
use super::machine::{At, World};
use super::word::{State, Words};
use super::{Config, Handfast};
use crate::checker::explain::Explains;

/// How large the world was, as the header of its log says.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Header {
    /// How many threads there were.
    pub threads: u16,
    /// How many descriptors could be open at a time.
    pub numbers: u8,
}

impl Header {
    pub(super) fn of(config: &Config) -> Self {
        let Config { threads, numbers, .. } = *config;
        Self { threads, numbers }
    }
}

impl Explains for Handfast {
    type Header = Header;

    fn starts(header: &Header) -> Vec<Recorded<Self>> {
        let Header { threads, numbers } = *header;
        if threads > Threads::MOST {
            return Vec::new();
        }
        vec![Recorded::new(Handfast::new(Config { threads, numbers, takeovers: u8::MAX, arrivals: u8::MAX }))]
    }

    fn attempts(&self) -> Vec<Action> {
        let mut attempts = Vec::new();
        let open: Vec<Incarnation> = self.open_ones().collect();
        for thread in (0..self.config.threads).map(Thread) {
            attempts.extend([
                Action::Open { thread, incarnation: Incarnation(self.next) },
                Action::Claim { thread },
                Action::Insert { thread, owner: Owner::Thread(thread) },
                Action::Insert { thread, owner: Owner::Everybody },
                Action::Watch { thread },
                Action::Poll { thread },
                Action::Leave { thread },
                Action::DeleteInside { thread },
                Action::Wipe { thread },
                Action::Close { thread },
                Action::Forget { thread },
            ]);
            let reports = self.threads.iter().nth(thread.index()).into_iter().flat_map(|worker| worker.reports.iter());
            attempts.extend(reports.map(|report| Action::Enter { thread, incarnation: report.about }));
            for &incarnation in &open {
                attempts.extend([
                    Action::Join { thread, incarnation },
                    Action::Takeover { thread, incarnation },
                    Action::Delete { thread, incarnation },
                ]);
            }
        }
        attempts.extend(open.iter().map(|&incarnation| Action::Arrive { incarnation }));
        attempts
    }

    fn summary(&self) -> Vec<String> {
        self.described()
    }
}

impl<W: Words> World<W> {
    fn open_ones(&self) -> impl Iterator<Item = Incarnation> {
        let is_open = |incarnation: &Incarnation| {
            self.kernel.iter().nth(incarnation.index()).is_some_and(|descriptor| descriptor.open)
        };
        self.incarnations().filter(is_open)
    }

    /// What there is and where the threads are, a line for each.
    pub(super) fn described(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let used = self.incarnations().map(|incarnation| self.number(incarnation)).max();
        for number in 0..used.map_or(0, |last| last + 1) {
            lines.push(format!("number {number}: {}", describe(&self.words, number)));
        }
        for incarnation in self.open_ones() {
            let Some(descriptor) = self.kernel.iter().nth(incarnation.index()) else { continue };
            let watchers = descriptor.watchers.iter().enumerate();
            let watching: Vec<String> = watchers
                .filter(|(_, registration)| **registration != Registration::None)
                .map(
                    |(thread, registration)| {
                        if registration.is_due() { format!("{thread}, due") } else { thread.to_string() }
                    },
                )
                .collect();
            let data = if descriptor.data { "something is there" } else { "nothing is there" };
            lines.push(format!(
                "{incarnation} has number {}, {data}, watched by [{}]",
                descriptor.number,
                watching.join("; ")
            ));
        }
        for (thread, worker) in self.threads.iter().enumerate() {
            let at = match worker.at {
                At::Rest => "is in its loop".to_owned(),
                At::Opened(which) => format!("has {which} and has not claimed its slot"),
                At::Claimed(which) => format!("puts {which} into its slot"),
                At::Inside(which, _) => format!("is inside {which}"),
                At::Holding(which, _) => format!("is to free the slot of {which}"),
                At::Wiped(which) => format!("is to close {which}"),
                At::Deregistering(which, _) => format!("is to have its poller forget {which}"),
            };
            let reports: String =
                worker.reports.iter().map(|report| format!(", with a report of {}", report.about)).collect();
            lines.push(format!("{} {at}{reports}", Thread(thread as u16)));
        }
        lines
    }
}

/// A slot in words.
pub(in crate::ownership) fn describe(words: &impl Words, number: u8) -> String {
    let generation = words.token(number).generation;
    let payload = words.payload(number).map(|which| format!(" with {which}")).unwrap_or_default();
    match words.state(number) {
        State::Free => format!("free, generation {generation}{payload}"),
        State::Held => format!("held, generation {generation}{payload}"),
        State::Live { owner, runners, closing } => {
            let closing = if closing { ", to be closed" } else { "" };
            format!("of {owner}, generation {generation}{payload}, {runners} inside{closing}")
        }
    }
}

/// What is shown in Stateright's Explorer: the state in words.
impl<W: Words> Debug for World<W> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Config { threads, numbers, takeovers, arrivals: _ } = self.config;
        writeln!(f, "{threads} threads, {numbers} numbers, {} of {takeovers} takeovers", self.takeovers)?;
        self.described().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
