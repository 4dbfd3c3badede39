//! What a protocol is, and what a machine is.

use core::fmt::{Debug, Display};
use core::hash::Hash;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The words of one protocol and the rules that its machines are held to.
///
/// Five rules make a trace replayable on any machine of the protocol without a translation layer:
///
/// 1. All choice is in the action: scheduling, delivery, time. No clock and no randomness inside a machine.
/// 2. An action carries no computed data: it says *deliver to the left end*, not *deliver this frame*.
/// 3. Every action may be attempted in every state; a refusal is an observation.
/// 4. One action is one linearization point.
/// 5. The history holds what participants were told, never what an arbiter records, so that a violation can be expressed.
pub trait Protocol: Sized + 'static {
    /// The name of the protocol, the same in documents, modules, files and the command line.
    const NAME: &'static str;

    /// What can be attempted.
    type Action: Word + Copy + Ord + Hash;
    /// Something that a participant is told.
    type Output: Word + Copy + Hash;
    /// Why an action did nothing.
    type Refusal: Word + Copy + Hash;
    /// A part of the system that is scheduled on its own; the unit of weak fairness.
    type Component: Copy + Ord + Hash + Debug + Display + Send + Sync + 'static;
    /// What the participants were told so far. `Default` is the history of a machine that has not been stepped.
    type History: Clone + Eq + Hash + Debug + Default + Serialize + Send + Sync + 'static;

    /// Enters one output into the history.
    fn record(history: &mut Self::History, output: &Self::Output);

    /// The component that takes the action, or `None` for the environment, which is never assumed to be fair.
    fn component(action: &Self::Action) -> Option<Self::Component>;

    /// What holds in every reachable state.
    const INVARIANTS: &'static [Predicate<Self::History>];

    /// Situations that must be reachable, so that nothing holds vacuously.
    const WITNESSES: &'static [Predicate<Self::History>];

    /// What must happen, and the fairness that it is promised under.
    const GOALS: &'static [Goal<Self>];

    /// Id and title of the rule that the system only rests where every participant has got what it waited for.
    const DEADLOCK: (&'static str, &'static str);
}

