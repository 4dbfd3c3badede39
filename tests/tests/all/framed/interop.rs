//! With a peer that speaks the original's bytes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{TryRecvError, channel};
use std::thread;
use std::time::Duration;

use handfast::framed::{Config, Connection, Error, Frame, Outcome};
use tokio::task::spawn_blocking;

use super::support::{pair, registered, within};
use crate::support::deadline;

const SECONDS: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_original_reads_our_frames_to_the_marker() {
    let _deadline = deadline("the original's end to read to the marker");
    let (ours, theirs) = pair(None);
    let lengths = [1, 0, 8, 100, 100_000, 0, 0, 7];
    let original = spawn_blocking(move || {
        let mut original = Original::new(theirs);
        let read = lengths.map(|_| original.read());
        let ends = [original.read(), original.read()];
        (read, ends, original.shut_down())
    });
    let mut ours = Connection::new(registered(ours), Config::default());
    for (length, kind) in lengths.into_iter().zip(1..) {
        ours.feed(Frame::new(kind, vec![kind as u8; length])).await.expect("the peer reads");
    }
    assert_eq!(ours.shutdown(within(SECONDS)).await, Outcome::Clean);
    let (read, ends, shut_down) = original.await.expect("it does not panic");
    for ((read, length), kind) in read.into_iter().zip(lengths).zip(1..) {
        assert_eq!(read, Ok((kind, vec![kind as u8; length])));
    }
    assert_eq!(ends, [Err(End::ShutDown), Err(End::ShutDown)]);
    // Its marker may meet a socket that is closed already; nothing of ours is lost for that.
    assert!(shut_down.is_err() || shut_down.is_ok_and(|dropped| dropped == 0));
}

/// The original holds back a frame until it has read the header behind it: one without a payload releases it.
#[tokio::test]
async fn an_empty_frame_releases_the_one_before_to_the_original() {
    let _deadline = deadline("the original to give out both frames");
    let (ours, theirs) = pair(None);
    let (told, tells) = channel();
    let original = thread::spawn(move || {
        let mut original = Original::new(theirs);
        while let Ok(frame) = original.read() {
            told.send(frame).expect("the test waits");
        }
    });
    let mut ours = Connection::new(registered(ours), Config::default());
    ours.write(Frame::new(1, "held back")).await.expect("the peer reads");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(tells.try_recv(), Err(TryRecvError::Empty), "it has everything and says nothing");
    ours.write(Frame::new(2, "")).await.expect("the peer reads");
    let tells = spawn_blocking(move || [tells.recv(), tells.recv()]).await.expect("it does not panic");
    assert_eq!(tells, [Ok((1, b"held back".to_vec())), Ok((2, Vec::new()))]);
    assert_eq!(ours.shutdown(within(SECONDS)).await, Outcome::Clean);
    original.join().expect("it does not panic");
}

#[tokio::test]
async fn we_read_the_originals_frames_to_its_marker_and_answer() {
    let _deadline = deadline("the original's frames and its marker");
    let (ours, theirs) = pair(None);
    let original = spawn_blocking(move || {
        let mut original = Original::new(theirs);
        for kind in 1..=50 {
            original.write(kind, &vec![kind as u8; kind as usize * 100]).expect("we read");
        }
        original.shut_down()
    });
    let config = Config::default().with_answer(Some(SECONDS));
    let mut ours = Connection::new(registered(ours), config);
    for kind in 1..=50 {
        assert_eq!(ours.read().await, Ok(Some(Frame::new(kind, vec![kind as u8; kind as usize * 100]))));
    }
    assert_eq!(ours.read().await, Ok(None));
    assert_eq!(ours.write(Frame::new(1, "")).await, Err(Error::ShutDown), "the original would drop it");
    assert_eq!(ours.shutdown(within(SECONDS)).await, Outcome::Clean);
    assert_eq!(original.await.expect("it does not panic").expect("we are there"), 8, "our marker");
}

#[tokio::test]
async fn we_read_a_frame_of_the_original_without_what_follows_it() {
    let _deadline = deadline("one frame of the original");
    let (ours, theirs) = pair(None);
    let mut original = Original::new(theirs);
    let mut ours = Connection::new(registered(ours), Config::default());
    original.write(1, b"alone").expect("we read");
    assert_eq!(ours.read().await, Ok(Some(Frame::new(1, "alone"))));
}

#[tokio::test]
async fn both_send_heartbeats_and_neither_is_given_out_by_us() {
    let _deadline = deadline("heartbeats both ways and a shutdown");
    let (ours, theirs) = pair(None);
    let original = spawn_blocking(move || {
        let mut original = Original::new(theirs);
        original.heartbeat().expect("we read");
        original.write(1, b"frame").expect("we read");
        original.heartbeat().expect("we read");
        let heartbeats = [original.read(), original.read()];
        original.shut_down().expect("we are there");
        heartbeats
    });
    let config = Config::default().with_heartbeat(Some(Duration::from_millis(10)));
    let mut ours = Connection::new(registered(ours), config);
    let heartbeats = tokio::spawn(ours.heartbeats());
    assert_eq!(ours.read().await, Ok(Some(Frame::new(1, "frame"))));
    assert_eq!(ours.read().await, Ok(None));
    assert_eq!(ours.shutdown(within(SECONDS)).await, Outcome::Clean);
    assert_eq!(original.await.expect("it does not panic"), [Ok((1 << 24, Vec::new())), Ok((1 << 24, Vec::new()))]);
    assert_eq!(heartbeats.await.expect("it does not panic"), Error::ShutDown);
}

