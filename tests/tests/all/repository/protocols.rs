//! A protocol exists several times under the same name.

use model::registry::ENTRIES;

use crate::repository::nothing;
use crate::repository::workspace::{below, file, files};

#[track_caller]
fn lacks(path: &str, texts: &[&str]) -> Vec<String> {
    let Some(file) = file(path) else { return vec![format!("{path} is missing")] };
    let missing = texts.iter().filter(|text| !file.text.contains(**text));
    missing.map(|text| format!("{path} does not say {text:?}")).collect()
}

#[test]
fn every_protocol_has_a_document_and_a_module_that_is_documented_by_it() {
    for entry in ENTRIES {
        let name = entry.name;
        assert_eq!(entry.document, format!("specs/{name}.md"));
        nothing(lacks(entry.document, &[]));
        nothing(lacks(&format!("specs/src/{name}/mod.rs"), &[&format!("#![doc = include_str!(\"../../{name}.md\")]")]));
        nothing(lacks("specs/src/lib.rs", &[&format!("pub mod {name};"), &format!("[`{name}`]")]));
    }
}

#[test]
fn every_protocol_has_a_model() {
    for entry in ENTRIES {
        assert!(below(&format!("model/src/{}", entry.name)).next().is_some(), "{} has no model", entry.name);
        nothing(lacks("model/src/lib.rs", &[&format!("pub mod {};", entry.name)]));
    }
}

#[test]
fn every_document_is_that_of_a_protocol_which_is_checked() {
    let is_none = |path: &str| path.ends_with("README.md") || path.ends_with("GLOSSARY.md");
    let is_document = |path: &str| path.starts_with("specs/") && path.ends_with(".md") && !is_none(path);
    let documents = files().iter().filter(|file| is_document(&file.path));
    let strange = documents.filter(|file| ENTRIES.iter().all(|entry| entry.document != file.path));
    nothing(strange.map(|file| format!("{} is checked by nobody: put it into the catalogue", file.path)).collect());
}

/// One heading of the first level, at the top, and then a sentence that says what it is about.
#[test]
fn every_document_begins_with_its_title_and_what_it_is_about() {
    for entry in ENTRIES {
        let text = &file(entry.document).expect("the protocol has a document").text;
        // Comments in shell examples begin with the same sign.
        let prose = text.split("```").step_by(2).collect::<String>();
        assert_eq!(prose.lines().filter(|line| line.starts_with("# ")).count(), 1, "{}", entry.document);
        let mut lines = text.lines();
        assert!(lines.next().is_some_and(|line| line.starts_with("# ")), "{} begins with no title", entry.document);
        let about = lines.find(|line| !line.is_empty()).unwrap_or_default().to_lowercase();
        assert!(about.contains(entry.about), "{}: {about:?} and {:?}", entry.document, entry.about);
    }
}

#[test]
fn every_protocol_is_in_the_readme() {
    let entries = ENTRIES.iter();
    nothing(
        entries.flat_map(|entry| lacks("README.md", &[&format!("[`{}`]({})", entry.name, entry.document)])).collect(),
    );
}

#[test]
fn what_is_missing_is_found() {
    assert_eq!(lacks("no/such/file", &[]), ["no/such/file is missing"]);
    assert_eq!(lacks("Cargo.toml", &["[workspace]", "no such words"]), ["Cargo.toml does not say \"no such words\""]);
}
