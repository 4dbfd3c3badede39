//! Schedules of the model, followed step by step: a scheduler of shuttle's that runs the thread that the trace names next.
//!
//! A thread announces each step by the name that the model has for it and yields; between two announcements it is alone, so
//! that what the model calls one step is one step here, however many accesses it is made of. What each step tells is
//! compared with what the model tells.

mod scheduler;

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use handfast_spec::ownership::{Fact, Thread};
use handfast_spec::{Observation, Recorded};
use model::design::Checked;
use model::explore::{Completeness, Options};
use model::ownership::haproxy::{Action, Extent, Haproxy, Step};
use shuttle::{Config, Runner};

use self::scheduler::{Follow, Follower};
use super::{Design, Entry, Memory, Worker};
use crate::edges::Words;
use crate::failure;

/// What was followed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Followed {
    /// States of the model that were visited.
    pub states: usize,
    /// Edges that were taken: all.
    pub edges: usize,
    /// Executions, one for each walk.
    pub executions: usize,
    /// Steps in all of them.
    pub steps: usize,
}

/// Where the code left the model, by a behaviour from which nothing can be left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Divergence {
    /// What was done, as far as the model knows it.
    pub actions: Vec<Action>,
    /// What is wrong with the last.
    pub fault: Fault,
}

/// What is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The thread is about to do something else than the model.
    Step {
        /// What the model does.
        model: Action,
        /// What the code is about to do; nothing if it is at rest.
        code: Option<Action>,
    },
    /// The thread waits where the model goes on.
    Waits(Thread),
    /// The step tells something else.
    Told {
        /// What the model tells.
        model: Vec<Fact>,
        /// What the code tells.
        code: Vec<Fact>,
    },
}

/// Follows walks that take every edge of the model's graph.
///
/// `code` is the design of the code, which is that of the model unless somebody wants to see the difference; `M` is what its
/// entry is made of, which is shuttle's atomics unless likewise.
///
/// # Errors
///
/// The first divergence, shrunk.
///
/// # Panics
///
/// If the graph cannot be explored whole.
pub fn follow_edges<M: Memory>(
    checked: &Checked<Haproxy>,
    extent: Extent,
    code: Design,
) -> Result<Followed, Box<Divergence>> {
    let graph = checked.explore(&Options::default());
    assert_eq!(graph.completeness(), Completeness::Complete, "only a whole graph can be covered");
    let walks = model::cover::edges(&graph);
    let start = graph.state(0);
    let actions = |edges: &[usize]| edges.iter().map(|&edge| graph.actions()[graph.label(edge)]).collect();
    let traces: Vec<Vec<Action>> = walks.iter().map(|walk| actions(&walk.edges)).collect();
    let steps = traces.iter().map(Vec::len).sum();
    let followed = Followed { states: graph.state_count(), edges: graph.edge_count(), executions: walks.len(), steps };
    match follow::<M>(&start, extent, code, traces) {
        Ok(()) => Ok(followed),
        Err(divergence) => Err(Box::new(shrink::<M>(&start, extent, code, divergence.actions))),
    }
}

/// Follows each trace in an execution of its own.
///
/// # Errors
///
/// The first divergence, as it was met.
pub fn follow<M: Memory>(
    start: &Recorded<Haproxy>,
    extent: Extent,
    code: Design,
    traces: Vec<Vec<Action>>,
) -> Result<(), Divergence> {
    let shared = Follower::new(extent);
    let scheduler = Follow { start: start.clone(), extent, traces: traces.into(), shared: Arc::clone(&shared) };
    let mut config = Config::new();
    config.silence_warnings = true;
    let inside = Arc::clone(&shared);
    Runner::new(scheduler, config).run(move || execute::<M>(&inside, extent, code));
    let state = shared.state();
    match &state.fault {
        None => Ok(()),
        Some((length, fault)) => {
            let actions = state.trace[..*length].iter().map(|(action, _)| *action).collect();
            Err(Divergence { actions, fault: fault.clone() })
        }
    }
}

/// Any part of a behaviour is one once what the model refuses is left out.
fn shrink<M: Memory>(start: &Recorded<Haproxy>, extent: Extent, code: Design, actions: Vec<Action>) -> Divergence {
    let again = |actions: &[Action]| {
        let mut model = start.clone();
        let enabled = actions.iter().enumerate().filter(|(_, action)| !model.step(action).is_refused());
        let (places, enabled): (Vec<usize>, Vec<Action>) = enabled.map(|(place, action)| (place, *action)).unzip();
        let divergence = follow::<M>(start, extent, code, vec![enabled]).err()?;
        Some((places.get(divergence.actions.len().checked_sub(1)?)? + 1, divergence))
    };
    let actions = failure::minimal(actions, |actions| again(actions).map(|(length, _)| length));
    let (_, divergence) = again(&actions).expect("what was shrunk diverges still");
    divergence
}

/// One execution: each thread does what the trace has it do.
fn execute<M: Memory>(follower: &Arc<Follower>, extent: Extent, design: Design) {
    let entry = Arc::new(Entry::<M>::new());
    let threads: Vec<_> = extent
        .each()
        .map(|me| {
            let (follower, entry) = (Arc::clone(follower), Arc::clone(&entry));
            shuttle::thread::spawn(move || {
                follower.state().seats[me.index()].task = Some(shuttle::current::me());
                perform(&follower, Worker::new(design, &entry, &*follower, me), me);
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("what a thread does does not panic");
    }
    follower.state().settle();
}

fn perform<M: Memory>(follower: &Follower, mut worker: Worker<'_, M, Follower>, me: Thread) {
    loop {
        let Some((place, action)) = follower.state().seats[me.index()].plan.front().copied() else { return };
        let done = match action {
            Action::Open(_) => worker.open(),
            Action::Takeover(_) => worker.take_over().map(|_| ()),
            Action::List(_) => worker.list(),
            Action::Delete(_) => worker.delete_outside(),
            Action::Poll(_) => worker.poll(),
            Action::Step(_, Step::Ue2) if worker.has_report() => worker.act(),
            Action::Step(..) | Action::Arrive | Action::Use(_) | Action::Migrate(..) => {
                follower.state().fail(place + 1, Fault::Step { model: action, code: None });
                return;
            }
        };
        if done.is_err() {
            return;
        }
    }
}

impl Display for Divergence {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "the code leaves the model:")?;
        for (index, action) in self.actions.iter().enumerate() {
            writeln!(f, "  {}. {action}", index + 1)?;
        }
        let told = |facts: &[Fact]| Words(&Observation::<Fact, String>::Told(facts.to_vec())).to_string();
        match &self.fault {
            Fault::Step { model, code: Some(code) } => {
                write!(f, "  the model does this last; the code: {code} ({model})")
            }
            Fault::Step { model, code: None } => write!(f, "  the model does this last; the code is at rest ({model})"),
            Fault::Waits(thread) => write!(f, "  {thread} waits where the model goes on"),
            Fault::Told { model, code } => write!(f, "  the model: {}\n  the code:  {}", told(model), told(code)),
        }
    }
}
