//! What servers, pollers and the kernel do, and what they are asked.

use handfast_spec::Table;
use handfast_spec::ownership::{Incarnation, Output, Refusal, Thread};
use serde::Serialize;

use super::machine::{At, Outcome, Outputs, World};
use crate::ownership::handfast::{Report, Token, Words};

/// A connection.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Connection {
    pub(super) open: bool,
    pub(super) number: u8,
    /// The server has closed it, or sent something that is not read.
    pub(super) data: bool,
    /// The worker that is believed to have its poller watch the connection.
    pub(super) home: Option<Thread>,
    /// What the poller of each worker has of it.
    pub(super) watched: Table<Watched, 3>,
}

/// What a poller has of a connection.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Watched {
    #[default]
    No,
    Yes {
        /// It has something to report.
        due: bool,
        /// It has reported, and was not asked since.
        noted: bool,
        /// What it wakes when it reports, once.
        waker: Option<Token>,
    },
}

impl Watched {
    fn is_due(self) -> bool {
        match self {
            Self::Yes { due, .. } => due,
            Self::No => false,
        }
    }

    fn ring(&mut self) {
        if let Self::Yes { due, .. } = self {
            *due = true;
        }
    }
}

impl<W: Words + Clone> World<W> {
    pub(super) fn connection(&mut self, which: Incarnation) -> &mut Connection {
        self.connections.entry(which.index())
    }

    pub(super) fn open(&mut self, thread: Thread, incarnation: Incarnation, outputs: &mut Outputs) -> Outcome {
        self.runs(thread)?;
        if self.worker(thread).uses.is_some() {
            return Err(Refusal::NotNow);
        }
        if incarnation.0 != self.next {
            return Err(Refusal::NotNext);
        }
        let is_open = |number: &u8| self.connections.iter().any(|other| other.open && other.number == *number);
        let number = (0..self.config.numbers).find(|number| !is_open(number)).ok_or(Refusal::NoNumber)?;
        if self.config.one_runtime && self.next == 0 {
            outputs.push(Output::OneRuntime);
        }
        self.next += 1;
        let (host, mut watched) = (self.host(thread), Table::default());
        *watched.entry(host.index()) = Watched::Yes { due: false, noted: false, waker: None };
        *self.connection(incarnation) = Connection { open: true, number, data: false, home: Some(host), watched };
        self.worker(thread).uses = Some(incarnation);
        outputs.extend([
            Output::Opened(thread, incarnation),
            Output::Watched(host, incarnation),
            Output::HandedBack(thread, incarnation),
        ]);
        Ok(())
    }

    pub(super) fn arrive(&mut self, incarnation: Incarnation, outputs: &mut Outputs) -> Outcome {
        if incarnation.0 >= self.next {
            return Err(Refusal::Gone);
        }
        let connection = self.connection(incarnation);
        if !connection.open {
            return Err(Refusal::Gone);
        }
        if connection.data {
            return Err(Refusal::NothingNew);
        }
        connection.data = true;
        connection.watched.iter_mut().for_each(Watched::ring);
        outputs.push(Output::Arrived(incarnation));
        Ok(())
    }

    /// There is a false alarm: nothing is there for the connection, and its worker is to be woken of it.
    pub(super) fn ring(&mut self, incarnation: Incarnation) -> Outcome {
        let is_limited = self.config.alarms != u8::MAX;
        if incarnation.0 >= self.next || (is_limited && self.alarms >= self.config.alarms) {
            return Err(Refusal::NothingNew);
        }
        let connection = self.connection(incarnation);
        let armed = |watched: &&mut Watched| matches!(watched, Watched::Yes { due: false, waker: Some(_), .. });
        let Some(watched) = connection.watched.iter_mut().find(armed) else { return Err(Refusal::NothingNew) };
        if connection.data {
            return Err(Refusal::NothingNew);
        }
        watched.ring();
        self.alarms += u8::from(is_limited);
        Ok(())
    }

