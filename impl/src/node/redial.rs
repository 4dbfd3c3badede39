//! Peers that are to stay connected.

use std::net::SocketAddr;
use std::sync::Arc;

use super::node::{Dialed, Inner};
use crate::lifecycle::{Ended, Reason};
use crate::runtime::select;
use crate::runtime::task::AbortHandle;
use crate::runtime::time::sleep;

use super::closing::begun;

/// A handle to a peer that is dialed again and again. Dropping it changes nothing.
#[derive(Clone, Debug)]
pub struct Kept(pub(super) AbortHandle);

impl Kept {
    /// Dials the peer no more. A session with it goes on.
    pub fn stop(&self) {
        self.0.abort();
    }

    /// Whether the peer is dialed no more: it was [stopped](Self::stop), it was given up after the last of the configured
    /// attempts, the peer turned out to be this node, or the node shuts down.
    pub fn is_over(&self) -> bool {
        self.0.is_finished()
    }
}

/// What an attempt to be connected has come to.
enum Attempt<K> {
    /// There is nothing to dial for any more.
    Over,
    /// The session has lasted.
    Stayed,
    /// There was no session, or none that lasted.
    Failed,
    /// Another session with this peer is kept in its place.
    Beaten(K),
}

/// Dials a peer until the node shuts down, the peer turns out to be this node, or it is given up.
pub(super) async fn keep<K, I, Io>(
    inner: Arc<Inner<K, I, Io>>,
    peer: SocketAddr,
    dial: impl Fn() -> Result<Dialed<K>, Reason>,
) where
    K: Clone + Ord + Send + Sync + 'static,
    I: Send + Sync + 'static,
{
    let mut closing = inner.closing.hold();
    let dialing = async {
        let mut failures = 0;
        let mut beaten_by = None;
        loop {
            let goes_on = |key: &K| !inner.registry.sessions_of(key).is_empty();
            if beaten_by.as_ref().is_some_and(goes_on) {
                failures = 0;
            } else {
                match attempt(&inner, &dial).await {
                    Attempt::Over => return,
                    Attempt::Stayed => failures = 0,
                    Attempt::Failed => failures += 1,
                    Attempt::Beaten(key) => beaten_by = Some(key),
                }
            }
            if failures >= inner.config.redial.backoff.attempts.max(1) {
                crate::trace::debug!(%peer, failures, "peer given up");
                return;
            }
            sleep(inner.config.redial.wait(failures.max(1))).await;
        }
    };
    select! {
        biased;
        () = begun(&mut closing) => {}
        () = dialing => {}
    }
}

async fn attempt<K, I, Io>(inner: &Inner<K, I, Io>, dial: &impl Fn() -> Result<Dialed<K>, Reason>) -> Attempt<K>
where
    K: Clone + Ord + Send + Sync + 'static,
    I: Send + Sync + 'static,
{
    let Dialed { session, key } = match dial() {
        Ok(dialed) => dialed,
        Err(Reason::ShuttingDown) => return Attempt::Over,
        // A ban ends and a slot becomes free some time.
        Err(_) => return Attempt::Failed,
    };
    let Ended { reason, announced } = session.wait().await;
    // From its announcement on: an upgrade may take longer than a session has to stay.
    let stayed = session.announced_at().map(|announced| announced.elapsed());
    match reason {
        // A body may give any reason: what it says of a peer that was announced ends nothing but its session. The node's own
        // shutdown ends the whole task.
        Reason::Myself if !announced => Attempt::Over,
        Reason::Duplicate | Reason::Replaced => key.get().cloned().map_or(Attempt::Failed, Attempt::Beaten),
        _ if stayed.is_some_and(|stayed| stayed >= inner.config.redial.stayed) => Attempt::Stayed,
        _ => Attempt::Failed,
    }
}
