//! What is done to a port.

use std::time::Duration;

use handfast_spec::Observation;
use handfast_spec::lifecycle::{Action, Event, Key, Origin, Output, Refusal, SessionId, SubscriberId};
use shuttle::future::{AbortHandle, spawn, yield_now};

use super::{ATTEMPTS, Guard, Port};
use crate::lifecycle::peers::{Peers, Plan};

/// A subscription, dropped like handfast's.
pub(crate) struct Events {
    port: Port,
    subscriber: SubscriberId,
    over: bool,
}

impl Drop for Events {
    fn drop(&mut self) {
        let subscriber = self.subscriber;
        if !self.over {
            let _ = self.port.step(Action::Unsubscribe { subscriber });
        }
        self.port.lock().subscribers.remove(&subscriber);
    }
}

impl Peers for Port {
    type Session = (SessionId, AbortHandle);
    type Events = Events;

    fn open(&self, plan: Plan) -> Option<(SessionId, AbortHandle)> {
        let (session, open, observed) = {
            let mut state = self.lock();
            let session = SessionId(state.next);
            state.next += 1;
            let open = Action::Open { session, origin: Origin::PLAIN };
            (session, open, state.step(open))
        };
        let is_turned_away = match observed {
            Observation::Accepted(outputs) => outputs.iter().any(|output| matches!(output, Output::Rejected(..))),
            Observation::Refused(_) => true,
        };
        if is_turned_away {
            return None;
        }
        let _ = self.step(open);
        self.lock().live_tasks += 1;
        let guard = Guard { port: self.clone(), session, in_order: false };
        Some((session, spawn(guard.live(plan)).abort_handle()))
    }

    async fn was_announced(&self, (session, _): &(SessionId, AbortHandle)) -> bool {
        while !self.lock().ended.contains(session) {
            yield_now().await;
        }
        self.lock().announced.contains(session)
    }

    fn abort(&self, session: &(SessionId, AbortHandle)) {
        session.1.abort();
    }

    fn disconnect(&self, session: &(SessionId, AbortHandle)) {
        let _ = self.step(Action::Disconnect { session: session.0 });
    }

    fn ban(&self, key: u32) {
        for _half in 0..2 {
            let _ = self.step(Action::Ban { key: Key(key) });
        }
    }

    fn unban(&self, key: u32) {
        let _ = self.step(Action::Unban { key: Key(key) });
    }

    fn subscribe(&self) -> Option<(Vec<SessionId>, Events)> {
        let (subscriber, mut outputs) = {
            let mut state = self.lock();
            let free = (0..u32::MAX).map(SubscriberId).find(|id| !state.subscribers.contains(id))?;
            match state.step(Action::Subscribe { subscriber: free }) {
                Observation::Accepted(outputs) => {
                    state.subscribers.insert(free);
                    (free, outputs)
                }
                Observation::Refused(_) => return None,
            }
        };
        if let Observation::Accepted(more) = self.step(Action::Subscribe { subscriber }) {
            outputs.extend(more);
        }
        let listed = outputs.iter().filter_map(|output| match output {
            Output::Listed(_, session) => Some(*session),
            _ => None,
        });
        Some((listed.collect(), Events { port: self.clone(), subscriber, over: false }))
    }

    async fn next(events: &mut Events) -> Option<Event> {
        for _ in 0..ATTEMPTS * 4 {
            if events.over {
                return None;
            }
            if let Observation::Accepted(outputs) = events.port.step(Action::Receive { subscriber: events.subscriber })
            {
                let heard = outputs.iter().find_map(|output| match output {
                    Output::Heard(_, event) => Some(*event),
                    _ => None,
                });
                events.over = matches!(heard, Some(Event::Lagged | Event::Closed));
                return heard;
            }
            yield_now().await;
        }
        None
    }

    async fn shutdown(&self, _: Duration) {
        let _ = self.step(Action::Shutdown);
        for _ in 0..ATTEMPTS * 2 {
            match self.step(Action::Finish) {
                Observation::Accepted(_) | Observation::Refused(Refusal::AlreadyClosing) => return,
                Observation::Refused(_) => yield_now().await,
            }
        }
    }

    fn live_tasks(&self) -> usize {
        self.lock().live_tasks
    }

    /// What is owed at the end is seen from the record.
    fn left(&self) -> (usize, usize) {
        (0, 0)
    }
}
