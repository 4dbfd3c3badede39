//! The steps of a session's task, of its body, and of a node.

use handfast_spec::lifecycle::{self, DIALED_BY_BOTH, Event, Origin, Reason, SessionId};
use handfast_spec::node::{Dialed, Ending, NodeId, Output, Refusal, Role, Socket};
use handfast_spec::{Machine, Observation};

use super::machine::{Body, Handfast, NONE, Node, Outputs, Phase, SUBSCRIBER, Sending, Stage, Step, key};

/// What a body is given next.
pub(super) enum Item {
    Frame,
    End(Ending),
}

/// Why a registry did what it did.
#[derive(Clone, Copy)]
pub(super) enum Cause {
    /// This session is to be announced, so that another one loses the tie, or this one.
    Tie(Socket),
    /// Anything else.
    Other,
}

/// From a connection to a session.
impl Handfast {
    /// The slot is taken before anything is said.
    pub(super) fn open(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let (home, peer) = (self.home(socket), self.home(socket.peer()));
        if self.nodes[home.index()].phase == Phase::Crashed {
            return Err(Refusal::NotRunning);
        }
        if self.task(socket).stage != Stage::Unopened {
            return Err(Refusal::NotNow);
        }
        let direction = self.link(socket).dialed.direction(socket.end);
        let session = SessionId(self.nodes[home.index()].opened);
        self.nodes[home.index()].opened += 1;
        let task = self.task_mut(socket);
        (task.stage, task.session) = (Stage::Negotiating, session);
        outputs.push(Output::Opened(socket, home, peer, direction));
        let origin = Origin { direction, ..Origin::PLAIN };
        self.ask(home, lifecycle::Action::Open { session, origin }, Cause::Other, outputs)
    }

    /// NODE-3: the role is what the negotiation gives, whatever the direction. SIM-11: it has heard what the other end says.
    pub(super) fn settle(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let role = self.link(socket).dialed.role(socket.end);
        self.settle_as(socket, role, outputs)
    }

    pub(super) fn settle_as(&mut self, socket: Socket, role: Role, outputs: &mut Outputs) -> Step {
        self.handshaking(socket, Stage::Negotiating)?;
        let peer = self.task(socket.peer());
        if peer.stage != Stage::Negotiating && peer.role.is_none() {
            return Err(Refusal::Waits);
        }
        let task = self.task_mut(socket);
        (task.stage, task.role) = (Stage::Upgrading, Some(role));
        outputs.push(Output::Settled(socket, role));
        Ok(())
    }

    /// NODE-7: the key is what the other end has proved, in the opposite role. NODE-2, NODE-13: what no direction tells, a
    /// rank does.
    pub(super) fn prove(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        self.may_prove(socket)?;
        let (home, session) = (self.home(socket), self.task(socket).session);
        let link = self.link(socket);
        let rank = match link.dialed {
            Dialed::Both(_) => DIALED_BY_BOTH,
            Dialed::Left | Dialed::Right => link.rank,
        };
        self.ask(home, lifecycle::Action::Rank { session, rank }, Cause::Other, outputs)?;
        self.become_proven(socket, outputs)
    }

    pub(super) fn may_prove(&self, socket: Socket) -> Step {
        self.handshaking(socket, Stage::Upgrading)?;
        let (own, peer) = (self.task(socket), self.task(socket.peer()));
        let are_opposite = own.role.is_some_and(|role| peer.role == Some(role.opposite()));
        if are_opposite && (peer.is_open() || peer.proven) { Ok(()) } else { Err(Refusal::Waits) }
    }

    pub(super) fn become_proven(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let (home, peer, session) = (self.home(socket), self.home(socket.peer()), self.task(socket).session);
        let task = self.task_mut(socket);
        (task.stage, task.proven) = (Stage::Proven, true);
        outputs.push(Output::Proven(socket));
        self.ask(home, lifecycle::Action::HandshakeDone { session, key: key(peer) }, Cause::Other, outputs)
    }

    /// NODE-1, NODE-4, NODE-8: the registry breaks the tie, and tells the loser to end before the winner is announced.
    pub(super) fn announce(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        self.handshaking(socket, Stage::Proven)?;
        let (home, session) = (self.home(socket), self.task(socket).session);
        self.ask(home, lifecycle::Action::Announce { session }, Cause::Tie(socket), outputs)
    }

    fn handshaking(&self, socket: Socket, stage: Stage) -> Step {
        let task = self.task(socket);
        match task.stage == stage {
            false => Err(Refusal::NotNow),
            true if task.ending => Err(Refusal::Ending),
            true => Ok(()),
        }
    }
}

