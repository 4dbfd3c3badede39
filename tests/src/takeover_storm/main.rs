//! Servers that close each connection a moment after its last response, and workers that take idle connections over
//! from each other at just that rate: what HAProxy's descriptors were stressed with until two threads owned one.
//!
//! ```text
//! cargo run --release -p tests --bin takeover-storm                     # the word, 30 s
//! cargo run --release -p tests --bin takeover-storm -- --subject pool   # the pool on tokio
//! cargo run --release -p tests --bin takeover-storm -- --subject before # HAProxy's masks before their repair: fails
//! ```
//!
//! The load of each server goes from 0.90 to 1.10 times one request in each of its timeouts, and ends with as much as
//! can be. Workers look into each other's lists first. At the places where a protocol is between two of its steps,
//! time is wasted, as the seed says.
//!
//! Of the word and of the masks, sockets and pollers are the kernel's, and the numbers of descriptors are the storm's:
//! given out as the kernel gives them, the lowest first and again at once, but a protocol that closes somebody else's
//! is caught, and nothing of this process is. The pool has the kernel's own numbers.
//!
//! With `--record FILE` the word's transitions are written down, and the model says whether it can do the same:
//! `cargo run -p model -- explain ownership FILE`.
//!
//! Exit status: 0 if nothing was found, 1 if something was, 2 for wrong arguments.

mod options;
mod oracle;
mod pooled;
mod record;
mod server;
mod storm;
mod subject;
mod worker;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use options::{Options, SubjectName};
use oracle::Oracle;
use subject::{Before, Noted, OneWord, Slow};

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(error) = options.check() {
        error.exit();
    }
    storm::set(options.points, options.seed);
    let oracle = Arc::new(Oracle::new(options.patience() * 5));
    println!("{options}");
    let ran = match options.subject {
        SubjectName::Word if options.record.is_some() => storm::run(&options, &oracle, OneWord::<Noted>::new),
        SubjectName::Word => storm::run(&options, &oracle, OneWord::<Slow>::new),
        SubjectName::Before => storm::run(&options, &oracle, Before::new),
        SubjectName::Pool => pooled::run(&options, &oracle),
    };
    if let Err(error) = ran {
        eprintln!("the storm could not be run: {error}");
        return ExitCode::from(2);
    }
    if let Some(path) = &options.record
        && let Err(error) = record::write(path, usize::from(options.workers.get()))
    {
        eprintln!("the storm could not be recorded: {error}");
        return ExitCode::from(2);
    }
    print!("{}", oracle.summary());
    match oracle.first() {
        Some((fault, after)) => {
            println!(
                "FOUND after {:.2} s: {fault}; --seed {} --subject {}",
                after.as_secs_f64(),
                options.seed,
                options.subject
            );
            ExitCode::FAILURE
        }
        None => {
            println!("nothing found");
            ExitCode::SUCCESS
        }
    }
}
