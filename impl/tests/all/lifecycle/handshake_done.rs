//! The signal that the handshake completed, and what happens when a disconnect is there too.

use std::sync::Barrier;

use handfast::lifecycle::{Greeting, Reason, StateError};

use crate::lifecycle::support::{Heard, assert_empty, config, heard, idle, node, shaking};

#[tokio::test(start_paused = true)]
async fn t1_a_second_signal_is_counted_and_changes_nothing() {
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    let mut session = shaking(&node);
    assert_eq!(session.signal.handshake_done(1, ()), Ok(Greeting::First));
    assert_eq!(session.signal.handshake_done(2, ()), Ok(Greeting::Again));
    session.finish_handshake(Ok(()));
    idle().await;
    assert_eq!(session.signal.handshake_done(3, ()), Ok(Greeting::Again), "also when it is announced");
    assert_eq!(node.peers()[0].key, 1, "the first key stays");
    assert_eq!(node.metrics().duplicate_signals, 2);
    session.finish_body(Reason::RemoteClosed);
    idle().await;
    assert_eq!(session.signal.handshake_done(4, ()), Err(StateError::NoSuchSession(session.id())));
    assert_eq!(heard(&mut events), [Heard::Up(session.id()), Heard::Down(session.id(), Reason::RemoteClosed)]);
    assert_empty(&node);
}

#[test]
fn t1_of_many_concurrent_signals_one_counts() {
    const CALLERS: usize = 4;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    let node = node(config());
    for round in 1..=200 {
        let session = shaking(&node);
        let together = Barrier::new(CALLERS);
        let firsts: usize = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS as u32)
                .map(|key| {
                    let (signal, together) = (session.signal.clone(), &together);
                    scope.spawn(move || {
                        together.wait();
                        usize::from(signal.handshake_done(key, ()) == Ok(Greeting::First))
                    })
                })
                .collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).sum()
        });
        assert_eq!(firsts, 1);
        assert_eq!(node.metrics().greeted, round);
        session.handle.abort();
        runtime.block_on(session.handle.wait());
    }
    assert_eq!(node.metrics().duplicate_signals, 200 * (CALLERS as u64 - 1));
    assert_empty(&node);
}

/// The opposite of what T9 asks for, and decided so: nobody gains from hearing of a peer that is known to go.
#[tokio::test(start_paused = true)]
async fn t2_t9_where_completion_and_disconnect_are_both_ready_nobody_hears_of_the_session() {
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    for round in 0..100 {
        let mut session = shaking(&node);
        idle().await;
        // The task has not run in between, so that it finds both.
        if round % 2 == 0 {
            session.handshake_done(1);
            node.disconnect(session.id(), Reason::Local).unwrap();
        } else {
            node.disconnect(session.id(), Reason::Local).unwrap();
            session.handshake_done(1);
        }
        let ended = session.handle.wait().await;
        assert_eq!((ended.announced, ended.reason), (false, Reason::Local));
        assert_eq!(heard(&mut events), []);
    }
    assert_empty(&node);
}

#[tokio::test(start_paused = true)]
async fn t3_up_then_down_and_nothing_third() {
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    let mut session = shaking(&node);
    session.handshake_done(1);
    idle().await;
    node.disconnect(session.id(), Reason::Application("seven")).unwrap();
    assert_eq!(
        node.disconnect(session.id(), Reason::Local),
        Err(StateError::Ending(session.id())),
        "the first reason stays"
    );
    idle().await;
    let expected = [Heard::Up(session.id()), Heard::Down(session.id(), Reason::Application("seven"))];
    assert_eq!(heard(&mut events), expected);
    session.handle.abort();
    assert_eq!(node.disconnect(session.id(), Reason::Local), Err(StateError::NoSuchSession(session.id())));
    idle().await;
    assert_eq!(heard(&mut events), [], "nothing third");
    assert_empty(&node);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_never_said_who_it_is_has_failed() {
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    for result in [Ok(()), Err(())] {
        let mut session = shaking(&node);
        session.finish_handshake(result);
        assert_eq!(session.handle.wait().await.reason, Reason::HandshakeFailed);
    }
    assert_eq!(heard(&mut events), []);
    assert_empty(&node);
}