/// From Up to Down.
impl Handfast {
    /// What the accepted frames of the other end come to at this one. A frame is in this kernel as soon as it is accepted.
    pub(super) fn next_item(&self, socket: Socket) -> Option<Item> {
        let (own, peer) = (self.task(socket), self.task(socket.peer()));
        if peer.accepted > own.taken {
            return Some(Item::Frame);
        }
        if peer.has_marked() {
            return Some(Item::End(Ending::Marker));
        }
        self.is_gone(socket.peer()).then_some(Item::End(Ending::Gone))
    }

    /// Whether an end is closed, or can never be opened.
    fn is_gone(&self, socket: Socket) -> bool {
        match self.task(socket).stage {
            Stage::Unopened => self.nodes[self.home(socket).index()].phase == Phase::Crashed,
            Stage::Closed => true,
            Stage::Negotiating | Stage::Upgrading | Stage::Proven | Stage::Rejected | Stage::Up | Stage::Down => false,
        }
    }

    /// NODE-5: nothing is accepted behind the marker.
    pub(super) fn write(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        self.may_write(socket)?;
        if self.task(socket).has_marked() {
            return Err(Refusal::Ending);
        }
        self.send(socket);
        self.task_mut(socket).accepted += 1;
        outputs.push(Output::Accepted(socket));
        Ok(())
    }

    pub(super) fn may_write(&self, socket: Socket) -> Step {
        let task = self.task(socket);
        if task.stage != Stage::Up || task.body != Body::Reads {
            return Err(Refusal::NotNow);
        }
        if task.accepted == self.config.frames { Err(Refusal::NoMore) } else { Ok(()) }
    }

    /// What is sent to an end that is closed resets the connection.
    fn send(&mut self, socket: Socket) {
        if self.is_gone(socket.peer()) {
            self.task_mut(socket).reset = true;
        }
    }

    /// FRM-4, FRM-13: whole frames in order, and then the end.
    pub(super) fn read(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let task = self.task(socket);
        if task.stage != Stage::Up || task.body != Body::Reads {
            return Err(Refusal::NotNow);
        }
        match self.next_item(socket) {
            None => return Err(Refusal::Nothing),
            Some(Item::Frame) => {
                self.task_mut(socket).taken += 1;
                outputs.push(Output::Delivered(socket));
            }
            Some(Item::End(ending)) => self.end_body(socket, ending, outputs),
        }
        Ok(())
    }

    fn end_body(&mut self, socket: Socket, ending: Ending, outputs: &mut Outputs) {
        self.task_mut(socket).body = Body::Ended(ending);
        outputs.push(Output::Ended(socket, ending));
    }

    pub(super) fn leave(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let task = self.task_mut(socket);
        if task.stage != Stage::Up || task.body != Body::Reads {
            return Err(Refusal::NotNow);
        }
        task.body = Body::Left;
        outputs.push(Output::Left(socket));
        Ok(())
    }

    /// NODE-5: the marker is behind everything that was accepted. It is sent when the session is told to end, or its body
    /// has returned.
    pub(super) fn shut_down(&mut self, socket: Socket) -> Step {
        let task = self.task(socket);
        let is_due = task.ending || task.body != Body::Reads;
        if task.stage != Stage::Up || !is_due || task.has_marked() {
            return Err(Refusal::NotNow);
        }
        self.send(socket);
        self.task_mut(socket).sending = Sending::Marked;
        Ok(())
    }

    /// FRM-6: everything is in the other kernel, unless the connection was reset.
    pub(super) fn confirm(&mut self, socket: Socket) -> Step {
        let task = self.task_mut(socket);
        if task.stage != Stage::Up || task.sending != Sending::Marked {
            return Err(Refusal::NotNow);
        }
        task.sending = Sending::Over { clean: !task.reset };
        Ok(())
    }

    /// NODE-10, NODE-12: a handshake and a drain take only so long.
    pub(super) fn expire(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let (task, home) = (*self.task(socket), self.home(socket));
        match task.stage {
            Stage::Unopened | Stage::Rejected | Stage::Down | Stage::Closed => Err(Refusal::NotNow),
            Stage::Negotiating | Stage::Upgrading | Stage::Proven if task.ending => Err(Refusal::Ending),
            Stage::Negotiating | Stage::Upgrading | Stage::Proven => {
                self.ask(home, lifecycle::Action::Expire { session: task.session }, Cause::Other, outputs)
            }
            Stage::Up => self.expire_drain(socket, outputs),
        }
    }

    /// FRM-12, FRM-13: the deadline ends the shutdown, and the wait of the reader.
    fn expire_drain(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let reads = self.task(socket).body == Body::Reads;
        let task = self.task_mut(socket);
        match task.sending {
            Sending::Open => return Err(Refusal::NotNow),
            Sending::Over { .. } if !reads => return Err(Refusal::NotNow),
            Sending::Marked => task.sending = Sending::Over { clean: false },
            Sending::Over { .. } => {}
        }
        if reads {
            self.end_body(socket, Ending::Deadline, outputs);
        }
        Ok(())
    }

