//! Panics of the user's code cost what they touched, and no more.

use std::hash::{Hash, Hasher};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use handfast::pool::{Connection, Local, NotIdle, Pool, Pooled};
use tokio::net::UnixStream;

use crate::pool::support::{Drops, Payload, config, on, until, workers};

/// What panics, while it is set.
#[derive(Debug, Default)]
struct Trap {
    hash: AtomicBool,
    eq: AtomicBool,
    drop: AtomicBool,
    look: AtomicBool,
    take: AtomicBool,
}

impl Trap {
    fn spring(is_set: &AtomicBool) {
        assert!(!is_set.load(Ordering::SeqCst), "a test does this on purpose");
    }
}

#[derive(Debug)]
struct Key(u8, Arc<Trap>);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Trap::spring(&self.1.hash);
        self.0.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        Trap::spring(&self.1.eq);
        self.0 == other.0
    }
}

impl Eq for Key {}

struct Fragile {
    stream: UnixStream,
    trap: Arc<Trap>,
    wakers: Arc<Mutex<Vec<Waker>>>,
    _payload: Payload,
}

impl Drop for Fragile {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            Trap::spring(&self.trap.drop);
        }
    }
}

impl AsFd for Fragile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Connection for Fragile {
    fn poll_not_idle(&self, cx: &mut Context<'_>) -> Poll<NotIdle> {
        Trap::spring(&self.trap.look);
        self.wakers.lock().expect("whole").push(cx.waker().clone());
        Poll::Pending
    }

    fn not_idle(&self) -> Option<NotIdle> {
        Trap::spring(&self.trap.take);
        None
    }

    fn probe(&self) -> Option<NotIdle> {
        None
    }

    fn reregister(self) -> io::Result<Self> {
        Ok(self)
    }
}

/// A pool on one worker, with what panics in it.
struct World {
    trap: Arc<Trap>,
    drops: Drops,
    wakers: Arc<Mutex<Vec<Waker>>>,
    local: Local<Key, Fragile>,
}

impl World {
    fn key(&self, number: u8) -> Key {
        Key(number, Arc::clone(&self.trap))
    }

    fn connection(&self) -> Pooled<Fragile> {
        let (stream, _) = UnixStream::pair().expect("there are descriptors");
        let (trap, wakers) = (Arc::clone(&self.trap), Arc::clone(&self.wakers));
        Pooled::new(Fragile { stream, trap, wakers, _payload: self.drops.payload() })
    }

    fn put(&self, number: u8) {
        self.local.put(self.key(number), self.connection()).expect("it is idle");
    }

    /// Whether something panics while one of the traps is set.
    fn panics<R>(&self, trap: impl Fn(&Trap) -> &AtomicBool, work: impl FnOnce() -> R) -> bool {
        trap(&self.trap).store(true, Ordering::SeqCst);
        let result = catch_unwind(AssertUnwindSafe(work)).map(drop);
        trap(&self.trap).store(false, Ordering::SeqCst);
        result.is_err()
    }

    /// Every slot is used by what is listed, and nothing else: as many can be put as there are slots.
    fn is_whole(&self, idle: usize, dropped: usize) {
        assert_eq!((self.local.pool().idle(), self.drops.count()), (idle, dropped));
    }
}

fn in_a_pool<F: Future<Output = ()> + 'static>(test: impl FnOnce(World) -> F + Send + 'static) {
    let workers = workers(1);
    let pool = Pool::new(&workers, config()).expect("they run");
    on(&workers, 0, async move |here| {
        let (trap, drops, wakers) = (Arc::default(), Drops::default(), Arc::default());
        test(World { trap, drops, wakers, local: pool.local(&here) }).await;
    });
    assert!(workers.stop(std::time::Duration::from_secs(20)).is_clean());
}

#[test]
fn a_key_whose_hash_panics_costs_the_connection_that_is_put() {
    in_a_pool(async |world| {
        world.put(1);
        let connection = world.connection();
        assert!(world.panics(|trap| &trap.hash, || world.local.put(world.key(1), connection)));
        world.is_whole(1, 1);
        assert!(world.panics(|trap| &trap.hash, || world.local.take(&world.key(1))));
        world.is_whole(1, 1);
        assert!(world.local.take(&world.key(1)).is_some(), "the pool works on");
    });
}

#[test]
fn a_key_whose_eq_panics_costs_the_connection_that_is_put() {
    in_a_pool(async |world| {
        world.put(1);
        let connection = world.connection();
        assert!(world.panics(|trap| &trap.eq, || world.local.put(world.key(1), connection)));
        world.is_whole(1, 1);
        assert!(world.panics(|trap| &trap.eq, || world.local.take(&world.key(1))));
        world.is_whole(1, 1);
        world.put(1);
        assert!(world.local.take(&world.key(1)).is_some() && world.local.take(&world.key(1)).is_some());
        world.is_whole(0, 3);
    });
}

