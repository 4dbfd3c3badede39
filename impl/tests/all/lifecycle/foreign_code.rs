//! The caller's code, on every path where a key, an info, a closure or a future is dropped, cloned or called: none of it
//! runs under a lock, so that it may call the node; and a drop that panics keeps nothing else from being done.
//! (long because: each such path is a test)
//!
//! A call of the node from under its lock hangs the thread, so that each scenario has a thread of its own and a limit.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::Duration;

use handfast::lifecycle::{
    Ban, Banned, Config, Duplicates, Event, Handshake, Limits, Node, NodeConfig, Origin, Reason, Selector,
    SelectorConfig, SessionHandle, Stalled,
};
use tokio::time::sleep;

use crate::lifecycle::support::{PATIENCE, idle};

const LIMIT: Duration = Duration::from_secs(60);

type Peers = Node<Key, Info>;
type Hook = Rc<dyn Fn()>;

thread_local! {
    /// What the drop and the clone of a key and the drop of an info do on this thread.
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
    /// How many of the next drops of an info panic.
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

fn call_hook() {
    let hook = HOOK.with_borrow(Clone::clone);
    if let Some(hook) = hook {
        CALLS.set(CALLS.get() + 1);
        hook();
    }
}

/// Who a peer is. To order two of them calls nobody, because that happens under the lock.
#[derive(Debug)]
struct Key(u32);

/// What else its handshake says.
struct Info;

impl Drop for Key {
    fn drop(&mut self) {
        call_hook();
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        call_hook();
        Self(self.0)
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Drop for Info {
    fn drop(&mut self) {
        call_hook();
        if let Some(fewer) = PANICS.get().checked_sub(1) {
            PANICS.set(fewer);
            std::panic::resume_unwind(Box::new("meant: a drop that panics"));
        }
    }
}

/// Runs a scenario on a thread of its own, on a runtime whose clock is paused.
#[track_caller]
fn limited<F: Future<Output = ()>>(name: &'static str, scenario: impl FnOnce(Peers) -> F + Send + 'static) {
    let (over, is_over) = channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { scenario(node(8)).await });
        HOOK.set(None);
        drop(runtime);
        let _ = over.send(());
    });
    match is_over.recv_timeout(LIMIT) {
        Ok(()) => {}
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("{name}: it hangs"),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("a scenario that is over has said so"),
        },
    }
}

fn node(capacity: usize) -> Peers {
    let registry = Config::new(Limits::new(4, 4), Duplicates::KeepOld).with_capacity(capacity);
    Node::new(NodeConfig::new(registry).with_slow_subscriber_timeout(PATIENCE)).unwrap()
}

/// From now on the caller's code calls the node.
fn call(node: &Peers) {
    let node = node.clone();
    HOOK.set(Some(Rc::new(move || {
        let metrics = node.metrics();
        assert!(metrics.sessions <= 4);
    })));
    CALLS.set(0);
}

/// It was called, and no longer is.
#[track_caller]
fn called() {
    HOOK.set(None);
    assert!(CALLS.replace(0) > 0, "the caller's code ran");
}

/// A session that says who it is, and then lives until it is told to end.
fn come(node: &Peers, key: u32) -> SessionHandle {
    let handshake = move |handshake: Handshake<Key, Info>| async move {
        let _ = handshake.handshake_done(Key(key), Info);
        Ok::<_, Infallible>(())
    };
    let body = |mut context: handfast::lifecycle::SessionContext<Key, Info>, ()| async move {
        let reason = context.told_to_end().await;
        drop(context);
        reason
    };
    node.open(Origin::inbound(None), handshake, body).unwrap()
}

#[test]
fn what_a_session_brought_is_dropped_outside_of_the_lock_when_it_ends_without_subscribers() {
    limited("the end", |node| async move {
        let session = come(&node, 1);
        idle().await;
        call(&node);
        node.disconnect(session.session(), Reason::Local).unwrap();
        assert!(session.wait().await.announced);
        idle().await;
        called();
    });
}

