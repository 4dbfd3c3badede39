//! The machine of a mutant: the steps that its flaw changes, around handfast's machine, which takes all others.

use core::mem::{replace, take};

use handfast_spec::framed::{
    Action, End, Ending, Forgery, Framed, Given, Half, Item, Moment, Outcome, Output, Part, Refusal, Shape,
};
use handfast_spec::{Machine, Observation};
use serde::Serialize;
use serde_json::Value;

use super::super::machine::{Config, Handfast, Outputs, Phase, Reading, Step, Writing};
use super::super::reader::{Next, Reads};
use super::Flaw;
use crate::checker::design::{Design, Flow};
use crate::framed;
use crate::in_parts;

/// handfast's design with one mistake.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Mutant {
    handfast: Handfast,
    flaw: Flaw,
    /// What each end found acceptable and has not accepted yet: of [`Flaw::ChecksThenAccepts`].
    checked: [Option<Shape>; 2],
    /// For when each end's timer was set: of [`Flaw::KeepsFirstTimer`].
    armed: [Option<Moment>; 2],
}

in_parts!(Mutant { handfast: Handfast } and {
    flaw: Flaw, checked: [Option<Shape>; 2], armed: [Option<Moment>; 2]
});

impl Mutant {
    /// A connection that has just been established, with this flaw at both ends.
    pub fn new(handfast: Handfast, flaw: Flaw) -> Self {
        Self { handfast, flaw, checked: [None; 2], armed: [None; 2] }
    }

    /// How the connection is configured.
    pub fn config(&self) -> &Config {
        self.handfast.config()
    }

    fn take(&mut self, action: Action, outputs: &mut Outputs) -> Step {
        match (self.flaw, action) {
            (Flaw::ChecksThenAccepts, Action::Write { end, shape }) => self.check(end, shape),
            (Flaw::ChecksThenAccepts, Action::Send { end }) => self.accept_and_send(end, outputs),
            (Flaw::ChecksThenAccepts, Action::Abandon { end } | Action::Close { end }) => {
                self.handfast.take(action, outputs)?;
                self.checked[end.index()] = None;
                Ok(())
            }
            (Flaw::WritesBehindMarker, Action::Write { end, shape }) => self.write_behind_marker(end, shape, outputs),
            (Flaw::TearsFrame, Action::DropWrite { end }) => self.tear(end),
            (Flaw::ResetStopsReader, Action::Send { end }) => {
                self.handfast.take(action, outputs)?;
                if outputs.contains(&Output::WriteFailed(end)) {
                    self.handfast.stop_reading(end, Ending::Reset);
                }
                Ok(())
            }
            (Flaw::DrainsLate, Action::Read { end }) if self.is_writing(end) && self.has_reader(end) => {
                Err(Refusal::ShutDown)
            }
            (Flaw::DrainsLate, Action::ReadAhead { end }) if self.is_writing(end) => Err(Refusal::NotNow),
            (Flaw::ForgetsEnding, Action::Read { end }) => self.read_again(end, outputs),
            (Flaw::ForgetsEnding, Action::ReadAhead { end }) => self.read_ahead_again(end, outputs),
            (Flaw::DropsHeader | Flaw::DropsPayload, Action::DropRead { end }) => self.forget_half(end),
            (Flaw::StopsReader, Action::Shutdown { end, .. }) => self.shut_down_both_directions(end, action, outputs),
            (Flaw::SecondFails, Action::Shutdown { end, .. }) => match self.handfast.take(action, outputs) {
                Err(Refusal::Over) => {
                    outputs.push(Output::Over(end, Outcome::Failed));
                    Ok(())
                }
                // The first shutdown is handfast's.
                step => step,
            },
            (Flaw::ClosesAfterMarker, Action::Finish { end }) => self.finish_and_close(end, outputs),
            (Flaw::WaitsForPeer, Action::Confirm { end }) => self.confirm_ended(end, outputs),
            (Flaw::ForgetsAnswer, Action::Read { end }) => self.read_and_forget(end, outputs),
            // A bound or a deadline is another one.
            (
                Flaw::UnboundedDrain
                | Flaw::UnboundedKeep
                | Flaw::LatestDeadline
                | Flaw::RenewsDeadline
                | Flaw::KeepsFirstTimer
                | Flaw::CleanAtDeadline
                | Flaw::DrainsPastDeadline
                | Flaw::ReadsPastDeadline,
                _,
            ) => self.take_without_limit(action, outputs),
            // What the application is given next is found in the mutant's way.
            (_, Action::Read { end }) => self.read(self.handfast.open(end)?, outputs),
            (_, Action::ReadAhead { end }) => self.read_ahead(self.handfast.open(end)?, outputs),
            (_, Action::DropRead { end }) => self.drop_read(self.handfast.open(end)?),
            _ => self.handfast.take(action, outputs),
        }
    }

