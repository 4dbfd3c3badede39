//! Runs the drivers in simulated worlds for as long as one likes.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(not(handfast_shuttle))]
    return conformance::simulate::cli::main();
    #[cfg(handfast_shuttle)]
    unreachable!("the worlds run on tokio, which shuttle replaces");
}
