//! What workers do with one connection, without a lock.

use handfast_spec::ownership::{Away, Incarnation, Output, Owner, Refusal, Thread};

use super::machine::{At, Found, Outcome, Outputs, Who, World};
use crate::ownership::handfast::{Want, Words};

impl<W: Words + Clone> World<W> {
    /// OWN-6: the worker claims the slot, which is free, and is inside. No other worker can tell the two steps apart.
    pub(super) fn insert(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        self.rests(thread)?;
        let which = self.worker(thread).uses.ok_or(Refusal::NotNow)?;
        let is_limited = self.config.puts != u8::MAX;
        if is_limited && self.puts >= self.config.puts {
            return Err(Refusal::NothingNew);
        }
        self.puts += u8::from(is_limited);
        let number = self.number(which);
        if self.words.claim(number).is_err() {
            outputs.push(Output::Unclean(thread, which));
            return Ok(());
        }
        let owner = Owner::Thread(self.host(thread));
        self.words.publish(number, which, owner);
        let token = self.words.token(number);
        self.worker(thread).uses = None;
        self.call(thread, At::Putting(Who { which, token }), outputs);
        outputs.extend([Output::Inserted(thread, which, owner), Output::Entered(thread, which, which)]);
        Ok(())
    }

    /// OWN-25: a worker that finds nothing is woken when there is something.
    pub(super) fn watch(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        self.watch_and(true, thread, outputs)
    }

    pub(super) fn watch_and(&mut self, wakes: bool, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let (who, quiet, disturbed) = match self.at(thread) {
            At::Putting(who) => (who, At::Armed(who), At::Declined(who)),
            At::Looking(who) => (who, At::Reassured(who), At::Disturbed(who)),
            // It is at any other point of its work.
            _ => return Err(Refusal::NotNow),
        };
        let is_disturbed = self.asks(who.which, wakes.then_some(who.token), outputs);
        self.go(thread, if is_disturbed { disturbed } else { quiet });
        Ok(())
    }

    /// OWN-5: the wake-up is late if the word says so, whatever has the number now.
    pub(super) fn look(&mut self, thread: Thread, about: Incarnation, outputs: &mut Outputs) -> Outcome {
        self.runs(thread)?;
        let reports = self.reports(thread);
        let place = reports.iter().position(|report| report.about == about).ok_or(Refusal::NothingNew)?;
        let token = reports.remove(place).token;
        let who = Who { which: about, token };
        match self.words.change(token, Want::Enter(self.host(thread))) {
            Ok(_) => self.looks(thread, who, outputs),
            Err(Away::Busy) if self.config.one_runtime => self.call(thread, At::Deferring(who), outputs),
            Err(away) => outputs.push(Output::TurnedAway(thread, about, away)),
        }
        Ok(())
    }

    /// OWN-25: another thread of the runtime was inside. One that puts the connection leaves it under the lock of the idle list,
    /// so that here it has left, or it finds the report when it does.
    pub(super) fn defer(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Deferring(who) = self.at(thread) else { return Err(Refusal::NotNow) };
        self.idle_list(thread).is_free()?;
        match self.words.change(who.token, Want::Enter(self.host(thread))) {
            Ok(_) => {
                outputs.push(Output::Entered(thread, self.payload(who), who.which));
                self.go(thread, At::Looking(who));
                return Ok(());
            }
            Err(Away::Busy) => {
                let words = self.words.clone();
                let early = &mut self.idle_list(thread).early;
                // Those whose connections were taken meanwhile are of no use to any thread.
                early.retain(|early| words.token(early.number) == *early);
                early.push(who.token);
            }
            Err(away) => outputs.push(Output::TurnedAway(thread, who.which, away)),
        }
        self.rest(thread, outputs);
        Ok(())
    }

    pub(super) fn looks(&mut self, thread: Thread, who: Who, outputs: &mut Outputs) {
        let found = self.payload(who);
        self.call(thread, At::Looking(Who { which: found, ..who }), outputs);
        outputs.push(Output::Entered(thread, found, who.which));
    }

