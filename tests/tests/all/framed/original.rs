//! A peer that speaks the original's bytes, in its manner: zrepl's frameconn, written from the description of its steps.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const MARKER: u32 = 1 << 28;
const HEARTBEAT: u32 = 1 << 24;

/// How much of a payload there is room for before any of it has come. The original makes room for what is announced.
const ROOM: usize = 64 << 10;

/// Why a read gave no frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The marker.
    ShutDown,
    /// Bytes ended where it did not expect it, in order or with an error.
    Bytes(Option<ErrorKind>),
}

/// The original's peer.
pub(crate) struct Original<S> {
    stream: S,
    /// A header that was read together with the payload before it.
    next: Option<[u8; 8]>,
    /// An error that was met behind a payload.
    end: Option<End>,
    is_shut: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Original<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, next: None, end: None, is_shut: false }
    }

    /// The next frame. One with a payload is given out only when the header behind it has been read as well; one without
    /// is given out at once, which is how a writer releases the one before.
    pub(crate) async fn read(&mut self) -> Result<(u32, Vec<u8>), End> {
        if self.is_shut {
            return Err(End::ShutDown);
        }
        if let Some(end) = self.end.take() {
            return Err(end);
        }
        let header = match self.next {
            Some(header) => header,
            None => {
                let mut header = [0; 8];
                self.stream.read_exact(&mut header).await.map_err(|error| End::Bytes(Some(error.kind())))?;
                header
            }
        };
        let (kind, length) = parsed(header);
        self.next = None;
        let mut payload = Vec::new();
        if length > 0 {
            self.next = Some(header);
            payload = self.read_with_next_header(length).await?;
        }
        if kind == MARKER {
            self.is_shut = true;
            return Err(End::ShutDown);
        }
        Ok((kind, payload))
    }

    /// Returns the payload. Eight bytes more are read with it.
    async fn read_with_next_header(&mut self, length: usize) -> Result<Vec<u8>, End> {
        let mut both = Vec::with_capacity((length + 8).min(ROOM));
        let read = (&mut self.stream).take(length as u64 + 8).read_to_end(&mut both).await;
        match (read, both.split_off(length.min(both.len()))) {
            (Ok(_), header) if header.len() == 8 => self.next = header.first_chunk().copied(),
            (read, header) if both.len() == length && header.is_empty() => {
                self.next = None;
                self.end = Some(End::Bytes(read.err().map(|error| error.kind())));
            }
            // The header stays, and what was read is gone, also a payload that is complete.
            (read, _) => return Err(End::Bytes(read.err().map(|error| error.kind()))),
        }
        Ok(both)
    }

    pub(crate) async fn write(&mut self, kind: u32, payload: &[u8]) -> io::Result<()> {
        assert_eq!(kind >> 28, 0, "it panics on reserved kinds");
        self.write_any(kind, payload).await
    }

    pub(crate) async fn heartbeat(&mut self) -> io::Result<()> {
        self.write_any(HEARTBEAT, &[]).await
    }

    async fn write_any(&mut self, kind: u32, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).expect("no test sends so much");
        self.stream.write_all(&[&kind.to_be_bytes()[..], &length.to_be_bytes(), payload].concat()).await
    }

    /// Writes the marker, ends its direction, reads and drops whatever comes until the end, and closes. How many bytes it
    /// dropped.
    pub(crate) async fn shut_down(mut self) -> io::Result<usize> {
        self.write_any(MARKER, &[]).await?;
        self.stream.shutdown().await?;
        let mut chunk = vec![0; 32 * 1024];
        let mut dropped = 0;
        while let Ok(bytes @ 1..) = self.stream.read(&mut chunk).await {
            dropped += bytes;
        }
        Ok(dropped)
    }
}

fn parsed(header: [u8; 8]) -> (u32, usize) {
    let [k0, k1, k2, k3, l0, l1, l2, l3] = header;
    (u32::from_be_bytes([k0, k1, k2, k3]), u32::from_be_bytes([l0, l1, l2, l3]) as usize)
}