    fn take_without_limit(&mut self, action: Action, outputs: &mut Outputs) -> Step {
        match (self.flaw, action) {
            (Flaw::UnboundedDrain, Action::ReadAhead { .. }) => {
                let bound = replace(&mut self.handfast.config.discard, u16::MAX);
                let step = self.handfast.take(action, outputs);
                self.handfast.config.discard = bound;
                step
            }
            (Flaw::DrainsPastDeadline, Action::ReadAhead { .. }) | (Flaw::ReadsPastDeadline, Action::Read { .. }) => {
                let now = take(&mut self.handfast.now);
                let step = self.handfast.take(action, outputs);
                self.handfast.now = now;
                step
            }
            (Flaw::UnboundedKeep, Action::ReadAhead { .. }) => {
                let bound = replace(&mut self.handfast.config.keep, u16::MAX);
                let step = self.handfast.take(action, outputs);
                self.handfast.config.keep = bound;
                step
            }
            (Flaw::LatestDeadline, Action::Shutdown { end, by }) => {
                if let Phase::Writing(until) | Phase::Closed(until) = &mut self.handfast.side_mut(end).phase
                    && by > *until
                {
                    *until = by;
                    outputs.push(Output::Begun(end, by));
                    return Ok(());
                }
                self.handfast.take(action, outputs)
            }
            (Flaw::RenewsDeadline, Action::Expire { end }) => self.handfast.open(end).and(Err(Refusal::NotNow)),
            (Flaw::CleanAtDeadline, Action::Expire { end }) => {
                let end = self.handfast.open(end)?;
                self.handfast.expire_with(end, Outcome::Clean, outputs)
            }
            (Flaw::KeepsFirstTimer, Action::Shutdown { end, by }) => {
                self.handfast.take(action, outputs)?;
                self.armed[end.index()].get_or_insert(by);
                Ok(())
            }
            (Flaw::KeepsFirstTimer, Action::Expire { end }) if self.armed[end.index()] > self.handfast.now => {
                self.handfast.open(end).and(Err(Refusal::NotNow))
            }
            _ => self.handfast.take(action, outputs),
        }
    }

    fn read_and_forget(&mut self, end: End, outputs: &mut Outputs) -> Step {
        self.read(self.handfast.open(end)?, outputs)?;
        if self.handfast.side(end).reading == Reading::Answers {
            self.report(end, Ending::Marker, outputs);
        }
        Ok(())
    }

    fn is_writing(&self, end: End) -> bool {
        matches!(self.handfast.side(end).phase, Phase::Writing(_))
    }

    fn has_reader(&self, end: End) -> bool {
        matches!(self.handfast.side(end).reading, Reading::Waits | Reading::Fails(_))
    }

    fn check(&mut self, end: End, shape: Shape) -> Step {
        self.handfast.may_write(self.handfast.open(end)?)?;
        let checked = &mut self.checked[end.index()];
        if checked.is_some() {
            return Err(Refusal::NoRoom);
        }
        *checked = Some(shape);
        Ok(())
    }

