//! What is done under the lock of an idle list. It says which connections there are; their words say which worker owns them.

use handfast_spec::ownership::{Away, Incarnation, Output, Refusal, Thread};

use super::machine::{At, Found, IdleList, Node, Outcome, Outputs, Who, World};
use crate::ownership::handfast::{Report, Want, Words};

impl IdleList {
    pub(super) fn is_free(&self) -> Outcome {
        if self.locked.is_none() { Ok(()) } else { Err(Refusal::Busy) }
    }

    /// Takes a connection off, if it is there.
    fn cut(&mut self, who: Who) -> bool {
        let before = self.nodes.len();
        self.nodes.retain(|node| node.who != who);
        self.nodes.len() != before
    }
}

impl<W: Words + Clone> World<W> {
    /// The oldest that is young enough has been idle for too long. A worker that locks an idle list has looked at the clock before:
    /// what ages while it is locked is as old as that right after.
    pub(super) fn age(&mut self, incarnation: Incarnation, outputs: &mut Outputs) -> Outcome {
        let is_next = |idle_list: &&mut IdleList| {
            idle_list.nodes.iter().find(|node| !node.expired).is_some_and(|node| node.who.which == incarnation)
        };
        let idle_list = self.idle_lists.iter_mut().find(is_next).ok_or(Refusal::NothingNew)?;
        idle_list.is_free()?;
        idle_list.nodes.iter_mut().filter(|node| node.who.which == incarnation).for_each(|node| node.expired = true);
        outputs.push(Output::Expired(incarnation));
        Ok(())
    }

    /// OWN-12, OWN-16: a connection is listed in one critical section with the end of the visit, so that it is never
    /// out of sight, and no worker that finds it finds another inside.
    pub(super) fn list(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Armed(who) = self.at(thread) else { return Err(Refusal::NotNow) };
        if self.accepts(thread, outputs)? {
            self.puts_there(thread, who, outputs);
            self.leaves(thread, who, outputs);
            let early = &mut self.idle_list(thread).early;
            if let Some(place) = early.iter().position(|early| *early == who.token) {
                early.remove(place);
                self.report(thread, Report { token: who.token, about: who.which });
            }
            self.goes_on(thread, None, outputs);
        } else {
            self.go(thread, At::Declined(who));
        }
        Ok(())
    }

    /// Whether an idle list takes one more. Where there is no room it is made.
    pub(super) fn accepts(&mut self, thread: Thread, outputs: &mut Outputs) -> Result<bool, Refusal> {
        let room = usize::from(self.config.room);
        let idle_list = self.idle_list(thread);
        idle_list.is_free()?;
        Ok(!idle_list.stopped && (idle_list.nodes.len() < room || self.makes_room(thread, outputs)))
    }

    pub(super) fn puts_there(&mut self, thread: Thread, who: Who, outputs: &mut Outputs) {
        self.idle_list(thread).nodes.push(Node { who, expired: false });
        outputs.push(Output::Listed(self.host(thread), who.which));
    }

    /// OWN-13: what makes room is taken over as by any other taker.
    fn makes_room(&mut self, thread: Thread, outputs: &mut Outputs) -> bool {
        for Node { who, .. } in self.idle_list(thread).nodes.clone() {
            match self.takes_over(thread, who, outputs) {
                Ok(()) => {
                    self.cuts(thread, thread, who, outputs);
                    self.worker(thread).old.push(who);
                    return true;
                }
                Err(Away::Busy) => {}
                Err(Away::Gone | Away::Closing | Away::NotOwner | Away::Shared) => {
                    self.cuts(thread, thread, who, outputs);
                    return true;
                }
            }
        }
        false
    }

    pub(super) fn takes_over(&mut self, thread: Thread, who: Who, outputs: &mut Outputs) -> Result<(), Away> {
        self.words.change(who.token, Want::Takeover(self.host(thread)))?;
        let found = self.payload(who);
        outputs.extend([Output::TakenOver(thread, found), Output::Entered(thread, found, who.which)]);
        Ok(())
    }

    pub(super) fn cuts(&mut self, thread: Thread, from: Thread, who: Who, outputs: &mut Outputs) {
        if self.idle_list(from).cut(who) {
            outputs.push(Output::Unlisted(thread, who.which));
        }
    }

