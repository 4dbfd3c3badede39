//! Sessions that wait to be announced: for room, in a line, or for the end of an older session.

use std::collections::{BTreeMap, BTreeSet};

use super::{Core, Effect, Phase, SessionId, Stage};

/// Sessions that wait to be announced.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Those that wait for room, in the order in which they began to. One that has to wait for another session meanwhile
    /// keeps its place.
    line: BTreeMap<Place, SessionId>,
    places: BTreeMap<SessionId, Place>,
    next_place: Place,
    /// Those that wait for the end of a session with their key, by that session.
    for_older: BTreeMap<SessionId, BTreeSet<SessionId>>,
    /// The same, by those that wait.
    older: BTreeMap<SessionId, SessionId>,
    /// Sessions that were told to try again, and have not done so yet.
    called: BTreeSet<SessionId>,
    /// The session that was the first in the line when it last tried: it watches the time of slow subscribers.
    watches: Option<SessionId>,
}

type Place = u64;

impl Waiting {
    /// Takes a place at the end of the line. False if the session has one.
    fn join(&mut self, session: SessionId) -> bool {
        if self.places.contains_key(&session) {
            return false;
        }
        self.line.insert(self.next_place, session);
        self.places.insert(session, self.next_place);
        self.next_place += 1;
        true
    }

    fn wait_for(&mut self, session: SessionId, older: SessionId) {
        self.wait_for_none(session);
        self.older.insert(session, older);
        self.for_older.entry(older).or_default().insert(session);
    }

    fn wait_for_none(&mut self, session: SessionId) {
        let Some(older) = self.older.remove(&session) else { return };
        if let Some(waiting) = self.for_older.get_mut(&older) {
            waiting.remove(&session);
            if waiting.is_empty() {
                self.for_older.remove(&older);
            }
        }
    }

    /// The session waits no more.
    fn leave(&mut self, session: SessionId) {
        if let Some(place) = self.places.remove(&session) {
            self.line.remove(&place);
        }
        self.wait_for_none(session);
        self.called.remove(&session);
    }
}

impl<K: Clone + Ord, I> Core<K, I> {
    /// Whether a session that is admitted has to wait: a queue has no room for it, or another one waits before it for
    /// nothing but room (PEER-50).
    pub(super) fn must_wait(&self, session: SessionId) -> bool {
        let place = self.waiting.places.get(&session).copied().unwrap_or(Place::MAX);
        let is_behind = self.first_in_line().is_some_and(|(first, _)| first < place);
        is_behind || self.lacks_room()
    }

    /// The first session that waits for nothing but room. Others before it are passed over: they wait for a session with
    /// their key, or will be rejected when they try.
    fn first_in_line(&self) -> Option<(Place, SessionId)> {
        let waits_for_room_alone = |session: &SessionId| match self.sessions.get(session).map(|state| &state.stage) {
            Some(Stage::HandshakeDone(peer)) => self.admit(peer).is_ok(),
            Some(Stage::Handshaking | Stage::Up(_) | Stage::Rejected(_)) | None => false,
        };
        let mut line = self.waiting.line.iter();
        line.find(|(_, session)| waits_for_room_alone(session)).map(|(&place, &session)| (place, session))
    }

    /// Whether a session waits for room and for nothing else.
    pub fn waits_for_room(&self) -> bool {
        self.phase == Phase::Open && self.first_in_line().is_some()
    }

    /// The session tries: it waits for no other session any more, unless it finds that it does.
    pub(super) fn tries(&mut self, session: SessionId) {
        self.waiting.called.remove(&session);
        self.waiting.wait_for_none(session);
    }

    /// Has a session wait for room. False if it did before.
    pub(super) fn wait_for_room(&mut self, session: SessionId) -> bool {
        let is_new = self.waiting.join(session);
        if self.first_in_line().is_some_and(|(_, first)| first == session) {
            self.waiting.watches = Some(session);
        }
        is_new
    }

    /// Has a session wait for the end of an older one. It keeps its place in the line, if it has one.
    pub(super) fn wait_for_older(&mut self, session: SessionId, older: SessionId) {
        self.waiting.wait_for(session, older);
    }

    /// The session waits no more: it is announced, rejected or told to end, or has ended.
    pub(super) fn wait_no_more(&mut self, session: SessionId) {
        self.waiting.leave(session);
    }

    /// A session has ended: those that waited for it try again.
    pub(super) fn retry_those_after(&mut self, older: SessionId) {
        for session in self.waiting.for_older.remove(&older).unwrap_or_default() {
            self.waiting.older.remove(&session);
            self.call(session);
        }
    }

    /// Tells the first in the line to try again, where there is room for it, or where it has become the first: then it
    /// watches the time of slow subscribers. Those that are passed over try once, to find out what they wait for. No other
    /// is woken, because no other could be announced.
    pub(super) fn call_first(&mut self) {
        if self.phase != Phase::Open || self.waiting.line.is_empty() {
            return;
        }
        let first = self.first_in_line();
        let place = first.map_or(Place::MAX, |(place, _)| place);
        let is_unaware = |session: &SessionId| !self.waiting.older.contains_key(session);
        let passed: Vec<SessionId> =
            self.waiting.line.range(..place).map(|(_, &session)| session).filter(is_unaware).collect();
        let is_to_try = |first: &SessionId| self.waiting.watches != Some(*first) || !self.lacks_room();
        let first = first.map(|(_, first)| first).filter(is_to_try);
        passed.into_iter().chain(first).for_each(|session| self.call(session));
    }

    fn call(&mut self, session: SessionId) {
        if self.waiting.called.insert(session) {
            self.effects.push_back(Effect::Retry(session));
        }
    }
}
