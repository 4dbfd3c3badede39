//! What does not belong into any file.

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
        path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("tests.rs")
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
