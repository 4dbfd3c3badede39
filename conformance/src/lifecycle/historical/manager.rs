//! The sync manager (B), `blockHandler`, as far as it knows its peers. Every peer is a candidate.

use std::sync::Arc;

use handfast_spec::lifecycle::{Event as Heard, Output, SELECTOR, SessionId};
use model::lifecycle::btcd::{Action, Drain, Event, Evictor};

use super::channel::{Inbox, News, only_if};
use super::node::{Node, locked};

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
