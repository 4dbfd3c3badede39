//! A reverse proxy for HTTP/1.1 that runs one thread for each core and reuses connections to its backends on all of them.
//!
//! ```text
//! cargo run --release -p handfast --example reuse_proxy -- --listen 127.0.0.1:8080 --backend 127.0.0.1:8000
//! curl http://127.0.0.1:8080/
//! ```
//!
//! `README.md` beside this file says what is done in which case, what hyper decides, and what is left out.
//!
//! - [`listen`]: accepts clients, and stops accepting.
//! - [`client`]: a client's connection, from the first request to the last.
//! - [`forward`]: a request, from one backend to the next; [`request`] and [`response`] say what is passed on.
//! - [`backend`], [`link`], [`slot`], [`relay`]: connections to backends, and one exchange on them.

mod backend;
mod client;
mod clock;
#[path = "../console.rs"]
mod console;
mod forward;
mod headers;
mod link;
mod listen;
mod options;
mod relay;
mod request;
mod response;
#[path = "../signals.rs"]
mod signals;
mod slot;
mod tally;

use std::cell::Cell;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use clap::Parser;
use handfast::pool::{Config, Pool, WorkerHandle, Workers};
use tokio::sync::Semaphore;

use backend::Backends;
use console::Console;
use forward::Proxy;
use link::Idle;
use options::{Options, Reuse};
use request::Name;
use signals::Signals;
use tally::Tally;

/// What the connections on one worker share.
struct Worker {
    here: WorkerHandle,
    proxy: Proxy,
    tally: Tally,
    console: Console,
    log: bool,
    is_stopping: Cell<bool>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    // All that can fail for want of descriptors comes before the first client.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = runtime.block_on(async { Signals::new() })?;
    let workers = Workers::start(options.workers.unwrap_or_else(cores))?;
    // What can be repeated is, if its connection turns out to be closed: asking the kernel before each use costs more.
    let config = Config::default().with_probe(options.reuse == Reuse::Always);
    let pool = Pool::new(&workers, config)?;
    let (console, writer) = Console::start(io::stdout(), String::new);
    let tally = Tally::default();
    let address = start(&options, &workers, &pool, &console, &tally)?;
    console.say(format!("listening on {address}"));

    runtime.block_on(signals.end());
    let before = tally.unanswered();
    // A second signal ends the process at once.
    thread::spawn(move || runtime.block_on(signals.exit()));
    let report = workers.stop(options.limits.grace);
    console.say(format!("{:?}", pool.metrics()));
    let is_clean = report.is_clean() && tally.unanswered() == before;
    console.say(format!("{} requests were answered", tally.answered()));
    console.say(if is_clean { "every request was answered" } else { "some requests were broken off" });
    drop(console);
    writer.finish();
    Ok(())
}

fn cores() -> NonZeroU16 {
    let cores = thread::available_parallelism().ok().and_then(|cores| u16::try_from(cores.get()).ok());
    cores.and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MIN)
}

/// Listens on each worker. Returns the address, with its port.
fn start(
    options: &Options,
    workers: &Workers,
    pool: &Pool<SocketAddr, Idle>,
    console: &Console,
    tally: &Tally,
) -> Result<SocketAddr, Box<dyn Error>> {
    let name = options.via.clone().unwrap_or_else(|| format!("reuse_proxy-{:016x}", rand::random::<u64>()));
    Name::new(name.clone()).ok_or("--via: a name has letters, digits, `-`, `.` and `_`")?;
    let first = listen::listen(options.listen)?;
    let address = first.local_addr()?;
    let rest = (1..workers.len()).map(|_| listen::listen(address)).collect::<io::Result<Vec<_>>>()?;
    let clients = Arc::new(Semaphore::new(options.limits.clients.unwrap_or_else(clients)));
    for (number, listener) in std::iter::once(first).chain(rest).enumerate() {
        let (options, pool, console, tally) = (options.clone(), pool.clone(), console.clone(), tally.clone());
        let (name, clients) = (name.clone(), Arc::clone(&clients));
        workers.spawn(number, move |here| async move {
            let backends = Backends::new(options.backend, options.reuse, options.limits, pool.local(&here));
            let Some(name) = Name::new(name) else { return };
            let proxy = Proxy { backends, limits: options.limits, name };
            let worker = Worker { here, proxy, tally, console, log: options.log, is_stopping: Cell::new(false) };
            if let Err(error) = listen::accept(listener, clients, Rc::new(worker)).await {
                eprintln!("worker {number}: {error}");
            }
        })?;
    }
    Ok(address)
}

/// Returns how many clients there are descriptors for: each may need a second one, for a backend.
fn clients() -> usize {
    const OTHERS: u64 = 32;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(1 << 20);
    usize::try_from(limit.saturating_sub(OTHERS) / 2).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS)
}
