//! What is checked of an end: each answer when it is given, the bytes, and how long a call waits.

use std::time::Duration;

use handfast::framed::{Error, Frame, Outcome};
use tokio::time::Instant;

use super::end::{Endpoint, Known, Offered};
use super::wire::{Item, payload};
use crate::simulate::oracle::{DEADLINE, TRUTH};

/// Longer than any call is held back by a transport.
const HELD: Duration = Duration::from_millis(60);

impl Endpoint {
    /// Compares what a reader was told with the bytes that it was given.
    pub(super) fn check_read(&self, peer: &Self, read: Result<Option<Frame>, Error>) {
        let from = peer.end;
        self.link.look(|state| peer.known.borrow_mut().sent.follow(&state.from(from).bytes));
        let read_bytes = self.link.look(|state| state.from(from).read);
        let mut known = self.known.borrow_mut();
        let next = peer.known.borrow().sent.item_behind(known.given).filter(|(end, _)| *end <= read_bytes);
        let whole = peer.known.borrow().sent.frames_within(read_bytes);
        if let Some(before) = &known.ending {
            let same = match (before, &read) {
                (Ok(()), Ok(None)) => true,
                (Err(before), Err(now)) => before == now,
                _ => false, // one of them is an end in order or a frame, and the other one is not
            };
            return self.oracle.holds(same, "FRM-7", || format!("{:?} was told {before:?}, then {read:?}", self.end));
        }
        match &read {
            Ok(Some(frame)) => {
                self.oracle.saw("a frame is given");
                known.given += 1;
                return self.check_frame(&known, peer, next, frame);
            }
            Ok(None) => {
                self.oracle.saw("a marker is told");
                let is_true = matches!(next, Some((_, Item::Marker)));
                self.oracle
                    .holds(is_true, "FRM-3", || format!("{:?} was told of a marker, next is {next:?}", self.end));
                if let Some(within) = self.config.answer {
                    let deadline = Instant::now() + within;
                    known.deadline.get_or_insert(deadline);
                }
            }
            Err(error) => {
                self.oracle.saw(name(error));
                self.check_reason(&mut known, error);
                self.check_end(&known, peer, error);
                let given = known.given;
                let gave_all = given >= whole;
                self.oracle.holds(gave_all, "FRM-4", || {
                    format!("{:?} was told {error:?} when {given} of {whole} whole frames were given", self.end)
                });
            }
        }
        known.ending = Some(read.map(drop));
        known.was_told_late = known.deadline.is_some_and(|deadline| deadline <= Instant::now());
        drop(known);
        self.note_left();
    }

    fn check_frame(&self, known: &Known, peer: &Self, next: Option<(usize, Item)>, frame: &Frame) {
        let Some((_, Item::Frame { kind, from, to })) = next else {
            let rule = if matches!(next, Some((_, Item::Violation))) { "FRM-8" } else { "FRM-4" };
            return self.oracle.broken(rule, format_args!("{:?} was given {frame:?}, next is {next:?}", self.end));
        };
        let is_whole =
            self.link.look(|state| frame.kind == kind && state.from(peer.end).bytes[from..to] == frame.payload[..]);
        let number = known.given;
        self.oracle.holds(is_whole, "FRM-4", || {
            format!("{:?} was given frame {number} of kind {}, which is not what was sent", self.end, frame.kind)
        });
    }

    /// The kind of end that a reader is told of.
    fn check_end(&self, known: &Known, peer: &Self, error: &Error) {
        let from = peer.end;
        let sent = &peer.known.borrow().sent;
        let rest = self.link.look(|state| {
            let read = state.from(from).read;
            let last = sent.items.iter().map(|(end, _)| *end).filter(|end| *end <= read).max().unwrap_or(0);
            read - last
        });
        let next = sent.item_behind(known.given).map(|(_, item)| item);
        let (is_true, rule) = match error {
            Error::EndedWithoutMarker => (rest == 0 && self.knows_of_end(), "FRM-3"),
            Error::Truncated { .. } => (rest > 0 && self.knows_of_end(), "FRM-3"),
            Error::Violation(_) => (next == Some(Item::Violation), "FRM-8"),
            Error::ShutDown | Error::FrameTooLong { .. } | Error::KindReserved { .. } => (false, TRUTH),
            _ => (true, TRUTH), // a reason that has nothing to do with the peer's bytes
        };
        self.oracle.holds(is_true, rule, || {
            format!("{:?} was told {error:?}, with {rest} bytes behind the last item, next is {next:?}", self.end)
        });
    }

    fn knows_of_end(&self) -> bool {
        self.link.look(|state| state.side(self.end).knows_of_end)
    }

    fn knows_of_reset(&self) -> bool {
        self.link.look(|state| state.side(self.end).knows_of_reset)
    }

