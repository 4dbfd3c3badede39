//! The example as somebody runs it: two processes that find each other, and Ctrl-C.

use std::io::{BufRead, BufReader, Lines, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::one_at_a_time;

/// The program, built if it is not.
fn program() -> Command {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "-p", "handfast", "--example", "bitcoin_node", "--message-format=json"]);
    let built = build.stderr(Stdio::inherit()).output().expect("cargo runs");
    assert!(built.status.success(), "the example cannot be built");
    let messages = String::from_utf8(built.stdout).expect("cargo writes text");
    let mut executables = messages.lines().filter_map(|line| line.split_once("\"executable\":\"")?.1.split('"').next());
    Command::new(executables.next_back().expect("cargo says where the example is"))
}

struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = program();
        let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().expect("it was built");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("it says something more").expect("it can be read")
    }

    /// Ctrl-C.
    fn interrupt(&self) {
        let kill = Command::new("sh").args(["-c", &format!("kill -INT {}", self.child.id())]).status();
        assert!(kill.expect("a shell runs").success());
    }

    /// The rest of what it says, once it has ended in order.
    fn rest(mut self) -> Vec<String> {
        let rest = self.lines.by_ref().map(|line| line.expect("it can be read")).collect();
        assert!(self.child.wait().expect("it can be waited for").success());
        rest
    }
}

/// A test that fails leaves no process.
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_nodes_find_each_other_and_part_at_ctrl_c() {
    let _alone = one_at_a_time();
    let mut server = Running::start(&["--listen", "127.0.0.1:0", "--network", "simnet"]);
    let address = server.line().strip_prefix("listening on ").expect("it listens").to_owned();
    let mut client = Running::start(&["--connect", &address, "--network", "simnet", "--ping-interval", "1"]);
    let peer = "\"/handfast:0.1.0/\" version 70016 height 0";
    assert_eq!(client.line(), format!("up to {address} {peer}"));
    let up = server.line();
    let from = up.strip_prefix("up from ").and_then(|up| up.strip_suffix(peer)).expect("the client is up").to_owned();

    server.interrupt();
    let mut rest = server.rest();
    assert_eq!(rest.pop().as_deref(), Some("shut down: 1 sessions ended, 0 were aborted"));
    assert_eq!(rest, [format!("down from {from}{peer}: shutting_down")]);
    assert_eq!(client.line(), format!("down to {address} {peer}: remote_closed"));
    client.interrupt();
    let rest = client.rest();
    assert_eq!(rest.last().map(String::as_str), Some("shut down: 0 sessions ended, 0 were aborted"));
}

#[test]
fn nodes_of_different_networks_do_not_come_together() {
    let _alone = one_at_a_time();
    let mut server = Running::start(&["--listen", "127.0.0.1:0", "--network", "signet"]);
    let address = server.line().strip_prefix("listening on ").expect("it listens").to_owned();
    let mut client = Running::start(&["--connect", &address, "--network", "regtest"]);
    assert_eq!(client.line(), format!("cannot connect to {address}: handshake_failed"));
    client.interrupt();
    drop(client);
    server.interrupt();
    assert_eq!(server.rest(), ["shut down: 0 sessions ended, 0 were aborted"]);
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let _alone = one_at_a_time();
    for (arguments, said) in [
        (&[][..], "--listen <ADDRESS>|--connect <ADDRESS>"),
        (&["--listen", "nowhere"], "invalid socket address"),
        (&["--listen", "127.0.0.1:0", "--max-inbound", "70000"], "70000 is not in"),
        (&["--listen", "127.0.0.1:0", "--ping-interval", "0"], "0 is not in"),
        (&["--listen", "127.0.0.1:0", "--network", "mainnet"], "regtest, simnet, signet"),
        (&["--listen", "192.0.2.1:1"], "cannot listen on 192.0.2.1:1"),
    ] {
        let mut child = program().args(arguments).stderr(Stdio::piped()).spawn().expect("it was built");
        let mut words = String::new();
        child.stderr.take().expect("it is piped").read_to_string(&mut words).expect("it says why");
        assert!(!child.wait().expect("it can be waited for").success(), "{arguments:?}");
        assert!(words.contains(said), "{arguments:?}: {words}");
    }
}
