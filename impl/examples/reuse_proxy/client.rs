//! One client's connection.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::Either;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1::{self, Parts};
use hyper::service::service_fn;
use hyper::{Request, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::Worker;
use crate::clock::Clock;
use crate::forward::{Answer, forward};
use crate::options::Limits;
use crate::request::Host;

/// Answers a client's requests until it or the proxy has had enough.
pub(crate) async fn serve(stream: TcpStream, address: SocketAddr, worker: Rc<Worker>) {
    let Ok(local) = stream.local_addr() else { return };
    let (host, clock, limits) = (Host::new(local), Rc::new(Clock::new()), worker.proxy.limits);
    let service = service_fn(|request| {
        let (worker, clock, host) = (&worker, &clock, &host);
        async move { Ok::<_, Infallible>(respond(worker, clock, host, address, request).await) }
    });
    let stream = Client { stream, clock: Rc::clone(&clock), limit: limits.client_takes, blocked_since: None };
    let mut builder = http1::Builder::new();
    // A client may say that it will not ask again before it has its answer.
    builder.half_close(true).max_header_size(limits.head_bytes);
    builder.timer(TokioTimer::new()).header_read_timeout(limits.client_head);
    let mut connection = builder.serve_connection(TokioIo::new(stream), service);
    let served = tokio::select! {
        served = &mut connection => Some(served),
        () = worker.here.stopping() => None,
    };
    let (served, is_stopped) = match served {
        Some(served) => (served, false),
        None => {
            // A request may be under way to a connection that is idle here. If one comes it is answered, and that
            // answer is the connection's last.
            tokio::select! {
                served = &mut connection => (served, false),
                () = sleep(limits.idle_grace) => {
                    Pin::new(&mut connection).graceful_shutdown();
                    ((&mut connection).await, true)
                }
            }
        }
    };
    let Parts { io, read_buf, .. } = connection.into_parts();
    let rest = close(io.into_inner().stream, served, !read_buf.is_empty(), &limits).await;
    if is_stopped && rest != 0 {
        worker.tally.too_late();
    }
}

async fn respond(
    worker: &Worker,
    clock: &Rc<Clock>,
    host: &Host,
    address: SocketAddr,
    request: Request<Incoming>,
) -> Answer {
    let open = worker.tally.begin();
    clock.begin(worker.proxy.limits.exchange);
    let line = worker.log.then(|| format!("{address} {} {}", request.method(), request.uri()));
    let mut answer = forward(&worker.proxy, clock, host, request).await;
    if let Some(line) = line {
        worker.console.say(format!("{line} {}", answer.status().as_u16()));
    }
    if worker.is_stopping.get() {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    match answer.body_mut() {
        Either::Left(relay) => relay.count(open),
        Either::Right(_) => open.answered(),
    }
    debug_assert_eq!(answer.version(), Version::HTTP_11, "hyper makes of it what the client understands");
    answer
}

/// Closes a connection so that the client gets all that it was sent. Returns how many bytes came too late.
///
/// A kernel that closes a connection with unread bytes resets it, and what the client has not read yet is lost to it
/// (RFC 9112 section 9.6).
async fn close(mut stream: TcpStream, served: hyper::Result<()>, has_begun: bool, limits: &Limits) -> usize {
    match served {
        Ok(()) => {}
        // The answer is not whole, and a client that reads to the end of the connection would not notice.
        Err(error) if error.is_user() => {
            let _ = stream.set_zero_linger();
            return 0;
        }
        Err(error) if error.is_timeout() && has_begun => {
            let late = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            // The kernel has room for a first answer.
            let _ = stream.try_write(late);
        }
        // hyper has answered what is malformed; where the connection has failed there is nobody to answer.
        Err(_) => {}
    }
    let mut rest = 0;
    let _ = timeout(limits.linger, async {
        stream.shutdown().await?;
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer).await? {
                0 => return io::Result::Ok(()),
                count => rest += count,
            }
        }
    })
    .await;
    rest
}

/// A connection whose client takes what it is sent, or loses it.
struct Client {
    stream: TcpStream,
    clock: Rc<Clock>,
    limit: Duration,
    blocked_since: Option<Instant>,
}

impl Client {
    fn poll_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let written = write(Pin::new(&mut self.stream), cx);
        if written.is_ready() {
            self.blocked_since = None;
            return written;
        }
        let since = *self.blocked_since.get_or_insert_with(Instant::now);
        self.clock.poll(since + self.limit, cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Client {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Client {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_with(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
