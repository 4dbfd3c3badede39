//! The steps and the state in the words of frameconn.

use handfast_spec::framed::{Action, End, Ending, Half, Outcome, Output};

use super::machine::{Lock, Reader, Shutdown, Side, Writer, Zrepl};

impl Zrepl {
    /// What a step is in frameconn, given the state before it.
    pub(super) fn say(&self, action: &Action) -> String {
        let side = |end: End| &self.sides[end.index()];
        match *action {
            Action::Write { end, .. } => format!("{end} WriteFrame: IsShuttingDown() is false"),
            Action::Send { end } => match &side(end).writer {
                Writer::Idle | Writer::Waits(_) => format!("{end} WriteFrame: writeMtx.Lock()"),
                Writer::Writes(halves) => format!("{end} WriteFrame: writes {}", first(halves)),
            },
            Action::DropWrite { end } => format!("{end} WriteFrame: i/o timeout, writeMtx.Unlock()"),
            Action::Read { end } => format!("{end} ReadFrame{}", read(side(end))),
            Action::Abandon { end } => format!("{end} process is killed"),
            Action::Shutdown { end, by } => format!("{end} Shutdown: Begin(), SetDeadline({by})"),
            Action::Finish { end } => match &side(end).shutdown {
                Shutdown::Open | Shutdown::WantsWrite => format!("{end} Shutdown: writeMtx.Lock()"),
                Shutdown::Marks(halves) => format!("{end} Shutdown: writes {}", first(halves)),
                Shutdown::Marked => format!("{end} Shutdown: CloseWrite()"),
                Shutdown::WantsRead | Shutdown::Drains | Shutdown::Done => format!("{end} Shutdown: readMtx.Lock()"),
            },
            Action::ReadAhead { end } => format!("{end} Shutdown: io.Copy(ioutil.Discard, conn)"),
            Action::Expire { end } => format!("{end} deadline passes: i/o timeout"),
            Action::Carry { from } => format!("network carries what {from} sent"),
            // No original has these.
            Action::Forge { .. }
            | Action::DropRead { .. }
            | Action::Leave { .. }
            | Action::Confirm { .. }
            | Action::Close { .. }
            | Action::Pass { .. } => action.to_string(),
        }
    }

    /// What is returned or done, in frameconn's words.
    pub(super) fn say_output(output: &Output) -> String {
        match output {
            Output::Accepted(end, frame) => format!("{end}: WriteFrame returns nil: {frame} is written"),
            Output::WriteFailed(end) => format!("{end}: the write returns an error"),
            Output::Took(end, half) => format!("{end}: read returns {half}"),
            Output::Discarded(end) => format!("{end}: io.Copy has discarded bytes"),
            Output::Delivered(end, given) => format!("{end}: ReadFrame returns {given}"),
            Output::Ended(end, ending) => format!("{end}: ReadFrame returns {}", error(*ending)),
            Output::Begun(end, by) => format!("{end}: shutting down, deadline at {by}"),
            Output::Over(end, Outcome::Clean) => format!("{end}: Shutdown returns nil"),
            Output::Over(end, _) => format!("{end}: Shutdown returns an error"),
            Output::Closed(end) => format!("{end}: conn.Close()"),
            Output::Handed(..)
            | Output::Kept(..)
            | Output::Left(_)
            | Output::Abandoned(_)
            | Output::Answers(..)
            | Output::Arrived(_)
            | Output::Reset(_)
            | Output::Passed(_)
            | Output::Overcommitted(_)
            | Output::Panicked(_) => output.to_string(),
        }
    }

    /// One end in words.
    pub(super) fn describe(&self, end: End) -> String {
        let side = &self.sides[end.index()];
        let Side { accepted, begun, write_lock, read_lock, next, got, shutdown, .. } = side;
        let mut words = format!("{end}: {accepted} of {} frames written", self.frames[end.index()]);
        let mut add = |is: bool, what: &str| words.push_str(if is { what } else { "" });
        add(*begun, "; shutting down");
        add(*write_lock == Lock::Taken, "; writeMtx locked");
        add(*read_lock == Lock::Taken, "; readMtx locked");
        add(*shutdown == Shutdown::Done, "; Shutdown has returned");
        add(side.reader == Reader::Reported, "; no more ReadFrame");
        add(side.next_error.is_some(), "; nextReadErr is set");
        add(self.tcp.is_closed(end), "; closed");
        words.extend(next.map(|item| format!("; readNextValid: {item}")));
        words.extend((!got.is_empty()).then(|| format!("; {} pieces read", got.len())));
        words
    }

    /// What an end waits for.
    pub(super) fn waits_of(&self, end: End) -> Vec<String> {
        let side = &self.sides[end.index()];
        let refuses = |action| self.refuses(&action);
        let mut waits = Vec::new();
        let mut add = |is: bool, what: &str| waits.extend(is.then(|| format!("{end}: {what}")));
        match side.writer {
            Writer::Idle => {}
            Writer::Waits(_) => add(side.write_lock == Lock::Taken, "WriteFrame waits for writeMtx"),
            Writer::Writes(_) => {
                add(refuses(Action::Send { end }), "WriteFrame holds writeMtx and waits for room in the send queue");
            }
        }
        match side.reader {
            Reader::Calls | Reader::Reported => {}
            Reader::Waits => add(side.read_lock == Lock::Taken, "ReadFrame waits for readMtx"),
            Reader::Reads => add(refuses(Action::Read { end }), "ReadFrame holds readMtx and waits for bytes"),
        }
        match side.shutdown {
            Shutdown::Open | Shutdown::Done | Shutdown::Marked => {}
            Shutdown::WantsWrite => add(side.write_lock == Lock::Taken, "Shutdown waits for writeMtx"),
            Shutdown::Marks(_) => add(refuses(Action::Finish { end }), "Shutdown waits for room in the send queue"),
            Shutdown::WantsRead => add(side.read_lock == Lock::Taken, "Shutdown waits for readMtx"),
            Shutdown::Drains => add(refuses(Action::ReadAhead { end }), "io.Copy waits for bytes or their end"),
        }
        waits
    }
}

/// The next step of `ReadFrame`.
fn read(side: &Side) -> &'static str {
    match side.reader {
        Reader::Calls if side.begun => ": IsShuttingDown() is true",
        Reader::Calls => ": IsShuttingDown() is false",
        Reader::Waits => ": readMtx.Lock()",
        Reader::Reads if side.next_error.is_some() => ": returns nextReadErr",
        Reader::Reads if side.next.is_some() => ": readNextValid, reads on with readv",
        Reader::Reads => ": reads a header",
        Reader::Reported => "",
    }
}

fn first(halves: &[Half]) -> String {
    halves.first().map_or("nothing".to_owned(), ToString::to_string)
}

/// The error that Go returns.
fn error(ending: Ending) -> &'static str {
    match ending {
        Ending::Marker => "io.EOF: the shutdown frame has come",
        Ending::WithoutMarker => "io.EOF, without the shutdown frame",
        Ending::Truncated => "io.ErrUnexpectedEOF",
        Ending::Reset => "connection reset by peer",
        Ending::Violation => "an error",
        Ending::Deadline => "i/o timeout",
        Ending::ShutDown => "ErrShutdown",
    }
}
