//! A connection between two ends in memory, as bad as connections are.
//!
//! Each direction has a send queue and a receive queue. A call may move few bytes, or pend without need; the network
//! moves segments with a delay, stalls, resets, or ends the stream after any byte. A close with unread input resets the
//! connection and drops what both ends had not sent, as on Linux.

mod network;
mod stream;

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use handfast::framed::Delivery;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::executor::Executor;
use super::oracle::{Oracle, TURNS};

pub use stream::{Half, Socket};

/// Bytes that a transport takes before it wants a flush.
const BUFFER: usize = 512;

/// One of the two ends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The first.
    Left,
    /// The second.
    Right,
}

impl End {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// The other one.
    pub fn peer(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }

    /// Its place in an array.
    pub fn index(self) -> usize {
        self as usize
    }
}

/// How a direction behaves.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Way {
    /// Bytes that the send queue holds. With 0 a write needs room in the receive queue.
    pub send: usize,
    /// Bytes that the receive queue holds. With 0 as well, a write waits for a read.
    pub receive: usize,
    /// Bytes that the network moves at a time.
    pub segment: usize,
    /// Milliseconds before the network moves them.
    pub delay: u64,
    /// The most bytes that one call moves.
    pub chop: usize,
    /// Of 16 calls, those that pend without need.
    pub pends: u32,
    /// Whether bytes are kept back until a flush.
    pub is_buffered: bool,
    /// The byte behind which the direction breaks, and how.
    pub cut: Option<(usize, Cut)>,
}

impl Way {
    /// Holds enough, and gives no trouble.
    pub const CALM: Self = Self {
        send: 1 << 16,
        receive: 1 << 16,
        segment: 1 << 16,
        delay: 0,
        chop: usize::MAX,
        pends: 0,
        is_buffered: false,
        cut: None,
    };

    /// Chooses how a direction behaves.
    pub fn random(random: &mut StdRng) -> Self {
        let bytes = |random: &mut StdRng, most: u32| 1_usize << random.random_range(0..=most);
        let send = if random.random_ratio(1, 8) { 0 } else { bytes(random, 13) };
        let mut way = Self { send, receive: bytes(random, 13), segment: bytes(random, 13), ..Self::CALM };
        if send == 0 && random.random() {
            way.receive = 0;
        }
        if random.random_ratio(1, 2) {
            way.delay = [0, 1, 3, 20, 50][random.random_range(0..5)];
        }
        if random.random_ratio(1, 2) {
            way.chop = bytes(random, 8);
        }
        if random.random_ratio(1, 2) {
            way.pends = random.random_range(1..=8);
        }
        way.is_buffered = send > 0 && random.random_ratio(1, 4);
        if send > 0 && random.random_ratio(1, 8) {
            let cut = if random.random() { Cut::Reset } else { Cut::End };
            way.cut = Some((random.random_range(0..2_000), cut));
        }
        way
    }
}

/// How a direction breaks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// The connection is reset.
    Reset,
    /// The stream ends, and what is behind it goes nowhere.
    End,
}

/// A kind of call that can be held back.
#[derive(Clone, Copy, Debug)]
enum Call {
    Read,
    Write,
}

/// The connection. Clones are of the same.
#[derive(Clone)]
pub struct Link(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Something changed that the network of a direction may wait for.
    changed: [Notify; 2],
    /// A call is held back.
    held: Notify,
    is_probing: Arc<AtomicBool>,
    oracle: Oracle,
    most_calls: u32,
}

/// What is known of the connection.
pub struct State {
    ways: [Sent; 2],
    sides: [Side; 2],
    /// Whether the kernels tell what was acknowledged.
    tells: bool,
    is_reset: bool,
    is_calm: bool,
    random: StdRng,
}

/// The bytes of one direction.
pub struct Sent {
    way: Way,
    /// All bytes that the transport took.
    pub bytes: Vec<u8>,
    /// How many of them are not kept back.
    pub flushed: usize,
    /// No flush was done since bytes were taken.
    is_flush_owed: bool,
    /// How many are in the receive queue, or were read.
    pub carried: usize,
    /// How many were read.
    pub read: usize,
    /// When how many were taken, in sum.
    pub taken_at: Vec<(Instant, usize)>,
    /// When how many were read, in sum.
    pub read_at: Vec<(Instant, usize)>,
    fin: Fin,
    is_stalled: bool,
    /// What is sent goes nowhere.
    is_dead: bool,
    /// Bytes that a read waits for.
    wanted: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fin {
    Open,
    Queued,
    Carried,
}

/// What one end was told, and how its calls wait.
#[derive(Default)]
pub struct Side {
    wakers: [Option<Waker>; 2],
    held_until: [Option<Instant>; 2],
    dropped: u8,
    /// It was told that the connection is broken.
    pub knows_of_reset: bool,
    /// It was told that the peer's bytes have ended.
    pub knows_of_end: bool,
    told: Option<Delivery>,
}

impl Sent {
    fn new(way: Way) -> Self {
        Self {
            way,
            bytes: Vec::new(),
            flushed: 0,
            is_flush_owed: false,
            carried: 0,
            read: 0,
            taken_at: Vec::new(),
            read_at: Vec::new(),
            fin: Fin::Open,
            is_stalled: false,
            is_dead: false,
            wanted: 0,
        }
    }

