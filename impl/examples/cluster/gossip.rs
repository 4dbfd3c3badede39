//! What the nodes say: how often each node has spoken, as far as it is known.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use handfast::framed::{Error, Frame, Transport, Writer};
use handfast::lifecycle::Reason;
use handfast::node::{Reader, Session};
use tokio::time::{MissedTickBehavior, interval};

use crate::ledger::Ledger;
use crate::noise::PublicKey;
use crate::upgrade::About;

/// The kind of every frame.
const RUMOURS: u32 = 1;

/// What a node has heard: how often each has spoken.
pub(crate) struct Rumours {
    me: u32,
    known: Mutex<std::collections::BTreeMap<u32, u64>>,
    heard: AtomicU64,
}

impl Rumours {
    pub(crate) fn new(me: u32) -> Self {
        Self { me, known: Mutex::default(), heard: AtomicU64::new(0) }
    }

    /// The next frame: its number, and everything that is known.
    fn speak(&self, number: u64) -> Frame {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(self.me).or_default() += 1;
        let mut payload = BytesMut::with_capacity(8 + 12 * known.len());
        payload.put_u64(number);
        for (&node, &times) in &*known {
            payload.put_u32(node);
            payload.put_u64(times);
        }
        Frame::new(RUMOURS, payload.freeze())
    }

    /// Takes what is new in a frame. Returns the frame's number.
    fn hear(&self, frame: Frame) -> Option<u64> {
        let mut payload = frame.payload;
        let number = payload.try_get_u64().ok()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        while let (Ok(node), Ok(times)) = (payload.try_get_u32(), payload.try_get_u64()) {
            let entry = known.entry(node).or_default();
            self.heard.fetch_add(u64::from(times > *entry), Ordering::Relaxed);
            *entry = times.max(*entry);
        }
        Some(number)
    }

    /// How many rumours were new.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }
}

/// The body of a session: sends a frame now and then, and reads until the peer ends.
pub(crate) async fn gossip<T: Transport>(
    session: Session<PublicKey, About, T>,
    rumours: Arc<Rumours>,
    ledger: Arc<Ledger>,
    every: Duration,
) -> Result<Reason, Error> {
    let Session { peer, mut reader, mut writer, .. } = session;
    let About { ours, theirs, .. } = peer.info;
    let mut reading = std::pin::pin!(listen(&mut reader, &rumours, &ledger, theirs.frames));
    let failed = tokio::select! {
        biased;
        ended = reading.as_mut() => return ended,
        failed = speak(&mut writer, &rumours, &ledger, ours.frames, every) => failed,
    };
    // A session that is told to end sends no more, and reads what is still coming.
    if failed.is_shutdown() { reading.await } else { Err(failed) }
}

async fn listen<T: Transport>(
    reader: &mut Reader<T>,
    rumours: &Rumours,
    ledger: &Ledger,
    frames: u64,
) -> Result<Reason, Error> {
    while let Some(frame) = reader.read().await? {
        let Some(number) = rumours.hear(frame) else { return Ok(Reason::Application("malformed")) };
        ledger.delivered_one(frames, number);
    }
    Ok(Reason::RemoteClosed)
}

/// Returns why no more can be sent.
async fn speak<T: Transport>(
    writer: &mut Writer<T>,
    rumours: &Rumours,
    ledger: &Ledger,
    frames: u64,
    every: Duration,
) -> Error {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number = 0;
    loop {
        ticks.tick().await;
        if let Err(error) = writer.feed(rumours.speak(number)).await {
            return error;
        }
        // No `await` is between, so that no frame is accepted and not counted, also if the node is killed.
        ledger.accepted(frames);
        number += 1;
        if let Err(error) = writer.flush().await {
            return error;
        }
    }
}
