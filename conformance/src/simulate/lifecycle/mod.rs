//! The lifecycle: a node with sessions, subscribers and a selector, and users' code that fails, panics and calls back.

mod canary;
mod run;
mod subscriber;
mod users;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use handfast::lifecycle::{Config, Duplicates, Limits, NodeConfig, Origin};
use rand::Rng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::executor::Executor;
use super::{Plan, World, maybe, one_of};
pub use canary::Canary;
use run::Run;
use users::{Handing, Key, Lives, Shakes};

/// The world of the lifecycle.
#[derive(Clone, Copy, Debug)]
pub struct Lifecycle;

/// What stays as it is throughout a run. Times are in milliseconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Setup {
    total: usize,
    pending: usize,
    spare: usize,
    per_address: Option<usize>,
    inbound: Option<usize>,
    reserved: usize,
    duplicates: Twins,
    handshake: u64,
    patience: u64,
    grace: u64,
    is_recorded: bool,
    /// Whether what users drop calls the node.
    calls_back: bool,
    /// How long a peer may be active without progress, and whether it is then disconnected.
    selector: Option<(u64, bool)>,
}

/// What becomes of a second session with the same key.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Twins {
    KeepOld,
    KeepNew,
    TieBreak(Key),
    Allow(usize),
}

/// What is done next.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names say it.
pub enum Step {
    Open(Opening),
    Abort { session: usize },
    Disconnect { session: usize },
    DisconnectKey { key: u32 },
    Ban { key: u32, time: Option<u64> },
    Unban { key: u32 },
    BanAddress { address: u8, time: Option<u64> },
    UnbanAddress { address: u8 },
    Subscribe(Pace),
    LookAt { session: usize, is_ahead: bool },
    Progress { session: usize },
    Shutdown { within: u64, patience: Option<u32> },
    Pass { time: u64 },
    Jump { time: u64 },
}

/// A connection.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Opening {
    is_inbound: bool,
    is_privileged: bool,
    address: Option<u8>,
    how: How,
    handing: Handing,
}

/// How a session's task is run.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum How {
    /// It is spawned.
    Open,
    /// It is polled, and dropped when it has pended so often.
    Prepare { patience: Option<u32> },
    /// It is dropped before it is polled.
    Drop,
}

/// How a subscriber takes its events. Times are in milliseconds.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Pace {
    /// Before each event.
    each: u64,
    /// After so many events it sleeps for this long.
    nap: Option<(u32, u64)>,
    /// How many it wants.
    wants: u32,
    /// How long it may hold up announcements, if not as configured.
    patience: Option<u64>,
    /// How often its task may pend before it is dropped.
    drops: Option<u32>,
}

impl Setup {
    fn config(&self) -> NodeConfig<Key> {
        let limits = Limits::new(self.total, self.pending);
        let limits = limits
            .with_per_address(self.per_address.unwrap_or(limits.per_address))
            .with_inbound(self.inbound.unwrap_or(limits.inbound))
            .with_reserved_of_total(self.reserved);
        let (duplicates, local) = match self.duplicates {
            Twins::KeepOld => (Duplicates::KeepOld, None),
            Twins::KeepNew => (Duplicates::KeepNew, None),
            Twins::TieBreak(local) => (Duplicates::TieBreak, Some(local)),
            Twins::Allow(most) => (Duplicates::Allow(most), None),
        };
        let capacity = self.total + self.spare;
        let registry = Config::new(limits, duplicates).with_capacity(capacity).with_local(local);
        NodeConfig::new(registry)
            .with_handshake_timeout(Duration::from_millis(self.handshake))
            .with_slow_subscriber_timeout(Duration::from_millis(self.patience))
            .with_grace(Duration::from_millis(self.grace))
    }
}

impl Opening {
    fn origin(&self) -> Origin {
        let address = self.address.map(address);
        let origin = if self.is_inbound { Origin::inbound(address) } else { Origin::outbound(address) };
        if self.is_privileged { origin.privileged() } else { origin }
    }
}

fn address(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, number).into()
}

fn opening(random: &mut StdRng) -> Opening {
    let shakes = match random.random_range(0..20) {
        0..12 => Shakes::Once,
        12..14 => Shakes::Twice,
        14 => Shakes::Silently,
        15 => Shakes::Badly,
        16..18 => Shakes::ForEver,
        18 => Shakes::PanicsAtOnce,
        _ => Shakes::Panics,
    };
    let lives = match random.random_range(0..12) {
        0..4 => Lives::Shortly,
        4..8 => Lives::UntilTold,
        8..10 => Lives::ForEver,
        10 => Lives::PanicsAtOnce,
        _ => Lives::Panics,
    };
    let how = match random.random_range(0..8) {
        0..5 => How::Open,
        5..7 => How::Prepare { patience: maybe(random, 2, |random| random.random_range(1..5)) },
        _ => How::Drop,
    };
    let handing = Handing {
        key: random.random_range(0..6),
        shakes,
        after: one_of(random, &[0, 0, 1, 10, 200]),
        lives,
        for_: one_of(random, &[0, 5, 50, 400]),
        is_ahead: random.random_ratio(1, 3),
        info_panics: random.random_ratio(1, 40),
    };
    Opening {
        is_inbound: random.random(),
        is_privileged: random.random_ratio(1, 8),
        address: maybe(random, 2, |random| random.random_range(0..4)),
        how,
        handing,
    }
}