#[test]
fn it_is_dropped_outside_of_the_lock_when_the_handshake_fails_after_it_said_who_it_is() {
    limited("the failed handshake", |node| async move {
        call(&node);
        let handshake = |handshake: Handshake<Key, Info>| async move {
            let _ = handshake.handshake_done(Key(1), Info);
            Err::<(), ()>(())
        };
        let session = node.open(Origin::inbound(None), handshake, |_, ()| async { Reason::Local }).unwrap();
        assert_eq!(session.wait().await.reason, Reason::HandshakeFailed);
        idle().await;
        called();
    });
}

#[test]
fn it_is_dropped_outside_of_the_lock_when_the_session_is_rejected() {
    limited("the rejection", |node| async move {
        let _kept = come(&node, 1);
        idle().await;
        call(&node);
        assert_eq!(come(&node, 1).wait().await.reason, Reason::Duplicate);
        node.ban(Key(2)).unwrap();
        assert_eq!(come(&node, 2).wait().await.reason, Reason::Banned);
        called();
    });
}

#[test]
fn what_is_said_twice_or_too_late_is_dropped_outside_of_the_lock() {
    limited("the second report", |node| async move {
        let (out, mut handed_out) = tokio::sync::oneshot::channel();
        let handshake = |handshake: Handshake<Key, Info>| async move {
            let _ = handshake.handshake_done(Key(1), Info);
            let _ = out.send(handshake);
            std::future::pending::<Result<(), Infallible>>().await
        };
        let session = node.open(Origin::inbound(None), handshake, |_, ()| async { Reason::Local }).unwrap();
        idle().await;
        let handshake = handed_out.try_recv().unwrap();
        call(&node);
        let _ = handshake.handshake_done(Key(1), Info).unwrap();
        called();
        session.abort();
        session.wait().await;
        call(&node);
        handshake.handshake_done(Key(1), Info).unwrap_err();
        called();
    });
}

#[test]
fn it_is_dropped_outside_of_the_lock_at_a_deadline_and_at_an_abort() {
    limited("the shutdown", |node| async move {
        let handshake = |handshake: Handshake<Key, Info>| async move {
            let _ = handshake.handshake_done(Key(1), Info);
            std::future::pending::<Result<(), Infallible>>().await
        };
        let prepared = node.prepare(Origin::inbound(None), handshake, |_, ()| async { Reason::Local }).unwrap();
        let mut task = Box::pin(prepared.1);
        assert!(futures_poll(task.as_mut()).is_pending());
        let timed_out = node.open(Origin::inbound(None), handshake, |_, ()| async { Reason::Local }).unwrap();
        idle().await;
        call(&node);
        assert_eq!(timed_out.wait().await.reason, Reason::HandshakeTimeout);
        called();
        call(&node);
        assert_eq!(node.shutdown(Duration::from_secs(1)).await.aborted, 1);
        called();
        drop(task);
    });
}

