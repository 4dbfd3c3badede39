//! Both ends of the proxy as raw sockets: a client that sends bytes, and a server that answers with bytes.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is left of a connection that was reset, or on which nothing came for [`PATIENCE`].
pub(crate) const RESET: &str = "<reset>";
const SILENCE: &str = "<silence>";

/// A message as it is written here: `|` ends a line, and a character is the byte of its number.
pub(crate) fn wire(text: &str) -> Vec<u8> {
    let byte = |character| u8::try_from(u32::from(character)).expect("a character that is a byte");
    text.replace('|', "\r\n").chars().map(byte).collect()
}

/// A message in the same notation, for comparing: the first head's fields sorted, without dates.
pub(crate) fn normal(message: &[u8]) -> String {
    let text: String = message.iter().copied().map(char::from).collect();
    if text.is_empty() {
        return text;
    }
    let lines: Vec<&str> = text.split("\r\n").filter(|line| !line.starts_with("date: ")).collect();
    let end = lines.iter().position(|line| line.is_empty()).unwrap_or(lines.len());
    let (head, rest) = lines.split_at(end);
    let (first, fields) = head.split_first().map_or(("", &[][..]), |(first, fields)| (*first, fields));
    let mut fields = fields.to_vec();
    fields.sort_unstable();
    [&[first], &fields[..], rest].concat().join("|")
}

/// What a server does behind its answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Then {
    Keeps,
    Closes,
    /// Waits until the other end closes.
    Stops,
}

/// When a server answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reads {
    Request,
    /// It does not read the body.
    Head,
}

#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) reads: Reads,
    pub(crate) answer: Vec<u8>,
    pub(crate) then: Then,
}

impl Script {
    pub(crate) fn new(answer: &str, then: Then) -> Self {
        Self { reads: Reads::Request, answer: wire(answer), then }
    }
}

/// A server with a thread for each connection. It runs until the process ends, which is soon.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    opened: AtomicUsize,
    closed: AtomicUsize,
    seen: Mutex<Vec<Vec<u8>>>,
    connections: Mutex<Vec<Weak<TcpStream>>>,
}

impl Server {
    pub(crate) fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::<Shared>::default();
        let server = Self { address, shared: Arc::clone(&shared) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                shared.opened.fetch_add(1, Ordering::SeqCst);
                let stream = Arc::new(stream);
                let kept = Arc::downgrade(&stream);
                shared.connections.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
                let (shared, script) = (Arc::clone(&shared), script.clone());
                std::thread::spawn(move || {
                    // The proxy may have closed.
                    let _ = serve(&stream, &script, &shared);
                    drop(stream);
                    shared.closed.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        server
    }

    /// A server that answers everything with a short body.
    pub(crate) fn plain() -> Self {
        Self::start(Script::new("HTTP/1.1 200 OK|content-length: 2||ok", Then::Keeps))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns how many connections there were.
    pub(crate) fn opened(&self) -> usize {
        self.shared.opened.load(Ordering::SeqCst)
    }

    /// Returns how many connections have ended.
    pub(crate) fn closed(&self) -> usize {
        self.shared.closed.load(Ordering::SeqCst)
    }

    /// Returns the requests so far.
    pub(crate) fn seen(&self) -> Vec<Vec<u8>> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets no segment reach its connections any more, as if its host had lost its power.
    #[cfg(target_os = "linux")]
    pub(crate) fn vanish(&self) {
        let nothing = [socket2::SockFilter::new(0x06, 0, 0, 0)]; // ret #0
        for connection in self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let Some(connection) = connection.upgrade() else { continue };
            socket2::SockRef::from(&*connection).attach_filter(&nothing).expect("a filter");
        }
    }
}

fn serve(stream: &TcpStream, script: &Script, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let request = match script.reads {
            Reads::Request => request(&mut reader)?,
            Reads::Head => head(&mut reader)?,
        };
        if request.is_empty() {
            return Ok(());
        }
        shared.seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        (&mut &*stream).write_all(&script.answer)?;
        match script.then {
            Then::Keeps => {}
            Then::Closes => return Ok(()),
            Then::Stops => return std::io::copy(&mut reader, &mut std::io::sink()).map(drop),
        }
    }
}

/// Reads a head with its empty line. Nothing if there is none.
pub(crate) fn head(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let before = head.len();
        if reader.read_until(b'\n', &mut head)? == 0 || head[before..] == *b"\r\n" {
            return Ok(head);
        }
    }
}

/// Reads a request with its body, as it is framed.
fn request(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut bytes = head(reader)?;
    let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    if text.contains("\r\ntransfer-encoding: chunked\r\n") {
        while !bytes.ends_with(b"0\r\n\r\n") {
            if reader.read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
        }
    } else if let Some((_, length)) = text.split_once("\r\ncontent-length: ") {
        let length = length.split("\r\n").next().and_then(|length| length.parse().ok()).unwrap_or(0);
        reader.take(length).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Returns a connection on which nothing takes longer than [`PATIENCE`].
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    stream.set_write_timeout(Some(PATIENCE)).expect("it is a socket");
    stream
}

/// Sends bytes and reads until `is_enough` says so, then says that there is nothing more to send and reads the rest.
pub(crate) fn converse(address: SocketAddr, sent: &[u8], is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut stream = connect(address);
    // The proxy may have answered and closed before everything is written.
    let _ = stream.write_all(sent);
    let mut got = Vec::new();
    let mut has_ended = false;
    loop {
        let mut buffer = [0; 4096];
        if !has_ended && is_enough(&got) {
            let _ = stream.shutdown(Shutdown::Write);
            has_ended = true;
        }
        match stream.read(&mut buffer) {
            Ok(0) => return got,
            Ok(count) => got.extend(&buffer[..count]),
            Err(error) => {
                let is_silent = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                got.extend(if is_silent { SILENCE } else { RESET }.as_bytes());
                return got;
            }
        }
    }
}

/// Whether there is a head, with its empty line.
pub(crate) fn has_head(got: &[u8]) -> bool {
    got.windows(4).any(|bytes| bytes == b"\r\n\r\n")
}

/// Sends a request and returns its answer, or what there is of it.
pub(crate) fn ask(address: SocketAddr, request: &str) -> String {
    normal(&converse(address, &wire(request), has_head))
}
