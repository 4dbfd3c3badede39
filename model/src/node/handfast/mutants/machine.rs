//! handfast's assembly with one mistake.

use std::collections::BTreeSet;

use handfast_spec::lifecycle::{self, Direction, Duplicates};
use handfast_spec::node::{Action, Ending, Node as Protocol, NodeId, Output, Refusal, Role, Socket};
use handfast_spec::{Machine, Observation};
use serde::Serialize;
use serde_json::Value;

use super::super::machine::{Body, Config, Handfast, Outputs, Phase, Sending, Stage, Step, key};
use super::super::steps::{Cause, Item};
use super::Flaw;
use crate::checker::design::Design;
use crate::in_parts;

/// handfast's assembly with one mistake.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Mutant {
    handfast: Handfast,
    flaw: Flaw,
    /// The ends that accepted a frame behind their marker: of [`Flaw::AcceptsBehindMarker`].
    behind: BTreeSet<Socket>,
}

in_parts!(Mutant { handfast: Handfast, behind: BTreeSet<Socket> } and { flaw: Flaw });

impl Mutant {
    /// Nodes that run, with this flaw.
    pub fn new(handfast: Handfast, flaw: Flaw) -> Self {
        let duplicates = match flaw {
            Flaw::BothCloseDuplicate => Duplicates::KeepOld,
            Flaw::KeepsDuplicate => Duplicates::Allow(2),
            _ => return Self { handfast, flaw, behind: BTreeSet::new() },
        };
        let config = Config { duplicates, ..*handfast.config() };
        let links: Vec<_> = handfast.links().collect();
        Self { handfast: Handfast::new(config, &links), flaw, behind: BTreeSet::new() }
    }

    fn take(&mut self, action: Action, outputs: &mut Outputs) -> Step {
        match (self.flaw, action) {
            (Flaw::RoleFromDirection, Action::Settle { socket }) => self.settle_by_direction(socket, outputs),
            (Flaw::UpBeforeRole, Action::Announce { socket }) => self.announce_unproven(socket, outputs),
            (Flaw::TieBeforeKey, Action::Announce { socket }) => self.break_tie_early(socket, outputs),
            (Flaw::CrossedByDirection | Flaw::RankIgnored, Action::Prove { socket }) => {
                self.prove_unranked(socket, outputs)
            }
            (Flaw::StopsBeforeLastDown, Action::Finish { node }) => self.finish_early(node, outputs),
            (Flaw::AcceptsBehindMarker, Action::Write { socket }) => self.write_behind_marker(socket, outputs),
            (Flaw::AcknowledgedIsRead, Action::End { socket }) => self.end_as_acknowledged(socket, outputs),
            (Flaw::WinnerDoesNotWait, Action::Announce { socket }) => self.announce_at_once(socket, outputs),
            (Flaw::BanEndsWrongOne, Action::Ban { node, peer }) => self.ban_another(node, peer, outputs),
            (Flaw::ClosesTwice, Action::Confirm { socket }) => self.confirm_and_close(socket, outputs),
            (Flaw::ForgetsBody, Action::Shutdown { socket }) if self.reads(socket) => Err(Refusal::Waits),
            (Flaw::IgnoresEnd, Action::Read { socket }) if self.is_told_gone(socket) => Err(Refusal::Nothing),
            _ => self.handfast.take(action, outputs),
        }
    }

    fn reads(&self, socket: Socket) -> bool {
        self.handfast.task(socket).body == Body::Reads
    }

    fn is_told_gone(&self, socket: Socket) -> bool {
        matches!(self.handfast.next_item(socket), Some(Item::End(Ending::Gone)))
    }

    fn settle_by_direction(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let role = match self.handfast.link(socket).dialed.direction(socket.end) {
            Direction::Outbound => Role::Initiator,
            Direction::Inbound => Role::Responder,
        };
        self.handfast.settle_as(socket, role, outputs)
    }

    /// The key is that of the node that was dialed.
    fn announce_unproven(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let task = *self.handfast.task(socket);
        if task.stage != Stage::Negotiating || task.ending {
            return self.handfast.take(Action::Announce { socket }, outputs);
        }
        let (home, peer) = (self.handfast.home(socket), self.handfast.home(socket.peer()));
        let done = lifecycle::Action::HandshakeDone { session: task.session, key: key(peer) };
        self.handfast.ask(home, done, Cause::Other, outputs)?;
        let announce = lifecycle::Action::Announce { session: task.session };
        self.handfast.ask(home, announce, Cause::Tie(socket), outputs)
    }