fn pace(random: &mut StdRng) -> Pace {
    Pace {
        each: if random.random() { 0 } else { one_of(random, &[1, 20, 300]) },
        nap: maybe(random, 4, |random| (random.random_range(1..6), one_of(random, &[50, 1_000]))),
        wants: if random.random_ratio(3, 4) { u32::MAX } else { random.random_range(1..12) },
        patience: maybe(random, 4, |random| one_of(random, &[0, 5, 300])),
        drops: maybe(random, 8, |random| random.random_range(1..20)),
    }
}

fn step(random: &mut StdRng) -> Step {
    let session = random.random_range(0..12);
    let key = random.random_range(0..6);
    let time = maybe(random, 2, |random| one_of(random, &[0, 5, 100, 2_000]));
    match random.random_range(0..100) {
        0..38 => Step::Open(opening(random)),
        38..41 => Step::Abort { session },
        41..45 => Step::Disconnect { session },
        45..47 => Step::DisconnectKey { key },
        47..49 => Step::Ban { key, time },
        49..51 => Step::Unban { key },
        51..52 => Step::BanAddress { address: random.random_range(0..4), time },
        52..53 => Step::UnbanAddress { address: random.random_range(0..4) },
        53..61 => Step::Subscribe(pace(random)),
        61..65 => Step::LookAt { session, is_ahead: random.random() },
        65..67 => Step::Progress { session },
        67 => Step::Shutdown {
            within: one_of(random, &[0, 5, 300]),
            patience: maybe(random, 3, |random| random.random_range(1..3)),
        },
        68..97 => Step::Pass { time: one_of(random, &[1, 5, 20, 100, 500]) },
        _ => Step::Jump { time: one_of(random, &[1, 30, 400]) },
    }
}

impl World for Lifecycle {
    const NAME: &'static str = "lifecycle";
    const CANARIES: &'static [Canary] = canary::CANARIES;
    const EVENTS: &'static [&'static str] = &[
        "a session gets a slot",
        "a connection is turned away",
        "a session ends announced",
        "a session ends unannounced",
        "up is heard",
        "down is heard",
        "lagged is heard",
        "closed is heard",
        "a peer becomes active",
        "a shutdown is over",
        "a shutdown aborts",
        "a panic that was meant",
        "the drop of an info panics",
        "a future is dropped where it waits",
        "the clock jumps",
        "a record is judged",
    ];
    type Setup = Setup;
    type Step = Step;
    type Canary = Canary;

    fn plan(random: &mut StdRng) -> (Setup, Vec<Step>) {
        let total = random.random_range(1..8);
        let duplicates = match random.random_range(0..4) {
            0 => Twins::KeepOld,
            1 => Twins::KeepNew,
            2 => Twins::TieBreak(random.random_range(0..6)),
            _ => Twins::Allow(random.random_range(1..3)),
        };
        let inbound = maybe(random, 3, |random| random.random_range(1..=total));
        // What is accepted must leave something to dial with.
        let may_reserve = total > 1 && inbound != Some(total - 1);
        let setup = Setup {
            total,
            pending: random.random_range(1..=total),
            spare: random.random_range(1..4),
            per_address: maybe(random, 3, |random| random.random_range(1..3)),
            inbound,
            reserved: usize::from(may_reserve && random.random_ratio(1, 4)),
            duplicates,
            handshake: one_of(random, &[30, 150, 1_000]),
            patience: one_of(random, &[5, 50, 400]),
            grace: one_of(random, &[0, 0, 10, 100]),
            is_recorded: random.random(),
            calls_back: random.random_ratio(1, 100),
            selector: maybe(random, 2, |random| (one_of(random, &[20, 300]), random.random())),
        };
        let steps = random.random_range(5..50);
        (setup, (0..steps).map(|_| step(random)).collect())
    }

    async fn run(plan: &Plan<Self>, executor: Executor) {
        let mut run = Run::new(plan, executor);
        for step in &plan.steps {
            run.oracle.step();
            run.step(step).await;
            run.executor.settle().await;
            run.check();
            if matches!(step, Step::Pass { .. }) {
                run.executor.probe().await;
            }
            if run.oracle.has_found() {
                return run.close();
            }
        }
        run.come_to_an_end().await;
        run.close();
    }
}
