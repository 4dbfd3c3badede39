//! The cores of `handfast::framed` as a machine: two ends, and the kernels between them.
//! (long because: every action of the protocol is one function of the machine)
//!
//! What a driver does around the cores is done here in the plainest way, and each action is one call of a core, or of a
//! kernel and then a core. The kernels are the harness's own: they carry bytes, and what arrives is judged by the bytes.

use std::io::ErrorKind;

use handfast::framed::{self as product, Delivery, Error, Fault, NextStep};
use handfast_spec::framed::{Action, End, Ending, Framed, Moment, Output, Refusal, Shape};
use handfast_spec::{Machine, Observation};
use model::framed::handfast::Config;

use super::convert::outcome;
use super::end_state::{EndState, Found, Reading};
use super::kernel::{Got, Tcp, Wrote};

/// Two ends and the kernels between them.
pub struct CoreMachine {
    ends: [EndState; 2],
    tcp: Tcp,
    now: Option<Moment>,
    config: Config,
}

type Outputs = Vec<Output>;
type Step = Result<(), Refusal>;

impl CoreMachine {
    /// A connection that has just been established.
    pub fn new(config: &Config) -> Self {
        Self { ends: [EndState::new(), EndState::new()], tcp: Tcp::new(config.kernel), now: None, config: *config }
    }

    fn side(&mut self, end: End) -> &mut EndState {
        &mut self.ends[end.index()]
    }

    fn take(&mut self, action: Action, outputs: &mut Outputs) -> Step {
        let open = |end: End| if self.tcp.is_closed(end) { Err(Refusal::Closed) } else { Ok(end) };
        match action {
            Action::Write { end, shape } => self.write(open(end)?, shape, outputs),
            Action::Forge { end, forgery } => {
                let side = self.may_write(open(end)?)?;
                side.refuses = true;
                side.forge(forgery);
                Ok(())
            }
            Action::DropWrite { end } => self.drop_write(open(end)?),
            Action::Send { end } => self.send(open(end)?, outputs),
            Action::Read { end } => self.read(open(end)?, outputs),
            Action::DropRead { end } => {
                let side = self.side(open(end)?);
                // Dropping a future is no call of the core, which is why nothing is lost.
                let waits = side.reading == Reading::Waits && side.is_within() || side.reading == Reading::Answers;
                if waits { Ok(()) } else { Err(Refusal::Nothing) }
            }
            Action::Leave { end } => self.leave(open(end)?, outputs),
            Action::Abandon { end } => self.abandon(open(end)?, outputs),
            Action::Shutdown { end, by } => self.shutdown(end, by, outputs),
            Action::ReadAhead { end } => self.read_ahead(open(end)?, outputs),
            Action::Finish { end } => self.finish(open(end)?),
            Action::Confirm { end } => self.confirm(open(end)?, outputs),
            Action::Expire { end } => self.expire(open(end)?, outputs),
            Action::Close { end } => self.close(open(end)?, outputs),
            Action::Carry { from } => self.tcp.carry(from, outputs),
            Action::Pass { moment } => {
                let is_next = self.now < Some(moment) && (moment == Moment::Soon || self.now.is_some());
                if !is_next {
                    return Err(Refusal::NotNow);
                }
                self.now = Some(moment);
                outputs.push(Output::Passed(moment));
                Ok(())
            }
        }
    }

    /// The side, if a frame would be accepted. The product says why it is broken also when a shutdown had begun before;
    /// the model then says that.
    fn may_write(&mut self, end: End) -> Result<&mut EndState, Refusal> {
        let side = self.side(end);
        if !side.is_open() {
            return Err(Refusal::ShutDown);
        }
        if side.refuses || side.writer.check().is_err() {
            return Err(Refusal::Broken);
        }
        if side.has_sent() { Ok(side) } else { Err(Refusal::NoRoom) }
    }

    fn write(&mut self, end: End, shape: Shape, outputs: &mut Outputs) -> Step {
        let most = self.config.frames[end.index()];
        let side = self.may_write(end)?;
        if side.accepted >= most {
            return Err(Refusal::NoMore);
        }
        outputs.push(Output::Accepted(end, side.accept(shape)?));
        Ok(())
    }

    fn drop_write(&mut self, end: End) -> Step {
        let side = self.side(end);
        match (side.has_sent(), side.is_open()) {
            (true, _) => Err(Refusal::Nothing),
            (false, false) => Err(Refusal::NotNow),
            (false, true) => Ok(()),
        }
    }

    fn send(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let Some(chunk) = self.side(end).next_chunk() else { return Err(Refusal::Nothing) };
        match self.tcp.write(end, chunk.clone()) {
            Wrote::Taken => {
                self.side(end).sent(&chunk);
                outputs.push(Output::Handed(end, chunk.half));
                Ok(())
            }
            Wrote::Full => Err(Refusal::NoRoom),
            Wrote::Gone => {
                outputs.push(Output::WriteFailed(end));
                self.broken(end, outputs);
                Ok(())
            }
        }
    }

