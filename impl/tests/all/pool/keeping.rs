//! What is kept, in which order it is given out, and how it ends.

use std::time::Duration;

use handfast::pool::{Closed, NotIdle, Pool, PutRefused};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::pool::support::{Connection, Drops, Idle, config, on, put, tcp, unix, workers};

#[test]
fn the_last_one_put_is_taken_first_with_what_it_carries() {
    let workers = workers(1);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    let (seen, counted) = (pool.clone(), drops.clone());
    on(&workers, 0, async move |here| {
        let local = seen.local(&here);
        let _first = put(&local, 1, &counted);
        let mut second = put(&local, 1, &counted);
        let mut taken = local.take(&1).expect("there are two");
        taken.connection.stream.write_all(b"?").await.expect("it is open");
        assert_eq!(second.read_u8().await.expect("it is the other end"), b'?');
        second.write_all(b"!").await.expect("it is open");
        assert_eq!(taken.connection.stream.read_u8().await.expect("it answered"), b'!');
        assert_eq!((taken.uses, seen.idle()), (1, 1));
        local.put(1, taken).expect("everything was read");
        assert_eq!(local.take(&1).expect("it is back").uses, 2);
        assert!(local.take(&2).is_none(), "another destination");
    });
    drop(workers);
    assert_eq!(drops.count(), 2);
    let metrics = pool.metrics();
    assert_eq!((metrics.put, metrics.reused_local, metrics.missed, metrics.taken_over), (3, 2, 1, 0));
}

#[test]
fn what_is_not_idle_comes_back() {
    let workers = workers(1);
    let pool: Pool<u8, Connection<_>> = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    on(&workers, 0, async move |here| {
        let local = pool.local(&here);
        let (ours, mut theirs) = tcp(&drops).await;
        theirs.write_all(b"early").await.expect("it is open");
        ours.connection.stream.readable().await.expect("it arrives");
        let back = local.put(1, ours).expect_err("there is something to read");
        assert_eq!(back.reason, PutRefused::NotIdle(NotIdle::Bytes));
        let mut ours = back.pooled;
        let mut bytes = [0; 5];
        ours.connection.stream.read_exact(&mut bytes).await.expect("nothing was lost");
        assert_eq!(&bytes, b"early");
        drop(theirs);
        ours.connection.stream.readable().await.expect("it arrives");
        let back = local.put(1, ours).expect_err("it is closed");
        assert_eq!(back.reason, PutRefused::NotIdle(NotIdle::Closed));
        assert_eq!(drops.count(), 0, "it is the caller's to drop");
        assert_eq!((pool.idle(), pool.metrics().refused), (0, 2));
    });
}

#[test]
fn a_connection_without_a_slot_comes_back() {
    let workers = workers(1);
    let few = config().with_descriptors(2);
    let pool: Idle = Pool::new(&workers, few).expect("they run");
    let drops = Drops::default();
    on(&workers, 0, async move |here| {
        let (ours, _theirs) = unix(&drops);
        let back = pool.local(&here).put(1, ours).expect_err("its number is greater than 1");
        assert!(matches!(back.reason, PutRefused::NoSlot(_)), "{back}");
        assert_eq!(drops.count(), 0);
    });
}

#[test]
fn the_oldest_makes_room() {
    let workers = workers(1);
    let limits = (config().limits).with_per_key(2).with_total(3);
    let pool: Idle = Pool::new(&workers, config().with_limits(limits)).expect("they run");
    let drops = Drops::default();
    on(&workers, 0, async move |here| {
        let local = pool.local(&here);
        let mut servers: Vec<_> = [1, 1, 1, 2, 2].map(|key| put(&local, key, &drops)).into();
        assert_eq!((pool.idle(), pool.metrics().evicted, drops.count()), (3, 2, 2));
        for closed in servers.drain(..2) {
            let mut closed = closed;
            assert_eq!(closed.read(&mut [0]).await.expect("a clean end"), 0);
        }
    });
}

#[test]
fn nothing_is_kept_where_no_room_is() {
    let workers = workers(1);
    let limits = (config().limits).with_total(0);
    let pool: Idle = Pool::new(&workers, config().with_limits(limits)).expect("they run");
    let drops = Drops::default();
    on(&workers, 0, async move |here| {
        let (ours, _theirs) = unix(&drops);
        let back = pool.local(&here).put(1, ours).expect_err("there is no room");
        assert_eq!((back.reason, pool.idle()), (PutRefused::NoRoom(Closed::Full), 0));
    });
}

#[test]
fn what_was_idle_for_too_long_is_closed() {
    let workers = workers(1);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    on(&workers, 0, async move |here| {
        tokio::time::pause();
        let local = pool.local(&here);
        let mut servers = vec![put(&local, 1, &drops)];
        tokio::time::advance(Duration::from_secs(20)).await;
        servers.push(put(&local, 1, &drops));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(pool.idle(), 2);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!((pool.idle(), drops.count(), pool.metrics().expired), (1, 1, 1));
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!((pool.idle(), drops.count(), pool.metrics().expired), (0, 2, 2));
        assert_eq!(servers[0].read(&mut [0]).await.expect("a clean end"), 0);
    });
}

#[test]
fn what_is_too_old_is_not_given_out() {
    let workers = workers(1);
    let limits = (config().limits).with_age(Duration::from_secs(25));
    let pool: Idle = Pool::new(&workers, config().with_limits(limits)).expect("they run");
    let drops = Drops::default();
    on(&workers, 0, async move |here| {
        tokio::time::pause();
        let local = pool.local(&here);
        let _server = put(&local, 1, &drops);
        tokio::time::advance(Duration::from_secs(20)).await;
        let taken = local.take(&1).expect("it is young");
        local.put(1, taken).expect("it is idle");
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(local.take(&1).is_none(), "it is as old from its beginning, not from when it was put");
        assert_eq!((drops.count(), pool.metrics().expired), (1, 1));
    });
}

#[test]
fn dropping_the_pool_closes_what_is_idle() {
    let workers = workers(2);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    let mut servers = Vec::new();
    for worker in 0..2 {
        let (seen, counted) = (pool.clone(), drops.clone());
        servers.push(on(&workers, worker, async move |here| put(&seen.local(&here), 1, &counted).into_std()));
    }
    assert_eq!((pool.idle(), drops.count()), (2, 0));
    drop(pool);
    assert_eq!(drops.count(), 2, "nobody else keeps the pool");
    assert!(workers.stop(Duration::from_secs(5)).is_clean());
}

#[test]
fn a_worker_that_stops_closes_what_is_idle_there() {
    let workers = workers(2);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    let (seen, counted) = (pool.clone(), drops.clone());
    let _server = on(&workers, 1, async move |here| put(&seen.local(&here), 1, &counted).into_std());
    assert!(workers.stop(Duration::from_secs(5)).is_clean());
    assert_eq!((pool.idle(), drops.count()), (0, 1));
}
