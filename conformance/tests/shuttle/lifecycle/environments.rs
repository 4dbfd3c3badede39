//! Environments: two to four sessions, and what is done to them at once.

use std::time::Duration;

use handfast::environment::advance;
use shuttle::future::{JoinHandle, spawn, yield_now};

use crate::lifecycle::peers::{Body, Greets, HANDSHAKE_TIMEOUT, PATIENCE, Peers, Plan, Setup, Shake};
use crate::lifecycle::world::{Listens, World, linger};

const ROOMY: Setup = Setup { total: 3, pending: 3, capacity: 8, keep_new: true, grace: Duration::ZERO };

/// What is raced with what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Environment {
    /// Handshakes are said to be complete by two tasks at once, with two keys that another session has too.
    Established,
    /// The peer, the operator, a ban and an abort end the same two sessions.
    EndedFromAllSides,
    /// Tasks are aborted in the handshake, while they wait to be announced, and in the body.
    Aborted,
    /// A body panics while its session is disconnected.
    Panicked,
    /// A key is banned, unbanned and banned again while three sessions are announced under it and another one.
    Banned,
    /// Four sessions with one key; the newest stays.
    KeepNew,
    /// Three sessions with one key; the oldest stays.
    KeepOld,
    /// A subscriber takes nothing until its queue is full, and the clock moves.
    Slow,
    /// A session waits for an older one with its key, and for room, and no clock moves: only being woken helps.
    Waiting,
    /// Subscribers come and go during announcements.
    ComingAndGoing,
    /// Sessions are opened while two shut down, with a deadline that passes.
    ShutDown,
    /// The clock moves while handshakes complete, and sessions wait for older ones.
    TimedOut,
}

impl Environment {
    pub(crate) const ALL: [Self; 12] = [
        Self::Established,
        Self::EndedFromAllSides,
        Self::Aborted,
        Self::Panicked,
        Self::Banned,
        Self::KeepNew,
        Self::KeepOld,
        Self::Slow,
        Self::Waiting,
        Self::ComingAndGoing,
        Self::ShutDown,
        Self::TimedOut,
    ];

    /// What must have been recorded in some execution, so that nothing holds for want of anything happening.
    pub(crate) fn expected(self) -> &'static [&'static str] {
        match self {
            Self::Established => &["\"handshake_done_twice\"", "\"duplicate\"]"],
            Self::EndedFromAllSides => &["\"abort\"", "\"banned\"]", "{\"banned\"", "\"ending\""],
            Self::Aborted => &["\"abort\"", "\"handshake_done_twice\""],
            Self::Panicked => &["\"abort\"", "\"ending\"", "\"waits_for_old\""],
            Self::Banned => &["\"unbanned\"", "\"banned\"]", "\"waits_for_old\""],
            Self::KeepNew => &["\"waits_for_old\"", "\"waits\"", "\"full\"]"],
            Self::KeepOld => &["\"duplicate\"]"],
            Self::Slow => &["\"no_room\"", "\"evict\"", "\"lagged\"", "\"listed\""],
            Self::Waiting => &["\"waits\""],
            Self::ComingAndGoing => &["\"listed\"", "\"unsubscribed\""],
            Self::ShutDown => &["\"closing\"]", "\"abort\"", "\"full\"]"],
            Self::TimedOut => &["\"expire\"", "\"pending\"]"],
        }
    }

    pub(crate) fn setup(self) -> Setup {
        match self {
            Self::Established | Self::KeepOld => Setup { keep_new: false, ..ROOMY },
            Self::EndedFromAllSides | Self::Aborted | Self::Banned | Self::ComingAndGoing => ROOMY,
            Self::Panicked => Setup { ..ROOMY },
            Self::KeepNew => Setup { total: 2, pending: 2, capacity: 3, ..ROOMY },
            Self::Slow => Setup { total: 2, pending: 2, capacity: 3, ..ROOMY },
            Self::Waiting => Setup { capacity: 4, ..ROOMY },
            Self::ShutDown => Setup { total: 2, pending: 2, ..ROOMY },
            Self::TimedOut => Setup { pending: 2, ..ROOMY },
        }
    }

    /// Does everything to a fresh node, and comes back when all who act have acted.
    pub(crate) async fn run<P: Peers>(self, world: &mut World<P>) {
        let acting = match self {
            Self::Established => established(world),
            Self::EndedFromAllSides => ended_from_all_sides(world),
            Self::Aborted => aborted(world),
            Self::Panicked => panicked(world),
            Self::Banned => banned(world),
            Self::KeepNew => same_key(world, 4),
            Self::KeepOld => same_key(world, 3),
            Self::Slow => slow(world).await,
            Self::Waiting => waiting(world),
            Self::ComingAndGoing => coming_and_going(world),
            Self::ShutDown => shut_down(world),
            Self::TimedOut => timed_out(world),
        };
        for act in acting {
            act.await.expect("nobody aborts who acts");
        }
    }
}

type Acting = Vec<JoinHandle<()>>;

fn established<P: Peers>(world: &mut World<P>) -> Acting {
    world.listen(Listens::Well);
    let plans = [(1, Greets::FromTwoTasks), (2, Greets::FromTwoTasks), (3, Greets::Twice)];
    let open = |(key, greets)| {
        let plan = Plan { greets, body: Body::Returns, ..Plan::stays(key) };
        world.act(move |node: P| drop(node.open(plan)))
    };
    plans.into_iter().map(open).collect()
}

