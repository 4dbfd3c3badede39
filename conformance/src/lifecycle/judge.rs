//! What a log of the lifecycle comes to.

use std::collections::BTreeSet;

use handfast_spec::lifecycle::{History, Lifecycle};
use handfast_spec::log::LineOf;
use handfast_spec::{Observation, Protocol};
use model::checker::explain::{Explains, Rejection, explain};
use model::lifecycle::handfast::{Handfast, Header};

/// What a log of one run comes to.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// How many steps it has.
    pub steps: usize,
    /// Where it leaves the model, if it does.
    pub rejection: Option<Rejection>,
    /// Ids of the rules that are broken: invariants by what was told until some step, promises by what was not told
    /// until the end, where nothing moves any more and no fairness is left to hope for.
    pub violated: BTreeSet<&'static str>,
}

impl Verdict {
    /// Whether the model explains the log and no rule is broken.
    pub fn is_fine(&self) -> bool {
        self.rejection.is_none() && self.violated.is_empty()
    }
}

/// Judges a log of one run that was followed to its end.
///
/// What was told is judged without the model, so that a broken rule has its id also where the model no longer follows.
///
/// # Panics
///
/// If it is no log of one run of the lifecycle.
pub fn judge(log: &[u8]) -> Verdict {
    let explanation = explain::<Handfast>(&mut &*log).expect("a recorder writes what can be read");
    let mut lines = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let header: Header = serde_json::from_slice(lines.next().unwrap_or_default()).expect("the first line is a header");
    let mut history = Handfast::starts(&header).remove(0).history;
    let mut violated: BTreeSet<&'static str> = explanation.violated.into_iter().collect();
    let mut owed = vec![false; Lifecycle::GOALS.len()];
    let mut steps = 0;
    for line in lines {
        let line: LineOf<Lifecycle> = serde_json::from_slice(line).expect("a line is a step with its observation");
        steps += 1;
        match &line.observation.expect("a recorder writes what was observed") {
            Observation::Accepted(outputs) => outputs.iter().for_each(|output| history.record(output)),
            Observation::Refused(_) => continue,
        }
        violated.extend(Lifecycle::INVARIANTS.iter().filter(|rule| !(rule.holds)(&history)).map(|rule| rule.id));
        note_owed(&history, &mut owed);
    }
    violated.extend(Lifecycle::GOALS.iter().zip(owed).filter(|(_, owed)| *owed).map(|(goal, _)| goal.id));
    Verdict { steps, rejection: explanation.rejection, violated }
}

fn note_owed(history: &History, owed: &mut [bool]) {
    for (goal, owed) in Lifecycle::GOALS.iter().zip(owed) {
        *owed = (*owed || (goal.trigger)(history)) && !(goal.outcome)(history);
    }
}
