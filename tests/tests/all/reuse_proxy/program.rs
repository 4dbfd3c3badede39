//! The example, as a process.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

/// The example that runs; killed when it is dropped.
pub(crate) struct Proxy {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

/// Where the example is, built if it was not.
fn program() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", "handfast", "--example", "reuse_proxy", "--message-format=json"]);
        let built = build.stderr(Stdio::inherit()).output().expect("cargo runs");
        assert!(built.status.success(), "the example cannot be built");
        let messages = String::from_utf8(built.stdout).expect("cargo writes text");
        let mut executables =
            messages.lines().filter_map(|line| line.split_once("\"executable\":\"")?.1.split('"').next());
        executables.next_back().expect("cargo says where the example is").to_owned()
    })
}

impl Proxy {
    pub(crate) fn start(arguments: &[&str], backends: &[SocketAddr]) -> Self {
        let mut command = Command::new(program());
        command.args(["--listen", "127.0.0.1:0"]).args(arguments);
        command.args(backends.iter().map(|backend| format!("--backend={backend}")));
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it was built");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = lines.next().expect("it says where it listens").expect("it can be read");
        let address = line.strip_prefix("listening on ").expect("it listens").parse().expect("an address");
        Self { child, lines, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ctrl-C, and what it says until it has ended in order.
    pub(crate) fn interrupt(mut self) -> Vec<String> {
        let kill = Command::new("sh").args(["-c", &format!("kill -INT {}", self.child.id())]).status();
        assert!(kill.expect("a shell runs").success());
        let rest = self.lines.by_ref().map(|line| line.expect("it can be read")).collect();
        assert!(self.child.wait().expect("it can be waited for").success());
        rest
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