fn futures_poll(task: std::pin::Pin<&mut impl Future<Output = ()>>) -> std::task::Poll<()> {
    task.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

#[test]
fn queued_events_are_dropped_outside_of_the_lock() {
    limited("the subscription", |node| async move {
        let events = node.subscribe().unwrap();
        let session = come(&node, 1);
        idle().await;
        session.abort();
        session.wait().await;
        idle().await;
        call(&node);
        drop(events);
        called();
    });
}

#[test]
fn keys_of_bans_are_cloned_and_dropped_outside_of_the_lock() {
    limited("the bans", |node| async move {
        let session = come(&node, 1);
        idle().await;
        call(&node);
        node.ban_for(Key(1), Duration::from_secs(1));
        node.ban_for(Key(1), Duration::from_secs(2));
        node.ban_only_for(Key(1), Duration::from_secs(1));
        assert!(node.is_banned(&Key(1)));
        assert_eq!(node.bans().len(), 1);
        assert_eq!(session.wait().await.reason, Reason::Banned);
        called();
        call(&node);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(node.ban_count(), 0, "it is lifted by the step that finds it");
        called();
        call(&node);
        node.ban(Key(2)).unwrap();
        node.ban(Key(2)).unwrap_err();
        node.unban(&Key(2)).unwrap();
        node.unban(&Key(2)).unwrap_err();
        assert_eq!(node.disconnect_key(&Key(1), Reason::Local), 0);
        let ban = Ban { banned: Banned::Key(Key(3)), left: None };
        node.import_bans([ban.clone(), ban]);
        called();
    });
}

/// A ban that is over and was not lifted yet is lifted by the announcement that asks for it.
#[test]
fn the_key_of_a_ban_that_is_over_is_dropped_outside_of_the_lock_at_an_announcement() {
    limited("the announcement", |node| async move {
        node.ban_for(Key(1), Duration::from_secs(1));
        sleep(Duration::from_secs(2)).await;
        let session = come(&node, 1);
        call(&node);
        idle().await;
        HOOK.set(None);
        assert_eq!(node.peers().len(), 1);
        assert_eq!(session.ended(), None);
    });
}

fn select(node: &Peers) -> (Selector<Key, Info>, tokio::task::JoinHandle<()>) {
    let config = SelectorConfig::new(Duration::from_secs(60), Stalled::Disconnect);
    let asked = node.clone();
    // The question itself may call the node.
    Selector::spawn(node, config, move |_| asked.metrics().sessions > 0).unwrap()
}

#[test]
fn a_selector_drops_peers_outside_of_its_lock_when_they_go_and_when_it_ends() {
    limited("the selector", |node| async move {
        let (selector, task) = select(&node);
        let (one, _other) = (come(&node, 1), come(&node, 2));
        idle().await;
        let hook = selector.clone();
        HOOK.set(Some(Rc::new(move || {
            let _ = hook.look_at(hook.active().map_or(one_of_none(), |peer| peer.session));
        })));
        node.disconnect(one.session(), Reason::Local).unwrap();
        idle().await;
        called();
        let hook = selector.clone();
        HOOK.set(Some(Rc::new(move || assert!(hook.active().is_none_or(|peer| peer.key.0 == 2)))));
        task.abort();
        let _ = task.await;
        let _ = node.shutdown(Duration::ZERO).await;
        idle().await;
        called();
    });
}

/// A session that there never was.
fn one_of_none() -> handfast::lifecycle::SessionId {
    let node = Node::<u32>::new(NodeConfig::new(Config::new(Limits::new(1, 1), Duplicates::KeepOld))).unwrap();
    let (handle, _task) = node
        .prepare(Origin::inbound(None), |_| std::future::pending::<Result<(), ()>>(), |_, ()| async { Reason::Local })
        .unwrap();
    handle.session()
}

#[test]
fn a_selector_that_lagged_drops_its_peers_outside_of_both_locks() {
    limited("the lag", |_| async move {
        let node = node(5);
        let config = SelectorConfig::new(Duration::from_secs(60), Stalled::Disconnect);
        let (selector, task) = Selector::prepare(&node, config, |_| true).unwrap();
        let mut task = Box::pin(task);
        let first = come(&node, 1);
        idle().await;
        assert!(poll_once(&mut task).await.is_pending());
        assert!(selector.active().is_some());
        // It is not polled while the others come and go, so that its queue fills and it is evicted.
        for key in [2, 3] {
            let session = come(&node, key);
            idle().await;
            node.disconnect(session.session(), Reason::Local).unwrap();
            idle().await;
        }
        let _waits = come(&node, 4);
        sleep(PATIENCE + Duration::from_secs(1)).await;
        assert_eq!(node.metrics().evicted, 1);
        node.disconnect(first.session(), Reason::Local).unwrap();
        idle().await;
        // From now on the selector alone has the first peer.
        let hook = (node.clone(), selector.clone(), one_of_none());
        HOOK.set(Some(Rc::new(move || {
            let _ = hook.0.metrics();
            hook.1.progress(hook.1.active().map_or(hook.2, |peer| peer.session));
        })));
        CALLS.set(0);
        assert!(poll_once(&mut task).await.is_pending());
        called();
        assert_eq!(selector.active().map(|peer| peer.key.0), Some(4), "it has subscribed anew");
    });
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
    std::future::poll_fn(|context| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context))).await
}

/// Wakes by a call of the selector.
struct CallsBack(Selector<u32>, std::sync::atomic::AtomicUsize);

impl std::task::Wake for CallsBack {
    fn wake(self: std::sync::Arc<Self>) {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if let Some(peer) = self.0.active() {
            self.0.progress(peer.session);
        }
    }
}

