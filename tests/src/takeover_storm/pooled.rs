//! The storm over the pool, on tokio.

use std::cell::Cell;
use std::io;
use std::os::unix::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use handfast::pool::{Carrying, Config, Limits, Local, Pool, Pooled, Prefer, WorkerHandle, Workers};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::Builder;

use super::options::Options;
use super::oracle::{Fault, Oracle, descriptors, one};
use super::server::{MESSAGE, Servers, message};
use super::storm::Pace;

/// What travels with a connection, and is counted when it ends.
struct Ticket {
    id: u64,
    request: u64,
    oracle: Arc<Oracle>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        one(&self.oracle.counts.closed);
    }
}

type Client = Carrying<UnixStream, Ticket>;

/// What all workers see.
struct Storm {
    pace: Pace,
    oracle: Arc<Oracle>,
    servers: Vec<SocketAddr>,
    ids: AtomicU64,
    seed: u64,
}

/// How many requests a worker may wait for.
const AT_ONCE: usize = 8;

/// Runs it until its time is over or something was found.
pub(crate) fn run(options: &Options, oracle: &Arc<Oracle>) -> io::Result<()> {
    // What tokio keeps for the whole process, such as its pipe for signals, is there from the first runtime on.
    drop(Builder::new_current_thread().enable_all().build()?);
    let before = descriptors();
    let servers = Servers::start(usize::from(options.servers.get()), options.timeout(), oracle)?;
    let storm = Arc::new(Storm {
        pace: Pace::default(),
        oracle: Arc::clone(oracle),
        servers: servers.addresses(),
        ids: AtomicU64::new(0),
        seed: options.seed,
    });
    let limits = Limits::new(64, 256).with_idle(Duration::from_secs(10)).with_age(Duration::from_secs(60));
    let workers = Workers::start(options.workers)?;
    let config = Config::default()
        .with_limits(limits)
        .with_descriptors(1 << 14)
        .with_probe(false)
        .with_prefer(Prefer::Others)
        .with_spread(0);
    let pool: Pool<usize, Client> = Pool::new(&workers, config).map_err(io::Error::other)?;
    for number in 0..workers.len() {
        let (storm, pool) = (Arc::clone(&storm), pool.clone());
        workers.spawn(number, move |here| work(storm, pool.local(&here), here)).map_err(io::Error::other)?;
    }
    storm.pace.drive(options, oracle);
    let ended = workers.stop(options.patience() * 5);
    if ended.workers.iter().any(|worker| worker.ended().is_none_or(|ended| ended.panicked != 0)) {
        return Err(io::Error::other("a worker has panicked or is blocked"));
    }
    if ended.workers.iter().filter_map(|worker| worker.ended()).any(|ended| ended.dropped != 0) {
        oracle.find(Fault::Lost { millis: (options.patience() * 5).as_millis() });
    }
    let metrics = pool.metrics();
    drop(pool);
    let counts = &oracle.counts;
    counts.taken_over.store(metrics.taken_over, Ordering::Relaxed);
    counts.reused.store(metrics.reused_local, Ordering::Relaxed);
    counts.skipped.store(metrics.busy_skips, Ordering::Relaxed);
    counts.late.store(metrics.late_reports, Ordering::Relaxed);
    counts.closed_while_idle.store(metrics.closed_while_idle, Ordering::Relaxed);
    servers.stop();
    oracle.conclude((before, descriptors()));
    Ok(())
}

/// One worker's requests.
async fn work(storm: Arc<Storm>, pool: Local<usize, Client>, here: WorkerHandle) {
    let seed = storm.seed.wrapping_mul(1 << 16).wrapping_add(here.number() as u64);
    let mut chance = SmallRng::seed_from_u64(seed);
    let waiting = Rc::new(Cell::new(0_usize));
    let mut due = Instant::now();
    while !storm.pace.has_ended() && !storm.oracle.has_found() {
        let interval = storm.pace.interval();
        while due <= Instant::now() && waiting.get() < AT_ONCE {
            let server = chance.random_range(0..storm.servers.len());
            waiting.set(waiting.get() + 1);
            let (storm, pool, waiting) = (Arc::clone(&storm), pool.clone(), Rc::clone(&waiting));
            here.spawn(async move {
                request(&storm, &pool, server).await;
                waiting.set(waiting.get() - 1);
            });
            due += interval;
        }
        // What could not be kept up with is not made up for.
        due = due.max(Instant::now().checked_sub(Duration::from_millis(1)).unwrap_or(due));
        // A timer of tokio's is as coarse as the servers' time.
        tokio::task::yield_now().await;
        if waiting.get() == AT_ONCE || due > Instant::now() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn request(storm: &Storm, pool: &Local<usize, Client>, server: usize) {
    let since = Instant::now();
    let Some(mut client) = take(storm, pool, server) else { return };
    let (stream, ticket) = (&mut client.connection.stream, &mut client.connection.payload);
    ticket.request += 1;
    let expected = message(ticket.id, ticket.request);
    let mut response = [0; MESSAGE];
    let answered = match stream.write_all(&expected).await {
        Ok(()) => stream.read_exact(&mut response).await.is_ok(),
        Err(_) => false,
    };
    storm.oracle.waited(since);
    if !answered {
        // The server was faster.
        one(&storm.oracle.counts.retried);
        return;
    }
    if response != expected {
        storm.oracle.find(Fault::WrongResponse);
    }
    one(&storm.oracle.counts.responses);
    // If the server has closed it already, it is closed here.
    let _ = pool.put(server, client);
}

fn take(storm: &Storm, pool: &Local<usize, Client>, server: usize) -> Option<Pooled<Client>> {
    if let Some(client) = pool.take(&server) {
        if client.connection.payload.request == 0 {
            storm.oracle.find(Fault::WrongResponse);
        }
        one(&storm.oracle.counts.taken_over);
        return Some(client);
    }
    let stream = Servers::connect(&storm.servers, server).and_then(UnixStream::from_std).ok()?;
    one(&storm.oracle.counts.opened);
    let id = storm.ids.fetch_add(1, Ordering::Relaxed);
    let payload = Ticket { id, request: 0, oracle: Arc::clone(&storm.oracle) };
    Some(Pooled::new(Carrying { stream, payload }))
}
