//! The example, as a process.

use std::net::SocketAddr;
use std::process::Command;

use rustix::process::Signal;

use crate::support::Program;

/// The example that runs; killed when it is dropped.
pub(crate) struct Proxy {
    program: Program,
    address: SocketAddr,
}

impl Proxy {
    pub(crate) fn start(arguments: &[&str], backends: &[SocketAddr]) -> Self {
        Self::start_as(&mut command(arguments, backends))
    }

    /// Starts it by a command that ends in its own.
    pub(crate) fn start_as(command: &mut Command) -> Self {
        let mut program = Program::start(command);
        let address = program.says("listening on ").parse().expect("an address");
        Self { program, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ctrl-C, and what it says until it has ended in order.
    pub(crate) fn interrupt(self) -> Vec<String> {
        self.program.interrupt();
        self.program.rest()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.program.signal(signal);
    }

    /// What it says until it has ended in order.
    pub(crate) fn rest(self) -> Vec<String> {
        self.program.rest()
    }

    /// Waits until it has ended, and returns its status.
    pub(crate) fn status(self) -> std::process::ExitStatus {
        self.program.status()
    }
}

/// The command that starts it, on a port of the kernel's choice unless they say another one.
pub(crate) fn command(arguments: &[&str], backends: &[SocketAddr]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reuse_proxy"));
    if !arguments.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command.args(arguments);
    command.args(backends.iter().map(|backend| format!("--backend={backend}")));
    command
}
