//! Whole nodes: on a real kernel, as processes that are killed and stopped, and their logs.

#[cfg(target_os = "linux")]
mod crossed;
mod fleet;
mod killed;
mod stopped;

use std::path::Path;

use model::checker::explain::Explanation;

/// Explains the log of a node, which the models must explain.
#[track_caller]
pub(crate) fn explained(file: &Path) -> Explanation {
    let log = std::fs::read(file).expect("it was written");
    let entry = model::registry::find("node").expect("it is modelled");
    let explanation = (entry.explain)(&mut &*log).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let found = (&explanation.part, &explanation.rejection, &explanation.violated);
    assert_eq!(found, (&None, &None, &vec![]), "{}", file.display());
    explanation
}
