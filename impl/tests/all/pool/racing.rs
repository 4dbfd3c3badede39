//! Servers close while workers take.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use handfast::pool::{Pool, Prefer};

use crate::pool::support::{Drops, Idle, config, put, workers};

const ROUNDS: usize = 2_000;
/// How many connections a server keeps open at most.
const OPEN: usize = 4;

/// OWN-3: each connection ends once, either because its server closed it or in the hands of whoever took it.
#[test]
fn a_connection_is_taken_or_closed_and_never_both() {
    let workers = workers(2);
    let many = config().with_prefer(Prefer::Others);
    let pool: Idle = Pool::new(&workers, many).expect("they run");
    let (drops, taken) = (Drops::default(), Arc::new(AtomicUsize::new(0)));
    let putter = {
        let (pool, drops) = (pool.clone(), drops.clone());
        workers.spawn(0, async move |here| {
            let local = pool.local(&here);
            let mut servers = VecDeque::new();
            for round in 0..ROUNDS {
                servers.push_back(put(&local, 1, &drops));
                tokio::task::yield_now().await;
                if servers.len() > round % OPEN {
                    servers.pop_front();
                    tokio::task::yield_now().await;
                }
            }
            drop(servers);
            while pool.idle() != 0 {
                tokio::task::yield_now().await;
            }
        })
    };
    let taker = {
        let (pool, drops, taken) = (pool.clone(), drops.clone(), Arc::clone(&taken));
        workers.spawn(1, async move |here| {
            let local = pool.local(&here);
            while drops.count() != ROUNDS {
                if let Some(connection) = local.take(&1) {
                    taken.fetch_add(1, Ordering::SeqCst);
                    drop(connection);
                }
                tokio::task::yield_now().await;
            }
        })
    };
    putter.expect("it runs").wait().expect("no panic");
    taker.expect("it runs").wait().expect("no panic");
    let (metrics, taken) = (pool.metrics(), taken.load(Ordering::SeqCst));
    println!("{taken} taken of {ROUNDS}; {metrics:?}");
    assert_eq!(metrics.put, ROUNDS as u64);
    assert_eq!(metrics.taken_over, taken as u64);
    let ended = metrics.taken_over + metrics.closed_while_idle + metrics.evicted + metrics.failed_takeovers;
    assert_eq!(ended, ROUNDS as u64);
    assert_eq!((pool.idle(), drops.count()), (0, ROUNDS));
}
