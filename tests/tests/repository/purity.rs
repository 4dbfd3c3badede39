//! Machines look at nothing but themselves: no clock, no randomness, no sockets, no order that differs between runs.

use std::collections::BTreeSet;

use model::catalogue::ENTRIES;

use crate::code::paths;
use crate::nothing;
use crate::one_for_each;
use crate::workspace::{File, below};

/// Parts of the standard library that reach outside.
const MODULES: [&str; 7] = ["std::env", "std::fs", "std::io", "std::net", "std::os", "std::process", "std::thread"];

/// Names of what reaches outside or differs between runs, whatever they are reached through.
const NAMES: [&str; 18] = [
    "Instant",
    "SystemTime",
    "HashMap",
    "HashSet",
    "RandomState",
    "DefaultHasher",
    "tokio",
    "rand",
    "fastrand",
    "getrandom",
    "mio",
    "socket2",
    "rustix",
    "libc",
    "thread_local",
    "println",
    "eprintln",
    "dbg",
];

/// What a machine must not name.
fn findings(file: &File) -> Vec<String> {
    let reaches_out = |path: &str| {
        let in_module = |module: &str| path == module || path.starts_with(&format!("{module}::"));
        MODULES.iter().any(|module| in_module(module)) || path.split("::").any(|name| NAMES.contains(&name))
    };
    let found: BTreeSet<(usize, String)> =
        paths(file).into_iter().filter(|(path, _)| reaches_out(path)).map(|(path, line)| (line, path)).collect();
    let say =
        |(line, path)| format!("{}:{line}: {path}: a machine's choices are in its actions; make it one", file.path);
    found.into_iter().map(say).collect()
}

/// An implementation looks keys up in maps whose order nobody sees. That its answers do not depend on that order is what
/// walking every edge of the model on it shows.
const LOOKED_UP: [&str; 2] = ["HashMap", "HashSet"];

#[track_caller]
fn pure(files: Vec<&'static File>) {
    println!("covered: {:#?}", files.iter().map(|file| &file.path).collect::<Vec<_>>());
    nothing(files.into_iter().flat_map(findings).collect());
}

fn rust_below(directory: &str) -> Vec<&'static File> {
    below(directory).filter(|file| file.is_rust()).collect()
}

#[test]
fn specifications_reach_for_nothing_outside() {
    let files = rust_below("specs/src");
    assert!(files.len() >= ENTRIES.len());
    pure(files);
}

#[test]
fn models_reach_for_nothing_outside() {
    for entry in ENTRIES {
        let files = rust_below(&format!("model/src/{}", entry.name));
        assert!(!files.is_empty(), "{} has no model", entry.name);
        pure(files);
    }
}

/// The cores of the implementation: `core.rs` and everything in a directory `core`.
#[test]
fn cores_of_the_implementation_reach_for_nothing_outside() {
    let is_core = |file: &&File| file.path.ends_with("/core.rs") || file.path.contains("/core/");
    let files: Vec<_> = rust_below("impl/src").into_iter().filter(is_core).collect();
    println!("covered: {:#?}", files.iter().map(|file| &file.path).collect::<Vec<_>>());
    let is_no_look_up = |finding: &String| !LOOKED_UP.iter().any(|name| finding.contains(name));
    nothing(files.into_iter().flat_map(findings).filter(is_no_look_up).collect());
}

#[test]
fn a_machine_that_reaches_outside_is_found() {
    let text = "
use std::collections::{BTreeMap, HashMap};
use std::{time::{Duration, Instant}, net as wire};
fn roll() -> u8 { assert!(tokio::time::pause() == ()); rand::random() }
// std::env is a word here
/// ```
/// std::process::exit(1);
/// ```
fn quiet() -> &'static str { \"std::fs\" }
";
    let found = findings(&File::made_up("core.rs", text));
    one_for_each(&found, &["HashMap", "std::net", "std::time::Instant", "rand::random", "tokio::time::pause"]);
    assert!(found[0].starts_with("core.rs:2: "), "{found:?}");
}
