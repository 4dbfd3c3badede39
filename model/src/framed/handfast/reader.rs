//! What is read: halves by the connection, frames by the application.

use handfast_spec::framed::{End, Ending, Given, Half, Item, Output, Refusal, Shape};

use super::super::tcp::Got;
use super::machine::{Config, Handfast, Outputs, Phase, Reading, Step, Writing};

/// What comes next in what was read.
pub(super) enum Next {
    Incomplete,
    /// This, of so many halves.
    Give(Given, usize),
    End(Ending),
}

/// The steps of a reader. Mutants find something else [next](Self::next), or another [ending](Self::ending_of).
pub(super) trait Reads {
    fn handfast(&self) -> &Handfast;
    fn handfast_mut(&mut self) -> &mut Handfast;

    /// What was read is given first; then what is known of the end; then the kernel is asked.
    fn read(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let reading = self.handfast().side(end).reading;
        match reading {
            Reading::Waits | Reading::Fails(_) => {}
            Reading::Answers => return self.answer(end, outputs),
            // FRM-7: the same again.
            Reading::Reported => return Err(Refusal::Ended),
            Reading::Left => return Err(Refusal::Gone),
        }
        if self.give_next(end, outputs) {
            return Ok(());
        }
        if let Reading::Fails(ending) = reading {
            self.report(end, ending, outputs);
            return Ok(());
        }
        // FRM-29: also a peer that never pauses is read until the deadline and no longer.
        if self.handfast().is_late(end) {
            return Err(Refusal::NotNow);
        }
        match self.handfast_mut().tcp.read(end) {
            Got::Nothing => return Err(Refusal::Nothing),
            Got::Half(half) => {
                self.handfast_mut().hold(end, half);
                outputs.push(Output::Took(end, half));
                self.give_next(end, outputs);
            }
            got @ (Got::Reset | Got::End) => {
                self.kernel_ended(end, &got, outputs);
                if !self.give_next(end, outputs)
                    && let Reading::Fails(ending) = self.handfast().side(end).reading
                {
                    self.report(end, ending, outputs);
                }
            }
        }
        Ok(())
    }

    /// FRM-15: reads ahead of the reader while the shutdown goes on, so that the peer is not held up by this end.
    fn read_ahead(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let side = self.handfast().side(end);
        // FRM-29: the peer's bytes do not prolong a shutdown.
        if side.phase.until().is_none() || self.handfast().is_late(end) {
            return Err(Refusal::NotNow);
        }
        if side.ended {
            return Err(Refusal::Nothing);
        }
        let Config { keep, discard, .. } = self.handfast().config;
        let (keeps, enough) = match side.reading {
            // FRM-30: no more than so many halves are kept.
            Reading::Waits => (true, side.held.len() >= usize::from(keep)),
            // Nothing waits for what comes behind the last that the application was told. FRM-10: no more than so many
            // halves of it are thrown away. The socket stays open all the same.
            Reading::Answers | Reading::Reported | Reading::Left => (false, side.discarded >= discard),
            Reading::Fails(_) => return Err(Refusal::Nothing),
        };
        if enough {
            return Err(Refusal::Enough);
        }
        match self.handfast_mut().tcp.read(end) {
            Got::Nothing => return Err(Refusal::Nothing),
            Got::Half(half) if keeps => {
                self.handfast_mut().hold(end, half);
                outputs.push(Output::Kept(end, half));
            }
            Got::Half(_) => {
                self.handfast_mut().side_mut(end).discarded += 1;
                outputs.push(Output::Discarded(end));
            }
            got @ (Got::Reset | Got::End) => self.kernel_ended(end, &got, outputs),
        }
        Ok(())
    }

    /// FRM-4: nothing changes, because what was read is the connection's.
    fn drop_read(&self, end: End) -> Step {
        let side = self.handfast().side(end);
        let waits = match side.reading {
            Reading::Waits => !side.held.is_empty() && matches!(self.next(end), Next::Incomplete),
            Reading::Answers => true,
            Reading::Fails(_) | Reading::Reported | Reading::Left => false,
        };
        if waits { Ok(()) } else { Err(Refusal::Nothing) }
    }

    /// The kernel says that nothing more comes.
    fn kernel_ended(&mut self, end: End, got: &Got, outputs: &mut Outputs) {
        let was_broken = self.handfast().side(end).writing == Writing::Broken;
        let is_reset = was_broken || matches!(got, Got::Reset);
        let ending = self.ending_of(end, is_reset);
        let handfast = self.handfast_mut();
        handfast.side_mut(end).ended = true;
        handfast.stop_reading(end, ending);
        if is_reset && !was_broken {
            handfast.broken(end, outputs);
        }
    }

    /// What is told of the end of the peer's bytes. FRM-3: what the marker did not end did not end cleanly.
    fn ending_of(&self, end: End, is_reset: bool) -> Ending {
        match (is_reset, self.handfast().is_partial(end)) {
            (true, _) => Ending::Reset,
            (false, true) => Ending::Truncated,
            (false, false) => Ending::WithoutMarker,
        }
    }

    /// Gives what comes next, if it is there.
    fn give_next(&mut self, end: End, outputs: &mut Outputs) -> bool {
        let next = self.next(end);
        self.give(end, next, outputs)
    }

