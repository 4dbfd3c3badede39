//! What is written: frames by the application, halves by the connection, and the end of both.

use handfast_spec::framed::{End, Ending, Forgery, FrameId, Half, Item, Moment, Outcome, Output, Refusal, Shape};

use super::super::tcp::Wrote;
use super::machine::{Handfast, Outputs, Phase, Reading, Step, Writing};

impl Handfast {
    /// FRM-5: what is accepted is the connection's, which hands it over whole and in its turn.
    pub(super) fn write(&mut self, end: End, shape: Shape, outputs: &mut Outputs) -> Step {
        self.may_write(end)?;
        self.accept(end, shape, outputs);
        Ok(())
    }

    pub(super) fn may_write(&self, end: End) -> Step {
        let side = self.side(end);
        // FRM-2: from the marker on nothing is accepted.
        if side.phase != Phase::Open {
            return Err(Refusal::ShutDown);
        }
        if side.writing != Writing::Sound {
            return Err(Refusal::Broken);
        }
        if !side.queue.is_empty() {
            return Err(Refusal::NoRoom);
        }
        if side.accepted >= self.config.frames[end.index()] {
            return Err(Refusal::NoMore);
        }
        Ok(())
    }

    pub(super) fn accept(&mut self, end: End, shape: Shape, outputs: &mut Outputs) {
        let side = self.side_mut(end);
        let frame = FrameId(side.accepted);
        side.accepted += 1;
        side.queue.extend(Half::of(Item::Frame(frame, shape)));
        outputs.push(Output::Accepted(end, frame));
    }

    /// Only the environment does this: who forges does not keep to the protocol.
    pub(super) fn forge(&mut self, end: End, forgery: Forgery) -> Step {
        let side = self.side_mut(end);
        if side.phase != Phase::Open {
            return Err(Refusal::ShutDown);
        }
        if side.writing != Writing::Sound {
            return Err(Refusal::Broken);
        }
        if !side.queue.is_empty() {
            return Err(Refusal::NoRoom);
        }
        // A peer that has seen it does not believe what follows.
        side.writing = Writing::Refusing;
        side.queue.extend(Half::of(Item::Forged(forgery)));
        Ok(())
    }

    /// FRM-5: nothing changes, because the frame is the connection's.
    pub(super) fn drop_write(&self, end: End) -> Step {
        match (self.side(end).queue.is_empty(), self.side(end).phase) {
            (true, _) => Err(Refusal::Nothing),
            (false, Phase::Open) => Ok(()),
            (false, Phase::Writing(_) | Phase::Closed(_) | Phase::Over(_) | Phase::Abandoned) => Err(Refusal::NotNow),
        }
    }

    pub(super) fn send(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let kernel = self.config.kernel;
        let Some(&half) = self.side(end).queue.first() else { return Err(Refusal::Nothing) };
        match self.tcp.write(end, half, &kernel) {
            Wrote::Taken => {
                self.side_mut(end).queue.remove(0);
                outputs.push(Output::Handed(end, half));
            }
            Wrote::Full => return Err(Refusal::NoRoom),
            Wrote::Gone => {
                outputs.push(Output::WriteFailed(end));
                self.broken(end, outputs);
            }
        }
        Ok(())
    }

    /// The connection is gone. The reader is not told yet: what is in the kernel is still there to be read (FRM-1).
    pub(super) fn broken(&mut self, end: End, outputs: &mut Outputs) {
        let side = self.side_mut(end);
        side.writing = Writing::Broken;
        side.queue.clear();
        let closed = matches!(side.phase, Phase::Closed(_));
        self.latch(end, Ending::Reset);
        let arrived = closed && self.config.kernel.tells && self.tcp.has_arrived(end);
        self.over(end, if arrived { Outcome::Clean } else { Outcome::PeerGone }, outputs);
    }

    /// The marker goes behind everything that was accepted, in this step; a later call can only shorten the deadline.
    pub(super) fn shutdown(&mut self, end: End, by: Moment, outputs: &mut Outputs) -> Step {
        let closed = self.tcp.is_closed(end);
        let side = self.side_mut(end);
        match &mut side.phase {
            Phase::Open => {}
            // FRM-12: the earliest of all.
            Phase::Writing(until) | Phase::Closed(until) | Phase::Over(until) if by < *until && !closed => {
                *until = by;
                outputs.push(Output::Begun(end, by));
                return Ok(());
            }
            Phase::Writing(_) | Phase::Closed(_) => return Err(Refusal::Joined),
            Phase::Over(_) => return Err(Refusal::Over),
            Phase::Abandoned => return Err(Refusal::Closed),
        }
        outputs.push(Output::Begun(end, by));
        self.begin(end, by, outputs);
        Ok(())
    }

