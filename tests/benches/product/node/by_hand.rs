//! The same program on tokio-util's codec, its tasks and tokens, and tokio's channels.
//!
//! It does what such programs do: a greeting with a deadline, one task for each session, events about sessions on a
//! channel, an end that closes its own direction and reads the other one to its end. It has no negotiated roles, ties,
//! limits, bans or redial, and of an end it does not know what has arrived.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::codec::{Framed, LengthDelimitedCodec};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Contender, END, EVERY, Gossip};

/// How long a peer may take to say who it is.
const GREETING: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Event {
    Up(u32),
    Down(u32),
}

/// What the tasks of a node have.
#[derive(Clone)]
struct Shared {
    number: u32,
    gossip: Arc<Gossip>,
    events: mpsc::UnboundedSender<Event>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

pub(super) struct ByHand {
    shared: Shared,
    address: SocketAddr,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Contender for ByHand {
    const NAME: &'static str = "by hand";

    fn listen(number: u32, _: u32, gossip: &Arc<Gossip>) -> Self {
        let listener = bound().expect("there is a loopback");
        let address = listener.local_addr().expect("it is bound");
        let (sender, events) = mpsc::unbounded_channel();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let shared = Shared { number, gossip: Arc::clone(gossip), events: sender, stop, tasks };
        let accepts = shared.clone();
        shared.tasks.spawn(async move {
            let accepting = async {
                loop {
                    if let Ok((stream, _)) = listener.accept().await {
                        accepts.spawn(async move { Ok(stream) });
                    }
                }
            };
            tokio::select! {
                () = accepts.stop.cancelled() => {}
                () = accepting => {}
            }
        });
        Self { shared, address, events }
    }

    fn dial(&self, other: &Self) {
        self.shared.spawn(TcpStream::connect(other.address));
    }

    async fn are_up(&mut self, sessions: u32) {
        for _ in 0..sessions {
            let event = self.events.recv().await;
            assert!(matches!(event, Some(Event::Up(_))), "a session did not come up or did not stay: {event:?}");
        }
    }

    async fn end(mut self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        timeout(END, self.shared.tasks.wait()).await.expect("every session ends in order");
        while self.events.try_recv().is_ok() {}
    }
}

/// With a backlog that is as long as handfast's.
fn bound() -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

impl Shared {
    fn spawn(&self, connect: impl Future<Output = io::Result<TcpStream>> + Send + 'static) {
        let shared = self.clone();
        self.tasks.spawn(async move {
            let Ok(Ok((peer, stream))) = timeout(GREETING, shared.greet(connect)).await else { return };
            let _ = shared.events.send(Event::Up(peer));
            let _ended = shared.talk(stream).await;
            let _ = shared.events.send(Event::Down(peer));
        });
    }

    async fn greet(&self, connect: impl Future<Output = io::Result<TcpStream>>) -> io::Result<(u32, TcpStream)> {
        let mut stream = connect.await?;
        stream.set_nodelay(true)?;
        stream.write_u32(self.number).await?;
        Ok((stream.read_u32().await?, stream))
    }

    async fn talk(&self, stream: TcpStream) -> io::Result<()> {
        let mut frames = Framed::new(stream, LengthDelimitedCodec::builder().length_field_length(8).new_codec());
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                _ = ticks.tick() => frames.send(self.gossip.payload.clone()).await?,
                frame = frames.next() => match frame {
                    Some(frame) => self.count(&frame?),
                    None => break,
                },
            }
        }
        SinkExt::<Bytes>::close(&mut frames).await?;
        let rest = async {
            while let Some(frame) = frames.next().await {
                self.count(&frame?);
            }
            Ok(())
        };
        timeout(END, rest).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    fn count(&self, _: &BytesMut) {
        self.gossip.delivered.fetch_add(1, Ordering::Relaxed);
    }
}
