//! The example as a process: two that find each other, signals, and outputs that are not read.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use bitcoin::consensus::serialize;
use bitcoin::p2p::Magic;
use bitcoin::p2p::message::{NetworkMessage, RawNetworkMessage};
use rustix::process::Signal;

use super::client::version;
use crate::support::{Process, Program, STUCK, alone, deadline, finished};

pub(super) fn program(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bitcoin_node"));
    program.args(arguments);
    program
}

/// A node, and where it listens.
pub(super) fn listening(arguments: &[&str]) -> (Program, String) {
    listening_as(program(&["--listen", "127.0.0.1:0"]).args(arguments))
}

/// Starts the node of this command. Returns it, and where it listens.
pub(super) fn listening_as(command: &mut Command) -> (Program, String) {
    let mut node = Program::start(command);
    let address = says(&mut node, "listening on ");
    (node, address)
}

/// A line without its time, which it begins with.
pub(super) fn timeless(line: &str) -> &str {
    let (time, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line:?} has no time"));
    assert!(time.starts_with("20") && time.ends_with('Z'), "{line:?}");
    rest
}

/// What is behind these words in the next line.
#[track_caller]
pub(super) fn says(program: &mut Program, words: &str) -> String {
    let line = program.says("");
    let rest = timeless(&line).strip_prefix(words).unwrap_or_else(|| panic!("{line:?} in place of {words:?}"));
    rest.to_owned()
}

/// The rest of what it says, once it has ended in order.
#[track_caller]
pub(super) fn rest(program: Program) -> Vec<String> {
    program.rest().iter().map(|line| timeless(line).to_owned()).collect()
}

#[test]
fn two_nodes_find_each_other_and_part_at_a_signal() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let (mut server, address) = listening(&["--network", "simnet"]);
        let connect = ["--connect", &address, "--network", "simnet", "--ping-interval", "1"];
        let mut client = Program::start(&mut program(&connect));
        let peer = "\"/handfast:0.1.0/\" version 70016 height 0 session 0";
        says(&mut client, &format!("up to {address} {peer}"));
        let up = says(&mut server, "up from ");
        let from = up.strip_suffix(peer).expect("the client is up");

        server.signal(signal);
        let mut last = rest(server);
        assert_eq!(last.pop().as_deref(), Some("shut down: 1 sessions ended, 0 were aborted"));
        assert_eq!(last, [format!("down from {from}{peer}: shutting_down")]);
        says(&mut client, &format!("down to {address} {peer}: remote_closed"));
        client.interrupt();
        assert_eq!(rest(client).last().map(String::as_str), Some("shut down: 0 sessions ended, 0 were aborted"));
    }
}

/// Checks that its first line says why it cannot connect, and which session that was.
fn cannot_connect(peer: &str, why: &str) {
    let mut client = Program::start(&mut program(&["--connect", peer, "--network", "regtest"]));
    let line = says(&mut client, "cannot ");
    assert!(line.starts_with(why), "{peer}: \"cannot {line}\", not \"cannot {why}\"");
    client.interrupt();
    assert_eq!(rest(client).last().map(String::as_str), Some("shut down: 0 sessions ended, 0 were aborted"));
}

#[test]
fn what_failed_is_said() {
    let refused = TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("bound").to_string();
    let why = |address: &str, why| format!("connect to {address} session 0: {why}");
    cannot_connect(&refused, &why(&refused, "the connection failed: Connection refused"));
    cannot_connect("nothing.invalid:1", "find nothing.invalid:1: ");
    // To a broadcast address Linux knows no route for TCP, whatever its table says.
    let unroutable = "255.255.255.255:1";
    if cfg!(target_os = "linux") {
        cannot_connect(unroutable, &why(unroutable, "the connection failed: Network is unreachable"));
    }
}

#[test]
fn a_peer_of_another_network_is_said_to_be_one() {
    let (server, address) = listening(&["--network", "signet"]);
    let closed = "the peer closed before the handshake was complete, as one of another network does";
    cannot_connect(&address, &format!("connect to {address} session 0: {closed}"));
    server.interrupt();
    assert_eq!(rest(server), ["shut down: 0 sessions ended, 0 were aborted"]);

    // It does not read all, which makes the end a reset.
    let resets: fn(&mut TcpStream) = |stream| assert_eq!(stream.peek(&mut [0]).expect("it speaks"), 1);
    // It does not close, and answers.
    let answers: fn(&mut TcpStream) = |stream| {
        let answer = serialize(&RawNetworkMessage::new(Magic::SIGNET, NetworkMessage::Version(version())));
        stream.write_all(&answer).expect("it reads");
        let _until_the_node_closes = std::io::copy(stream, &mut std::io::sink());
    };
    let language = "the peer speaks another network's or another protocol's language";
    for (does, why) in [(resets, closed), (answers, language)] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let peer = std::thread::spawn(move || does(&mut listener.accept().expect("it is dialed").0));
        cannot_connect(&address, &format!("connect to {address} session 0: {why}"));
        peer.join().expect("the peer is well");
    }
}

