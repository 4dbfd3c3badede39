//! Nothing is waited for without bound, and nothing that goes on is broken off.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::time::{Duration, Instant};

use super::program::Proxy;
use super::wire::{RESET, Reads, Script, Server, Then, ask, connect, converse, has_head, head, normal, wire};
use crate::support::deadline;

/// Long enough for a machine that is busy, and short enough to be waited for twice.
const LIMIT: Duration = Duration::from_secs(3);

/// Each piece of an upload is sent when the backend has the one before, for twice as long as any one limit.
#[test]
fn an_upload_that_goes_on_is_not_broken_off() {
    let _deadline = deadline("an upload that goes on");
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let limit = LIMIT.as_secs().to_string();
    let limits = ["--client-head", &limit, "--client-body", &limit, "--answer", &limit, "--answer-body", &limit];
    let proxy = Proxy::start(&limits, &[listener.local_addr().expect("bound")]);
    let mut client = connect(proxy.address());
    client.write_all(&wire("POST / HTTP/1.1|host: x|transfer-encoding: chunked||")).expect("it reads");
    let (backend, _) = listener.accept().expect("the proxy");
    let mut backend = std::io::BufReader::new(backend);
    head(&mut backend).expect("a head");
    let begin = Instant::now();
    while begin.elapsed() < 2 * LIMIT {
        client.write_all(b"1\r\nx\r\n").expect("it reads");
        let mut piece = [0; 6];
        backend.read_exact(&mut piece).expect("a piece");
        assert_eq!(&piece, b"1\r\nx\r\n");
    }
    client.write_all(b"0\r\n\r\n").expect("it reads");
    backend.get_mut().write_all(&wire("HTTP/1.1 200 OK|connection: close|content-length: 2||ok")).expect("it reads");
    client.shutdown(Shutdown::Write).expect("it is open");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("an answer");
    assert_eq!(normal(&answer), "HTTP/1.1 200 OK|content-length: 2||ok");
}

#[test]
fn a_client_that_stalls_is_told_so() {
    let _deadline = deadline("the proxy to have had enough of its clients");
    let server = Server::plain();
    let limits = ["--client-head", "0.3", "--client-body", "0.3", "--linger", "0.3"];
    let proxy = Proxy::start(&limits, &[server.address()]);
    for (what, sent, got) in [
        ("a body with a length", "POST / HTTP/1.1|host: x|content-length: 9||ab", "HTTP/1.1 408 "),
        ("chunks", "POST / HTTP/1.1|host: x|transfer-encoding: chunked||2|ab|", "HTTP/1.1 408 "),
        ("a head", "GET / HTTP/1.1|host", "HTTP/1.1 408 "),
        ("no head", "", ""),
    ] {
        let answer = normal(&converse(proxy.address(), &wire(sent), |_| false));
        assert!(answer.starts_with(got) && answer.is_empty() == got.is_empty(), "{what}: {sent:?} got {answer:?}");
        assert!(!answer.contains(RESET), "{what}: {answer:?}");
    }
}

#[test]
fn a_backend_that_stops_is_not_waited_for() {
    let _deadline = deadline("the proxy to have had enough of its backends");
    for (what, limits, answer, got) in [
        ("no answer", ["--answer", "0.3"], "", "HTTP/1.1 504 "),
        ("half a head", ["--answer", "0.3"], "HTTP/1.1 200 OK|content", "HTTP/1.1 504 "),
        ("one byte of ten", ["--answer-body", "0.3"], "HTTP/1.1 200 OK|content-length: 10||x", RESET),
        ("one chunk", ["--answer-body", "0.3"], "HTTP/1.1 200 OK|transfer-encoding: chunked||1|x|", RESET),
    ] {
        let server = Server::start(Script::new(answer, Then::Stops));
        let proxy = Proxy::start(&limits, &[server.address()]);
        let begins_or_ends = |text: &str| text.starts_with(got) || text.ends_with(got);
        let answer = normal(&converse(proxy.address(), &wire("GET / HTTP/1.1|host: x||"), has_head));
        assert!(begins_or_ends(&answer), "{what}: got {answer:?}, expected {got:?}");
    }
}

