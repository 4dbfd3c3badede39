//! The example proxy as somebody runs it: a process, asked by curl and by bare sockets.
#![cfg(unix)]

mod backend;
mod browser;
mod cases;
mod limits;
mod program;
mod retries;
mod stop;
mod surroundings;
mod wire;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use crate::support::{STUCK, deadline, finished, skip};
use backend::{Backend, Manner};
use program::Proxy;

/// Sends bytes and gives everything that comes until the other end closes.
fn ask(proxy: &Proxy, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(proxy.address()).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("it is a socket");
    stream.write_all(request).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers and closes");
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
}

#[track_caller]
fn is(status: u16, answer: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer:?}");
}

#[test]
fn connections_are_reused_on_all_workers_or_never() {
    let _deadline = deadline("the proxy to answer 120 requests");
    for (reuse, most) in [("never", 40), ("safe", 10), ("always", 10)] {
        let backend = Backend::start(Manner::Keeps);
        let proxy = Proxy::start(&["--reuse", reuse, "--workers", "3"], &[backend.address()]);
        for number in 0..40 {
            let answer = ask(&proxy, get(&format!("/{number}")).as_bytes());
            is(200, &answer);
            assert!(answer.ends_with(&format!("GET /{number}\n")), "{answer:?}");
        }
        let opened = backend.opened();
        assert!(opened <= most && (reuse != "never" || opened == 40), "{reuse}: {opened} connections for 40 requests");
        let rest = proxy.interrupt();
        assert!(rest.iter().any(|line| line == "every request was answered"), "{rest:?}");
    }
}

/// A backend that closes after each response without saying so: what fails because of that is asked again.
#[test]
fn a_backend_that_closes_at_the_wrong_moment_is_asked_again() {
    let _deadline = deadline("the proxy to answer 40 requests");
    let backend = Backend::start(Manner::ClosesUnasked);
    let proxy = Proxy::start(&["--reuse", "always", "--workers", "2"], &[backend.address()]);
    for number in 0..40 {
        is(200, &ask(&proxy, get(&format!("/{number}")).as_bytes()));
    }
}

#[test]
fn a_dead_backend_is_answered_for_or_passed_by() {
    let _deadline = deadline("the proxy to answer for dead backends");
    let dead = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        listener.local_addr().expect("bound")
    };
    let alone = Proxy::start(&[], &[dead]);
    is(502, &ask(&alone, get("/").as_bytes()));
    let backend = Backend::start(Manner::Keeps);
    let beside = Proxy::start(&[], &[dead, backend.address()]);
    for _ in 0..6 {
        is(200, &ask(&beside, get("/").as_bytes()));
    }
    let mute = Backend::start(Manner::ClosesAtOnce);
    let proxy = Proxy::start(&[], &[mute.address()]);
    is(502, &ask(&proxy, get("/").as_bytes()));
    assert_eq!(mute.opened(), 1, "there is no other backend");
    is(502, &ask(&proxy, b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx"));
    assert_eq!(mute.opened(), 2, "what may have been done is not done again");
}

#[test]
fn what_is_malformed_is_refused() {
    let _deadline = deadline("the proxy to refuse what is malformed");
    let backend = Backend::start(Manner::Keeps);
    let proxy = Proxy::start(&["--workers", "1"], &[backend.address()]);
    let long = format!("GET / HTTP/1.1\r\nhost: x\r\nlong: {}\r\n\r\n", "x".repeat(1 << 20));
    for (status, request) in [
        (400, "NONSENSE\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nconnection: close\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"),
        (501, "CONNECT x:1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
    ] {
        is(status, &ask(&proxy, request.as_bytes()));
    }
    let mut stream = TcpStream::connect(proxy.address()).expect("it listens");
    // The proxy may have answered and closed before everything is written.
    let _ = stream.write_all(long.as_bytes());
    let mut answer = [0; 12];
    if stream.read_exact(&mut answer).is_ok() {
        assert_eq!(&answer, b"HTTP/1.1 431");
    }
    assert_eq!(backend.opened(), 0, "no backend has seen any of it");
    is(200, &ask(&proxy, get("/after").as_bytes()));
}

/// Whether there is such a program; where there must be, there is.
fn has(program: &str) -> bool {
    let is_there = Command::new(program).arg("--version").output().is_ok();
    if !is_there {
        skip(&format!("there is no {program}"));
    }
    is_there
}

/// Eight connections that ask again as soon as they are answered.
#[test]
fn wrk_is_served() {
    if !has("wrk") {
        return;
    }
    let backend = Backend::start(Manner::Keeps);
    let proxy = Proxy::start(&["--workers", "2"], &[backend.address()]);
    let url = format!("http://{}/", proxy.address());
    let output = finished(Command::new("wrk").args(["-t1", "-c8", "-d1s", &url]), STUCK, "a second of requests");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("requests in"), "{said}");
    assert!(!said.contains("Socket errors") && !said.contains("Non-2xx"), "{said}");
    assert!(!said.contains(" 0 requests in") && backend.opened() <= 16, "{} connections: {said}", backend.opened());
}

/// What is large goes through in pieces, both ways.
#[test]
fn large_bodies_are_relayed() {
    let _deadline = deadline("the proxy to relay a large body");
    let backend = Backend::start(Manner::Keeps);
    let proxy = Proxy::start(&["--workers", "1"], &[backend.address()]);
    let body = "large ".repeat(1 << 20);
    let request = format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    let answer = ask(&proxy, (request + &body).as_bytes());
    is(200, &answer);
    assert_eq!(answer.split_once("\r\n\r\n").map(|(_, back)| back.len()), Some(body.len()));
    assert!(answer.ends_with(&body), "as it was sent");
}

#[test]
fn curl_is_served() {
    if !has("curl") {
        return;
    }
    let backend = Backend::start(Manner::Keeps);
    let proxy = Proxy::start(&["--log"], &[backend.address()]);
    let curl = |arguments: &[&str]| {
        let url = format!("http://{}/echo", proxy.address());
        let mut curl = Command::new("curl");
        let output = finished(curl.args(["-sS", "--max-time", "20"]).args(arguments).arg(url), STUCK, "an answer");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    assert_eq!(curl(&[]), b"GET /echo\n");
    assert_eq!(curl(&["--http1.0"]), b"GET /echo\n");
    assert!(curl(&["--head"]).starts_with(b"HTTP/1.1 200"));
    let body = "b".repeat(100_000);
    assert_eq!(curl(&["--data-binary", &body]), body.as_bytes(), "with a length");
    let chunked = ["-H", "transfer-encoding: chunked", "--data-binary", &body];
    assert_eq!(curl(&chunked), body.as_bytes(), "in chunks");
    let rest = proxy.interrupt();
    assert_eq!(rest.iter().filter(|line| line.ends_with(" /echo 200")).count(), 5, "{rest:?}");
}
