//! Nodes of this crate.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use handfast::framed::{Error, Frame};
use handfast::lifecycle::{Event, Limits, Reason, Subscription};
use handfast::node::{Config, Node, Session, Stream, Upgraded, framed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

use super::{Contender, END, EVERY, Gossip};

pub(super) struct Ours {
    node: Node<u32>,
    address: SocketAddr,
    events: Subscription<u32>,
}

impl Contender for Ours {
    const NAME: &'static str = "handfast";

    fn listen(number: u32, nodes: u32, gossip: &Arc<Gossip>) -> Self {
        let upgrade = move |mut stream: Stream<TcpStream>| async move {
            stream.write_u32(number).await?;
            let peer = stream.read_u32().await?;
            Ok::<_, std::io::Error>(Upgraded::new(peer, (), stream))
        };
        let gossip = Arc::clone(gossip);
        let body = framed(Default::default(), move |session| talk(session, Arc::clone(&gossip)));
        let most = 2 * nodes as usize;
        let config = Config::new(Limits::by_direction(most, most), number, "/gossip/1");
        let node = Node::new(config, upgrade, body).expect("the configuration is sound");
        let events = node.registry().subscribe().expect("it does not shut down");
        let address = node.listen((Ipv4Addr::LOCALHOST, 0).into()).expect("there is a loopback");
        Self { node, address, events }
    }

    fn dial(&self, other: &Self) {
        let _session = self.node.dial(other.address).expect("there is a slot");
    }

    async fn are_up(&mut self, sessions: u32) {
        for _ in 0..sessions {
            let event = self.events.next().await;
            assert!(matches!(event, Some(Event::Up(_))), "a session did not come up or did not stay: {event:?}");
        }
    }

    async fn end(self) {
        let report = self.node.shutdown(END).await;
        assert_eq!(report.aborted, 0, "every session ends in order");
    }
}

async fn talk(session: Session<u32, (), Stream<TcpStream>>, gossip: Arc<Gossip>) -> Result<Reason, Error> {
    let Session { mut reader, mut writer, .. } = session;
    let mut reading = std::pin::pin!(async {
        while reader.read().await?.is_some() {
            gossip.delivered.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Reason::RemoteClosed)
    });
    let writing = async {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = writer.write(Frame::new(1, gossip.payload.clone())).await {
                return error;
            }
        }
    };
    let failed = tokio::select! {
        biased;
        ended = reading.as_mut() => return ended,
        failed = writing => failed,
    };
    if failed.is_shutdown() { reading.await } else { Err(failed) }
}
