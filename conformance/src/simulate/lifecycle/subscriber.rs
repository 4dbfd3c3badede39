//! A subscriber, and what it believes.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use handfast::lifecycle::{Event, Reason, SessionId, Subscription};
use tokio::time::sleep;

use super::Pace;
use super::canary::{Canary, Hearing};
use super::users::{Info, Key};
use crate::simulate::oracle::{Oracle, TRUTH};

/// What a subscriber believes.
#[derive(Debug, Default)]
pub(super) struct Beliefs {
    /// Sessions of which it has heard Up and not Down.
    pub(super) peers: BTreeSet<SessionId>,
    /// Sessions of which it has heard Down, and why.
    pub(super) gone: Vec<(SessionId, Reason)>,
    /// It has taken everything that there was.
    pub(super) is_up_to_date: bool,
    /// Nothing more comes, or it is not there any more.
    pub(super) is_over: bool,
    /// It was evicted.
    pub(super) has_lagged: bool,
}

/// Says that a subscriber is gone, also if its task is dropped.
struct Leaves(Rc<RefCell<Beliefs>>);

impl Drop for Leaves {
    fn drop(&mut self) {
        let mut beliefs = self.0.borrow_mut();
        (beliefs.is_over, beliefs.is_up_to_date) = (true, false);
    }
}

/// Takes events as it likes, and checks each of them.
pub(super) async fn listen(
    mut subscription: Subscription<Key, Info>,
    beliefs: Rc<RefCell<Beliefs>>,
    pace: Pace,
    oracle: Oracle,
    canary: Option<Canary>,
) {
    let _leaves = Leaves(Rc::clone(&beliefs));
    beliefs.borrow_mut().peers = subscription.snapshot().iter().map(|peer| peer.session).collect();
    let mut hearing = Hearing::new(canary);
    let mut taken = 0;
    while taken < pace.wants {
        if pace.each > 0 {
            sleep(Duration::from_millis(pace.each)).await;
        }
        if let Some((after, time)) = pace.nap
            && taken > 0
            && taken % after == 0
        {
            sleep(Duration::from_millis(time)).await;
        }
        beliefs.borrow_mut().is_up_to_date = true;
        let event = hearing.next(&mut subscription).await;
        beliefs.borrow_mut().is_up_to_date = false;
        taken += 1;
        let Some(event) = event else {
            return oracle.broken("PEER-3", "a subscription ended without a word");
        };
        if !hear(&mut beliefs.borrow_mut(), &event, pace, &oracle) {
            let again = hearing.next(&mut subscription).await;
            return oracle.holds(again.is_none(), "PEER-3", || format!("{again:?} is heard after {event:?}"));
        }
    }
}

/// Returns whether there may be more.
fn hear(beliefs: &mut Beliefs, event: &Event<Key, Info>, pace: Pace, oracle: &Oracle) -> bool {
    match event {
        Event::Up(peer) => {
            oracle.saw("up is heard");
            let is_new = !beliefs.gone.iter().any(|(gone, _)| *gone == peer.session);
            let is_first = beliefs.peers.insert(peer.session);
            oracle.holds(is_first && is_new, "PEER-3", || format!("Up of {} is heard again", peer.session));
        }
        Event::Down(peer, reason) => {
            oracle.saw("down is heard");
            let was_up = beliefs.peers.remove(&peer.session);
            oracle.holds(was_up, "PEER-4", || format!("Down of {} is heard without its Up", peer.session));
            beliefs.gone.push((peer.session, *reason));
        }
        Event::Lagged => {
            oracle.saw("lagged is heard");
            beliefs.has_lagged = true;
            beliefs.is_over = true;
            let is_slow = pace.each > 0 || pace.nap.is_some();
            oracle.holds(is_slow, TRUTH, || "a subscriber that takes every event at once is called slow".to_owned());
        }
        Event::Closed => {
            oracle.saw("closed is heard");
            beliefs.is_over = true;
            let left = &beliefs.peers;
            oracle.holds(left.is_empty(), "PEER-18", || format!("the shutdown is complete, and {left:?} are not down"));
        }
    }
    !beliefs.is_over
}
