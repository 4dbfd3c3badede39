//! Files and functions that can be read at a sitting.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::repository::code::parse;
use crate::repository::workspace::{File, files};
use crate::repository::{nothing, one_for_each};

/// As long as a state machine may be in one piece.
const MAX_LINES_OF_FILE: usize = 500;
const MAX_LINES_OF_FUNCTION: usize = 70;

/// Files that are longer, and why. A file may also say it itself, in its first lines: `(long because: …)`.
const LONG: &[(&str, &str)] = &[];

fn says_why(file: &File) -> bool {
    file.text.lines().take(12).any(|line| line.starts_with("//! ") && line.contains("(long because: "))
}

/// Files that are too long, and reasons that are no longer needed.
fn long_files(files: &[File], excused: &[(&str, &str)]) -> Vec<String> {
    let is_long = |file: &File| file.text.lines().count() > MAX_LINES_OF_FILE;
    let is_excused = |file: &File| says_why(file) || excused.iter().any(|(path, _)| *path == file.path);
    let rust = || files.iter().filter(|file| file.is_rust());
    let long = rust().filter(|file| is_long(file) && !is_excused(file));
    let long = long.map(|file| {
        let lines = file.text.lines().count();
        format!("{}: {lines} lines: split it, or say `//! (long because: …)` at its top", file.path)
    });
    let stale = excused.iter().filter(|(path, _)| !rust().any(|file| file.path == *path && is_long(file)));
    long.chain(stale.map(|(path, _)| format!("{path} is not long: excuse it no more"))).collect()
}

/// Functions that are too long.
fn long_functions(file: &File) -> Vec<String> {
    let mut functions = Functions { path: &file.path, found: Vec::new() };
    functions.visit_file(&parse(file));
    functions.found
}

struct Functions<'f> {
    path: &'f str,
    found: Vec<String>,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (begin, end) = (signature.span().start().line, block.span().end().line);
        let lines = end + 1 - begin;
        if lines > MAX_LINES_OF_FUNCTION {
            self.found.push(format!("{}:{begin}: `{}` has {lines} lines: divide it", self.path, signature.ident));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }
}

#[test]
fn no_file_is_too_long_without_a_reason() {
    nothing(long_files(files(), LONG));
}

#[test]
fn no_function_is_too_long() {
    nothing(files().iter().filter(|file| file.is_rust()).flat_map(long_functions).collect());
}

#[test]
fn a_long_file_and_a_stale_excuse_are_found() {
    let lines = "//\n".repeat(MAX_LINES_OF_FILE);
    let files = [
        File::made_up("short.rs", &lines),
        File::made_up("long.rs", &format!("//\n{lines}")),
        File::made_up("long.md", &format!("\n{lines}")),
        File::made_up("excused.rs", &format!("//! Words\n//! (long because: of this)\n{lines}")),
        File::made_up("listed.rs", &format!("//\n{lines}")),
    ];
    let found = long_files(&files, &[("listed.rs", "it is one table"), ("short.rs", "it was long once")]);
    one_for_each(&found, &["long.rs: 501 lines", "short.rs is not long"]);
}

#[test]
fn a_long_function_is_found() {
    let body = |lines: usize| "    go();\n".repeat(lines - 2);
    let text = format!(
        "fn short() {{\n{}}}\nstruct A;\nimpl A {{\nfn long() {{\n{}}}\n}}\n",
        body(MAX_LINES_OF_FUNCTION),
        body(MAX_LINES_OF_FUNCTION + 1)
    );
    one_for_each(&long_functions(&File::made_up("a.rs", &text)), &["`long` has 71 lines"]);
}
