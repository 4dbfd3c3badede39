//! The node of the example, in this process, and what is left of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitcoin::p2p::Magic;
use conformance::log::Log;
use examples::bitcoin_node::peer::{self, Local, Peers};
use handfast::lifecycle::{Event, Metrics, Node, NodeConfig, Reason, SessionId};
use model::checker::explain::explain;
use model::lifecycle::handfast::Handfast;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use crate::support::{STUCK, skip};

/// What one subscriber heard of whom, in order.
pub(crate) type Stream = Vec<(SessionId, SocketAddr, Heard)>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    Up,
    Down(Reason),
}

/// A node that accepts peers on loopback, keeps a record, and has subscribers.
pub(crate) struct Server {
    pub(crate) node: Peers,
    pub(crate) local: Arc<Local>,
    pub(crate) address: SocketAddr,
    log: Log,
    accepting: JoinHandle<()>,
    faithful: Vec<JoinHandle<Stream>>,
    restless: JoinHandle<usize>,
}

/// What is left to be looked at when the node is gone.
pub(crate) struct Remains {
    pub(crate) metrics: Metrics,
    pub(crate) heard: Stream,
    pub(crate) log: Vec<u8>,
}

impl Server {
    pub(crate) async fn start(config: NodeConfig<SocketAddr>) -> Self {
        Self::start_pinging(config, Duration::from_secs(3600)).await
    }

    pub(crate) async fn start_pinging(config: NodeConfig<SocketAddr>, ping_interval: Duration) -> Self {
        let log = Log::default();
        let node = Node::recorded(config, log.clone()).expect("the configuration is sound, and the model knows it");
        let local = Arc::new(Local::new(Magic::REGTEST, ping_interval, None));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let faithful = (0..3).map(|_| tokio::spawn(listen(node.clone()))).collect();
        let restless = tokio::spawn(come_and_go(node.clone()));
        while node.metrics().subscribers < 4 {
            tokio::task::yield_now().await;
        }
        let (peers, shared) = (node.clone(), Arc::clone(&local));
        let accepting = tokio::spawn(async move { peer::accept_peers(&peers, &shared, &listener).await });
        Self { node, local, address, log, accepting, faithful, restless }
    }

    /// Waits until the node has seen so many connections come and go, and its subscribers have heard. It is told nothing:
    /// each session ends by itself.
    pub(crate) async fn is_deserted_by(&self, connections: usize) {
        let begin = Instant::now();
        let is_busy = |metrics: &Metrics| {
            let seen = metrics.opened + metrics.refused.values().sum::<u64>();
            seen < connections as u64 || metrics.sessions > 0 || metrics.longest_queue > 0
        };
        while is_busy(&self.node.metrics()) {
            assert!(begin.elapsed() < STUCK, "peers are gone, something is not: {:?}", self.node.metrics());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(self.node.peers().len(), 0);
    }

    /// Ends a node that has no sessions. All subscribers have heard the same, and each session's Up before its Down.
    pub(crate) async fn end(self) -> Remains {
        let metrics = self.node.metrics();
        self.accepting.abort();
        assert!(self.accepting.await.is_err_and(|error| error.is_cancelled()), "it accepts until it is told otherwise");
        let report = self.node.shutdown(STUCK).await;
        assert_eq!((report.drained, report.aborted), (0, 0), "nobody was left");
        let mut streams = Vec::new();
        for faithful in self.faithful {
            streams.push(faithful.await.expect("it ends with the node"));
        }
        let subscriptions = self.restless.await.expect("it ends with the node");
        println!("the restless subscriber subscribed {subscriptions} times");
        let heard = streams.pop().expect("there are three");
        for stream in streams {
            assert_eq!(stream, heard, "two subscribers heard different things");
        }
        is_paired(&heard);
        self.node.flush_record().expect("memory does not fail");
        Remains { metrics, heard, log: self.log.take() }
    }
}

impl Remains {
    /// What was recorded is a behaviour of the model.
    pub(crate) fn is_explained(&self) {
        let begin = Instant::now();
        let explanation = explain::<Handfast>(&mut &*self.log).expect("what is recorded can be read");
        println!("{} steps explained in {:?}", explanation.steps, begin.elapsed());
        assert_eq!((explanation.runs, explanation.rejection, explanation.violated), (1, None, vec![]));
        let least = 2 * self.metrics.opened + self.metrics.refused.values().sum::<u64>();
        assert!(explanation.steps as u64 >= least, "the record has at least a begin and an end of each session");
    }