/// Its slot is free again: a descriptor with the same number is taken.
#[test]
fn what_a_panic_has_closed_is_out_of_the_table() {
    in_a_pool(async |world| {
        for _ in 0..100 {
            let connection = world.connection();
            let number = std::os::fd::AsRawFd::as_raw_fd(&connection.connection.as_fd());
            assert!(world.panics(|trap| &trap.look, || world.local.put(world.key(1), connection)));
            let again = world.connection();
            let same = std::os::fd::AsRawFd::as_raw_fd(&again.connection.as_fd());
            world.local.put(world.key(1), again).unwrap_or_else(|error| panic!("{number} {same}: {error}"));
            assert!(world.local.take(&world.key(1)).is_some());
        }
        world.is_whole(0, 200);
    });
}

/// The worker goes on looking at the others.
#[test]
fn a_connection_that_panics_when_it_is_looked_at_is_closed() {
    in_a_pool(async |world| {
        world.put(1);
        world.put(1);
        world.trap.look.store(true, Ordering::SeqCst);
        let wakers = std::mem::take(&mut *world.wakers.lock().expect("whole"));
        wakers[0].wake_by_ref();
        until(|| world.drops.count() == 1).await;
        world.trap.look.store(false, Ordering::SeqCst);
        let metrics = world.local.pool().metrics();
        assert_eq!((metrics.panicked, metrics.closed_by_panic), (1, 1));
        wakers[1].wake_by_ref();
        until(|| !world.wakers.lock().expect("whole").is_empty()).await;
        world.is_whole(1, 1);
        assert!(world.local.take(&world.key(1)).is_some(), "it was looked at and is idle");
    });
}

/// The panic is the caller's, and the connection is accounted for.
#[test]
fn a_connection_that_panics_when_it_is_taken_is_counted() {
    in_a_pool(async |world| {
        world.put(1);
        world.put(1);
        assert!(world.panics(|trap| &trap.take, || world.local.take(&world.key(1))));
        world.is_whole(1, 1);
        assert!(world.local.take(&world.key(1)).is_some(), "the other one is as it was");
        let metrics = world.local.pool().metrics();
        assert_eq!((metrics.put, metrics.reused_local, metrics.closed_by_panic, metrics.panicked), (2, 1, 1, 0));
    });
}

#[test]
fn a_connection_that_panics_when_it_is_dropped_does_not_end_its_worker() {
    in_a_pool(async |world| {
        tokio::time::pause();
        world.put(1);
        world.put(2);
        world.trap.drop.store(true, Ordering::SeqCst);
        tokio::time::sleep(std::time::Duration::from_secs(31)).await;
        world.trap.drop.store(false, Ordering::SeqCst);
        world.is_whole(0, 2);
        let metrics = world.local.pool().metrics();
        assert_eq!((metrics.expired, metrics.panicked), (2, 2));
        world.put(1);
        tokio::time::sleep(std::time::Duration::from_secs(31)).await;
        world.is_whole(0, 3);
    });
}

/// A key that calls the pool while it is compared finds no lock held.
#[test]
fn a_key_may_call_the_pool_while_it_is_compared() {
    #[derive(Clone)]
    struct Curious(u8, Pool<Curious, UnixStream>);

    impl Hash for Curious {
        fn hash<H: Hasher>(&self, state: &mut H) {
            let _ = self.1.close_oldest();
            self.0.hash(state);
        }
    }

    impl PartialEq for Curious {
        fn eq(&self, other: &Self) -> bool {
            assert!(self.1.retain(|_, _| true) == 0);
            self.0 == other.0
        }
    }

    impl Eq for Curious {}

    let workers = workers(1);
    let pool: Pool<Curious, UnixStream> = Pool::new(&workers, config()).expect("they run");
    on(&workers, 0, async move |here| {
        let local = pool.local(&here);
        let key = Curious(1, pool.clone());
        let (ours, _theirs) = UnixStream::pair().expect("there are descriptors");
        local.put(key.clone(), Pooled::new(ours)).expect("it is idle");
        let (ours, _others) = UnixStream::pair().expect("there are descriptors");
        local.put(key.clone(), Pooled::new(ours)).expect("it is idle");
        assert_eq!((pool.idle(), pool.metrics().closed_for_room), (1, 1));
        assert!(local.take(&key).is_none() && pool.idle() == 0);
        // The key holds the pool, which holds the key: nothing else is left of them when the test ends.
        pool.clear(&key);
    });
}
