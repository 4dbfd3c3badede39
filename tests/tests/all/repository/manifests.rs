//! Manifests, licences, and what a reader is told to run.

use std::path::Path;

use cargo_metadata::{MetadataCommand, Target};

use crate::repository::nothing;
use crate::repository::workspace::{File, below, file, kept_by_git, metadata, root};

#[test]
fn every_member_follows_the_lints_of_the_workspace() {
    let lacks = |manifest: &str| !manifest.replace(' ', "").contains("[lints]\nworkspace=true");
    for package in &metadata().packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("cargo has read it");
        assert!(!lacks(&manifest), "{} does not say `[lints] workspace = true`", package.manifest_path);
    }
    assert!(lacks("[lints.rust]\nunsafe_code = \"allow\"\n"), "the check can fail");
}

#[test]
fn every_member_is_in_a_directory_of_the_root_and_has_the_version_of_the_workspace() {
    let versions: Vec<_> = metadata().packages.iter().map(|package| &package.version).collect();
    assert!(versions.windows(2).all(|pair| pair[0] == pair[1]), "{versions:?}");
    for package in &metadata().packages {
        let directory = package.manifest_path.parent().and_then(|directory| directory.parent());
        let same = |directory: &Path| directory.canonicalize().ok() == root().canonicalize().ok();
        assert!(directory.is_some_and(|directory| same(directory.as_std_path())), "{}", package.manifest_path);
        assert_eq!(package.license.as_deref(), Some("MIT OR Apache-2.0"), "{}", package.name);
        assert_eq!(package.publish.as_deref(), Some(&[][..]), "{} could be published by mistake", package.name);
    }
}

/// Where the sources have no tests, there is no executable of tests, which takes its time to link.
#[test]
fn libraries_and_programs_without_an_executable_of_tests_have_no_tests() {
    let has_tests = |file: &&File| file.is_rust() && file.text.contains("#[test]");
    for package in &metadata().packages {
        let folder = |target: &Target| target.src_path.parent().map(ToOwned::to_owned);
        // A program beside a library has the library's files.
        let is_tested = |target: &Target| package.targets.iter().any(|it| it.test && folder(it) == folder(target));
        let code = package.targets.iter().filter(|target| target.is_lib() || target.is_bin());
        for target in code.filter(|target| !is_tested(target)) {
            let folder = folder(target).and_then(|folder| Some(folder.strip_prefix(root()).ok()?.to_owned()));
            let found = folder.and_then(|folder| below(folder.as_str()).find(has_tests));
            assert!(found.is_none(), "{}: say `test = true` of {}", found.map_or("", |file| &file.path), target.name);
        }
    }
}

#[test]
fn both_licences_are_there() {
    for (path, words) in [("LICENSE-MIT", "Permission is hereby granted"), ("LICENSE-APACHE", "Apache License")] {
        assert!(file(path).is_some_and(|file| file.text.contains(words)), "{path} is missing");
    }
}

#[test]
fn the_lock_file_is_kept_and_agrees_with_the_manifests() {
    match kept_by_git() {
        Some(kept) => {
            assert!(kept.iter().any(|path| path == "Cargo.lock"), "add Cargo.lock: builds are to be repeated")
        }
        None => assert!(file("Cargo.lock").is_some(), "Cargo.lock is missing"),
    }
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml"));
    command.other_options(["--locked", "--offline", "--no-deps"].map(str::to_owned).to_vec());
    command.exec().expect("Cargo.lock has what the manifests ask for; run cargo and add it");
}

#[test]
fn the_readme_says_how_to_check_and_how_to_test() {
    let readme = &file("README.md").expect("there is a README").text;
    for command in ["cargo run -p model -- check", "cargo test"] {
        assert!(readme.contains(command), "README.md does not name `{command}`");
    }
}

/// Every command line of the README is one that the program has.
#[test]
fn the_readme_names_commands_that_are_there() {
    let readme = &file("README.md").expect("there is a README").text;
    let commands = readme.lines().filter_map(|line| line.trim().strip_prefix("cargo run -p model -- "));
    let mut count = 0;
    for command in commands {
        count += 1;
        let name = command.split_whitespace().next().unwrap_or_default();
        let source = format!("model/src/cli/{name}.rs");
        assert!(file(&source).is_some(), "README.md: there is no command `{name}`");
    }
    assert!(count > 0, "README.md shows no command line");
}

#[test]
fn the_continuous_integration_can_be_run_and_does_everything() {
    let script = &file(".ci/run").expect("there is .ci/run").text;
    // Benchmarks are targets: they are built, and run by those who measure.
    let build = "cargo build --workspace --all-targets";
    let parts = ["cargo fmt", "cargo clippy", build, "cargo run -p model -- check", "cargo test", "cargo doc"];
    nothing(
        parts.into_iter().filter(|part| !script.contains(part)).map(|part| format!(".ci/run: no {part}")).collect(),
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(root().join(".ci/run")).expect("it is there").permissions().mode();
        assert_ne!(mode & 0o111, 0, ".ci/run cannot be executed: chmod +x");
    }
}
