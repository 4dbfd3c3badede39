//! A connection goes from one worker to another.

use std::time::Duration;

use handfast::pool::{Connection, NotIdle, Pool, Pooled, Prefer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::pool::support::{self, Drops, Idle, config, on, put, tcp, until, workers};

/// The pollers of this process, by descriptor, that watch a descriptor.
#[cfg(target_os = "linux")]
fn pollers_of(number: usize) -> Vec<String> {
    let mut pollers = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd").expect("there is a /proc").flatten() {
        let is_poller = std::fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == "anon_inode:[eventpoll]");
        let name = entry.file_name().into_string().expect("a number");
        // Other tests close theirs meanwhile.
        let Ok(watched) = std::fs::read_to_string(format!("/proc/self/fdinfo/{name}")) else { continue };
        let wanted = number.to_string();
        let watches = |line: &str| {
            line.strip_prefix("tfd:").and_then(|rest| rest.split_whitespace().next().map(|tfd| tfd == wanted))
        };
        if is_poller && watched.lines().any(|line| watches(line) == Some(true)) {
            pollers.push(name);
        }
    }
    pollers
}

#[cfg(target_os = "linux")]
#[test]
fn it_is_registered_with_the_new_worker_only() {
    use std::os::fd::AsRawFd;
    let workers = workers(2);
    let pool: Pool<u8, support::Connection<_>> = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    let (seen, counted) = (pool.clone(), drops.clone());
    let (mut server, before) = on(&workers, 0, async move |here| {
        let (ours, theirs) = tcp(&counted).await;
        let number = ours.connection.stream.as_raw_fd() as usize;
        seen.local(&here).put(1, ours).expect("it is idle");
        (theirs.reregister().expect("it stays"), pollers_of(number))
    });
    assert!(!before.is_empty());
    let after = on(&workers, 1, async move |here| {
        let mut taken = pool.local(&here).take(&1).expect("the other worker has one").connection.stream;
        let pollers = pollers_of(taken.as_raw_fd() as usize);
        server = server.reregister().expect("it is taken along");
        server.write_all(b"hello").await.expect("it is open");
        let mut bytes = [0; 5];
        taken.read_exact(&mut bytes).await.expect("the new poller reports it");
        assert_eq!((&bytes, pool.metrics().taken_over), (b"hello", 1));
        pollers
    });
    assert!(!after.is_empty() && after.iter().all(|poller| !before.contains(poller)), "{before:?} {after:?}");
}

#[test]
fn own_connections_come_first_or_last() {
    for (prefer, local, over) in [(Prefer::Own, 1, 0), (Prefer::Others, 0, 1)] {
        let workers = workers(2);
        let pool: Idle = Pool::new(&workers, config().with_prefer(prefer)).expect("they run");
        let drops = Drops::default();
        let (seen, counted) = (pool.clone(), drops.clone());
        let _other = on(&workers, 0, async move |here| put(&seen.local(&here), 1, &counted).into_std());
        on(&workers, 1, async move |here| {
            let mine = pool.local(&here);
            let _server = put(&mine, 1, &drops);
            assert!(mine.take(&1).is_some());
            let metrics = pool.metrics();
            assert_eq!((metrics.reused_local, metrics.taken_over), (local, over));
            assert!(mine.take(&1).is_some(), "then the other one");
            assert!(mine.take(&1).is_none());
            assert_eq!(
                pool.metrics().missed,
                1,
                "an attempt that finds nothing anywhere is one, however many were asked"
            );
        });
    }
}

/// What was taken over is watched by its new worker when it is idle again.
#[test]
fn it_is_watched_where_it_was_put_last() {
    let workers = workers(2);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    let (seen, counted) = (pool.clone(), drops.clone());
    let server = on(&workers, 0, async move |here| put(&seen.local(&here), 1, &counted).into_std());
    on(&workers, 1, async move |here| {
        let local = pool.local(&here);
        let taken = local.take(&1).expect("the other worker has one");
        local.put(1, taken).expect("it is idle");
        drop(server);
        until(|| drops.count() == 1).await;
        assert_eq!((pool.idle(), pool.metrics().closed_while_idle), (0, 1));
    });
    // Its first worker has nothing to do with it, and stops.
    assert!(workers.stop(Duration::from_secs(5)).is_clean());
}

/// A worker that looks for a connection elsewhere begins with its neighbour: so not all of them look at the first.
#[test]
fn the_neighbours_connections_come_before_those_of_others() {
    let workers = workers(3);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = [Drops::default(), Drops::default()];
    let _others = [(0, 0), (2, 1)].map(|(worker, which)| {
        let (seen, counted) = (pool.clone(), drops[which].clone());
        on(&workers, worker, async move |here| put(&seen.local(&here), 1, &counted).into_std())
    });
    let seen = pool.clone();
    on(&workers, 1, async move |here| drop(seen.local(&here).take(&1).expect("there are two")));
    assert_eq!(drops.map(|drops| drops.count()), [0, 1], "the one of worker 2 is the next to worker 1");
}

/// It is as old as it was, and was used once more.
#[test]
fn what_is_taken_over_keeps_its_age_and_counts_its_uses() {
    let workers = workers(2);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    let made = tokio::time::Instant::now() - Duration::from_secs(7);
    let (seen, counted) = (pool.clone(), drops.clone());
    let _server = on(&workers, 0, async move |here| {
        let (mut ours, theirs) = support::unix(&counted);
        (ours.created_at, ours.uses) = (made, 3);
        seen.local(&here).put(1, ours).expect("it is idle");
        theirs.into_std()
    });
    on(&workers, 1, async move |here| {
        let taken = pool.local(&here).take(&1).expect("the other worker has one");
        assert_eq!((taken.created_at, taken.uses), (made, 4), "when it was established, and how often it was taken");
    });
}

/// A connection that no poller takes.
struct Unregistrable(tokio::net::UnixStream);

impl std::os::fd::AsFd for Unregistrable {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Connection for Unregistrable {
    fn poll_not_idle(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<NotIdle> {
        self.0.poll_not_idle(cx)
    }

    fn not_idle(&self) -> Option<NotIdle> {
        self.0.not_idle()
    }

    fn probe(&self) -> Option<NotIdle> {
        self.0.probe()
    }

    fn reregister(self) -> std::io::Result<Self> {
        Err(std::io::ErrorKind::OutOfMemory.into())
    }
}

#[test]
fn a_takeover_that_fails_in_the_kernel_is_counted_as_that() {
    let workers = workers(2);
    let pool: Pool<u8, Unregistrable> = Pool::new(&workers, config()).expect("they run");
    let seen = pool.clone();
    let _server = on(&workers, 0, async move |here| {
        let (ours, theirs) = tokio::net::UnixStream::pair().expect("there are descriptors");
        seen.local(&here).put(1, Pooled::new(Unregistrable(ours))).map_err(|error| error.reason).expect("it is idle");
        theirs.into_std()
    });
    on(&workers, 1, async move |here| {
        assert!(pool.local(&here).take(&1).is_none(), "it cannot be used here");
        let counted: Vec<_> = pool.metrics().iter().filter(|(_, count)| *count != 0).collect();
        assert_eq!(counted, [("put", 1), ("missed", 1), ("failed_takeovers", 1)]);
    });
}
