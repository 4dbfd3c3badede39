//! Servers, pollers and the kernel.

use std::collections::{BTreeMap, BTreeSet};

use handfast::ownership::Token;
use handfast_spec::ownership::{Incarnation, Output, Refusal, Thread};

use super::{At, Outcome, PoolMachine};

/// An open connection.
pub(super) struct Connection {
    pub(super) number: usize,
    pub(super) data: bool,
    /// The worker with the poller that watches it.
    home: Option<Thread>,
    watched: BTreeMap<Thread, Watched>,
}

/// What a poller has of it.
#[derive(Default)]
struct Watched {
    due: bool,
    noted: bool,
    waker: Option<Token>,
}

impl PoolMachine {
    pub(super) fn open(&mut self, thread: Thread, incarnation: Incarnation) -> Outcome {
        self.runs(thread)?;
        if self.worker(thread).uses.is_some() {
            return Err(Refusal::NotNow);
        }
        if incarnation.0 != self.next {
            return Err(Refusal::NotNext);
        }
        let taken: BTreeSet<usize> = self.open.values().map(|connection| connection.number).collect();
        let mut numbers = 0..usize::from(self.config.numbers);
        let number = numbers.find(|number| !taken.contains(number)).ok_or(Refusal::NoNumber)?;
        let is_first = self.config.one_runtime && self.next == 0;
        self.next += 1;
        let host = self.host(thread);
        let watched = BTreeMap::from([(host, Watched::default())]);
        self.open.insert(incarnation, Connection { number, data: false, home: Some(host), watched });
        self.worker(thread).uses = Some(incarnation);
        let outputs = [
            Output::Opened(thread, incarnation),
            Output::Watched(host, incarnation),
            Output::HandedBack(thread, incarnation),
        ];
        Ok(is_first.then_some(Output::OneRuntime).into_iter().chain(outputs).collect())
    }

    pub(super) fn arrive(&mut self, incarnation: Incarnation) -> Outcome {
        let connection = self.open.get_mut(&incarnation).ok_or(Refusal::Gone)?;
        if connection.data {
            return Err(Refusal::NothingNew);
        }
        connection.data = true;
        connection.watched.values_mut().for_each(|watched| watched.due = true);
        Ok(vec![Output::Arrived(incarnation)])
    }

    pub(super) fn ring(&mut self, incarnation: Incarnation) -> Outcome {
        let is_over = self.alarms >= self.config.alarms;
        let connection = self.open.get_mut(&incarnation).filter(|connection| !connection.data && !is_over);
        let armed = |watched: &&mut Watched| !watched.due && watched.waker.is_some();
        let watched = connection.and_then(|connection| connection.watched.values_mut().find(armed));
        watched.ok_or(Refusal::NothingNew)?.due = true;
        self.alarms += 1;
        Ok(Vec::new())
    }

    pub(super) fn poll(&mut self, thread: Thread) -> Outcome {
        self.runs(thread)?;
        let (mut outputs, mut is_new) = (Vec::new(), false);
        let host = self.host(thread);
        let reports = &mut self.workers.entry(host).or_default().reports;
        for (which, connection) in &mut self.open {
            let Some(watched) = connection.watched.get_mut(&host).filter(|watched| watched.due) else { continue };
            is_new = true;
            let waker = watched.waker.take();
            *watched = Watched { due: false, noted: true, waker: None };
            if connection.data {
                outputs.push(Output::Known(*which));
            }
            if let Some(token) = waker {
                reports.push((*which, token));
                outputs.push(Output::Woken(host, *which));
            }
        }
        if is_new { Ok(outputs) } else { Err(Refusal::NothingNew) }
    }

    /// What its poller has noted of a connection, or it is to wake the worker of the token.
    pub(super) fn asks(&mut self, which: Incarnation, waker: Option<Token>, outputs: &mut Vec<Output>) -> bool {
        let Some(connection) = self.open.get_mut(&which) else { return false };
        let home = connection.home.and_then(|home| connection.watched.get_mut(&home));
        let Some(watched) = home else { return false };
        if watched.noted && connection.data {
            outputs.push(Output::Known(which));
            return true;
        }
        watched.noted = false;
        watched.waker = waker.or(watched.waker);
        false
    }

    pub(super) fn deregister(&mut self, thread: Thread) -> Outcome {
        let At::Moving(which, from) = self.leave_off(thread, |at| matches!(at, At::Moving(..)))? else {
            return Err(Refusal::NotNow);
        };
        if let Some(connection) = self.open.get_mut(&which) {
            connection.watched.remove(&from);
            connection.home = None;
        }
        self.go(thread, At::Homeless(which));
        Ok(vec![Output::Forgotten(from, which, which)])
    }

    pub(super) fn register(&mut self, thread: Thread) -> Outcome {
        let At::Homeless(which) = self.leave_off(thread, |at| matches!(at, At::Homeless(_)))? else {
            return Err(Refusal::NotNow);
        };
        if let Some(connection) = self.open.get_mut(&which) {
            connection.watched.insert(thread, Watched { due: connection.data, ..Watched::default() });
            connection.home = Some(thread);
        }
        self.go(thread, At::Probing(which));
        Ok(vec![Output::Watched(thread, which)])
    }

    pub(super) fn close(&mut self, thread: Thread) -> Outcome {
        let At::Closing(which, found) = self.leave_off(thread, |at| matches!(at, At::Closing(..)))? else {
            return Err(Refusal::NotNow);
        };
        let mut outputs = self.ends(thread, which);
        self.goes_on(thread, found, &mut outputs);
        Ok(outputs)
    }

    pub(super) fn give_up(&mut self, thread: Thread) -> Outcome {
        self.rests(thread)?;
        let which = self.worker(thread).uses.take().ok_or(Refusal::NotNow)?;
        Ok(self.ends(thread, which))
    }

    fn ends(&mut self, thread: Thread, which: Incarnation) -> Vec<Output> {
        let home = self.open.remove(&which).and_then(|connection| connection.home);
        let forgotten = home.map(|home| Output::Forgotten(home, which, which));
        forgotten.into_iter().chain([Output::Closed(thread, which)]).collect()
    }

    /// What has a number now.
    pub(super) fn with_number(&self, number: usize) -> Incarnation {
        let has = |(_, connection): &(&Incarnation, &Connection)| connection.number == number;
        self.open.iter().find(has).map(|(which, _)| *which).unwrap_or_default()
    }
}
