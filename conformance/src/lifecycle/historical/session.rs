//! The tasks of one connection: `start` (S), the negotiation (N) and the watcher (L).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use handfast_spec::lifecycle::{Key, Output};
use model::lifecycle::btcd::{
    Action, Adder, Event, Gate, OnVersion, Ready, Select, Signal, Spawn, StartWait, Task, Teller,
};

use super::channel::only_if;
use super::node::{Node, Peer};

/// How long a handshake may take.
const NEGOTIATE_TIMEOUT: Duration = Duration::from_secs(30);

/// `start`: waits for the negotiation, or for its timer.
pub(super) async fn start(node: Arc<Node>, peer: Arc<Peer>) {
    let (pace, id) = (&node.pace, peer.id);
    let negotiated = |wanted| {
        let peer = &peer;
        async move { only_if(peer.negotiated.wait().await == wanted).await }
    };
    let quits = async || {
        peer.quit.wait().await;
        only_if(node.switches.start == StartWait::Quit).await;
    };
    tokio::select! {
        () = pace.when(Action::Started(id), || negotiated(true)) => {
            peer.started.set(());
        }
        () = pace.when(Action::StartFailed(id), || negotiated(false)) => {
            peer.disconnect(pace, Task::Start, Output::Disconnecting(id)).await;
        }
        () = pace.timer(Action::Expire(id), NEGOTIATE_TIMEOUT) => {
            peer.disconnect(pace, Task::Start, Output::TimedOut(id)).await;
        }
        () = pace.when(Action::StartQuits(id), quits) => {}
    }
}

/// The negotiation, from where versions have been exchanged.
pub(super) async fn negotiate(node: Arc<Node>, peer: Arc<Peer>) {
    let (pace, id) = (&node.pace, peer.id);
    if node.switches.version == OnVersion::Tells {
        node.send_news(Action::NewPeer(id, Task::Negotiation), &peer, Event::Add).await;
    }
    let verack = async || {
        peer.verack.wait().await;
        only_if(!peer.socket_closed.is_closed()).await;
    };
    let completed = tokio::select! {
        () = pace.when(Action::Verack(id), verack) => true,
        () = pace.when(Action::ReadError(id), || peer.socket_closed.wait()) => false,
    };
    if completed {
        pace.at(Action::SetFlag(id)).await;
        peer.verack_received.set();
        pace.tell(Output::HandshakeDone(id, Key(id.0)));
        pace.tell(Output::PeerAhead(id));
        match node.switches.adder {
            Adder::Negotiation => node.send_event(Action::SendAdd(id, Task::Negotiation), &peer, Event::Add).await,
            Adder::Watcher | Adder::Both => {
                if on_verack(&node, &peer, Task::Negotiation).await.is_err() {
                    return;
                }
                if node.switches.adder == Adder::Both {
                    node.send_event(Action::SendAdd(id, Task::Negotiation), &peer, Event::Add).await;
                }
            }
        }
    }
    pace.at(Action::Report(id)).await;
    peer.negotiated.set(completed);
}

/// The task died of a channel that was closed twice.
struct Died;

/// `OnVerAck`: says that the handshake is complete.
async fn on_verack(node: &Node, peer: &Peer, by: Task) -> Result<(), Died> {
    let (pace, id) = (&node.pace, peer.id);
    pace.at(Action::OnVerAck(id, by)).await;
    match node.switches.signal {
        Signal::Once => {
            if !peer.signalled.set(()) {
                pace.tell(Output::HandshakeDoneTwice(id));
            }
            return Ok(());
        }
        Signal::Check => {
            if peer.signalled.is_closed() {
                pace.tell(Output::HandshakeDoneTwice(id));
                return Ok(());
            }
            pace.at(Action::CloseVerAck(id, by)).await;
        }
        Signal::Bare => {}
    }
    if catch_unwind(AssertUnwindSafe(|| peer.signalled.close())).is_err() {
        // The task recovers by a disconnect, and ends.
        pace.tell(Output::Panicked(id));
        peer.disconnect(pace, by, Output::Disconnecting(id)).await;
        return Err(Died);
    }
    Ok(())
}

/// A second caller of `OnVerAck`, which the wire does not allow.
pub(super) async fn call_again(node: Arc<Node>, peer: Arc<Peer>) {
    let _ = on_verack(&node, &peer, Task::Reader).await;
}

/// Disconnects the peer: the peer itself does, by closing the connection, or a task of this node.
pub(super) async fn end(node: Arc<Node>, peer: Arc<Peer>) {
    peer.disconnect(&node.pace, Task::Reader, Output::Disconnecting(peer.id)).await;
}

/// The watcher: `peerDoneHandler`, later `peerLifecycleHandler`.
pub(super) async fn watch(node: Arc<Node>, peer: Arc<Peer>) {
    let (pace, id, switches) = (&node.pace, peer.id, &node.switches);
    if switches.spawn == Spawn::AfterStart {
        peer.started.wait().await;
    }
    let sends_add = match switches.adder {
        Adder::Negotiation => false,
        Adder::Watcher | Adder::Both => true,
    };
    if sends_add && is_shaken(&node, &peer).await {
        node.send_event(Action::SendAdd(id, Task::Watcher), &peer, Event::Add).await;
        if switches.gate == Gate::PeerAdded {
            pace.at(Action::SetAdded(id)).await;
            peer.peer_added.set();
        }
    }
    pace.when(Action::Wake(id, Ready::Quit), || peer.quit.wait()).await;
    node.send_event(Action::SendDone(id), &peer, Event::Done).await;
    if switches.teller == Teller::Watcher {
        pace.at(Action::WatcherGate(id)).await;
        if node.gate(&peer) {
            node.send_news(Action::DonePeer(id, Task::Watcher), &peer, Event::Done).await;
        }
    }
}

/// Waits for the handshake or the end; whether it took notice of the handshake. Where both have come it is a matter of
/// chance, or of the bias.
async fn is_shaken(node: &Node, peer: &Peer) -> bool {
    let (pace, id) = (&node.pace, peer.id);
    let quit = async || {
        peer.quit.wait().await;
        only_if(node.switches.select == Select::Random || !peer.signalled.is_closed()).await;
    };
    tokio::select! {
        () = pace.when(Action::Wake(id, Ready::VerAck), || peer.signalled.wait()) => true,
        () = pace.when(Action::Wake(id, Ready::Quit), quit) => false,
    }
}
