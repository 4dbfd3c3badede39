//! A reverse proxy for HTTP/1.1 that runs one thread for each core and reuses connections to its backends on all of them.
//!
//! ```text
//! cargo run --release -p handfast --example reuse_proxy -- --listen 127.0.0.1:8080 --backend 127.0.0.1:8000
//! curl http://127.0.0.1:8080/
//! ```
//!
//! Ctrl-C ends it: requests that have begun have ten seconds. What is malformed is answered with 400, a backend that is
//! dead with 502, after one more attempt on a new connection where the request can be repeated.
//!
//! Left out: TLS, upgrades, HTTP/2, health checks.

mod backend;
mod forward;
mod relay;

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use handfast::pool::{Config, Pool, WorkerHandle, Workers};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use backend::Backends;
use forward::forward;

/// A reverse proxy that reuses connections on all of its threads
#[derive(Clone, Debug, Parser)]
struct Options {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// A backend; may be given several times
    #[arg(long, required = true)]
    backend: Vec<SocketAddr>,
    /// How many threads; as many as there are cores if not given
    #[arg(long)]
    workers: Option<NonZeroU16>,
    /// Which requests may go over a connection that has been used
    #[arg(long, value_enum, default_value_t = Reuse::Safe)]
    reuse: Reuse,
    /// Prints a line for each request
    #[arg(long)]
    log: bool,
}

/// Which requests may go over a connection that has been used. Its backend may close it at that very moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Reuse {
    /// None
    Never,
    /// Those that can be repeated if that happens
    Safe,
    /// All
    Always,
}

/// How long a client may take for the head of its request.
const HEAD: Duration = Duration::from_secs(30);

/// How long requests that have begun have when the proxy ends.
const GRACE: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let cores = std::thread::available_parallelism().ok().and_then(|cores| u16::try_from(cores.get()).ok());
    let count = options.workers.or(cores.and_then(NonZeroU16::new)).unwrap_or(NonZeroU16::MIN);
    let workers = Workers::start(count)?;
    let pool = Pool::new(&workers, Config::default())?;
    // Each worker accepts on a socket of its own, between which the kernel divides connections.
    let first = listen(options.listen)?;
    let address = first.local_addr()?;
    let rest = (1..workers.len()).map(|_| listen(address)).collect::<io::Result<Vec<_>>>()?;
    for (number, listener) in std::iter::once(first).chain(rest).enumerate() {
        let (options, pool) = (options.clone(), pool.clone());
        workers.spawn(number, move |here| async move {
            if let Err(error) = serve(listener, options, pool, here).await {
                eprintln!("worker {number}: {error}");
            }
        })?;
    }
    println!("listening on {address}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(tokio::signal::ctrl_c())?;
    let report = workers.stop(GRACE);
    println!("{:?}", pool.metrics());
    println!("{}", if report.is_clean() { "every request was answered" } else { "some requests were broken off" });
    Ok(())
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Accepts until the worker stops.
async fn serve(
    listener: std::net::TcpListener,
    options: Options,
    pool: Pool<SocketAddr, TcpStream>,
    here: WorkerHandle,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let backends = Rc::new(Backends::new(options.backend, options.reuse, pool.local(&here)));
    loop {
        let (stream, client) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // Too many descriptors, or a client that has gone already: others are served.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            },
            () = here.stopping() => return Ok(()),
        };
        // It is slower without, and right.
        let _ = stream.set_nodelay(true);
        let (backends, log, stopping) = (Rc::clone(&backends), options.log, here.clone());
        here.spawn(async move { converse(stream, client, backends, log, stopping).await });
    }
}

/// One client's connection.
async fn converse(stream: TcpStream, client: SocketAddr, backends: Rc<Backends>, log: bool, here: WorkerHandle) {
    let service = service_fn(|request: hyper::Request<_>| {
        let line = log.then(|| format!("{client} {} {}", request.method(), request.uri()));
        let backends = Rc::clone(&backends);
        async move {
            let response = forward(&backends, request).await;
            if let Some(line) = line {
                println!("{line} {}", response.status().as_u16());
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // A client that breaks off, or speaks no HTTP, has had its answer.
        _ = connection.as_mut() => return,
        () = here.stopping() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