#[tokio::test]
async fn the_original_and_we_shut_down_at_once() {
    let _deadline = deadline("a hundred shutdowns at both ends");
    for _ in 0..100 {
        let (ours, theirs) = pair(Some(8 * 1024));
        let original = spawn_blocking(move || {
            let mut original = Original::new(theirs);
            for kind in 1..=20 {
                original.write(kind, &[1; 1000]).expect("we read");
            }
            original.shut_down()
        });
        let (mut reader, mut writer) = Connection::new(registered(ours), Config::default()).into_split();
        for kind in 1..=20 {
            writer.feed(Frame::new(kind, vec![1; 1000])).await.expect("the peer is there");
        }
        let shutdown = tokio::spawn(async move { writer.shutdown(within(SECONDS)).await });
        for kind in 1..=20 {
            assert_eq!(reader.read().await, Ok(Some(Frame::new(kind, vec![1; 1000]))), "nothing of its frames is lost");
        }
        assert_eq!(reader.read().await, Ok(None));
        assert_eq!(shutdown.await.expect("it does not panic"), Outcome::Clean, "it took ours, if only to drop them");
        let dropped = original.await.expect("it does not panic").expect("we are there");
        assert_eq!(dropped, 20 * 1008 + 8);
    }
}

// A peer that speaks the original's bytes, in its manner: written from the description of its steps, with blocking reads.

const MARKER: u32 = 1 << 28;
const HEARTBEAT: u32 = 1 << 24;

/// Why a read gave no frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The marker.
    ShutDown,
    /// Bytes ended where it did not expect it, in order or with an error.
    Bytes(Option<ErrorKind>),
}

/// The original's peer.
pub(crate) struct Original {
    stream: TcpStream,
    /// A header that was read together with the payload before it.
    next: Option<(u32, usize)>,
    /// An error that was met behind a payload.
    end: Option<End>,
    is_shut: bool,
}

impl Original {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, next: None, end: None, is_shut: false }
    }

    /// The next frame. One with a payload is given out only when the header behind it has been read as well; one without
    /// is given out at once, which is how a writer releases the one before.
    pub(crate) fn read(&mut self) -> Result<(u32, Vec<u8>), End> {
        if self.is_shut {
            return Err(End::ShutDown);
        }
        if let Some(end) = self.end.take() {
            return Err(end);
        }
        let (kind, length) = match self.next {
            Some(next) => next,
            None => {
                let mut header = [0; 8];
                self.stream.read_exact(&mut header).map_err(|error| End::Bytes(Some(error.kind())))?;
                parsed(header)
            }
        };
        let mut payload = vec![0; length];
        if length == 0 {
            self.next = None;
        } else {
            self.next = Some((kind, length));
            self.read_with_next_header(&mut payload)?;
        }
        if kind == MARKER {
            self.is_shut = true;
            return Err(End::ShutDown);
        }
        Ok((kind, payload))
    }

    /// Fills the payload and eight bytes more.
    fn read_with_next_header(&mut self, payload: &mut [u8]) -> Result<(), End> {
        let mut both = vec![0; payload.len() + 8];
        let mut read = 0;
        let end = loop {
            match self.stream.read(&mut both[read..]) {
                Ok(0) => break Some(End::Bytes(None)),
                Ok(bytes) => read += bytes,
                Err(error) => break Some(End::Bytes(Some(error.kind()))),
            }
            if read == both.len() {
                break None;
            }
        };
        let (first, header) = both.split_at(payload.len());
        payload.copy_from_slice(first);
        match end {
            None => self.next = Some(parsed(header.try_into().expect("it has eight bytes"))),
            Some(end) if read == payload.len() => {
                self.next = None;
                self.end = Some(end);
            }
            Some(end) => return Err(end),
        }
        Ok(())
    }

    pub(crate) fn write(&mut self, kind: u32, payload: &[u8]) -> std::io::Result<()> {
        assert_eq!(kind >> 28, 0, "it panics on reserved kinds");
        self.write_any(kind, payload)
    }

    pub(crate) fn heartbeat(&mut self) -> std::io::Result<()> {
        self.write_any(HEARTBEAT, &[])
    }

    fn write_any(&mut self, kind: u32, payload: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(payload.len()).expect("no test sends so much");
        self.stream.write_all(&[&kind.to_be_bytes()[..], &length.to_be_bytes(), payload].concat())
    }

    /// Writes the marker, ends its direction, reads and drops whatever comes until the end, and closes. How many bytes it
    /// dropped.
    pub(crate) fn shut_down(mut self) -> std::io::Result<usize> {
        self.write_any(MARKER, &[])?;
        self.stream.shutdown(Shutdown::Write)?;
        let mut chunk = [0; 32 * 1024];
        let mut dropped = 0;
        while let Ok(bytes @ 1..) = self.stream.read(&mut chunk) {
            dropped += bytes;
        }
        Ok(dropped)
    }
}

fn parsed(header: [u8; 8]) -> (u32, usize) {
    let [k0, k1, k2, k3, l0, l1, l2, l3] = header;
    (u32::from_be_bytes([k0, k1, k2, k3]), u32::from_be_bytes([l0, l1, l2, l3]) as usize)
}
