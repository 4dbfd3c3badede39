//! The server loop (H), `peerHandler`.

use std::sync::Arc;

use handfast_spec::lifecycle::{Event as Heard, Output, SELECTOR, SessionId};
use model::lifecycle::btcd::{Action, Drain, Event, Evictor, Guard, Retract, Task, Teller, Verdict};

use super::channel::{Inbox, News, Notice, only_if};
use super::node::{Node, Peer, locked};

/// The server loop and the channels that it alone receives from.
pub(super) struct Server {
    pub(super) node: Arc<Node>,
    pub(super) lifecycle: Inbox<Notice>,
    pub(super) done_peers: Inbox<Notice>,
    /// It has disconnected every peer and serves until all have ended.
    pub(super) is_draining: bool,
}

impl Server {
    /// Serves until the node stops. A select takes any of what is ready.
    pub(super) async fn run(mut self) {
        let node = Arc::clone(&self.node);
        let pace = &node.pace;
        loop {
            let is_drained = self.is_draining && node.peers().iter().all(|peer| peer.done.is_set());
            let is_serving = !self.is_draining;
            let stops = async || {
                node.stopping.wait().await;
                only_if(is_serving).await;
            };
            tokio::select! {
                Some(notice) = self.lifecycle.receive() => self.take(notice).await,
                Some(notice) = self.done_peers.receive() => self.take(notice).await,
                () = pace.when(Action::StopServer, stops) => {
                    self.sweep().await;
                    match node.switches.drain {
                        Drain::OneShot => {
                            pace.at(Action::StopManager).await;
                            break;
                        }
                        Drain::UntilEmpty => self.is_draining = true,
                    }
                }
                () = pace.when(Action::StopManager, || only_if(is_drained)) => break,
            }
        }
        self.stop().await;
    }

    async fn take(&mut self, Notice { peer, event }: Notice) {
        match event {
            Event::Add => self.add(&peer).await,
            Event::Done => self.done(&peer).await,
        }
    }

    /// `handleAddPeerMsg`.
    async fn add(&self, peer: &Arc<Peer>) {
        let (node, id) = (&self.node, peer.id);
        let pace = &node.pace;
        pace.tell(Output::Announced(id));
        pace.at(Action::Guard(id)).await;
        if node.switches.guard == Guard::Present && !peer.is_connected() {
            return;
        }
        if node.room.screens {
            let objects = || async {
                only_if(node.objection(peer).is_some()).await;
                node.objection(peer)
            };
            let objection = tokio::select! {
                objection = pace.when(Action::Screen(id, Verdict::Reject), objects) => objection,
                () = pace.when(Action::Screen(id, Verdict::Admit), || only_if(node.objection(peer).is_none())) => None,
            };
            if let Some(reason) = objection {
                pace.tell(Output::Rejected(id, reason));
                return peer.disconnect(pace, Task::Server, Output::Disconnecting(id)).await;
            }
        }
        pace.at(Action::Insert(id)).await;
        locked(&node.map, |map| map.insert(id));
        pace.tell(Output::Registered(id));
        node.send_news(Action::NewPeer(id, Task::Server), peer, Event::Add).await;
        peer.told.set();
    }

    /// `handleDonePeerMsg`.
    async fn done(&self, peer: &Arc<Peer>) {
        let (node, id) = (&self.node, peer.id);
        let pace = &node.pace;
        pace.at(Action::Delete(id)).await;
        let was_in_map = locked(&node.map, |map| map.remove(&id));
        peer.done.set();
        pace.tell(Output::Ended(id));
        if was_in_map {
            pace.tell(Output::Removed(id));
        }
        let retracts = match node.switches.retract {
            Retract::Always => true,
            Retract::IfPresent => was_in_map,
        };
        if node.switches.teller == Teller::Server && retracts {
            pace.at(Action::ServerGate(id)).await;
            if node.gate(peer) {
                node.send_news(Action::DonePeer(id, Task::Server), peer, Event::Done).await;
            }
        }
    }

    /// Disconnects the peers of the map; or, where the drain is right, all that have not ended.
    async fn sweep(&self) {
        let node = &self.node;
        for peer in node.peers() {
            node.pace.at(Action::Sweep(peer.id)).await;
            let is_swept = match node.switches.drain {
                Drain::OneShot => locked(&node.map, |map| map.contains(&peer.id)),
                Drain::UntilEmpty => !peer.done.is_set(),
            };
            if is_swept {
                peer.disconnect(&node.pace, Task::Server, Output::Disconnecting(peer.id)).await;
            }
        }
    }

    /// Stops the sync manager, waits for its end, and empties the channels once.
    async fn stop(mut self) {
        let node = &self.node;
        node.manager_stopping.set(());
        node.pace.when(Action::ServerEnds, || node.manager_ended.wait()).await;
        self.lifecycle.clear();
        self.done_peers.clear();
        node.pace.tell(Output::ShutdownComplete);
        // A channel of Go outlives its receiver: whoever sends now fills it, and then waits for ever.
        std::future::pending::<()>().await;
    }
}

// The sync manager (B), `blockHandler`, as far as it knows its peers. Every peer is a candidate.

pub(super) struct Manager {
    pub(super) node: Arc<Node>,
    pub(super) messages: Inbox<News>,
}

impl Manager {
    pub(super) async fn run(mut self) {
        let node = Arc::clone(&self.node);
        loop {
            let ends = async || {
                node.manager_stopping.wait().await;
                let is_finished = match node.switches.drain {
                    Drain::OneShot => true,
                    Drain::UntilEmpty => node.is_told_everything(),
                };
                only_if(is_finished).await;
            };
            tokio::select! {
                Some(News { peer, event }) = self.messages.receive() => match event {
                    Event::Add => self.new_peer(peer.id),
                    Event::Done => self.done_peer(peer.id),
                },
                () = node.pace.when(Action::ManagerEnds, ends) => break,
            }
        }
        node.manager_ended.set(());
        // Its channel outlives it, as Go's do.
        std::future::pending::<()>().await;
    }

    /// Nothing asks whether the peer is alive, and nothing remembers one that was unknown when its end came.
    fn new_peer(&self, id: SessionId) {
        let pace = &self.node.pace;
        locked(&self.node.manager, |(peers, _)| peers.insert(id));
        pace.tell(Output::Heard(SELECTOR, Heard::Up(id)));
        pace.tell(Output::Heeded(id));
        self.start_sync();
    }

    fn done_peer(&self, id: SessionId) {
        let pace = &self.node.pace;
        pace.tell(Output::Heard(SELECTOR, Heard::Down(id)));
        let (was_known, was_sync_peer) =
            locked(&self.node.manager, |(peers, sync)| (peers.remove(&id), sync.take_if(|sync| *sync == id).is_some()));
        if was_sync_peer && !self.start_sync() {
            pace.tell(Output::Active(None));
        }
        if was_known && self.node.switches.evictor == Evictor::Manager {
            pace.tell(Output::Dropped(id));
        }
    }

    /// Picks the oldest candidate, where there is none; whether one was picked.
    fn start_sync(&self) -> bool {
        let picked = locked(&self.node.manager, |(peers, sync)| {
            if sync.is_some() {
                return None;
            }
            *sync = peers.first().copied();
            *sync
        });
        if picked.is_some() {
            self.node.pace.tell(Output::Active(picked));
        }
        picked.is_some()
    }
}
