//! The driver on tokio in random environments.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use conformance::lifecycle::judge::{Verdict, judge};
use conformance::log::Log;
use conformance::paused;
use handfast::lifecycle::{
    Config, Duplicates, Event, Handshake, Limits, Node, NodeConfig, Origin, Reason, SessionContext, SessionId,
    Subscription,
};
use proptest::prelude::*;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::lifecycle::random::hold;

type Peers = Node<u32>;

/// A node and what happens around it. Times are in milliseconds.
#[derive(Clone, Debug)]
struct Environment {
    total: usize,
    pending: usize,
    spare: usize,
    keeps_new: bool,
    patience: u64,
    grace: u64,
    connections: Vec<Connection>,
    listeners: Vec<Listener>,
    orders: Vec<Order>,
    shutdown: u64,
    deadline: u64,
}

#[derive(Clone, Copy, Debug)]
struct Connection {
    at: u64,
    key: u32,
    shakes: (u64, Shakes),
    lives: (u64, Lives),
    then: Option<(u64, Then)>,
}

#[derive(Clone, Copy, Debug)]
enum Shakes {
    Once,
    Twice,
    Silently,
    Badly,
    ForEver,
}

#[derive(Clone, Copy, Debug)]
enum Lives {
    Shortly,
    UntilTold,
    ForEver,
    Badly,
}

#[derive(Clone, Copy, Debug)]
enum Then {
    Abort,
    Disconnect,
}

/// Who subscribes, how long he takes for an event, and how many he wants of each subscription.
#[derive(Clone, Copy, Debug)]
struct Listener {
    at: u64,
    pace: u64,
    wants: usize,
}

#[derive(Clone, Copy, Debug)]
struct Order {
    at: u64,
    key: u32,
    bans: bool,
}

fn connections() -> impl Strategy<Value = Connection> {
    let shakes = prop_oneof![
        12 => Just(Shakes::Once),
        3 => Just(Shakes::Twice),
        1 => Just(Shakes::Silently),
        1 => Just(Shakes::Badly),
        1 => Just(Shakes::ForEver),
    ];
    let lives = prop_oneof![
        4 => Just(Lives::Shortly),
        3 => Just(Lives::UntilTold),
        2 => Just(Lives::ForEver),
        1 => Just(Lives::Badly),
    ];
    let then = prop_oneof![Just(Then::Abort), Just(Then::Disconnect)];
    let times = (0..400_u64, 0..30_u64, 0..200_u64);
    (times, 0..16_u32, shakes, lives, prop::option::of((0..200_u64, then))).prop_map(
        |((at, shake, live), key, shakes, lives, then)| Connection {
            at,
            key,
            shakes: (shake, shakes),
            lives: (live, lives),
            then,
        },
    )
}

fn environments() -> impl Strategy<Value = Environment> {
    let listener =
        (0..300_u64, prop_oneof![2 => Just(0), 1 => 20..200_u64], prop_oneof![Just(usize::MAX), 1..30_usize]);
    let listener = listener.prop_map(|(at, pace, wants)| Listener { at, pace, wants });
    let order = (0..400_u64, 0..16_u32, any::<bool>()).prop_map(|(at, key, bans)| Order { at, key, bans });
    let config = (2..=20_usize, 1..=20_usize, 1..=4_usize, any::<bool>(), 1..80_u64, prop_oneof![Just(0), 1..20_u64]);
    let around = (
        prop::collection::vec(connections(), 10..50),
        prop::collection::vec(listener, 1..5),
        prop::collection::vec(order, 0..12),
        100..600_u64,
        0..30_u64,
    );
    (config, around).prop_map(
        |(
            (total, pending, spare, keeps_new, patience, grace),
            (connections, listeners, orders, shutdown, deadline),
        )| {
            let pending = pending.min(total);
            Environment {
                total,
                pending,
                spare,
                keeps_new,
                patience,
                grace,
                connections,
                listeners,
                orders,
                shutdown,
                deadline,
            }
        },
    )
}

fn pause(milliseconds: u64) -> tokio::time::Sleep {
    sleep(Duration::from_millis(milliseconds))
}

async fn connect(node: Peers, connection: Connection) {
    let Connection { at, key, shakes: (shake, shakes), lives: (live, lives), then } = connection;
    pause(at).await;
    let handshake = move |signal: Handshake<u32>| async move {
        pause(shake).await;
        match shakes {
            Shakes::Once => drop(signal.handshake_done(key, ()).is_ok()),
            Shakes::Twice => drop((signal.handshake_done(key, ()).is_ok(), signal.handshake_done(key + 1, ()).is_ok())),
            Shakes::Silently => {}
            Shakes::Badly => return Err(()),
            Shakes::ForEver => std::future::pending().await,
        }
        Ok(())
    };
    let body = move |mut told: SessionContext<u32>, ()| async move {
        match lives {
            Lives::Shortly => pause(live).await,
            Lives::UntilTold => return told.told_to_end().await,
            Lives::ForEver => std::future::pending().await,
            // Unlike `panic!` this prints nothing.
            Lives::Badly => std::panic::resume_unwind(Box::new("meant")),
        }
        Reason::RemoteClosed
    };
    let Ok(session) = node.open(Origin::inbound(None), handshake, body) else { return };
    let Some((after, then)) = then else { return };
    pause(after).await;
    match then {
        Then::Abort => session.abort(),
        Then::Disconnect => drop(node.disconnect(session.session(), Reason::Local).is_ok()),
    }
}

