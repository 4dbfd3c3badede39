//! The set of model states that can explain what an implementation showed.
//!
//! As of simultaneous open: what the tester does not see happens in every order, what it sees leaves the states that give
//! just that.

use std::collections::{BTreeSet, HashSet};

use handfast_spec::framed::{Ending, Item};
use model::checker::explain::Explains as _;

use super::Answer;
use super::message::{Frame, header};
use super::tested::{Closing, Tested};
use crate::remote::suite::Unexplained;
use crate::remote::tester::Judges;

/// The judge of one connection.
#[derive(Debug)]
pub(super) struct Judge {
    possible: Vec<Tested>,
    /// The frames that the tester has begun.
    frames: Vec<Frame>,
    /// Whether the tester is within a frame.
    is_partial: bool,
    /// Whether the implementation has ended its direction.
    has_ended: bool,
}

impl Judge {
    pub(super) fn new(answer: Answer) -> Self {
        let (frames, possible) = (Vec::new(), vec![Tested::start(answer)]);
        let mut judge = Self { possible, frames, is_partial: false, has_ended: false };
        judge.close_over();
        judge
    }

    /// How many frames the tester has begun.
    pub(super) fn frames(&self) -> usize {
        self.frames.len()
    }

    /// The tester begins an item.
    pub(super) fn begins(&mut self, item: Item, frame: Option<Frame>) {
        self.frames.extend(frame);
        self.possible.iter_mut().for_each(|one| one.begins(item));
        self.is_partial = true;
    }

    /// The tester has sent the next half of it, the last one or not.
    pub(super) fn sent(&mut self, is_last: bool) {
        self.possible.iter_mut().for_each(Tested::sent);
        self.is_partial = !is_last;
        self.close_over();
    }

    /// The tester has ended its direction.
    pub(super) fn finishes(&mut self) {
        self.possible.iter_mut().for_each(Tested::peer_ends);
        self.close_over();
    }

    fn close_over(&mut self) {
        let mut seen: HashSet<Tested> = self.possible.drain(..).collect();
        let mut open: Vec<Tested> = seen.iter().cloned().collect();
        while let Some(one) = open.pop() {
            for next in one.steps(&self.frames) {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        self.possible = seen.into_iter().collect();
    }

    /// Where the end that waits for the tester is.
    pub(super) fn place(&self) -> Option<&'static str> {
        let waits = self.possible.iter().find(|one| one.rests(&self.frames, self.has_ended));
        waits.map(|one| one.place(self.is_partial)).filter(|place| *place != "over")
    }
}

impl Judges for Judge {
    fn hears(&mut self, bytes: &[u8]) -> Result<(), Unexplained> {
        let before = self.possible.clone();
        self.possible.retain_mut(|one| {
            let is_expected = one.expected.starts_with(bytes) && !self.has_ended;
            one.expected.drain(..if is_expected { bytes.len() } else { 0 });
            is_expected
        });
        self.close_over();
        if self.possible.is_empty() { Err(self.unexplained_bytes(&before, bytes)) } else { Ok(()) }
    }

    fn ends(&mut self, in_order: bool) -> Result<(), Unexplained> {
        let before = std::mem::take(&mut self.possible);
        self.possible = before.iter().filter(|one| one.may_close()).cloned().collect();
        self.has_ended = true;
        if !self.possible.is_empty() {
            return Ok(());
        }
        let what = if in_order { "the end of the stream" } else { "a reset" };
        Err(self.unexplained(&before, what.to_owned(), &["FRM-1", "FRM-15"]))
    }

    fn is_silent(&mut self) -> Result<(), Unexplained> {
        let before = self.possible.clone();
        let (frames, has_ended) = (&self.frames, self.has_ended);
        self.possible.retain(|one| one.rests(frames, has_ended));
        if !self.possible.is_empty() {
            return Ok(());
        }
        let furthest = before.iter().filter(|one| one.steps(frames).is_empty());
        let rules = furthest.map(|one| match (one.closing, one.ended) {
            (Closing::Dropped, _) => "FRM-13",
            (Closing::Begun | Closing::Finished, _) => "FRM-15",
            (Closing::Open, _) => "FRM-14",
        });
        let rules: Vec<&str> = rules.collect();
        Err(self.unexplained(&before, "nothing came".to_owned(), &rules))
    }

    fn must_act(&self) -> bool {
        !self.possible.iter().any(|one| one.rests(&self.frames, self.has_ended))
    }

    fn may_act(&self) -> bool {
        self.possible.iter().any(|one| !one.rests(&self.frames, self.has_ended))
    }

    fn may_have_failed(&self) -> bool {
        self.possible.iter().any(|one| one.closing == Closing::Dropped)
    }
}

impl Judge {
    fn unexplained_bytes(&self, before: &[Tested], bytes: &[u8]) -> Unexplained {
        let is_marker = bytes.ends_with(&header(&Frame::marker()));
        let is_behind = before.iter().any(|one| one.closing == Closing::Finished && one.expected.is_empty());
        let told_otherwise = before.iter().any(|one| one.ended.is_some_and(|ending| ending != Ending::Marker));
        let rules: &[&str] = match (is_behind || self.has_ended, is_marker && told_otherwise) {
            (true, _) => &["FRM-2"],
            // A marker says that everything was given, and that it was in order.
            (false, true) => &["FRM-3"],
            (false, false) if told_otherwise => &["FRM-7", "FRM-8"],
            (false, false) => &["FRM-4"],
        };
        let shown = format!("\"{}\"", bytes[..bytes.len().min(80)].escape_ascii());
        self.unexplained(before, shown, rules)
    }

    fn unexplained(&self, before: &[Tested], what: String, rules: &[&str]) -> Unexplained {
        let furthest = before.iter().filter(|one| one.steps(&self.frames).is_empty());
        let words = furthest.map(|one| {
            let state = one.end.machine.summary().join(", ");
            let sent = one.expected[..one.expected.len().min(40)].escape_ascii();
            if one.expected.is_empty() { state } else { format!("{state}, after it has sent \"{sent}\"") }
        });
        let words: BTreeSet<String> = words.collect();
        let words: Vec<String> = words.into_iter().collect();
        let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
        Unexplained { rules, why: format!("{what}; the model has: {}", words.join(" | or: ")) }
    }
}
