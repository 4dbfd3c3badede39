//! Who waits in a state, and for what.

use handfast_spec::framed::{Action, End, Framed, Refusal};

use super::machine::{Handfast, Phase, Reading};
use crate::checker::design::{Design, stuck};

impl Handfast {
    /// Says who waits in a machine of this design, or of one with a mistake, of which this is the state.
    pub(super) fn waits_in(&self, machine: &impl Design<Protocol = Framed>) -> Vec<String> {
        let steps = End::BOTH.into_iter().filter(|&end| !self.tcp.is_closed(end)).flat_map(|end| self.next_steps(end));
        let say = |(who, refusal)| match refusal {
            Refusal::Enough => format!("{who}, because as much was read ahead as may be"),
            // What it waits for says it all.
            _ => who,
        };
        stuck(machine, steps).map(say).collect()
    }

    /// What each part of an end has to do next, and what it waits for while it cannot.
    fn next_steps(&self, end: End) -> Vec<(String, Action)> {
        let side = self.side(end);
        let mut steps = Vec::new();
        let mut add = |what: &str, action| steps.push((format!("{end}: {what}"), action));
        if !side.queue.is_empty() {
            add("the writer waits for room in the send queue", Action::Send { end });
        }
        match side.reading {
            Reading::Waits => add("the reader waits for bytes or for their end", Action::Read { end }),
            Reading::Fails(_) => add("the reader waits to be told of the end", Action::Read { end }),
            Reading::Answers => {
                add("the reader waits until the answer to the marker is handed over", Action::Read { end })
            }
            Reading::Reported | Reading::Left => {}
        }
        match side.phase {
            Phase::Writing(_) if side.queue.is_empty() => {
                add("the shutdown waits to end its direction", Action::Finish { end });
            }
            Phase::Closed(_) => add("the shutdown waits until everything is acknowledged", Action::Confirm { end }),
            Phase::Open | Phase::Writing(_) | Phase::Over(_) | Phase::Abandoned => {}
        }
        if side.phase.until().is_some() {
            add("the drain reads nothing ahead", Action::ReadAhead { end });
            if self.is_late(end) {
                add("the shutdown waits for its timer, although its deadline has passed", Action::Expire { end });
            }
        }
        steps
    }
}
