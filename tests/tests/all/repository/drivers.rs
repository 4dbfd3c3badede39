//! What drivers are built on.

use crate::repository::code::paths;
use crate::repository::workspace::{File, files};
use crate::repository::{nothing, one_for_each};

/// What a scheduler that is to choose who is next must be asked for. `tokio::io` has traits and no schedules.
const SCHEDULED: [&str; 12] = [
    "tokio",
    "std::sync::atomic",
    "std::sync::mpsc",
    "std::sync::Barrier",
    "std::sync::Condvar",
    "std::sync::Mutex",
    "std::sync::Once",
    "std::sync::OnceLock",
    "std::sync::RwLock",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// Tasks, locks, signals and clocks that a driver takes from elsewhere than `crate::runtime`.
fn findings(file: &File) -> Vec<String> {
    let within = |path: &str, module: &str| path == module || path.starts_with(&format!("{module}::"));
    let is_scheduled = |path: &str| SCHEDULED.iter().any(|module| within(path, module)) && !within(path, "tokio::io");
    let found = paths(file).into_iter().filter(|(path, _)| is_scheduled(path));
    found.map(|(path, line)| format!("{}:{line}: {path}: take it from crate::runtime", file.path)).collect()
}

fn is_driver(file: &&File) -> bool {
    file.is_rust()
        && file.path.starts_with("impl/src/")
        && (file.path.contains("/driver/") || file.path.ends_with("/driver.rs"))
}

/// What a driver takes from elsewhere is not under the control of shuttle when the driver is built on it.
#[test]
fn drivers_take_what_is_scheduled_from_one_place() {
    let drivers: Vec<&File> = files().iter().filter(is_driver).collect();
    assert!(!drivers.is_empty(), "there are no drivers");
    nothing(drivers.into_iter().flat_map(findings).collect());
}

#[test]
fn a_driver_that_goes_past_it_is_found() {
    let text = "
use std::sync::{Arc, Mutex};
use tokio::io::AsyncRead;
fn f() { tokio::spawn(async {}); std::thread::panicking(); crate::runtime::task::spawn(async {}) }
";
    let found = findings(&File::made_up("impl/src/lifecycle/driver/mod.rs", text));
    one_for_each(&found, &["std::sync::Mutex", "tokio::spawn", "std::thread::panicking"]);
}