    /// NODE-4, NODE-5, NODE-12: the frames are reported, and then the guard runs. A handshake ends where it was told to, or where it
    /// cannot go on without the other end.
    pub(super) fn end(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let (task, home) = (*self.task(socket), self.home(socket));
        let (peer, is_alone) = (*self.task(socket.peer()), self.is_gone(socket.peer()));
        let fails = match task.stage {
            Stage::Unopened | Stage::Down | Stage::Closed => return Err(Refusal::NotNow),
            Stage::Rejected => true,
            Stage::Negotiating => is_alone && peer.role.is_none(),
            Stage::Upgrading => is_alone && !peer.proven,
            Stage::Proven => false,
            Stage::Up => return self.end_session(socket, outputs),
        };
        if !fails && !task.ending {
            return Err(Refusal::Waits);
        }
        self.run_guard(home, socket, outputs)
    }

    fn end_session(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let (task, home) = (*self.task(socket), self.home(socket));
        let Sending::Over { clean } = task.sending else { return Err(Refusal::NotNow) };
        match task.body {
            Body::Reads => return Err(Refusal::Waits),
            Body::Ended(ending) => self.report(socket, clean && ending == Ending::Marker, outputs),
            Body::Left => self.report(socket, false, outputs),
        }
        self.run_guard(home, socket, outputs)
    }

    /// NODE-5: what is in the kernel of a peer that has not ended in order may never be read.
    fn report(&mut self, socket: Socket, is_clean: bool, outputs: &mut Outputs) {
        outputs.push(Output::Reported(socket, is_clean));
    }

    fn run_guard(&mut self, home: NodeId, socket: Socket, outputs: &mut Outputs) -> Step {
        let session = self.task(socket).session;
        // The guard is the same whether the session was told to end or ends by itself.
        self.ask(home, lifecycle::Action::Abort { session }, Cause::Other, outputs)?;
        self.task_mut(socket).stage = Stage::Down;
        Ok(())
    }

    /// NODE-6: the task drops the connection when its guard has run.
    pub(super) fn close(&mut self, socket: Socket, outputs: &mut Outputs) -> Step {
        let (task, home) = (*self.task(socket), self.home(socket));
        if task.stage != Stage::Down {
            return Err(Refusal::NotNow);
        }
        self.close_socket(socket);
        self.ask(home, lifecycle::Action::Close { session: task.session }, Cause::Other, outputs)
    }

    /// What was not read makes the other kernel lose what it had not sent.
    pub(super) fn close_socket(&mut self, socket: Socket) {
        let (task, peer) = (*self.task(socket), *self.task(socket.peer()));
        let has_read = task.taken == peer.accepted && (!peer.has_marked() || task.body == Body::Ended(Ending::Marker));
        self.task_mut(socket).stage = Stage::Closed;
        self.task_mut(socket.peer()).reset |= !has_read;
    }
}

/// What happens to a node.
impl Handfast {
    /// NODE-9: the registry tells the sessions with the key to end, and rejects what has it later.
    pub(super) fn ban(&mut self, node: NodeId, peer: NodeId, outputs: &mut Outputs) -> Step {
        self.running(node)?;
        outputs.push(Output::Banned(node, peer));
        self.ask(node, lifecycle::Action::Ban { key: key(peer) }, Cause::Other, outputs)
    }

    pub(super) fn stop(&mut self, node: NodeId, outputs: &mut Outputs) -> Step {
        self.running(node)?;
        self.nodes[node.index()].phase = Phase::Stopping;
        outputs.push(Output::Stopping(node));
        self.ask(node, lifecycle::Action::Shutdown, Cause::Other, outputs)
    }

    /// NODE-11, NODE-15: the last Down was announced, and the last connection is closed.
    pub(super) fn finish(&mut self, node: NodeId, outputs: &mut Outputs) -> Step {
        if self.nodes[node.index()].phase != Phase::Stopping {
            return Err(Refusal::NotRunning);
        }
        if self.sockets().any(|socket| self.home(socket) == node && self.task(socket).is_open()) {
            return Err(Refusal::Waits);
        }
        self.ask(node, lifecycle::Action::Finish, Cause::Other, outputs)?;
        self.nodes[node.index()].phase = Phase::Stopped;
        outputs.push(Output::Stopped(node));
        Ok(())
    }

