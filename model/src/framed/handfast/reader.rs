//! What is read: halves by the connection, frames by the application.

use handfast_spec::framed::{End, Ending, Forgery, Given, Half, Item, Output, Part, Refusal, Shape};

use super::super::tcp::Got;
use super::Flaw;
use super::machine::{Handfast, Outputs, Phase, Reading, Step, Writing};

/// What comes next in what was read.
enum Next {
    Incomplete,
    /// This, of so many halves.
    Give(Given, usize),
    End(Ending),
    Overcommit,
    Panic,
}

impl Handfast {
    /// What was read is given first; then what is known of the end; then the kernel is asked.
    pub(super) fn read(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let side = self.side(end);
        let (flaw, reading) = (self.config.flaw, side.reading);
        match reading {
            Reading::Waits | Reading::Fails(_) => {}
            Reading::Told if flaw == Flaw::ForgetsEnding && self.tcp.is_readable(end) && side.ended => {}
            // FRM-7: the same again.
            Reading::Told => return Err(Refusal::Ended),
            Reading::Left => return Err(Refusal::Gone),
        }
        if flaw == Flaw::DrainsLate && matches!(side.phase, Phase::Writing(_)) {
            return Err(Refusal::ShutDown);
        }
        if self.give_next(end, outputs) {
            return Ok(());
        }
        if let Reading::Fails(ending) = reading {
            self.tell(end, ending, outputs);
            return Ok(());
        }
        match self.tcp.read(end) {
            Got::Nothing => return Err(Refusal::Nothing),
            Got::Half(half) => {
                self.keep(end, half, outputs);
                self.give_next(end, outputs);
            }
            got @ (Got::Reset | Got::End) => {
                self.kernel_ended(end, &got, outputs);
                if !self.give_next(end, outputs) {
                    self.tell_failure(end, outputs);
                }
            }
        }
        Ok(())
    }

    /// Reads ahead of the reader while the shutdown goes on, so that the peer is not held up by us.
    pub(super) fn read_ahead(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let flaw = self.config.flaw;
        let side = self.side(end);
        match side.phase {
            Phase::Writing(_) if flaw == Flaw::DrainsLate => return Err(Refusal::NotNow),
            Phase::Writing(_) | Phase::Closed(_) => {}
            Phase::Open | Phase::Over(_) | Phase::Abandoned => return Err(Refusal::NotNow),
        }
        if side.ended {
            return Err(Refusal::Nothing);
        }
        let keeps = match side.reading {
            Reading::Waits => true,
            // What comes behind the last that the application was told is nobody's.
            Reading::Told | Reading::Left => false,
            Reading::Fails(_) => return Err(Refusal::Nothing),
        };
        let enough = if keeps {
            side.held.len() >= usize::from(self.config.keep)
        } else {
            // FRM-10: and no more than that. The socket stays open all the same.
            side.discarded >= self.config.discard && flaw != Flaw::UnboundedDrain
        };
        if enough {
            return Err(Refusal::Enough);
        }
        match self.tcp.read(end) {
            Got::Nothing => return Err(Refusal::Nothing),
            Got::Half(half) if keeps => self.keep(end, half, outputs),
            Got::Half(_) => {
                let side = self.side_mut(end);
                side.discarded += 1;
                outputs.push(Output::Discarded(end));
            }
            got @ (Got::Reset | Got::End) => self.kernel_ended(end, &got, outputs),
        }
        Ok(())
    }