    /// How often somebody with this address came.
    pub(crate) fn ups(&self) -> BTreeMap<SocketAddr, usize> {
        let mut ups = BTreeMap::new();
        for (_, key, heard) in &self.heard {
            if *heard == Heard::Up {
                *ups.entry(*key).or_default() += 1;
            }
        }
        ups
    }
}

async fn listen(node: Peers) -> Stream {
    let mut events = node.subscribe().expect("the node runs");
    assert_eq!(events.snapshot().len(), 0);
    let mut stream = Vec::new();
    loop {
        match events.next().await.expect("the last event is Closed") {
            Event::Up(peer) => stream.push((peer.session, peer.key, Heard::Up)),
            Event::Down(peer, reason) => stream.push((peer.session, peer.key, Heard::Down(reason))),
            Event::Lagged => panic!("nothing is slow enough here"),
            Event::Closed => return stream,
        }
    }
}

/// Hears a few events, goes, and comes back; whoever its snapshot lists is taken for heard of.
async fn come_and_go(node: Peers) -> usize {
    let mut subscriptions = 0;
    while let Ok(mut events) = node.subscribe() {
        subscriptions += 1;
        let mut known: Vec<SessionId> = events.snapshot().iter().map(|peer| peer.session).collect();
        for _ in 0..50 {
            match events.next().await.expect("the last event is Closed") {
                Event::Up(peer) => {
                    assert!(!known.contains(&peer.session), "{} was up", peer.session);
                    known.push(peer.session);
                }
                Event::Down(peer, _) => {
                    let at = known.iter().position(|&session| session == peer.session);
                    known.swap_remove(at.unwrap_or_else(|| panic!("{} was not up", peer.session)));
                }
                Event::Lagged => panic!("nothing is slow enough here"),
                Event::Closed => return subscriptions,
            }
        }
    }
    subscriptions
}

fn is_paired(heard: &Stream) {
    let mut sessions: BTreeMap<SessionId, Vec<(SocketAddr, Heard)>> = BTreeMap::new();
    for &(session, key, heard) in heard {
        sessions.entry(session).or_default().push((key, heard));
    }
    for (session, heard) in sessions {
        match heard[..] {
            [(up, Heard::Up), (down, Heard::Down(_))] if up == down => {}
            _ => panic!("of {session} was heard {heard:?}"),
        }
    }
}

/// Runs a test on a runtime of its own, and sees to it that no task and no descriptor is left.
pub(crate) fn leaving_nothing(test: impl AsyncFnOnce()) {
    let build = || Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime can be built");
    // The first runtime opens what tokio keeps for the process: the pair of sockets through which signals come.
    drop(build());
    let before = descriptors();
    let runtime = build();
    runtime.block_on(test());
    no_task_is_left(&runtime);
    drop(runtime);
    let after = descriptors();
    assert_eq!(after, before, "descriptors were {before:?} and are {after:?}");
}

/// A task is gone a moment after it was seen to have ended.
fn no_task_is_left(runtime: &Runtime) {
    let begin = Instant::now();
    let alive = |handle: &Handle| handle.metrics().num_alive_tasks();
    while alive(runtime.handle()) > 0 {
        assert!(begin.elapsed() < STUCK, "{} tasks are left", alive(runtime.handle()));
        std::thread::yield_now();
    }
}

/// How many descriptors this process has open, where the system tells.
fn descriptors() -> Option<usize> {
    let count = std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
    if count.is_none() {
        skip("descriptors cannot be counted: there is no /proc/self/fd");
    }
    count
}
