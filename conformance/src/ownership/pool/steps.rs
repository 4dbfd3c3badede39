//! What workers do with one connection.

use handfast::ownership::{Refused, Sharing};
use handfast_spec::ownership::{Incarnation, Output, Owner, Refusal, Thread};

use super::super::core::{away, worker};
use super::{At, Entry, Found, Inside, Outcome, PoolMachine};

impl PoolMachine {
    pub(super) fn insert(&mut self, thread: Thread) -> Outcome {
        self.rests(thread)?;
        let which = self.worker(thread).uses.ok_or(Refusal::NotNow)?;
        if self.puts >= self.config.puts {
            return Err(Refusal::NothingNew);
        }
        self.puts += 1;
        let entry = Entry { number: self.open[&which].number, which, place: None };
        let host = self.host(thread);
        let Ok(inside) = self.table.insert_and_enter(entry, Sharing::Exclusive(worker(host))) else {
            return Ok(vec![Output::Unclean(thread, which)]);
        };
        self.worker(thread).uses = None;
        self.go(thread, At::Putting(inside));
        let inserted = Output::Inserted(thread, which, Owner::Thread(host));
        Ok(vec![Output::Called(thread), inserted, Output::Entered(thread, which, which)])
    }

    pub(super) fn watch(&mut self, thread: Thread) -> Outcome {
        let at = self.leave_off(thread, |at| matches!(at, At::Putting(_) | At::Looking(_)))?;
        let mut outputs = Vec::new();
        let after = match at {
            At::Putting(inside) => {
                let (which, token) = (inside.which, inside.token());
                if self.asks(which, Some(token), &mut outputs) { At::Declined(inside) } else { At::Armed(inside) }
            }
            At::Looking(inside) => {
                let (which, token) = (inside.which, inside.token());
                if self.asks(which, Some(token), &mut outputs) { At::Disturbed(inside) } else { At::Reassured(inside) }
            }
            at => at,
        };
        self.go(thread, after);
        Ok(outputs)
    }

    pub(super) fn look(&mut self, thread: Thread, about: Incarnation) -> Outcome {
        self.runs(thread)?;
        let reports = self.reports(thread);
        let place = reports.iter().position(|(which, _)| *which == about).ok_or(Refusal::NothingNew)?;
        let (_, token) = reports.remove(place);
        match self.table.enter(token, worker(self.host(thread))) {
            Ok(inside) => {
                let found = inside.which;
                self.go(thread, At::Looking(inside));
                Ok(vec![Output::Called(thread), Output::Entered(thread, found, about)])
            }
            Err(Refused::Busy) => {
                self.go(thread, At::Deferring(about, token));
                Ok(vec![Output::Called(thread)])
            }
            Err(refused) => Ok(vec![Output::TurnedAway(thread, about, away(refused))]),
        }
    }

    pub(super) fn defer(&mut self, thread: Thread) -> Outcome {
        let At::Deferring(about, token) = self.worker(thread).at else { return Err(Refusal::NotNow) };
        let (table, host) = (self.table, self.host(thread));
        self.seat(thread).free()?;
        match table.enter(token, worker(host)) {
            Ok(inside) => {
                let found = inside.which;
                self.go(thread, At::Looking(inside));
                Ok(vec![Output::Entered(thread, found, about)])
            }
            Err(Refused::Busy) => {
                let early = &mut self.seat(thread).early;
                early.retain(|early| table.state(*early).is_ok());
                early.push(token);
                self.go(thread, At::Rest);
                Ok(vec![Output::Returned(thread)])
            }
            Err(refused) => {
                self.go(thread, At::Rest);
                Ok(vec![Output::TurnedAway(thread, about, away(refused)), Output::Returned(thread)])
            }
        }
    }

    pub(super) fn leave(&mut self, thread: Thread) -> Outcome {
        let At::Reassured(inside) = self.leave_off(thread, |at| matches!(at, At::Reassured(_)))? else {
            return Err(Refusal::NotNow);
        };
        let which = inside.which;
        drop(inside);
        Ok(vec![Output::Left(thread, which), Output::Returned(thread)])
    }

    pub(super) fn release(&mut self, thread: Thread) -> Outcome {
        let is_there = |at: &At| matches!(at, At::Declined(_) | At::Unlisted(_) | At::Took(_) | At::Clearing(_));
        let mut outputs = Vec::new();
        match self.leave_off(thread, is_there)? {
            At::Declined(inside) => {
                let which = takes_out(thread, inside, &mut outputs);
                self.worker(thread).uses = Some(which);
                outputs.extend([Output::HandedBack(thread, which), Output::Returned(thread)]);
            }
            At::Unlisted(inside) => {
                let which = takes_out(thread, inside, &mut outputs);
                self.go(thread, At::Closing(which, None));
            }
            At::Took(Found { inside, from }) => {
                let which = takes_out(thread, inside, &mut outputs);
                self.go(thread, At::Settling(which, from));
            }
            At::Clearing(found) => {
                let inside = self.worker(thread).old.remove(0);
                let which = takes_out(thread, inside, &mut outputs);
                self.go(thread, At::Closing(which, found));
            }
            _ => return Err(Refusal::NotNow),
        }
        Ok(outputs)
    }

    pub(super) fn ask(&mut self, thread: Thread) -> Outcome {
        let At::Settling(which, from) = self.leave_off(thread, |at| matches!(at, At::Settling(..)))? else {
            return Err(Refusal::NotNow);
        };
        let mut outputs = Vec::new();
        let after = if self.asks(which, None, &mut outputs) {
            At::Closing(which, None)
        } else if from == self.host(thread) {
            At::Probing(which)
        } else {
            At::Moving(which, from)
        };
        self.go(thread, after);
        Ok(outputs)
    }

    pub(super) fn probe(&mut self, thread: Thread) -> Outcome {
        let At::Probing(which) = self.leave_off(thread, |at| matches!(at, At::Probing(_)))? else {
            return Err(Refusal::NotNow);
        };
        if self.open[&which].data {
            self.go(thread, At::Closing(which, None));
            return Ok(vec![Output::Known(which)]);
        }
        self.worker(thread).uses = Some(which);
        Ok(vec![Output::Given(thread, which), Output::Returned(thread)])
    }
}

/// The connection is out of its slot, which is free, as it is when the product takes it out of its entry.
fn takes_out(thread: Thread, inside: Inside, outputs: &mut Vec<Output>) -> Incarnation {
    let which = inside.which;
    let _ = inside.delete();
    outputs.extend([Output::Left(thread, which), Output::TakenOut(thread, which)]);
    which
}
