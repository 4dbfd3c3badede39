//! A run that was ended goes on from its checkpoint, and a file that does not belong to it is refused.

use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use model::checker::catalogue::Scope;
use model::checker::checkpoint::{Checkpoint, CheckpointError, Run};
use model::checker::findings::Findings;
use model::checker::target::{Plan, Target};
use model::registry::find;

/// What the tests here ask for.
fn run(program: u128, asked: &str) -> Run {
    Run { program, asked: asked.to_owned() }
}

/// An empty directory of this test's own, under the target directory.
fn directory(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("checkpoint").join(test);
    if path.exists() {
        fs::remove_dir_all(&path).expect("the directory of an earlier run can be removed");
    }
    fs::create_dir_all(&path).expect("the directory can be made");
    path
}

/// Descriptor ownership, of which the first two instances of the small scope are small.
fn target() -> Box<dyn Target> {
    (find("ownership").expect("it is in the catalogue").own)(Scope::Small)
}

/// Explores one instance under a name, and keeps what was found after every level.
fn explore(path: &Path, name: &str, index: usize, threads: usize, say: &(dyn Fn(&str) + Sync)) -> Findings {
    let checkpoint = Checkpoint::open(path, run(1, "this"), Duration::ZERO, say).expect("the file belongs to this run");
    checkpoint.begin(name.to_owned());
    target().check_instance(index, &Plan { threads, checkpoint: Some(&checkpoint), ..Plan::DEFAULT })
}

/// What may not depend on where a run was ended.
fn result(findings: &Findings) -> String {
    let Findings { instances, invariants, goals, witnesses, never_enabled } = findings;
    let instances = instances.iter().map(|instance| {
        let counts = [instance.states, instance.edges, instance.depth];
        (instance.name, counts, instance.completeness, instance.digest, &instance.comparison)
    });
    let instances: Vec<_> = instances.collect();
    format!("{instances:?}\n{invariants:?}\n{goals:?}\n{witnesses:?}\n{never_enabled:?}")
}

/// Explores an instance and keeps a copy of its file after every level, and after the second engine. Returns the copies.
fn copies(directory: &Path, index: usize) -> (Findings, Vec<PathBuf>) {
    let path = directory.join("checkpoint");
    let copies = Mutex::new(Vec::new());
    let findings = explore(&path, "one", index, 1, &|line| {
        assert!(line.contains(": one is kept at "), "{line}");
        let mut copies = copies.lock().expect("no test failed while it was held");
        let copy = directory.join(format!("copy-{}", copies.len()));
        fs::copy(&path, &copy).expect("the file is there when that is said");
        copies.push(copy);
    });
    (findings, copies.into_inner().expect("no test failed while it was held"))
}

#[test]
fn a_run_goes_on_from_every_level_with_the_result_of_one_that_was_not_ended() {
    let directory = directory("every-level");
    let expected = result(&target().check_instance(0, &Plan::DEFAULT));
    let (findings, copies) = copies(&directory, 0);
    assert_eq!(result(&findings), expected);
    assert!(copies.len() > 20, "there is a file for each level: {}", copies.len());
    for (number, copy) in copies.iter().enumerate() {
        let said = Mutex::new(Vec::new());
        let say = |line: &str| said.lock().expect("no test failed while it was held").push(line.to_owned());
        let findings = explore(copy, "one", 0, 1 + number % 2, &say);
        assert_eq!(result(&findings), expected, "from {}", copy.display());
        let said = said.into_inner().expect("no test failed while it was held");
        let level = (number + 1).min(copies.len() - 1);
        assert!(said[0].contains(&format!(": one goes on from level {level}, ")), "{said:?}");
    }
}

#[test]
fn what_was_kept_of_another_search_begins_anew() {
    let directory = directory("another-search");
    let expected = result(&target().check_instance(1, &Plan::DEFAULT));
    let (_, copies) = copies(&directory, 0);
    // All but the first levels, which the two have in common.
    for copy in copies.iter().skip(5) {
        let said = Mutex::new(Vec::new());
        let say = |line: &str| said.lock().expect("no test failed while it was held").push(line.to_owned());
        let findings = explore(copy, "one", 1, 1, &say);
        assert_eq!(result(&findings), expected, "from {}", copy.display());
        let said = said.into_inner().expect("no test failed while it was held");
        assert!(said[1].contains("what was kept of one is not what it does: it begins anew"), "{said:?}");
    }
}

#[test]
fn a_file_that_is_torn_or_changed_is_refused() {
    let directory = directory("damaged");
    let (_, copies) = copies(&directory, 1);
    let whole = fs::read(&copies[copies.len() / 2]).expect("the copy is there");
    let path = directory.join("damaged");
    let refused = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).expect("the directory can be written to");
        let opened = Checkpoint::open(&path, run(1, "this"), Duration::ZERO, &|_| {});
        let error = opened.err().unwrap_or_else(|| panic!("{what}: it is refused"));
        assert!(matches!(error, CheckpointError::Damaged(_) | CheckpointError::Foreign(_)), "{what}: {error}");
    };
    for length in (0..64).chain((64..whole.len()).step_by(97)).chain([whole.len() - 1]) {
        refused(&whole[..length], &format!("cut to {length} bytes"));
    }
    for place in (0..64).chain((64..whole.len()).step_by(97)).chain(whole.len() - 20..whole.len()) {
        let mut changed = whole.clone();
        changed[place] ^= 1 << (place % 8);
        refused(&changed, &format!("byte {place} changed"));
    }
    refused(&[&whole[..], b"\n"].concat(), "with a byte more");
    refused(b"states: 12\n", "a file of something else");
    fs::write(&path, &whole).expect("the directory can be written to");
    assert!(Checkpoint::open(&path, run(1, "this"), Duration::ZERO, &|_| {}).is_ok(), "as it was it is not refused");
}

#[test]
fn a_file_of_another_run_or_program_is_refused() {
    let directory = directory("another-run");
    let (_, copies) = copies(&directory, 1);
    let open = |run| Checkpoint::open(&copies[0], run, Duration::ZERO, &|_| {}).err().map(|error| error.to_string());
    let another_run = open(run(1, "that")).expect("it is refused");
    assert!(another_run.ends_with("is of `this` and not of `that`"), "{another_run}");
    let another_program = open(run(2, "this")).expect("it is refused");
    assert!(another_program.contains("was written by another build of this program"), "{another_program}");
    assert_eq!(open(run(1, "this")), None);
}

#[test]
fn a_file_that_cannot_be_written_does_not_end_the_run() {
    let path = directory("unwritable").join("no-such-directory").join("checkpoint");
    let expected = result(&target().check_instance(1, &Plan::DEFAULT));
    let said = Mutex::new(Vec::new());
    let say = |line: &str| said.lock().expect("no test failed while it was held").push(line.to_owned());
    assert_eq!(result(&explore(&path, "one", 1, 1, &say)), expected);
    let said = said.into_inner().expect("no test failed while it was held");
    assert!(said[0].contains(": one is not kept: "), "{said:?}");
}
