//! Pairs of sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use handfast::framed::{Config, Connection, Delivery, Transport};
use rustix::event::{PollFd, PollFlags, poll};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::time::Instant;

/// Two ends of one connection over the loopback, with queues of about this size, or as the kernel likes them.
pub(crate) fn pair(queue: Option<usize>) -> (TcpStream, TcpStream) {
    let socket = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are sockets");
        if let Some(queue) = queue {
            socket.set_send_buffer_size(queue).expect("it is a socket");
            socket.set_recv_buffer_size(queue).expect("it is a socket");
        }
        socket
    };
    let listener = socket();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("there is a loopback");
    listener.listen(1).expect("it is bound");
    let listener = TcpListener::from(listener);
    let address = listener.local_addr().expect("it is bound");
    let dialed = socket();
    dialed.connect(&address.into()).expect("somebody listens");
    let (accepted, _) = listener.accept().expect("somebody dialed");
    (dialed.into(), accepted)
}

/// For the runtime.
pub(crate) fn registered(stream: TcpStream) -> tokio::net::TcpStream {
    stream.set_nonblocking(true).expect("it is a socket");
    stream.set_nodelay(true).expect("it is a TCP socket");
    tokio::net::TcpStream::from_std(stream).expect("there is a runtime")
}

/// Two connections with each other.
pub(crate) fn connections(
    queue: Option<usize>,
    config: &Config,
) -> (Connection<tokio::net::TcpStream>, Connection<tokio::net::TcpStream>) {
    let (one, other) = pair(queue);
    (Connection::new(registered(one), config.clone()), Connection::new(registered(other), config.clone()))
}

/// Writes until the kernel takes no more. How much it took.
pub(crate) fn fill(stream: &mut TcpStream) -> usize {
    stream.set_nonblocking(true).expect("it is a socket");
    let chunk = [7; 64 * 1024];
    let mut written = 0;
    loop {
        match stream.write(&chunk) {
            Ok(bytes) => written += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("the peer is there: {error}"),
        }
    }
    stream.set_nonblocking(false).expect("it is a socket");
    written
}

/// Reads until the end. How much there was, and what the end was: none if it was in order.
pub(crate) fn drain(stream: &mut TcpStream) -> (usize, Option<ErrorKind>) {
    let mut chunk = vec![0; 256 * 1024];
    let mut read = 0;
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return (read, None),
            Ok(bytes) => read += bytes,
            Err(error) => return (read, Some(error.kind())),
        }
    }
}

/// Waits until so many bytes have arrived.
pub(crate) fn await_arrival(stream: &TcpStream, bytes: usize) {
    let mut buffer = vec![0; bytes];
    while stream.peek(&mut buffer).expect("the peer is there") < bytes {
        std::thread::yield_now();
    }
}

/// Waits until a reset has arrived, without taking notice of it.
pub(crate) fn await_reset(stream: &TcpStream) {
    let mut fds = [PollFd::new(stream, PollFlags::empty())];
    while !fds[0].revents().contains(PollFlags::HUP) {
        poll(&mut fds, None).expect("it is a socket");
    }
}

/// The first close of this socket is a reset.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("it is a socket");
}

/// Bytes that the peer's kernel has not acknowledged.
pub(crate) fn outstanding(write: &<tokio::net::TcpStream as Transport>::Write) -> u64 {
    match tokio::net::TcpStream::delivery(write).expect("it is connected") {
        Delivery::Outstanding(bytes) => bytes,
        Delivery::Unknown => panic!("this is Linux"),
    }
}

/// A deadline.
pub(crate) fn within(duration: Duration) -> Instant {
    Instant::now() + duration
}