    fn room(&self) -> usize {
        let Way { send, receive, is_buffered, .. } = self.way;
        match (is_buffered, send, receive) {
            (true, ..) => BUFFER - (self.bytes.len() - self.flushed),
            (false, 0, 0) => self.wanted,
            (false, 0, _) => receive.saturating_sub(self.carried - self.read),
            (false, ..) => send.saturating_sub(self.flushed - self.carried),
        }
    }

    /// Bytes, the end of the stream counted as one, that are not in the other kernel.
    pub fn outstanding(&self) -> usize {
        self.bytes.len() - self.carried + usize::from(self.fin == Fin::Queued)
    }

    /// Whether bytes are kept back for all that who wrote them knows: no flush was done since.
    pub fn is_kept_back(&self) -> bool {
        self.is_flush_owed
    }

    /// How many bytes were taken and are kept back until a flush.
    pub fn unflushed(&self) -> usize {
        self.bytes.len() - self.flushed
    }

    /// Whether its calls may pend without need.
    pub fn pends_at_will(&self) -> bool {
        self.way.pends > 0
    }

    /// Whether everything was sent, and arrived, to the end of the stream.
    pub fn has_arrived(&self) -> bool {
        self.fin == Fin::Carried && self.carried == self.bytes.len()
    }

    /// How many bytes were taken in this time, which ends now.
    pub fn taken_within(&self, time: Duration) -> usize {
        within(&self.taken_at, time)
    }

    /// How many bytes were read in this time, which ends now.
    pub fn read_within(&self, time: Duration) -> usize {
        within(&self.read_at, time)
    }
}

fn within(moments: &[(Instant, usize)], time: Duration) -> usize {
    let now = Instant::now();
    let in_all = moments.last().map_or(0, |(_, bytes)| *bytes);
    let before = moments.iter().rev().find(|(then, _)| now - *then >= time).map_or(0, |(_, bytes)| *bytes);
    in_all - before
}

impl State {
    /// The bytes that an end sends.
    pub fn from(&self, end: End) -> &Sent {
        &self.ways[end.index()]
    }

    /// What an end was told.
    pub fn side(&self, end: End) -> &Side {
        &self.sides[end.index()]
    }

    /// Whether the kernels tell what was acknowledged.
    pub fn tells(&self) -> bool {
        self.tells
    }

    /// Whether the connection was reset, or a direction goes nowhere.
    pub fn is_broken(&self) -> bool {
        self.is_reset || self.ways.iter().any(|sent| sent.is_dead)
    }

    /// Whether the connection was reset: nothing is sent any more.
    pub fn is_reset(&self) -> bool {
        self.is_reset
    }

    /// Whether an end could send a byte.
    pub fn takes_bytes(&self, end: End) -> bool {
        let sent = self.from(end);
        sent.room() > 0 && sent.fin == Fin::Open && !self.is_reset && sent.flushed == sent.bytes.len()
    }

    /// Whether an end was closed.
    pub fn is_closed(&self, end: End) -> bool {
        self.side(end).dropped >= 2
    }

    fn waker(&mut self, end: End, call: Call) -> Option<Waker> {
        self.sides[end.index()].wakers[call as usize].take()
    }

    fn wait(&mut self, end: End, call: Call, cx: &Context<'_>) {
        self.sides[end.index()].wakers[call as usize] = Some(cx.waker().clone());
    }

    fn all_wakers(&mut self) -> Vec<Waker> {
        self.sides.iter_mut().flat_map(|side| side.wakers.iter_mut().filter_map(Option::take)).collect()
    }

    fn reset(&mut self) -> Vec<Waker> {
        self.is_reset = true;
        self.sides.iter_mut().for_each(|side| side.held_until = [None; 2]);
        self.all_wakers()
    }

