//! Servers of several manners, with a thread for each connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How a server behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Manner {
    /// It keeps connections.
    Keeps,
    /// It closes after each response, and does not say that it will.
    ClosesUnasked,
    /// It reads a request and closes.
    ClosesAtOnce,
}

/// A server that answers with what it was asked: the body, or the first line without its version.
pub(crate) struct Backend {
    address: SocketAddr,
    opened: Arc<AtomicUsize>,
}

impl Backend {
    /// It runs until the process ends, which is soon.
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("bound");
        let opened = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&opened);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
                // Whoever asked may have gone.
                std::thread::spawn(move || serve(stream, manner).ok());
            }
        });
        Self { address, opened }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections there were.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, manner: Manner) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let (mut first, mut length, mut chunked) = (String::new(), 0, false);
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
            chunked |= line == "transfer-encoding: chunked";
            if line.is_empty() {
                break;
            }
        }
        let body = if chunked { chunks(&mut reader)? } else { exactly(&mut reader, length)? };
        if manner == Manner::ClosesAtOnce {
            return Ok(());
        }
        let line = first.trim().trim_end_matches(" HTTP/1.1").to_owned() + "\n";
        let is_head = line.starts_with("HEAD");
        let answer = if body.is_empty() { line.into_bytes() } else { body };
        if chunked {
            // As it came.
            write!(writer, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            for part in answer.chunks(10_000) {
                write!(writer, "{:x}\r\n", part.len())?;
                writer.write_all(part)?;
                writer.write_all(b"\r\n")?;
            }
            writer.write_all(b"0\r\n\r\n")?;
        } else {
            write!(writer, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len())?;
            writer.write_all(if is_head { &[] } else { &answer })?;
        }
        if manner == Manner::ClosesUnasked {
            return Ok(());
        }
    }
}

fn exactly(reader: &mut impl Read, length: usize) -> std::io::Result<Vec<u8>> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

fn chunks(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(std::io::Error::other)?;
        body.extend(exactly(reader, length)?);
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(body);
        }
    }
}