    fn accept_and_send(&mut self, end: End, outputs: &mut Outputs) -> Step {
        if self.handfast.side(end).queue.is_empty()
            && let Some(shape) = self.checked[end.index()].take()
        {
            self.handfast.accept(end, shape, outputs);
        }
        match self.handfast.take(Action::Send { end }, outputs) {
            Err(Refusal::NoRoom) if !outputs.is_empty() => Ok(()),
            // What the kernel took, or why it took nothing, is as with handfast.
            step => step,
        }
    }

    fn write_behind_marker(&mut self, end: End, shape: Shape, outputs: &mut Outputs) -> Step {
        if !self.is_writing(end) {
            return self.handfast.take(Action::Write { end, shape }, outputs);
        }
        let phase = replace(&mut self.handfast.side_mut(end).phase, Phase::Open);
        let step = self.handfast.write(end, shape, outputs);
        self.handfast.side_mut(end).phase = phase;
        step
    }

    fn tear(&mut self, end: End) -> Step {
        self.handfast.drop_write(self.handfast.open(end)?)?;
        let queue = &mut self.handfast.side_mut(end).queue;
        if Half::of(queue[0].item).next() != Some(queue[0]) {
            queue.clear();
        }
        Ok(())
    }

    /// What has ended is asked again.
    fn read_again(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let is_readable = self.handfast.tcp.is_readable(end);
        let side = self.handfast.side_mut(self.handfast.open(end)?);
        if side.reading == Reading::Reported && side.ended && is_readable {
            side.reading = Reading::Waits;
        }
        self.read(end, outputs)
    }

    fn read_ahead_again(&mut self, end: End, outputs: &mut Outputs) -> Step {
        self.read_ahead(self.handfast.open(end)?, outputs)?;
        let side = self.handfast.side(end);
        if side.reading == Reading::Reported && side.ended {
            let ending = self.ending_of(end, side.writing == Writing::Broken);
            self.handfast.side_mut(end).reading = Reading::Fails(ending);
        }
        Ok(())
    }

    fn forget_half(&mut self, end: End) -> Step {
        self.drop_read(self.handfast.open(end)?)?;
        let held = &mut self.handfast.side_mut(end).held;
        match self.flaw {
            Flaw::DropsHeader if held.len() == 1 => held.clear(),
            Flaw::DropsPayload if held.len() > 2 => held.truncate(2),
            _ => {}
        }
        Ok(())
    }

    fn shut_down_both_directions(&mut self, end: End, action: Action, outputs: &mut Outputs) -> Step {
        let was_open = self.handfast.side(end).phase == Phase::Open;
        self.handfast.take(action, outputs)?;
        let is_writing = self.is_writing(end);
        let side = self.handfast.side_mut(end);
        if was_open && is_writing && side.reading == Reading::Waits {
            side.reading = Reading::Reported;
            side.held.clear();
            outputs.push(Output::Ended(end, Ending::ShutDown));
        }
        Ok(())
    }

    fn finish_and_close(&mut self, end: End, outputs: &mut Outputs) -> Step {
        self.handfast.finish(self.handfast.open(end)?)?;
        self.handfast.over(end, Outcome::Clean, outputs);
        self.handfast.side_mut(end).reading = Reading::Left;
        outputs.push(Output::Left(end));
        let kernel = self.handfast.config.kernel;
        self.handfast.tcp.close(end, &kernel, outputs);
        Ok(())
    }

    /// What was acknowledged counts only when the peer's stream has ended.
    fn confirm_ended(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let side = self.handfast.side(self.handfast.open(end)?);
        if side.ended || !matches!(side.phase, Phase::Closed(_)) {
            self.handfast.confirm(end, outputs)
        } else if self.handfast.tcp.is_reset(end) {
            self.handfast.peer_is_gone(end, outputs)
        } else {
            Err(Refusal::NotNow)
        }
    }
}

impl Reads for Mutant {
    fn handfast(&self) -> &Handfast {
        &self.handfast
    }

    fn handfast_mut(&mut self) -> &mut Handfast {
        &mut self.handfast
    }