#[test]
fn who_waits_for_another_active_peer_is_woken_outside_of_the_lock() {
    limited("the waker", |_| async move {
        let node = Node::<u32>::new(NodeConfig::new(Config::new(Limits::new(4, 4), Duplicates::KeepOld))).unwrap();
        let config = SelectorConfig::new(Duration::from_secs(60), Stalled::Disconnect);
        let (selector, task) = Selector::prepare(&node, config, |_| true).unwrap();
        let mut task = Box::pin(task);
        let mut watch = selector.watch();
        let wakes = std::sync::Arc::new(CallsBack(selector, Default::default()));
        let waker = wakes.clone().into();
        let mut context = std::task::Context::from_waker(&waker);
        let mut changed = Box::pin(watch.changed());
        // Both what waits for another peer and the selector's task itself are woken by the caller's waker.
        assert!(changed.as_mut().poll(&mut context).is_pending());
        assert!(task.as_mut().poll(&mut context).is_pending());
        let handshake = |handshake: Handshake<u32>| async move { handshake.handshake_done(1, ()).map(drop) };
        let session =
            node.open(Origin::inbound(None), handshake, |mut live, ()| async move { live.told_to_end().await });
        idle().await;
        assert!(task.as_mut().poll(&mut context).is_pending());
        assert!(changed.as_mut().poll(&mut context).is_ready(), "{session:?} is active");
        assert!(wakes.1.load(std::sync::atomic::Ordering::Relaxed) >= 2);
    });
}

/// What watches the connection of a session that waits is the application's too.
#[test]
fn what_watches_the_connection_is_dropped_outside_of_the_lock() {
    limited("the watcher", |node| async move {
        for waits in [true, false] {
            let watched = Info;
            let handshake = move |handshake: Handshake<Key, Info>| async move {
                handshake.ends_when(async move {
                    let _watched = watched;
                    std::future::pending().await
                });
                match waits {
                    true => drop(handshake.handshake_done(Key(1), Info)),
                    false => return Err(()),
                }
                Ok(())
            };
            call(&node);
            let body = |_, ()| async { Reason::Local };
            let session = node.open(Origin::inbound(None), handshake, body).unwrap();
            session.wait().await;
            idle().await;
            called();
        }
    });
}

/// From now on the drop of an info panics, this many times.
fn panic_in_drop(times: usize) {
    PANICS.set(times);
    HOOK.set(Some(Rc::new(|| {})));
    CALLS.set(0);
}

/// The last to hold what a peer brought is the selector's task, which goes on with the others.
#[test]
fn an_info_whose_drop_panics_does_not_end_a_selector() {
    limited("the panic in the selector", |node| async move {
        let (selector, task) = select(&node);
        let (one, other) = (come(&node, 1), come(&node, 2));
        idle().await;
        assert_eq!(selector.active().map(|peer| peer.session), Some(one.session()));
        panic_in_drop(1);
        node.disconnect(one.session(), Reason::Local).unwrap();
        idle().await;
        called();
        assert!(!task.is_finished(), "one drop is not the selector's");
        assert_eq!(selector.active().map(|peer| peer.session), Some(other.session()));
    });
}

#[test]
fn an_info_whose_drop_panics_leaves_nobody_waiting_for_the_end() {
    limited("the panic in the end", |node| async move {
        let session = come(&node, 1);
        let bystander = come(&node, 2);
        idle().await;
        panic_in_drop(1);
        node.disconnect(session.session(), Reason::Local).unwrap();
        assert_eq!(session.wait().await.reason, Reason::Local);
        idle().await;
        called();
        assert_eq!((node.metrics().sessions, bystander.ended()), (1, None), "the slot is free, and nobody else ended");
        assert_eq!(node.shutdown(Duration::from_secs(1)).await.drained, 1);
    });
}

#[test]
fn an_info_whose_drop_panics_does_not_end_the_process_when_its_session_panics() {
    limited("the panic in a panic", |node| async move {
        let handshake = |handshake: Handshake<Key, Info>| async move {
            let _ = handshake.handshake_done(Key(1), Info);
            tokio::task::yield_now().await;
            std::panic::resume_unwind(Box::new("meant: a handshake that panics"))
        };
        let session =
            node.open::<(), Infallible, _, _, _, _>(Origin::inbound(None), handshake, |_, ()| async { Reason::Local });
        panic_in_drop(1);
        assert_eq!(session.unwrap().wait().await.reason, Reason::Panicked);
        idle().await;
        called();
        assert_eq!(node.metrics().sessions, 0);
    });
}

