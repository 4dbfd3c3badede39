//! The end of a node.

use std::sync::Arc;
use std::time::Duration;

use super::Node;
use super::shared::{How, Signals, State};
use crate::lifecycle::{Reason, SessionId};
use crate::runtime::select;
use crate::runtime::time::{Instant, sleep_until};

/// What a shutdown came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "whether everything was drained is what a shutdown tells"]
pub struct Report {
    /// Sessions that ended by themselves when they were told to.
    pub drained: usize,
    /// Sessions that had not ended at the deadline, whose tasks were aborted.
    pub aborted: usize,
}

impl<K: Clone + Ord, I> Node<K, I> {
    /// Shuts the node down: nobody gets a slot or is announced any more, and everybody is told to end (PEER-28). Waits
    /// until all have ended, `deadline` at most; then aborts the tasks that are left and runs their guards for them, so
    /// that it ends even if a task never comes to an `await`. Subscribers then hear [`Closed`](crate::lifecycle::Event::Closed)
    /// after what is queued for them; nobody waits for them.
    ///
    /// It may be called several times and from several tasks; it begins once, each caller waits for its end, and
    /// the earliest deadline counts.
    ///
    /// Cancel safe in that a shutdown that has begun goes on: it completes when the last session has ended. Without
    /// anybody waiting there is no deadline.
    pub async fn shutdown(&self, deadline: Duration) -> Report {
        let deadline = Instant::now().checked_add(deadline);
        let begun = self.shared.step(|state| {
            let begun = state.core.shut_down().is_ok();
            let told = state.settle();
            if let Some(record) = state.record.as_mut().filter(|_| begun) {
                record.shutting_down(&told);
            }
            begun
        });
        if begun {
            tracing::debug!("shutdown begun");
        }
        // Nobody else does where there was nobody to end.
        self.shared.step(State::finish);
        let mut complete = self.shared.complete.subscribe();
        let passed = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        select! {
            biased;
            _ = complete.wait_for(|complete| *complete) => {}
            () = passed => self.abort_the_rest(),
        }
        self.shared.step(|state| Report { drained: state.drained, aborted: state.aborted })
    }

    fn abort_the_rest(&self) {
        let left: Vec<(SessionId, Arc<Signals>)> = self
            .shared
            .step(|state| state.sessions.iter().map(|(&session, signals)| (session, Arc::clone(signals))).collect());
        for (session, signals) in left {
            // A task that does not come to an `await` would keep its slot, and its subscribers waiting, for ever. First
            // the guard, so that it is this one that counts.
            self.shared.run_guard(session, Reason::ShuttingDown, How::Overdue);
            if let Some(task) = signals.task.get() {
                task.abort();
            }
        }
    }
}
