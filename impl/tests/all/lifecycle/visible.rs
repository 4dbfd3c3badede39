//! What can be seen of a node: metrics, the record and its errors, and what is printed for debugging.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use handfast::lifecycle::{Reason, StateError};

use crate::lifecycle::support::{Node, config, idle, node, shaking, up};

#[tokio::test(start_paused = true)]
async fn gauges_show_what_there_is() {
    let node = node(config());
    let events = [node.subscribe().unwrap(), node.subscribe().unwrap(), node.subscribe().unwrap()];
    let (mut first, _second, _third) = (up(&node, 1).await, up(&node, 2).await, shaking(&node));
    first.finish_body(Reason::Local);
    idle().await;
    let metrics = node.metrics();
    assert_eq!((metrics.sessions, metrics.pending), (2, 1));
    assert_eq!((metrics.subscribers, metrics.longest_queue), (3, 3), "Up, Up and Down are queued");
    drop(events);
    assert_eq!(node.metrics().longest_queue, 0);
}

/// A session that waits for the end of an older one of its peer holds up no announcement, and no subscriber it.
#[tokio::test(start_paused = true)]
async fn a_wait_for_an_older_session_is_not_counted_as_one_for_room() {
    let mut config = config().with_grace(std::time::Duration::from_secs(3_600));
    config.registry.duplicates = handfast::lifecycle::Duplicates::KeepNew;
    let node = node(config);
    let (_older, newer) = (up(&node, 1).await, up(&node, 1).await);
    assert_eq!((node.metrics().announced, newer.handle.ended()), (1, None), "it waits");
    assert_eq!(node.metrics().waits_for_room, 0);
}

#[test]
fn a_ban_can_be_seen() {
    let node = node(config());
    assert!(!node.is_banned(&1));
    node.ban(1).unwrap();
    assert!(node.is_banned(&1) && !node.is_banned(&2));
}

#[tokio::test(start_paused = true)]
async fn what_is_printed_for_debugging_says_what_it_is() {
    let node = node(config());
    let session = shaking(&node);
    assert_eq!(format!("{node:?}"), "Node { .. }");
    assert!(format!("{:?}", session.handle).starts_with("SessionHandle { session: SessionId(0), ended: "));
    assert_eq!(format!("{:?}", session.signal), "Handshake { session: SessionId(0), .. }");
    assert_eq!(format!("{:?}", node.subscribe().unwrap()), "Subscription { subscriber: SubscriberId(0), .. }");
}

/// Takes so many bytes, then fails once and would take more. Counts what it took, and the flushes.
struct Disk {
    room: usize,
    taken: Arc<AtomicUsize>,
    flushed: Arc<AtomicUsize>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.room {
            self.room = usize::MAX;
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is full"));
        }
        self.room -= bytes.len();
        self.taken.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_written_has_no_gap_and_says_so() {
    let (taken, flushed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let disk = Disk { room: 300, taken: Arc::clone(&taken), flushed: Arc::clone(&flushed) };
    let node = Node::recorded(config(), disk).expect("the model knows it");
    node.flush_record().expect("there is room");
    assert_eq!(flushed.load(Ordering::Relaxed), 1);
    let header = taken.load(Ordering::Relaxed);
    drop(up(&node, 1).await);
    node.subscribe().expect("a record that fails is no concern of the node's");
    idle().await;
    for _ in 0..2 {
        assert_eq!(node.flush_record().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
    let after = taken.load(Ordering::Relaxed);
    assert!(header < after && after <= 300, "{header} bytes of the header, {after} in all");
    drop(up(&node, 2).await);
    assert_eq!(taken.load(Ordering::Relaxed), after, "nothing follows what is missing");
    assert_eq!(flushed.load(Ordering::Relaxed), 1);
}

/// A writer that keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with it").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_recorded_too() {
    let kept = Kept::default();
    let node = Node::recorded(config(), kept.clone()).expect("the model knows it");
    let session = shaking(&node);
    assert_eq!(node.disconnect(session.id(), Reason::Local), Ok(()));
    assert_eq!(node.disconnect(session.id(), Reason::Local), Err(StateError::Ending(session.id())));
    let record = String::from_utf8(kept.0.lock().unwrap().clone()).expect("it is text");
    let refused: Vec<&str> = record.lines().filter(|line| line.contains("\"refused\"")).collect();
    assert!(matches!(refused[..], [line] if line.contains("\"disconnect\"")), "{record}");
}