/// Takes events until the node is shut down, and subscribes anew when it has what it wants or was cut off. What was wrong
/// with what it heard.
async fn listen(node: Peers, listener: Listener) -> Result<usize, String> {
    pause(listener.at).await;
    let mut heard = 0;
    while let Ok(mut events) = node.subscribe() {
        let (times, closed) = listen_once(&mut events, listener).await?;
        heard += times;
        if closed {
            break;
        }
    }
    Ok(heard)
}

async fn listen_once(events: &mut Subscription<u32>, listener: Listener) -> Result<(usize, bool), String> {
    let mut believed: BTreeSet<SessionId> = events.snapshot().iter().map(|peer| peer.session).collect();
    let mut known = believed.clone();
    for heard in 0..listener.wants {
        if listener.pace > 0 {
            pause(listener.pace).await;
        }
        match events.next().await {
            Some(Event::Up(peer)) => {
                believed.insert(peer.session);
                if !known.insert(peer.session) {
                    return Err(format!("a second Up of {}, or one that the snapshot had", peer.session));
                }
            }
            Some(Event::Down(peer, _)) if !believed.remove(&peer.session) => {
                return Err(format!("Down of {}, of whom nothing was heard", peer.session));
            }
            Some(Event::Down(..)) => {}
            Some(Event::Lagged) => return Ok((heard, false)),
            Some(Event::Closed) if !believed.is_empty() => return Err(format!("{believed:?} are still there")),
            Some(Event::Closed) => return Ok((heard, true)),
            None => return Err("the end came before the last event".to_owned()),
        }
    }
    Ok((listener.wants, false))
}

/// What was seen of all environments.
#[derive(Debug, Default)]
struct Seen {
    steps: Cell<usize>,
    events: Cell<usize>,
    announced: Cell<u64>,
    cut_off: Cell<u64>,
}

async fn run(environment: Environment, log: Log, seen: &Seen) -> Result<(), TestCaseError> {
    let Environment { total, pending, spare, keeps_new, patience, grace, .. } = environment;
    let duplicates = if keeps_new { Duplicates::KeepNew } else { Duplicates::KeepOld };
    let registry = Config::new(Limits::new(total, pending), duplicates).with_capacity(total + spare);
    let config = NodeConfig::new(registry)
        .with_handshake_timeout(Duration::from_millis(60))
        .with_slow_subscriber_timeout(Duration::from_millis(patience))
        .with_grace(Duration::from_millis(grace));
    let node: Peers = Node::recorded(config, log).expect("the configuration is sound and one of the model's");
    let (mut acting, mut listening) = (JoinSet::new(), JoinSet::new());
    environment.connections.into_iter().for_each(|connection| drop(acting.spawn(connect(node.clone(), connection))));
    environment.listeners.into_iter().for_each(|listener| drop(listening.spawn(listen(node.clone(), listener))));
    for Order { at, key, bans } in environment.orders {
        let node = node.clone();
        acting.spawn(async move {
            pause(at).await;
            let _ = if bans { node.ban(key) } else { node.unban(&key) };
        });
    }
    pause(environment.shutdown).await;
    let _ = node.shutdown(Duration::from_millis(environment.deadline)).await;
    // Tasks that were aborted at the deadline drop their connections.
    pause(1).await;
    acting.join_all().await;
    for heard in listening.join_all().await {
        let heard = heard.map_err(TestCaseError::fail)?;
        seen.events.set(seen.events.get() + heard);
    }
    let metrics = node.metrics();
    prop_assert_eq!((metrics.sessions, metrics.pending, metrics.subscribers), (0, 0, 0), "something is left");
    prop_assert_eq!(metrics.announced, metrics.downs.values().sum::<u64>(), "Ups and Downs differ");
    seen.announced.set(seen.announced.get() + metrics.announced);
    seen.cut_off.set(seen.cut_off.get() + metrics.evicted);
    Ok(())
}

#[test]
fn the_driver_is_explained_and_heard_in_pairs() {
    let seen = Seen::default();
    hold(400, &environments(), |environment| {
        let log = Log::default();
        paused::runtime().block_on(run(environment, log.clone(), &seen))?;
        let Verdict { steps, rejection, violated } = judge(&log.take());
        prop_assert!(rejection.is_none(), "the model does not explain it: {:#?}", rejection);
        prop_assert!(violated.is_empty(), "{:?} are broken", violated);
        seen.steps.set(seen.steps.get() + steps);
        Ok(())
    });
    println!("{seen:?}");
    assert!(seen.announced.get() > 1_000 && seen.cut_off.get() > 100, "{seen:?}");
}
