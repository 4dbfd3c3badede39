//! A node, those who listen to it, and how an execution ends.

use std::collections::BTreeSet;
use std::time::Duration;

use handfast_spec::lifecycle::{Event, SessionId};
use shuttle::future::{JoinHandle, spawn, yield_now};
use shuttle::rand::{Rng, thread_rng};

use crate::lifecycle::peers::Peers;

/// A node and those who listen to it.
pub(crate) struct World<P: Peers> {
    pub(crate) node: P,
    listeners: Vec<JoinHandle<BTreeSet<&'static str>>>,
}

/// How a subscriber takes its events.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Listens {
    /// Each as it comes; subscribes again when it was cut off.
    Well,
    /// Takes its first event late.
    Late,
    /// Goes after so many events, and comes back once.
    ComesBack(usize),
}

impl<P: Peers> World<P> {
    pub(crate) fn new(node: P) -> Self {
        Self { node, listeners: Vec::new() }
    }

    /// Subscribes, and listens in a task of its own.
    pub(crate) fn listen(&mut self, how: Listens) {
        let node = self.node.clone();
        let first = node.subscribe();
        self.listeners.push(spawn(async move {
            let mut faults = BTreeSet::new();
            let Some(first) = first else { return faults };
            if matches!(how, Listens::Late) {
                linger(40).await;
            }
            match how {
                Listens::Well | Listens::Late => listen::<P>(&node, first, usize::MAX, &mut faults).await,
                Listens::ComesBack(after) => {
                    listen::<P>(&node, first, after, &mut faults).await;
                    if let Some(second) = node.subscribe() {
                        listen::<P>(&node, second, usize::MAX, &mut faults).await;
                    }
                }
            }
            faults
        }));
    }

    /// A task that does things to the node.
    pub(crate) fn act(&self, act: impl FnOnce(P) + Send + 'static) -> JoinHandle<()> {
        let node = self.node.clone();
        spawn(async move {
            linger(12).await;
            act(node);
        })
    }

    /// Shuts down, waits until everybody has heard of it, and says which rules were broken before the eyes of those who
    /// listened.
    pub(crate) async fn end(self) -> BTreeSet<&'static str> {
        linger(60).await;
        self.node.shutdown(Duration::MAX).await;
        let mut faults = BTreeSet::new();
        for listener in self.listeners {
            faults.extend(listener.await.expect("nobody aborts a listener"));
        }
        // A task that goes on after its session has ended runs into the bound on steps.
        while self.node.live_tasks() > 0 {
            yield_now().await;
        }
        let (sessions, subscribers) = self.node.left();
        assert_eq!((sessions, subscribers), (0, 0), "sessions and subscribers that are left");
        faults
    }
}

/// Lets others go first, up to so many times. The scheduler throws the dice, so that a schedule has them in it.
pub(crate) async fn linger(most: usize) {
    for _ in 0..thread_rng().gen_range(0..most) {
        yield_now().await;
    }
}

/// Takes so many events, and subscribes again whenever it is cut off.
async fn listen<P: Peers>(
    node: &P,
    first: (Vec<SessionId>, P::Events),
    most: usize,
    faults: &mut BTreeSet<&'static str>,
) {
    let mut subscription = Some(first);
    let mut taken = 0;
    while let Some((listed, mut events)) = subscription.take() {
        let mut believed: BTreeSet<SessionId> = listed.iter().copied().collect();
        let mut known = believed.clone();
        while taken < most {
            match P::next(&mut events).await {
                Some(Event::Up(session)) => {
                    believed.insert(session);
                    if !known.insert(session) {
                        faults.insert("PEER-3");
                    }
                }
                Some(Event::Down(session)) => {
                    if !believed.remove(&session) {
                        faults.insert(if known.contains(&session) { "PEER-3" } else { "PEER-4" });
                    }
                }
                Some(Event::Lagged) => {
                    subscription = node.subscribe();
                    break;
                }
                Some(Event::Closed) => {
                    if !believed.is_empty() {
                        faults.insert("PEER-18");
                    }
                    break;
                }
                None => break,
            }
            taken += 1;
        }
    }
}
