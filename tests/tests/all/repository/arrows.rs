//! Which crate may see which.

use std::collections::BTreeSet;

use cargo_metadata::{Dependency, DependencyKind, Package};

use crate::repository::workspace::metadata;

/// Under this cfg the conformance suite builds the drivers on shuttle.
const PRIVATE: &str = "cfg(handfast_shuttle)";

fn package(name: &str) -> &'static Package {
    let package = metadata().packages.iter().find(|package| package.name.as_str() == name);
    package.unwrap_or_else(|| panic!("the workspace has no package {name}"))
}

/// What a package depends on, by one of these kinds.
fn direct(package: &Package, kinds: &[DependencyKind]) -> BTreeSet<String> {
    let has_kind = package.dependencies.iter().filter(|dependency| kinds.contains(&dependency.kind));
    // What is optional is a dependency of those who ask for it, and of those who ask for nothing: see `default`.
    let usual = defaults(package);
    // What a private cfg brings is nobody's, because no user sets it.
    let is_private =
        |dependency: &Dependency| dependency.target.as_ref().is_some_and(|target| target.to_string() == PRIVATE);
    let is_built =
        |dependency: &Dependency| !dependency.optional || usual.contains(&format!("dep:{}", dependency.name));
    let dependencies = has_kind.filter(|dependency| is_built(dependency) && !is_private(dependency));
    dependencies.map(|dependency| dependency.name.clone()).collect()
}

/// What the features bring that are on without being asked for, by the names that the manifest has for them.
fn defaults(package: &Package) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec!["default".to_owned()];
    while let Some(next) = open.pop() {
        for brought in package.features.get(&next).into_iter().flatten() {
            // `tokio/net` brings tokio.
            let brought = brought.split_once('/').map_or_else(|| brought.clone(), |(name, _)| format!("dep:{name}"));
            if found.insert(brought.clone()) {
                open.push(brought);
            }
        }
    }
    found
}

/// What users of a package get: its dependencies, and those of the members of the workspace among them.
fn normal(name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    while let Some(next) = open.pop() {
        let known = metadata().packages.iter().find(|package| package.name.as_str() == next);
        for dependency in known.into_iter().flat_map(|package| direct(package, &[DependencyKind::Normal])) {
            if found.insert(dependency.clone()) {
                open.push(dependency);
            }
        }
    }
    found
}

/// Everything that a package was built with, its tests included.
fn all(name: &str) -> BTreeSet<String> {
    direct(package(name), &[DependencyKind::Normal, DependencyKind::Development, DependencyKind::Build])
}

#[test]
fn the_vocabulary_depends_on_what_derives_alone() {
    assert_eq!(normal("handfast-spec"), ["derive_more", "enumset", "serde"].map(str::to_owned).into());
}

#[test]
fn the_model_and_the_implementation_never_see_each_other() {
    assert!(!all("model").contains("handfast"), "the model would be checked against itself");
    assert!(!all("handfast").contains("model"), "the implementation would be checked against itself");
    assert!(!normal("model").contains("handfast") && !normal("handfast").contains("model"));
}

#[test]
fn what_users_depend_on_brings_no_checker_along() {
    let brought = normal("handfast");
    let checkers = ["model", "conformance", "tests", "stateright", "loom", "shuttle", "shuttle-tokio", "proptest"];
    let found: Vec<_> = checkers.into_iter().filter(|checker| brought.contains(*checker)).collect();
    assert!(found.is_empty(), "handfast brings {found:?} to its users; make them dev-dependencies of another crate");
    let private = package("handfast").dependencies.iter().filter(|dependency| dependency.target.is_some());
    let private = private.filter(|dependency| dependency.name.starts_with("shuttle"));
    assert_eq!(private.count(), 2, "shuttle comes with the private cfg alone");
}

#[test]
fn what_records_alone_need_is_built_for_those_who_record() {
    let record = |needed: &str| package("handfast").dependencies.iter().any(|it| it.name == needed && it.optional);
    let brought = normal("handfast");
    for needed in ["handfast-spec", "serde", "serde_json"] {
        assert!(record(needed) && !brought.contains(needed), "{needed} is built for every user of handfast");
    }
    assert!(brought.contains("tokio") && brought.contains("slab"), "the default features are followed: {brought:?}");
}

#[test]
fn conformance_sees_the_vocabulary_the_model_and_the_implementation() {
    let seen = all("conformance");
    for needed in ["handfast-spec", "model", "handfast"] {
        assert!(seen.contains(needed), "conformance cannot hold what it does not see: {needed}");
    }
}

#[test]
fn conformance_alone_sees_the_model_and_the_implementation() {
    for package in &metadata().packages {
        let name = package.name.as_str();
        let sees = normal(name);
        assert!(name == "conformance" || !(sees.contains("model") && sees.contains("handfast")), "{name} sees both");
    }
}

/// Versions are decided in one place.
#[test]
fn members_take_their_dependencies_from_the_workspace() {
    for package in &metadata().packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("cargo has read it");
        let mut table = String::new();
        for (index, line) in manifest.lines().enumerate() {
            if let Some(header) = line.strip_prefix('[') {
                table = header.trim_end_matches(']').to_owned();
            } else if table.ends_with("dependencies") && line.contains('=') {
                let inherits = line.contains("workspace = true");
                assert!(inherits, "{}:{}: {line}: say `workspace = true`", package.manifest_path, index + 1);
            }
        }
    }
}

#[test]
fn what_is_brought_along_is_followed_through_the_workspace() {
    assert!(normal("model").contains("serde") && normal("model").contains("handfast-spec"));
    assert!(all("model").contains("criterion") && !normal("model").contains("criterion"));
    assert!(normal("no such package").is_empty());
}
