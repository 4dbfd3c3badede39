//! Who is measured. All of them send a header of eight bytes before each payload, over a TCP socket with `TCP_NODELAY`.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use handfast::framed::{Config, Connection, Frame};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use rustix::net::{AddressFamily, SocketType, connect, socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

pub(crate) const MAX_FRAME: u32 = 8 * 1024 * 1024;

/// What the floor reads and writes at once.
const FLOOR: usize = 256 * 1024;

/// One end of a connection with frames.
pub(crate) trait Contender: Sized {
    const NAME: &'static str;

    fn new(stream: tokio::net::TcpStream) -> Self;

    /// Writes one frame and waits until the kernel has it.
    async fn send(&mut self, payload: &Bytes);

    /// Writes so many frames, in batches if the contender has them.
    async fn send_batch(&mut self, payload: &Bytes, count: usize);

    /// Reads so many frames with payloads of this length. The bytes of all payloads.
    async fn receive(&mut self, length: usize, count: usize) -> usize;
}

/// What the kernel is asked to keep for each socket and direction. Left to itself it grows a connection's buffers by how it goes in
/// the first milliseconds, and whether what is under way fits into the caches makes more of a difference than who reads it.
const KEPT: usize = 208 * 1024;

/// Two ends that are connected, and whose buffers are of the same lengths as everybody's.
pub(crate) fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a loopback");
    // What is accepted has the listener's.
    keep(&listener);
    let dialed = socket(AddressFamily::INET, SocketType::STREAM, None).expect("there are sockets");
    keep(&dialed);
    connected(&listener, dialed)
}

/// Two ends that are connected, with buffers as the kernel makes them.
#[allow(dead_code, reason = "not every benchmark asks what a shutdown loses")]
pub(crate) fn usual_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a loopback");
    connected(&listener, socket(AddressFamily::INET, SocketType::STREAM, None).expect("there are sockets"))
}

fn connected(listener: &TcpListener, dialed: OwnedFd) -> (TcpStream, TcpStream) {
    connect(&dialed, &listener.local_addr().expect("it is bound")).expect("somebody listens");
    let (accepted, _) = listener.accept().expect("somebody dialed");
    (dialed.into(), accepted)
}

fn keep(socket: impl AsFd) {
    set_socket_recv_buffer_size(&socket, KEPT).expect("it is a socket");
    set_socket_send_buffer_size(&socket, KEPT).expect("it is a socket");
}

/// A socket for the runtime that this is called in.
pub(crate) fn registered(stream: TcpStream) -> tokio::net::TcpStream {
    stream.set_nonblocking(true).expect("it is a socket");
    stream.set_nodelay(true).expect("it is a TCP socket");
    tokio::net::TcpStream::from_std(stream).expect("there is a runtime")
}

/// This crate.
pub(crate) struct Ours(pub(crate) Connection<tokio::net::TcpStream>);

impl Contender for Ours {
    const NAME: &'static str = "handfast";

    fn new(stream: tokio::net::TcpStream) -> Self {
        Self(Connection::new(stream, Config::default().with_max_frame(MAX_FRAME)))
    }

    async fn send(&mut self, payload: &Bytes) {
        self.0.write(Frame::new(1, payload.clone())).await.expect("the peer reads");
    }

    async fn send_batch(&mut self, payload: &Bytes, count: usize) {
        for _ in 0..count {
            self.0.feed(Frame::new(1, payload.clone())).await.expect("the peer reads");
        }
        self.0.flush().await.expect("the peer reads");
    }

    async fn receive(&mut self, _: usize, count: usize) -> usize {
        let mut bytes = 0;
        for _ in 0..count {
            let frame = self.0.read().await.expect("the peer writes").expect("it does not end");
            bytes += frame.payload.len();
        }
        bytes
    }
}

/// The codec that everybody takes.
pub(crate) struct LengthDelimited(pub(crate) Framed<tokio::net::TcpStream, LengthDelimitedCodec>);

impl Contender for LengthDelimited {
    const NAME: &'static str = "tokio-util";

    fn new(stream: tokio::net::TcpStream) -> Self {
        let codec =
            LengthDelimitedCodec::builder().length_field_length(8).max_frame_length(MAX_FRAME as usize).new_codec();
        Self(Framed::new(stream, codec))
    }

    async fn send(&mut self, payload: &Bytes) {
        self.0.send(payload.clone()).await.expect("the peer reads");
    }

    async fn send_batch(&mut self, payload: &Bytes, count: usize) {
        for _ in 0..count {
            self.0.feed(payload.clone()).await.expect("the peer reads");
        }
        SinkExt::<Bytes>::flush(&mut self.0).await.expect("the peer reads");
    }

    async fn receive(&mut self, _: usize, count: usize) -> usize {
        let mut bytes = 0;
        for _ in 0..count {
            let payload: BytesMut = self.0.next().await.expect("it does not end").expect("the peer writes");
            bytes += payload.len();
        }
        bytes
    }
}

/// What one would write by hand: one buffer, `write_all` and `read_exact`.
pub(crate) struct Raw {
    stream: tokio::net::TcpStream,
    buffer: Vec<u8>,
}

impl Contender for Raw {
    const NAME: &'static str = "raw loop";

    fn new(stream: tokio::net::TcpStream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    async fn send(&mut self, payload: &Bytes) {
        self.buffer.clear();
        self.buffer.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        self.buffer.extend_from_slice(payload);
        self.stream.write_all(&self.buffer).await.expect("the peer reads");
    }

    async fn send_batch(&mut self, payload: &Bytes, count: usize) {
        for _ in 0..count {
            self.send(payload).await;
        }
    }

    async fn receive(&mut self, _: usize, count: usize) -> usize {
        let mut bytes = 0;
        for _ in 0..count {
            let mut header = [0; 8];
            self.stream.read_exact(&mut header).await.expect("the peer writes");
            self.buffer.resize(u64::from_be_bytes(header) as usize, 0);
            self.stream.read_exact(&mut self.buffer).await.expect("the peer writes");
            bytes += self.buffer.len();
        }
        bytes
    }
}

/// The same bytes without frames, in large pieces: nobody can be faster.
pub(crate) struct Floor {
    stream: tokio::net::TcpStream,
    buffer: Vec<u8>,
}

impl Contender for Floor {
    const NAME: &'static str = "floor";

    fn new(stream: tokio::net::TcpStream) -> Self {
        Self { stream, buffer: vec![0; FLOOR] }
    }

    async fn send(&mut self, payload: &Bytes) {
        self.send_batch(payload, 1).await;
    }

    async fn send_batch(&mut self, payload: &Bytes, count: usize) {
        let mut left = (payload.len() + 8) * count;
        while left > 0 {
            let some = left.min(FLOOR);
            left -= self.stream.write(&self.buffer[..some]).await.expect("the peer reads");
        }
    }

    async fn receive(&mut self, length: usize, count: usize) -> usize {
        let mut left = (length + 8) * count;
        while left > 0 {
            let some = left.min(FLOOR);
            left -= self.stream.read(&mut self.buffer[..some]).await.expect("the peer writes");
        }
        length * count
    }
}
