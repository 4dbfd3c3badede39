//! Who waits in a state, and for what.

use handfast_spec::lifecycle::{Action, Phase, SubscriberId};

use super::machine::{AheadFlag, Handfast, Session, Stage};
use super::subscribers::{Mode, Standing};
use crate::checker::design::{Design, stuck};

impl Handfast {
    /// Says who waits in a machine of this design, or of one with a mistake, of which this is the state.
    pub(super) fn waits_in(
        &self,
        machine: &impl Design<Protocol = handfast_spec::lifecycle::Lifecycle>,
    ) -> Vec<String> {
        let waits = stuck(machine, self.next_steps());
        let mut waits: Vec<String> = waits.map(|(who, refusal)| format!("{who}: {refusal}")).collect();
        if !self.line.is_empty() {
            let full = self.queues.iter().enumerate().filter(|(_, queue)| !self.has_room(queue));
            waits.extend(full.map(|(index, queue)| {
                let (subscriber, queued) = (SubscriberId(index as u32), queue.events.len());
                format!("{subscriber} holds up the line: {queued} queued of {}", self.config.capacity)
            }));
        }
        waits.extend(self.selector_waits());
        waits
    }

    /// What each participant that is at work has to do next.
    fn next_steps(&self) -> Vec<(String, Action)> {
        let mut steps = Vec::new();
        for session in self.ids() {
            let Session { stage, ending, ahead, .. } = self.sessions.get(session.index());
            let step = match stage {
                Stage::Handshaking | Stage::HandshakeDone | Stage::Up if ending => {
                    Some(("is to end", Action::End { session }))
                }
                Stage::HandshakeDone => Some(("waits to be announced", Action::Announce { session })),
                Stage::Rejected => Some(("was rejected and is to end", Action::End { session })),
                Stage::Closing => Some(("is to close its connection", Action::Close { session })),
                Stage::Up if ahead == AheadFlag::New => {
                    Some(("is to tell the selector that its peer is ahead", Action::NotifySelector { session }))
                }
                Stage::Unused | Stage::Handshaking | Stage::Up | Stage::Ended => None,
            };
            steps.extend(step.map(|(what, action)| (format!("{session} {what}"), action)));
        }
        for (index, queue) in self.queues.iter().enumerate() {
            let subscriber = SubscriberId(index as u32);
            if !queue.events.is_empty() || queue.mode == Mode::CutOff {
                steps.push((format!("{subscriber} is to take what is queued"), Action::Receive { subscriber }));
            }
        }
        if self.phase == Phase::Begun {
            steps.push(("the shutdown waits for its end".to_owned(), Action::Finish));
        }
        steps
    }

    /// What the selector waits for: progress of a peer that is gone, or a peer to pick.
    fn selector_waits(&self) -> Option<String> {
        if let Some(active) = self.selector.active {
            let is_gone = self.sessions.get(active.index()).stage != Stage::Up;
            return is_gone.then(|| format!("the selector waits for progress of {active}, which has ended"));
        }
        let of = |wanted| self.ids().find(|session| self.selector.peers.get(session.index()) == wanted);
        let ahead = of(Standing::Ahead).map(|session| format!("{session} is ahead and waits to be picked"));
        ahead.or_else(|| {
            of(Standing::Stalled).map(|session| format!("{session} stalled and waits to be looked at again"))
        })
    }
}