/// A server that answers with more than the buffers of two connections hold, and not to the end.
fn endless() -> Server {
    let piece = wire(&format!("4000|{}|", "x".repeat(0x4000)));
    let answer = [wire("HTTP/1.1 200 OK|transfer-encoding: chunked||"), piece.repeat(2048)].concat();
    Server::start(Script { reads: Reads::Request, answer, then: Then::Stops })
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    let _deadline = deadline("the proxy to have had enough of a client that does not read");
    let server = endless();
    let proxy = Proxy::start(&["--client-takes", "0.3"], &[server.address()]);
    let mut client = connect(proxy.address());
    client.write_all(&wire("GET / HTTP/1.1|host: x||")).expect("it reads");
    // The proxy closes the connection to the backend, which is in the midst of its answer.
    while server.closed() == 0 {
        std::thread::yield_now();
    }
    assert_eq!(server.opened(), 1);
}

#[test]
fn an_exchange_has_an_end() {
    let _deadline = deadline("the proxy to have had enough of an exchange");
    let server = endless();
    let proxy = Proxy::start(&["--exchange", "0.3"], &[server.address()]);
    let mut client = connect(proxy.address());
    client.write_all(&wire("GET / HTTP/1.1|host: x||")).expect("it reads");
    let error = std::io::copy(&mut client, &mut std::io::sink()).expect_err("the answer has no end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn heads_that_are_too_long_are_refused() {
    let _deadline = deadline("the proxy to refuse long heads");
    let long = "x".repeat(5_000);
    let server = Server::start(Script::new(&format!("HTTP/1.1 200 OK|a: {long}|content-length: 2||ok"), Then::Keeps));
    let proxy = Proxy::start(&["--head-bytes", "4000"], &[server.address()]);
    let answer = ask(proxy.address(), &format!("GET / HTTP/1.1|host: x|a: {long}||"));
    assert!(answer.starts_with("HTTP/1.1 431 ") && !answer.contains(RESET), "{answer:?}");
    assert_eq!(server.opened(), 0, "no backend has seen it");
    let answer = ask(proxy.address(), "GET / HTTP/1.1|host: x||");
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer:?}");
}

#[test]
fn no_more_clients_are_accepted_than_there_may_be() {
    let _deadline = deadline("the proxy to accept another client");
    let server = Server::plain();
    let proxy = Proxy::start(&["--clients", "1", "--workers", "2"], &[server.address()]);
    let (request, answer) = (wire("GET / HTTP/1.1|host: x||"), "HTTP/1.1 200 OK|content-length: 2||ok");
    let answered = |stream: &mut std::net::TcpStream| -> std::io::Result<()> {
        let mut got = Vec::new();
        while normal(&got) != answer {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            got.extend(byte);
        }
        Ok(())
    };
    let mut streams = [(); 2].map(|()| connect(proxy.address()));
    for stream in &mut streams {
        stream.write_all(&request).expect("the kernel reads, if nothing else does");
        stream.set_read_timeout(Some(Duration::from_millis(20))).expect("it is a socket");
    }
    // Whichever is served first.
    while !streams.iter().any(|stream| stream.peek(&mut [0]).is_ok()) {}
    let [first, second] = streams;
    let (mut accepted, mut waits) = if first.peek(&mut [0]).is_ok() { (first, second) } else { (second, first) };
    accepted.set_read_timeout(Some(Duration::from_secs(60))).expect("it is a socket");
    answered(&mut accepted).expect("an answer");
    waits.set_read_timeout(Some(Duration::from_millis(500))).expect("it is a socket");
    let error = answered(&mut waits).expect_err("there is one client already");
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    waits.set_read_timeout(Some(Duration::from_secs(60))).expect("it is a socket");
    drop(accepted);
    answered(&mut waits).expect("an answer");
}

/// The backend refuses an upload of which it reads the head alone, and closes: the kernel resets what follows.
#[test]
fn an_early_refusal_of_an_upload_reaches_its_client() {
    let _deadline = deadline("the proxy to pass on refusals");
    let answer = "HTTP/1.1 413 Content Too Large|connection: close|content-length: 2||no";
    let server = Server::start(Script { reads: Reads::Head, answer: wire(answer), then: Then::Closes });
    let proxy = Proxy::start(&[], &[server.address()]);
    let request = [wire("POST / HTTP/1.1|host: x|content-length: 4000000||"), vec![b'x'; 4_000_000]].concat();
    for number in 0..50 {
        let answer = normal(&converse(proxy.address(), &request, has_head));
        assert_eq!(answer, "HTTP/1.1 413 Content Too Large|content-length: 2||no", "upload {number}");
    }
}
