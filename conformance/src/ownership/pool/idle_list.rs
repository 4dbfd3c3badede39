//! What is done with an idle list.

use std::sync::Arc;
use std::time::Duration;

use handfast::ownership::Token;
use handfast::pool::core::{Destination, IdleList, Limits, Over, Put, Stamps, Unclaimed};
use handfast_spec::ownership::{Away, Incarnation, Output, Refusal, Thread};

use super::taking::{Next, Taking};
use super::{At, Found, Inside, Mistake, Outcome, PoolMachine, claim};

/// A worker's idle list and its clock.
pub(super) struct Seat {
    /// `None` while it is locked.
    idle_list: Option<IdleList<(), Token>>,
    /// The one destination, which is never forgotten: others would have to be.
    destination: Destination,
    /// What is on it, the oldest first, and when it expires.
    listed: Vec<(Incarnation, Duration)>,
    pub(super) stopped: bool,
    /// Reports about connections that a thread of the runtime is inside.
    pub(super) early: Vec<Token>,
    puts: u32,
    now: Duration,
}

/// How long a connection may be idle; less than what there is between two puts.
const IDLE: Duration = Duration::from_secs(1000);

impl Seat {
    pub(super) fn new(room: usize) -> Self {
        let limits = Limits::new(room, room).with_idle(IDLE).with_age(Duration::MAX);
        let mut idle_list = IdleList::new(limits);
        let destination = idle_list.remember(0, Arc::new(()));
        let (idle_list, listed) = (Some(idle_list), Vec::new());
        Self { idle_list, destination, listed, stopped: false, early: Vec::new(), puts: 0, now: Duration::ZERO }
    }

    pub(super) fn free(&mut self) -> Result<&mut IdleList<(), Token>, Refusal> {
        self.idle_list.as_mut().ok_or(Refusal::Busy)
    }

    /// Each is put later than the one before.
    fn stamps(&mut self) -> Stamps {
        self.puts += 1;
        let now = Duration::from_secs(u64::from(self.puts));
        Stamps::new(now, now)
    }

    fn is_on(&self, which: Incarnation) -> bool {
        self.listed.iter().any(|(listed, _)| *listed == which)
    }

    fn cut(&mut self, which: Incarnation) -> bool {
        let is_on = self.is_on(which);
        self.listed.retain(|(listed, _)| *listed != which);
        is_on
    }
}

fn claimed(over: Vec<Over<Inside>>) -> impl Iterator<Item = Inside> {
    over.into_iter().map(|over| over.claimed)
}

impl PoolMachine {
    /// The clock of an idle list goes on to where the next one expires.
    pub(super) fn age(&mut self, incarnation: Incarnation) -> Outcome {
        let next = |seat: &&mut Seat| {
            seat.listed.iter().find(|(_, until)| *until > seat.now).is_some_and(|(which, _)| *which == incarnation)
        };
        let seat = self.seats.iter_mut().find(next).ok_or(Refusal::NothingNew)?;
        seat.free()?;
        let until = seat.listed.iter().find(|(which, _)| *which == incarnation).map(|(_, until)| *until);
        seat.now = until.unwrap_or(seat.now);
        Ok(vec![Output::Expired(incarnation)])
    }

    fn now(&mut self, thread: Thread) -> Duration {
        if self.mistake == Mistake::IgnoresTime { Duration::ZERO } else { self.seat(thread).now }
    }

    pub(super) fn list(&mut self, thread: Thread) -> Outcome {
        if !matches!(self.worker(thread).at, At::Armed(_)) {
            return Err(Refusal::NotNow);
        }
        let (table, mistake, host) = (self.table, self.mistake, self.host(thread));
        let seat = self.seat(thread);
        seat.free()?;
        let At::Armed(mut inside) = self.leave_off(thread, |at| matches!(at, At::Armed(_)))? else {
            return Err(Refusal::NotNow);
        };
        let seat = self.seat(thread);
        let (stamps, destination) = (seat.stamps(), seat.destination);
        let (which, token) = (inside.which, inside.token());
        let put = seat.free()?.put(destination, token, stamps, |token| claim(table, token, host).0);
        let Ok(Put { handle, evicted, .. }) = put else {
            self.go(thread, At::Declined(inside));
            return Ok(Vec::new());
        };
        seat.listed.push((which, stamps.now + IDLE));
        let mut outputs = Vec::new();
        self.takes_off(thread, evicted, &mut outputs);
        if let Some(entry) = inside.get_mut() {
            entry.place = Some(handle);
        }
        if mistake == Mistake::LeavesLate {
            self.worker(thread).old.push(inside);
        } else {
            drop(inside);
        }
        let early = &mut self.seat(thread).early;
        if let Some(place) = early.iter().position(|early| *early == token)
            && mistake != Mistake::KeepsTheEarly
        {
            early.remove(place);
            self.reports(thread).push((which, token));
        }
        outputs.extend([Output::Listed(host, which), Output::Left(thread, which)]);
        self.goes_on(thread, None, &mut outputs);
        Ok(outputs)
    }

