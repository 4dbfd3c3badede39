//! Nodes: clusters of them that dial each other, are killed and started again, shut down, and lose connections.
//!
//! What subscribers, bodies and callers are told is recorded in the history of the specification, and its invariants are
//! asked after each step: NODE-1, NODE-2, NODE-3, NODE-4, NODE-5, NODE-6, NODE-7, NODE-9 and NODE-11. At the end, when
//! nothing is held back any more, no goal is owed: NODE-12, NODE-13, NODE-14 and NODE-15. In half of the runs nodes are
//! recorded: their logs tell who loses a tie when it is decided (NODE-8), and are explained, each part and the whole.

mod home;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use handfast_spec::Protocol;
use handfast_spec::lifecycle::{Direction, Reason};
use handfast_spec::node::{self as spec, ConnectionId, NodeId, Output, State};
use model::checker::explain::Explanation;
use rand::Rng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::executor::Executor;
use super::oracle::{OWED, Oracle, TRUTH};
use super::transport::{End, Link, Way};
use super::{Plan, World, one_of};
use crate::log::Log;
use home::{Book, Home};

/// The most calls of transports in one poll.
const MOST_CALLS: u32 = 8_192;

/// The world of nodes.
#[derive(Clone, Copy, Debug)]
pub struct Nodes;

/// What stays as it is throughout a run. Times are in milliseconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Setup {
    nodes: u32,
    frames: u32,
    handshake: u64,
    grace: u64,
    /// Whether of two nodes that dial one connection the one of the lesser key draws the greater number.
    is_greater_first: bool,
    is_recorded: bool,
}

/// What is done next.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names say it.
pub enum Step {
    Connect { from: u32, to: u32, both: bool, ways: [Way; 2] },
    Kill { node: u32 },
    Stop { node: u32, within: u64 },
    Ban { node: u32, peer: u32 },
    Reset { link: usize },
    Stall { link: usize, is_stalled: bool },
    Pass { time: u64 },
    Jump { time: u64 },
}

/// A fault of a node.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Canary {
    /// Each end keeps the session that it announced first.
    KeepsOld,
    /// What a kernel acknowledged counts as given.
    TrustsKernel,
    /// No Down is heard.
    MissesDowns,
    /// A shutdown is said to be over when it begins.
    StopsEarly,
    /// A key that a peer only claims takes a session's place.
    BelievesClaims,
}

/// A connection that gives little trouble: nothing that takes so long that a timer fires.
fn gentle(random: &mut StdRng) -> Way {
    let way = Way { delay: one_of(random, &[0, 0, 1, 3]), ..Way::CALM };
    Way { chop: one_of(random, &[1, 7, usize::MAX]), pends: one_of(random, &[0, 0, 4]), ..way }
}

fn step(random: &mut StdRng, nodes: u32, is_rough: bool) -> Step {
    let from = random.random_range(0..nodes);
    let to = (from + random.random_range(1..nodes)) % nodes;
    let link = random.random_range(0..8);
    match random.random_range(0..if is_rough { 60 } else { 44 }) {
        0..24 => {
            let mut way = || if is_rough && random.random() { Way::random(random) } else { gentle(random) };
            let ways = [way(), way()];
            Step::Connect { from, to, both: random.random_ratio(1, 3), ways }
        }
        24..44 => Step::Pass { time: one_of(random, &[1, 2, 5, 20, 500]) },
        44..47 => Step::Kill { node: from },
        47..49 => Step::Stop { node: from, within: one_of(random, &[0, 50, 5_000]) },
        49..51 => Step::Ban { node: from, peer: to },
        51..54 => Step::Reset { link },
        54..58 => Step::Stall { link, is_stalled: random.random_ratio(2, 3) },
        _ => Step::Jump { time: one_of(random, &[5, 3_000]) },
    }
}

impl World for Nodes {
    const NAME: &'static str = "node";
    const CANARIES: &'static [Canary] =
        &[Canary::KeepsOld, Canary::TrustsKernel, Canary::MissesDowns, Canary::StopsEarly, Canary::BelievesClaims];
    const EVENTS: &'static [&'static str] = &[
        "a session is announced",
        "a session is over",
        "a session is replaced",
        "a tie is broken",
        "a record is explained",
        "a node that dialed is the responder",
        "a frame is given",
        "a marker is read",
        "a reader is told that its peer is gone",
        "all frames have arrived",
        "frames may be lost",
        "a node is killed",
        "a node has shut down",
        "a node is banned",
        "a connection is reset",
        "two connections of one pair at once",
        "nothing was disturbed",
    ];
    type Setup = Setup;
    type Step = Step;
    type Canary = Canary;

    fn plan(random: &mut StdRng) -> (Setup, Vec<Step>) {
        let is_rough = random.random_ratio(2, 3);
        let setup = Setup {
            nodes: random.random_range(2..4),
            frames: random.random_range(0..5),
            handshake: 30_000,
            grace: one_of(random, &[2_000, 8_000]),
            is_greater_first: random.random(),
            is_recorded: random.random(),
        };
        let steps = random.random_range(3..24);
        let nodes = setup.nodes;
        (setup, (0..steps).map(|_| step(random, nodes, is_rough)).collect())
    }

    async fn run(plan: &Plan<Self>, executor: Executor) {
        let mut run = Run::new(plan, executor);
        for step in &plan.steps {
            run.oracle.step();
            run.step(step).await;
            run.executor.settle().await;
            run.check();
            if run.oracle.has_found() {
                return run.executor.drop_all();
            }
        }
        run.come_to_an_end().await;
        run.executor.drop_all();
    }
}

