//! One end as its application has it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use handfast::framed as product;
use handfast_spec::framed::{Action, End, Ending, FrameId, Moment, Output, Refusal, Shape};
use model::framed::handfast::Config;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::framed::convert::{HALF, MAX_FRAME, ending, frame, given, outcome};
use crate::framed::wire::{Call, Caller, Socket, Wire};
use crate::paused::{Clocks, Task};

type Reader = product::Reader<Socket>;
type Writer = product::Writer<Socket>;
type Step = Result<(), Refusal>;
type Read = Result<Option<product::Frame>, product::Error>;

/// Longer than any acknowledgement is waited for.
const UNTIL_SOON: Duration = Duration::from_secs(10_000);

/// How long after the beginning a moment is.
fn after(moment: Moment) -> Duration {
    match moment {
        Moment::Soon => UNTIL_SOON,
        Moment::Late => 2 * UNTIL_SOON,
    }
}

type Boxed<T> = Task<Pin<Box<dyn Future<Output = T>>>>;

fn boxed<T>(future: impl Future<Output = T> + 'static) -> Boxed<T> {
    Task::new(Box::pin(future))
}

/// One end.
pub(super) struct Driver {
    pub(super) reader: Option<Arc<Mutex<Reader>>>,
    writer: Arc<Mutex<Writer>>,
    pub(super) closer: product::Closer<Socket>,
    reading: Option<Boxed<Read>>,
    writing: Option<Boxed<Result<(), product::Error>>>,
    shutdowns: Vec<Boxed<product::Outcome>>,
    accepted: u32,
    forged: bool,
    pub(super) has_ended: bool,
    pub(super) until: Option<Moment>,
    /// Until when it answers the peer's marker, if it does.
    answer: Option<Moment>,
    /// When it began to do so, by its clock.
    answers_since: Option<Instant>,
    /// Its timers have fired, so that its reader takes nothing more from the kernel.
    expired: bool,
    /// When it was made, by its clock.
    epoch: Instant,
}

/// Where something happens, and what the application is told of it.
pub(super) struct At<'w> {
    pub(super) end: End,
    pub(super) wire: &'w Wire,
    pub(super) outputs: Vec<Output>,
}

impl Driver {
    pub(super) fn new(socket: Socket, end: End, config: &Config, epoch: Instant) -> Self {
        let answer = config.answer[end.index()];
        let drain = product::Drain::default()
            .with_keep(usize::from(config.keep) * HALF)
            .with_discard(u64::from(config.discard) * HALF as u64)
            .with_linger(Duration::ZERO);
        // One frame at a time, as in the model.
        let config = product::Config::default()
            .with_max_frame(MAX_FRAME)
            .with_write_buffer(1)
            .with_drain(drain)
            .with_answer(answer.map(after));
        let (reader, writer) = product::Connection::new(socket, config).into_split();
        Self {
            closer: writer.closer(),
            reader: Some(Arc::new(Mutex::new(reader))),
            writer: Arc::new(Mutex::new(writer)),
            reading: None,
            writing: None,
            shutdowns: Vec::new(),
            accepted: 0,
            forged: false,
            has_ended: false,
            until: None,
            answer,
            answers_since: None,
            expired: false,
            epoch,
        }
    }

    fn moment(&self, moment: Moment) -> Instant {
        self.answers_since.unwrap_or(self.epoch) + after(moment)
    }

    /// The answer is a shutdown that the reader has begun and that another call can join. One does so where it is that
    /// call's turn.
    fn join_answer(&mut self) {
        if let (Some(by), Some(_), true) = (self.until, self.answers_since, self.shutdowns.is_empty()) {
            let (closer, deadline) = (self.closer.clone(), self.moment(by));
            self.shutdowns.push(boxed(async move { closer.shutdown(super::deadline(deadline)).await }));
        }
    }

    pub(super) fn expire(&mut self, end: End, wire: &Wire, clocks: &Clocks, now: Option<Moment>) -> Step {
        let Some(until) = self.until.filter(|until| now >= Some(*until)) else { return Err(Refusal::NotNow) };
        let is_over = self.closer.outcome().is_some();
        if is_over && (self.expired || self.has_ended || self.reader.is_none()) {
            return Err(Refusal::Over);
        }
        let left = self.moment(until).saturating_duration_since(clocks.now(end));
        clocks.advance(end, left);
        self.expired = true;
        self.join_answer();
        if !is_over {
            wire.grant(end, Call::Expire { asked: false });
        }
        Ok(())
    }

