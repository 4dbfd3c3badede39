//! Nodes in memory whose peers say a name and the number of their end.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use handfast::framed::{Delivery, Error, Frame, Transport};
use handfast::lifecycle::{Event, Limits, Reason, Subscription};
use handfast::node::{Config, Drained, Reader, Session, Stream, Upgraded, framed_with_report};
use handfast::simopen::{Role, Side};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};

pub(crate) type Node = handfast::node::Node<u64, Said, DuplexStream>;

pub(crate) const HANDSHAKE: Duration = Duration::from_secs(30);
pub(crate) const GRACE: Duration = Duration::from_secs(8);
/// Of the grace, what frames are drained in.
pub(crate) const DRAIN: Duration = Duration::from_secs(7);
/// Frames that each body sends.
pub(crate) const FRAMES: u32 = 20;

/// What both ends know of their connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Said {
    /// The number of this end, of which a node has no two.
    pub(crate) ours: u64,
    pub(crate) theirs: u64,
    pub(crate) role: Role,
}

/// A stream in memory. What was written is in the peer's queue, as with a socket of one host.
pub(crate) struct Pipe(pub(crate) Stream<DuplexStream>);

impl Transport for Pipe {
    type Read = ReadHalf<Stream<DuplexStream>>;
    type Write = WriteHalf<Stream<DuplexStream>>;

    fn split(self) -> (Self::Read, Self::Write) {
        tokio::io::split(self.0)
    }

    fn delivery(_: &Self::Write) -> io::Result<Delivery> {
        Ok(Delivery::Outstanding(0))
    }
}

pub(crate) fn config(name: u64) -> Config<u64> {
    crate::limit::limited();
    let mut config = Config::new(Limits::by_direction(8, 8), name, "/test/1");
    config.registry.handshake_timeout = HANDSHAKE;
    config.registry.grace = GRACE;
    config
}

/// An address in memory, which leads nowhere.
pub(crate) fn address(last: u8) -> SocketAddr {
    (Ipv4Addr::new(192, 0, 2, last), 7).into()
}

/// The upgrade: each end says its name and its number.
pub(crate) async fn introduce(
    name: u64,
    ours: u64,
    mut stream: Stream<DuplexStream>,
) -> io::Result<Upgraded<u64, Said, Pipe>> {
    let Side { role, .. } = stream.side();
    stream.write_u64(name).await?;
    stream.write_u64(ours).await?;
    let peer = stream.read_u64().await?;
    let theirs = stream.read_u64().await?;
    Ok(Upgraded::new(peer, Said { ours, theirs, role }, Pipe(stream)))
}

/// What became of the frames of one end of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    /// Frames that its body handed over.
    pub(crate) accepted: u32,
    /// Frames that its body was given.
    pub(crate) delivered: u32,
    pub(crate) report: Option<bool>,
    pub(crate) peer_ended: bool,
}

/// What became of the frames of a node's sessions, with the numbers of both ends.
#[derive(Clone, Default)]
pub(crate) struct Accounts(Arc<Mutex<Vec<(Said, Account)>>>);

impl Accounts {
    pub(crate) fn update(&self, said: Said, change: impl FnOnce(&mut Account)) {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = accounts.iter().position(|(of, _)| *of == said);
        let index = known.unwrap_or_else(|| {
            accounts.push((said, Account::default()));
            accounts.len() - 1
        });
        change(&mut accounts[index].1);
    }

    pub(crate) fn all(&self) -> Vec<(Said, Account)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn report(&self, drained: &Drained<u64, Said>) {
        self.update(drained.peer.info, |account| {
            assert_eq!(account.report, None, "each session is reported once");
            account.report = Some(drained.is_clean());
            account.peer_ended = drained.peer_ended;
        });
    }
}

/// A node whose bodies send some frames and read until there are no more.
pub(crate) fn chatty(config: Config<u64>, accounts: &Accounts) -> Node {
    let name = config.registry.registry.local.expect("it has a key");
    let numbers = AtomicU64::new(100 * name);
    let upgrade = move |stream| introduce(name, numbers.fetch_add(1, Ordering::Relaxed), stream);
    let (counted, reported) = (accounts.clone(), accounts.clone());
    let body = move |session| chat(session, counted.clone());
    let body = framed_with_report(Default::default(), body, move |drained| reported.report(&drained));
    Node::new(config, upgrade, body).expect("the configuration is sound")
}

async fn chat(session: Session<u64, Said, Pipe>, accounts: Accounts) -> Result<Reason, Error> {
    let Session { peer, mut reader, mut writer, .. } = session;
    let said = peer.info;
    for number in 0..FRAMES {
        match writer.feed(Frame::new(1, number.to_be_bytes().to_vec())).await {
            Ok(()) => accounts.update(said, |account| account.accepted += 1),
            Err(error) if error.is_shutdown() => break,
            Err(error) => return Err(error),
        }
        tokio::task::yield_now().await;
    }
    writer.flush().await.or_else(|error| if error.is_shutdown() { Ok(()) } else { Err(error) })?;
    read_all(&mut reader, &accounts, said).await?;
    Ok(Reason::RemoteClosed)
}

async fn read_all(reader: &mut Reader<Pipe>, accounts: &Accounts, said: Said) -> Result<(), Error> {
    while let Some(frame) = reader.read().await? {
        accounts.update(said, |account| {
            assert_eq!(frame.payload[..], account.delivered.to_be_bytes(), "in order, without a gap");
            account.delivered += 1;
        });
    }
    Ok(())
}

/// Lets everything run that can run for so long.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Lets everything run that can run at this moment.
pub(crate) async fn idle() {
    pass(Duration::from_millis(1)).await;
}

/// An event without what the test does not compare.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    Up(u64),
    Down(u64, Reason),
    Lagged,
    Closed,
}

/// What is queued.
pub(crate) fn heard<I>(events: &mut Subscription<u64, I>) -> Vec<Heard> {
    let short = |event| match event {
        Event::Up(peer) => Heard::Up(peer.key),
        Event::Down(peer, reason) => Heard::Down(peer.key, reason),
        Event::Lagged => Heard::Lagged,
        Event::Closed => Heard::Closed,
    };
    std::iter::from_fn(|| events.try_next()).map(short).collect()
}

/// Nothing holds a slot any more, and each Up had its Down.
pub(crate) fn assert_empty(node: &Node) {
    let metrics = node.registry().metrics();
    assert_eq!((metrics.sessions, metrics.pending), (0, 0));
    let ended: u64 = metrics.downs.values().chain(metrics.ended_unannounced.values()).sum();
    assert_eq!(ended, metrics.opened, "each session that was opened ended once");
    assert_eq!(metrics.downs.values().sum::<u64>(), metrics.announced, "each Up has its Down");
}