fn ended_from_all_sides<P: Peers>(world: &mut World<P>) -> Acting {
    world.listen(Listens::Well);
    let mut acting = Acting::new();
    for (key, body) in [(1, Body::Returns), (2, Body::Hangs)] {
        let Some(session) = world.node.open(Plan { body, ..Plan::stays(key) }).map(std::sync::Arc::new) else {
            continue;
        };
        let same = session.clone();
        acting.push(world.act(move |node| node.disconnect(&session)));
        acting.push(world.act(move |node| node.abort(&same)));
        acting.push(world.act(move |node| node.ban(key)));
    }
    acting
}

fn aborted<P: Peers>(world: &mut World<P>) -> Acting {
    world.listen(Listens::Well);
    let plans = [
        Plan { shake: Shake::Hangs, ..Plan::stays(1) },
        Plan::stays(2),
        Plan { body: Body::Hangs, greets: Greets::Twice, ..Plan::stays(2) },
    ];
    let mut acting = Acting::new();
    for session in plans.into_iter().filter_map(|plan| world.node.open(plan)) {
        acting.push(world.act(move |node| node.abort(&session)));
    }
    acting
}

fn panicked<P: Peers>(world: &mut World<P>) -> Acting {
    world.listen(Listens::Well);
    let mut acting = Acting::new();
    // Shuttle can tell one panic from others, and not two.
    for (key, body) in [(1, Body::Panics), (2, Body::Hangs), (1, Body::Returns)] {
        let Some(session) = world.node.open(Plan { body, ..Plan::stays(key) }) else { continue };
        acting.push(world.act(move |node| node.disconnect(&session)));
    }
    acting
}

fn banned<P: Peers>(world: &mut World<P>) -> Acting {
    world.listen(Listens::Well);
    let open = |key| world.act(move |node: P| drop(node.open(Plan::stays(key))));
    let mut acting: Acting = [1, 2, 1].map(open).into();
    acting.push(world.act(|node| {
        node.ban(1);
        node.unban(1);
        node.ban(1);
    }));
    acting
}

fn same_key<P: Peers>(world: &mut World<P>, sessions: usize) -> Acting {
    world.listen(Listens::Well);
    let bodies = [Body::Heeds, Body::Hangs, Body::Returns, Body::Heeds];
    let open = |&body| world.act(move |node: P| drop(node.open(Plan { body, ..Plan::stays(1) })));
    bodies[..sessions].iter().map(open).collect()
}

async fn slow<P: Peers>(world: &mut World<P>) -> Acting {
    world.listen(Listens::Late);
    world.listen(Listens::Well);
    let mut acting = Acting::new();
    for key in 1..=2 {
        acting.push(world.act(move |node| drop(node.open(Plan { body: Body::Returns, ..Plan::stays(key) }))));
    }
    for key in 3..=4 {
        yield_now().await;
        acting.push(world.act(move |node| drop(node.open(Plan::stays(key)))));
    }
    acting.push(world.act(|_| advance(PATIENCE)));
    acting.push(world.act(|_| advance(PATIENCE)));
    acting
}

fn waiting<P: Peers>(world: &mut World<P>) -> Acting {
    world.listen(Listens::Late);
    let older = world.node.open(Plan::stays(1));
    assert!(older.is_some(), "there are slots");
    let wait = |key| {
        let session = world.node.open(Plan { body: Body::Returns, ..Plan::stays(key) }).expect("there are slots");
        let node = world.node.clone();
        spawn(async move { assert!(node.was_announced(&session).await, "nobody stands in its way for ever") })
    };
    [1, 2].map(wait).into()
}

fn coming_and_going<P: Peers>(world: &mut World<P>) -> Acting {
    world.listen(Listens::ComesBack(1));
    let mut acting = Acting::new();
    let plans = [
        Plan { body: Body::Returns, ..Plan::stays(1) },
        Plan::stays(2),
        Plan { shake: Shake::Fails, ..Plan::stays(3) },
    ];
    for plan in plans {
        acting.push(world.act(move |node| drop(node.open(plan))));
    }
    world.listen(Listens::ComesBack(2));
    acting.push(world.act(|node| drop(node.subscribe())));
    acting
}

fn shut_down<P: Peers>(world: &mut World<P>) -> Acting {
    world.listen(Listens::Well);
    let mut acting = Acting::new();
    for (key, shake) in [(1, Shake::Completes), (2, Shake::Completes), (3, Shake::Hangs)] {
        acting.push(world.act(move |node| drop(node.open(Plan { shake, body: Body::Hangs, ..Plan::stays(key) }))));
    }
    for deadline in [1, 2] {
        let node = world.node.clone();
        acting.push(spawn(async move {
            linger(30).await;
            node.shutdown(Duration::from_secs(deadline)).await;
        }));
    }
    acting.push(world.act(|_| advance(Duration::from_secs(1))));
    acting
}

fn timed_out<P: Peers>(world: &mut World<P>) -> Acting {
    world.listen(Listens::Well);
    let plans = [
        Plan { shake: Shake::Hangs, ..Plan::stays(1) },
        Plan { greets: Greets::Never, ..Plan::stays(1) },
        Plan { body: Body::Hangs, ..Plan::stays(1) },
        Plan::stays(1),
    ];
    let open = |plan| world.act(move |node: P| drop(node.open(plan)));
    let mut acting: Acting = plans.map(open).into();
    acting.push(world.act(|_| advance(HANDSHAKE_TIMEOUT)));
    acting.push(world.act(|_| advance(HANDSHAKE_TIMEOUT)));
    acting
}
