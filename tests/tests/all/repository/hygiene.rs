//! What does not belong into any file.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::repository::code::{line, parse};
use crate::repository::workspace::{File, files};
use crate::repository::{nothing, one_for_each};

/// How a test says that it waits for something that nothing else tells of.
const EXCUSE: &str = "// External process:";

/// Unfinished code, tests that are switched off, and tests that wait instead of knowing.
fn unfinished(file: &File) -> Vec<String> {
    let mut calls = Calls { file, found: Vec::new() };
    calls.visit_file(&parse(file));
    calls.found
}

struct Calls<'f> {
    file: &'f File,
    found: Vec<String>,
}

impl Calls<'_> {
    fn say(&mut self, line: usize, what: &str) {
        self.found.push(format!("{}:{line}: {what}", self.file.path));
    }

    fn is_test(&self) -> bool {
        let path = &self.file.path;
        !path.contains("/benches/")
            && (path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("tests.rs"))
    }

    fn is_excused(&self, line: usize) -> bool {
        self.file.text.lines().nth(line.wrapping_sub(2)).is_some_and(|above| above.trim().starts_with(EXCUSE))
    }
}

impl<'ast> Visit<'ast> for Calls<'_> {
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if call.path.is_ident("todo") || call.path.is_ident("unimplemented") {
            self.say(line(call), "this is not finished");
        }
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("ignore") {
            self.say(line(attribute), "a test that is switched off tests nothing");
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let sleeps = names.ends_with(&["thread".to_owned(), "sleep".to_owned()]);
        if sleeps && self.is_test() && !self.is_excused(line(path)) {
            self.say(line(path), &format!("a test does not sleep; or say above it `{EXCUSE} …`"));
        }
        visit::visit_path(self, path);
    }
}

/// Marks of unfinished work in any text. They are put together here, so that they do not stand in this file.
fn marks() -> [String; 3] {
    [["TO", "DO"], ["FIX", "ME"], ["X", "XX"]].map(|parts| parts.concat())
}

/// Words that say how something was made instead of what it is.
fn words() -> [String; 6] {
    [["clau", "de"], ["language ", "model"], ["sub", "agent"], ["ai ", "assistant"], ["chat", "gpt"], ["anthro", "pic"]]
        .map(|parts| parts.concat())
}

/// Where things are on one machine and on no other.
fn places() -> [String; 5] {
    [["/wo", "rk/"], ["/ho", "me/"], ["/Us", "ers/"], ["/ro", "ot/"], ["C:", "\\"]].map(|parts| parts.concat())
}

/// Texts that belong into no file.
fn misplaced(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        let at = |what: &str, word: &str| format!("{}:{number}: {what}: {word:?}", file.path);
        let has_word = |word: &String| line.split(|letter: char| !letter.is_alphanumeric()).any(|part| part == word);
        found.extend(marks().iter().filter(|mark| has_word(mark)).map(|mark| at("do it or leave it", mark)));
        let lower = line.to_lowercase();
        found.extend(words().iter().filter(|word| lower.contains(*word)).map(|word| at("say what it is", word)));
        // A part of a path or of an address is no place on a machine.
        let begins = |place: &&String| {
            let after = |index: usize| line[..index].chars().next_back();
            line.match_indices(place.as_str()).any(|(index, _)| after(index).is_none_or(|before| !is_path(before)))
        };
        found.extend(places().iter().filter(begins).map(|place| at("a path of one machine", place)));
    }
    found
}

fn is_path(letter: char) -> bool {
    letter.is_alphanumeric() || ['.', '-', '_', '~', '}', ')'].contains(&letter)
}

#[test]
fn nothing_is_unfinished_switched_off_or_waits_blindly() {
    nothing(files().iter().filter(|file| file.is_rust()).flat_map(unfinished).collect());
}

#[test]
fn no_file_has_what_belongs_into_none() {
    // The lock file has checksums and other people's names.
    nothing(files().iter().filter(|file| file.path != "Cargo.lock").flat_map(misplaced).collect());
}

#[test]
fn no_text_has_trailing_space_or_lacks_its_last_end_of_line() {
    let found = |file: &File| {
        let spaces = file.lines().filter(|(_, line)| line.ends_with([' ', '\t'])).map(|(number, _)| number);
        let spaces = spaces.map(|number| format!("{}:{number}: space at the end of a line", file.path));
        let end =
            (!file.text.is_empty() && !file.text.ends_with('\n')).then(|| format!("{}: no last newline", file.path));
        spaces.chain(end).collect::<Vec<_>>()
    };
    nothing(files().iter().flat_map(found).collect());
    assert_eq!(found(&File::made_up("a.md", "a \nb")).len(), 2, "the check can fail");
}

#[test]
fn unfinished_code_is_found() {
    let text = "
#[test]
#[ignore]
fn a() { todo!(); std::unimplemented!(); }
fn b() {
    std::thread::sleep(SHORT);
    // External process: it says nothing.
    std::thread::sleep(SHORT);
    let _ = \"todo!() thread::sleep\"; // todo!()
}
";
    let text = text.replace("std::unimplemented", "unimplemented");
    let found = unfinished(&File::made_up("model/tests/a.rs", &text));
    one_for_each(&found, &["a.rs:3: ", "a.rs:4: ", "a.rs:4: ", "a.rs:6: "]);
    let found = unfinished(&File::made_up("impl/src/a.rs", &text));
    assert_eq!(found.len(), 3, "code may sleep, tests may not: {found:?}");
}

#[test]
fn what_belongs_into_no_file_is_found() {
    for text in marks().iter().chain(&words()).chain(&places()) {
        one_for_each(&misplaced(&File::made_up("a.md", &format!("fine\nsee {text} there\n"))), &["a.md:2: "]);
    }
    let fine = format!("{}S are fine, and so is a/b{}c\n", marks()[0], places()[1]);
    nothing(misplaced(&File::made_up("a.md", &fine)));
}

// Files and functions that can be read at a sitting.

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
