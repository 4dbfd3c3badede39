//! The example of a node whose peers are echoed, as a process.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use rustix::process::Signal;

use crate::support::{Program, deadline};

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
