//! Who decides when a task takes its next step: the runtime, or a test.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn, ready};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use handfast_spec::lifecycle::Output;
use model::lifecycle::btcd::Action;

/// Is asked before each step of each task. Clones share what was decided.
#[derive(Clone, Default)]
pub struct Pace(Option<Arc<Mutex<Script>>>);

/// What a test decided, and what it learns.
#[derive(Default)]
struct Script {
    /// The step whose turn it is; nobody takes any other.
    turn: Option<Action>,
    /// The steps that the task that is being polled waits for.
    waiting: BTreeSet<Action>,
    told: Vec<Output>,
}

impl Pace {
    /// Steps are taken as soon as they can be, and nobody keeps what is told.
    pub fn free() -> Self {
        Self(None)
    }

    /// Steps are taken when it is their [turn](Self::give).
    pub fn stepped() -> Self {
        Self(Some(Arc::default()))
    }

    /// Whether a test decides.
    pub(super) fn is_stepped(&self) -> bool {
        self.0.is_some()
    }

    /// Waits for the turn of a step that can always be taken.
    pub(super) async fn at(&self, step: Action) {
        self.when(step, || ready(())).await;
    }

    /// Waits for the turn of a step that is taken by what `attempt` makes. Where that would have to wait, the step is
    /// not taken, and nothing has happened: what `attempt` makes must be cancel safe.
    pub(super) async fn when<F: Future>(&self, step: Action, mut attempt: impl FnMut() -> F) -> F::Output {
        let Some(script) = &self.0 else { return attempt().await };
        poll_fn(|context| {
            if !lock(script).is_turn_of(step) {
                return Poll::Pending;
            }
            let taken = pin!(attempt()).poll(context);
            if taken.is_ready() {
                lock(script).turn = None;
            }
            taken
        })
        .await
    }

    /// Waits for the turn of the step that takes what is next in an inbox. `next` says which step that is, and `take`
    /// takes it; both at once, so that nothing is taken out of turn.
    pub(super) async fn take<T>(&self, next: impl Fn() -> Option<Action>, mut take: impl FnMut() -> Option<T>) -> T {
        poll_fn(|_| {
            let (Some(script), Some(step)) = (&self.0, next()) else { return Poll::Pending };
            if !lock(script).is_turn_of(step) {
                return Poll::Pending;
            }
            match take() {
                Some(taken) => {
                    lock(script).turn = None;
                    Poll::Ready(taken)
                }
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Waits for a timer; where a test decides, the timer fires at its turn.
    pub(super) async fn timer(&self, step: Action, after: Duration) {
        match &self.0 {
            None => tokio::time::sleep(after).await,
            Some(_) => self.at(step).await,
        }
    }

    /// A participant is told something.
    pub(super) fn tell(&self, output: Output) {
        if let Some(script) = &self.0 {
            lock(script).told.push(output);
        }
    }

    /// Gives a step its turn, or takes it back; whether the last one that was given was taken.
    pub(super) fn give(&self, step: Option<Action>) -> bool {
        let Some(script) = &self.0 else { return false };
        std::mem::replace(&mut lock(script).turn, step).is_none()
    }

    /// The steps that were asked for since this was last called.
    pub(super) fn asked_for(&self) -> BTreeSet<Action> {
        self.0.as_ref().map(|script| std::mem::take(&mut lock(script).waiting)).unwrap_or_default()
    }

    /// What was told since this was last called.
    pub(super) fn told(&self) -> Vec<Output> {
        self.0.as_ref().map(|script| std::mem::take(&mut lock(script).told)).unwrap_or_default()
    }
}

impl Script {
    fn is_turn_of(&mut self, step: Action) -> bool {
        self.waiting.insert(step);
        self.turn == Some(step)
    }
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}