    /// What is noted can be asked for by any worker that has the connection. A wake-up names the connection for ever.
    pub(super) fn poll(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        self.runs(thread)?;
        let (host, mut is_new) = (self.host(thread), false);
        for about in self.incarnations() {
            let connection = self.connection(about);
            let data = connection.data;
            let watched = connection.watched.entry(host.index());
            if !watched.is_due() {
                continue;
            }
            let Watched::Yes { waker, .. } = *watched else { continue };
            *watched = Watched::Yes { due: false, noted: true, waker: None };
            if data {
                outputs.push(Output::Known(about));
            }
            if let Some(token) = waker {
                self.report(host, Report { token, about });
                outputs.push(Output::Woken(host, about));
            }
            is_new = true;
        }
        if is_new { Ok(()) } else { Err(Refusal::NothingNew) }
    }

    /// What the poller has noted of a connection is looked at, and if it is nothing, forgotten.
    pub(super) fn asks(&mut self, which: Incarnation, waker: Option<Token>, outputs: &mut Outputs) -> bool {
        let connection = self.connection(which);
        let Some(home) = connection.home else { return false };
        let data = connection.data;
        let Watched::Yes { due, noted, waker: before } = connection.watched.get(home.index()) else { return false };
        if noted && data {
            outputs.push(Output::Known(which));
            return true;
        }
        let waker = waker.or(before);
        *connection.watched.entry(home.index()) = Watched::Yes { due, noted: false, waker };
        false
    }

    /// OWN-14: the former owner's poller forgets it first. Any thread may tell it to.
    pub(super) fn deregister(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Moving(which, from) = self.at(thread) else { return Err(Refusal::NotNow) };
        self.forget(which, from, which, outputs);
        self.go(thread, At::Homeless(which));
        Ok(())
    }

    /// A worker's poller forgets a connection that was meant, or not.
    pub(super) fn forget(&mut self, found: Incarnation, whose: Thread, meant: Incarnation, outputs: &mut Outputs) {
        let connection = self.connection(found);
        *connection.watched.entry(whose.index()) = Watched::No;
        if connection.home == Some(whose) {
            connection.home = None;
        }
        outputs.push(Output::Forgotten(whose, found, meant));
    }

    /// A registration of what is ready already is due at once.
    pub(super) fn register(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Homeless(which) = self.at(thread) else { return Err(Refusal::NotNow) };
        let connection = self.connection(which);
        *connection.watched.entry(thread.index()) = Watched::Yes { due: connection.data, noted: false, waker: None };
        connection.home = Some(thread);
        outputs.push(Output::Watched(thread, which));
        self.go(thread, At::Probing(which));
        Ok(())
    }

    pub(super) fn close(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Closing(which, found) = self.at(thread) else { return Err(Refusal::NotNow) };
        self.ends(thread, which, self.number(which), outputs);
        self.goes_on(thread, found, outputs);
        Ok(())
    }

    /// The connection that a task uses is closed.
    pub(super) fn give_up(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        self.rests(thread)?;
        let which = self.worker(thread).uses.take().ok_or(Refusal::NotNow)?;
        self.ends(thread, which, self.number(which), outputs);
        Ok(())
    }

    /// OWN-3: its poller forgets the connection, and then the kernel closes whatever has its number, which is free.
    pub(super) fn ends(&mut self, thread: Thread, which: Incarnation, number: u8, outputs: &mut Outputs) {
        if let Some(home) = self.connection(which).home {
            self.forget(which, home, which, outputs);
        }
        self.close_number(thread, number, outputs);
    }

    pub(super) fn close_number(&mut self, thread: Thread, number: u8, outputs: &mut Outputs) {
        let Some(closed) = self.with_number(number) else { return };
        *self.connection(closed) = Connection { number, ..Connection::default() };
        outputs.push(Output::Closed(thread, closed));
    }

    /// What has a number now.
    pub(super) fn with_number(&self, number: u8) -> Option<Incarnation> {
        let has = |which: &Incarnation| {
            let connection = self.connections.iter().nth(which.index());
            connection.is_some_and(|connection| connection.open && connection.number == number)
        };
        self.incarnations().find(has)
    }
}