    pub(super) fn take(&mut self, thread: Thread, from: Thread, outputs: &mut Outputs) -> Outcome {
        self.runs(thread)?;
        if self.worker(thread).uses.is_some() {
            return Err(Refusal::NotNow);
        }
        let is_limited = self.config.takes != u8::MAX;
        let is_over = is_limited && self.takes >= self.config.takes;
        let idle_list = self.idle_list(from);
        if is_over || idle_list.nodes.is_empty() {
            return Err(Refusal::NothingNew);
        }
        idle_list.is_free()?;
        idle_list.locked = Some(thread);
        let newest = idle_list.nodes.len() as u8;
        self.takes += u8::from(is_limited);
        self.call(thread, At::Taking(from, newest), outputs);
        Ok(())
    }

    /// The newest first. OWN-16: what cannot be had because a worker looks at it stays where it is. OWN-24: each step comes
    /// nearer to the last connection.
    pub(super) fn claim(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Taking(from, place) = self.at(thread) else { return Err(Refusal::NotNow) };
        let rest = place.saturating_sub(1);
        let Some(Node { who, expired }) = self.on_idle_list(from, rest) else {
            return self.unlocks(thread, from, None, outputs);
        };
        match self.takes_over(thread, who, outputs) {
            Ok(()) if expired => {
                self.cuts(thread, from, who, outputs);
                self.worker(thread).old.push(who);
            }
            Ok(()) => {
                self.cuts(thread, from, who, outputs);
                return self.unlocks(thread, from, Some(who), outputs);
            }
            Err(Away::Busy) => outputs.push(Output::TurnedAway(thread, who.which, Away::Busy)),
            Err(away @ (Away::Gone | Away::Closing | Away::NotOwner | Away::Shared)) => {
                outputs.push(Output::TurnedAway(thread, who.which, away));
                self.cuts(thread, from, who, outputs);
            }
        }
        if rest == 0 {
            return self.unlocks(thread, from, None, outputs);
        }
        self.go(thread, At::Taking(from, rest));
        Ok(())
    }

    pub(super) fn on_idle_list(&self, whose: Thread, place: u8) -> Option<Node> {
        let idle_list = self.idle_lists.iter().nth(self.host(whose).index())?;
        idle_list.nodes.get(usize::from(place)).copied()
    }

    fn unlocks(&mut self, thread: Thread, from: Thread, who: Option<Who>, outputs: &mut Outputs) -> Outcome {
        self.idle_list(from).locked = None;
        self.goes_on(thread, who.map(|who| Found { who, from }), outputs);
        Ok(())
    }

    /// OWN-12: it is off the idle list before it is out of the table.
    pub(super) fn unlist(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Disturbed(who) = self.at(thread) else { return Err(Refusal::NotNow) };
        self.idle_list(thread).is_free()?;
        self.cuts(thread, thread, who, outputs);
        self.go(thread, At::Unlisted(who));
        Ok(())
    }

    /// OWN-26: the oldest first, as long as their time is over.
    pub(super) fn expire(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let expired = self.expired(thread)?;
        outputs.push(Output::Called(thread));
        self.clears(thread, expired, outputs);
        Ok(())
    }

    pub(super) fn expired(&mut self, thread: Thread) -> Result<Vec<Who>, Refusal> {
        self.runs(thread)?;
        let idle_list = self.idle_list(thread);
        idle_list.is_free()?;
        let expired: Vec<Who> = idle_list.nodes.iter().take_while(|node| node.expired).map(|node| node.who).collect();
        if expired.is_empty() { Err(Refusal::NothingNew) } else { Ok(expired) }
    }

    /// OWN-25, OWN-26: no worker looks at the idle list of one that has stopped, so nothing stays there.
    pub(super) fn stop(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let all = self.stops(thread)?;
        outputs.push(Output::Called(thread));
        self.clears(thread, all, outputs);
        Ok(())
    }

    /// From here on the idle list takes nothing. Returns what is on it.
    pub(super) fn stops(&mut self, thread: Thread) -> Result<Vec<Who>, Refusal> {
        self.runs(thread)?;
        let idle_list = self.idle_list(thread);
        idle_list.is_free()?;
        idle_list.stopped = true;
        let all = idle_list.nodes.iter().map(|node| node.who).collect();
        self.reports(thread).clear();
        Ok(all)
    }

    /// OWN-13: what is too old is taken over as by any other taker.
    fn clears(&mut self, thread: Thread, all: Vec<Who>, outputs: &mut Outputs) {
        for who in all {
            match self.takes_over(thread, who, outputs) {
                Ok(()) => {
                    self.cuts(thread, thread, who, outputs);
                    self.worker(thread).old.push(who);
                }
                Err(Away::Busy) => {}
                Err(Away::Gone | Away::Closing | Away::NotOwner | Away::Shared) => {
                    self.cuts(thread, thread, who, outputs);
                }
            }
        }
        self.goes_on(thread, None, outputs);
    }
}
