//! Where files are, and what a file may reach for: modules, packages, features, cargo.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use quote::ToTokens;
use syn::visit::{self, Visit};

use crate::repository::code::{line, parse};
use crate::repository::workspace::{File, files};
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
