//! Who waits in a state, and for what.

use handfast_spec::ownership::pool::{Action, Pool as Protocol};
use handfast_spec::ownership::{Incarnation, Refusal, Thread};

use super::kernel::Watched;
use super::machine::{At, Found, Worker, World};
use crate::checker::design::{Design, stuck};
use crate::ownership::handfast::{State, Words};

impl<W: Words + Clone> World<W> {
    /// Says who waits in a machine of this design, or of one with a mistake, of which this is the state.
    pub(super) fn waits_in(&self, machine: &impl Design<Protocol = Protocol>) -> Vec<String> {
        let stuck = stuck(machine, self.next_steps()).filter(|(_, refusal)| *refusal == Refusal::Busy);
        let mut waits: Vec<String> =
            stuck.map(|(who, _)| format!("{who} waits for the lock of its idle list")).collect();
        waits.extend(self.incarnations().filter_map(|which| self.wait_of(which)));
        waits
    }

    /// What each worker that is in the middle of something has to do next, where that takes the lock of an idle list.
    fn next_steps(&self) -> Vec<(String, Action)> {
        let workers = self.workers.iter().enumerate().map(|(index, worker)| (Thread(index as u16), worker.at));
        let step = |(thread, at): (Thread, At)| {
            let action = match at {
                At::Armed(_) => Action::List { thread },
                At::Disturbed(_) => Action::Unlist { thread },
                At::Deferring(_) => Action::Defer { thread },
                // It needs no lock, or has it.
                _ => return None,
            };
            Some((thread.to_string(), action))
        };
        workers.filter_map(step).collect()
    }

    fn wait_of(&self, which: Incarnation) -> Option<String> {
        let connection = self.connections.iter().nth(which.index()).filter(|connection| connection.open)?;
        let mut nodes = (0..)
            .zip(self.idle_lists.iter())
            .flat_map(|(owner, idle_list)| idle_list.nodes.iter().map(move |node| (owner, idle_list, node)));
        let is_inside = matches!(self.words.state(connection.number), State::Live { runners: 1.., .. });
        let is_in_table = self.words.payload(connection.number) == Some(which);
        let Some((owner, idle_list, node)) = nodes.find(|(.., node)| node.who.which == which) else {
            let is_lost = is_in_table && !is_inside;
            let is_left = !self.workers.iter().any(|worker| worker.uses == Some(which) || has(worker, which));
            let waits = is_left.then(|| format!("{which} waits to be closed, and no thread has it"));
            return if is_lost {
                Some(format!("{which} waits on no idle list, and no thread is inside"))
            } else {
                waits
            };
        };
        let owner = Thread(owner);
        let is_woken = self.workers.iter().any(|worker| worker.reports.iter().any(|report| report.about == which));
        let is_due = matches!(connection.watched.get(owner.index()), Watched::Yes { due: true, waker: Some(_), .. });
        if connection.data && !is_woken && !is_due && !is_inside {
            return Some(format!(
                "{which} was closed by its server and waits on the idle list of {owner}, which is not woken"
            ));
        }
        let is_stopped = node.expired && idle_list.stopped;
        is_stopped.then(|| format!("{which} is too old and waits on the idle list of {owner}, which has stopped"))
    }
}

/// Whether a worker is in the middle of something with a connection.
fn has(worker: &Worker, which: Incarnation) -> bool {
    let found = |found: Option<Found>| found.map(|found| found.who.which);
    let with = match worker.at {
        At::Rest | At::Taking(..) => None,
        At::Putting(who)
        | At::Armed(who)
        | At::Declined(who)
        | At::Looking(who)
        | At::Disturbed(who)
        | At::Unlisted(who)
        | At::Reassured(who)
        | At::Deferring(who) => Some(who.which),
        At::Clearing(next) => found(next),
        At::Took(next) => found(Some(next)),
        At::Settling(which, _) | At::Moving(which, _) | At::Homeless(which) | At::Probing(which) => Some(which),
        At::Closing(closing, next) => return closing == which || found(next) == Some(which),
    };
    with == Some(which) || worker.old.iter().any(|who| who.which == which)
}