    fn failure(&mut self, end: End) -> Option<io::Error> {
        let side = &mut self.sides[end.index()];
        let first = !std::mem::replace(&mut side.knows_of_reset, self.is_reset);
        let kind = if first { ErrorKind::ConnectionReset } else { ErrorKind::BrokenPipe };
        self.is_reset.then(|| kind.into())
    }
}

impl Link {
    /// Makes a connection, and the tasks that are its network. A poll with more than `most_calls` calls of its transports
    /// is taken to hold its thread.
    pub fn new(executor: &mut Executor, seed: u64, ways: [Way; 2], tells: bool, most_calls: u32) -> Self {
        let state = State {
            ways: ways.map(Sent::new),
            sides: Default::default(),
            tells,
            is_reset: false,
            is_calm: false,
            random: StdRng::seed_from_u64(seed),
        };
        let link = Self(Arc::new(Shared {
            state: Mutex::new(state),
            changed: Default::default(),
            held: Notify::new(),
            is_probing: executor.is_probing(),
            oracle: executor.oracle().clone(),
            most_calls,
        }));
        for from in End::BOTH {
            executor.spawn_world(format!("the network from {from:?}"), link.clone().carry(from));
        }
        executor.spawn_world("what holds calls back", link.clone().let_go());
        link
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what is known of it.
    pub fn look<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.state())
    }

    /// Moves nothing any more in a direction, or goes on.
    pub fn stall(&self, from: End, is_stalled: bool) {
        self.state().ways[from.index()].is_stalled = is_stalled;
        self.0.changed[from.index()].notify_one();
    }

    /// Resets the connection.
    pub fn reset(&self) {
        let woken = self.state().reset();
        woken.into_iter().for_each(Waker::wake);
    }

    /// From now on it holds enough, moves everything at once and holds nothing back.
    pub fn calm_down(&self) {
        let mut state = self.state();
        state.is_calm = true;
        for sent in &mut state.ways {
            let Way { is_buffered, cut, .. } = sent.way;
            sent.way = Way { is_buffered, cut: cut.filter(|_| sent.is_dead), ..Way::CALM };
            sent.is_stalled = false;
        }
        state.sides.iter_mut().for_each(|side| side.held_until = [None; 2]);
        let woken = state.all_wakers();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        self.0.changed.iter().for_each(Notify::notify_one);
    }

    /// Puts bytes into a direction that no driver wrote.
    pub fn forge(&self, from: End, bytes: &[u8]) {
        let mut state = self.state();
        let sent = &mut state.ways[from.index()];
        sent.bytes.extend_from_slice(bytes);
        sent.flushed = sent.bytes.len();
        if sent.way.send == 0 {
            sent.carried = sent.flushed;
        }
        // What was kept back is handed over with them.
        let woken = [state.waker(from.peer(), Call::Read), state.waker(from, Call::Write)];
        drop(state);
        woken.into_iter().flatten().for_each(Waker::wake);
        self.0.changed[from.index()].notify_one();
    }

    /// Whether a call pends though it need not.
    fn pends(&self, state: &mut State, end: End, call: Call, cx: &Context<'_>) -> bool {
        self.count_call(end);
        let now = Instant::now();
        let until = state.sides[end.index()].held_until[call as usize];
        let is_held = until.is_some_and(|until| now < until);
        let is_probing = self.is_probing();
        // A transport may be ready before the moment at which it would have woken the last caller. Then it wakes none.
        if is_held && (is_probing || state.random.random_ratio(3, 4)) {
            state.wait(end, call, cx);
            return true;
        }
        state.sides[end.index()].held_until[call as usize] = None;
        let way = match call {
            Call::Read => end.peer(),
            Call::Write => end,
        };
        let pends = state.ways[way.index()].way.pends;
        if is_probing || state.is_calm || !state.random.random_ratio(pends, 16) {
            return false;
        }
        self.0.oracle.saw("a call pends without need");
        if state.random.random() {
            // As a stream does whose budget is spent.
            cx.waker().wake_by_ref();
        } else {
            let time = Duration::from_millis(state.random.random_range(1..20));
            state.sides[end.index()].held_until[call as usize] = Some(now + time);
            state.wait(end, call, cx);
            self.0.held.notify_one();
        }
        true
    }

    fn is_probing(&self) -> bool {
        self.0.is_probing.load(Ordering::Relaxed)
    }

    fn count_call(&self, end: End) {
        let calls = self.0.oracle.call();
        self.0
            .oracle
            .holds(calls <= self.0.most_calls, TURNS, || format!("{calls} calls of {end:?}'s transport in one poll"));
    }

    /// How much of what an end sent could still be lost.
    fn delivery(&self, end: End) -> io::Result<Delivery> {
        self.count_call(end);
        let mut state = self.state();
        // Nothing tells of an acknowledgement, so that a driver without a wake-up may see one. That is no lost wake-up.
        if let (true, Some(told)) = (self.is_probing(), state.side(end).told) {
            return Ok(told);
        }
        let outstanding = state.from(end).outstanding();
        let delivery = match (state.tells, outstanding) {
            (true, 0) => Delivery::Outstanding(0),
            (tells, outstanding) => {
                let knew = state.side(end).knows_of_reset;
                if let Some(error) = state.failure(end).filter(|_| !knew) {
                    return Err(error);
                }
                if tells { Delivery::Outstanding(outstanding as u64) } else { Delivery::Unknown }
            }
        };
        state.sides[end.index()].told = Some(delivery);
        Ok(delivery)
    }
}
