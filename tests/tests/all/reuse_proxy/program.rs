//! The example, as a process.

use std::net::SocketAddr;
use std::process::Command;

use crate::support::Program;

/// The example that runs; killed when it is dropped.
pub(crate) struct Proxy {
    program: Program,
    address: SocketAddr,
}

impl Proxy {
    pub(crate) fn start(arguments: &[&str], backends: &[SocketAddr]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reuse_proxy"));
        command.args(["--listen", "127.0.0.1:0"]).args(arguments);
        command.args(backends.iter().map(|backend| format!("--backend={backend}")));
        let mut program = Program::start(&mut command);
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
}
