//! A peer that speaks the original's bytes, in its manner: written from the description of its steps, with blocking reads.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

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