    /// What the application, or the kernel, does.
    pub(super) fn call(&mut self, at: &mut At<'_>, action: Action, most: u32) -> Step {
        let end = at.end;
        match action {
            Action::Write { shape, .. } => return self.write(at, shape, most),
            Action::Forge { forgery, .. } => {
                if self.until.is_some() || self.forged || self.queued()? > 0 {
                    return Err(Refusal::NotNow);
                }
                self.forged = true;
                at.wire.forge(end, forgery);
            }
            Action::DropWrite { .. } => {
                if self.until.is_some() || (self.writing.take().is_none() && self.queued()? == 0) {
                    return Err(Refusal::Nothing);
                }
            }
            Action::Send { .. } if at.wire.has_forged(end) => {
                return if at.wire.send_forged(end) { Ok(()) } else { Err(Refusal::NoRoom) };
            }
            Action::Send { .. } => {
                self.join_answer();
                if self.writing.is_none() && self.shutdowns.is_empty() {
                    let writer = Arc::clone(&self.writer);
                    self.writing = Some(boxed(async move { writer.lock().await.flush().await }));
                }
                at.wire.grant(end, Call::Write);
            }
            Action::Read { .. } if self.answers_since.is_some() && !self.has_ended => {
                self.join_answer();
                self.read()?;
                at.wire.grant(end, if at.wire.has_handed_marker(end) { Call::Finish } else { Call::Write });
            }
            Action::Read { .. } => {
                if self.has_ended {
                    return Err(Refusal::Ended);
                }
                self.read()?;
                if !self.expired {
                    at.wire.grant(end, Call::Read { ahead: false });
                }
            }
            Action::DropRead { .. } => self.reading = None,
            Action::Leave { .. } => {
                if self.has_ended || self.reader.is_none() {
                    return Err(Refusal::Gone);
                }
                (self.reading, self.reader) = (None, None);
                at.outputs.push(Output::Left(end));
            }
            Action::Shutdown { by, .. } => self.shut_down(at, by)?,
            Action::ReadAhead { .. } => self.drive(at, Call::Read { ahead: true }),
            Action::Finish { .. } => self.drive(at, Call::Finish),
            Action::Confirm { .. } => self.drive(at, Call::Confirm),
            Action::Expire { .. } => {}
            Action::Abandon { .. } | Action::Close { .. } | Action::Carry { .. } | Action::Pass { .. } => {
                unreachable!("that is no step of a driver")
            }
        }
        Ok(())
    }

    fn drive(&mut self, at: &At<'_>, call: Call) {
        self.join_answer();
        at.wire.grant(at.end, call);
    }

    fn read(&mut self) -> Step {
        let reader = Arc::clone(self.reader.as_ref().ok_or(Refusal::Gone)?);
        self.reading.get_or_insert_with(|| boxed(async move { reader.lock().await.read().await }));
        Ok(())
    }

    fn queued(&self) -> Result<usize, Refusal> {
        self.writer.try_lock().map(|writer| writer.queued()).map_err(|_| Refusal::NoRoom)
    }

    fn write(&mut self, at: &mut At<'_>, shape: Shape, most: u32) -> Step {
        if self.writing.is_some() || self.queued()? > 0 || self.forged {
            return Err(Refusal::NoRoom);
        }
        if self.accepted >= most {
            return Err(Refusal::NoMore);
        }
        let number = FrameId(self.accepted);
        let (fed, writer) = (Arc::new(std::sync::OnceLock::new()), Arc::clone(&self.writer));
        let mut writing = {
            let fed = Arc::clone(&fed);
            boxed(async move {
                let mut writer = writer.lock().await;
                let accepted = writer.feed(frame(number, shape)).await;
                fed.set(accepted.clone()).expect("it is fed once");
                accepted?;
                writer.flush().await
            })
        };
        at.wire.called_by(Caller::Writer);
        let over = writing.go_on();
        match fed.get() {
            Some(Ok(())) => {
                self.writing = over.is_none().then_some(writing);
                self.accepted += 1;
                at.outputs.push(Output::Accepted(at.end, number));
                Ok(())
            }
            Some(Err(_)) if self.until.is_some() => Err(Refusal::ShutDown),
            Some(Err(_)) => Err(Refusal::Broken),
            None => Err(Refusal::NoRoom),
        }
    }

    fn shut_down(&mut self, at: &mut At<'_>, by: Moment) -> Step {
        let is_news = self.until.is_none_or(|until| by < until);
        let (closer, deadline) = (self.closer.clone(), self.moment(by));
        self.shutdowns.push(boxed(async move { closer.shutdown(super::deadline(deadline)).await }));
        if !is_news {
            return Err(if self.closer.outcome().is_some() { Refusal::Over } else { Refusal::Joined });
        }
        self.until = Some(by);
        at.outputs.push(Output::Begun(at.end, by));
        Ok(())
    }

    /// Lets every task go on that was woken; the reader only at its turn.
    pub(super) fn settle(&mut self, at: &mut At<'_>, reads: bool) {
        let end = at.end;
        // A reader that hands over the answer may end the shutdown.
        let known = self.closer.outcome();
        let read = match self.reading.as_mut().filter(|_| reads) {
            Some(reading) => {
                at.wire.called_by(Caller::Reader);
                reading.go_on()
            }
            None => None,
        };
        if let (Some(by), None) = (self.answer, self.until)
            && at.wire.took_marker(end)
        {
            (self.until, self.answers_since) = (Some(by), Some(Instant::now()));
            at.outputs.push(Output::Answers(end, by));
        }
        if let Some(read) = &read {
            self.reading = None;
            self.has_ended = !matches!(read, Ok(Some(_)));
        }
        if let Some(writing) = &mut self.writing {
            at.wire.called_by(Caller::Writer);
            if writing.go_on().is_some() {
                self.writing = None;
            }
        }
        let keeps = self.reader.is_some() && !self.has_ended;
        at.wire.called_by(Caller::Shutdown { keeps });
        let mut told = Vec::new();
        self.shutdowns.retain_mut(|shutdown| match shutdown.go_on() {
            Some(outcome) => {
                told.push(outcome);
                false
            }
            None => true,
        });
        for told in told {
            // FRM-7: all callers are told the same.
            assert_eq!(Some(told), self.closer.outcome(), "callers of one shutdown were told two outcomes");
        }
        at.outputs
            .extend(self.closer.outcome().filter(|_| known.is_none()).map(|told| Output::Over(end, outcome(told))));
        match read {
            Some(Ok(Some(frame))) => at.outputs.push(Output::Delivered(end, given(&frame).0)),
            Some(Ok(None)) => at.outputs.push(Output::Ended(end, Ending::Marker)),
            Some(Err(error)) => at.outputs.push(Output::Ended(end, ending(&error))),
            None => {}
        }
    }
}
