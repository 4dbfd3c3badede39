//! How the proxy ends: every client is answered or refused, and the report says so.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;

use super::program::Proxy;
use super::wire::{Script, Server, Then, ask, connect, wire};
use crate::support::deadline;

const GET: &str = "GET / HTTP/1.1|host: x||";

/// Asks until the proxy refuses a connection. Returns how many answers there were.
fn ask_until_refused(address: SocketAddr, keeps: bool, answered: &AtomicUsize) -> Result<(), String> {
    let request = wire(if keeps { GET } else { "GET / HTTP/1.1|host: x|connection: close||" });
    loop {
        let mut stream = match TcpStream::connect(address) {
            Ok(stream) => stream,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Ok(()),
            Err(error) => return Err(format!("connecting: {error}")),
        };
        let mut got = Vec::new();
        loop {
            stream.write_all(&request).map_err(|error| format!("writing: {error}"))?;
            while !got.ends_with(b"ok") {
                let mut buffer = [0; 1024];
                match stream.read(&mut buffer) {
                    Ok(0) => return Err(format!("no answer: {:?}", String::from_utf8_lossy(&got))),
                    Ok(count) => got.extend(&buffer[..count]),
                    Err(error) => return Err(format!("reading: {error}")),
                }
            }
            answered.fetch_add(1, Ordering::SeqCst);
            let is_last = !keeps || got.windows(17).any(|bytes| bytes == b"connection: close");
            got.clear();
            if is_last {
                break;
            }
        }
    }
}

#[test]
fn busy_clients_are_answered_or_refused() {
    let _deadline = deadline("a proxy with busy clients to end");
    for (signal, keeps) in [(Signal::TERM, true), (Signal::INT, false), (Signal::TERM, false)] {
        let server = Server::plain();
        let proxy = Proxy::start(&["--workers", "2"], &[server.address()]);
        let (address, answered) = (proxy.address(), AtomicUsize::new(0));
        let (wrong, rest) = std::thread::scope(|scope| {
            let clients = [(); 24].map(|()| scope.spawn(|| ask_until_refused(address, keeps, &answered)));
            while answered.load(Ordering::SeqCst) < 500 && clients.iter().any(|client| !client.is_finished()) {
                std::thread::yield_now();
            }
            proxy.signal(signal);
            let rest = proxy.rest();
            let ends = clients.map(|client| client.join().expect("it does not panic"));
            (ends.into_iter().filter_map(Result::err).collect::<Vec<_>>(), rest)
        });
        assert!(wrong.is_empty(), "{signal:?}, keeps {keeps}: {} of 24: {wrong:?}", wrong.len());
        assert!(rest.iter().any(|line| line == "every request was answered"), "{rest:?}");
        let count = format!("{} requests were answered", answered.into_inner());
        assert!(rest.contains(&count), "{count}: {rest:?}");
    }
}

#[test]
fn idle_clients_do_not_keep_it() {
    let _deadline = deadline("a proxy with idle clients to end");
    let server = Server::plain();
    let proxy = Proxy::start(&["--idle-grace", "0.2", "--linger", "0.2", "--grace", "60"], &[server.address()]);
    let mut clients = [(); 4].map(|()| connect(proxy.address()));
    for client in clients.iter_mut().take(2) {
        client.write_all(&wire(GET)).expect("it reads");
        client.read_exact(&mut [0; 15]).expect("an answer");
    }
    let rest = proxy.interrupt();
    assert!(rest.iter().any(|line| line == "every request was answered"), "{rest:?}");
}

/// The backend never answers: what has begun is broken off at the limit, and the report says so.
#[test]
fn what_is_broken_off_is_reported() {
    let _deadline = deadline("a proxy with a request that is not answered to end");
    let server = Server::start(Script::new("", Then::Stops));
    let proxy = Proxy::start(&["--grace", "0.3"], &[server.address()]);
    let mut client = connect(proxy.address());
    client.write_all(&wire(GET)).expect("it reads");
    while server.seen().is_empty() {
        std::thread::yield_now();
    }
    let rest = proxy.interrupt();
    assert!(rest.iter().any(|line| line == "some requests were broken off"), "{rest:?}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let _deadline = deadline("a proxy to end at a second signal");
    let server = Server::start(Script::new("", Then::Stops));
    let proxy = Proxy::start(&["--grace", "3600"], &[server.address()]);
    let mut client = connect(proxy.address());
    client.write_all(&wire(GET)).expect("it reads");
    while server.seen().is_empty() {
        std::thread::yield_now();
    }
    proxy.signal(Signal::TERM);
    // It has heard the first when it refuses connections, which are told from accepted ones by their answer.
    while TcpStream::connect(proxy.address()).is_ok() {}
    proxy.signal(Signal::TERM);
    assert!(!proxy.status().success(), "it says that something was broken off");
}

#[test]
fn a_client_that_has_connected_is_answered_after_the_signal() {
    let _deadline = deadline("the proxy to answer a client that was connected");
    let server = Server::plain();
    let proxy = Proxy::start(&["--idle-grace", "30", "--grace", "60"], &[server.address()]);
    let address = proxy.address();
    let mut client = connect(address);
    proxy.signal(Signal::TERM);
    // Its last clients are those that are connected.
    while TcpStream::connect(address).is_ok() {}
    client.write_all(&wire(GET)).expect("it reads");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("an answer");
    let answer = super::wire::normal(&answer);
    assert_eq!(answer, "HTTP/1.1 200 OK|connection: close|content-length: 2||ok");
    drop(client);
    let rest = proxy.rest();
    assert!(rest.iter().any(|line| line == "every request was answered"), "{rest:?}");
}

#[test]
fn it_does_not_start_where_it_cannot() {
    let _deadline = deadline("a proxy that cannot start to end");
    let server = Server::plain();
    let proxy = Proxy::start(&[], &[server.address()]);
    assert!(ask(proxy.address(), "GET / HTTP/1.1|host: x|connection: close||").starts_with("HTTP/1.1 200 "));
    let mut command = super::program::command(&[], &[server.address()]);
    let shell = ["ulimit -n 8; exec \"$0\" \"$@\"", command.get_program().to_str().expect("a path")];
    let mut limited = std::process::Command::new("sh");
    limited.arg("-c").args(shell).args(command.args(["--workers", "4"]).get_args());
    let output = crate::support::finished(&mut limited, crate::support::STUCK, "it to say why");
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
}
