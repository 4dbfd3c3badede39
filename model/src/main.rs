//! The command line, on handfast's protocols.

use std::process::ExitCode;

fn main() -> ExitCode {
    model::cli::main(model::registry::ENTRIES, &mut std::env::args_os())
}