/// Declares a protocol of the parts that are in scope under their usual names: the types `Action`, `Output`, `Refusal`,
/// `Component` and `History`, and the tables `INVARIANTS`, `WITNESSES`, `GOALS` and `DEADLOCK`.
#[macro_export]
macro_rules! protocol {
    ($(#[$meta:meta])* $Protocol:ident: $name:expr) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        pub enum $Protocol {}

        impl $crate::Protocol for $Protocol {
            const NAME: &'static str = $name;
            const INVARIANTS: &'static [$crate::Predicate<History>] = INVARIANTS;
            const WITNESSES: &'static [$crate::Predicate<History>] = WITNESSES;
            const GOALS: &'static [$crate::Goal<Self>] = GOALS;
            const DEADLOCK: (&'static str, &'static str) = DEADLOCK;

            type Action = Action;
            type Output = Output;
            type Refusal = Refusal;
            type Component = Component;
            type History = History;

            fn record(history: &mut History, output: &Output) {
                history.record(output);
            }

            fn component(action: &Action) -> Option<Component> {
                action.component()
            }
        }
    };
}

pub use protocol;

/// What actions, outputs and refusals have in common: they are written to traces and read back, and shown to people.
pub trait Word: Clone + Eq + Debug + Display + Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T> Word for T where T: Clone + Eq + Debug + Display + Serialize + DeserializeOwned + Send + Sync + 'static {}

/// What a machine answers to an action.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[must_use = "an observation is what a machine is judged by"]
pub enum Observation<Output, Refusal> {
    /// Nothing happened; the machine is as it was.
    Refused(Refusal),
    /// The action happened, and these outputs were told to participants, in this order. There may be none.
    Accepted(Vec<Output>),
}

impl<Output, Refusal> Observation<Output, Refusal> {
    /// Whether the action was refused.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

impl<Output, Refusal> From<Result<Vec<Output>, Refusal>> for Observation<Output, Refusal> {
    fn from(outcome: Result<Vec<Output>, Refusal>) -> Self {
        match outcome {
            Ok(outputs) => Self::Accepted(outputs),
            Err(refusal) => Self::Refused(refusal),
        }
    }
}

/// Anything that can be stepped with an action of a protocol and answers with an observation.
pub trait Machine {
    /// The protocol that this machine speaks.
    type Protocol: Protocol;

    /// Attempts `action`. A refused action leaves the machine as it was.
    fn step(&mut self, action: &ActionOf<Self>) -> ObservationOf<Self>;
}

/// The action type of a machine.
pub type ActionOf<M> = <<M as Machine>::Protocol as Protocol>::Action;

/// The observation type of a machine.
pub type ObservationOf<M> =
    Observation<<<M as Machine>::Protocol as Protocol>::Output, <<M as Machine>::Protocol as Protocol>::Refusal>;

/// The history type of a machine.
pub type HistoryOf<M> = <<M as Machine>::Protocol as Protocol>::History;

/// A predicate over a history, with the one id under which it is known everywhere.
pub struct Predicate<History> {
    /// The id, such as `PEER-3`.
    pub id: &'static str,
    /// One sentence that says what holds.
    pub title: &'static str,
    /// Whether it holds of a history.
    pub holds: fn(&History) -> bool,
}

/// A promise that something happens: whenever `trigger` holds, `outcome` holds then or later.
///
/// It is promised under weak fairness of every component for which `fair` answers yes, each component on its own: a
/// component that could act from some moment on without interruption does act.
pub struct Goal<P: Protocol> {
    /// The id, such as `PEER-21`.
    pub id: &'static str,
    /// One sentence that says what happens.
    pub title: &'static str,
    /// When the promise is owed.
    pub trigger: fn(&P::History) -> bool,
    /// When it is kept.
    pub outcome: fn(&P::History) -> bool,
    /// The components that are assumed to be fair.
    pub fair: fn(&P::Component) -> bool,
    /// The same assumption in words, printed with the verdict.
    pub assumes: &'static str,
}

/// A machine together with the history of what it told.
///
/// The model explores values of this type; conformance keeps one for the implementation and judges both histories by the
/// same predicates.
///
/// ```
/// # use handfast_spec::{Machine, Observation, Recorded, lifecycle::{Action, Output, Lifecycle, Origin, Refusal, SessionId}};
/// struct Deaf; // a machine that refuses everything
/// impl Machine for Deaf {
///     type Protocol = Lifecycle;
///     fn step(&mut self, _: &Action) -> Observation<Output, Refusal> {
///         Observation::Refused(Refusal::NoSuchSession)
///     }
/// }
/// let mut deaf = Recorded::new(Deaf);
/// assert!(deaf.step(&Action::Open { session: SessionId(0), origin: Origin::PLAIN }).is_refused());
/// assert_eq!(deaf.history, Default::default());
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(bound = "M: Serialize")]
pub struct Recorded<M: Machine> {
    /// The machine.
    pub machine: M,
    /// What it told so far.
    pub history: HistoryOf<M>,
}

impl<M: Machine> Recorded<M> {
    /// A machine that has told nothing yet.
    pub fn new(machine: M) -> Self {
        Self { machine, history: HistoryOf::<M>::default() }
    }

    /// Steps the machine and records what it told.
    pub fn step(&mut self, action: &ActionOf<M>) -> ObservationOf<M> {
        let observation = self.machine.step(action);
        self.record(&observation);
        observation
    }

    /// Enters what was told into the history. A refusal tells no participant anything.
    pub fn record(&mut self, observation: &ObservationOf<M>) {
        match observation {
            Observation::Refused(_) => {}
            Observation::Accepted(outputs) => {
                for output in outputs {
                    M::Protocol::record(&mut self.history, output);
                }
            }
        }
    }
}

/// What a goal promises, before it is said under which fairness.
pub struct Promise<History> {
    /// The id, such as `PEER-21`.
    pub id: &'static str,
    /// One sentence that says what happens.
    pub title: &'static str,
    /// When the promise is owed.
    pub trigger: fn(&History) -> bool,
    /// When it is kept.
    pub outcome: fn(&History) -> bool,
}

/// The promise with this id as a goal under the given fairness.
///
/// handfast and the historical designs are built of different parts, so that the same promise rests on different
/// assumptions; what is promised is the same.
///
/// # Panics
///
/// When there is no such promise; at compile time where the call is in a constant.
pub const fn promised<P: Protocol>(
    promises: &[Promise<P::History>],
    id: &str,
    fair: fn(&P::Component) -> bool,
    assumes: &'static str,
) -> Goal<P> {
    let mut index = 0;
    while index < promises.len() {
        let Promise { id: found, title, trigger, outcome } = promises[index];
        if same(found, id) {
            return Goal { id: found, title, trigger, outcome, fair, assumes };
        }
        index += 1;
    }
    panic!("there is no promise with this id")
}

/// The rule with this id.
///
/// # Panics
///
/// When there is no such rule; at compile time where the call is in a constant.
pub const fn rule<History>(rules: &[Predicate<History>], id: &str) -> Predicate<History> {
    let mut index = 0;
    while index < rules.len() {
        let Predicate { id: found, title, holds } = rules[index];
        if same(found, id) {
            return Predicate { id: found, title, holds };
        }
        index += 1;
    }
    panic!("there is no rule with this id")
}

/// Whether two ids are the same, for tables that are made at compile time.
const fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}