    pub(super) fn begin(&mut self, end: End, by: Moment, outputs: &mut Outputs) {
        let side = self.side_mut(end);
        side.phase = Phase::Writing(by);
        if side.writing == Writing::Broken {
            self.over(end, Outcome::PeerGone, outputs);
        } else {
            side.queue.extend(Half::of(Item::Marker));
        }
    }

    /// Everything was handed over, the marker last.
    pub(super) fn finish(&mut self, end: End) -> Step {
        let side = self.side_mut(end);
        let Phase::Writing(by) = side.phase else { return Err(Refusal::NotNow) };
        if !side.queue.is_empty() {
            return Err(Refusal::NotNow);
        }
        side.phase = Phase::Closed(by);
        self.tcp.shut_write(end);
        Ok(())
    }

    /// FRM-1, FRM-6: clean is what was acknowledged. Where the kernel does not tell, nothing is clean. FRM-15: the peer's
    /// answer to the marker is not waited for.
    pub(super) fn confirm(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let Phase::Closed(_) = self.side(end).phase else { return Err(Refusal::NotNow) };
        let (ended, tells) = (self.side(end).ended, self.config.kernel.tells);
        let outcome = match (tells && self.tcp.has_arrived(end), self.tcp.is_reset(end)) {
            (true, _) => Outcome::Clean,
            (false, true) => return self.peer_is_gone(end, outputs),
            (false, false) if ended && !tells => Outcome::Unconfirmed,
            (false, false) => return Err(Refusal::NotNow),
        };
        self.over(end, outcome, outputs);
        Ok(())
    }

    /// A reset that was found by looking, and not by a call that failed.
    pub(super) fn peer_is_gone(&mut self, end: End, outputs: &mut Outputs) -> Step {
        self.side_mut(end).writing = Writing::Broken;
        self.latch(end, Ending::Reset);
        self.over(end, Outcome::PeerGone, outputs);
        Ok(())
    }

    /// FRM-11, FRM-12: the deadline ends the shutdown, and FRM-13: it ends the wait of the reader.
    pub(super) fn expire(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let (side, tells) = (self.side(end), self.config.kernel.tells);
        let outcome = match (side.queue.is_empty(), tells, self.tcp.has_arrived(end)) {
            (false, _, _) => Outcome::DeadlineExceeded,
            (true, true, true) => Outcome::Clean,
            (true, true, false) => Outcome::Unacknowledged,
            (true, false, _) => Outcome::Unconfirmed,
        };
        self.expire_with(end, outcome, outputs)
    }

    /// The deadline has passed, with this outcome if the shutdown still goes on.
    pub(super) fn expire_with(&mut self, end: End, outcome: Outcome, outputs: &mut Outputs) -> Step {
        let side = self.side(end);
        let (until, goes_on) = match side.phase {
            Phase::Writing(by) | Phase::Closed(by) => (by, true),
            Phase::Over(by) => (by, false),
            Phase::Open | Phase::Abandoned => return Err(Refusal::NotNow),
        };
        if self.now.is_none_or(|now| now < until) {
            return Err(Refusal::NotNow);
        }
        if !goes_on && side.reading != Reading::Waits {
            return Err(Refusal::Over);
        }
        // Where the outcome is that the peer has ended, nothing is known of what it has not sent.
        let peer_ended = side.ended && matches!(side.phase, Phase::Closed(_)) && outcome == Outcome::Unconfirmed;
        if goes_on && outcome != Outcome::Clean && !peer_ended {
            self.latch(end, Ending::Deadline);
        }
        self.over(end, outcome, outputs);
        self.stop_reading(end, Ending::Deadline);
        Ok(())
    }

    /// FRM-1: closes the socket only when it is not needed any more. A close with unread input takes away what is not
    /// acknowledged.
    pub(super) fn close(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let side = self.side(end);
        let read = matches!(side.reading, Reading::Reported | Reading::Left);
        let (Phase::Over(_), true) = (side.phase, read) else { return Err(Refusal::NotNow) };
        self.let_go(end);
        let kernel = self.config.kernel;
        self.tcp.close(end, &kernel, outputs);
        Ok(())
    }

    pub(super) fn abandon(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let side = self.side_mut(end);
        let Phase::Open = side.phase else { return Err(Refusal::NotNow) };
        side.phase = Phase::Abandoned;
        outputs.push(Output::Abandoned(end));
        self.let_go(end);
        let kernel = self.config.kernel;
        self.tcp.close(end, &kernel, outputs);
        Ok(())
    }

    /// What is of no use once the socket is closed.
    fn let_go(&mut self, end: End) {
        let side = self.side_mut(end);
        side.queue.clear();
        side.held.clear();
    }
}