    /// What was claimed to be closed, and is off its idle list.
    fn takes_off(&mut self, thread: Thread, claimed: impl IntoIterator<Item = Inside>, outputs: &mut Vec<Output>) {
        for inside in claimed {
            let which = inside.which;
            outputs.extend([Output::TakenOver(thread, which), Output::Entered(thread, which, which)]);
            if self.seat(thread).cut(which) {
                outputs.push(Output::Unlisted(thread, which));
            }
            self.worker(thread).old.push(inside);
        }
    }

    pub(super) fn take(&mut self, thread: Thread, from: Thread) -> Outcome {
        self.runs(thread)?;
        if self.worker(thread).uses.is_some() {
            return Err(Refusal::NotNow);
        }
        let is_over = self.takes >= self.config.takes;
        let now = self.now(from);
        let seat = self.seat(from);
        let is_empty = seat.idle_list.as_ref().map_or(seat.listed.is_empty(), IdleList::is_empty);
        if is_over || is_empty {
            return Err(Refusal::NothingNew);
        }
        let destination = seat.destination;
        let idle_list = seat.idle_list.take().ok_or(Refusal::Busy)?;
        self.takes += 1;
        let mut outputs = vec![Output::Called(thread)];
        self.hears(thread, from, Taking::begin(idle_list, destination, from, now), &mut outputs);
        Ok(outputs)
    }

    pub(super) fn claim_next(&mut self, thread: Thread) -> Outcome {
        let At::Taking(taking) = self.leave_off(thread, |at| matches!(at, At::Taking(_)))? else {
            return Err(Refusal::NotNow);
        };
        let (from, token) = (taking.from, taking.asked());
        let (mut claimed, away) = claim(self.table, token, self.host(thread));
        let mut outputs = Vec::new();
        match (&claimed, away) {
            (Ok(inside), _) => {
                let which = inside.which;
                outputs.extend([Output::TakenOver(thread, which), Output::Entered(thread, which, which)]);
                self.cuts(thread, from, which, &mut outputs);
            }
            (Err(unclaimed), away) => {
                let which = self.with_number(token.slot());
                outputs.push(Output::TurnedAway(thread, which, away.unwrap_or(Away::Gone)));
                if *unclaimed == Unclaimed::Gone {
                    self.cuts(thread, from, which, &mut outputs);
                }
            }
        }
        if self.mistake == Mistake::SaysGone && claimed.is_err() {
            claimed = Err(Unclaimed::Gone);
        }
        self.hears(thread, from, taking.answer(claimed), &mut outputs);
        Ok(outputs)
    }

    fn cuts(&mut self, thread: Thread, from: Thread, which: Incarnation, outputs: &mut Vec<Output>) {
        if self.seat(from).cut(which) {
            outputs.push(Output::Unlisted(thread, which));
        }
    }

    fn hears(&mut self, thread: Thread, from: Thread, next: Next, outputs: &mut Vec<Output>) {
        match next {
            Next::Asks(taking) => self.go(thread, At::Taking(taking)),
            Next::Returns(idle_list, took) => {
                self.seat(from).idle_list = Some(*idle_list);
                self.worker(thread).old.extend(claimed(took.expired));
                self.goes_on(thread, took.found.map(|inside| Found { inside, from }), outputs);
            }
        }
    }

    pub(super) fn unlist(&mut self, thread: Thread) -> Outcome {
        if !matches!(self.worker(thread).at, At::Disturbed(_)) {
            return Err(Refusal::NotNow);
        }
        self.seat(thread).free()?;
        let At::Disturbed(mut inside) = self.leave_off(thread, |at| matches!(at, At::Disturbed(_)))? else {
            return Err(Refusal::NotNow);
        };
        let which = inside.which;
        let place = inside.get_mut().and_then(|entry| entry.place.take());
        let keeps = self.mistake == Mistake::KeepsListed;
        let seat = self.seat(thread);
        let mut outputs = Vec::new();
        if let Some(place) = place
            && (keeps || seat.free()?.remove(place))
            && seat.cut(which)
        {
            outputs.push(Output::Unlisted(thread, which));
        }
        self.go(thread, At::Unlisted(inside));
        Ok(outputs)
    }

    pub(super) fn expire(&mut self, thread: Thread) -> Outcome {
        self.runs(thread)?;
        let (table, now, host) = (self.table, self.now(thread), self.host(thread));
        let expired = self.seat(thread).free()?.expire(now, usize::MAX, |token| claim(table, token, host).0);
        if expired.is_empty() {
            return Err(Refusal::NothingNew);
        }
        let mut outputs = vec![Output::Called(thread)];
        self.takes_off(thread, claimed(expired), &mut outputs);
        self.goes_on(thread, None, &mut outputs);
        Ok(outputs)
    }

    pub(super) fn stop(&mut self, thread: Thread) -> Outcome {
        self.runs(thread)?;
        let (table, is_silent, host) = (self.table, self.mistake == Mistake::StopsSilently, self.host(thread));
        let seat = self.seat(thread);
        let idle_list = seat.free()?;
        let all = if is_silent {
            claimed(idle_list.expire(Duration::MAX, usize::MAX, |token| claim(table, token, host).0)).collect()
        } else {
            idle_list.stop(|token| claim(table, token, host).0)
        };
        seat.stopped = true;
        self.reports(thread).clear();
        let mut outputs = vec![Output::Called(thread)];
        self.takes_off(thread, all, &mut outputs);
        self.goes_on(thread, None, &mut outputs);
        Ok(outputs)
    }
}