    /// A reason why the connection has ended must have come.
    fn check_reason(&self, known: &mut Known, error: &Error) {
        known.was_unresponsive |= matches!(error, Error::Unresponsive { .. });
        let has_passed = self.has_passed(known);
        let is_over = known.outcome.is_some();
        let is_true = match error {
            Error::ShutDown => known.deadline.is_some() || self.config.answer.is_some(),
            Error::DeadlineExceeded => has_passed || is_over,
            Error::Transport(_) => self.knows_of_reset(),
            Error::Unresponsive { after } => self.idle().is_some_and(|(timeout, _)| timeout == *after),
            _ => true, // what the peer's bytes say is compared with the bytes
        };
        self.oracle.holds(is_true, TRUTH, || format!("{:?} was told {error:?}, which has not come", self.end));
    }

    /// Whether the deadline of a shutdown has passed. That of an answer to the peer's marker is not known.
    fn has_passed(&self, known: &Known) -> bool {
        self.config.answer.is_some() || known.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// What a call that writes says.
    pub(super) fn check_written(&self, written: Result<(), Error>, is_flushed: bool, length: Option<usize>) {
        self.check_wire();
        let mut known = self.known.borrow_mut();
        match &written {
            Ok(()) => self.oracle.saw("a call that writes is done"),
            Err(error) => {
                self.oracle.saw(name(error));
                self.check_reason(&mut known, error);
                let too_long = length.is_some_and(|length| length > self.config.max_frame as usize);
                let says_so = matches!(error, Error::FrameTooLong { .. });
                self.oracle.holds(!says_so || too_long, TRUTH, || format!("{length:?} bytes are {error:?}"));
            }
        }
        if written.is_ok() && is_flushed && !known.is_forged {
            let kept_back = self.link.look(|state| state.from(self.end).bytes.len() - state.from(self.end).flushed);
            let unwritten = known.offered[known.matched..].iter().filter(|offered| offered.is_certain).count();
            self.oracle.holds(kept_back == 0 && unwritten == 0, TRUTH, || {
                format!("{:?} was told that all is flushed: {kept_back} bytes and {unwritten} frames are not", self.end)
            });
        }
    }

    /// Compares the bytes that were sent with what was accepted.
    pub(super) fn check_wire(&self) {
        let known = &mut *self.known.borrow_mut();
        self.link.look(|state| {
            let bytes = &state.from(self.end).bytes;
            known.sent.follow(bytes);
            if known.is_forged {
                return;
            }
            let items: Vec<(usize, Item)> = known.sent.items[known.compared..].to_vec();
            known.compared = known.sent.items.len();
            for (_, item) in items {
                self.check_item(known, bytes, item);
            }
            let is_behind = known.sent.has_marker() && bytes.len() > known.sent.at;
            self.oracle.holds(!is_behind, "FRM-2", || format!("{:?} sent something behind its marker", self.end));
        });
    }

    fn check_item(&self, known: &mut Known, bytes: &[u8], item: Item) {
        match item {
            Item::Frame { kind, from, to } => {
                let left = &known.offered[known.matched..];
                let at = left.iter().position(|offered| offered.kind == kind || offered.is_certain);
                let expected = at.map(|at| left[at]).filter(|Offered { kind: of, .. }| *of == kind);
                known.matched += at.map_or(0, |at| at + 1);
                let is_it = expected.is_some_and(|Offered { length, .. }| bytes[from..to] == payload(kind, length)[..]);
                self.oracle.holds(is_it, "FRM-4", || {
                    format!("{:?} sent a frame of kind {kind}, and {expected:?} was accepted", self.end)
                });
            }
            Item::Heartbeat => self.oracle.saw("a heartbeat is sent"),
            Item::Marker => {
                let missing = known.offered[known.matched..].iter().filter(|offered| offered.is_certain).count();
                let has_begun = known.deadline.is_some() || self.config.answer.is_some();
                self.oracle.holds(missing == 0 && has_begun, "FRM-2", || {
                    format!("{:?} sent its marker in front of {missing} frames; shut down: {has_begun}", self.end)
                });
            }
            Item::Violation => self.oracle.broken("FRM-5", format_args!("{:?} sent what it may not", self.end)),
        }
    }

    /// What a shutdown is said to have come to.
    pub(super) fn check_outcome(&self, outcome: Outcome) {
        self.check_wire();
        let peer = self.end.peer();
        let mut known = self.known.borrow_mut();
        let has_passed = self.has_passed(&known);
        let is_true = self.link.look(|state| {
            let sent = state.from(self.end);
            let all_written = known.is_forged || known.sent.has_marker();
            match outcome {
                Outcome::Clean => state.tells() && all_written && (known.is_forged || sent.has_arrived()),
                Outcome::Unconfirmed { peer_ended: true } => all_written && state.side(self.end).knows_of_end,
                Outcome::Unconfirmed { peer_ended: false } => all_written && has_passed && !state.tells(),
                Outcome::Unacknowledged { bytes } => all_written && has_passed && bytes > 0 && state.tells(),
                Outcome::DeadlineExceeded { unwritten } => has_passed && (unwritten > 0 || sent.is_kept_back()),
                Outcome::PeerGone { .. } => state.side(self.end).knows_of_reset || known.was_unresponsive,
                _ => false, // an outcome that there was not when this was written
            }
        });
        // The first outcome stays, also when something of it has changed since.
        let is_true = is_true || known.outcome.is_some();
        self.oracle.holds(is_true, "FRM-6", || format!("{:?} was told {outcome:?}, which is not so", self.end));
        self.oracle.saw(outcome_name(outcome));
        let read = self.link.look(|state| state.from(peer).read);
        let (before, _) = *known.outcome.get_or_insert((outcome, read));
        self.oracle.holds(before == outcome, "FRM-7", || {
            format!("{:?}: a shutdown was {before:?} and is {outcome:?}", self.end)
        });
    }

    /// The clock has jumped: what waits is judged by what moves from now on. All that moved in the jump was seen at
    /// once, behind the timers that were due in it.
    pub(super) fn wait_anew(&self) {
        let mut known = self.known.borrow_mut();
        let now = Instant::now();
        known.reading_since = known.reading_since.map(|_| now);
        known.writing_since = known.writing_since.map(|_| now);
        known.heartbeats_since = known.heartbeats_since.map(|_| now);
        known.takes_since = None;
    }

    /// How long calls wait, and what is thrown away.
    pub(super) fn check_waits(&self, peer: &Self) {
        self.check_wire();
        peer.check_wire();
        let known = self.known.borrow();
        let (end, from) = (self.end, peer.end);
        if let Some((timeout, progress)) = self.idle() {
            let time = 2 * timeout;
            let since = |moment: Option<Instant>| moment.is_some_and(|moment| moment.elapsed() > time);
            let (taken, read, completed) = self.link.look(|state| {
                let (ours, theirs) = (state.from(end), state.from(from));
                let read = theirs.read_within(time);
                let completed = peer.known.borrow().sent.ends_between(theirs.read - read, theirs.read);
                (ours.taken_within(time), read, completed)
            });
            // Of two timeouts in which so little moved, one at the least had no progress at all.
            let is_dead = read < progress && !completed;
            self.oracle.holds(!(is_dead && since(known.reading_since)), DEADLINE, || {
                format!("{end:?} waits to read, with {read} bytes in {time:?} and {progress} for progress")
            });
            let is_stuck = is_dead && taken < progress;
            self.oracle.holds(!(is_stuck && since(known.writing_since)), DEADLINE, || {
                format!("{end:?} waits to write, with {taken} bytes taken in {time:?} and {progress} for progress")
            });
        }
        if let (Some(left_at), false) = (known.left_at, known.is_forged) {
            let read = self.link.look(|state| state.from(from).read);
            let (thrown, limit) = (read - left_at, self.drain_limit());
            self.oracle.holds(thrown <= limit, "FRM-10", || {
                format!("{end:?} threw {thrown} bytes away, and {limit} are allowed")
            });
        }
        drop(known);
        self.check_heartbeats();
    }

    /// A sign of life is sent in time, unless the transport does not take it.
    fn check_heartbeats(&self) {
        let mut known = self.known.borrow_mut();
        let takes = self.link.look(|state| state.takes_bytes(self.end));
        known.takes_since = takes.then(|| known.takes_since.unwrap_or_else(Instant::now));
        let (Some(interval), Some(since)) = (self.config.heartbeat, known.heartbeats_since) else { return };
        let time = interval + HELD;
        let is_quiet = self.link.look(|state| state.from(self.end).taken_within(time) == 0);
        let could = known.takes_since.is_some_and(|takes| takes.max(since).elapsed() > time);
        let fed = known.accepted_at.is_some_and(|then| then.elapsed() <= time);
        let is_late = is_quiet && could && !fed;
        self.oracle.holds(!is_late, DEADLINE, || format!("{:?} sent no sign of life for {time:?}", self.end));
    }
}

fn name(error: &Error) -> &'static str {
    match error {
        Error::ShutDown => "told: shut down",
        Error::DeadlineExceeded => "told: deadline exceeded",
        Error::Violation(_) => "told: violation",
        Error::Truncated { .. } => "told: truncated",
        Error::EndedWithoutMarker => "told: ended without marker",
        Error::Unresponsive { .. } => "told: unresponsive",
        Error::Transport(_) => "told: transport",
        _ => "told: another error", // of a call that was refused
    }
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Clean => "outcome: clean",
        Outcome::Unconfirmed { .. } => "outcome: unconfirmed",
        Outcome::Unacknowledged { .. } => "outcome: unacknowledged",
        Outcome::DeadlineExceeded { .. } => "outcome: deadline exceeded",
        Outcome::PeerGone { .. } => "outcome: peer gone",
        _ => "outcome: another one", // that there was not when this was written
    }
}
