//! What is kept of a failure: the smallest behaviour that shows it, as a log that `model` reads.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use handfast_spec::log::LineOf;
use handfast_spec::{Protocol, Recorded};
use model::checker::design::Design;
use model::checker::format::write_log;

/// Leaves out whatever can be left out, by delta debugging. `fails_after` says after how many of the items a behaviour
/// fails, if it does.
pub fn minimal<T: Clone>(items: Vec<T>, mut fails_after: impl FnMut(&[T]) -> Option<usize>) -> Vec<T> {
    let mut items = items;
    let mut chunk = items.len().div_ceil(2);
    while chunk > 0 {
        let mut from = 0;
        while from < items.len() {
            let mut shorter = items.clone();
            shorter.drain(from..items.len().min(from + chunk));
            match fails_after(&shorter) {
                Some(length) => {
                    shorter.truncate(length);
                    items = shorter;
                }
                None => from += chunk,
            }
        }
        chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
    }
    items
}

/// What an implementation did, as the log that `model explain` reads.
pub fn log<D: Design>(start: &Recorded<D>, steps: impl IntoIterator<Item = LineOf<D::Protocol>>) -> String {
    write_log(D::Protocol::NAME, start.machine.header(), steps)
}

/// Writes a log to a directory below the workspace's, and says what to do with it.
///
/// # Errors
///
/// If it cannot be written.
pub fn save(directory: &str, name: &str, protocol: &str, log: &str) -> io::Result<Saved> {
    let path = Path::new(directory).join(format!("{name}.ndjson"));
    fs::create_dir_all(directory)?;
    fs::write(&path, log)?;
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"));
    let shown = path.strip_prefix(workspace).unwrap_or(&path).display();
    let told = format!("saved as {shown}; cargo run -p model -- explain {protocol} {shown}");
    Ok(Saved { path, told })
}

/// A log that was written.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Where it is.
    pub path: PathBuf,
    /// Where it is, below the workspace, and the command that shows it.
    pub told: String,
}