    fn ending_of(&self, end: End, is_reset: bool) -> Ending {
        match (self.flaw, self.handfast.ending_of(end, is_reset)) {
            (Flaw::TruncationIsEnd, Ending::Truncated) => Ending::WithoutMarker,
            (Flaw::EndIsMarker, Ending::WithoutMarker) => Ending::Marker,
            (_, ending) => ending,
        }
    }

    /// What mutants have torn is given as it is.
    fn next(&self, end: End) -> Next {
        let side = self.handfast.side(end);
        let (held, has_ended) = (&side.held, matches!(side.reading, Reading::Fails(_)));
        let [head, rest, ..] = held.as_slice() else { return Next::Incomplete };
        if (head.part, rest.part) != (Part::Head, Part::HeadRest) || head.item != rest.item {
            return Next::Give(Given::Garbled, 2);
        }
        let next = self.handfast.next(end);
        match (self.flaw, head.item, &next) {
            (Flaw::PanicsOnPayload, Item::Frame(_, Shape::Full), _) => Next::End(Ending::Violation),
            (Flaw::Prefetches, _, Next::Give(_, 4)) if held.len() < 6 && !has_ended => Next::Incomplete,
            (Flaw::LosesLastFrame, _, Next::Give(_, 4)) if held.len() < 6 && !(has_ended && held.len() == 4) => {
                Next::Incomplete
            }
            (Flaw::LoadedMarkerCounts, Item::Forged(Forgery::LoadedMarker), _) => Next::End(Ending::Marker),
            (Flaw::GivesReserved, Item::Forged(Forgery::Reserved), _) => Next::Give(Given::Reserved, 2),
            (_, item, Next::Give(_, halves)) if !held[..*halves].iter().copied().eq(Half::of(item)) => {
                Next::Give(Given::Garbled, *halves)
            }
            _ => next,
        }
    }

    fn give_next(&mut self, end: End, outputs: &mut Outputs) -> bool {
        let next = self.next(end);
        let side = self.handfast.side_mut(end);
        let item = side.held.first().map(|head| head.item);
        match (self.flaw, item, &next) {
            (Flaw::PanicsOnPayload, Some(Item::Frame(..)), Next::End(_)) => outputs.push(Output::Panicked(end)),
            (Flaw::TrustsLength, Some(Item::Forged(Forgery::TooLong)), Next::End(_)) => {
                side.held.clear();
                side.reading = Reading::Fails(Ending::Truncated);
                outputs.push(Output::Overcommitted(end));
                return true;
            }
            _ => {}
        }
        self.give(end, next, outputs)
    }

    fn report(&mut self, end: End, ending: Ending, outputs: &mut Outputs) {
        if self.flaw != Flaw::ForgetsEnding {
            return self.handfast.report(end, ending, outputs);
        }
        // Nothing is known of what was told before, and this is not known later.
        let fate = take(&mut self.handfast.side_mut(end).fate);
        self.handfast.report(end, ending, outputs);
        self.handfast.side_mut(end).fate = fate;
    }
}

impl Machine for Mutant {
    type Protocol = Framed;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Vec::new();
        let step = self.take(*action, &mut outputs);
        if self.flaw == Flaw::SwallowsErrors {
            for output in &mut outputs {
                if let Output::Over(_, outcome) = output {
                    *outcome = Outcome::Clean;
                }
            }
        }
        step.map(|()| outputs).into()
    }
}

impl Design for Mutant {
    fn at_rest(&self) -> bool {
        self.handfast.at_rest()
    }

    fn header(&self) -> Value {
        self.handfast.header()
    }

    fn in_words(&self) -> Vec<String> {
        self.handfast.in_words()
    }

    fn waits(&self) -> Vec<String> {
        self.handfast.waits_in(self)
    }

    fn lanes(&self) -> Vec<String> {
        framed::lanes()
    }

    fn flow(&self, action: &Action) -> Flow {
        framed::flow(action)
    }
}
