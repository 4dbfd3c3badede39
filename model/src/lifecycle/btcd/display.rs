//! The steps of btcd's tasks, in words.

use core::fmt::{self, Display, Formatter};

use handfast_spec::lifecycle::SessionId;

use super::vocabulary::{Action, Event, Message, Ready, Task, Verdict};

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        use Task::{Negotiation, Reader, Start, Watcher};
        match *self {
            Self::Attach(s) => write!(f, "{s} is given its connection"),
            Self::Verack(s) => write!(f, "{}: reads the verack", Of(Negotiation, s)),
            Self::VerackAgain(s) => write!(f, "{}: a second verack", Of(Reader, s)),
            Self::Panic(s) => write!(f, "{}: panics, recovers, disconnect = 1", Of(Negotiation, s)),
            Self::ReadError(s) => write!(f, "{}: finds the connection closed", Of(Negotiation, s)),
            Self::SetFlag(s) => write!(f, "{}: verAckReceived = true", Of(Negotiation, s)),
            Self::OnVerAck(s, by) => write!(f, "{}: OnVerAck", Of(by, s)),
            Self::CloseVerAck(s, by) => write!(f, "{}: close(verAckCh)", Of(by, s)),
            Self::SendAdd(s, by) => write!(f, "{}: add is sent", Of(by, s)),
            Self::Report(s) => write!(f, "{}: negotiateErr is sent", Of(Negotiation, s)),
            Self::Started(s) => write!(f, "{}: the handshake succeeded", Of(Start, s)),
            Self::StartFailed(s) => write!(f, "{}: the handshake failed", Of(Start, s)),
            Self::Expire(s) => write!(f, "{}: the negotiation timer fires, disconnect = 1", Of(Start, s)),
            Self::StartQuits(s) => write!(f, "{}: finds quit closed", Of(Start, s)),
            Self::Disconnect(s) => write!(f, "{s}: disconnect = 1"),
            Self::CloseQuit(s, by) => write!(f, "{}: close(quit) of {s}", Of(by, s)),
            Self::Wake(s, on) => write!(f, "{}: finds {on} closed", Of(Watcher, s)),
            Self::SetAdded(s) => write!(f, "{}: peerAdded = true", Of(Watcher, s)),
            Self::SendDone(s) => write!(f, "{}: done is sent", Of(Watcher, s)),
            Self::WatcherGate(s) => write!(f, "{}: looks whether to tell the sync manager", Of(Watcher, s)),
            Self::NewPeer(s, by) => write!(f, "{}: NewPeer of {s} is sent", Of(by, s)),
            Self::DonePeer(s, by) => write!(f, "{}: DonePeer of {s} is sent", Of(by, s)),
            Self::Evict(s, by) => write!(f, "{}: orphans of {s} are evicted", Of(by, s)),
            Self::Transaction(s) => write!(f, "{}: reads a transaction", Of(Reader, s)),
            Self::Queue(s) => write!(f, "{}: passes the transaction to the sync manager", Of(Reader, s)),
            Self::ReaderEnds(s) => write!(f, "{}: ends", Of(Reader, s)),
            Self::Receive(s, event) => write!(f, "server loop: receives {event} of {s}"),
            Self::Guard(s) => write!(f, "server loop: looks whether {s} is connected"),
            Self::Screen(s, Verdict::Admit) => write!(f, "server loop: admits {s}"),
            Self::Screen(s, Verdict::Reject) => write!(f, "server loop: rejects {s}"),
            Self::Insert(s) => write!(f, "server loop: inserts {s} into its map"),
            Self::Ask(s) => write!(f, "server loop: IsCurrent is sent on behalf of {s}"),
            Self::Delete(s) => write!(f, "server loop: deletes {s} from its map"),
            Self::ServerGate(s) => write!(f, "server loop: looks whether to tell the sync manager of {s}"),
            Self::DisconnectNode(s) => write!(f, "server loop: disconnectnode deletes {s}, disconnect = 1"),
            Self::ReceiveRelay => f.write_str("server loop: receives what is to be relayed"),
            Self::Block => f.write_str("a block is queued for the sync manager"),
            Self::Handle(message) => write!(f, "sync manager: handles {message}"),
            Self::Relay => f.write_str("sync manager: relays the block to the server loop"),
            Self::Stop => f.write_str("the node is to stop"),
            Self::StopServer => f.write_str("server loop: notices that the node is to stop"),
            Self::Sweep(s) => write!(f, "server loop: stopping, comes to {s}"),
            Self::StopManager => f.write_str("server loop: stops the sync manager"),
            Self::ManagerEnds => f.write_str("sync manager: ends"),
            Self::ServerEnds => f.write_str("server loop: empties its channels and ends"),
        }
    }
}

/// A task, with the session that it belongs to.
struct Of(Task, SessionId);

impl Display for Of {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(task, session) = self;
        match task {
            Task::Start => write!(f, "start of {session}"),
            Task::Negotiation => write!(f, "negotiation of {session}"),
            Task::Watcher => write!(f, "watcher of {session}"),
            Task::Reader => write!(f, "reader of {session}"),
            Task::Server => f.write_str("server loop"),
        }
    }
}

impl Display for Ready {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VerAck => "verAckCh",
            Self::Quit => "quit",
        })
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "add",
            Self::Done => "done",
        })
    }
}

impl Display for Message {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewPeer(session) => write!(f, "NewPeer of {session}"),
            Self::DonePeer(session) => write!(f, "DonePeer of {session}"),
            Self::Transaction(session) => write!(f, "a transaction of {session}"),
            Self::Block => f.write_str("a block"),
            Self::IsCurrent => f.write_str("IsCurrent"),
        }
    }
}