/// All of 127.0.0.0/8 is loopback, so that the port is free at an address of this process alone.
#[cfg(target_os = "linux")]
#[test]
fn a_peer_without_a_port_is_dialed_at_the_networks() {
    let _deadline = deadline("a peer at the default port to be dialed");
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let host = format!("127.83.{high}.{low}");
    for (network, port) in [("regtest", 18444), ("signet", 38333), ("simnet", 18555)] {
        let listener = TcpListener::bind((host.as_str(), port)).expect("it is free");
        let node = Program::start(&mut program(&["--connect", &host, "--network", network]));
        drop(listener.accept().expect("it is dialed"));
        node.interrupt();
        let _ = node.rest();
    }
}

#[test]
fn who_is_banned_is_said_when_it_is_asked_for() {
    let (mut node, _) = listening(&["--ban", "192.0.2.0/24", "--ban", "2001:db8::1", "--ban", "::ffff:198.51.100.7"]);
    node.signal(Signal::USR1);
    for banned in ["192.0.2.0/24", "198.51.100.7/32", "2001:db8::1/128"] {
        let line = says(&mut node, "banned ");
        assert_eq!(line, format!("{banned} for good"));
    }
    assert!(says(&mut node, "Metrics {").contains("bans: 3"));
    node.interrupt();
    rest(node);
}

/// An IPv4 peer is the same at an IPv6 socket and by a name.
#[test]
fn peers_have_one_address() {
    let mut server = Program::start(&mut program(&["--listen", "[::]:0", "--listen", "127.0.0.1:0"]));
    let port = says(&mut server, "listening on [::]:");
    says(&mut server, "listening on 127.0.0.1:");
    let connect = [format!("[::ffff:127.0.0.1]:{port}"), format!("127.0.0.1:{port}")];
    let mut client = Program::start(program(&["--connect", &connect[0]]).args(["--connect", &connect[1]]));
    says(&mut client, &format!("up to 127.0.0.1:{port} "));
    let up = says(&mut server, "up from 127.0.0.1:");
    server.signal(Signal::USR1);
    assert_eq!(says(&mut server, "here from 127.0.0.1:"), up, "what it is asked for");
    assert!(says(&mut server, "Metrics {").contains("opened: 1"), "they are one peer");
    client.interrupt();
    rest(client);
    server.interrupt();
    rest(server);
}

/// It shakes hands and closes, again and again.
#[test]
fn a_peer_that_does_not_stay_is_dialed_less_and_less_often() {
    let _deadline = deadline("a node to dial a peer that does not stay");
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("bound").to_string();
    let client = Program::start(&mut program(&["--connect", &address]));
    let mut times = Vec::new();
    for _ in 0..4 {
        let (mut stream, _) = listener.accept().expect("it dials");
        times.push(std::time::Instant::now());
        let say = |message| serialize(&RawNetworkMessage::new(Magic::REGTEST, message));
        let both = [say(NetworkMessage::Version(version())), say(NetworkMessage::Verack)].concat();
        stream.write_all(&both).expect("it reads");
        // Its version and verack.
        stream.read_exact(&mut [0; 24 + 102 + 24]).expect("it answers");
    }
    let pauses: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
    assert!(pauses[1] > 0.9 && pauses[2] > 1.9, "1 s, 2 s and 4 s, of which half is drawn: {pauses:?}");
    client.interrupt();
    let _ = client.rest();
}

