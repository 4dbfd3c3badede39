//! What the kernel does: numbers, pollers, reports.

use handfast_spec::Table;
use handfast_spec::ownership::{Incarnation, Output, Refusal, Thread};
use serde::Serialize;

use super::machine::{At, Outcome, Outputs, Report, World};
use super::word::{Token, Words};

/// One open descriptor.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Descriptor {
    pub(super) open: bool,
    pub(super) number: u8,
    /// Something arrived and was not read.
    pub(super) data: bool,
    /// How often something arrived, if that is limited.
    pub(super) arrivals: u8,
    /// What each thread's poller has of it.
    pub(super) watchers: Table<Registration, 3>,
}

/// Whether a thread's poller watches a descriptor. It reports once for each arrival, as an edge-triggered one does.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Registration {
    #[default]
    None,
    /// It was given this token.
    Quiet(Token),
    /// And has something to report.
    Due(Token),
}

impl Registration {
    pub(super) fn is_due(self) -> bool {
        match self {
            Self::Due(_) => true,
            Self::None | Self::Quiet(_) => false,
        }
    }

    fn ring(&mut self) {
        *self = match *self {
            Self::None => Self::None,
            Self::Quiet(token) | Self::Due(token) => Self::Due(token),
        }
    }
}

impl<W: Words> World<W> {
    pub(super) fn open(&mut self, thread: Thread, incarnation: Incarnation, outputs: &mut Outputs) -> Outcome {
        self.rests(thread)?;
        if incarnation.0 != self.next {
            return Err(Refusal::NotNext);
        }
        let is_open = |number: &u8| self.kernel.iter().any(|other| other.open && other.number == *number);
        let number = (0..self.config.numbers).find(|number| !is_open(number)).ok_or(Refusal::NoNumber)?;
        self.next += 1;
        *self.kernel.entry(incarnation.index()) = Descriptor { open: true, number, ..Descriptor::default() };
        self.go(thread, At::Opened(incarnation));
        outputs.push(Output::Opened(thread, incarnation));
        Ok(())
    }

    /// OWN-22: a registration of what is ready already is due at once. OWN-8: what is watched the kernel alone knows, and is
    /// asked.
    pub(super) fn watch(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Inside(incarnation, token) = self.at(thread) else { return Err(Refusal::NotNow) };
        let descriptor = self.kernel.entry(incarnation.index());
        let data = descriptor.data;
        let registration = descriptor.watchers.entry(thread.index());
        match registration {
            Registration::None => {
                *registration = if data { Registration::Due(token) } else { Registration::Quiet(token) };
                outputs.push(Output::Watched(thread, incarnation));
                Ok(())
            }
            Registration::Quiet(_) | Registration::Due(_) => Err(Refusal::Watching),
        }
    }

    pub(super) fn arrive(&mut self, incarnation: Incarnation, outputs: &mut Outputs) -> Outcome {
        let limit = self.config.arrivals;
        if incarnation.0 >= self.next {
            return Err(Refusal::Gone);
        }
        let descriptor = self.kernel.entry(incarnation.index());
        if !descriptor.open {
            return Err(Refusal::Gone);
        }
        if descriptor.data || descriptor.arrivals == limit {
            return Err(Refusal::NothingNew);
        }
        descriptor.arrivals += u8::from(limit != u8::MAX);
        descriptor.data = true;
        descriptor.watchers.iter_mut().for_each(Registration::ring);
        outputs.push(Output::Arrived(incarnation));
        Ok(())
    }

    /// From here on the reports are the thread's, whatever becomes of the descriptors.
    pub(super) fn poll(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        self.rests(thread)?;
        if !self.threads.entry(thread.index()).reports.is_empty() {
            return Err(Refusal::NotNow);
        }
        for about in self.incarnations() {
            let registration = self.kernel.entry(about.index()).watchers.entry(thread.index());
            if let Registration::Due(token) = *registration {
                *registration = Registration::Quiet(token);
                self.threads.entry(thread.index()).reports.push(Report { token, about });
                outputs.push(Output::Reported(thread, about));
            }
        }
        if outputs.is_empty() { Err(Refusal::NothingNew) } else { Ok(()) }
    }

    /// Closing a number ends the descriptor that has it, and with it every registration.
    pub(super) fn close_number(&mut self, thread: Thread, number: u8, outputs: &mut Outputs) {
        let closed = self.incarnations().find(|incarnation| {
            let descriptor = self.kernel.iter().nth(incarnation.index());
            descriptor.is_some_and(|descriptor| descriptor.open && descriptor.number == number)
        });
        if let Some(incarnation) = closed {
            *self.kernel.entry(incarnation.index()) = Descriptor { number, ..Descriptor::default() };
            outputs.push(Output::Closed(thread, incarnation));
        }
    }

    /// OWN-23: the poller forgets whatever has the number now, which the kernel refuses if it does not watch it.
    pub(super) fn forget(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Deregistering(meant, token) = self.at(thread) else { return Err(Refusal::NotNow) };
        self.go(thread, At::Rest);
        let watched = self.incarnations().find(|incarnation| {
            let descriptor = self.kernel.iter().nth(incarnation.index());
            descriptor.is_some_and(|descriptor| {
                let registration = descriptor.watchers.get(thread.index());
                descriptor.open && descriptor.number == token.number && registration != Registration::None
            })
        });
        if let Some(found) = watched {
            *self.kernel.entry(found.index()).watchers.entry(thread.index()) = Registration::None;
            outputs.push(Output::Forgotten(thread, found, meant));
        }
        Ok(())
    }
}
