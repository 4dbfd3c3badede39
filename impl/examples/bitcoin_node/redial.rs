//! Peers that are dialed again and again.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use handfast::lifecycle::{Origin, Reason};
use handfast::simopen::Backoff;
use tokio::net::lookup_host;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use crate::options::{Network, Target};
use crate::peer::{self, Local, Peers};
use crate::report::{Reporter, words};

/// How long it is waited at most before a peer that was lost is dialed again; doubled each time that it cannot be reached,
/// or does not stay. Half of it is drawn, so that nodes that lost a peer at one moment do not all come back at one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(64);

/// A peer whose session was announced for so long has stayed: it may come back at once.
const STAYED: Duration = Duration::from_secs(60);

/// A peer to stay connected to.
pub(crate) struct Dialer {
    pub(crate) node: Peers,
    pub(crate) local: Arc<Local>,
    pub(crate) target: Target,
    pub(crate) network: Network,
    pub(crate) limit: Duration,
    pub(crate) reporter: Reporter,
}

enum Attempt {
    /// There is nothing to wait for.
    Over,
    Stayed,
    /// It did not come up, or went at once.
    Lost,
}

impl Dialer {
    /// Dials until the node shuts down, or finds that it dialed itself.
    pub(crate) async fn stay_connected(self) {
        let backoff = Backoff::default().with_first(FIRST_PAUSE).with_most(LONGEST_PAUSE);
        let mut failures = 0;
        for attempt in 0.. {
            let outcome = match self.resolve(attempt).await {
                Ok(address) => self.dial(address).await,
                Err(error) => {
                    self.reporter.say(format_args!("cannot find {}: {error}", self.target));
                    Attempt::Lost
                }
            };
            match outcome {
                Attempt::Over => return,
                Attempt::Stayed => failures = 1,
                Attempt::Lost => failures += 1,
            }
            // Half of it in any case: a peer that turns everybody away is not asked at once again.
            sleep((backoff.limit(failures) + backoff.wait(failures, rand::random())) / 2).await;
        }
    }

    /// A name may have moved, and may have several addresses: each attempt takes the next.
    async fn resolve(&self, attempt: usize) -> io::Result<SocketAddr> {
        let addresses: Vec<_> = timeout(self.limit, lookup_host(self.target.on(self.network))).await??.collect();
        let none = || io::Error::new(io::ErrorKind::NotFound, "it has no address");
        let address = addresses.get(attempt % addresses.len().max(1)).ok_or_else(none)?;
        Ok(peer::canonical(*address))
    }

    async fn dial(&self, address: SocketAddr) -> Attempt {
        let (dialing, conversing) = (Arc::clone(&self.local), Arc::clone(&self.local));
        let (failed, failure) = oneshot::channel();
        let announced_at = Arc::new(OnceLock::new());
        let notes = Arc::clone(&announced_at);
        let opened = self.node.open(
            Origin::outbound(Some(address.ip())),
            move |handshake| async move {
                let session = handshake.session();
                let result = peer::logged(address, session, peer::dial(&dialing, address, handshake).await);
                if let Err(error) = &result {
                    let _ = failed.send(error.to_string());
                }
                result
            },
            move |live, established| {
                // A handshake may take longer than a session has to stay. Set once: there is one body.
                let _ = notes.set(Instant::now());
                peer::converse(conversing, live, established)
            },
        );
        let handle = match opened {
            Ok(handle) => handle,
            Err(rejected) if rejected.reason == Reason::ShuttingDown => return Attempt::Over,
            Err(rejected) => {
                self.reporter.say(format_args!("not dialing {address}: {}", words(rejected.reason)));
                return Attempt::Lost;
            }
        };
        let session = handle.session();
        let ended = handle.wait().await;
        match ended.reason {
            Reason::ShuttingDown => return Attempt::Over,
            Reason::Myself => {
                self.reporter.say(format_args!("not dialing {address} {session}: it is this node"));
                return Attempt::Over;
            }
            _ if announced_at.get().is_some_and(|announced| announced.elapsed() >= STAYED) => return Attempt::Stayed,
            _ if ended.announced => {}
            reason => {
                let why = failure.await.unwrap_or_else(|_| words(reason));
                self.reporter.say(format_args!("cannot connect to {address} {session}: {why}"));
            }
        }
        Attempt::Lost
    }
}
