//! The original as a machine of the protocol.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use handfast_spec::framed::{Action, End, Ending, FrameId, Framed, Given, Moment, Outcome, Output, Refusal, Shape};
use handfast_spec::{Machine, Observation};
use model::framed::Kernel;

use super::connection::{Connection, FakeOs, NotWritten};

type Call<T> = Pin<Box<dyn Future<Output = T>>>;

/// Two ends of the original, and the kernels between them.
pub struct Historical {
    os: FakeOs,
    ends: [Side; 2],
    now: Option<Moment>,
    frames: [u32; 2],
}

struct Side {
    connection: Option<Arc<Connection>>,
    reading: Option<Call<Result<Given, Ending>>>,
    writing: Option<Call<Result<(), NotWritten>>>,
    shutdown: Option<Call<bool>>,
    accepted: u32,
    /// Its reader was told of the end: the layer above takes any error for the last.
    has_ended: bool,
    deadline: Option<Moment>,
    outputs: Vec<Output>,
}

impl Historical {
    /// A connection that has just been established, on which each application writes so many frames at most.
    pub fn new(kernel: Kernel, frames: [u32; 2]) -> Self {
        let os = FakeOs::new(kernel);
        let ends = End::BOTH.map(|end| Side::new(Connection::new(end, os.clone())));
        Self { os, ends, now: None, frames }
    }

    fn take(&mut self, action: Action) -> Result<(), Refusal> {
        match action {
            Action::Carry { from } => self.os.carry(from),
            Action::Pass { moment } if self.now.is_none_or(|now| now < moment) => {
                self.now = Some(moment);
                self.os.tell(Output::Passed(moment));
                Ok(())
            }
            Action::Write { end, shape } => self.write(end, shape),
            Action::Send { end } | Action::Read { end } | Action::Finish { end } | Action::ReadAhead { end } => {
                self.os.give(Some(action));
                self.go_on(end, action);
                if self.os.give(None) { Ok(()) } else { Err(Refusal::NotNow) }
            }
            Action::DropWrite { end } => self.time_out_write(end),
            Action::Shutdown { end, by } => self.shut_down(end, by),
            Action::Expire { end } => self.expire(end),
            Action::Abandon { end } => self.abandon(end),
            Action::Pass { .. }
            | Action::Forge { .. }
            | Action::DropRead { .. }
            | Action::Leave { .. }
            | Action::Confirm { .. }
            | Action::Close { .. } => Err(Refusal::NotNow),
        }
    }

    fn write(&mut self, end: End, shape: Shape) -> Result<(), Refusal> {
        let most = self.frames[end.index()];
        let side = &mut self.ends[end.index()];
        let Some(connection) = side.connection.clone() else { return Err(Refusal::ShutDown) };
        if side.writing.is_some() {
            return Err(Refusal::NoRoom);
        }
        if side.accepted >= most {
            return Err(Refusal::NoMore);
        }
        let number = FrameId(side.accepted);
        let mut call: Call<_> = Box::pin(async move { connection.write_frame(number, shape).await });
        if poll(&mut call) == Some(Err(NotWritten::ShutDown)) {
            return Err(Refusal::ShutDown);
        }
        side.writing = Some(call);
        Ok(())
    }

    /// The idle timeout of a write that makes no progress.
    fn time_out_write(&mut self, end: End) -> Result<(), Refusal> {
        let side = &mut self.ends[end.index()];
        if side.deadline.is_some() {
            return Err(Refusal::Nothing);
        }
        self.os.set_stalled(end, true);
        side.poll_writer(end);
        self.os.set_stalled(end, false);
        if side.outputs.is_empty() { Err(Refusal::Nothing) } else { Ok(()) }
    }

    fn shut_down(&mut self, end: End, by: Moment) -> Result<(), Refusal> {
        let side = &mut self.ends[end.index()];
        let Some(connection) = side.connection.clone() else { return Err(Refusal::Closed) };
        let mut call: Call<_> = Box::pin(async move { connection.shutdown().await });
        if side.deadline.is_some() && side.shutdown.is_none() {
            // M27.
            if poll(&mut call) == Some(false) {
                side.outputs.push(Output::Over(end, Outcome::Failed));
            }
            return Ok(());
        }
        if side.deadline == Some(by) {
            return Err(Refusal::Joined);
        }
        if side.shutdown.is_none() {
            assert_eq!(poll(&mut call), None, "it waits for its locks");
            side.shutdown = Some(call);
        }
        // M15: the deadline is set by the last call, which then waits behind the first one.
        side.deadline = Some(by);
        side.outputs.push(Output::Begun(end, by));
        Ok(())
    }

