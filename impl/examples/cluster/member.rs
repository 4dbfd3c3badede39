//! One node, on a thread and a runtime of its own, so that it can be killed.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use handfast::framed;
use handfast::framed::Idle;
use handfast::lifecycle::{Limits, Report};
use handfast::node::{Config, Node, Stream, framed_with_report};
use handfast::simopen::Backoff;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::gossip::{Rumours, gossip};
use crate::ledger::Ledger;
use crate::noise::{Identity, PublicKey, Secured};
use crate::options::Options;
use crate::upgrade::{About, Hello, NOISE, PLAIN, plain, secured};

pub(crate) type ClusterNode = Node<PublicKey, About>;

/// How long a node may take to end.
const END: Duration = Duration::from_secs(10);

/// What is known of a node, whether it runs or not.
pub(crate) struct Place {
    pub(crate) number: u32,
    pub(crate) address: SocketAddr,
    pub(crate) identity: Arc<Identity>,
    /// Where the others listen.
    pub(crate) others: Vec<SocketAddr>,
}

/// A node that runs.
pub(crate) struct Member {
    pub(crate) node: ClusterNode,
    pub(crate) rumours: Arc<Rumours>,
    stop: oneshot::Sender<oneshot::Sender<Report>>,
    thread: JoinHandle<()>,
}

impl Member {
    /// Starts a node. Returns when it listens.
    pub(crate) fn start(
        place: &Place,
        incarnation: u32,
        options: &Options,
        ledger: &Arc<Ledger>,
    ) -> Result<Self, Box<dyn Error>> {
        let rumours = Arc::new(Rumours::new(place.number));
        let node = build(place, incarnation, options, ledger, &rumours)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        {
            let _entered = runtime.enter();
            node.listen(place.address).map_err(|error| format!("cannot listen on {}: {error}", place.address))?;
            for &other in &place.others {
                let _kept = node.keep(other);
            }
        }
        let (stop, stopped) = oneshot::channel::<oneshot::Sender<Report>>();
        let ends = node.clone();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                // Without an answer to give it is killed: the runtime is dropped, with everything on it.
                let Ok(answer) = stopped.await else { return };
                let _ = answer.send(ends.shutdown(END).await);
            });
        });
        Ok(Self { node, rumours, stop, thread })
    }

    /// Drops everything that the node has, where it is.
    pub(crate) fn kill(self) {
        let Self { stop, thread, .. } = self;
        drop(stop);
        let _ = thread.join();
    }

    /// Shuts the node down.
    pub(crate) async fn stop(self) -> Result<Report, Box<dyn Error>> {
        let Self { node, stop, thread, .. } = self;
        let (answer, answered) = oneshot::channel();
        let _ = stop.send(answer);
        let report = answered.await.map_err(|_| "a node ended before it was told to")?;
        let _ = thread.join();
        node.registry().flush_record().map_err(|error| format!("the record is not complete: {error}"))?;
        Ok(report)
    }
}

fn config(place: &Place, protocol: &str) -> Config<PublicKey> {
    // Twice as many as there are nodes: of each pair there may be two until the tie is broken.
    let most = 2 * (place.others.len() + 64);
    let mut config = Config::new(Limits::by_direction(most, most), place.identity.public, protocol);
    config.registry.handshake_timeout = Duration::from_secs(20);
    config.redial.backoff = Backoff::default()
        .with_first(Duration::from_millis(50))
        .with_most(Duration::from_secs(1))
        .with_attempts(u32::MAX);
    config.redial.stayed = Duration::from_secs(1);
    config
}

fn build(
    place: &Place,
    incarnation: u32,
    options: &Options,
    ledger: &Arc<Ledger>,
    rumours: &Arc<Rumours>,
) -> Result<ClusterNode, Box<dyn Error>> {
    let out = record(place, incarnation, options)?;
    let hello = Hello { node: place.number, incarnation, frames: 0 };
    let identity = Arc::clone(&place.identity);
    let (rumours, ledger, every) = (Arc::clone(rumours), Arc::clone(ledger), options.interval());
    let frames = framed::Config::default().with_idle(Some(Idle::after(options.idle())));
    let node = if options.plain {
        let upgrade = move |stream: Stream<TcpStream>| plain(stream, identity.public, numbered(hello));
        let reported = Arc::clone(&ledger);
        let body = framed_with_report(
            frames,
            move |session| gossip::<Stream<TcpStream>>(session, Arc::clone(&rumours), Arc::clone(&ledger), every),
            move |drained| reported.drained(&drained),
        );
        match out {
            Some(out) => Node::recorded(config(place, PLAIN), out, upgrade, body),
            None => Node::new(config(place, PLAIN), upgrade, body),
        }
    } else {
        let upgrade = move |stream: Stream<TcpStream>| {
            let identity = Arc::clone(&identity);
            async move { secured(stream, &identity, numbered(hello)).await }
        };
        let reported = Arc::clone(&ledger);
        let body = framed_with_report(
            frames,
            move |session| gossip::<Secured<_>>(session, Arc::clone(&rumours), Arc::clone(&ledger), every),
            move |drained| reported.drained(&drained),
        );
        match out {
            Some(out) => Node::recorded(config(place, NOISE), out, upgrade, body),
            None => Node::new(config(place, NOISE), upgrade, body),
        }
    };
    Ok(node?)
}

/// Where a node writes what happens, if it does.
fn record(place: &Place, incarnation: u32, options: &Options) -> Result<Option<Box<dyn Write + Send>>, String> {
    let Some(directory) = &options.record else { return Ok(None) };
    let file = directory.join(format!("node-{}-{incarnation}.ndjson", place.number));
    let out = File::create(&file).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    Ok(Some(Box::new(BufWriter::new(out))))
}

/// The same, with a number for the frames of one session.
fn numbered(hello: Hello) -> Hello {
    Hello { frames: rand::random(), ..hello }
}
