//! `Shutdown`, step by step.

use handfast_spec::framed::{End, Ending, Half, Item, Moment, Outcome, Output, Refusal};

use super::super::tcp::{Got, Wrote};
use super::machine::{Lock, Outputs, Reader, Shutdown, Step, Writer, Zrepl};

impl Zrepl {
    /// S0 to S2: nothing new is read or written, and the deadline is set, also by a second call.
    pub(super) fn shutdown(&mut self, end: End, by: Moment, outputs: &mut Outputs) -> Step {
        let side = self.side(end);
        match side.shutdown {
            Shutdown::Open => side.shutdown = Shutdown::WantsWrite,
            Shutdown::Done if side.deadline.is_some() => {
                outputs.push(Output::Over(end, Outcome::Failed));
                return Ok(());
            }
            Shutdown::Done => return Err(Refusal::Closed),
            Shutdown::WantsWrite | Shutdown::Marks(_) | Shutdown::Marked | Shutdown::WantsRead | Shutdown::Drains => {
                if side.deadline == Some(by) {
                    return Err(Refusal::Joined);
                }
            }
        }
        side.begun = true;
        side.deadline = Some(by);
        outputs.push(Output::Begun(end, by));
        Ok(())
    }

    /// S3 to S6.
    pub(super) fn finish(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let kernel = self.kernel;
        let side = &mut self.sides[end.index()];
        match &mut side.shutdown {
            Shutdown::Open | Shutdown::Drains | Shutdown::Done => return Err(Refusal::NotNow),
            Shutdown::WantsWrite if side.write_lock == Lock::Taken => return Err(Refusal::NoRoom),
            Shutdown::WantsWrite => {
                side.write_lock = Lock::Taken;
                side.shutdown = Shutdown::Marks(Half::of(Item::Marker).collect());
            }
            Shutdown::Marks(halves) => {
                let half = halves[0];
                match self.tcp.write(end, half, &kernel) {
                    Wrote::Full => return Err(Refusal::NoRoom),
                    Wrote::Taken => {
                        outputs.push(Output::Handed(end, half));
                        halves.remove(0);
                        if halves.is_empty() {
                            side.shutdown = Shutdown::Marked;
                        }
                    }
                    Wrote::Gone => self.close_wire(end, outputs),
                }
            }
            Shutdown::Marked => {
                side.shutdown = Shutdown::WantsRead;
                self.tcp.shut_write(end);
            }
            Shutdown::WantsRead if side.read_lock == Lock::Taken => return Err(Refusal::NoRoom),
            Shutdown::WantsRead => {
                side.read_lock = Lock::Taken;
                side.shutdown = Shutdown::Drains;
            }
        }
        Ok(())
    }

    /// S7 and S8.
    pub(super) fn drain(&mut self, end: End, outputs: &mut Outputs) -> Step {
        if self.side(end).shutdown != Shutdown::Drains {
            return Err(Refusal::NotNow);
        }
        match self.tcp.read(end) {
            Got::Nothing => return Err(Refusal::Nothing),
            Got::Half(_) => outputs.push(Output::Discarded(end)),
            Got::Reset | Got::End => self.close_wire(end, outputs),
        }
        Ok(())
    }

    /// The deadline has passed: whatever is blocked fails, and what comes after it in the shutdown too.
    pub(super) fn expire(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let now = self.now;
        let side = self.side(end);
        let is_late = side.deadline.is_some_and(|deadline| now.is_some_and(|now| deadline <= now));
        if !is_late || matches!(side.shutdown, Shutdown::Open | Shutdown::Done) {
            return Err(Refusal::NotNow);
        }
        if matches!(side.writer, Writer::Writes(_)) {
            side.release_writer();
            outputs.push(Output::WriteFailed(end));
        }
        if side.reader == Reader::Reads {
            side.interrupted(end, Ending::Deadline, outputs);
        }
        self.close_wire(end, outputs);
        Ok(())
    }

    /// S8 and S9, and `hardclose`: the error of the close is all that is returned.
    fn close_wire(&mut self, end: End, outputs: &mut Outputs) {
        let kernel = self.kernel;
        let side = self.side(end);
        side.shutdown = Shutdown::Done;
        side.write_lock = Lock::Free;
        side.read_lock = Lock::Free;
        if side.reader == Reader::Reads {
            side.interrupted(end, Ending::ShutDown, outputs);
        }
        side.got.clear();
        outputs.push(Output::Over(end, Outcome::Clean));
        self.tcp.close(end, &kernel, outputs);
    }
}
