//! What surrounds a program: descriptors that run out, a log that nobody reads.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::program::{Proxy, command};
use super::wire::{Server, ask};
use crate::support::{Process, deadline};

const GET: &str = "GET / HTTP/1.1|host: x|connection: close||";

/// Idle connections to sixty backends would need more descriptors than there are.
#[test]
fn idle_connections_give_way_to_new_ones() {
    let _deadline = deadline("the proxy to answer with few descriptors");
    let servers: Vec<Server> = (0..60).map(|_| Server::plain()).collect();
    let addresses: Vec<_> = servers.iter().map(Server::address).collect();
    let proxied = command(&["--workers", "2"], &addresses);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(proxied.get_program()).args(proxied.get_args());
    let proxy = Proxy::start_as(&mut limited);
    for number in 0..120 {
        let answer = ask(proxy.address(), GET);
        assert!(answer.starts_with("HTTP/1.1 200 "), "request {number}: {answer:?}");
    }
}

/// A pipe holds 64 KiB; each line here is longer than 1 KiB.
#[test]
fn a_log_that_nobody_reads_keeps_no_request() {
    let _deadline = deadline("the proxy to answer without its log");
    let server = Server::plain();
    for is_closed in [false, true] {
        let mut command = command(&["--log", "--grace", "1"], &[server.address()]);
        let mut process = Process(command.stdout(Stdio::piped()).spawn().expect("it starts"));
        let mut out = BufReader::new(process.0.stdout.take().expect("it is piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        let address =
            line.trim().strip_prefix("listening on ").and_then(|address| address.parse().ok()).expect("an address");
        let out = (!is_closed).then_some(out);
        let request = format!("GET /{} HTTP/1.1|host: x|connection: close||", "x".repeat(1024));
        for number in 0..200 {
            let answer = ask(address, &request);
            assert!(answer.starts_with("HTTP/1.1 200 "), "request {number}: {answer:?}");
        }
        let pid = rustix::process::Pid::from_child(&process.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        // Nor does it keep the process: the pipe is as full as before.
        assert!(process.0.wait().expect("it ends").success());
        drop(out);
    }
}