    /// A session that has a rival is compared with it before its upgrade is over. That it goes on then is handfast's way.
    fn break_tie_early(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let task = *self.handfast.task(socket);
        let rival = self.handfast.rival(socket).filter(|&rival| !self.handfast.task(rival).ending);
        let (Stage::Upgrading, false, Some(rival)) = (task.stage, task.ending, rival) else {
            return self.handfast.take(Action::Announce { socket }, outputs);
        };
        let (home, peer) = (self.handfast.home(socket), self.handfast.home(socket.peer()));
        let preferred = Direction::preferred(key(home), key(peer));
        let loser = if self.handfast.link(socket).dialed.direction(socket.end) == preferred { rival } else { socket };
        let winner = if loser == socket { rival } else { socket };
        let session = self.handfast.task(loser).session;
        self.handfast.ask(home, lifecycle::Action::Disconnect { session }, Cause::Tie(winner), outputs)
    }

    fn prove_unranked(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        self.handfast.may_prove(socket)?;
        self.handfast.become_proven(socket, outputs)
    }

    fn finish_early(&mut self, node: NodeId, outputs: &mut Outputs) -> Step {
        if self.handfast.nodes[node.index()].phase != Phase::Stopping {
            return Err(Refusal::NotRunning);
        }
        self.handfast.nodes[node.index()].phase = Phase::Stopped;
        outputs.push(Output::Stopped(node));
        Ok(())
    }

    fn write_behind_marker(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        if !self.handfast.task(socket).has_marked() {
            return self.handfast.take(Action::Write { socket }, outputs);
        }
        self.handfast.may_write(socket)?;
        if !self.behind.insert(socket) {
            return Err(Refusal::NoMore);
        }
        outputs.push(Output::Accepted(socket));
        Ok(())
    }

    fn end_as_acknowledged(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let task = *self.handfast.task(socket);
        self.handfast.take(Action::End { socket }, outputs)?;
        for output in outputs {
            if let (Output::Reported(_, is_clean), Sending::Over { clean }) = (output, task.sending) {
                *is_clean = clean;
            }
        }
        Ok(())
    }

    /// The registry is told that the loser is gone, and the loser goes on until it has ended.
    fn announce_at_once(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let rival = self.handfast.rival(socket);
        self.handfast.take(Action::Announce { socket }, outputs)?;
        let Some(rival) = rival.filter(|&rival| outputs.contains(&Output::Beaten(rival, socket))) else {
            return Ok(());
        };
        let home = self.handfast.home(socket);
        let session = self.handfast.task(rival).session;
        let mut unheard = Vec::new();
        self.handfast.ask(home, lifecycle::Action::Abort { session }, Cause::Other, &mut unheard)?;
        let session = self.handfast.task(socket).session;
        self.handfast.ask(home, lifecycle::Action::Announce { session }, Cause::Tie(socket), outputs)?;
        self.handfast.task_mut(rival).stage = Stage::Down;
        outputs.extend(unheard);
        Ok(())
    }

    fn ban_another(&mut self, node: NodeId, peer: NodeId, outputs: &mut Outputs) -> Step {
        self.handfast.running(node)?;
        let others = (0..self.handfast.config().nodes).map(NodeId).filter(|&other| other != node && other != peer);
        outputs.push(Output::Banned(node, peer));
        for other in others {
            self.handfast.ask(node, lifecycle::Action::Ban { key: key(other) }, Cause::Other, outputs)?;
        }
        Ok(())
    }

    fn confirm_and_close(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        self.handfast.take(Action::Confirm { socket }, outputs)?;
        outputs.push(Output::Closed(socket));
        Ok(())
    }
}

impl Machine for Mutant {
    type Protocol = Protocol;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Vec::new();
        self.take(*action, &mut outputs).map(|()| outputs).into()
    }
}

impl Design for Mutant {
    fn at_rest(&self) -> bool {
        self.handfast.at_rest()
    }

    fn header(&self) -> Value {
        self.handfast.header()
    }

    fn waits(&self) -> Vec<String> {
        self.handfast.waits_in(self)
    }
}
