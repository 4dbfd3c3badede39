//! From a listening socket to clients.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use crate::Worker;
use crate::backend::is_out_of_descriptors;
use crate::client::serve;

/// How long handshakes that have begun may take to end when the proxy stops.
const SETTLE: Duration = Duration::from_millis(200);

/// How long to wait where no descriptor can be had.
const RETRY: Duration = Duration::from_millis(10);

/// Returns a socket beside others at the same address, between which the kernel divides connections.
pub(crate) fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Accepts clients until the worker stops, and then those that are connected already: closing the socket would reset them.
pub(crate) async fn accept(
    listener: std::net::TcpListener,
    clients: Arc<Semaphore>,
    worker: Rc<Worker>,
) -> io::Result<()> {
    let mut door = Door { listener: TcpListener::from_std(listener)?, clients, waiting: None };
    loop {
        tokio::select! {
            () = worker.here.stopping() => break,
            next = door.next() => take(next, &worker).await,
        }
    }
    worker.is_stopping.set(true);
    refuse_new(&door.listener)?;
    loop {
        let is_settled = door.waiting.is_none();
        tokio::select! {
            biased;
            next = door.next() => take(next, &worker).await,
            () = sleep(SETTLE), if is_settled => return Ok(()),
        }
    }
}

struct Door {
    listener: TcpListener,
    clients: Arc<Semaphore>,
    /// A client that there is no room for yet. Room is not taken before there is a client: another worker may have one.
    waiting: Option<(TcpStream, SocketAddr)>,
}

type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

impl Door {
    /// Waits for a client, then for room for it. Cancel safe.
    async fn next(&mut self) -> io::Result<Accepted> {
        if self.waiting.is_none() {
            self.waiting = Some(self.listener.accept().await?);
        }
        let permit = Arc::clone(&self.clients).acquire_owned().await.map_err(io::Error::other)?;
        let waiting = self.waiting.take().ok_or(io::ErrorKind::NotFound);
        waiting.map(|(stream, address)| (stream, address, permit)).map_err(io::Error::from)
    }
}

async fn take(accepted: io::Result<Accepted>, worker: &Rc<Worker>) {
    match accepted {
        Ok((stream, address, permit)) => {
            // It is slower without, and right.
            let _ = stream.set_nodelay(true);
            let on_worker = Rc::clone(worker);
            worker.here.spawn(async move {
                serve(stream, address, on_worker).await;
                drop(permit);
            });
        }
        Err(error) if is_out_of_descriptors(&error) && worker.proxy.backends.make_room() => {}
        // No descriptor is left, or a client has gone already: others are served.
        Err(_) => sleep(RETRY).await,
    }
}

/// Drops segments that would begin a connection. Their senders try again after a second, and are refused then.
#[cfg(target_os = "linux")]
fn refuse_new(listener: &TcpListener) -> io::Result<()> {
    use socket2::SockFilter;
    // Classic BPF over the TCP header: if the flags, byte 13, have SYN, keep 0 bytes, otherwise all.
    let program = [
        SockFilter::new(0x30, 0, 0, 13),       // ldb [13]
        SockFilter::new(0x45, 0, 1, 0x02),     // jset #SYN, next, one further
        SockFilter::new(0x06, 0, 0, 0),        // ret #0
        SockFilter::new(0x06, 0, 0, u32::MAX), // ret #-1
    ];
    socket2::SockRef::from(listener).attach_filter(&program)
}

/// Elsewhere who connects in the last moment is reset.
#[cfg(not(target_os = "linux"))]
fn refuse_new(_: &TcpListener) -> io::Result<()> {
    Ok(())
}