    fn give(&mut self, end: End, next: Next, outputs: &mut Outputs) -> bool {
        match next {
            Next::Incomplete => return false,
            Next::Give(given, halves) => {
                self.handfast_mut().side_mut(end).held.drain(..halves);
                outputs.push(Output::Delivered(end, given));
            }
            Next::End(ending) => self.told(end, ending, outputs),
        }
        true
    }

    /// What is next in what was read. FRM-8 and FRM-9: type, length and marker are looked at before anything else.
    fn next(&self, end: End) -> Next {
        let held = &self.handfast().side(end).held;
        let [head, _rest, payload @ ..] = held.as_slice() else { return Next::Incomplete };
        match head.item {
            Item::Frame(frame, Shape::Empty) => Next::Give(Given::Frame(frame), 2),
            // FRM-14: nothing behind the frame is waited for.
            Item::Frame(frame, Shape::Full) if payload.len() >= 2 => Next::Give(Given::Frame(frame), 4),
            Item::Frame(_, Shape::Full) => Next::Incomplete,
            Item::Marker => Next::End(Ending::Marker),
            Item::Forged(_) => Next::End(Ending::Violation),
        }
    }

    /// FRM-28: the reader hands over the answer to the peer's marker, for no other task may be there to do it. Then it is
    /// told of the marker.
    fn answer(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let handfast = self.handfast_mut();
        match (handfast.side(end).phase, handfast.side(end).queue.is_empty()) {
            (Phase::Writing(_), false) => handfast.send(end, outputs)?,
            (Phase::Writing(_), true) => handfast.finish(end)?,
            (Phase::Open | Phase::Closed(_) | Phase::Over(_) | Phase::Abandoned, _) => {}
        }
        if !matches!(handfast.side(end).phase, Phase::Writing(_)) {
            self.report(end, Ending::Marker, outputs);
        }
        Ok(())
    }

    /// The application is told that nothing more comes, or its answer to that is begun.
    fn told(&mut self, end: End, ending: Ending, outputs: &mut Outputs) {
        if ending != Ending::Marker || !self.handfast_mut().begin_answer(end, outputs) {
            self.report(end, ending, outputs);
        }
    }

    /// The application is told that nothing more comes.
    fn report(&mut self, end: End, ending: Ending, outputs: &mut Outputs) {
        let handfast = self.handfast_mut();
        let ending = handfast.latch(end, ending);
        let side = handfast.side_mut(end);
        side.reading = Reading::Reported;
        side.held.clear();
        if ending != Ending::Marker && side.writing == Writing::Sound {
            side.writing = Writing::Refusing;
        }
        outputs.push(Output::Ended(end, ending));
    }
}

impl Reads for Handfast {
    fn handfast(&self) -> &Handfast {
        self
    }

    fn handfast_mut(&mut self) -> &mut Handfast {
        self
    }
}

impl Handfast {
    pub(super) fn leave(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let side = self.side_mut(end);
        match side.reading {
            Reading::Waits | Reading::Fails(_) | Reading::Answers => {}
            Reading::Reported => return Err(Refusal::Ended),
            Reading::Left => return Err(Refusal::Gone),
        }
        side.reading = Reading::Left;
        side.held.clear();
        outputs.push(Output::Left(end));
        Ok(())
    }

    /// Nothing more is read; what was read already is still given, and then the application is told.
    pub(super) fn stop_reading(&mut self, end: End, ending: Ending) {
        let side = self.side_mut(end);
        match side.reading {
            Reading::Waits => side.reading = Reading::Fails(ending),
            Reading::Fails(_) | Reading::Answers | Reading::Reported | Reading::Left => {}
        }
    }

    /// Begins a shutdown because the peer has ended its direction, if that is configured and none has begun. Returns whether
    /// the reader has something to hand over.
    pub(super) fn begin_answer(&mut self, end: End, outputs: &mut Outputs) -> bool {
        let (Some(by), Phase::Open) = (self.config.answer[end.index()], self.side(end).phase) else { return false };
        outputs.push(Output::Answers(end, by));
        self.begin(end, by, outputs);
        let side = self.side_mut(end);
        side.held.clear();
        side.reading = Reading::Answers;
        matches!(side.phase, Phase::Writing(_))
    }

    fn hold(&mut self, end: End, half: Half) {
        self.side_mut(end).held.push(half);
    }

    /// Whether what was read ends within an item.
    pub(super) fn is_partial(&self, end: End) -> bool {
        let held = &self.side(end).held;
        let mut at = 0;
        while let Some(half) = held.get(at) {
            at += half.item.halves();
        }
        at > held.len()
    }

    /// FRM-7: the first reason why the connection ended is what is told whenever it is asked for later.
    pub(super) fn latch(&mut self, end: End, ending: Ending) -> Ending {
        match ending {
            // What the peer has said itself.
            Ending::Marker => ending,
            Ending::WithoutMarker
            | Ending::Truncated
            | Ending::Reset
            | Ending::Violation
            | Ending::Deadline
            | Ending::ShutDown => *self.side_mut(end).fate.get_or_insert(ending),
        }
    }
}