    fn delivery(&self, end: End) -> Delivery {
        self.tcp.outstanding(end).map_or(Delivery::Unknown, Delivery::Outstanding)
    }

    /// The connection is gone, as far as writing goes.
    fn broken(&mut self, end: End, outputs: &mut Outputs) {
        let delivery = self.delivery(end);
        let was_over = self.is_over(end);
        let side = self.side(end);
        if delivery == Delivery::Outstanding(0) {
            side.ending.watched(delivery, side.ended);
        }
        side.ending.broken(side.writer.queued());
        side.break_off(reset());
        side.latch(Ending::Reset);
        self.tell_outcome(end, was_over, outputs);
    }

    fn is_over(&mut self, end: End) -> bool {
        matches!(self.side(end).ending.next_step(), NextStep::Done(_))
    }

    fn tell_outcome(&mut self, end: End, was_over: bool, outputs: &mut Outputs) {
        let side = self.side(end);
        match side.ending.next_step() {
            NextStep::Done(known) if !was_over => {
                if !known.is_clean() {
                    side.break_off(Error::DeadlineExceeded);
                }
                outputs.push(Output::Over(end, outcome(known)));
            }
            NextStep::Done(_) | NextStep::None | NextStep::Write | NextStep::Close | NextStep::Watch => {}
        }
    }

    fn read(&mut self, end: End, outputs: &mut Outputs) -> Step {
        match self.side(end).reading {
            Reading::Waits | Reading::Fails => {}
            Reading::Answers => return self.answer(end, outputs),
            Reading::Reported => return Err(Refusal::Ended),
            Reading::Left => return Err(Refusal::Gone),
        }
        if self.give(end, outputs) {
            return Ok(());
        }
        if self.is_late(end) {
            return Err(Refusal::NotNow);
        }
        match self.tcp.read(end) {
            Got::Nothing => return Err(Refusal::Nothing),
            Got::Chunk(chunk) => {
                outputs.push(Output::Took(end, chunk.half));
                self.side(end).keep(chunk);
            }
            Got::Reset => self.kernel_ended(end, true, outputs),
            Got::End => self.kernel_ended(end, false, outputs),
        }
        self.give(end, outputs);
        Ok(())
    }

    /// What the reader's cursor has for the application, if it has something.
    fn give(&mut self, end: End, outputs: &mut Outputs) -> bool {
        match self.side(end).decode() {
            Found::Nothing => return false,
            Found::Given(given) => outputs.push(Output::Delivered(end, given)),
            Found::Marker if self.begin_answer(end, outputs) => {}
            Found::Marker => outputs.push(Output::Ended(end, self.side(end).tell(Ending::Marker))),
            Found::Broken(ending) => outputs.push(Output::Ended(end, self.side(end).tell(ending))),
        }
        true
    }

    /// As drivers do where it is configured. Returns whether the reader has something to hand over.
    fn begin_answer(&mut self, end: End, outputs: &mut Outputs) -> bool {
        let Some(by) = self.config.answer[end.index()] else { return false };
        let side = self.side(end);
        if !side.is_open() {
            return false;
        }
        outputs.push(Output::Answers(end, by));
        side.ending.begin(by);
        side.held.clear();
        side.reading = Reading::Answers;
        if side.writer.finish() {
            return true;
        }
        side.ending.broken(side.writer.queued());
        self.tell_outcome(end, false, outputs);
        false
    }

    /// The reader hands over what comes next, and is told of the marker when that was all.
    fn answer(&mut self, end: End, outputs: &mut Outputs) -> Step {
        match self.side(end).ending.next_step() {
            NextStep::Write => self.send(end, outputs)?,
            NextStep::Close => self.finish(end)?,
            NextStep::None | NextStep::Watch | NextStep::Done(_) => {}
        }
        match self.side(end).ending.next_step() {
            NextStep::Write | NextStep::Close => {}
            NextStep::None | NextStep::Watch | NextStep::Done(_) => {
                outputs.push(Output::Ended(end, self.side(end).tell(Ending::Marker)));
            }
        }
        Ok(())
    }

    fn is_late(&mut self, end: End) -> bool {
        let now = self.now;
        self.side(end).ending.deadline().is_some_and(|until| now >= Some(until))
    }

    fn kernel_ended(&mut self, end: End, is_reset: bool, outputs: &mut Outputs) {
        let side = self.side(end);
        side.ended = true;
        let was_broken = side.writer.failure().is_some_and(|error| *error == reset());
        if side.reading == Reading::Waits {
            side.reading = Reading::Fails;
            side.reader.end((is_reset || was_broken).then(reset));
        }
        if is_reset && !was_broken {
            self.broken(end, outputs);
        }
    }

