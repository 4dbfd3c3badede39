//! `ReadFrame`, step by step.

use handfast_spec::framed::{End, Ending, Given, Half, Item, Moment, Outcome, Output, Part, Refusal, Shape};

use super::super::tcp::{Got, Wrote};
use super::machine::{Lock, Outputs, Reader, Shutdown, Side, Step, Writer, Zrepl};

impl Zrepl {
    pub(super) fn read(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let side = &mut self.sides[end.index()];
        match side.reader {
            Reader::Reported => Err(Refusal::Ended),
            // R0.
            Reader::Calls if side.begun => {
                side.fail(end, Ending::ShutDown, outputs);
                Ok(())
            }
            Reader::Calls => {
                side.reader = Reader::Waits;
                Ok(())
            }
            // R1, and no second look whether a shutdown has begun.
            Reader::Waits if side.read_lock == Lock::Taken => Err(Refusal::NoRoom),
            Reader::Waits if self.tcp.is_closed(end) => {
                side.fail(end, Ending::ShutDown, outputs);
                Ok(())
            }
            Reader::Waits => {
                side.read_lock = Lock::Taken;
                side.reader = Reader::Reads;
                Ok(())
            }
            Reader::Reads => self.read_frame(end, outputs),
        }
    }

    fn read_frame(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let side = &mut self.sides[end.index()];
        // R2.
        if let Some(error) = side.next_error.take() {
            side.fail(end, error, outputs);
            return Ok(());
        }
        // R5 and R7: an item without a payload is returned without a look at what follows.
        if let Some(item) = side.next.filter(|item| !has_payload(*item)) {
            side.next = None;
            side.give(end, item, outputs);
            return Ok(());
        }
        let error = match self.tcp.read(end) {
            Got::Nothing => return Err(Refusal::Nothing),
            Got::Half(half) => {
                outputs.push(Output::Took(end, half));
                side.got.push(half);
                side.advance(end, outputs);
                return Ok(());
            }
            Got::Reset => Ending::Reset,
            Got::End => side.end_of_file(),
        };
        side.interrupted(end, error, outputs);
        Ok(())
    }
}

impl Side {
    /// R3 and R6, as far as the halves reach.
    fn advance(&mut self, end: End, outputs: &mut Outputs) {
        match (self.next, self.got.len()) {
            (None, 2) => {
                let header = header(&self.got);
                self.got.clear();
                match header {
                    Some(item) => self.next = Some(item),
                    None => self.give_garbled(end, outputs),
                }
            }
            (Some(item), 4) => {
                let next = header(&self.got[2..]);
                let is_whole = is_payload_of(item, &self.got[..2]);
                self.got.clear();
                self.next = next;
                if is_whole {
                    self.give(end, item, outputs);
                } else {
                    self.give_garbled(end, outputs);
                }
            }
            (None | Some(_), _) => {}
        }
    }

    /// An error in the middle: R3 forgets the bytes, R6 gives the frame if exactly its payload was read.
    pub(super) fn interrupted(&mut self, end: End, error: Ending, outputs: &mut Outputs) {
        match self.next {
            Some(item) if self.got.len() == 2 => {
                let is_whole = is_payload_of(item, &self.got);
                self.got.clear();
                self.next = None;
                self.next_error = Some(error);
                if is_whole {
                    self.give(end, item, outputs);
                } else {
                    self.give_garbled(end, outputs);
                }
            }
            Some(_) | None => {
                self.got.clear();
                self.fail(end, error, outputs);
            }
        }
    }

    /// `ReadFull` tells the end of the stream within a header apart; `ReadvFull` says `io.EOF` wherever it is.
    fn end_of_file(&self) -> Ending {
        match (self.next, self.got.is_empty()) {
            (None, false) => Ending::Truncated,
            (None, true) | (Some(_), _) => Ending::WithoutMarker,
        }
    }

    fn give(&mut self, end: End, item: Item, outputs: &mut Outputs) {
        match item {
            Item::Frame(frame, _) => {
                outputs.push(Output::Delivered(end, Given::Frame(frame)));
                self.release_reader();
            }
            Item::Marker => {
                self.begun = true;
                self.fail(end, Ending::Marker, outputs);
            }
            // Nothing is forged here; every type but the marker's is given.
            Item::Forged(_) => {
                outputs.push(Output::Delivered(end, Given::Reserved));
                self.release_reader();
            }
        }
    }

    fn give_garbled(&mut self, end: End, outputs: &mut Outputs) {
        outputs.push(Output::Delivered(end, Given::Garbled));
        self.release_reader();
    }

    fn release_reader(&mut self) {
        self.reader = Reader::Calls;
        self.read_lock = Lock::Free;
    }

    pub(super) fn fail(&mut self, end: End, ending: Ending, outputs: &mut Outputs) {
        if self.reader == Reader::Reads {
            self.read_lock = Lock::Free;
        }
        self.reader = Reader::Reported;
        self.next = None;
        outputs.push(Output::Ended(end, ending));
    }
}

fn has_payload(item: Item) -> bool {
    matches!(item, Item::Frame(_, Shape::Full))
}

fn header(halves: &[Half]) -> Option<Item> {
    let [head, rest] = halves else { return None };
    let is_header = (head.part, rest.part) == (Part::Head, Part::HeadRest) && head.item == rest.item;
    is_header.then_some(head.item)
}

fn is_payload_of(item: Item, halves: &[Half]) -> bool {
    halves.iter().all(|half| half.item == item) && halves.iter().map(|half| half.part).eq([Part::Body, Part::BodyRest])
}

/// `Shutdown`, step by step.
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
