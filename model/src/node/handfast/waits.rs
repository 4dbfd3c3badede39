//! Who waits in a state, and for what.

use handfast_spec::node::{Action, Node as Protocol, NodeId, Socket};

use super::machine::{Body, Handfast, Phase, Sending, Stage};
use crate::checker::design::{Design, stuck};

impl Handfast {
    /// Says who waits in a machine of this design, or of one with a mistake, of which this is the state.
    pub(super) fn waits_in(&self, machine: &impl Design<Protocol = Protocol>) -> Vec<String> {
        let nodes = self.nodes.iter().enumerate().filter(|(_, node)| node.phase == Phase::Stopping);
        let nodes = nodes.map(|(index, _)| {
            let node = NodeId(index as u32);
            (format!("the shutdown of {node} waits for its sessions"), Action::Finish { node })
        });
        let sockets = self.sockets().flat_map(|socket| self.next_steps(socket));
        stuck(machine, sockets.chain(nodes)).map(|(who, _)| who).collect()
    }

    /// What the task and the body of a session have to do next, and what they wait for while they cannot.
    fn next_steps(&self, socket: Socket) -> Vec<(String, Action)> {
        let task = self.task(socket);
        let mut steps = Vec::new();
        let mut add = |what: &str, action| steps.push((format!("{socket} {what}"), action));
        match task.stage {
            Stage::Negotiating | Stage::Upgrading | Stage::Proven if task.ending => {
                add("is to end", Action::End { socket });
            }
            Stage::Negotiating => add("negotiates and waits for the other end", Action::Settle { socket }),
            Stage::Upgrading => {
                add("waits for the key of the other end, in the opposite role", Action::Prove { socket })
            }
            Stage::Proven => add("waits for the end of the session that it replaces", Action::Announce { socket }),
            Stage::Up => {
                if task.body == Body::Reads {
                    add("has a body that waits for frames or for their end", Action::Read { socket });
                }
                let is_due = task.ending || task.body != Body::Reads;
                match task.sending {
                    Sending::Open if is_due => add("is to send its marker", Action::Shutdown { socket }),
                    Sending::Marked => add("waits until everything is acknowledged", Action::Confirm { socket }),
                    Sending::Over { .. } => add("waits for the end of its body", Action::End { socket }),
                    Sending::Open => {}
                }
            }
            Stage::Rejected => add("was rejected and is to end", Action::End { socket }),
            Stage::Down => add("is to close its connection", Action::Close { socket }),
            Stage::Unopened | Stage::Closed => {}
        }
        steps
    }
}