    fn read_ahead(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let (keep, discard) = (self.config.keep, self.config.discard);
        if self.is_late(end) {
            return Err(Refusal::NotNow);
        }
        let side = self.side(end);
        match side.ending.next_step() {
            NextStep::Write | NextStep::Close | NextStep::Watch => {}
            NextStep::None | NextStep::Done(_) => return Err(Refusal::NotNow),
        }
        if side.ended {
            return Err(Refusal::Nothing);
        }
        let keeps = match side.reading {
            Reading::Waits => true,
            Reading::Answers | Reading::Reported | Reading::Left => false,
            Reading::Fails => return Err(Refusal::Nothing),
        };
        let enough = if keeps { side.held.len() >= usize::from(keep) } else { side.discarded >= discard };
        if enough {
            return Err(Refusal::Enough);
        }
        match self.tcp.read(end) {
            Got::Nothing => return Err(Refusal::Nothing),
            Got::Chunk(chunk) if keeps => {
                outputs.push(Output::Kept(end, chunk.half));
                self.side(end).keep(chunk);
            }
            Got::Chunk(_) => {
                self.side(end).discarded += 1;
                outputs.push(Output::Discarded(end));
            }
            Got::Reset => self.kernel_ended(end, true, outputs),
            Got::End => self.kernel_ended(end, false, outputs),
        }
        Ok(())
    }

    fn leave(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let side = self.side(end);
        match side.reading {
            Reading::Waits | Reading::Fails | Reading::Answers => {}
            Reading::Reported => return Err(Refusal::Ended),
            Reading::Left => return Err(Refusal::Gone),
        }
        side.reading = Reading::Left;
        side.held.clear();
        outputs.push(Output::Left(end));
        Ok(())
    }

    fn abandon(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let side = self.side(end);
        if !side.is_open() {
            return Err(Refusal::NotNow);
        }
        side.abandoned = true;
        outputs.push(Output::Abandoned(end));
        self.tcp.close(end, outputs);
        Ok(())
    }

    fn shutdown(&mut self, end: End, by: Moment, outputs: &mut Outputs) -> Step {
        let closed = self.tcp.is_closed(end);
        let side = self.side(end);
        if side.abandoned {
            return Err(Refusal::Closed);
        }
        let is_over = matches!(side.ending.next_step(), NextStep::Done(_));
        let before = side.ending.deadline();
        let is_first = !(is_over && closed) && side.ending.begin(by);
        if !is_first && side.ending.deadline() == before {
            return Err(if is_over { Refusal::Over } else { Refusal::Joined });
        }
        outputs.push(Output::Begun(end, by));
        if is_first && !side.writer.finish() {
            side.ending.broken(side.writer.queued());
            self.tell_outcome(end, false, outputs);
        }
        Ok(())
    }

    fn finish(&mut self, end: End) -> Step {
        if self.side(end).ending.next_step() != NextStep::Close {
            return Err(Refusal::NotNow);
        }
        self.tcp.close_direction(end);
        self.side(end).ending.closed();
        Ok(())
    }

    fn confirm(&mut self, end: End, outputs: &mut Outputs) -> Step {
        if self.side(end).ending.next_step() != NextStep::Watch {
            return Err(Refusal::NotNow);
        }
        let delivery = self.delivery(end);
        if delivery != Delivery::Outstanding(0) && self.tcp.is_reset(end) {
            let side = self.side(end);
            side.ending.broken(side.writer.queued());
            side.break_off(reset());
            side.latch(Ending::Reset);
        } else {
            let side = self.side(end);
            side.ending.watched(delivery, side.ended);
        }
        self.tell_outcome(end, false, outputs);
        if self.is_over(end) { Ok(()) } else { Err(Refusal::NotNow) }
    }

    fn expire(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let (now, delivery, was_over) = (self.now, self.delivery(end), self.is_over(end));
        let side = self.side(end);
        let Some(until) = side.ending.deadline() else { return Err(Refusal::NotNow) };
        if now < Some(until) {
            return Err(Refusal::NotNow);
        }
        if was_over && side.reading != Reading::Waits {
            return Err(Refusal::Over);
        }
        // As drivers do: what can be known is looked at first.
        side.ending.watched(delivery, side.ended);
        side.ending.expired(side.writer.queued(), delivery);
        match side.ending.next_step() {
            NextStep::Done(product::Outcome::Clean | product::Outcome::Unconfirmed { peer_ended: true }) => {}
            NextStep::Done(_) if !was_over => {
                side.latch(Ending::Deadline);
            }
            NextStep::Done(_) | NextStep::None | NextStep::Write | NextStep::Close | NextStep::Watch => {}
        }
        self.tell_outcome(end, was_over, outputs);
        self.side(end).stop_reading(Error::DeadlineExceeded);
        Ok(())
    }

    fn close(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let is_over = self.is_over(end);
        if !is_over || !matches!(self.side(end).reading, Reading::Reported | Reading::Left) {
            return Err(Refusal::NotNow);
        }
        self.tcp.close(end, outputs);
        Ok(())
    }
}

fn reset() -> Error {
    Error::Transport(Fault::from(ErrorKind::ConnectionReset))
}

impl Machine for CoreMachine {
    type Protocol = Framed;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Vec::new();
        match self.take(*action, &mut outputs) {
            Ok(()) => Observation::Accepted(outputs),
            Err(refusal) => Observation::Refused(refusal),
        }
    }
}
