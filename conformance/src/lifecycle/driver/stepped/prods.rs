//! How actions are brought about.

use std::collections::BTreeSet;
use std::time::Duration;

use handfast::lifecycle::{self as product, Subscription};
use handfast_spec::Observation;
use handfast_spec::lifecycle::{Event, Origin, Output, SessionId, SubscriberId};
use tokio::sync::oneshot;

use super::{BETWEEN_SESSIONS, News, Session, Step, Stepped, number};
use crate::lifecycle::driver::chooser::{Cell, Chooser};
use crate::lifecycle::driver::task::Task;

impl Stepped<'_> {
    pub(super) fn open(&mut self, origin: &Origin) {
        self.advance(BETWEEN_SESSIONS);
        let (gate, closed) = oneshot::channel();
        let (hand_out, mut handed_out) = oneshot::channel();
        let prepared = self.node.prepare(
            crate::lifecycle::origin(origin),
            |handshake| {
                let _ = hand_out.send(handshake);
                async { closed.await.map_err(drop) }
            },
            |_live, ()| std::future::pending::<handfast::lifecycle::Reason>(),
        );
        let session = prepared.ok().map(|(_, task)| {
            let signal = handed_out.try_recv().expect("the handshake is made at once");
            let cell = Cell::default();
            Session {
                task: Task::new(task),
                signal,
                cell,
                news: News::None,
                gate: Some(gate),
                lives: true,
                is_to_end: false,
                deadline: None,
            }
        });
        self.sessions.push(session);
        // What is recorded by now is that the session was opened. Its timer begins.
        self.poll(SessionId(self.sessions.len() as u32 - 1));
    }

    /// A record gives the least free number, which may be another than the model's.
    pub(super) fn subscribe(&mut self, subscriber: SubscriberId) {
        let free = (0..).map(SubscriberId).find(|number| !self.names.contains_key(number));
        if let Ok(subscription) = self.node.subscribe_with_timeout(self.habits.patience(subscriber)) {
            self.subscribers.insert(subscriber, subscription);
            self.names.extend(free.map(|free| (free, subscriber)));
        }
    }

    pub(super) fn receive(&mut self, subscriber: SubscriberId) -> Vec<Step> {
        let event = self.subscribers.get_mut(&subscriber).and_then(Subscription::try_next);
        let steps = self.recorded();
        let heard = match event {
            Some(product::Event::Up(peer)) => Some(Event::Up(number(peer.session))),
            Some(product::Event::Down(peer, _)) => Some(Event::Down(number(peer.session))),
            Some(product::Event::Lagged) => Some(Event::Lagged),
            Some(product::Event::Closed) => Some(Event::Closed),
            None => None,
        };
        if matches!(heard, Some(Event::Lagged | Event::Closed)) {
            self.subscribers.remove(&subscriber);
            self.names.retain(|_, name| *name != subscriber);
        }
        let recorded = steps.first().and_then(|(_, observation)| match observation {
            Observation::Accepted(outputs) => outputs.first().copied(),
            Observation::Refused(_) => None,
        });
        assert_eq!(
            recorded,
            heard.map(|event| Output::Heard(subscriber, event)),
            "what was heard is what was recorded"
        );
        steps
    }

    /// The handshake is over, and the sessions that want to be announced try.
    pub(super) fn attempt(&mut self, session: SessionId) -> Vec<Step> {
        if let Some(gate) = self.session(session).and_then(|session| session.gate.take()) {
            let _ = gate.send(());
        }
        self.go_on(session)
    }

    /// Lets the patience pass: twice, because it begins anew where there was room in the meantime.
    pub(super) fn evict(&mut self, subscriber: SubscriberId) -> Vec<Step> {
        let mut steps = Vec::new();
        let took_effect = |steps: &[Step]| steps.iter().any(|(_, observation)| !observation.is_refused());
        for _ in 0..2 {
            self.advance(self.habits.patience(subscriber));
            // A session that is announced waits for nothing. One that is to end has lost its place in the line: it goes on
            // only where it was held while it evicted, and would otherwise end before another session can evict.
            let announced: BTreeSet<SessionId> = self.node.peers().iter().map(|peer| number(peer.session)).collect();
            let mut waiting: Vec<SessionId> = self.greeted.difference(&announced).copied().collect();
            waiting.sort_by_key(|&session| self.session(session).is_some_and(|session| session.is_to_end));
            for session in waiting {
                steps.extend(self.go_on(session));
                if took_effect(&steps) {
                    return steps;
                }
            }
        }
        steps
    }

    pub(super) fn shut_down(&mut self) -> Vec<Step> {
        let node = self.node.clone();
        let mut task = Task::new(async move {
            let _ = node.shutdown(Duration::MAX).await;
        });
        let steps = self.step_of(&mut task);
        self.shutdown.get_or_insert(task);
        steps
    }

    /// The task of a session that has ended goes on until it has dropped its connection.
    pub(super) fn close(&mut self, session: SessionId) -> Vec<Step> {
        let Some(at) = self.last_words.iter().position(|(ended, _)| *ended == session) else { return Vec::new() };
        let (_, mut task) = self.last_words.swap_remove(at);
        let steps = self.step_of(&mut task);
        self.last_words.extend((!task.is_over()).then_some((session, task)));
        steps
    }

    /// Every task that could complete the shutdown is let go on. A shutdown that does not wait is one that could.
    pub(super) fn finish(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut tasks = std::mem::take(&mut self.last_words);
        let mut shutdown = self.shutdown.take();
        // Those that have dropped their connection: whoever has not does that next.
        let closed = self.closed.clone();
        let closed = tasks.iter_mut().filter(|(session, _)| closed.contains(session)).map(|(_, task)| task);
        for task in closed.chain(&mut shutdown) {
            if steps.is_empty() {
                steps = self.step_of(task);
            }
        }
        if steps.is_empty() && shutdown.is_some() {
            let node = self.node.clone();
            steps = self.step_of(&mut Task::new(async move {
                let _ = node.shutdown(Duration::ZERO).await;
            }));
        }
        self.last_words = tasks;
        self.last_words.retain(|(_, task)| !task.is_over());
        self.shutdown = shutdown;
        steps
    }

    fn shut_down_on(&mut self) -> Vec<Step> {
        let Some(mut task) = self.shutdown.take() else { return Vec::new() };
        let steps = self.step_of(&mut task);
        self.shutdown = Some(task);
        steps
    }

    /// Runs everything that can go on, again and again, until all wait.
    pub(crate) fn run_to_rest(&mut self) -> Vec<Step> {
        self.run_until_all_wait().into_iter().map(self.tamper).collect()
    }

    pub(super) fn run_until_all_wait(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        loop {
            let sessions = || (0..self.sessions.len() as u32).map(SessionId);
            let able = |session: &SessionId| self.sessions[session.index()].as_ref().is_some_and(Session::can_go_on);
            let next = sessions().find(able);
            let selects = self.chooser.as_ref().is_some_and(Chooser::can_go_on);
            let last_words = self.last_words.iter().find(|(_, task)| task.can_go_on()).map(|(session, _)| *session);
            let shuts_down = self.shutdown.as_ref().is_some_and(Task::can_go_on);
            match next {
                Some(session) => steps.extend(self.go_on(session)),
                None if selects => steps.extend(self.select_on()),
                None if shuts_down => steps.extend(self.shut_down_on()),
                None => match last_words {
                    Some(session) => steps.extend(self.close(session)),
                    None => return steps,
                },
            }
        }
    }

    /// Whether the caller that asked for the shutdown was told that it is complete.
    pub(crate) fn says_that_it_is_complete(&self) -> bool {
        self.shutdown.as_ref().is_some_and(Task::is_over)
    }
}
