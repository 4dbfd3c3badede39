//! The example of a node whose peers are echoed, as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::{Process, Program, deadline};

const ECHO: &str = env!("CARGO_BIN_EXE_echo");

#[test]
fn names_are_printed_so_that_they_move_no_cursor() {
    let _deadline = deadline("an echo");
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut node = Program::start(Command::new(ECHO).arg("127.0.0.1:0"));
        let mut peer = TcpStream::connect(node.says("listening on ")).expect("it listens");
        peer.write_all(b"a\x1b[2Jb\nline\n").expect("it reads");
        let mut line = [0; 5];
        peer.read_exact(&mut line).expect("it answers");
        assert_eq!(&line, b"line\n");
        node.says(r#"up:   "a\u{1b}[2Jb" (session 0)"#);
        node.signal(signal);
        node.says(r#"down: "a\u{1b}[2Jb" (session 0): shutting_down"#);
        assert_eq!(node.rest().len(), 1, "the report");
    }
}

/// More connections than there are descriptors for wait, and are served when others have gone.
#[test]
fn a_node_without_descriptors_lives_on() {
    let _deadline = deadline("an echo");
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 12; exec \"$0\" \"$@\"", ECHO, "127.0.0.1:0"]);
    let mut node = Program::start(&mut limited);
    let address = node.says("listening on ");
    let peers: Vec<_> = (0..16).map(|_| TcpStream::connect(&address).expect("the kernel accepts")).collect();
    while !node.says("").starts_with("cannot accept: ") {}
    drop(peers);
    let mut peer = TcpStream::connect(&address).expect("it listens");
    peer.write_all(b"late\nline\n").expect("the kernel takes it");
    let mut line = [0; 5];
    peer.read_exact(&mut line).expect("it answers");
    assert_eq!(&line, b"line\n");
    node.interrupt();
    let _ = node.rest();
}

/// Says its name and a line, and gets the line back: its session is up then.
fn echoed(stream: &mut TcpStream, name: &str) -> std::io::Result<()> {
    stream.write_all(format!("{name}\nline\n").as_bytes())?;
    let mut line = [0; 5];
    stream.read_exact(&mut line)?;
    assert_eq!(&line, b"line\n");
    Ok(())
}

/// Its output is a pipe that is full and not read, for which it waits a second. Both signals are there when it goes on.
#[test]
fn a_second_signal_ends_the_node_at_once() {
    let _deadline = deadline("an echo to end at a second signal");
    for (signals, status) in
        [(&[Signal::TERM][..], 0), (&[Signal::INT, Signal::TERM], 1), (&[Signal::HUP, Signal::INT], 1)]
    {
        let mut command = Command::new(ECHO);
        let mut node = Process(command.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().expect("it starts"));
        let mut out = BufReader::new(node.0.stdout.take().expect("it is piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on ").expect("where it listens");
        // A pipe holds 64 KiB, and each of these is two lines of 500 bytes.
        for number in 0..100 {
            let mut peer = TcpStream::connect(address).expect("it listens");
            echoed(&mut peer, &"x".repeat(500)).unwrap_or_else(|error| panic!("peer {number}: {error}"));
        }
        let process = rustix::process::Pid::from_child(&node.0);
        let signal = |signal| rustix::process::kill_process(process, signal).expect("it runs");
        signal(Signal::STOP);
        signals.iter().copied().for_each(signal);
        signal(Signal::CONT);
        assert_eq!(node.0.wait().expect("it ends").code(), Some(status), "{signals:?}");
        drop(out);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn as_process_one_it_ends_at_a_signal() {
    let _deadline = deadline("an echo that is process 1 to end");
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let Some(mut node) = Program::start_as_process_one(Command::new(ECHO).arg("127.0.0.1:0")) else { return };
        node.says("listening on ");
        node.signal(signal);
        assert_eq!(node.rest().len(), 1, "the report");
    }
}

/// All of 127.0.0.0/8 is loopback. One address may have 8, and one /24 may have 16.
#[cfg(target_os = "linux")]
#[test]
fn peers_of_one_source_are_limited() {
    use std::net::{Ipv4Addr, SocketAddr};
    let _deadline = deadline("peers of one source");
    let mut node = Program::start(Command::new(ECHO).arg("127.0.0.1:0"));
    let address: SocketAddr = node.says("listening on ").parse().expect("an address");
    let from = |source: [u8; 4]| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((Ipv4Addr::from(source), 0)).into()).expect("it is loopback's");
        socket.connect(&address.into()).expect("it listens");
        TcpStream::from(socket)
    };
    let mut peers = Vec::new();
    for number in 0..16 {
        let mut peer = from([127, 0, 7, 1 + number / 8]);
        echoed(&mut peer, &format!("peer {number}")).unwrap_or_else(|error| panic!("peer {number}: {error}"));
        peers.push(peer);
    }
    let mut one_more = from([127, 0, 7, 99]);
    assert!(echoed(&mut one_more, "one more").is_err(), "it is turned away");
    echoed(&mut from([127, 0, 8, 1]), "another source").expect("it is not");
    node.interrupt();
    let said = node.rest();
    let refused = said.iter().filter(|line| line.starts_with("127.0.7.99:")).collect::<Vec<_>>();
    assert!(refused.len() == 1 && refused[0].ends_with("source"), "{refused:?}");
}