/// The pipe is full, and nothing is read from it: each connection that is turned away is a line.
#[test]
fn an_output_that_nobody_reads_keeps_neither_the_node_nor_its_end() {
    let _deadline = deadline("a node whose output is not read");
    let mut command = program(&["--listen", "127.0.0.1:0", "--verbose"]);
    let mut node = Process(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts"));
    let mut out = BufReader::new(node.0.stdout.take().expect("it is piped"));
    let errors = node.0.stderr.take().expect("it is piped");
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    let address = timeless(line.trim()).strip_prefix("listening on ").expect("where it listens").to_owned();
    // A pipe holds 64 KiB.
    for _ in 0..2_000 {
        let mut stream = TcpStream::connect(&address).expect("it accepts");
        stream.write_all(b"x").expect("it reads");
        let _ = stream.read(&mut [0]);
    }
    let pid = rustix::process::Pid::from_child(&node.0);
    rustix::process::kill_process(pid, Signal::TERM).expect("it runs");
    assert!(node.0.wait().expect("it ends").success());
    drop((out, errors));
}

/// A session whose handshake fails is a few lines, all of them said before its connection is closed.
#[test]
fn lines_that_were_lost_are_counted_where_they_would_have_been() {
    let _deadline = deadline("a node whose output is read again");
    let mut command = program(&["--listen", "127.0.0.1:0", "--verbose"]);
    let (mut node, address) = listening_as(command.stderr(Stdio::piped()));
    let mut lines = BufReader::new(node.errors()).lines().map(|line| line.expect("it is text"));
    let comes_and_goes = || {
        let mut stream = TcpStream::connect(&address).expect("it accepts");
        stream.write_all(b"x").expect("it reads");
        assert_ne!(stream.read(&mut [0]).unwrap_or(0), 1, "it says nothing");
    };
    let is_last = |line: &str, session| line.contains(&format!(" session ended session=session {session} "));
    comes_and_goes();
    let first: Vec<_> = lines.by_ref().take_while(|line| !is_last(line, 0)).collect();
    let each = first.len() + 1;
    assert!(first[0].contains("handshake failed peer=127.0.0.1:"), "{first:?}");
    assert!(first.iter().all(|line| timeless(line).contains(" session=session 0 ")), "{first:?}");
    // A pipe holds 64 KiB, and 4,096 lines wait.
    const SESSIONS: usize = 3_000;
    (0..SESSIONS).for_each(|_| comes_and_goes());
    let mut said = 0;
    let lost = loop {
        let line = lines.next().expect("it runs");
        match timeless(&line).strip_suffix(" lines were lost") {
            Some(lost) => break lost.parse::<usize>().expect("a number"),
            None => said += 1,
        }
        assert!(said < each * SESSIONS, "nothing was lost");
    };
    assert_eq!(said + lost, each * SESSIONS);
    // Nothing is lost any more.
    comes_and_goes();
    assert_eq!(1 + lines.by_ref().take_while(|line| !is_last(line, SESSIONS + 1)).count(), each);
    node.interrupt();
    rest(node);
}

#[test]
fn what_happened_is_recorded() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bitcoin-{}.log", std::process::id()));
    let (mut server, address) = listening(&["--record", file.to_str().expect("a path")]);
    let mut client = Program::start(&mut program(&["--connect", &address]));
    says(&mut client, "up to ");
    says(&mut server, "up from ");
    client.interrupt();
    rest(client);
    says(&mut server, "down from ");
    server.interrupt();
    rest(server);
    let log = std::fs::read(&file).expect("it was written");
    std::fs::remove_file(&file).expect("it is there");
    let explained = model::checker::explain::explain::<model::lifecycle::handfast::Handfast>(&mut &*log);
    let explanation = explained.expect("it can be read");
    assert_eq!((explanation.rejection, explanation.violated), (None, vec![]));
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    for (arguments, said) in [
        (&[][..], "--listen <ADDRESS>|--connect <PEER>"),
        (&["--connect", "a/b"], "neither an address nor a name"),
        (&["--connect", "localhost:x"], "is not a port"),
        (&["--listen", "nowhere"], "invalid socket address"),
        (&["--listen", "127.0.0.1:0", "--max-inbound", "70000"], "70000 is not in"),
        (&["--listen", "127.0.0.1:0", "--ping-interval", "0"], "0 is not in"),
        (&["--listen", "127.0.0.1:0", "--network", "mainnet"], "regtest, simnet, signet"),
        (&["--listen", "192.0.2.1:1"], "cannot listen on 192.0.2.1:1"),
        (&["--listen", "127.0.0.1:0", "--record", "/nowhere/log"], "cannot record to /nowhere/log"),
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
        says(&mut node, &format!("not dialing {address} session 0: it is this node"));
        echoing.join().expect("an echo does not panic");
        node.interrupt();
        assert_eq!(rest(node), ["shut down: 0 sessions ended, 0 were aborted"]);
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
        rest(node);
    });
}