    fn expire(&mut self, end: End) -> Result<(), Refusal> {
        let side = &self.ends[end.index()];
        if side.shutdown.is_none() || side.deadline.is_none_or(|deadline| self.now < Some(deadline)) {
            return Err(Refusal::NotNow);
        }
        self.os.set_late(end);
        let side = &mut self.ends[end.index()];
        side.poll_writer(end);
        side.poll_reader(end);
        side.poll_shutdown(end);
        Ok(())
    }

    /// The process is gone.
    fn abandon(&mut self, end: End) -> Result<(), Refusal> {
        let side = &mut self.ends[end.index()];
        let begun = side.deadline.is_some() || side.has_seen_marker();
        if begun || side.connection.is_none() || self.os.is_closed(end) {
            return Err(Refusal::NotNow);
        }
        (side.reading, side.writing, side.connection) = (None, None, None);
        side.has_ended = true;
        side.outputs.push(Output::Abandoned(end));
        self.os.close(end);
        Ok(())
    }

    /// Polls the calls that may take this step.
    fn go_on(&mut self, end: End, action: Action) {
        let side = &mut self.ends[end.index()];
        match action {
            Action::Send { .. } => side.poll_writer(end),
            Action::Read { .. } => side.poll_reader(end),
            _ => side.poll_shutdown(end),
        }
        if self.os.is_closed(end) && side.deadline.is_some() && !matches!(action, Action::Read { .. }) {
            // A close interrupts calls of the socket.
            side.poll_reader(end);
        }
    }
}

impl Side {
    fn new(connection: Connection) -> Self {
        Self {
            connection: Some(Arc::new(connection)),
            reading: None,
            writing: None,
            shutdown: None,
            accepted: 0,
            has_ended: false,
            deadline: None,
            outputs: Vec::new(),
        }
    }

    fn has_seen_marker(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.has_begun())
    }

    fn poll_writer(&mut self, end: End) {
        let Some(written) = self.writing.as_mut().and_then(poll) else { return };
        self.writing = None;
        match written {
            Ok(()) => {
                self.outputs.push(Output::Accepted(end, FrameId(self.accepted)));
                self.accepted += 1;
            }
            Err(NotWritten::ShutDown | NotWritten::Socket) => self.outputs.push(Output::WriteFailed(end)),
        }
    }

    fn poll_reader(&mut self, end: End) {
        let (false, Some(connection)) = (self.has_ended, &self.connection) else { return };
        let connection = Arc::clone(connection);
        let call = self.reading.get_or_insert_with(|| Box::pin(async move { connection.read_frame().await }));
        let Some(read) = poll(call) else { return };
        self.reading = None;
        match read {
            Ok(given) => self.outputs.push(Output::Delivered(end, given)),
            Err(ending) => {
                self.has_ended = true;
                self.outputs.push(Output::Ended(end, ending));
            }
        }
    }

    fn poll_shutdown(&mut self, end: End) {
        let Some(over) = self.shutdown.as_mut().and_then(poll) else { return };
        self.shutdown = None;
        // No error is all that the caller is told.
        self.outputs.push(Output::Over(end, if over { Outcome::Clean } else { Outcome::Failed }));
    }
}

/// What a call has come to. Turns are given by the test, so that no call needs to be woken.
fn poll<T>(call: &mut Call<T>) -> Option<T> {
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(over) => Some(over),
        Poll::Pending => None,
    }
}

/// Of what is told in one step, the order in which the model says it.
fn order(output: &Output) -> u8 {
    match output {
        Output::Handed(..)
        | Output::Took(..)
        | Output::Kept(..)
        | Output::Answers(..)
        | Output::Discarded(_)
        | Output::Arrived(_)
        | Output::Left(_)
        | Output::Abandoned(_)
        | Output::Begun(..)
        | Output::Passed(_)
        | Output::Overcommitted(_)
        | Output::Panicked(_) => 0,
        Output::WriteFailed(_) => 1,
        Output::Accepted(..) | Output::Delivered(..) | Output::Ended(..) => 2,
        Output::Over(..) => 3,
        Output::Closed(_) => 4,
        Output::Reset(_) => 5,
    }
}

impl Machine for Historical {
    type Protocol = Framed;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let taken = self.take(*action);
        let mut outputs = self.os.told();
        self.ends.iter_mut().for_each(|side| outputs.append(&mut side.outputs));
        outputs.sort_by_key(order);
        taken.map(|()| outputs).into()
    }
}