    /// NODE-14: the kernel closes the connections of a process that is gone.
    pub(super) fn crash(&mut self, node: NodeId, outputs: &mut Outputs) -> Step {
        match self.nodes[node.index()].phase {
            Phase::Running | Phase::Stopping => {}
            Phase::Stopped | Phase::Crashed => return Err(Refusal::NotRunning),
        }
        let duplicates = self.config.duplicates;
        self.nodes[node.index()] = Node { phase: Phase::Crashed, ..Node::new(node, duplicates) };
        for socket in self.sockets().filter(|&socket| self.home(socket) == node).collect::<Vec<_>>() {
            if self.task(socket).is_open() {
                self.close_socket(socket);
            }
            self.task_mut(socket).session = NONE;
        }
        outputs.push(Output::Crashed(node));
        Ok(())
    }

    pub(super) fn restart(&mut self, node: NodeId, outputs: &mut Outputs) -> Step {
        if self.nodes[node.index()].phase != Phase::Crashed {
            return Err(Refusal::NotRunning);
        }
        self.nodes[node.index()].phase = Phase::Running;
        outputs.push(Output::Restarted(node));
        Ok(())
    }

    pub(super) fn running(&self, node: NodeId) -> Step {
        if self.nodes[node.index()].phase == Phase::Running { Ok(()) } else { Err(Refusal::NotRunning) }
    }
}

/// Between a node and its registry.
impl Handfast {
    /// Steps a node's registry, and tells the tasks of its sessions, and its subscriber, what came of it.
    pub(super) fn ask(&mut self, node: NodeId, action: lifecycle::Action, cause: Cause, outputs: &mut Outputs) -> Step {
        match self.nodes[node.index()].registry.step(&action) {
            Observation::Refused(refusal) => return Err(refused(refusal)),
            Observation::Accepted(told) => told.into_iter().for_each(|told| self.on_output(node, told, cause, outputs)),
        }
        // Slow subscribers are lifecycle's own subject: this one takes at once what is queued.
        let receive = lifecycle::Action::Receive { subscriber: SUBSCRIBER };
        while let Observation::Accepted(told) = self.nodes[node.index()].registry.step(&receive) {
            told.into_iter().for_each(|told| self.on_output(node, told, cause, outputs));
        }
        Ok(())
    }

    fn on_output(&mut self, node: NodeId, output: lifecycle::Output, cause: Cause, outputs: &mut Outputs) {
        let session = match output {
            lifecycle::Output::Rejected(session, _)
            | lifecycle::Output::Disconnecting(session)
            | lifecycle::Output::TimedOut(session)
            | lifecycle::Output::Registered(session)
            | lifecycle::Output::Closed(session)
            | lifecycle::Output::Heard(_, Event::Up(session) | Event::Down(session)) => session,
            // What else a registry tells, it tells to no session and to no subscriber.
            _ => return,
        };
        let Some(socket) = self.holder(node, session) else { return };
        match (output, cause) {
            (lifecycle::Output::Rejected(_, reason), cause) => {
                self.task_mut(socket).stage = Stage::Rejected;
                outputs.push(Output::Rejected(socket, reason));
                if let (Reason::Duplicate, Cause::Tie(_), Some(winner)) = (reason, cause, self.rival(socket)) {
                    outputs.push(Output::Beaten(socket, winner));
                }
            }
            (lifecycle::Output::Disconnecting(_), Cause::Tie(winner)) => {
                self.task_mut(socket).ending = true;
                outputs.push(Output::Beaten(socket, winner));
            }
            (lifecycle::Output::Disconnecting(_), Cause::Other) => {
                self.task_mut(socket).ending = true;
                outputs.push(Output::ToldToEnd(socket));
            }
            (lifecycle::Output::TimedOut(_), _) => {
                self.task_mut(socket).ending = true;
                outputs.push(Output::TimedOut(socket));
            }
            (lifecycle::Output::Registered(_), _) => self.task_mut(socket).stage = Stage::Up,
            (lifecycle::Output::Closed(_), _) => {
                self.task_mut(socket).stage = Stage::Closed;
                outputs.push(Output::Closed(socket));
            }
            (lifecycle::Output::Heard(_, Event::Up(_)), _) => outputs.push(Output::Up(socket)),
            (lifecycle::Output::Heard(_, Event::Down(_)), _) => outputs.push(Output::Down(socket)),
            // The others were left out above.
            _ => {}
        }
    }
}

fn refused(refusal: lifecycle::Refusal) -> Refusal {
    match refusal {
        lifecycle::Refusal::Ending => Refusal::Ending,
        lifecycle::Refusal::AlreadyBanned => Refusal::AlreadyBanned,
        lifecycle::Refusal::NoRoom | lifecycle::Refusal::WaitsForOld | lifecycle::Refusal::NotFinished => {
            Refusal::Waits
        }
        // The registry is at another point than the task, which asks only where it may be asked.
        _ => Refusal::NotNow,
    }
}
