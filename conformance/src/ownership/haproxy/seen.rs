//! What a model's state and a port look like to whoever compares them.

use handfast_spec::Recorded;
use handfast_spec::ownership::Thread;
use model::ownership::haproxy::{Bounds, Haproxy};
use serde::Deserialize;

use super::process::{Conn, Poller};
use super::{Snapshot, Step};

/// What is compared after each step: everything of the entry, of its surroundings, and which access each thread is at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    pub(super) entry: Snapshot,
    pub(super) conn: Conn,
    pub(super) lock: Option<Thread>,
    pub(super) open: Option<u32>,
    pub(super) next: u32,
    pub(super) data: bool,
    pub(super) at: Vec<Step>,
    pub(super) pollers: Vec<Poller>,
}

/// What is serialized of a machine, as far as it is compared.
#[derive(Deserialize)]
struct Machine {
    slot: Slot,
    workers: Vec<Working>,
    conn: Conn,
    lock: Option<Thread>,
    open: Option<u32>,
    next: u32,
    data: bool,
}

#[derive(Deserialize)]
struct Slot {
    refs: u64,
    tgid: u64,
    running: u64,
    threads: u64,
    updates: u64,
    polled: u64,
    listed: u64,
    flags: Flags,
    owner: Option<u64>,
    generation: u64,
}

#[derive(Deserialize)]
struct Flags {
    active: bool,
    must_close: bool,
}

#[derive(Deserialize)]
struct Working {
    at: Step,
    #[serde(flatten)]
    poller: Poller,
}

/// What is to be seen in a state of a model.
///
/// # Panics
///
/// If the model does not serialize what is compared.
pub fn seen(state: &Recorded<Haproxy>, bounds: &Bounds) -> Seen {
    let value = serde_json::to_value(&state.machine).expect("a machine can be written");
    let machine: Machine = serde_json::from_value(value).expect("a machine has what is compared");
    let Slot { refs, tgid, running, threads, updates, polled, listed, flags, owner, generation } = machine.slot;
    let (active, must_close) = (flags.active, flags.must_close);
    let owner = owner.map_or(0, |which| which + 1);
    let group = tgid;
    let threads_there = usize::from(bounds.threads());
    let workers = &machine.workers[..threads_there];
    Seen {
        entry: Snapshot {
            refs,
            group,
            running,
            threads,
            updates,
            polled,
            listed,
            active,
            must_close,
            owner,
            generation,
        },
        conn: machine.conn,
        lock: machine.lock,
        open: machine.open,
        next: machine.next,
        data: machine.data,
        at: workers.iter().map(|worker| worker.at).collect(),
        pollers: workers.iter().map(|worker| worker.poller).collect(),
    }
}
