//! A connection goes from one worker to another.

use std::time::Duration;

use handfast::pool::{Connection, Pool, Prefer};
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