    /// What is in the slot of a token.
    pub(super) fn payload(&self, who: Who) -> Incarnation {
        self.words.payload(who.token.number).unwrap_or(who.which)
    }

    pub(super) fn leave(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Reassured(who) = self.at(thread) else { return Err(Refusal::NotNow) };
        self.leaves(thread, who, outputs);
        self.rest(thread, outputs);
        Ok(())
    }

    pub(super) fn leaves(&mut self, thread: Thread, who: Who, outputs: &mut Outputs) {
        // A worker that is inside is never refused to leave. Where a mutant let it in wrongly, it leaves all the same.
        let _ = self.words.change(who.token, Want::Leave);
        outputs.push(Output::Left(thread, who.which));
    }

    /// OWN-13: the worker that is inside takes the connection out, while it is open, and frees its slot.
    pub(super) fn release(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let (who, after) = self.next_release(thread)?;
        if let Ok(true) = self.words.change(who.token, Want::DeleteAndLeave) {
            self.words.wipe(who.token.number);
        }
        self.released(thread, who, after, outputs);
        Ok(())
    }

    /// What a worker takes out next, and where it is then.
    pub(super) fn next_release(&mut self, thread: Thread) -> Result<(Who, At), Refusal> {
        Ok(match self.at(thread) {
            At::Declined(who) => (who, At::Rest),
            At::Unlisted(who) => (who, At::Closing(who.which, None)),
            At::Took(Found { who, from }) => (who, At::Settling(who.which, from)),
            At::Clearing(found) => {
                let old = &mut self.worker(thread).old;
                if old.is_empty() {
                    return Err(Refusal::NotNow);
                }
                let who = old.remove(0);
                (who, At::Closing(who.which, found))
            }
            // It is at any other point of its work.
            _ => return Err(Refusal::NotNow),
        })
    }

    pub(super) fn released(&mut self, thread: Thread, who: Who, after: At, outputs: &mut Outputs) {
        outputs.extend([Output::Left(thread, who.which), Output::TakenOut(thread, who.which)]);
        self.go(thread, after);
        if after == At::Rest {
            self.worker(thread).uses = Some(who.which);
            outputs.push(Output::HandedBack(thread, who.which));
            self.rest(thread, outputs);
        }
    }

    /// OWN-27: what is left to be closed, and then what was found.
    pub(super) fn goes_on(&mut self, thread: Thread, found: Option<Found>, outputs: &mut Outputs) {
        match (self.worker(thread).old.is_empty(), found) {
            (false, found) => self.go(thread, At::Clearing(found)),
            (true, Some(found)) => self.go(thread, At::Took(found)),
            (true, None) => self.rest(thread, outputs),
        }
    }

    /// OWN-15: what the poller of the former owner has noted is asked for, also if that worker has not looked.
    pub(super) fn ask(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Settling(which, from) = self.at(thread) else { return Err(Refusal::NotNow) };
        let after = if self.asks(which, None, outputs) {
            At::Closing(which, None)
        } else if from == self.host(thread) {
            At::Probing(which)
        } else {
            At::Moving(which, from)
        };
        self.go(thread, after);
        Ok(())
    }

    /// OWN-15: what no poller has noted the kernel may know.
    pub(super) fn probe(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Probing(which) = self.at(thread) else { return Err(Refusal::NotNow) };
        if self.connection(which).data {
            outputs.push(Output::Known(which));
            self.go(thread, At::Closing(which, None));
            return Ok(());
        }
        self.gives(thread, which, outputs);
        self.rest(thread, outputs);
        Ok(())
    }

    pub(super) fn gives(&mut self, thread: Thread, which: Incarnation, outputs: &mut Outputs) {
        self.worker(thread).uses = Some(which);
        outputs.push(Output::Given(thread, which));
    }
}
