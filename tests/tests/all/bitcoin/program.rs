//! The example as somebody runs it: two processes that find each other, and Ctrl-C.

use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use crate::support::{Program, STUCK, alone, finished};

fn program(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bitcoin_node"));
    program.args(arguments);
    program
}

/// A node, and where it listens.
fn listening(arguments: &[&str]) -> (Program, String) {
    let mut node = Program::start(program(&["--listen", "127.0.0.1:0"]).args(arguments));
    let address = node.says("listening on ");
    (node, address)
}

#[test]
fn two_nodes_find_each_other_and_part_at_ctrl_c() {
    let (mut server, address) = listening(&["--network", "simnet"]);
    let connect = ["--connect", &address, "--network", "simnet", "--ping-interval", "1"];
    let mut client = Program::start(&mut program(&connect));
    let peer = "\"/handfast:0.1.0/\" version 70016 height 0";
    client.says(&format!("up to {address} {peer}"));
    let up = server.says("up from ");
    let from = up.strip_suffix(peer).expect("the client is up");

    server.interrupt();
    let mut rest = server.rest();
    assert_eq!(rest.pop().as_deref(), Some("shut down: 1 sessions ended, 0 were aborted"));
    assert_eq!(rest, [format!("down from {from}{peer}: shutting_down")]);
    client.says(&format!("down to {address} {peer}: remote_closed"));
    client.interrupt();
    let rest = client.rest();
    assert_eq!(rest.last().map(String::as_str), Some("shut down: 0 sessions ended, 0 were aborted"));
}

#[test]
fn nodes_of_different_networks_do_not_come_together() {
    let (server, address) = listening(&["--network", "signet"]);
    let mut client = Program::start(&mut program(&["--connect", &address, "--network", "regtest"]));
    client.says(&format!("cannot connect to {address}: remote_closed"));
    client.interrupt();
    assert_eq!(client.rest().last().map(String::as_str), Some("shut down: 0 sessions ended, 0 were aborted"));
    server.interrupt();
    assert_eq!(server.rest(), ["shut down: 0 sessions ended, 0 were aborted"]);
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    for (arguments, said) in [
        (&[][..], "--listen <ADDRESS>|--connect <ADDRESS>"),
        (&["--listen", "nowhere"], "invalid socket address"),
        (&["--listen", "127.0.0.1:0", "--max-inbound", "70000"], "70000 is not in"),
        (&["--listen", "127.0.0.1:0", "--ping-interval", "0"], "0 is not in"),
        (&["--listen", "127.0.0.1:0", "--network", "mainnet"], "regtest, simnet, signet"),
        (&["--listen", "192.0.2.1:1"], "cannot listen on 192.0.2.1:1"),
    ] {
        let output = finished(&mut program(arguments), STUCK, "arguments to be refused");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && words.contains(said), "{arguments:?}: {words}");
    }
}

/// What is dialed and sends back what the node says has the node's own nonce in its version.
#[test]
fn a_dialer_that_meets_its_own_echo_finds_out() {
    alone("a node to find out that it dialed an echo", || {
        let echo = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = echo.local_addr().expect("it is bound").to_string();
        let echoing = std::thread::spawn(move || {
            let (mut stream, _) = echo.accept().expect("it is dialed");
            let mut back = stream.try_clone().expect("a descriptor is left");
            // It ends when the node closes.
            let _ = std::io::copy(&mut stream, &mut back);
        });
        let mut node = Program::start(&mut program(&["--connect", &address]));
        node.says(&format!("not dialing {address}: it is this node"));
        echoing.join().expect("an echo does not panic");
        node.interrupt();
        assert_eq!(node.rest(), ["shut down: 0 sessions ended, 0 were aborted"]);
    });
}

/// As many silent connections as one /24 may have fill what strangers may. Their neighbour is dialed all the same.
#[test]
fn silent_peers_do_not_keep_the_node_from_dialing_their_neighbour() {
    alone("a node to dial a neighbour of silent peers", || {
        let neighbour = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let (node, address) = listening(&["--connect", &neighbour.local_addr().expect("it is bound").to_string()]);
        drop(neighbour.accept().expect("it is dialed"));
        let connect = || TcpStream::connect(&address).expect("the node listens");
        let silent: Vec<TcpStream> = (0..16).map(|_| connect()).collect();
        match connect().read(&mut [0]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("one more is not turned away: {other:?}"),
        }
        let (mut dialed, _) = neighbour.accept().expect("it is dialed again");
        let mut magic = [0; 4];
        dialed.read_exact(&mut magic).expect("the node begins its handshake");
        assert_eq!(magic, [0xfa, 0xbf, 0xb5, 0xda]);
        drop((silent, dialed));
        node.interrupt();
        node.rest();
    });
}
