//! Judges an implementation of a protocol over a socket.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(not(handfast_shuttle))]
    return conformance::remote::cli::main();
    #[cfg(handfast_shuttle)]
    unreachable!("it runs on sockets of tokio, which shuttle replaces");
}
