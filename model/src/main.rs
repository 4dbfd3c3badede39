//! The command line: checks handfast's protocols, shows their behaviours, and explains logs.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::run(cli::Arguments::parse())
}
