//! What the explorer and every trace rely on, asked of each reachable state of a design.

use handfast_spec::Recorded;
use handfast_spec::protocol::ActionOf;
use stateright::Model;

use crate::checker::design::{Checked, Design};

/// A promise that a design does not keep.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{action}: {breach}, in the state {state}")]
pub struct Fault {
    /// What is wrong.
    pub breach: Breach,
    /// The action that shows it, in words.
    pub action: String,
    /// The state in which it does.
    pub state: String,
}

/// What a design promises and does not keep.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Breach {
    /// The explorer attempts one action after the other on one copy.
    #[error("it is refused and leaves the machine other than it was")]
    RefusalChanges,
    /// A behaviour would not replay.
    #[error("from one and the same state it leads to two")]
    Undetermined,
    /// What is explored would not be what is replayed and what Stateright's Explorer shows.
    #[error("attempted after others it leads elsewhere than attempted alone")]
    Differs,
}

/// Attempts every action of the alphabet in each of these states.
///
/// # Errors
///
/// The first promise that is not kept.
pub fn audit<D: Design>(checked: &Checked<D>, states: impl IntoIterator<Item = Recorded<D>>) -> Result<(), Fault> {
    states.into_iter().try_for_each(|state| audit_state(checked, &state))
}

fn audit_state<D: Design>(checked: &Checked<D>, state: &Recorded<D>) -> Result<(), Fault> {
    let fault = |breach, action: &ActionOf<D>| {
        Err(Fault { breach, action: action.to_string(), state: format!("{:?}", state.machine) })
    };
    let mut explored = checked.next_steps(state).into_iter().peekable();
    for action in checked.alphabet() {
        let (mut once, mut again) = (state.machine.clone(), state.machine.clone());
        let observation = once.step(action);
        if observation != again.step(action) || once != again {
            return fault(Breach::Undetermined, action);
        }
        if observation.is_refused() && once != state.machine {
            return fault(Breach::RefusalChanges, action);
        }
        let found = explored.next_if(|(taken, _)| taken == action).map(|(_, next)| next);
        let differs = match found {
            None => !observation.is_refused(),
            Some(found) => {
                let mut next = Recorded { machine: once, history: state.history.clone() };
                next.record(&observation);
                observation.is_refused() || found != next
            }
        };
        if differs {
            return fault(Breach::Differs, action);
        }
    }
    Ok(())
}