struct Run<'p> {
    executor: Executor,
    oracle: Oracle,
    plan: &'p Plan<Nodes>,
    book: Book,
    homes: Vec<Home>,
    links: Vec<Link>,
    /// For each link, its nodes and which of them dialed.
    made: Vec<([u32; 2], [bool; 2])>,
    /// What processes have recorded that were killed.
    logs: Vec<Log>,
}

fn address(node: u32) -> SocketAddr {
    (Ipv4Addr::new(192, 0, 2, node as u8 + 1), 7).into()
}

impl<'p> Run<'p> {
    fn new(plan: &'p Plan<Nodes>, executor: Executor) -> Self {
        let oracle = executor.oracle().clone();
        let book = Book::new(oracle.clone());
        let home = |id| Home::new(NodeId(id), &plan.setup, &book, plan.canary);
        let homes = (0..plan.setup.nodes).map(home).collect();
        Self { executor, oracle, plan, homes, book, links: Vec::new(), made: Vec::new(), logs: Vec::new() }
    }

    fn socket(link: usize, end: End) -> spec::Socket {
        let end = [spec::End::Left, spec::End::Right][end.index()];
        spec::Socket { connection: ConnectionId(link as u32), end }
    }

    /// Something other than the protocol may end a session from now on.
    fn disturb(&self) {
        self.book.history().disturbed = true;
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Connect { from, to, both, ways } => self.connect([from, to], both, ways),
            Step::Kill { node } => self.kill(node),
            Step::Stop { node, within } => self.stop(node, Duration::from_millis(within)),
            Step::Ban { node, peer } => self.ban(node, peer),
            Step::Reset { link } => {
                if let Some(link) = self.links.get(link) {
                    self.oracle.saw("a connection is reset");
                    self.disturb();
                    link.reset();
                }
            }
            Step::Stall { link, is_stalled } => {
                if let Some(link) = self.links.get(link) {
                    self.disturb();
                    End::BOTH.into_iter().for_each(|from| link.stall(from, is_stalled));
                }
            }
            Step::Pass { time } => self.executor.pass(Duration::from_millis(time)).await,
            Step::Jump { time } => {
                self.disturb();
                self.executor.jump(Duration::from_millis(time)).await;
            }
        }
    }

    /// Whether a connection that the same ends dialed is still open somewhere. Of two of those the upgrade would have to
    /// give ranks.
    fn has_alike(&self, nodes: [u32; 2], dialed: [bool; 2]) -> bool {
        let history = self.book.history();
        let is_open = |link: usize| {
            let of = |end| history.socket(Self::socket(link, end)).state == State::Open;
            End::BOTH.into_iter().any(of)
        };
        self.made.iter().enumerate().any(|(link, made)| *made == (nodes, dialed) && is_open(link))
    }

    fn connect(&mut self, [from, to]: [u32; 2], both: bool, ways: [Way; 2]) {
        let nodes = [from.min(to), from.max(to)];
        let dialed = nodes.map(|node| both || node == from);
        if self.has_alike(nodes, dialed) {
            return;
        }
        let is_second = self.made.iter().enumerate().any(|(link, (of, _))| {
            *of == nodes && self.book.history().socket(Self::socket(link, End::Left)).state == State::Open
        });
        if is_second {
            self.oracle.saw("two connections of one pair at once");
        }
        if ways.iter().any(|way| way.delay > 3 || way.cut.is_some() || way.is_buffered || way.send < 1 << 16) {
            self.disturb();
        }
        let number = self.links.len();
        let link = Link::new(&mut self.executor, self.plan.seed ^ number as u64, ways, true, MOST_CALLS);
        self.links.push(link.clone());
        self.made.push((nodes, dialed));
        for end in End::BOTH {
            let (own, peer) = (nodes[end.index()], nodes[end.peer().index()]);
            let socket = Self::socket(number, end);
            let is_dialed = dialed[end.index()];
            let direction = if is_dialed { Direction::Outbound } else { Direction::Inbound };
            self.book.tell(Output::Opened(socket, NodeId(own), NodeId(peer), direction));
            let home = &self.homes[own as usize];
            let wire = home.wire(link.socket(end), socket);
            let session = if is_dialed {
                home.node.dial_with(address(peer), async move { Ok(wire) })
            } else {
                home.node.accept(wire, address(peer))
            };
            match session {
                Ok(session) => home.has(session.session(), socket),
                Err(_) => self.book.tell(Output::Rejected(socket, Reason::Closing)),
            }
        }
    }

    fn kill(&mut self, node: u32) {
        let id = NodeId(node);
        let home = Home::new(id, &self.plan.setup, &self.book, self.plan.canary);
        let killed = std::mem::replace(&mut self.homes[node as usize], home);
        self.oracle.saw("a node is killed");
        killed.silence();
        self.logs.extend(killed.log.clone());
        self.book.tell(Output::Crashed(id));
        self.book.tell(Output::Restarted(id));
        // Its kernel closes what it had.
        self.executor.spawn(format!("the end of {id}"), None, async move {
            let _ = killed.node.shutdown(Duration::ZERO).await;
        });
    }

    fn stop(&mut self, node: u32, within: Duration) {
        let home = &mut self.homes[node as usize];
        if std::mem::replace(&mut home.has_stopped, true) {
            return;
        }
        home.voice.hear();
        let id = NodeId(node);
        let (handle, voice, book) = (home.node.clone(), home.voice.clone(), self.book.clone());
        book.tell(Output::Stopping(id));
        if self.plan.canary == Some(Canary::StopsEarly) {
            book.tell(Output::Stopped(id));
        }
        self.executor.spawn(format!("the shutdown of {id}"), None, async move {
            let report = handle.shutdown(within).await;
            voice.hear();
            // Tasks that are aborted close their connections when they have their turn.
            let is_itself = voice.is_heard();
            if report.aborted == 0 && is_itself {
                book.oracle.saw("a node has shut down");
                book.tell(Output::Stopped(id));
            } else if is_itself {
                // It is over all the same.
                book.history().nodes.entry(id.index()).phase = spec::Phase::Stopped;
            }
        });
    }

    fn ban(&mut self, node: u32, peer: u32) {
        let home = &self.homes[node as usize];
        home.voice.hear();
        if home.node.registry().ban(peer.into()).is_err() {
            return;
        }
        self.oracle.saw("a node is banned");
        self.book.tell(Output::Banned(NodeId(node), NodeId(peer)));
        let history = self.book.history().clone();
        let meant = history.sockets().filter(|(_, it)| it.is_up && it.nodes == [NodeId(node), NodeId(peer)]);
        meant.for_each(|(socket, _)| self.book.tell(Output::ToldToEnd(socket)));
    }

    fn check(&self) {
        self.homes.iter().for_each(|home| home.voice.hear());
        let history = self.book.history().clone();
        for invariant in spec::Node::INVARIANTS {
            self.oracle.holds((invariant.holds)(&history), invariant.id, || {
                format!("{}: {:#?}", invariant.title, history.sockets().collect::<Vec<_>>())
            });
        }
    }

    async fn come_to_an_end(&mut self) {
        self.oracle.step();
        self.links.iter().for_each(Link::calm_down);
        self.executor.pass(Duration::from_secs(120)).await;
        self.check();
        let history = self.book.history().clone();
        for goal in spec::Node::GOALS {
            let is_owed = (goal.trigger)(&history) && !(goal.outcome)(&history);
            self.oracle
                .holds(!is_owed, goal.id, || format!("{}: {:#?}", goal.title, history.sockets().collect::<Vec<_>>()));
        }
        if !history.disturbed {
            self.oracle.saw("nothing was disturbed");
        }
        (0..self.plan.setup.nodes).for_each(|node| self.stop(node, Duration::from_secs(5)));
        self.executor.pass(Duration::from_secs(60)).await;
        self.check();
        let history = self.book.history().clone();
        let left = history.sockets().find(|(_, record)| record.state == State::Open);
        self.oracle.holds(left.is_none(), OWED, || format!("it is still open: {left:?}"));
        self.executor.expect_all_over();
        self.explain();
    }

    /// Explains what was recorded: each part, and the whole.
    fn explain(&self) {
        let entry = model::registry::find("node").expect("it is modelled");
        for log in self.homes.iter().filter_map(|home| home.log.as_ref()).chain(&self.logs) {
            if self.oracle.has_found() {
                return;
            }
            let log = log.take();
            let explained = (entry.explain)(&mut &*log);
            self.oracle.saw("a record is explained");
            self.oracle.holds(explained.as_ref().is_ok_and(Explanation::is_behaviour), TRUTH, || {
                let part = explained.as_ref().map(|explained| (&explained.part, &explained.rejection));
                format!("the record: {part:?}\n{}", String::from_utf8_lossy(&log))
            });
        }
    }
}