#[test]
fn an_info_whose_drop_panics_does_not_keep_the_shutdown_from_ending_the_others() {
    limited("the panic in the shutdown", |node| async move {
        let handshake = |key| {
            move |handshake: Handshake<Key, Info>| async move {
                let _ = handshake.handshake_done(Key(key), Info);
                std::future::pending::<Result<(), Infallible>>().await
            }
        };
        let tasks: Vec<_> = (0..3)
            .map(|key| {
                let prepared = node.prepare(Origin::inbound(None), handshake(key), |_, ()| async { Reason::Local });
                let (handle, task) = prepared.unwrap();
                let mut task = Box::pin(task);
                assert!(futures_poll(task.as_mut()).is_pending());
                (handle, task)
            })
            .collect();
        panic_in_drop(2);
        let stopping = node.clone();
        let stopped = tokio::spawn(async move { stopping.shutdown(Duration::from_secs(1)).await.aborted });
        assert!(stopped.await.unwrap_err().is_panic(), "it panics when all is done");
        called();
        for (handle, _) in &tasks {
            assert_eq!(handle.ended().map(|ended| ended.reason), Some(Reason::ShuttingDown));
        }
        assert_eq!(node.shutdown(Duration::ZERO).await.aborted, 3);
    });
}

#[test]
fn queued_events_whose_drop_panics_are_all_dropped() {
    limited("the panic in a subscription", |node| async move {
        let events = node.subscribe().unwrap();
        for key in 1..=2 {
            let session = come(&node, key);
            idle().await;
            session.abort();
            session.wait().await;
        }
        idle().await;
        panic_in_drop(1);
        assert!(catch_unwind(AssertUnwindSafe(|| drop(events))).is_err());
        assert!(CALLS.get() >= 4, "both peers were dropped: {} calls", CALLS.get());
        called();
        assert_eq!(node.metrics().subscribers, 0);
    });
}

/// The closures of a session may panic in their synchronous part: the slot is returned.
#[test]
fn a_closure_that_panics_before_there_is_a_future_loses_no_slot() {
    limited("the closures", |node| async move {
        let origin = Origin::inbound(None);
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let handshake = |_: Handshake<Key, Info>| -> std::future::Ready<Result<(), Infallible>> {
                std::panic::resume_unwind(Box::new("meant: no future"))
            };
            node.open(origin, handshake, |_, ()| async { Reason::Local }).map(drop)
        }));
        assert!(opened.is_err());
        let prepared = catch_unwind(AssertUnwindSafe(|| {
            let handshake = |_: Handshake<Key, Info>| -> std::future::Ready<Result<(), Infallible>> {
                std::panic::resume_unwind(Box::new("meant: no future"))
            };
            node.prepare(origin, handshake, |_, ()| async { Reason::Local }).map(drop)
        }));
        assert!(prepared.is_err());
        assert_eq!(node.metrics().sessions, 0);
        let mut events = node.subscribe().unwrap();
        let handshake = |handshake: Handshake<Key, Info>| async move {
            let _ = handshake.handshake_done(Key(1), Info);
            Ok::<_, Infallible>(())
        };
        let body = |_, ()| -> std::future::Ready<Reason> { std::panic::resume_unwind(Box::new("meant: no body")) };
        let session = node.open(origin, handshake, body).unwrap();
        assert_eq!(session.wait().await.reason, Reason::Panicked);
        assert_eq!(node.metrics().sessions, 0);
        assert!(matches!(events.next().await, Some(Event::Up(_))));
        assert!(matches!(events.next().await, Some(Event::Down(_, Reason::Panicked))));
        let begin = tokio::time::Instant::now();
        assert_eq!(node.shutdown(Duration::from_secs(60)).await.aborted, 0);
        assert_eq!(begin.elapsed(), Duration::ZERO, "no connection is left");
    });
}
