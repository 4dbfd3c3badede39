//! Where files are, and what a file may reach for: modules, packages, features, cargo.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use cargo_metadata::{MetadataCommand, Target};
use quote::ToTokens;
use syn::visit::{self, Visit};

use crate::repository::code::{line, parse};
use crate::repository::workspace::{File, below, file, files, kept_by_git, metadata, root};
use crate::repository::{nothing, one_for_each};

/// Files `foo.rs` beside a folder `foo`, in place of `foo/mod.rs`.
fn beside_their_folder(files: &[File]) -> Vec<String> {
    let folders: BTreeSet<&Path> = files.iter().flat_map(|file| Path::new(&file.path).ancestors().skip(1)).collect();
    let has_folder = |file: &&File| folders.contains(Path::new(&file.path).with_extension("").as_path());
    let found = files.iter().filter(|file| file.is_rust()).filter(has_folder);
    found.map(|file| format!("{}: move it into its folder, as mod.rs", file.path)).collect()
}

/// What a file reaches for that it may not.
fn findings(file: &File) -> Vec<String> {
    let mut reached = Reached { file, found: Vec::new() };
    reached.visit_file(&parse(file));
    reached.found
}

struct Reached<'f> {
    file: &'f File,
    found: Vec<String>,
}

impl Reached<'_> {
    fn say(&mut self, line: usize, what: &str) {
        self.found.push(format!("{}:{line}: {what}", self.file.path));
    }

    /// Whether a path from the folder of this file stays in the folder of its package, which is in the root.
    fn stays_inside(&self, path: &str) -> bool {
        let mut inside = PathBuf::new();
        for component in Path::new(&self.file.path).parent().unwrap_or(Path::new("")).join(path).components() {
            match component {
                Component::ParentDir if !inside.pop() => return false,
                Component::ParentDir | Component::CurDir => {}
                Component::Normal(_) | Component::RootDir | Component::Prefix(_) => inside.push(component),
            }
        }
        inside.components().next() == Path::new(&self.file.path).components().next()
    }
}

impl<'ast> Visit<'ast> for Reached<'_> {
    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("path")
            && let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) = &pair.value
            && !self.stays_inside(&path.value())
        {
            self.say(line(attribute), "a module of another package: depend on that package");
        }
        let words = attribute.meta.to_token_stream().to_string();
        if attribute.path().is_ident("cfg") && words.contains("feature") && words.contains("not (") {
            self.say(line(attribute), "features unify: one that takes something away breaks who else is in the build");
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if call.path.is_ident("env") && call.tokens.to_string() == r#""CARGO""# {
            self.say(line(call), "a test does not build: CARGO_BIN_EXE_* is there already");
        }
        visit::visit_macro(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let words = call.to_token_stream().to_string();
        if words.ends_with(r#"Command :: new ("cargo")"#) {
            self.say(line(call), "a test does not build: CARGO_BIN_EXE_* is there already");
        }
        visit::visit_expr_call(self, call);
    }
}

#[test]
fn every_module_with_a_folder_is_the_mod_rs_of_it() {
    nothing(beside_their_folder(files()));
}

#[test]
fn no_file_reaches_out_of_its_package_calls_cargo_or_goes_with_a_feature() {
    nothing(files().iter().filter(|file| file.is_rust()).flat_map(findings).collect());
}

#[test]
fn a_module_beside_its_folder_is_found() {
    let paths = ["a/src/lib.rs", "a/src/one.rs", "a/src/one/two.rs", "a/src/two/mod.rs", "a/tests/all/one.rs"];
    let files = paths.map(|path| File::made_up(path, ""));
    one_for_each(&beside_their_folder(&files), &["a/src/one.rs"]);
}

#[test]
fn what_reaches_too_far_is_found() {
    let text = r#"
#[path = "../../other/src/a.rs"]
mod a;
#[path = "../benches/b.rs"]
mod b;
#[cfg(not(feature = "x"))]
mod c;
#[cfg(all(unix, feature = "x"))]
mod d;
fn f() { Command::new(env!("CARGO")); Command::new("cargo"); env!("CARGO_BIN_EXE_x"); Command::new("curl"); }
"#;
    let found = findings(&File::made_up("one/tests/a.rs", text));
    one_for_each(&found, &["a.rs:2: ", "a.rs:6: ", "a.rs:10: ", "a.rs:10: "]);
}

// Manifests, licences, and what a reader is told to run.

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
        let is_published = ["handfast", "handfast-spec"].contains(&package.name.as_str());
        assert_eq!(package.publish.is_none(), is_published, "{} would be published, or could not be", package.name);
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
