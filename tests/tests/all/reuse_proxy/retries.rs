//! What is sent again, and where.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use std::time::Instant;

use super::program::Proxy;
use super::wire::{Script, Server, Then, ask};
use crate::support::deadline;

const GET: &str = "GET / HTTP/1.1|host: x|connection: close||";
const POST: &str = "POST / HTTP/1.1|host: x|connection: close|content-length: 2||ab";

/// An address at which nothing listens.
fn dead() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("bound")
}

fn is(status: u16, answer: &str) -> bool {
    answer.starts_with(&format!("HTTP/1.1 {status} "))
}

#[test]
fn what_was_never_sent_is_sent_to_any_backend_that_is_there() {
    let _deadline = deadline("the proxy to pass by dead backends");
    let server = Server::plain();
    let proxy = Proxy::start(&[], &[dead(), dead(), server.address(), dead()]);
    for number in 0..8 {
        for request in [GET, POST] {
            let answer = ask(proxy.address(), request);
            assert!(is(200, &answer), "request {number}, {request:?}: {answer:?}");
        }
    }
}

#[test]
fn a_silent_backend_is_passed_by_for_what_can_be_repeated() {
    let _deadline = deadline("the proxy to pass by a silent backend");
    let silent = Server::start(Script::new("", Then::Stops));
    let server = Server::plain();
    let proxy = Proxy::start(&["--answer", "0.3", "--workers", "1"], &[silent.address(), server.address()]);
    for _ in 0..2 {
        let answer = ask(proxy.address(), GET);
        assert!(is(200, &answer), "{answer:?}");
    }
    let (before, answers) = (silent.opened(), [(); 2].map(|()| ask(proxy.address(), POST)));
    let posted: Vec<_> = answers.iter().map(|answer| (is(200, answer), is(504, answer))).collect();
    assert!(posted.contains(&(true, false)) && posted.contains(&(false, true)), "one to each backend: {answers:?}");
    assert_eq!(silent.opened(), before + 1, "what may have been done is not done again");
}

/// A server whose host loses its power leaves connections behind that are idle for ever, and on which a request is never
/// acknowledged.
#[cfg(target_os = "linux")]
#[test]
fn a_server_that_vanished_costs_a_request_no_more_than_the_limit() {
    let _deadline = deadline("the proxy to give up a server that vanished");
    let (lost, server) = (Server::plain(), Server::plain());
    let arguments = ["--unacknowledged", "0.5", "--workers", "1"];
    let proxy = Proxy::start(&arguments, &[lost.address(), server.address()]);
    let (begin, address) = (Instant::now(), proxy.address());
    std::thread::scope(|scope| {
        // Several at once, so that several connections to each are idle.
        for _ in 0..16 {
            scope.spawn(move || assert!(is(200, &ask(address, GET))));
        }
    });
    assert!(lost.opened() != 0);
    lost.vanish();
    for number in 0..8 {
        let answer = ask(proxy.address(), GET);
        assert!(is(200, &answer), "request {number}: {answer:?}");
    }
    assert!(begin.elapsed() < Duration::from_secs(30), "it was the answer's limit of 60 s that ended it");
}

/// The proxy's own requests come back to it. One descriptor after the other would be used up.
#[test]
fn a_proxy_that_is_its_own_backend_refuses() {
    let _deadline = deadline("the proxy to know its own request");
    let own = dead();
    let listen = own.to_string();
    let proxy = Proxy::start(&["--listen", &listen], &[own]);
    let answer = ask(proxy.address(), GET);
    assert!(is(508, &answer), "{answer:?}");
    let rest = proxy.interrupt();
    assert!(rest.iter().any(|line| line == "2 requests were answered"), "{rest:?}");
}