    /// FRM-4: nothing changes, because what was read is the connection's.
    pub(super) fn drop_read(&mut self, end: End) -> Step {
        let flaw = self.config.flaw;
        let within = self.side(end).reading == Reading::Waits
            && !self.side(end).held.is_empty()
            && matches!(self.next(end), Next::Incomplete);
        if !within {
            return Err(Refusal::Nothing);
        }
        let held = &mut self.side_mut(end).held;
        match flaw {
            Flaw::DropsHeader if held.len() == 1 => held.clear(),
            Flaw::DropsPayload if held.len() > 2 => held.truncate(2),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn leave(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let side = self.side_mut(end);
        match side.reading {
            Reading::Waits | Reading::Fails(_) => {}
            Reading::Told => return Err(Refusal::Ended),
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
            Reading::Fails(_) | Reading::Told | Reading::Left => {}
        }
    }

    fn keep(&mut self, end: End, half: Half, outputs: &mut Outputs) {
        self.side_mut(end).held.push(half);
        outputs.push(Output::Took(end, half));
    }

    /// The kernel says that nothing more comes.
    fn kernel_ended(&mut self, end: End, got: &Got, outputs: &mut Outputs) {
        let flaw = self.config.flaw;
        let is_partial = self.is_partial(end);
        let side = self.side_mut(end);
        side.ended = true;
        let is_reset = side.writing == Writing::Broken || matches!(got, Got::Reset);
        // FRM-3: what the marker did not end did not end cleanly.
        let ending = match (is_reset, is_partial) {
            (true, _) => Ending::Reset,
            (false, true) if flaw == Flaw::TruncationIsEnd => Ending::WithoutMarker,
            (false, true) => Ending::Truncated,
            (false, false) if flaw == Flaw::EndIsMarker => Ending::Marker,
            (false, false) => Ending::WithoutMarker,
        };
        match side.reading {
            Reading::Waits => side.reading = Reading::Fails(ending),
            Reading::Told if flaw == Flaw::ForgetsEnding => side.reading = Reading::Fails(ending),
            Reading::Fails(_) | Reading::Told | Reading::Left => {}
        }
        if is_reset && self.side(end).writing != Writing::Broken {
            self.broken(end, outputs);
        }
    }

    /// Whether what was read ends within an item.
    fn is_partial(&self, end: End) -> bool {
        let held = &self.side(end).held;
        let mut at = 0;
        while let Some(half) = held.get(at) {
            at += half.item.halves();
        }
        at > held.len()
    }

    /// Gives what comes next, if it is there.
    fn give_next(&mut self, end: End, outputs: &mut Outputs) -> bool {
        match self.next(end) {
            Next::Incomplete => false,
            Next::Give(given, halves) => {
                self.side_mut(end).held.drain(..halves);
                outputs.push(Output::Delivered(end, given));
                true
            }
            Next::End(ending) => {
                self.tell(end, ending, outputs);
                true
            }
            Next::Overcommit => {
                let side = self.side_mut(end);
                side.held.clear();
                side.reading = Reading::Fails(Ending::Truncated);
                outputs.push(Output::Overcommitted(end));
                true
            }
            Next::Panic => {
                outputs.push(Output::Panicked(end));
                self.tell(end, Ending::Violation, outputs);
                true
            }
        }
    }

    fn tell_failure(&mut self, end: End, outputs: &mut Outputs) {
        match self.side(end).reading {
            Reading::Fails(ending) => self.tell(end, ending, outputs),
            Reading::Waits | Reading::Told | Reading::Left => {}
        }
    }

    /// FRM-7: the first reason why the connection ended is what everybody is told who asks later.
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

    fn tell(&mut self, end: End, ending: Ending, outputs: &mut Outputs) {
        let forgets = self.config.flaw == Flaw::ForgetsEnding;
        let ending = if forgets { ending } else { self.latch(end, ending) };
        let side = self.side_mut(end);
        side.reading = Reading::Told;
        side.held.clear();
        if ending != Ending::Marker && side.writing == Writing::Sound {
            side.writing = Writing::Refusing;
        }
        outputs.push(Output::Ended(end, ending));
    }

    /// What is next in what was read. FRM-8 and FRM-9: type, length and marker are looked at before anything else.
    fn next(&self, end: End) -> Next {
        let (side, flaw) = (self.side(end), self.config.flaw);
        let held = &side.held;
        let (Some(head), Some(rest)) = (held.first(), held.get(1)) else { return Next::Incomplete };
        if (head.part, rest.part) != (Part::Head, Part::HeadRest) || head.item != rest.item {
            return Next::Give(Given::Garbled, 2);
        }
        match head.item {
            Item::Frame(frame, Shape::Empty) => Next::Give(Given::Frame(frame), 2),
            Item::Frame(_, Shape::Full) if flaw == Flaw::PanicsOnPayload => Next::Panic,
            Item::Frame(frame, Shape::Full) => {
                let Some(payload) = held.get(2..4) else { return Next::Incomplete };
                let whole = payload.iter().all(|half| half.item == head.item)
                    && payload.iter().map(|half| half.part).eq([Part::Body, Part::BodyRest]);
                // FRM-14: nothing behind the frame is waited for.
                if self.waits_for_header(end) {
                    return Next::Incomplete;
                }
                Next::Give(if whole { Given::Frame(frame) } else { Given::Garbled }, 4)
            }
            Item::Marker => Next::End(Ending::Marker),
            Item::Forged(Forgery::Reserved) if flaw == Flaw::GivesReserved => Next::Give(Given::Reserved, 2),
            Item::Forged(Forgery::TooLong) if flaw == Flaw::TrustsLength => Next::Overcommit,
            Item::Forged(Forgery::LoadedMarker) if flaw == Flaw::LoadedMarkerCounts => Next::End(Ending::Marker),
            Item::Forged(Forgery::Reserved | Forgery::TooLong | Forgery::LoadedMarker) => Next::End(Ending::Violation),
        }
    }

    /// What mutants do: wait for the header behind a frame.
    fn waits_for_header(&self, end: End) -> bool {
        let side = self.side(end);
        let has_ended = matches!(side.reading, Reading::Fails(_));
        match self.config.flaw {
            Flaw::Prefetches => side.held.len() < 6 && !has_ended,
            Flaw::LosesLastFrame => side.held.len() < 6 && !(has_ended && side.held.len() == 4),
            _ => false,
        }
    }
}
